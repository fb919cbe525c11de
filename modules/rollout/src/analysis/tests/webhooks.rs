//! Row 22: what webhooks can answer.

use std::time::Duration;

use oarlock_sdk::http::HttpError;
use oarlock_sdk::{Value, json};

use super::{Answer, Site, text};
use crate::analysis::{
    Assessment, Decision, Hold, Inquiry, Judgement, News, Occasion, Severity, Tally, Webhooks,
};

const PATH: &str = "spec.analysis.webhooks";

fn webhooks(specs: Value) -> Webhooks {
    Webhooks::parse(&serde_json::from_value::<Vec<_>>(specs).unwrap(), PATH).unwrap()
}

fn hook(kind: &str) -> Webhooks {
    webhooks(json!([{"type": kind, "name": "hook", "url": "http://e.com/hook"}]))
}

fn call(site: &Site, webhooks: &Webhooks, occasion: Occasion) -> Assessment {
    Inquiry::new(&site.context()).call(webhooks, occasion, &site.scope)
}

/// What each type says of each answer.
#[test]
fn row_22_every_answer_has_a_meaning() {
    let (pass, fail, error) = (Judgement::Pass, Judgement::Fail, Judgement::Error);
    let gate = Judgement::Hold(Hold::Gate);
    let table: Vec<(Answer, [Judgement; 4], &str)> = vec![
        // Answer, then: rollout and pre-rollout, confirm-*, rollback, post-rollout.
        (text(200, "ok"), [pass, pass, fail, pass], "200"),
        (text(202, ""), [pass, pass, fail, pass], "202"),
        (text(204, ""), [pass, pass, fail, pass], "204"),
        (text(299, ""), [pass, pass, fail, pass], "299"),
        (
            text(301, "x"),
            [fail, gate, pass, pass],
            "answered 301: redirects are not followed",
        ),
        (
            text(304, ""),
            [fail, gate, pass, pass],
            "answered 304: redirects are not followed",
        ),
        (
            text(403, "halted\n"),
            [fail, gate, pass, pass],
            "answered 403: \"halted\"",
        ),
        (
            text(404, ""),
            [fail, gate, pass, pass],
            "answered 404: an empty body",
        ),
        (
            text(408, ""),
            [error, gate, pass, pass],
            "answered 408: an empty body",
        ),
        (
            text(429, "slow"),
            [error, gate, pass, pass],
            "answered 429: \"slow\"",
        ),
        (
            text(500, "oops"),
            [error, gate, pass, pass],
            "answered 500: \"oops\"",
        ),
        (
            text(503, ""),
            [error, gate, pass, pass],
            "answered 503: an empty body",
        ),
        (
            Err(HttpError::TimedOut),
            [error, gate, pass, pass],
            "no answer within 10s",
        ),
        (
            Err(HttpError::Connect("connection refused".into())),
            [error, gate, pass, pass],
            "connection refused",
        ),
        (
            Err(HttpError::TooLarge(8_388_608)),
            [error, gate, pass, pass],
            "the answer is larger than 8388608 bytes",
        ),
    ];
    for (answer, wanted, value) in table {
        for (occasion, kind, wanted) in [
            (Occasion::Rollout, "rollout", wanted[0]),
            (Occasion::PreRollout, "pre-rollout", wanted[0]),
            (Occasion::ConfirmRollout, "confirm-rollout", wanted[1]),
            (
                Occasion::ConfirmTrafficIncrease,
                "confirm-traffic-increase",
                wanted[1],
            ),
            (Occasion::ConfirmPromotion, "confirm-promotion", wanted[1]),
            (Occasion::Rollback, "rollback", wanted[2]),
            (Occasion::PostRollout, "post-rollout", wanted[3]),
        ] {
            let site = Site::new().answer("hook", [answer.clone()]);
            let assessment = call(&site, &hook(kind), occasion);
            let [finding] = assessment.findings.as_slice() else {
                panic!("{kind} was called {} times", assessment.findings.len());
            };
            assert_eq!(finding.judgement, wanted, "{kind} {answer:?}");
            assert_eq!(finding.input.value, value, "{kind}");
            assert_eq!(finding.input.name, "webhook hook");
        }
    }
}

