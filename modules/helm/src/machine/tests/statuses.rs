//! What objects say of their releases while things happen to them.

use serde_json::{Value, json};

use super::World;
use crate::dialect::status::{LIFECYCLE, is_dropped, state};
use crate::situation::Obstacle;
use crate::wish::{Chart, Follows, Strategy};

fn world(api_version: &str, kind: &str) -> World {
    let mut world = World::new();
    world.object["apiVersion"] = json!(api_version);
    world.object["kind"] = json!(kind);
    world
}

fn flux1() -> World {
    let mut world = world("helm.fluxcd.io/v1", "HelmRelease");
    world.wish.chart = Chart::Git {
        url: "https://git.example.com/web.git".into(),
        reference: "master".into(),
        path: "chart".into(),
        dependencies: true,
        secret: None,
    };
    world.revision = Some("c0ffee1".into());
    world
}

fn whole() -> World {
    world("charts.example.com/v1alpha1", "Web")
}

/// Another version is wished for, that never becomes ready; what was there would.
fn wants_broken(world: &mut World, version: &str) {
    world.wants(version);
    world.chart.objects.push("Pod/broken".into());
    world.broken.insert("Pod/broken".into());
}

fn no_chart() -> Option<Obstacle> {
    Some(Obstacle {
        reason: "ArtifactFailed",
        message: "no such branch".into(),
        retry: None,
    })
}

#[test]
fn the_first_flux_sees_its_phases() {
    let mut world = flux1();
    world.tests(false);
    world.settle();
    assert_eq!(
        world.phases,
        [
            "ChartFetched",
            "Installing",
            "Deployed",
            "Testing",
            "Tested",
            "Succeeded"
        ]
    );
    assert_eq!(world.field("releaseName"), "web");
    assert_eq!(world.field("releaseStatus"), "deployed");
    assert_eq!(world.field("observedGeneration"), 1);
    assert_eq!(world.field("revision"), "c0ffee1");
    assert_eq!(world.field("lastAttemptedRevision"), "c0ffee1");
    assert_eq!(world.field("rollbackCount"), &Value::Null);
    for (kind, said) in [
        (
            "Released",
            "True Succeeded: Release was successful for Helm release 'web' in 'shop'.",
        ),
        (
            "Deployed",
            "True Deployed: Installation or upgrade succeeded for Helm release 'web' in 'shop'.",
        ),
        (
            "ChartFetched",
            "True ChartFetched: Chart fetch was successful for Helm release 'web' in 'shop'.",
        ),
        (
            "Tested",
            "True Tested: Tested Helm release 'web' in 'shop'.",
        ),
        ("RolledBack", "-"),
    ] {
        assert_eq!(world.in_words(kind), said, "{kind}");
    }
    assert!(world.in_words("Ready").starts_with("True TestSucceeded"));
    assert_eq!(world.in_words("TestSuccess"), "-");
    assert!(world.in_words("Reconciling").starts_with("False Settled"));
}

