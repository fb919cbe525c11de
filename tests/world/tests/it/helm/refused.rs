//! What cannot be brought about: the condition says what and what to do, and what runs is untouched.

use std::collections::BTreeMap;

use oarlock_core::artifact::FetchError;
use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{CONFIG_MAPS, DEPLOYMENTS, Dialect, SECRETS, Site};
use crate::world::{condition, merge};

const CRDS: ResourceId = ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions");

/// A release that runs.
async fn running(spec: &Value) -> Site {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(spec);
    site.until_told("Ready", "True InstallSucceeded").await;
    site.seconds(60).await;
    site
}

/// What must not change: records by version, objects by their content.
fn scene(site: &Site) -> BTreeMap<String, Value> {
    let mut scene = BTreeMap::new();
    for resource in [
        SECRETS,
        DEPLOYMENTS,
        CONFIG_MAPS,
        ResourceId::of("", "services"),
    ] {
        for object in site.list(&resource) {
            let name = format!("{}/{}", resource.plural(), object["metadata"]["name"]);
            let mut content = (*object).clone();
            merge(&mut content, &json!({"status": null}));
            if resource != SECRETS {
                let moment = json!({"metadata": {"resourceVersion": null, "managedFields": null}});
                merge(&mut content, &moment);
            }
            scene.insert(name, content);
        }
    }
    scene
}

fn told(site: &Site, kind: &str) -> String {
    condition(&site.release(), kind).unwrap_or_default()
}

/// Nothing was counted and nothing was tried.
fn assert_uncounted(site: &Site) {
    let release = site.release();
    for field in ["failures", "installFailures", "upgradeFailures"] {
        let count = release["status"][field].as_u64().unwrap_or(0);
        assert_eq!(count, 0, "{field}: {}", site.told());
    }
    assert_eq!(site.history().len(), 1, "{}", site.told());
}

/// Sets `spec` on what runs; nothing changes but what is said. Gives what `Ready` says.
async fn untouched(site: &Site, spec: &Value) -> String {
    let before = scene(site);
    site.set(spec);
    site.seconds(1800).await;
    assert_eq!(scene(site), before, "{}", site.told());
    assert_uncounted(site);
    told(site, "Ready")
}

#[tokio::test(start_paused = true)]
async fn output_that_is_no_yaml() {
    let site = running(&json!({})).await;
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more\ndata: a: b: c\n";
    let ready = untouched(&site, &json!({"values": {"extra": extra}})).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn a_template_that_fails() {
    let site = running(&json!({})).await;
    let text = "{{ required \"a name is needed: values.who\" .Values.who }}\n";
    site.charts
        .write("web", "1.1.0", "templates/who.yaml", text);
    let ready = untouched(&site, &json!({"chart": {"spec": {"version": "1.1.0"}}})).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn values_that_the_schema_forbids() {
    let site = running(&json!({})).await;
    let ready = untouched(&site, &json!({"values": {"replicas": -1}})).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_nobody_published() {
    let site = running(&json!({})).await;
    let ready = untouched(&site, &json!({"chart": {"spec": {"version": "9.9.9"}}})).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_is_away_and_comes_back() {
    let mut site = running(&json!({})).await;
    let down = FetchError::Unavailable("charts.example: connection refused".to_owned());
    site.charts.fail(Some(down));
    let ready = untouched(&site, &json!({"chart": {"spec": {"version": "1.1.0"}}})).await;
    insta::assert_snapshot!(ready);
    site.charts.fail(None);
    // Nobody has to do anything.
    site.until_told("Ready", "True UpgradeSucceeded").await;
}

#[tokio::test(start_paused = true)]
async fn a_chart_that_is_withdrawn_is_told_and_its_release_goes_on() {
    let site = running(&json!({})).await;
    site.charts.withdraw("web", "1.0.0");
    let annotate = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}});
    let before = scene(&site);
    site.edit(&site.dialect.resource(), "web", &annotate)
        .unwrap();
    site.seconds(1800).await;
    assert_eq!(scene(&site), before);
    assert_uncounted(&site);
    insta::assert_snapshot!(told(&site, "Ready"));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_not_there() {
    let site = running(&json!({})).await;
    let spec = json!({"chart": {"spec": {"sourceRef": {"name": "elsewhere"}}}});
    let ready = untouched(&site, &spec).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_nobody_knows() {
    let site = running(&json!({})).await;
    let ready = untouched(&site, &json!({"vlaues": {"greeting": "hi"}})).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_values_that_vanishes_and_comes_back() {
    let values = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "more", "namespace": "default"},
        "stringData": {"values.yaml": "greeting: secret\n"},
    });
    let mut site = Site::new(Dialect::Flux2).await;
    site.apply(values.clone()).unwrap();
    site.set(&json!({"valuesFrom": [{"kind": "Secret", "name": "more"}]}));
    site.until_told("Ready", "True InstallSucceeded").await;
    site.delete(&SECRETS, "more");
    let before = scene(&site);
    site.seconds(1800).await;
    assert_eq!(scene(&site), before);
    assert_uncounted(&site);
    insta::assert_snapshot!(told(&site, "Ready"));
    site.apply(values).unwrap();
    site.until_told("Ready", "True").await;
    site.seconds(600).await;
    assert_uncounted(&site);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_the_api_server_refuses_is_a_failure_and_rolled_back() {
    let site = running(&json!({"upgrade": {"remediation": {"remediateLastFailure": true}}})).await;
    let before = scene(&site);
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: More_Things}\n";
    site.set(&json!({"values": {"extra": extra, "greeting": "hi"}}));
    site.seconds(1800).await;
    let states: Vec<String> = site.records().iter().map(|r| r.status.clone()).collect();
    assert_eq!(
        states,
        ["superseded", "failed", "deployed"],
        "{}",
        site.told()
    );
    let after = scene(&site);
    let same = |(name, object): &(&String, &Value)| {
        name.starts_with("secrets") || after.get(*name) == Some(*object)
    };
    assert!(before.iter().all(|pair| same(&pair)), "{}", site.told());
    insta::assert_snapshot!(told(&site, "Released"));
}

/// The API server says so with 500, which may pass; this does not, and nobody waits the timeout out for it.
#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_fit_its_schema_fails_at_once() {
    let site = running(&json!({"upgrade": {"remediation": {"remediateLastFailure": true}}})).await;
    site.set(&json!({"values": {"extra": "apiVersion: v1\nkind: Service\nmetadata: {name: more}\nspec: {ports: many}\n"}}));
    site.seconds(10).await;
    let states: Vec<String> = site.records().iter().map(|r| r.status.clone()).collect();
    assert_eq!(
        states,
        ["superseded", "failed", "deployed"],
        "{}",
        site.told()
    );
    insta::assert_snapshot!(told(&site, "Released"));
}

