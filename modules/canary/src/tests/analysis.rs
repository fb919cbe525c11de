//! Rollouts that are checked: metrics, webhooks, and what they come to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use oarlock_sdk::http::{HttpError, Request, Response};
use oarlock_sdk::{Value, json};

use super::site::{PODINFO, Site, plain};

/// What everybody who is asked answers; to be changed by the test.
#[derive(Clone, Default)]
struct Answers {
    metrics: Rc<RefCell<BTreeMap<String, f64>>>,
    webhooks: Rc<RefCell<BTreeMap<String, u16>>>,
}

impl Answers {
    fn metric(&self, name: &str, value: f64) {
        self.metrics.borrow_mut().insert(name.to_owned(), value);
    }

    fn webhook(&self, name: &str, status: u16) {
        self.webhooks.borrow_mut().insert(name.to_owned(), status);
    }

    fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let header = |name: &str| {
            let of = |(key, value): &(String, String)| {
                key.eq_ignore_ascii_case(name).then(|| value.clone())
            };
            request.headers.iter().find_map(of)
        };
        if let Some(metric) = header("x-oarlock-metric") {
            let value = self.metrics.borrow().get(&metric).copied();
            let result =
                value.map(|value| json!([{"metric": {}, "value": [0, value.to_string()]}]));
            return Ok(Response::json(
                200,
                &json!({"status": "success", "data": {"resultType": "vector", "result": result.unwrap_or(json!([]))}}),
            ));
        }
        let name = header("x-oarlock-webhook").unwrap_or_default();
        let status = self.webhooks.borrow().get(&name).copied().unwrap_or(200);
        Ok(Response::json(status, &json!({})))
    }

    fn serve(&self, site: &mut Site) {
        let answers = self.clone();
        site.world
            .answers(move |request, _| answers.answer(request));
    }
}

fn podinfo() -> (Site, Answers) {
    let canary: Value = serde_saphyr::from_str(PODINFO).unwrap();
    let answers = Answers::default();
    answers.metric("request-success-rate", 99.8);
    answers.metric("request-duration", 200.0);
    let mut site = Site::new(canary, 4);
    answers.serve(&mut site);
    site.settle();
    assert_eq!(site.phase(), "Initialized");
    site.checked = Some((4, 4));
    (site, answers)
}

fn sent(site: &Site, name: &str) -> usize {
    let is = |request: &Request| {
        request
            .headers
            .iter()
            .any(|(key, value)| key.starts_with("x-oarlock-") && value == name)
    };
    site.world
        .requests()
        .iter()
        .filter(|request| is(request))
        .count()
}

#[test]
fn the_manifest_of_the_talk_runs_unchanged() {
    let (mut site, _) = podinfo();
    site.deploy("2");
    let began = site.world.now();
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.pods(), "app 2=4/4, stable");
    // 5 % at a time: twenty steps, each as long as its metrics need to be about it.
    let took = site.world.now().since(began).as_secs();
    assert!((200..=600).contains(&took), "{took}");
    assert!(
        sent(&site, "load-test") >= 19,
        "{}",
        sent(&site, "load-test")
    );
    assert!(sent(&site, "request-success-rate") >= 19);
}

#[test]
fn checks_that_fail_too_often_give_it_up() {
    let (mut site, answers) = podinfo();
    site.deploy("2");
    site.until(|site| site.world.status()["currentStep"] == json!(4));
    answers.metric("request-success-rate", 80.0);
    site.until(|site| site.world.status()["failedChecks"] == json!(1));
    assert!(
        site.why().contains("request-success-rate"),
        "{}",
        site.why()
    );
    assert_eq!(site.world.status()["currentStep"], json!(4));
    let inputs = site.world.status()["why"]["inputs"].to_string();
    assert!(
        inputs.contains("metric request-success-rate") && inputs.contains("80"),
        "{inputs}"
    );
    site.finish();
    assert_eq!(site.phase(), "Failed");
    assert_eq!(site.pods(), "app, stable 1=4/4");
    assert_eq!(site.world.status()["failedChecks"], json!(5));
    assert!(
        site.reasons()
            .iter()
            .filter(|reason| **reason == "CheckFailed")
            .count()
            >= 4
    );
}

#[test]
fn checks_that_fail_for_a_while_hold_the_weight() {
    let (mut site, answers) = podinfo();
    site.deploy("2");
    answers.metric("request-duration", 900.0);
    site.until(|site| site.world.status()["failedChecks"] == json!(2));
    answers.metric("request-duration", 100.0);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}

fn with_webhook(kind: &str) -> (Site, Answers) {
    let mut canary = plain();
    canary["spec"]["analysis"]["webhooks"] =
        json!([{"name": "gate", "type": kind, "url": "http://gate.prod/"}]);
    let answers = Answers::default();
    let mut site = Site::held(canary, 10);
    answers.serve(&mut site);
    (site, answers)
}

