//! What became of a turn counts for that turn alone.

use super::World;
use crate::hooks::Event as Moment;
use crate::machine::tag;
use crate::situation::{Refusal, Report};
use crate::state::Stage;

fn forbidden(tag: String) -> Option<Report> {
    Some(Report {
        tag,
        refused: Some(Refusal {
            target: "Deployment/web".into(),
            code: 403,
            message: "no".into(),
        }),
    })
}

/// An upgrade whose objects are about to be written.
fn before_objects() -> World {
    let mut world = World::installed();
    world.wants("2.0.0");
    for _ in 0..2 {
        world.run();
    }
    assert_eq!(
        world.state.action.as_ref().map(|action| &action.stage),
        Some(&Stage::Before)
    );
    world
}

#[test]
fn a_report_of_another_turn_is_ignored() {
    for other in ["idle", "", "2/Objects/0", "1/Before/0", "2/Before/1"] {
        let mut world = before_objects();
        world.report = forbidden(other.into());
        world.run();
        world.settle();
        assert_eq!(world.history(), "1 superseded, 2 deployed", "{other}");
    }
    let mut world = before_objects();
    world.report = forbidden(tag(&world.state));
    world.settle();
    assert_eq!(world.records[&2].status, crate::record::Status::Failed);
}

#[test]
fn a_report_of_another_turn_fails_no_hook() {
    let story = |tag: fn(&World) -> String| {
        let mut world = World::new();
        world.chart.hooks = vec![Moment::PreInstall];
        while world.runs.is_empty() {
            world.run();
        }
        world.report = forbidden(tag(&world));
        world.settle();
        world.history()
    };
    assert_eq!(story(|_| "1/Before/0".into()), "1 deployed");
    assert_eq!(story(|world| tag(&world.state)), "1 failed");
}

#[test]
fn after_a_restart_there_is_no_report_and_nothing_fails() {
    let mut world = before_objects();
    world.report = None;
    world.settle();
    assert_eq!(world.history(), "1 superseded, 2 deployed");
}

/// The hooks are over by then: what was refused is an object.
#[test]
fn a_refused_object_fails_the_action_after_hooks_too() {
    let mut world = World::new();
    world.chart.hooks = vec![Moment::PreInstall];
    world.refused.insert("Deployment/web".into(), 403);
    world.settle();
    assert_eq!(world.history(), "1 failed");
    assert_eq!(world.runs, ["pre-install of 1"]);
}

#[test]
fn a_refused_record_is_told_after_tests_too() {
    let mut world = World::new();
    world.tests(false);
    while world.runs.is_empty() {
        world.run();
    }
    world.refused.insert("Secret".into(), 403);
    for _ in 0..6 {
        world.run();
    }
    assert_eq!(world.condition("Ready"), "False TestFailed");
    world.refused.clear();
    world.settle();
    assert_eq!(world.condition("TestSuccess"), "True TestSucceeded");
}
