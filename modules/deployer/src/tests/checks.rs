//! Checks between two steps, and who is told: Prometheus, webhooks and Slack.

use oarlock_sdk::http::{HttpError, Request, Response};
use oarlock_sdk::{Value, json};

use super::site::Site;
use crate::reconcile;

/// One check after half a minute of the first step.
fn site(check: Value) -> Site {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {"steps": [
        {"percent": 10, "sleep": 60, "checks": [check]}, {"percent": 50, "sleep": 10}, {"percent": 100},
    ]}}));
    site.deploy("1.7.8");
    site
}

fn success_rate(no_data: &str) -> Value {
    json!({"prometheus": {"metric": "request-success-rate"}, "threshold": 99, "noData": no_data})
}

/// Prometheus finds this.
fn finds(site: &mut Site, value: Option<&str>) {
    let result: Vec<Value> = value
        .into_iter()
        .map(|value| json!({"metric": {}, "value": [0, value]}))
        .collect();
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
    site.world
        .answers(move |_: &Request, _| Ok(Response::json(200, &body)));
}

#[test]
fn a_check_that_passes_is_asked_once_and_after_the_sleep() {
    let mut site = site(success_rate("hold"));
    finds(&mut site, Some("99.5"));
    site.settle();
    assert_eq!(site.world.requests().len(), 0);
    site.sleep();
    site.run();
    assert_eq!(site.world.status()["currentStep"], 2);
    let asked = site.world.requests();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0]
            .url
            .starts_with("http://prometheus:9090/api/v1/query"),
        "{}",
        asked[0].url
    );
    let header = |name: &str| {
        asked[0]
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .cloned()
    };
    assert_eq!(
        header("x-oarlock-metric").unwrap().1,
        "request-success-rate"
    );
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn a_check_that_fails_gives_up() {
    let mut site = site(success_rate("hold"));
    finds(&mut site, Some("97.2"));
    site.settle();
    site.sleep();
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Stable")
    );
    assert_eq!(site.history()[0], "1.7.8 Aborted");
    let entry = &site.world.status()["history"][0];
    assert_eq!(entry["step"], 1);
    let reason = entry["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("metric request-success-rate: 97.2"),
        "{reason}"
    );
}

#[test]
fn a_check_that_fails_may_hold_or_be_forgiven() {
    let mut held = site(success_rate("hold"));
    held.world
        .edit(json!({"spec": {"strategy": {"onFailure": "hold"}}}));
    finds(&mut held, Some("97.2"));
    held.settle();
    held.sleep();
    held.settle();
    assert_eq!(
        (held.sizes().as_str(), held.phase()),
        ("1.7.7=9 1.7.8=1", "Waiting")
    );
    assert!(
        held.ready()
            .starts_with("False CheckFailed: metric request-success-rate"),
        "{}",
        held.ready()
    );
    assert_eq!(
        held.condition("Degraded").split(':').next(),
        Some("True CheckFailed")
    );
    assert_eq!(held.sleep().as_secs(), 30);
    finds(&mut held, Some("100"));
    held.finish();
    assert_eq!(held.sizes(), "1.7.8=10");

    let mut forgiving = site(success_rate("hold"));
    forgiving
        .world
        .edit(json!({"spec": {"strategy": {"threshold": 3}}}));
    finds(&mut forgiving, Some("97.2"));
    forgiving.settle();
    for failed in 1..=2 {
        forgiving.sleep();
        forgiving.settle();
        assert_eq!(forgiving.sizes(), "1.7.7=9 1.7.8=1");
        assert_eq!(
            forgiving.world.status()["checks"]["tally"]["failedChecks"],
            failed
        );
    }
    forgiving.sleep();
    forgiving.settle();
    assert_eq!(forgiving.sizes(), "1.7.7=10");
}

/// Between two askings nothing is written, and the inputs of the last one stand.
#[test]
fn row_20_no_data_follow_the_policy() {
    for (policy, sizes) in [
        ("hold", "1.7.7=9 1.7.8=1"),
        ("pass", "1.7.7=5 1.7.8=5"),
        ("fail", "1.7.7=10"),
    ] {
        for value in [None, Some("NaN")] {
            let mut site = site(success_rate(policy));
            finds(&mut site, value);
            site.settle();
            site.sleep();
            site.settle();
            assert_eq!(site.sizes(), sizes, "{policy} {value:?}");
        }
    }
    let mut site = site(success_rate("hold"));
    finds(&mut site, None);
    site.settle();
    site.sleep();
    site.settle();
    let why = site.world.status()["why"].clone();
    assert_eq!(why["decision"], "ChecksHold");
    assert_eq!(why["inputs"][0]["name"], "metric request-success-rate");
    site.pass(10);
    assert!(!site.run());
    assert_eq!(site.world.status()["why"], why);
    assert_eq!(site.world.requests().len(), 1);
}

#[test]
fn row_20_prometheus_down_holds_and_says_so() {
    let mut site = site(success_rate("hold"));
    site.world
        .answers(|_: &Request, _| Err(HttpError::Connect("connection refused".to_owned())));
    site.settle();
    site.sleep();
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=9 1.7.8=1");
    assert!(site.why().contains("connection refused"), "{}", site.why());
    assert_eq!(site.available(None), 10);
}

