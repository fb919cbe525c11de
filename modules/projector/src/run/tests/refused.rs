//! Workloads whose changes are refused, or are not kept.

use std::time::Duration;

use oarlock_sdk::{ObjectRef, Value, json};

use super::site::{Site, app, at, deployment};

fn web(name: &str) -> ObjectRef {
    at("apps/v1", "Deployment", name)
}

/// A binding of `app`, `b` and `c`.
fn three() -> Site {
    let selector = json!({"matchLabels": {"tier": "web"}});
    let workload = json!({"spec": {"workload": {"name": null, "selector": selector}}});
    let mut site = Site::new(&workload);
    for name in ["b", "c"] {
        site.world.foreign(deployment(name));
    }
    site
}

fn until_tried_again(site: &mut Site) -> Duration {
    let again = site.world.wake().unwrap();
    let wait = again.since(site.world.now());
    site.world.set_now(again);
    wait
}

#[test]
fn several_that_are_refused_keep_nobody_waiting_and_are_all_told() {
    let mut site = three();
    site.refuse(&app(), 403, "Forbidden");
    site.refuse(&web("b"), 422, "Invalid");
    site.settle();
    assert!(site.is_in(&web("c")));
    assert_eq!(
        site.told("Ready"),
        "False WorkloadForbidden: 2 of 3 workloads: Deployment app: Deployment app was not changed: no app for you\n\
         Deployment b: Deployment b was not changed: no b for you"
    );
    // Whoever comes is not kept waiting, also when they are tried again in vain.
    assert_eq!(until_tried_again(&mut site), Duration::from_secs(60));
    site.world.foreign(deployment("c"));
    site.step();
    assert!(site.is_in(&web("c")), "before them");
    site.world.foreign(deployment("d"));
    site.settle();
    assert!(site.is_in(&web("d")));
    assert!(site.told("Ready").contains("2 of 4 workloads"));
    site.take(&app());
    until_tried_again(&mut site);
    site.settle();
    assert!(site.is_in(&app()));
    assert!(site.told("Ready").contains("no b for you"));
    site.take(&web("b"));
    until_tried_again(&mut site);
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in 4 workloads"
    );
}

#[test]
fn what_might_pass_and_does_not_keeps_nobody_waiting_either() {
    let mut site = three();
    site.refuse(&app(), 500, "InternalError");
    site.settle();
    assert!(site.is_in(&web("b")) && site.is_in(&web("c")));
    assert_eq!(
        site.told("Ready"),
        "False WorkloadRefused: 1 of 3 workloads: Deployment app was not changed: no app for you"
    );
    assert_eq!(until_tried_again(&mut site), Duration::from_secs(60));
    site.take(&app());
    site.settle();
    assert!(site.told("Ready").starts_with("True"));
}

#[test]
fn what_is_held_of_one_that_is_refused_stays_held() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.refuse(&app(), 403, "Forbidden");
    site.world.edit(json!({"spec": {"name": "other"}}));
    let outcome = site.rest();
    assert_eq!(outcome.exactly().unwrap().len(), 1, "nobody lets go of it");
    assert_eq!(
        site.told("Ready"),
        "False WorkloadForbidden: Deployment app was not changed: no app for you"
    );
    assert!(site.live(&app()).to_string().contains("/bindings/db\""));
    site.take(&app());
    until_tried_again(&mut site);
    site.settle();
    assert!(site.live(&app()).to_string().contains("/bindings/other\""));
    assert!(site.told("Ready").starts_with("True"));
}

#[test]
fn what_is_held_stays_held_while_the_binding_does_not_fit() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.refuse(&app(), 403, "Forbidden");
    site.world
        .edit(json!({"spec": {"workload": {"containers": ["nobody"]}}}));
    let outcome = site.rest();
    assert_eq!(outcome.exactly().unwrap().len(), 1, "nobody lets go of it");
    assert!(site.told("Ready").starts_with("False ProjectionFailed"));
    site.take(&app());
    site.world
        .edit(json!({"spec": {"workload": {"containers": null}}}));
    site.settle();
    assert!(site.told("Ready").starts_with("True"));
    site.world.delete();
    site.settle();
    assert_eq!(site.content(&app()), deployment("app"));
}

#[test]
fn a_deletion_takes_it_out_of_all_others_and_says_who_refuses() {
    let mut site = three();
    site.settle();
    site.refuse(&app(), 403, "Forbidden");
    site.refuse(&web("b"), 403, "Forbidden");
    site.world.delete();
    site.settle();
    assert!(!site.world.is_gone());
    assert_eq!(site.content(&web("c")), deployment("c"));
    assert_eq!(
        site.told("Ready"),
        "False Terminating: the binding cannot be taken out: Deployment app was not changed: no app for you; \
         Deployment b was not changed: no b for you"
    );
    assert_eq!(until_tried_again(&mut site), Duration::from_secs(60));
    for target in [app(), web("b")] {
        site.take(&target);
    }
    site.settle();
    assert!(site.world.is_gone());
    assert_eq!(site.content(&app()), deployment("app"));
    assert_eq!(site.content(&web("b")), deployment("b"));
}

#[test]
fn whoever_leaves_and_refuses_keeps_nobody_waiting() {
    let mut site = three();
    site.settle();
    for name in ["b", "c"] {
        let labels = json!({"metadata": {"labels": {"tier": null}}});
        site.world.edit_foreign(&web(name), &labels);
    }
    site.refuse(&web("b"), 403, "Forbidden");
    site.settle();
    assert!(!site.is_in(&web("c")) && site.is_in(&web("b")));
    assert!(
        site.told("Ready").contains("no b for you"),
        "{}",
        site.told("Ready")
    );
    site.take(&web("b"));
    until_tried_again(&mut site);
    site.settle();
    assert!(!site.is_in(&web("b")));
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in Deployment app"
    );
}

#[test]
fn what_is_not_kept_is_written_less_and_less_often() {
    for somebody_writes in [false, true] {
        let mut site = Site::new(&json!({}));
        let end = site.world.now() + Duration::from_secs(3600);
        let mut runs = 0;
        let mut writes = 0;
        while site.world.now() < end {
            runs += 1;
            let (outcome, _) = site.run().unwrap();
            let puts = |object: Value| object.to_string().contains("SERVICE_BINDING_ROOT");
            let children = outcome.exactly().unwrap();
            writes += usize::from(children.iter().any(|child| puts(child.object())));
            // Of all that was put in, the API server keeps the annotations.
            let annotations = site.live(&app())["metadata"]["annotations"].clone();
            let mut pruned = deployment("app");
            if annotations.is_object() {
                pruned["metadata"]["annotations"] = annotations;
            }
            site.world.foreign(pruned);
            if !somebody_writes {
                site.world.unchanged();
            }
            if let Some(again) = site.world.wake() {
                site.world.set_now(again);
            }
            assert!(runs < 100);
        }
        assert!((3..20).contains(&writes), "{writes} of {runs}");
        assert!(site.told("Ready").starts_with("False ProjectionIncomplete"));
        // What is wished for differs: it is tried at once.
        site.world.edit(json!({"spec": {"name": "other"}}));
        site.settle();
        assert!(
            site.told("Ready").starts_with("True"),
            "{}",
            site.told("Ready")
        );
    }
}
