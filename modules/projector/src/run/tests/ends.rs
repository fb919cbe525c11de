//! Bindings that are deleted, and operators that are killed.

use oarlock_sdk::{ApiError, ReadError, json};

use super::site::{Site, app, at, deployment};

#[test]
fn a_deleted_binding_leaves_what_was_there() {
    let mut site = Site::new(
        &json!({"spec": {"type": "t", "provider": "p", "env": [{"name": "H", "key": "h"}]}}),
    );
    site.settle();
    assert!(site.is_in(&app()));
    // Its user works on the Deployment meanwhile.
    site.world.each_object(|object| {
        if let Some(image) = object.pointer_mut("/spec/template/spec/containers/0/image") {
            *image = json!("a:2");
        }
    });
    site.world.delete();
    site.step();
    assert!(
        !site.world.is_gone(),
        "it is seen before the finalizer goes"
    );
    assert!(
        site.told("Ready")
            .starts_with("False Terminating: the binding is being taken out of Deployment app")
    );
    site.settle();
    assert!(site.world.is_gone());
    let mut expected = deployment("app");
    expected["spec"]["template"]["spec"]["containers"][0]["image"] = json!("a:2");
    assert_eq!(site.content(&app()), expected);
}

#[test]
fn no_deletion_is_held_up_by_what_is_wrong_or_gone() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.world
        .edit(json!({"spec": {"workload": null, "service": 5}}));
    site.world.delete_foreign(&app());
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());

    let mut site = Site::new(&json!({}));
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone(), "nothing was ever done");

    let mut site = Site::new(&json!({}));
    site.settle();
    site.world.unserved("apps/v1", "Deployment");
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone(), "a kind that is gone has no objects");
}

#[test]
fn a_deletion_that_cannot_go_on_says_why() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.world.fails(
        "apps/v1",
        "Deployment",
        ReadError::Denied("no grant; hint: add it".to_owned()),
    );
    site.world.delete();
    site.settle();
    assert!(!site.world.is_gone());
    assert_eq!(
        site.told("Ready"),
        "False Terminating: the binding cannot be taken out: no grant; hint: add it"
    );
}

#[test]
fn what_somebody_else_owns_too_does_not_hold_a_deletion_up() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.world.delete();
    site.step();
    // Somebody has put all of it into a manifest of theirs.
    let mut copy = deployment("app");
    copy["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "binding-the-object", "emptyDir": {}}]);
    site.world.foreign(copy.clone());
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.content(&app()), copy);
}

#[test]
fn killed_anywhere_it_ends_where_it_would_have_ended() {
    let story = |kill: Option<(usize, usize)>| {
        let mut site = Site::new(&json!({"spec": {"env": [{"name": "H", "key": "h"}]}}));
        site.world.foreign(deployment("new"));
        let mut runs = 0;
        let mut go = |site: &mut Site| {
            for _ in 0..8 {
                let steps = kill.filter(|(run, _)| *run == runs).map(|(_, steps)| steps);
                drop(site.run_until(steps.unwrap_or(usize::MAX)).unwrap());
                runs += 1;
                if steps.is_some() {
                    site.world.restart();
                }
            }
        };
        go(&mut site);
        assert!(site.is_in(&app()));
        site.world
            .edit(json!({"spec": {"workload": {"name": "new"}}}));
        go(&mut site);
        let new = at("apps/v1", "Deployment", "new");
        assert!(site.is_in(&new));
        let ends = (
            site.content(&app()),
            site.content(&new),
            site.world.status()["workloads"].clone(),
        );
        site.world.delete();
        go(&mut site);
        assert!(site.world.is_gone());
        assert_eq!(site.content(&new), deployment("new"));
        ends
    };
    let expected = story(None);
    assert_eq!(expected.0, deployment("app"));
    for run in 0..24 {
        for steps in 0..4 {
            assert_eq!(
                story(Some((run, steps))),
                expected,
                "killed in run {run} after {steps} steps"
            );
        }
    }
}

#[test]
fn one_workload_that_is_refused_does_not_keep_the_others_waiting() {
    let workload =
        json!({"spec": {"workload": {"name": null, "selector": {"matchLabels": {"tier": "web"}}}}});
    let mut site = Site::new(&workload);
    for name in ["b", "c"] {
        site.world.foreign(deployment(name));
    }
    let refusing = at("apps/v1", "Deployment", "b");
    let no = ApiError {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "admission webhook \"policy\" denied the request".to_owned(),
    };
    site.world.refuses(&refusing, no);
    site.settle();
    assert!(site.is_in(&app()) && site.is_in(&at("apps/v1", "Deployment", "c")));
    assert!(!site.is_in(&refusing));
    assert_eq!(
        site.told("Ready"),
        "False WorkloadForbidden: 1 of 3 workloads: Deployment b was not changed: admission webhook \"policy\" denied the request"
    );
    let at_once = site.world.now();
    let again = site.world.wake().unwrap();
    assert_eq!((again.as_millis() - at_once.as_millis()), 60_000);
    // It is left alone until then, also when something else makes it run.
    let (outcome, changed) = site.run().unwrap();
    assert!(!changed && outcome.exactly().unwrap().len() == 2);
    site.world.takes(&refusing);
    site.world.set_now(again);
    site.settle();
    assert!(site.is_in(&refusing));
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in 3 workloads"
    );
    assert_eq!(site.world.wake(), None);
}

#[test]
fn a_record_that_somebody_changed_is_told_and_can_be_taken_away() {
    let mut site = Site::new(&json!({}));
    site.settle();
    let annotation = "binding.oarlock.dev/projection-the-object";
    let patch =
        |value: serde_json::Value| json!({"metadata": {"annotations": {annotation: value}}});
    site.world.edit_foreign(&app(), &patch(json!("{")));
    site.world.delete();
    site.settle();
    assert!(!site.world.is_gone());
    assert_eq!(
        site.told("Ready"),
        "False Terminating: the binding cannot be taken out: Deployment app: annotation \"binding.oarlock.dev/projection-the-object\" \
         of the workload is not what was written there\n\
         hint: remove volume \"binding-the-object\" with its mounts and environment variables, and the annotation, by hand"
    );
    site.world.edit_foreign(&app(), &patch(json!(null)));
    site.settle();
    assert!(site.world.is_gone());
}