#[test]
fn the_first_flux_counts_rollbacks_and_knows_what_it_tried() {
    let mut world = flux1();
    world.wish.policy.upgrade_remediation.retries = Some(1);
    world.wish.policy.upgrade_remediation.last = true;
    world.wish.policy.upgrade_remediation.strategy = Strategy::Rollback;
    world.settle();
    world.phases.clear();
    world.revision = Some("decade2".into());
    wants_broken(&mut world, "2.0.0");
    world.finish();
    assert_eq!(
        world.history(),
        "1 superseded, 2 failed, 3 superseded, 4 failed, 5 deployed"
    );
    let once = [
        "ChartFetched",
        "Upgrading",
        "DeployFailed",
        "RollingBack",
        "RolledBack",
    ];
    assert_eq!(world.phases, [once, once].concat());
    assert_eq!(world.field("rollbackCount"), 2);
    assert_eq!(world.field("revision"), "c0ffee1");
    assert_eq!(world.field("lastAttemptedRevision"), "decade2");
    assert_eq!(world.field("releaseStatus"), "deployed");
    assert_eq!(
        world.in_words("RolledBack"),
        "True RolledBack: Rolled back Helm release 'web' in 'shop'."
    );
    assert!(
        world.in_words("Released").starts_with(
            "False DeployFailed: Helm upgrade failed for release shop/web with chart podinfo@2.0.0: "
        ),
        "{}",
        world.in_words("Released")
    );
    world.heals();
    world.revision = Some("facade3".into());
    world.wants("2.0.1");
    world.finish();
    assert_eq!(world.field("phase"), "Succeeded");
    assert_eq!(world.field("rollbackCount"), &Value::Null);
    assert_eq!(world.field("revision"), "facade3");
    assert!(world.in_words("RolledBack").starts_with("False Over"));
    assert!(world.in_words("Released").starts_with("True Succeeded"));
}

#[test]
fn a_commit_that_changes_nothing_writes_nothing() {
    let mut world = flux1();
    world.settle();
    let written = world.statuses;
    world.revision = Some("decade2".into());
    world.settle();
    assert_eq!(world.statuses, written);
}

#[test]
fn the_first_flux_tells_what_is_in_the_way() {
    let mut world = flux1();
    world.obstacle = no_chart();
    world.settle();
    assert_eq!(world.phases, ["ChartFetchFailed"]);
    assert_eq!(
        world.in_words("ChartFetched"),
        "False ChartFetchFailed: no such branch"
    );
    assert_eq!(
        world.in_words("Released"),
        "False ChartFetchFailed: no such branch"
    );
    assert_eq!(world.in_words("Deployed"), "-");
    assert_eq!(world.field("observedGeneration"), 1);
    world.obstacle = Some(Obstacle {
        reason: "ValuesFailed",
        ..no_chart().unwrap()
    });
    world.settle();
    assert_eq!(world.field("phase"), "Failed");
    world.obstacle = None;
    world.settle();
    assert_eq!(world.field("phase"), "Succeeded");
    // What serves is said to serve although the next chart cannot be had.
    world.obstacle = no_chart();
    world.settle();
    assert_eq!(world.field("phase"), "ChartFetchFailed");
    assert_eq!(world.field("releaseStatus"), "deployed");
    assert!(world.in_words("Deployed").starts_with("True Deployed"));
}

#[test]
fn a_failed_test_and_a_failed_installation_of_the_first_flux() {
    let mut world = flux1();
    world.tests(false);
    world.failing.insert(crate::hooks::Event::Test);
    world.finish();
    assert_eq!(world.field("phase"), "TestFailed");
    assert!(world.in_words("Tested").starts_with("False TestFailed: "));
    assert!(world.in_words("Released").starts_with("False TestFailed: "));
    let mut ignoring = flux1();
    ignoring.tests(true);
    ignoring.failing.insert(crate::hooks::Event::Test);
    ignoring.finish();
    assert_eq!(ignoring.field("phase"), "Succeeded");
    assert!(
        ignoring
            .in_words("Tested")
            .starts_with("False TestFailed: ")
    );
    let mut broken = flux1();
    broken.wish.policy.install_remediation.last = true;
    broken.may_leave = true;
    broken.breaks();
    broken.finish();
    assert_eq!(broken.field("phase"), "DeployFailed");
    assert_eq!(broken.field("releaseStatus"), "uninstalled");
    assert!(
        broken
            .in_words("Released")
            .starts_with("False DeployFailed: ")
    );
}