#[test]
fn row_22_a_webhook_is_asked_with_a_key_that_repeats_with_its_run() {
    let mut site = site(json!({"name": "smoke", "webhook": {"url": "http://tester/smoke"}}));
    site.world
        .answers(|_: &Request, _| Ok(Response::json(200, &json!({}))));
    site.settle();
    site.sleep();
    // Killed before anything of it was written, and called again.
    let outcome = site.world.call(reconcile).unwrap();
    site.world.perform(&outcome, 0);
    site.run();
    let asked = site.world.requests();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].effect, asked[1].effect);
    assert!(asked[0].effect.is_some());
    let header = |name: &str| {
        asked[0]
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .cloned()
    };
    assert_eq!(header("x-oarlock-webhook").unwrap().1, "smoke");
    assert_eq!(site.world.status()["currentStep"], 2);
}

#[test]
fn checks_come_before_a_pause_and_promotion_goes_past_them() {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {"steps": [
        {"percent": 10, "pause": true, "checks": [success_rate("hold")]}, {"percent": 100},
    ]}}));
    site.deploy("1.7.8");
    finds(&mut site, Some("100"));
    site.settle();
    for _ in 0..3 {
        if site.world.wake().is_some() {
            site.sleep();
            site.settle();
        }
    }
    assert!(
        site.why().starts_with("WaitingForPromotion"),
        "{}",
        site.why()
    );
    assert_eq!(site.world.status()["checks"]["passed"], true);

    let mut site = self::site(success_rate("hold"));
    finds(&mut site, None);
    site.settle();
    site.wish("promote", "/full");
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}

#[test]
fn a_check_of_blue_green_is_asked_before_traffic_moves() {
    let mut site = Site::installed(4);
    site.checked = None;
    site.world.edit(json!({"spec": {
        "type": "blueGreen", "blueGreen": {"checks": [success_rate("hold")], "autoPromotionDelay": 60},
    }}));
    site.deploy("1.7.8");
    finds(&mut site, Some("1"));
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=4 1.7.8=4");
    site.sleep();
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
}

#[test]
fn checks_that_say_nothing_are_refused_with_their_place() {
    for (check, told) in [
        (
            json!({"prometheus": {"metric": "requests"}}),
            "spec.steps[0].checks[0].prometheus.metric: ",
        ),
        (json!({}), "spec.steps[0].checks[0]: "),
    ] {
        let refused = site(check).failure();
        assert!(refused.starts_with(told), "{refused}");
    }
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"spec": {"notify": [{"severity": "warn"}]}}));
    assert!(
        site.failure().starts_with("spec.notify[0]"),
        "{}",
        site.failure()
    );
    site.world
        .edit(json!({"spec": {"notify": null, "steps": [{"percent": 100, "notify": [{}]}]}}));
    assert!(
        site.failure().starts_with("spec.steps[0].notify[0]"),
        "{}",
        site.failure()
    );
}

/// What was sent, as `URL text`.
fn sent(site: &mut Site) -> Vec<String> {
    let mut sent = Vec::new();
    for _ in 0..40 {
        let outcome = site.world.call(reconcile).unwrap();
        for notice in outcome.notices() {
            let body: Value = serde_json::from_str(&notice.body).unwrap();
            assert_eq!(
                (&body["name"], &body["namespace"]),
                (&json!("nginx"), &json!("default"))
            );
            let line = format!(
                "{} {}",
                notice.url,
                body["metadata"]["eventMessage"].as_str().unwrap()
            );
            if sent.last() != Some(&line) {
                sent.push(line);
            }
        }
        let changed = site.world.perform(&outcome, usize::MAX);
        if !site.pods_follow() && !changed {
            if site.world.wake().is_none() {
                break;
            }
            site.sleep();
        }
    }
    sent
}

#[test]
fn every_event_is_told_to_those_who_want_to_know() {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {
        "notify": [{"webhook": {"url": "http://hooks/all"}}, {"severity": "error", "webhook": {"url": "http://hooks/pager"}}],
        "steps": [
            {"percent": 50, "sleep": 10, "notify": [{"webhook": {"url": "http://hooks/half"}}]},
            {"percent": 100},
        ],
    }}));
    let mut good = site.clone();
    good.deploy("1.7.8");
    assert_eq!(
        sent(&mut good),
        [
            "http://hooks/all step 1 of 2: 50% to nginx-1.7.8",
            "http://hooks/all 50% is available",
            "http://hooks/half 50% is available",
            "http://hooks/all step 2 of 2: 100% to nginx-1.7.8",
            "http://hooks/all all Pods are of nginx-1.7.8",
        ]
    );
    site.deploy("1.7.9");
    site.broken = vec!["nginx-1.7.9".to_owned()];
    let told = sent(&mut site);
    let paged: Vec<&String> = told
        .iter()
        .filter(|line| line.starts_with("http://hooks/pager"))
        .collect();
    assert_eq!(
        paged,
        [
            "http://hooks/pager nginx-1.7.9 is given up: the Pods of nginx-1.7.9 were not available within 600s"
        ]
    );
}

#[test]
fn who_cannot_be_told_is_told_in_an_event() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"spec": {"notify": [{"slack": {"secretRef": {"name": "slack"}}}]}}));
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
    let told = site.reasons().into_iter();
    let told = told.filter(|reason| *reason == "NotTold").count();
    assert_eq!(told, 1, "once per generation");
}

#[test]
fn slack_is_told_in_its_own_words() {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {"notify": [{"slack": {"url": "http://hooks.slack/T0", "channel": "web"}}]}}));
    site.deploy("1.7.8");
    let outcome = site.world.call(reconcile).unwrap();
    let notice = &outcome.notices()[0];
    assert_eq!(notice.url, "http://hooks.slack/T0");
    let body: Value = serde_json::from_str(&notice.body).unwrap();
    assert!(
        body.to_string().contains("step 1 of 4: 10% to nginx-1.7.8"),
        "{body}"
    );
    assert_eq!(body["channel"], "web");
}