#[test]
fn row_22_people_read_what_it_was() {
    let message = |kind: &str, occasion, answer: Answer| {
        let site = Site::new().answer("hook", [answer]);
        call(&site, &hook(kind), occasion)
            .findings
            .remove(0)
            .message
    };
    for (kind, occasion, answer, wanted) in [
        (
            "rollout",
            Occasion::Rollout,
            text(204, ""),
            "webhook hook: answered 204",
        ),
        (
            "rollout",
            Occasion::Rollout,
            text(404, "no such test"),
            "webhook hook: answered 404: \"no such test\"",
        ),
        (
            "confirm-promotion",
            Occasion::ConfirmPromotion,
            text(403, "ask Ann"),
            "webhook hook: does not let it pass: answered 403: \"ask Ann\"",
        ),
        (
            "confirm-rollout",
            Occasion::ConfirmRollout,
            Err(HttpError::TimedOut),
            "webhook hook: does not let it pass: no answer within 10s",
        ),
        (
            "rollback",
            Occasion::Rollback,
            text(200, ""),
            "webhook hook: answered 200: the rollout is to be given up",
        ),
        (
            "rollback",
            Occasion::Rollback,
            text(403, ""),
            "webhook hook: asks for no rollback: answered 403: an empty body",
        ),
    ] {
        assert_eq!(message(kind, occasion, answer), wanted);
    }
}

#[test]
fn row_22_a_huge_body_is_cut() {
    let site = Site::new().answer("hook", [text(400, &"x".repeat(3_000_000))]);
    let finding = call(&site, &hook("rollout"), Occasion::Rollout)
        .findings
        .remove(0);
    assert_eq!(
        finding.message,
        format!(
            "webhook hook: answered 400: \"{}…\" (3000000 bytes)",
            "x".repeat(200)
        )
    );
    assert!(finding.input.value.len() < 300);
}

#[test]
fn row_22_a_missing_grant_holds_and_names_itself() {
    let text =
        "no grant for http://e.com; hint: add to the watch: grants: {http: [\"http://e.com\"]}";
    for (kind, occasion) in [
        ("rollout", Occasion::Rollout),
        ("pre-rollout", Occasion::PreRollout),
        ("confirm-promotion", Occasion::ConfirmPromotion),
        ("rollback", Occasion::Rollback),
    ] {
        let site = Site::new().answer("hook", [Err(HttpError::Denied(text.into()))]);
        let finding = call(&site, &hook(kind), occasion).findings.remove(0);
        assert_eq!(finding.judgement, Judgement::Hold(Hold::Blocked), "{kind}");
        assert_eq!(
            finding.message,
            format!("webhook hook: cannot be called: {text}")
        );
    }
}

#[test]
fn row_22_the_request_is_flaggers_with_a_key() {
    let hooks = webhooks(json!([{
        "name": "load-test", "url": "http://load-tester.prod/", "timeout": "5s",
        "metadata": {"cmd": "hey -z 2m -q 10 -c 2 http://podinfo:9898/"},
    }]));
    let site = Site::new().answer("load-test", [text(202, "")]);
    Inquiry::new(&site.context()).checks(&[], &hooks, &site.scope);
    let sent = site.sent.borrow();
    let request = &sent[0];
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "http://load-tester.prod/")
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        json!({
            "name": "podinfo", "namespace": "prod", "phase": "Progressing", "checksum": "0123456789",
            "metadata": {"cmd": "hey -z 2m -q 10 -c 2 http://podinfo:9898/"},
        })
    );
    let key = "8d1f/0123456789/rollout/load-test/Progressing/3/1795262400000";
    assert_eq!(
        request.headers,
        [
            ("content-type".to_owned(), "application/json".to_owned()),
            ("idempotency-key".to_owned(), key.to_owned()),
            ("x-oarlock-webhook".to_owned(), "load-test".to_owned()),
        ]
    );
    assert_eq!(request.effect.as_deref(), Some(key));
    assert_eq!(request.timeout, Some(Duration::from_secs(5)));
}

