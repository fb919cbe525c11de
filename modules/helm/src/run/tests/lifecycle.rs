use oarlock_sdk::{ApiError, Health, Requeue, json};
use serde_json::Value;

use super::site::{Site, deployment, kind};
use crate::record::Status;

#[test]
fn a_release_is_installed_as_helm_does_it() {
    let mut site = Site::new(json!({"values": {"text": "hello"}}));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(site.objects(), ["Deployment web", "Service old"]);
    let record = site.record(1);
    assert_eq!(record.info.status, Status::Deployed);
    assert_eq!(record.info.description, "Install complete");
    assert_eq!(record.info.notes, "web of 1.0.0");
    assert_eq!(record.info.first_deployed, record.info.last_deployed);
    assert_eq!(record.config["text"], "hello");
    let live = site.deployment();
    assert_eq!(live["spec"]["text"], "hello");
    assert_eq!(
        live["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "Helm"
    );
    assert_eq!(
        live["metadata"]["annotations"]["meta.helm.sh/release-name"],
        "web"
    );
    assert_eq!(
        live["metadata"]["annotations"]["meta.helm.sh/release-namespace"],
        "shop"
    );
    assert!(
        live["metadata"]["ownerReferences"].is_null(),
        "it is the release's"
    );
    assert_eq!(site.condition("Ready"), "True InstallSucceeded");
}

#[test]
fn nothing_is_done_where_nothing_changed() {
    let mut site = Site::new(json!({}));
    site.settle();
    let renderings = site.engine.calls().len();
    let outcome = site.call().unwrap();
    assert_eq!(outcome.exactly().unwrap().len(), 0);
    assert_eq!(outcome.removals(), []);
    assert_eq!(outcome.status_patch(), None);
    assert!(
        matches!(outcome.when(), Requeue::At(_)),
        "the chart is asked for again"
    );
    assert!(!site.run());
    assert_eq!(
        site.engine.calls().len(),
        renderings,
        "the engine is not called"
    );
}

#[test]
fn an_upgrade_takes_away_what_the_chart_has_no_more() {
    let mut site = Site::new(json!({}));
    site.settle();
    site.upgrade("2.0.0");
    site.settle();
    assert_eq!(site.history(), "1 superseded, 2 deployed");
    assert_eq!(site.objects(), ["Deployment web"]);
    assert_eq!(site.deployment()["spec"]["version"], "2.0.0");
    assert_eq!(site.record(1).info.description, "Install complete");
    let record = site.record(2);
    assert_eq!(record.info.description, "Upgrade complete");
    assert_eq!(
        record.info.first_deployed,
        site.record(1).info.first_deployed
    );
}

#[test]
fn a_deleted_object_takes_its_release_with_it() {
    let mut site = Site::new(json!({"values": {"kept": true, "random": true}}));
    site.settle();
    assert_eq!(
        site.objects(),
        [
            "Deployment web",
            "Secret kept",
            "Secret sh.helm.release.v1.web.seed",
            "Service old"
        ]
    );
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.history(), "");
    assert_eq!(
        site.objects(),
        ["Secret kept"],
        "what says that it stays stays"
    );
    assert!(
        site.reasons().contains(&"ResourcesKept"),
        "{:?}",
        site.reasons()
    );
}

#[test]
fn what_belongs_to_another_release_by_now_stays() {
    let mut site = Site::new(json!({}));
    site.settle();
    let other = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}});
    site.world.edit_foreign(&deployment(), &other);
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.objects(), ["Deployment web"]);
    assert!(
        site.reasons().contains(&"ObjectLeft"),
        "{:?}",
        site.reasons()
    );
}

#[test]
fn a_refused_upgrade_is_rolled_back() {
    let mut site = Site::flux(json!({
        "upgrade": {"remediation": {"retries": 0, "remediateLastFailure": true, "strategy": "rollback"}},
    }));
    site.settle();
    assert_eq!(site.history(), "1 deployed", "{:#}", site.world.status());
    site.world.refuses(
        &deployment(),
        ApiError {
            code: 422,
            reason: String::from("Invalid"),
            message: String::from("Deployment.apps \"web\" is invalid"),
        },
    );
    site.upgrade("1.1.0");
    // Until the failure is written down.
    for _ in 0..20 {
        site.run();
        if site.history().contains("failed") {
            break;
        }
    }
    assert_eq!(site.history(), "1 deployed, 2 failed");
    assert_eq!(
        site.record(2).info.description,
        "Upgrade \"web\" failed: Deployment shop/web: Deployment.apps \"web\" is invalid"
    );
    site.world.takes(&deployment());
    site.settle();
    assert_eq!(site.history(), "1 superseded, 2 failed, 3 deployed");
    let record = site.record(3);
    assert_eq!(record.version, 3);
    assert!(
        record
            .info
            .description
            .starts_with("Rollback to 1: Upgrade \"web\" failed")
    );
    assert_eq!(site.deployment()["spec"]["version"], "1.0.0");
    assert_eq!(site.condition("Ready"), "False RollbackSucceeded");
    assert_eq!(site.condition("Released"), "False UpgradeFailed");
}