#[tokio::test(start_paused = true)]
async fn an_object_of_another_release() {
    let site = running(&json!({"upgrade": {"disableTakeOwnership": true}})).await;
    let others = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "theirs", "namespace": "default",
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "default"},
        },
        "data": {"is": "theirs"},
    });
    site.apply(others).unwrap();
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs}\ndata: {is: ours}\n";
    let ready = untouched(&site, &json!({"values": {"extra": extra}})).await;
    insta::assert_snapshot!(ready);
}

#[tokio::test(start_paused = true)]
async fn two_objects_with_one_release() {
    let site = running(&json!({})).await;
    let before = scene(&site);
    let other = Dialect::Flux2.object(
        "web-too",
        &json!({"releaseName": "web", "values": {"greeting": "mine"}}),
    );
    site.apply(other).unwrap();
    site.seconds(1800).await;
    assert_eq!(scene(&site), before, "{}", site.told());
    let resource = site.dialect.resource();
    let second = site.get(&resource, "web-too").unwrap();
    assert!(told(&site, "Ready").starts_with("True"));
    let stalled = condition(&second, "Stalled").unwrap();
    let ready = condition(&second, "Ready").unwrap();
    insta::assert_snapshot!(format!("Ready={ready}\nStalled={stalled}"));
    // It goes without the release.
    site.delete(&resource, "web-too");
    site.seconds(600).await;
    assert!(site.get(&resource, "web-too").is_none());
    assert_eq!(scene(&site), before);
}

#[tokio::test(start_paused = true)]
async fn the_second_of_two_objects_gets_the_release_when_the_first_goes() {
    let mut site = running(&json!({})).await;
    let other = Dialect::Flux2.object("web-too", &json!({"releaseName": "web"}));
    site.apply(other).unwrap();
    site.seconds(60).await;
    let resource = site.dialect.resource();
    site.delete(&resource, "web");
    site.until("the other has it", |world| {
        let second = world.get(&resource, "web-too")?;
        condition(&second, "Ready")?
            .starts_with("True")
            .then_some(())
    })
    .await;
    assert_eq!(site.history().len(), 1);
}

/// Helm leaves such objects out altogether, and says nothing.
#[tokio::test(start_paused = true)]
async fn a_hook_of_an_event_that_helm_does_not_know() {
    let extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, annotations: {helm.sh/hook: crd-install}}\n";
    let site = running(&json!({"values": {"extra": extra}})).await;
    assert!(site.get(&CONFIG_MAPS, "more").is_none());
    insta::assert_snapshot!(site.told());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_any_more_does_not_block_the_next_upgrade() {
    let mut site = Site::new(Dialect::Flux2).await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    site.apply(definition).unwrap();
    let extra = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: old}\n";
    site.set(&json!({"values": {"extra": extra}}));
    site.until_told("Ready", "True InstallSucceeded").await;
    let options = oarlock_devcluster::store::DeleteOptions::default();
    site.store()
        .delete(&CRDS, "", "gadgets.example.com", &options)
        .unwrap();
    site.seconds(60).await;
    site.set(&json!({"values": {"extra": "", "greeting": "hi"}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    site.seconds(60).await;
    let events = site.events("web");
    let removed: Vec<&String> = events.iter().filter(|e| e.contains("RemovedApi")).collect();
    insta::assert_snapshot!(
        removed
            .iter()
            .map(|e| e.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_nobody_serves() {
    let site = running(&json!({})).await;
    let extra = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: new}\n";
    let ready = untouched(&site, &json!({"values": {"extra": extra}})).await;
    insta::assert_snapshot!(ready);
}
