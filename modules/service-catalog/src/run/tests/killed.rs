//! Row 30: killed in any run, after any of its writes, there is one of it, and nothing is left behind.

use oarlock_sdk::{Value, json};

use super::site::{Answer, Site, at, own, reconcile_any};

/// In run `run` only so many steps of the outcome are carried out; 0 loses what the broker said.
struct Kill {
    run: u32,
    steps: usize,
}

/// Runs to the end, killed once. Tells whether it came to the kill.
fn live(site: &mut Site, kill: &Kill) -> bool {
    let mut killed = false;
    for run in 0..60 {
        let outcome = site.world.call(reconcile_any).unwrap();
        let steps = match run == kill.run {
            true => kill.steps,
            false => usize::MAX,
        };
        site.world.perform(&outcome, steps);
        site.own_children();
        if run == kill.run {
            killed = true;
            site.world.restart();
            continue;
        }
        if site.world.is_gone() {
            return killed;
        }
        match site.world.wake() {
            Some(at) if at > site.world.now() => site.world.set_now(at),
            Some(_) => {}
            None => return killed,
        }
    }
    panic!("it does not come to an end");
}

fn every_kill(new: impl Fn() -> Site, answers: &[Answer], change: Option<Value>) {
    for steps in 0..3 {
        let mut run = 0;
        loop {
            let mut site = new();
            site.next(answers);
            let mut killed = live(&mut site, &Kill { run, steps });
            assert_eq!(site.things(), 1, "killed in run {run} after {steps}");
            assert!(site.ready().starts_with("True"), "{}", site.says("Ready"));
            if let Some(change) = &change {
                site.world.edit(change.clone());
                killed |= live(&mut site, &Kill { run, steps });
                assert_eq!(
                    site.things(),
                    1,
                    "changed, killed in run {run} after {steps}"
                );
            }
            site.next(answers);
            site.world.delete();
            killed |= live(&mut site, &Kill { run, steps });
            assert!(site.world.is_gone());
            assert_eq!(site.things(), 0, "gone, killed in run {run} after {steps}");
            assert!(site.world.live(&own("Secret", "data")).is_none());
            site.hides(&["secret-word"]);
            if !killed {
                break;
            }
            run += 1;
        }
        assert!(run > 2, "it was killed at all");
    }
}

#[test]
fn row_30_instances() {
    let update = json!({"spec": {"parameters": {"a": 1}}});
    for answers in [&[][..], &[Answer::Async(1)], &[Answer::Lost]] {
        every_kill(Site::instance, answers, Some(update.clone()));
    }
}

#[test]
fn row_30_bindings() {
    for answers in [&[][..], &[Answer::Async(1)], &[Answer::Lost]] {
        every_kill(Site::binding, answers, None);
    }
}

#[test]
fn row_30_rotations() {
    let rotate = json!({"metadata": {"annotations": {"servicecatalog.oarlock.dev/rotate": "now"}}});
    let site = || {
        let mut site = Site::binding();
        let rotates = json!({"spec": {"bindingRotatable": true}});
        site.world
            .edit_foreign(&at("ClusterServicePlan", "plan-small"), &rotates);
        site
    };
    every_kill(site, &[], Some(rotate));
}