#[test]
fn what_is_not_ready_is_waited_for() {
    let mut site = Site::flux(json!({}));
    site.world.health(&deployment(), Health::InProgress);
    site.settle();
    assert_eq!(site.history(), "1 pending-install");
    assert_eq!(site.condition("Ready"), "Unknown Progressing");
    assert_eq!(
        site.message("Reconciling"),
        "resource Deployment/shop/web not ready. status: InProgress, message: "
    );
    site.world.health(&deployment(), Health::Current);
    site.settle();
    assert_eq!(site.history(), "1 deployed");
}

#[test]
fn what_failed_for_good_is_not_waited_for() {
    let mut site = Site::flux(json!({}));
    site.world.health(&deployment(), Health::Failed);
    site.settle();
    assert_eq!(site.history(), "1 failed");
    assert_eq!(
        site.record(1).info.description,
        "Release \"web\" failed: resource Deployment/shop/web not ready. status: Failed, message: "
    );
}

#[test]
fn what_cannot_be_had_touches_nothing() {
    let mut site = Site::new(json!({}));
    site.settle();
    site.upgrade("9.9.9");
    site.settle();
    let outcome = site.call().unwrap();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(site.condition("Ready"), "False ArtifactFailed");
    assert_eq!(outcome.exactly().unwrap().len(), 0);
    site.upgrade("1.1.0");
    site.settle();
    assert_eq!(site.history(), "1 superseded, 2 deployed");
    assert_eq!(site.condition("Ready"), "True UpgradeSucceeded");
}

#[test]
fn a_source_that_is_not_there_is_told_and_holds_no_deletion_up() {
    let mut site = Site::flux(json!({}));
    site.settle();
    let source =
        oarlock_sdk::ObjectRef::new("source.toolkit.fluxcd.io/v1", "HelmRepository", "charts");
    site.world.delete_foreign(&source.in_namespace("shop"));
    site.settle();
    assert_eq!(site.condition("Ready"), "False ArtifactFailed");
    assert!(
        site.message("Ready")
            .contains("HelmRepository shop/charts is not there")
    );
    assert_eq!(site.history(), "1 deployed");
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.objects(), Vec::<String>::new());
}

#[test]
fn an_object_that_nobody_can_read_any_more_can_go() {
    let mut site = Site::new(json!({}));
    site.settle();
    site.world
        .edit(json!({"spec": {"chart": 5, "releaseName": "OTHER!"}}));
    assert!(site.call().is_err(), "its fields are wrong");
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.objects(), Vec::<String>::new());
    assert_eq!(site.history(), "");
}

#[test]
fn a_namespace_is_created_where_it_is_wished_for() {
    let mut site = Site::flux(json!({
        "targetNamespace": "prod", "install": {"createNamespace": true}, "releaseName": "web",
    }));
    site.settle();
    assert_eq!(
        site.objects(),
        ["Deployment web", "Namespace prod", "Service old"]
    );
    // Records are in the object's own namespace.
    assert_eq!(site.history(), "1 deployed");
    let record = site.record(1);
    assert_eq!(record.namespace, "prod");
}

#[test]
fn two_objects_with_one_release_do_not_fight() {
    let mut site = Site::new(json!({}));
    site.settle();
    // The other one made it: its token is on the record.
    let name = crate::storage::secret_name("web", 1);
    let target = site.secret(&name);
    let token = json!({"metadata": {"labels": {"helm.oarlock.dev/action": "other-uid.1.1"}}});
    site.world.edit_foreign(&target, &token);
    site.world.edit(json!({"status": null}));
    site.world.foreign(json!({
        "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
        "metadata": {"name": "first", "namespace": "shop", "uid": "other-uid"}, "spec": {},
    }));
    site.settle();
    assert_eq!(site.condition("Ready"), "False ReleaseOwned");
    assert!(
        site.message("Ready").contains("HelmRelease shop/first"),
        "{}",
        site.message("Ready")
    );
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.history(), "1 deployed", "it is the other's");
    assert_eq!(site.objects().len(), 3);
}

#[test]
fn dependencies_are_waited_for() {
    let other = |ready: &str| {
        json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "base", "namespace": "shop", "generation": 2},
            "status": {
                "observedGeneration": 2,
                "conditions": [{"type": "Ready", "status": ready, "observedGeneration": 2}],
            },
        })
    };
    let mut site = Site::flux(json!({"dependsOn": [{"name": "base"}]}));
    site.settle();
    assert_eq!(site.condition("Ready"), "False DependencyNotReady");
    site.world.foreign(other("False"));
    site.settle();
    assert!(
        site.message("Ready")
            .contains("dependency 'shop/base' is not ready")
    );
    site.world.foreign(other("True"));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
}

