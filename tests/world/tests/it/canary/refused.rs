//! Deployers that cannot be: refused by the API server, or by the module.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{DEPLOYERS, Site, manifest};
use crate::components::{component, serving};
use crate::witness::Witness;
use crate::world::{World, condition, conditions};

/// The manifest with another spec.
fn with(path: &str, value: Value) -> Value {
    let mut deployer = manifest();
    *deployer.pointer_mut(path).unwrap() = value;
    deployer
}

#[tokio::test(start_paused = true)]
async fn by_the_schema() {
    let site = Site::new().await;
    let refused = [
        ("/spec/type", json!("bluegreen")),
        ("/spec/deployment/replicas", json!(-1)),
        ("/spec/deployment/version", json!(1.7)),
        ("/spec/deployment/image", json!("")),
        ("/spec/deployment", json!(null)),
        ("/spec/steps/0/percent", json!(0)),
        ("/spec/steps/3/percent", json!(101)),
        ("/spec/steps/1/sleep", json!("soon")),
        ("/spec/steps/1/percent", json!(10)),
        ("/spec/steps/1/percent", json!(5)),
        ("/spec/steps/3/percent", json!(90)),
    ];
    let told: Vec<String> = refused
        .into_iter()
        .map(|(path, value)| site.apply(with(path, value)).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!("refused-by-the-schema", told.join("\n"));
    site.pass(Duration::from_secs(10)).await;
    assert_eq!(site.metric("controller_runtime_reconcile_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn by_the_module() {
    let witness = Witness::of(component("modules/canary").await);
    let mut site = Site::with(serving(witness.clone()), None);
    let mut deployer = with("/spec/deployment/image", json!("my app"));
    deployer["spec"]["deployment"]["namespace"] = json!("other");
    site.apply(deployer).unwrap();
    let told = |world: &World| condition(&*world.get(&DEPLOYERS, "nginx")?, "Ready");
    site.until("the object is told", told).await;
    site.pass(Duration::from_secs(1)).await;
    insta::assert_snapshot!(conditions(&site.deployer()).join("\n"), @r#"
    Ready=False InvalidSpec: spec.deployment.namespace: must be the Deployer's own namespace "default", not "other"
    hint: leave it out, or create the Deployer in "other"; spec.deployment.image: must not be empty or contain white space
    Stalled=True InvalidSpec: spec.deployment.namespace: must be the Deployer's own namespace "default", not "other"
    hint: leave it out, or create the Deployer in "other"; spec.deployment.image: must not be empty or contain white space
    "#);
    insta::assert_snapshot!(site.events("nginx").join("\n"), @r#"
    Warning InvalidSpec: spec.deployment.namespace: must be the Deployer's own namespace "default", not "other"
    hint: leave it out, or create the Deployer in "other"; spec.deployment.image: must not be empty or contain white space
    "#);
    let problems = |site: &Site| {
        site.metric("oarlock_problems_total{controller=\"deployer.deploy.example.com\",reason=\"InvalidSpec\"}")
    };
    assert_eq!(problems(&site), 1);

    // Nobody tries again by itself.
    let (revision, runs) = (site.store().revision(), witness.runs().len());
    site.pass(Duration::from_secs(24 * 3600)).await;
    assert_eq!(
        (site.store().revision(), witness.runs().len()),
        (revision, runs)
    );

    // Until somebody does something about it.
    site.set(&json!({"deployment": {"namespace": null, "image": "nginx"}}));
    site.until_stable("1.7.7").await;
    site.pass(Duration::from_secs(1)).await;
    insta::assert_snapshot!(conditions(&site.deployer()).join("\n"), @r"
    Ready=True Available: all 10 Pods of nginx-1.7.7 are available
    Progressing=False Stable: all replicas are of nginx-1.7.7
    Available=True MinimumReplicasAvailable: at least 10 Pods are available
    Paused=False NotPaused: nobody holds it
    Degraded=False AsExpected: nothing is wrong
    Running=True Successful: Awaiting next reconciliation
    ");
}

/// A running rollout is not harmed by an edit that makes no sense.
#[tokio::test(start_paused = true)]
async fn in_the_middle_of_a_rollout() {
    let mut site = Site::installed().await;
    site.deploy("1.7.8");
    site.until_step(2).await;
    let sizes = site.sizes();
    site.set(&json!({"control": {"promote": "it/please"}}));
    site.pass(Duration::from_secs(600)).await;
    assert_eq!(site.sizes(), sizes);
    insta::assert_snapshot!(site.ready(), @"
    False InvalidSpec: spec.control.promote: \"please\" is neither the number of a step nor `full`
    hint: REVISION/2 goes past step 2, REVISION/full to the end
    ");
    site.set(&json!({"control": null}));
    site.until_stable("1.7.8").await;
    assert_eq!(site.sizes(), "1.7.8=10");
}
