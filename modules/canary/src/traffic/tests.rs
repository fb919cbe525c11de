#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::{AnyObject, Subject as _, Value, json};
use rollout::analysis::Settings;
use rollout::arithmetic::{Count, IntOrPercent, Surge};

use super::{is_meant, of};
use crate::goal::Numbers;
use crate::plan::{Plan, Routing};
use crate::router::{Pods, Traffic};
use crate::state::{Mark, Release, Stage, State};

fn plan(webhooks: &Value) -> Plan {
    let canary = json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1", "kind": "Canary",
        "metadata": {"name": "web", "namespace": "prod", "uid": "u"},
        "spec": {
            "targetRef": {"name": "web"},
            "service": {"port": 80, "gatewayRefs": [{"name": "public"}]},
            "analysis": {"stepWeights": [10, 50], "webhooks": webhooks},
        },
    });
    let object = AnyObject::from_json(canary.to_string()).unwrap();
    let plan = Plan::read(object, &Settings::default()).unwrap().1;
    assert_eq!(plan.routing, Routing::Gateway);
    plan
}

fn numbers(app: u32, stable: u32) -> Numbers {
    let count = |available: u32| Count {
        wanted: 10,
        running: 10,
        available,
    };
    Numbers {
        replicas: 10,
        surge: Surge::of(10, IntOrPercent::DEFAULT, IntOrPercent::DEFAULT),
        app: count(app),
        stable: count(stable),
        own_surge: IntOrPercent::DEFAULT,
        away: true,
        recreates: false,
        routing: Routing::Gateway,
    }
}

fn state(stage: Stage, running: Option<&str>) -> State {
    State {
        stage,
        target: String::from("new"),
        running: running.map(String::from),
        stable: Release {
            revision: String::from("old"),
            ..State::new().stable
        },
        ..State::new()
    }
}

fn mark(index: usize, weight: u32) -> Mark {
    Mark {
        index,
        weight,
        since: None,
    }
}

fn to(stage: Stage, running: Option<&str>, app: u32, stable: u32) -> Traffic {
    let state = state(stage, running);
    of(
        &state,
        &plan(&json!([])),
        &numbers(app, stable),
        Some("hash"),
    )
}

#[test]
fn row_12_nobody_is_sent_where_there_are_too_few_pods() {
    for stage in [
        Stage::Aborting,
        Stage::Failed,
        Stage::Waiting,
        Stage::Draining,
    ] {
        for stable in [0, 3, 7] {
            assert_eq!(
                to(stage, Some("new"), 10, stable),
                Traffic::idle(),
                "{stage:?} {stable}"
            );
        }
        assert_eq!(
            to(stage, Some("new"), 10, 8).stable,
            Pods::Stable,
            "{stage:?}"
        );
    }
    // Old Pods in both: there is time to wait for all.
    assert_eq!(to(Stage::Draining, Some("old"), 10, 9), Traffic::idle());
    assert_eq!(
        to(Stage::Draining, Some("old"), 10, 10).stable,
        Pods::Stable
    );
    // What did not get there is not where it wants to get.
    let plan = plan(&json!([]));
    let aborting = state(Stage::Aborting, Some("new"));
    assert!(!is_meant(&aborting, &plan, &Traffic::idle()));
    assert!(is_meant(
        &aborting,
        &plan,
        &to(Stage::Aborting, Some("new"), 0, 8)
    ));
}

#[test]
fn a_weight_waits_for_the_pods_that_it_needs() {
    let weight = |stage, app| to(stage, Some("new"), app, 10).weight;
    assert_eq!(weight(Stage::Stepping(mark(1, 50)), 5), 50);
    // That of the step before, until there are enough.
    assert_eq!(weight(Stage::Stepping(mark(1, 50)), 4), 10);
    assert_eq!(weight(Stage::Stepping(mark(0, 10)), 0), 0);
    // A promotion may come at once.
    assert_eq!(weight(Stage::Promoting(mark(0, 100)), 0), 0);
    assert_eq!(weight(Stage::Promoting(mark(0, 100)), 1), 10);
    assert_eq!(weight(Stage::Promoting(mark(0, 100)), 9), 50);
    assert_eq!(weight(Stage::Promoting(mark(0, 100)), 10), 100);
}

#[test]
fn no_requests_before_everybody_agreed() {
    let plan =
        plan(&json!([{"name": "acceptance", "type": "pre-rollout", "url": "http://tests.prod/"}]));
    let asked = state(Stage::Stepping(mark(0, 10)), Some("new"));
    let agreed = State {
        pre_rollout_passed: true,
        ..asked.clone()
    };
    let weight = |state: &State| of(state, &plan, &numbers(1, 10), Some("hash")).weight;
    assert_eq!((weight(&asked), weight(&agreed)), (0, 10));
}