#[test]
fn the_oldest_dialect_has_helm_2s_words() {
    let mut world = flux1();
    world.object["apiVersion"] = json!("flux.weave.works/v1beta1");
    world.run();
    world.run();
    assert_eq!(world.field("releaseStatus"), "PENDING_INSTALL");
    world.settle();
    assert_eq!(world.field("releaseStatus"), "DEPLOYED");
    assert_eq!(world.field("valuesChecksum"), "a");
    assert_eq!(world.field("phase"), &Value::Null);
    assert!(world.in_words("Released").starts_with("True HelmSuccess"));
    assert!(
        world
            .in_words("ChartFetched")
            .starts_with("True GitRepoCloned")
    );
    world.wish.policy.upgrade_remediation.last = true;
    wants_broken(&mut world, "2.0.0");
    world.finish();
    assert!(
        world
            .in_words("Released")
            .starts_with("False HelmUgradeFailed")
    );
    assert!(world.in_words("RolledBack").starts_with("True HelmSuccess"));
    world.obstacle = no_chart();
    world.settle();
    assert!(
        world
            .in_words("ChartFetched")
            .starts_with("False GitRepoNotCloned")
    );
}

#[test]
fn todays_flux_has_its_fields() {
    let mut world = World::new();
    world.tests(false);
    world.chart.inputs.app_version = "6.0".into();
    world.chart.inputs.post_digest = "sha256:feed".into();
    world.asks("monday", false, false);
    world.settle();
    let status = &world.object["status"];
    for (name, value) in [
        ("observedGeneration", json!(1)),
        ("observedPostRenderersDigest", json!("sha256:feed")),
        ("lastAttemptedGeneration", json!(1)),
        ("lastAttemptedRevision", json!("1.0.0")),
        ("lastAttemptedConfigDigest", json!("a")),
        ("lastAttemptedReleaseAction", json!("install")),
        ("lastHandledReconcileAt", json!("monday")),
        ("lastHandledForceAt", json!(null)),
        ("storageNamespace", json!("shop")),
        ("failures", json!(null)),
        ("helmChart", json!(null)),
        ("lastAttemptedRevisionDigest", json!(null)),
    ] {
        assert_eq!(status[name], value, "{name}");
    }
    let entry = &status["history"][0];
    let digest = entry["digest"].as_str().unwrap();
    assert!(
        digest.starts_with("sha256:") && digest.len() == 71,
        "{digest}"
    );
    assert_eq!(
        *entry,
        json!({
            "digest": digest,
            "name": "web",
            "namespace": "shop",
            "version": 1,
            "status": "deployed",
            "chartName": "podinfo",
            "chartVersion": "1.0.0",
            "appVersion": "6.0",
            "configDigest": "a",
            "firstDeployed": "2026-11-10T12:00:00Z",
            "lastDeployed": "2026-11-10T12:00:00Z",
            "testHooks": {"test-0": {"lastStarted": "2026-11-10T12:00:01Z", "phase": "Succeeded"}},
            "action": "install",
        })
    );
    assert!(
        world
            .in_words("TestSuccess")
            .starts_with("True TestSucceeded")
    );
    world.wants("2.0.0");
    world.breaks();
    world.run();
    assert_eq!(world.field("observedGeneration"), 1);
    assert_eq!(world.field("lastAttemptedGeneration"), 2);
    world.finish();
    assert_eq!(world.field("failures"), 1);
    assert_eq!(world.field("upgradeFailures"), 1);
    assert_eq!(world.field("installFailures"), &Value::Null);
    assert_eq!(world.field("lastAttemptedReleaseAction"), "upgrade");
    // Stalled: nothing will come of it, which is something.
    assert_eq!(world.field("observedGeneration"), 2);
    world.heals();
    world.wants("2.0.1");
    world.finish();
    assert_eq!(world.field("failures"), &Value::Null);
    let versions: Vec<_> = world
        .field("history")
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["version"].clone(), entry["status"].clone()))
        .collect();
    assert_eq!(
        versions,
        [
            (json!(3), json!("deployed")),
            (json!(2), json!("failed")),
            (json!(1), json!("superseded"))
        ]
    );
}

