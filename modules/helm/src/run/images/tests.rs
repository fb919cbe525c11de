#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::testing::Packages;

use super::*;
use crate::dialect::{Settings, Sources, read};
use crate::state::Is;

/// 2026-01-02T03:04:05Z.
const NOW: u64 = 1_767_323_045_000;

/// As it was applied in 2019, with these annotations and this status too.
fn release(annotations: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "helm.fluxcd.io/v1",
        "kind": "HelmRelease",
        "metadata": {
            "name": "web",
            "namespace": "prod",
            "annotations": {"fluxcd.io/automated": "true", "fluxcd.io/tag.chart-image": "semver:~3.0"},
        },
        "spec": {
            "chart": {"repository": "https://charts.example/", "name": "web", "version": "1.0.0"},
            "valuesFrom": [{"secretKeyRef": {"name": "secret"}}],
            "values": {"image": {"repository": "r.example/web", "tag": "3.0.1"}, "replicas": 2},
        },
        "status": status,
    });
    let all = object["metadata"]["annotations"].as_object_mut().unwrap();
    all.extend(annotations.as_object().unwrap().clone());
    object
}

fn source() -> Source {
    Source::Oci {
        repository: String::from("oci://r.example/web"),
        version: String::new(),
    }
}

fn run(object: &Value, packages: &Packages) -> (Wish, Result<Followed, Obstacle>) {
    let mut wish = read(object, &Sources::default(), &Settings::default()).unwrap();
    let cx = Context::builder().artifacts(packages.clone()).build();
    let followed = follow(&cx, object, &mut wish, NOW);
    (wish, followed)
}

fn over(wish: &Wish) -> Option<Value> {
    match wish.values.as_slice() {
        [Values::From { .. }, Values::Inline(_)] => None,
        [Values::From { .. }, Values::Inline(_), Values::Inline(over)] => {
            Some(Value::Object(over.clone()))
        }
        other => panic!("{other:?}"),
    }
}

fn tagged(tags: &[&str]) -> Packages {
    Packages::new().versions(source(), tags)
}

#[test]
fn the_newest_tag_is_one_contribution_more() {
    let object = release(json!({}), json!({}));
    let (wish, followed) = run(&object, &tagged(&["3.1.0", "3.0.7", "3.0.1", "latest"]));
    let followed = followed.unwrap();
    assert_eq!(over(&wish), Some(json!({"image": {"tag": "3.0.7"}})));
    // So often the registry is asked.
    assert_eq!(wish.poll, Some(POLL));
    let status = followed.status.unwrap();
    assert_eq!(
        status,
        json!({"images": [{"container": "chart-image", "image": "r.example/web", "written": "3.0.1", "tag": "3.0.7",
            "policy": "semver:~3.0", "newest": "3.1.0", "since": "2026-01-02T03:04:05Z"}]})
    );
    let [event] = followed.events.as_slice() else {
        panic!("{:?}", followed.events);
    };
    assert_eq!(event.reason, "ImageUpdated");
    assert_eq!(
        event.message,
        "chart-image: r.example/web:3.0.1 → :3.0.7 (semver:~3.0)"
    );

    // And then the registry is gone.
    let object = release(json!({}), status);
    let (wish, followed) = run(&object, &Packages::new());
    let followed = followed.unwrap();
    assert_eq!(over(&wish), Some(json!({"image": {"tag": "3.0.7"}})));
    assert_eq!((followed.status, followed.events), (None, vec![]));
    let note = followed.condition.unwrap().note;
    assert_eq!(
        (note.is, note.reason.as_str()),
        (Is::False, "RegistryRefused")
    );
    assert!(
        note.message
            .starts_with("chart-image: r.example/web:3.0.7 stays: "),
        "{note:?}"
    );
}

#[test]
fn a_filter_that_is_wrong_stops_all_before_anything_is_asked() {
    let object = release(
        json!({"fluxcd.io/tag.chart-image": "semver:~three"}),
        json!({}),
    );
    let (wish, followed) = run(&object, &tagged(&["9.9.9"]));
    let obstacle = followed.unwrap_err();
    assert_eq!(obstacle.reason, "ImagePolicyInvalid");
    assert_eq!(
        obstacle.message,
        "metadata.annotations[fluxcd.io/tag.chart-image]: \"~three\" is no range of versions: improper constraint: \"~three\"\n\
         expected such as semver:~3.0, semver:^1.2, semver:>=1.0 <2 or semver:2.x || 3.x\n\
         hint: until then all images stay as they are"
    );
    assert_eq!(over(&wish), None);
}

#[test]
fn what_is_not_automated_any_more_is_as_it_is_written() {
    let automated = release(json!({}), json!({}));
    let packages = tagged(&["3.0.7"]);
    let status = run(&automated, &packages).1.unwrap().status.unwrap();
    let object = release(json!({"fluxcd.io/automated": "false"}), status);
    let (wish, followed) = run(&object, &packages);
    let followed = followed.unwrap();
    assert_eq!(over(&wish), None);
    assert_eq!(followed.status, Some(json!({"images": null})));
    assert_eq!(followed.condition.unwrap().note.reason, "Over");
    // Nothing is told where there was nothing.
    let object = release(json!({"fluxcd.io/automated": "false"}), json!({}));
    assert_eq!(run(&object, &packages).1, Ok(Followed::default()));
}

#[test]
fn a_suspended_release_asks_nobody() {
    let automated = release(json!({}), json!({}));
    let status = run(&automated, &tagged(&["3.0.7"]))
        .1
        .unwrap()
        .status
        .unwrap();
    let object = release(json!({"fluxcd.io/ignore": "true"}), status);
    let (wish, followed) = run(&object, &tagged(&["3.0.9"]));
    let followed = followed.unwrap();
    assert_eq!(over(&wish), Some(json!({"image": {"tag": "3.0.7"}})));
    assert_eq!(followed.status, None);
    let note = followed.condition.unwrap().note;
    assert_eq!(note.message, "suspended; all images stay as they are");
}

#[test]
fn it_is_told_beside_what_the_machine_tells() {
    let followed = Followed {
        status: Some(json!({"images": []})),
        condition: Some(condition(crate::state::Note::new(Is::True, "Current", ""))),
        events: Vec::new(),
    };
    let mut said = Said {
        status: Some(json!({"phase": "Succeeded"})),
        conditions: Vec::new(),
    };
    let mut events = Vec::new();
    followed.clone().tell(&mut said, &mut events);
    assert_eq!(
        said.status,
        Some(json!({"phase": "Succeeded", "images": []}))
    );
    assert_eq!(said.conditions.len(), 1);
    let mut said = Said::default();
    followed.tell(&mut said, &mut events);
    assert_eq!(said.status, Some(json!({"images": []})));
}