#[test]
fn row_22_a_repeated_run_has_the_same_key_and_the_next_check_another() {
    let keys = |kind: &str, occasion, ticks: [u64; 3]| {
        let mut site = Site::new().answer("hook", [text(500, "")]);
        for tick in ticks {
            site.scope.tick = site.scope.since + Duration::from_secs(tick);
            call(&site, &hook(kind), occasion);
        }
        let sent = site.sent.borrow();
        let key = |at: usize| sent[at].headers[1].1.clone();
        [key(0) == key(1), key(1) == key(2)]
    };
    // The same tick twice, then the next.
    assert_eq!(
        keys("rollout", Occasion::Rollout, [0, 0, 10]),
        [true, false]
    );
    assert_eq!(
        keys("confirm-promotion", Occasion::ConfirmPromotion, [0, 0, 10]),
        [true, false]
    );
    // What has its effect once has one key, however often it is retried.
    assert_eq!(
        keys("pre-rollout", Occasion::PreRollout, [0, 0, 10]),
        [true, true]
    );
    assert_eq!(
        keys("post-rollout", Occasion::PostRollout, [0, 0, 10]),
        [true, true]
    );
}

/// A revision that comes again, after a retry or another one, is tested again.
#[test]
fn row_22_the_next_rollout_has_a_key_of_its_own() {
    let mut site = Site::new().answer("hook", [text(200, "")]);
    for minutes in [0, 0, 5] {
        site.scope.began = site.scope.since + Duration::from_secs(60 * minutes);
        call(&site, &hook("pre-rollout"), Occasion::PreRollout);
    }
    let sent = site.sent.borrow();
    let key = |at: usize| sent[at].headers[1].1.clone();
    assert_eq!([key(0) == key(1), key(1) == key(2)], [true, false]);
}

#[test]
fn row_22_questions_have_no_effect() {
    for (kind, occasion, effect) in [
        ("confirm-rollout", Occasion::ConfirmRollout, false),
        (
            "confirm-traffic-increase",
            Occasion::ConfirmTrafficIncrease,
            false,
        ),
        ("confirm-promotion", Occasion::ConfirmPromotion, false),
        ("rollback", Occasion::Rollback, false),
        ("pre-rollout", Occasion::PreRollout, true),
        ("rollout", Occasion::Rollout, true),
        ("post-rollout", Occasion::PostRollout, true),
    ] {
        let site = Site::new().answer("hook", [text(200, "")]);
        call(&site, &hook(kind), occasion);
        let sent = site.sent.borrow();
        assert_eq!(sent[0].effect.is_some(), effect, "{kind}");
        assert_eq!(sent[0].headers[1].0, "idempotency-key");
    }
}

#[test]
fn row_22_retries_are_checks_of_their_own() {
    let decisions = |retries: u32, answers: Vec<Answer>| {
        let hooks = webhooks(json!([{"name": "hook", "url": "http://e.com/", "retries": retries}]));
        let calls = answers.len();
        let site = Site::new().answer("hook", answers);
        let mut tally = Tally::default();
        let mut decisions = Vec::new();
        for _ in 0..calls {
            let assessment = Inquiry::new(&site.context()).checks(&[], &hooks, &site.scope);
            let (next, ruling) = tally.count(&assessment, 1);
            tally = next;
            decisions.push(ruling.decision);
        }
        decisions
    };
    let down = || text(503, "");
    assert_eq!(decisions(0, vec![down()]), [Decision::GiveUp]);
    assert_eq!(
        decisions(2, vec![down(), down(), down()]),
        [Decision::Hold, Decision::Hold, Decision::GiveUp]
    );
    // A success in between starts the count again.
    assert_eq!(
        decisions(1, vec![down(), text(200, ""), down(), down()]),
        [
            Decision::Hold,
            Decision::Advance,
            Decision::Hold,
            Decision::GiveUp
        ]
    );
    // What is meant is not asked again.
    assert_eq!(decisions(9, vec![text(404, "")]), [Decision::GiveUp]);
}