#[test]
fn a_chart_that_is_followed_by_its_digest_says_so_in_the_revision() {
    let mut world = World::new();
    world.wish.chart = Chart::Oci {
        repository: "oci://registry.example.com/web".into(),
        version: String::new(),
        secret: None,
    };
    world.wish.follows = Follows::Content;
    let digest = "sha256:0123456789abcdef0123";
    world.chart.inputs.chart_digest = digest.into();
    world.settle();
    assert_eq!(world.field("lastAttemptedRevision"), "1.0.0+0123456789ab");
    assert_eq!(world.field("lastAttemptedRevisionDigest"), digest);
    assert_eq!(world.field("history")[0]["ociDigest"], digest);
}

#[test]
fn what_flux_heard_is_not_heard_again() {
    let object = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "status": {"lastHandledReconcileAt": "monday", "lastHandledForceAt": "monday", "helmChart": "apps/apps-web"},
    });
    let seeded = state(&object).unwrap();
    assert_eq!(seeded.handled.force.as_deref(), Some("monday"));
    let mut world = World::installed();
    let lifecycle = world.object["status"][LIFECYCLE].take();
    assert!(lifecycle.is_object());
    world.object["status"]["lastHandledForceAt"] = json!("monday");
    world.object["status"]["helmChart"] = json!("shop/shop-web");
    world.state = state(&world.object).unwrap();
    world.asks("monday", true, false);
    world.settle();
    assert_eq!(world.history(), "1 deployed", "forced once more");
    assert_eq!(world.condition("Released"), "True ReleaseAdopted");
    assert_eq!(world.field("helmChart"), "shop/shop-web");
}

#[test]
fn a_memory_that_somebody_broke_is_told() {
    let broken = json!({"status": {"lifecycle": {"actions": "three"}}});
    assert_eq!(
        state(&broken).unwrap_err().to_string(),
        "status.lifecycle: invalid type: string \"three\", expected u64"
    );
    assert_eq!(state(&json!({})).unwrap(), crate::state::State::default());
}

#[test]
fn a_definition_that_drops_the_memory_is_found_out() {
    let mut world = World::new();
    let turn = world.run().unwrap();
    let last = Some(turn.tag.as_str());
    assert!(!is_dropped(&world.object, 1, last), "it is there");
    world.object["status"]
        .as_object_mut()
        .unwrap()
        .remove(LIFECYCLE);
    assert!(is_dropped(&world.object, 1, last));
    assert!(!is_dropped(&world.object, 0, last), "nothing failed yet");
    assert!(!is_dropped(&world.object, 2, last), "it is tried again");
    assert!(
        !is_dropped(&world.object, 1, None),
        "after a restart nobody knows"
    );
    assert!(!is_dropped(&world.object, 1, Some("blocked")));
}

#[test]
fn the_sdk_has_the_release_that_is_deployed_and_its_notes() {
    let mut world = whole();
    world.settle();
    assert_eq!(
        world.field("deployedRelease"),
        &json!({"name": "web", "manifest": world.field("deployedRelease")["manifest"]})
    );
    assert_eq!(
        world.in_words("Deployed"),
        "True InstallSuccessful: notes of 1.0.0"
    );
    assert_eq!(world.in_words("Initialized"), "True Initialized: ");
    assert_eq!(world.in_words("ReleaseFailed"), "-");
    assert_eq!(world.in_words("Irreconcilable"), "-");
    assert_eq!(world.in_words("Released"), "-");
    world.wants("2.0.0");
    world.settle();
    assert_eq!(
        world.in_words("Deployed"),
        "True UpgradeSuccessful: notes of 2.0.0"
    );
    world.wish.policy.upgrade_remediation.last = true;
    wants_broken(&mut world, "3.0.0");
    world.finish();
    assert!(
        world
            .in_words("ReleaseFailed")
            .starts_with("True UpgradeError: Helm upgrade failed"),
        "{}",
        world.in_words("ReleaseFailed")
    );
    // What came back.
    assert_eq!(
        world.in_words("Deployed"),
        "True UpgradeSuccessful: notes of 2.0.0"
    );
    world.heals();
    world.wants("3.0.1");
    world.finish();
    assert!(world.in_words("ReleaseFailed").starts_with("False Over"));
    world.obstacle = no_chart();
    world.settle();
    assert_eq!(
        world.in_words("Irreconcilable"),
        "True ReconcileError: no such branch"
    );
    world.obstacle = None;
    world.settle();
    assert!(world.in_words("Irreconcilable").starts_with("False Over"));
}

