//! Which tests run.

use super::World;
use crate::hooks::Event as Moment;
use crate::wish::{OwnRules, Rules, Test};

fn choosing(only: &[&str], except: &[&str]) -> World {
    let list = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect();
    let mut world = World::new();
    world.tests(false);
    // Their names are test-0, test-1 and test-2.
    world.chart.hooks = vec![Moment::Test; 3];
    let test = world.wish.policy.test.as_mut().unwrap();
    *test = Test {
        only: list(only),
        except: list(except),
        ..test.clone()
    };
    world.settle();
    world
}

#[test]
fn tests_that_the_wish_leaves_out_do_not_run() {
    assert_eq!(choosing(&[], &[]).runs.len(), 3);
    assert_eq!(choosing(&["test-1"], &[]).runs.len(), 1);
    assert_eq!(choosing(&[], &["test-1"]).runs.len(), 2);
    let none = choosing(&["nobody"], &[]);
    assert_eq!(none.runs.len(), 0);
    assert_eq!(none.condition("Ready"), "True TestSucceeded");
    assert!(none.message("TestSuccess").ends_with("no test hooks"));
    assert!(
        choosing(&[], &["test-1"])
            .message("TestSuccess")
            .ends_with("2 test hooks completed successfully")
    );
}

#[test]
fn a_test_that_was_left_out_fails_nothing() {
    let mut world = World::new();
    world.tests(false);
    world.failing.insert(Moment::Test);
    world.wish.policy.test.as_mut().unwrap().except = vec!["test-0".into()];
    world.settle();
    assert_eq!(world.condition("Ready"), "True TestSucceeded");
}

#[test]
fn other_filters_do_not_change_tests_that_run() {
    let mut world = World::new();
    world.tests(false);
    world.chart.hooks = vec![Moment::Test; 2];
    while world.runs.is_empty() {
        world.run();
    }
    world.wish.policy.test.as_mut().unwrap().except = vec!["test-0".into(), "test-1".into()];
    world.settle();
    assert_eq!(world.runs.len(), 2);
    assert_eq!(world.history(), "1 deployed");
}

#[test]
fn jobs_are_waited_for_where_the_wish_says_so() {
    use crate::situation::watched;
    let mut world = World::new();
    let rules = |world: &World| -> Rules { world.wish.policy.rules(crate::wish::Action::Upgrade) };
    let said = |world: &World| {
        [
            ("batch/v1", "Job"),
            ("apps/v1", "Deployment"),
            ("example.com/v1", "Job"),
        ]
        .map(|(api_version, kind)| watched(&rules(world), api_version, kind))
    };
    assert_eq!(said(&world), [true, true, true]);
    world.wish.policy.actions.upgrade = OwnRules {
        jobs: Some(false),
        ..OwnRules::default()
    };
    assert_eq!(said(&world), [false, true, true]);
}
