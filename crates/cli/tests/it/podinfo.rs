//! The Canary example, steered and explained from the command line, as its README does it.

use std::path::PathBuf;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::process::{Process, client, modules, oarlock, root};
use crate::rights::{apply, documents};
use crate::rollout::{changes, define_as, until};
use crate::steered::text;

const OBJECT: &str = "canaries.flagger.app/podinfo";

/// `oarlock dev` with the example in it.
struct Example {
    home: tempfile::TempDir,
    kubeconfig: PathBuf,
    client: kube::Client,
    _process: Process,
}

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

impl Example {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let kubeconfig = home.path().join("kubeconfig");
        let watches = root().join("examples/canary/watches.yaml");
        let modules = modules();
        let mut process = Process::start(&[
            "dev",
            "--watches",
            watches.to_str().unwrap(),
            "--modules",
            modules.to_str().unwrap(),
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--ready-after",
            "0",
            // Five failed checks, which give a rollout up, take longer than any command.
            "--speed",
            "4",
        ]);
        let client = client(&process.says("cluster").await);
        let definition = file("modules/canary/crds/flagger.app/canaries.yaml");
        define_as(&client, serde_saphyr::from_str(&definition).unwrap()).await;
        apply(
            &client,
            &documents(&file("examples/canary/podinfo.yaml")),
            false,
        )
        .await;
        apply(
            &client,
            &documents(&file("examples/canary/canary.yaml")),
            false,
        )
        .await;
        let example = Self {
            home,
            kubeconfig,
            client,
            _process: process,
        };
        example
            .until("the first version is held", |status| {
                status["phase"] == "Initialized"
            })
            .await;
        example
    }

    fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        Api::namespaced_with(self.client.clone(), "prod", &ApiResource::from_gvk(&gvk))
    }

    /// Waits until the Canary's status is such.
    async fn until(&self, _what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let canaries = self.api("flagger.app", "v1alpha3", "Canary");
        let mut states = std::pin::pin!(changes(canaries));
        let object = until(&mut states, |object| {
            object.metadata.name.as_deref() == Some("podinfo") && wanted(&object.data["status"])
        });
        let object = object.await;
        object.data["status"].clone()
    }

    /// `kubectl set image`.
    async fn deploy(&self, tag: &str) {
        let patch = json!({"spec": {"template": {"spec": {"containers": [{
            "name": "podinfo", "image": format!("stefanprodan/podinfo:{tag}"),
        }]}}}});
        let params = PatchParams {
            field_manager: Some("kubectl-set".to_owned()),
            ..PatchParams::default()
        };
        let deployments = self.api("apps", "v1", "Deployment");
        let patched = deployments
            .patch("podinfo", &params, &Patch::Strategic(patch))
            .await;
        drop(patched.unwrap());
    }

    /// A command of the README: what it says.
    async fn run(&self, command: &str) -> String {
        let kubeconfig = self.kubeconfig.to_str().unwrap();
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.extend(["-n", "prod", "--kubeconfig", kubeconfig]);
        let output = oarlock(&args, self.home.path()).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{command}: {out}{err}");
        format!("{out}{err}")
    }
}

/// Without revisions, which are hashes.
fn plain(told: &str, status: &Value) -> String {
    let mut told = told.to_owned();
    for (field, word) in [("currentRevision", "NEW"), ("stableRevision", "OLD")] {
        told = told.replace(status[field].as_str().unwrap(), word);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_is_steered_and_explained() {
    let example = Example::new().await;
    example.deploy("3.1.1").await;
    // There is no Prometheus: nothing goes on by itself, and nothing is given up at once.
    let held = example
        .until("checks have no answer", |status| {
            status["why"]["inputs"]
                .to_string()
                .contains("metric request-success-rate")
        })
        .await;
    assert_eq!(held["currentStep"], 1);
    let told = example.run(&format!("explain {OBJECT}")).await;
    for part in [
        "Canary prod/podinfo: Progressing, step 1",
        "metric request-success-rate",
        "podinfo-stable  stable",
        "decided again in ",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    let told = example.run(&format!("promote {OBJECT}")).await;
    insta::assert_snapshot!(plain(&told, &held), @r"
    Canary prod/podinfo: NEW is promoted past step 1
    It goes on without what step 1 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort canaries.flagger.app/podinfo -n prod` gives NEW up, and OLD serves again
    ");
    example
        .until("the second step", |status| status["currentStep"] == 2)
        .await;

    let told = example
        .run(&format!("abort {OBJECT} --reason example"))
        .await;
    insta::assert_snapshot!(plain(&told, &held), @r"
    Canary prod/podinfo: NEW is given up
    OLD grows to all replicas, then NEW shrinks. It is not tried again until its template changes or somebody retries
    Undo: `oarlock retry canaries.flagger.app/podinfo -n prod` rolls NEW out again, from its first step
    ");
    let status = example
        .until("it is given up", |status| status["phase"] == "Failed")
        .await;
    assert_eq!(
        status["rejectedRevisions"],
        json!([held["currentRevision"]])
    );
    example.run(&format!("retry {OBJECT}")).await;
    example
        .until("it begins again", |status| {
            status["phase"] == "Progressing"
                && status["rejectedRevisions"]
                    .as_array()
                    .is_none_or(Vec::is_empty)
        })
        .await;
    example.run(&format!("pause {OBJECT}")).await;
    let paused = |status: &Value| {
        let conditions = status["conditions"].as_array();
        let paused = |c: &Value| c["type"] == "Paused" && c["status"] == "True";
        conditions.is_some_and(|all| all.iter().any(paused))
    };
    example.until("it is paused", paused).await;
    example.run(&format!("resume {OBJECT}")).await;
    example.until("it goes on", |status| !paused(status)).await;

    example.run(&format!("promote {OBJECT} --full")).await;
    let done = example
        .until("all is new", |status| status["phase"] == "Succeeded")
        .await;
    assert_eq!(done["stableRevision"], held["currentRevision"]);
    let told = example.run(&format!("explain {OBJECT}")).await;
    assert!(told.starts_with("Canary prod/podinfo: Succeeded"), "{told}");
}