#[test]
fn a_load_test_is_called_at_every_check_and_before_the_metrics() {
    let hooks = webhooks(json!([
        {"type": "confirm-promotion", "name": "gate", "url": "http://e.com/"},
        {"type": "", "name": "load-test", "url": "http://e.com/"},
    ]));
    let site = Site::new()
        .answer("load-test", [text(200, "")])
        .answer("request-success-rate", [super::one("100")]);
    let specs = serde_json::from_value::<Vec<_>>(json!([super::success_rate()])).unwrap();
    let checks = crate::analysis::Check::metrics(&specs, "m", &site.monitoring()).unwrap();
    for _ in 0..3 {
        let assessment = Inquiry::new(&site.context()).checks(&checks, &hooks, &site.scope);
        let names: Vec<_> = assessment
            .findings
            .iter()
            .map(|finding| &finding.name)
            .collect();
        assert_eq!(names, ["load-test", "request-success-rate"]);
        assert!(assessment.passes());
    }
    assert_eq!(site.sent.borrow().len(), 6);
    assert!(hooks.any(Occasion::ConfirmPromotion) && !hooks.any(Occasion::Rollback));
}

#[test]
fn wrong_fields_are_located() {
    let errors = |specs: Value| -> Vec<String> {
        let specs: Vec<_> = serde_json::from_value(specs).unwrap();
        let wrong = Webhooks::parse(&specs, PATH).unwrap_err();
        wrong.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        errors(json!([
            {"name": "", "url": "http://e.com/"},
            {"name": "a", "url": "load-tester.prod"},
            {"name": "b", "url": "http://me:pw@e.com/", "timeout": "0s"},
        ])),
        [
            "spec.analysis.webhooks[0].name: is empty",
            "spec.analysis.webhooks[1].url: \"load-tester.prod\" is not a URL that begins with http:// or https://",
            "spec.analysis.webhooks[2].timeout: must be more than 0s",
            "spec.analysis.webhooks[2].url: has a user name or a password in it, which everybody who reads the object could read",
        ]
    );
    let unknown = serde_json::from_value::<crate::analysis::spec::WebhookSpec>(
        json!({"type": "confirm-rolout", "name": "a", "url": "http://e.com/"}),
    );
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "unknown variant `confirm-rolout`, expected one of `confirm-rollout`, `pre-rollout`, ``, `rollout`, \
         `confirm-traffic-increase`, `confirm-promotion`, `post-rollout`, `rollback`, `event`"
    );
}

#[test]
fn what_is_not_followed_is_warned_about_and_mute_is_kept() {
    let hooks = webhooks(json!([
        {"name": "a", "url": "https://e.com/", "disableTLS": true, "muteAlert": true},
        {"name": "a", "url": "https://e.com/"},
    ]));
    let warning =
        "spec.analysis.webhooks[0].disableTLS: is not followed: certificates are always verified";
    assert_eq!(hooks.warnings().collect::<Vec<_>>(), [warning]);
    let site = Site::new()
        .answer("a", [text(404, "")])
        .answer("a#2", [text(200, "")]);
    let assessment = Inquiry::new(&site.context()).checks(&[], &hooks, &site.scope);
    assert_eq!(assessment.warnings(), [warning]);
    let (_, ruling) = Tally::default().count(&assessment, 5);
    assert_eq!((ruling.decision, ruling.muted), (Decision::Failed, true));
}

#[test]
fn event_webhooks_are_told_and_not_waited_for() {
    let hooks = webhooks(json!([
        {"type": "event", "name": "to slack", "url": "http://e.com/events", "metadata": {"team": "web", "eventType": "mine"}},
        {"name": "load-test", "url": "http://e.com/"},
    ]));
    let news = News {
        key: "0123456789-step-3",
        severity: Severity::Warn,
        reason: "CheckFailed",
        message: "metric errors: 3, expected <= 1",
        at: "2026-11-21T12:02:00Z".parse().unwrap(),
    };
    let notices = hooks.event_notices(&news, &Site::new().scope);
    let [notice] = notices.as_slice() else {
        panic!("{notices:?}");
    };
    assert_eq!(
        (notice.key.as_str(), notice.url.as_str()),
        ("event to slack/0123456789-step-3", "http://e.com/events")
    );
    assert_eq!(
        notice.headers[1],
        ("x-oarlock-webhook".to_owned(), "to slack".to_owned())
    );
    assert_eq!(
        serde_json::from_str::<Value>(&notice.body).unwrap(),
        json!({
            "name": "podinfo", "namespace": "prod", "phase": "Progressing", "checksum": "0123456789",
            "metadata": {
                "team": "web", "eventMessage": "metric errors: 3, expected <= 1", "eventType": "Warning",
                "timestamp": "1795262520000",
            },
        })
    );
}