#[test]
fn the_status_says_what_the_record_says() {
    let mut site = Site::new(json!({}));
    site.settle();
    let status: &Value = site.world.status();
    assert!(status["lifecycle"]["action"].is_null());
    assert_eq!(status["lifecycle"]["history"][0]["version"], 1);
    assert_eq!(status["releaseName"], "web", "{status:#}");
}

#[test]
fn definitions_come_first_and_their_kinds_are_waited_for() {
    let mut site = Site::new(json!({"chart": {"version": "3.0.0"}}));
    site.settle();
    assert_eq!(site.history(), "1 pending-install");
    assert_eq!(
        site.objects(),
        ["CustomResourceDefinition widgets.demo.example.com"]
    );
    assert_eq!(
        site.message("Reconciling"),
        "waiting for the kind of Widget shop/one (demo.example.com/v1) to be served"
    );
    site.world
        .serves(kind("demo.example.com/v1", "Widget", true));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(site.objects().len(), 4, "{:?}", site.objects());
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(
        site.objects(),
        ["CustomResourceDefinition widgets.demo.example.com"],
        "definitions stay: all objects of their kinds would go with them"
    );
}

#[test]
fn a_kind_that_never_comes_fails_the_installation() {
    let mut site = Site::new(json!({"chart": {"version": "3.0.0"}, "timeout": 60}));
    site.settle();
    let later = site.world.now() + std::time::Duration::from_secs(61);
    site.world.set_now(later);
    for _ in 0..3 {
        site.run();
    }
    assert!(site.history().starts_with("1 failed"), "{}", site.history());
    let why = site.record(1).info.description;
    assert!(
        why.contains("Widget shop/one (demo.example.com/v1): its kind is not served yet"),
        "{why}"
    );
}

#[test]
fn a_large_record_is_spread_and_told() {
    let mut site = Site::new(json!({"values": {"large": true}}));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(site.condition("Chunked"), "True RecordTooLarge");
    let parts = |site: &Site| {
        let of = |secret: &&Value| secret["type"] == "oarlock.dev/release-part.v1";
        site.world.objects().filter(of).count()
    };
    assert_eq!(parts(&site), 1, "parts of states before are gone");
    site.world
        .edit(json!({"spec": {"values": {"large": null, "text": "small"}}}));
    site.settle();
    assert_eq!(site.history(), "1 superseded, 2 deployed");
    assert_eq!(site.condition("Chunked"), "False RecordWhole");
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(parts(&site), 0);
    assert_eq!(site.objects(), Vec::<String>::new());
}

#[test]
fn who_made_the_release_before_gives_its_fields_up() {
    let mut site = Site::flux(json!({}));
    site.settle();
    // As if somebody else had made it, and nothing were known of it.
    let target = site.secret(&crate::storage::secret_name("web", 1));
    let unmarked = json!({"metadata": {"labels": {"helm.oarlock.dev/action": null}}});
    site.world.edit_foreign(&target, &unmarked);
    site.world.edit(json!({"status": null}));
    site.upgrade("1.1.0");
    let mut given_up = Vec::new();
    for _ in 0..12 {
        let outcome = site.call().unwrap();
        for child in outcome.exactly().unwrap() {
            if child.field_manager() == Some("helm-controller") {
                given_up.push(child.object());
                assert!(matches!(child.expected(), oarlock_sdk::Expect::Uid(_)));
            }
        }
        site.world.perform(&outcome, usize::MAX);
    }
    assert_eq!(site.history(), "1 superseded, 2 deployed");
    assert_eq!(given_up.len(), 2, "once for each object: {given_up:?}");
    assert_eq!(
        given_up[0],
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "old", "namespace": "shop"}})
    );
}

#[test]
fn whoever_the_wish_names_acts() {
    let mut site = Site::flux(json!({"serviceAccountName": "deployer"}));
    for _ in 0..8 {
        let outcome = site.call().unwrap();
        assert_eq!(outcome.account(), Some("deployer"));
        site.world.perform(&outcome, usize::MAX);
    }
    assert_eq!(site.history(), "1 deployed");
}

#[test]
fn what_somebody_else_installed_is_adopted_and_looked_at_once() {
    let mut site = Site::flux(json!({}));
    site.settle();
    let target = site.secret(&crate::storage::secret_name("web", 1));
    let unmarked = json!({"metadata": {"labels": {"helm.oarlock.dev/action": null}}});
    site.world.edit_foreign(&target, &unmarked);
    site.world.edit(json!({"status": null}));
    site.settle();
    assert_eq!(site.history(), "1 deployed", "no revision");
    assert_eq!(site.condition("Ready"), "True ReleaseAdopted");
    let outcome = site.call().unwrap();
    assert_eq!(outcome.recorded(), []);
    assert_eq!(outcome.status_patch(), None);
}

