#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use oarlock_devcluster::workload::{Behaviour, Pattern};

use crate::steer::{Reach, Wish};

use super::{Answer, Deed, Sample, Scenario, form};

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/scenario.schema.json");

const WHOLE: &str = r#"
pods:
  - {image: "nginx:1.7.8", readyAfter: 20s}
  - {image: "*-bad", fail: CrashLoopBackOff, failAfter: 30s, at: 10m}
metrics:
  - name: success
    series: [{at: 1m, value: 99.5}, {at: 5m, value: none}, {at: 6m, value: error}, {at: 7m, value: NaN}]
  - {name: latency, series: 200 200 +Inf timeout, every: 30s}
  - {name: constant, series: 7}
webhooks:
  - {url: "http://gate.test/*", answers: 500 500 200}
  - {name: confirm, answers: [{at: 5m, answer: refused}, {at: 10m, answer: timeout}]}
changes:
  - {at: 5m, patch: {target: Deployer/nginx, merge: {spec: {deployment: {version: 1.7.8}}}}}
  - {at: 6m, steer: {wish: promoteFully, target: Deployer/nginx, namespace: team}}
crashes:
  - {at: 6m, down: 30s}
invariants:
  - {expr: available >= 90%, for: 30s}
  - {expr: total <= 125%, object: Deployer/nginx}
"#;

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(Path::new("scenario.yaml"), text).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[test]
fn everything_that_may_be_said_is_understood() {
    let scenario = parse(WHOLE).unwrap_or_else(|findings| panic!("{findings}"));
    let pods: Vec<(&Pattern, &Behaviour)> = scenario
        .pods
        .iter()
        .map(|p| (&p.which, &p.behaviour))
        .collect();
    assert_eq!(
        pods,
        [
            (
                &Pattern::image("nginx:1.7.8"),
                &Behaviour::ReadyAfter(Duration::from_secs(20))
            ),
            (
                &Pattern::image("*-bad"),
                &Behaviour::CrashLoopBackOff {
                    after: Duration::from_secs(30)
                }
            ),
        ]
    );
    assert_eq!(scenario.pods[1].at, minutes(10));
    assert_eq!(scenario.slowest_pod(), Duration::from_secs(30));
    let sample = |metric: usize, seconds| {
        let time = Duration::from_secs(seconds);
        scenario.metrics[metric].series.at(time)
    };
    let value = |text: &str| Sample::Value(text.to_owned());
    assert_eq!(sample(0, 59), Sample::Nothing);
    assert_eq!(sample(0, 60), value("99.5"));
    assert_eq!(sample(0, 299), value("99.5"));
    assert_eq!(sample(0, 300), Sample::Nothing);
    assert_eq!(sample(0, 360), Sample::Error);
    assert_eq!(sample(0, 100_000), value("NaN"));
    assert_eq!(sample(1, 31), value("200"));
    assert_eq!(sample(1, 61), value("+Inf"));
    assert_eq!(sample(1, 91), Sample::Timeout);
    assert_eq!(sample(2, 0), value("7"));
    let answer = |webhook: usize, call, time| scenario.webhooks[webhook].answers.answer(call, time);
    assert_eq!(answer(0, 0, minutes(9)), Answer::Status(500));
    assert_eq!(answer(0, 9, minutes(0)), Answer::Status(200));
    assert_eq!(answer(1, 0, minutes(4)), Answer::Status(200));
    assert_eq!(answer(1, 9, minutes(5)), Answer::Refused);
    assert_eq!(answer(1, 0, minutes(10)), Answer::Timeout);
    let Deed::Patch(patch) = &scenario.changes[0].deed else {
        panic!("{:?}", scenario.changes);
    };
    assert_eq!(
        (patch.place.kind.as_str(), patch.place.name.as_str()),
        ("Deployer", "nginx")
    );
    let Deed::Steer(place, wish) = &scenario.changes[1].deed else {
        panic!("{:?}", scenario.changes);
    };
    assert_eq!(
        (place.namespace.as_str(), *wish),
        ("team", Wish::Promote(Reach::Full))
    );
    assert_eq!(
        scenario.changes[1].deed.to_string(),
        "promoteFully Deployer/nginx"
    );
    assert_eq!(scenario.crashes[0].down, Duration::from_secs(30));
    assert_eq!(scenario.invariants[0].spare, Duration::from_secs(30));
}

#[test]
fn every_slip_has_a_place_and_says_what_to_do() {
    let wrong = r#"
podz: []
pods:
  - {image: a}
  - {image: a, readyAfter: 5, fail: NeverReady}
  - {image: a, readyAfter: 5s, fail: NeverReady}
  - {image: a, readyAfter: 5s, failAfter: 5s}
  - {image: a, fail: Crash}
metrics:
  - {series: 99 100}
  - {name: a, series: 99 nine 8}
  - {name: a, series: []}
  - {name: a, series: [{at: 5m, value: 1}, {at: 1m, value: 2}, {at: 6m, valeu: 3}, {at: 7m, value: many}]}
webhooks:
  - {answers: 200}
  - {url: "http://a", answers: 200 2000}
  - {url: "http://a", answers: 99}
changes:
  - {at: 5m}
  - {at: 5m, apply: a.yaml, delete: a.yaml}
  - {at: 5m, apply: nowhere.yaml}
  - {apply: 3}
  - {at: 5m, patch: {target: nginx, merge: {}}}
  - {at: 5m, patch: {target: Deployer/nginx}}
  - {at: 5m, steer: {target: Deployer/nginx, wish: promot}}
  - {at: 5m, steer: {wish: abort}}
crashes:
  - {at: soon}
invariants:
  - {expr: avialable >= 90%}
  - {expr: "weight(canary) <= 50%", for: -1s}
  - {for: 3s}
  - {expr: ready >= 1, object: nginx}
"#;
    insta::assert_snapshot!(parse(wrong).unwrap_err());
}

#[test]
fn a_file_that_is_no_scenario_is_told_so() {
    insta::assert_snapshot!(parse("- apply: a.yaml\n").unwrap_err());
}

#[test]
fn the_checked_in_schema_is_up_to_date() {
    let generated = format!("{:#}\n", super::schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(CHECKED_IN, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(
        checked_in == generated,
        "schema/scenario.schema.json is out of date; run the tests of oarlock with UPDATE=1"
    );
    assert!(!generated.contains("$ref"));
}

#[test]
fn every_key_is_described() {
    fn walk(schema: &serde_json::Value, path: &str) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            assert!(property["description"].is_string(), "{path}");
            walk(property, &path);
            walk(&property["items"], &path);
        }
    }
    walk(form().schema(), "");
}