#[test]
fn a_rollout_waits_until_it_is_confirmed() {
    let (mut site, answers) = with_webhook("confirm-rollout");
    answers.webhook("gate", 403);
    site.deploy("2");
    site.settle();
    site.pass(100_000);
    assert_eq!(site.phase(), "Waiting");
    assert_eq!(site.pods(), "app 1=10/10, stable");
    answers.webhook("gate", 200);
    site.pass(10);
    assert_eq!(site.phase(), "Progressing");
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}

#[test]
fn a_promotion_waits_until_it_is_confirmed() {
    let (mut site, answers) = with_webhook("confirm-promotion");
    answers.webhook("gate", 500);
    site.deploy("2");
    site.until(|site| site.phase() == "WaitingPromotion");
    site.pass(100_000);
    assert_eq!(site.phase(), "WaitingPromotion");
    assert_eq!(site.pods(), "app 2=6/6, stable 1=4/4");
    answers.webhook("gate", 200);
    site.pass(10);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}

#[test]
fn more_weight_waits_until_it_is_confirmed() {
    let (mut site, answers) = with_webhook("confirm-traffic-increase");
    answers.webhook("gate", 500);
    site.deploy("2");
    site.until(|site| site.pods() == "app 2=1/1, stable 1=9/9");
    site.pass(10_000);
    assert_eq!(site.pods(), "app 2=1/1, stable 1=9/9");
    assert_eq!(site.world.status()["failedChecks"], json!(0));
    answers.webhook("gate", 200);
    site.pass(10);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}

#[test]
fn a_rollback_is_asked_for_whatever_else_passes() {
    let (mut site, answers) = with_webhook("rollback");
    answers.webhook("gate", 500);
    site.deploy("2");
    site.until(|site| site.pods() == "app 2=6/6, stable 1=4/4");
    answers.webhook("gate", 200);
    site.finish();
    assert_eq!(site.phase(), "Failed");
    assert_eq!(site.pods(), "app, stable 1=10/10");
}

#[test]
fn what_comes_before_the_first_step_is_asked_until_it_agrees_and_counts() {
    let (mut site, answers) = with_webhook("pre-rollout");
    answers.webhook("gate", 500);
    site.deploy("2");
    site.until(|site| site.world.status()["failedChecks"] == json!(1));
    assert_eq!(site.pods(), "app 2=1/1, stable 1=9/9");
    answers.webhook("gate", 200);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(sent(&site, "gate"), 2);
}

#[test]
fn nobody_is_asked_while_the_deployment_may_roll_out_by_itself() {
    let (mut site, answers) = with_webhook("pre-rollout");
    answers.webhook("gate", 500);
    site.deploy("2");
    for _ in 0..300 {
        let paused = site.app()["spec"]["paused"] == json!(true);
        let ran = site.run();
        if sent(&site, "gate") > 0 {
            assert!(paused, "an answer may take its time: {}", site.why());
            return;
        }
        if !site.pods_follow() && !ran {
            assert!(site.sleep(), "rests: {}", site.why());
        }
    }
    panic!("nobody is asked: {}", site.why());
}

#[test]
fn what_comes_afterwards_is_told_however_it_ends() {
    let (mut site, _) = with_webhook("post-rollout");
    site.deploy("2");
    site.finish();
    assert_eq!(sent(&site, "gate"), 1);
    site.controller.broken.push("podinfo:3".to_owned());
    site.deploy("3");
    site.finish();
    assert_eq!(site.phase(), "Failed");
    assert_eq!(sent(&site, "gate"), 2);
}

#[test]
fn row_07_a_check_that_is_asked_again_after_a_crash_has_the_same_key() {
    let (mut site, _) = podinfo();
    site.deploy("2");
    site.until(|site| {
        site.world.status()["currentStep"] == json!(2)
            && site.world.status()["stepStartedAt"].is_string()
    });
    let wake = site.world.wake().unwrap();
    site.world.set_now(wake);
    let keys = |site: &Site| -> Vec<String> {
        let header = |request: &Request| {
            let of = |(key, value): &(String, String)| {
                key.eq_ignore_ascii_case("idempotency-key")
                    .then(|| value.clone())
            };
            request.headers.iter().find_map(of)
        };
        site.world.requests().iter().filter_map(header).collect()
    };
    let before = keys(&site).len();
    site.run_until(0);
    site.run_until(0);
    site.run();
    let keys = keys(&site);
    let asked: Vec<_> = keys[before..].iter().collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[0] == pair[1]), "{asked:?}");
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}

#[test]
fn alerts_and_events_are_sent_once_per_transition() {
    let mut canary = plain();
    canary["spec"]["analysis"]["webhooks"] =
        json!([{"name": "told", "type": "event", "url": "http://events.prod/"}]);
    let mut site = Site::held(canary, 10);
    site.deploy("2");
    let outcome = site.world.call(crate::reconcile).unwrap();
    assert_eq!(outcome.recorded().len(), 1);
    assert_eq!(outcome.notices().len(), 1);
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
}