#[test]
fn a_namespace_comes_before_what_is_in_it() {
    // The first Flux keeps records where the release is.
    let mut site = Site::new(json!({"targetNamespace": "prod", "values": {"random": true}}));
    let mut written = Vec::new();
    for _ in 0..8 {
        let outcome = site.call().unwrap();
        let targets = outcome
            .exactly()
            .unwrap()
            .iter()
            .map(|child| child.target());
        written.extend(targets.map(|target| target.unwrap().name));
        site.world.perform(&outcome, usize::MAX);
    }
    let place = |name: &str| written.iter().position(|known| known == name);
    let namespace = place("prod").unwrap();
    assert!(
        Some(namespace) < place("sh.helm.release.v1.web.seed"),
        "{written:?}"
    );
    assert!(
        Some(namespace) < place("sh.helm.release.v1.web.v1"),
        "{written:?}"
    );
    assert_eq!(
        namespace,
        written.iter().rposition(|known| known == "prod").unwrap(),
        "once"
    );
}

#[test]
fn definitions_come_before_hooks_and_templates_know_them() {
    let spec = json!({"chart": {"version": "3.0.0"}, "values": {"hooks": "pre-install"}});
    let mut site = Site::new(spec);
    for _ in 0..2 {
        site.run();
    }
    assert_eq!(site.history(), "1 pending-install");
    assert_eq!(
        site.objects(),
        ["CustomResourceDefinition widgets.demo.example.com"],
        "no hook before"
    );
    let known = site.engine.calls().into_iter().any(|call| match call {
        crate::run::engine::scripted::Call::Render(request) => request
            .api_versions
            .contains(&String::from("demo.example.com/v1/Widget")),
        _ => false,
    });
    assert!(
        known,
        "Helm installs definitions before it asks what there is"
    );
}

#[test]
fn what_is_begun_goes_on_while_the_chart_cannot_be_had() {
    let mut site = Site::flux(json!({}));
    for _ in 0..2 {
        site.run();
    }
    assert_eq!(site.history(), "1 pending-install");
    site.world
        .edit(json!({"spec": {"valuesFrom": [{"kind": "Secret", "name": "gone"}]}}));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(site.objects().len(), 2);
    assert_eq!(site.condition("Ready"), "False ValuesFailed");
}

#[test]
fn an_uninstallation_does_not_wait_for_what_it_spared() {
    let mut site = Site::flux(json!({}));
    site.settle();
    let other = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}});
    site.world.edit_foreign(&deployment(), &other);
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone(), "{:#}", site.world.status());
    assert_eq!(site.objects(), ["Deployment web"]);
}

/// `kubectl delete namespace`: accounts and their roles go before what they act for.
#[test]
fn an_object_goes_whose_account_is_gone() {
    use oarlock_sdk::{ObjectRef, ReadError};

    let denied = || {
        ReadError::Denied(String::from(
            "ServiceAccount shop/deployer may not list secrets",
        ))
    };
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer", "namespace": "shop"},
    });
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    let site = || {
        let mut site = Site::flux(json!({"serviceAccountName": "deployer"}));
        site.world.foreign(account.clone());
        site.world.foreign(namespace.clone());
        site.settle();
        assert_eq!(site.history(), "1 deployed");
        site.world.fails("v1", "Secret", denied());
        site.world.delete();
        site
    };
    let told = |site: &Site| site.reasons().contains(&"ReleaseLeft");

    let mut held = site();
    held.settle();
    assert!(
        !held.world.is_gone(),
        "the account is there: its rights may come back"
    );
    assert_eq!(held.condition("Ready"), "False AccessDenied");
    assert!(
        held.message("Ready")
            .contains("hint: a suspended object goes without it")
    );
    held.world.edit(json!({"spec": {"suspend": true}}));
    held.settle();
    assert!(held.world.is_gone() && told(&held));

    let mut gone = site();
    let target = ObjectRef::new("v1", "ServiceAccount", "deployer").in_namespace("shop");
    gone.world.delete_foreign(&target);
    let outcome = gone.call().unwrap();
    assert_eq!(outcome.account(), None, "nobody can act as it");
    gone.settle();
    assert!(gone.world.is_gone() && told(&gone));

    let mut ending = site();
    let target = ObjectRef::new("v1", "Namespace", "shop");
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    ending.world.edit_foreign(&target, &deleted);
    ending.settle();
    assert!(ending.world.is_gone() && told(&ending));
}
