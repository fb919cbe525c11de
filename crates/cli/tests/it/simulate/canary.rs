//! The talk's podinfo, rehearsed: metrics, webhooks, and all that a Canary does to its Deployment.

use std::process::Output;

use serde_json::Value;

use super::{lines, states, sum, text};
use crate::process::{modules, oarlock, root};

const DEFINITION: &str = "modules/canary/crds/flagger.app/canaries.yaml";

async fn simulate(scenario: &str, more: &[&str]) -> Output {
    let modules = modules();
    let mut args = vec!["simulate", "--modules", modules.to_str().unwrap()];
    args.extend(["-f", "examples/canary", DEFINITION, "--scenario", scenario]);
    args.extend(more);
    oarlock(&args, &root()).await
}

async fn told(scenario: &str) -> Vec<Value> {
    let output = simulate(scenario, &["-o", "json"]).await;
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
    lines(&output)
}

/// Sum of a number over the tracks of a role.
fn of_role(state: &Value, role: &str, key: &str) -> u64 {
    let tracks = state["tracks"].as_array().unwrap().iter();
    let tracks = tracks.filter(|track| track["role"] == role);
    tracks.map(|track| track[key].as_u64().unwrap()).sum()
}

#[tokio::test]
async fn a_good_version_is_promoted() {
    let lines = told("examples/canary/scenario.yaml").await;
    let states = states(&lines);
    let weights: Vec<u64> = states
        .iter()
        .map(|s| of_role(s, "canary", "weight"))
        .collect();
    let most = weights
        .iter()
        .position(|w| w == weights.iter().max().unwrap())
        .unwrap();
    assert!(weights[..=most].is_sorted(), "{weights:?}");
    assert!(weights[most] > 50, "{weights:?}");
    let revision = |state: &Value| {
        let tracks = state["tracks"].as_array().unwrap();
        let most = tracks
            .iter()
            .max_by_key(|t| t["available"].as_u64())
            .unwrap();
        most["revision"].clone()
    };
    let installed = states.iter().find(|s| sum(s, "available") == 10).unwrap();
    let last = states.last().unwrap();
    assert_ne!(revision(installed), revision(last));
    assert_eq!(of_role(last, "stable", "available"), 10, "{last}");
    let end = &lines.last().unwrap()["end"];
    assert_eq!(
        (&end["reason"], &end["objects"][0]["ready"]),
        (&"rest".into(), &true.into())
    );
}

#[tokio::test]
async fn a_bad_version_is_given_up() {
    let lines = told("examples/canary/scenario-bad.yaml").await;
    let states = states(&lines);
    let failed: Vec<&str> = states
        .iter()
        .filter(|s| s["decision"] == "CheckFailed")
        .map(|s| s["why"].as_str().unwrap())
        .collect();
    // The threshold is five, and the fifth gives it up.
    assert_eq!(failed.len(), 4, "{failed:?}");
    assert!(failed[0].contains("request-success-rate: 82"), "{failed:?}");
    assert!(states.iter().all(|s| of_role(s, "canary", "weight") <= 50));
    let last = states.last().unwrap();
    assert_eq!(of_role(last, "stable", "available"), 10, "{last}");
    assert_eq!(of_role(last, "canary", "total"), 0, "{last}");
    let end = &lines.last().unwrap()["end"];
    assert_eq!(
        (&end["reason"], &end["objects"][0]["ready"]),
        (&"rest".into(), &false.into())
    );
    for invariant in end["invariants"].as_array().unwrap() {
        assert_eq!(invariant["held"], true, "{invariant}");
    }
}

#[tokio::test]
async fn what_the_scenario_does_not_know_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = directory.path().join("scenario.yaml");
    let upgrade = root().join("examples/canary/upgrade/podinfo.yaml");
    let change = format!(
        "changes: [{{at: 2m, apply: {:?}}}]\n",
        upgrade.to_str().unwrap()
    );
    std::fs::write(&scenario, change).unwrap();
    let output = simulate(scenario.to_str().unwrap(), &["--for", "10m"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    for line in [
        "call: webhook load-test (http://load-tester.prod/): 200; the scenario does not have it",
        "call: metric request-success-rate: no data; the scenario does not have it",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[tokio::test]
async fn equal_rehearsals_are_equal_to_the_byte() {
    let run = async || {
        let output = simulate("examples/canary/scenario.yaml", &["-o", "html"]).await;
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout)
    };
    assert_eq!(run().await, run().await);
}