#[test]
fn a_failed_installation_of_the_sdk_is_no_release() {
    let mut world = whole();
    world.wish.policy.install_remediation.last = true;
    world.may_leave = true;
    world.breaks();
    world.finish();
    assert!(
        world
            .in_words("ReleaseFailed")
            .starts_with("True InstallError")
    );
    assert_eq!(world.field("deployedRelease"), &Value::Null);
    assert_eq!(world.in_words("Deployed"), "-");
}

#[test]
fn what_is_not_heeded_is_a_condition_and_stops_being_one() {
    for mut world in [World::new(), flux1(), whole()] {
        world.settle();
        assert_eq!(world.in_words("Warnings"), "-");
        world.wish.warnings = vec![
            "spec.x is not used: a".into(),
            "spec.y is not used: b".into(),
        ];
        world.settle();
        assert_eq!(
            world.in_words("Warnings"),
            "True FieldsNotUsed: spec.x is not used: a\nspec.y is not used: b"
        );
        world.wish.warnings.clear();
        world.settle();
        assert!(world.in_words("Warnings").starts_with("False Over"));
    }
}

#[test]
fn the_samples_objects_say_what_the_lifecycle_says() {
    let mut world = world("samplecontroller.k8s.io/v1alpha1", "HelmRelease");
    world.settle();
    let names: Vec<_> = world.object["status"].as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(world.in_words("Ready").starts_with("True InstallSucceeded"));
}

#[test]
fn what_others_keep_in_the_status_stays() {
    for mut world in [World::new(), flux1(), whole()] {
        world.object["status"] = json!({"images": {"web": "1"}, "inventory": {"entries": []}});
        world.settle();
        assert_eq!(world.field("images"), &json!({"web": "1"}));
        assert_eq!(world.field("inventory"), &json!({"entries": []}));
    }
}

#[test]
fn definitions_have_all_that_is_written() {
    let definitions = crate::dialect::definitions::all();
    for (api_version, group) in [
        ("helm.fluxcd.io/v1", "helm.fluxcd.io"),
        ("flux.weave.works/v1beta1", "flux.weave.works"),
        ("helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io"),
        (
            "samplecontroller.k8s.io/v1alpha1",
            "samplecontroller.k8s.io",
        ),
    ] {
        let mut world = flux1();
        world.object["apiVersion"] = json!(api_version);
        world.wish.policy.upgrade_remediation.last = true;
        world.tests(false);
        world.asks("monday", true, true);
        world.settle();
        wants_broken(&mut world, "2.0.0");
        world.finish();
        let name = format!("helmreleases.{group}");
        let (_, definition) = definitions.iter().find(|(of, _)| *of == name).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let known = &schema["properties"]["status"]["properties"];
        for (field, value) in world.object["status"].as_object().unwrap() {
            let kind = match value {
                Value::String(_) => "string",
                Value::Number(_) => "integer",
                Value::Array(_) => "array",
                _ => "object",
            };
            assert_eq!(known[field]["type"], kind, "{api_version} {field}");
        }
        let revision = &known["history"]["items"]["properties"];
        for entry in world.field("history").as_array().into_iter().flatten() {
            for field in entry.as_object().unwrap().keys() {
                assert!(revision[field].is_object(), "{field}");
            }
        }
    }
}
