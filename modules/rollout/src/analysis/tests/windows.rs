//! Row 21: no query looks back to before the step.

use oarlock_sdk::json;

use super::{Site, one, success_rate};
use crate::analysis::{Hold, Judgement};

#[test]
fn row_21_nothing_is_asked_before_the_step_is_old_enough() {
    let site = Site::new().age(12);
    let finding = site.metric(success_rate());
    assert!(site.sent.borrow().is_empty());
    assert_eq!(finding.judgement, Judgement::Hold(Hold::TooYoung));
    assert_eq!(
        finding.message,
        "metric request-success-rate: the step is 12s old, and 30s are looked at: asked at 2026-11-21T12:00:30Z"
    );
    assert_eq!(finding.wake, Some("2026-11-21T12:00:30Z".parse().unwrap()));
}

#[test]
fn row_21_the_window_is_as_long_as_the_step_is_old() {
    for (age, window) in [(30, "[30s]"), (47, "[47s]"), (60, "[1m]"), (86_400, "[1m]")] {
        let site = Site::new()
            .age(age)
            .answer("request-success-rate", [one("100")])
            .answer("errors", [one("0")]);
        site.metrics(json!([
            success_rate(),
            {"name": "errors", "query": "sum(rate(errors[{{ interval }}]))", "threshold": 1},
        ]));
        let queries = site.queries();
        assert_eq!(queries[0].matches(window).count(), 2, "{}", queries[0]);
        assert_eq!(queries[1], format!("sum(rate(errors{window}))"));
    }
}

#[test]
fn row_21_how_often_prometheus_looks_decides_how_young_is_too_young() {
    let site = Site::new()
        .age(3)
        .settings(json!({"metrics": {"scrapeInterval": "1s"}}))
        .answer("request-success-rate", [one("100")]);
    assert_eq!(site.metric(success_rate()).judgement, Judgement::Pass);
    assert!(site.queries()[0].contains("[3s]"));
}

#[test]
fn row_21_a_range_of_ones_own_is_waited_for() {
    let metric = json!({"name": "errors", "query": "sum(rate(errors[5m]))", "threshold": 1});
    let young = Site::new().age(120);
    let finding = young.metric(metric.clone());
    assert!(young.sent.borrow().is_empty());
    assert_eq!(finding.judgement, Judgement::Hold(Hold::TooYoung));
    assert_eq!(
        finding.message,
        "metric errors: the step is 2m old, and 5m are looked at: asked at 2026-11-21T12:05:00Z\n\
         hint: [{{ interval }}] looks back as far as the step is old"
    );
    assert_eq!(finding.input.value, "the step is 2m old, 5m are looked at");
    assert_eq!(finding.wake, Some("2026-11-21T12:05:00Z".parse().unwrap()));
    let old = Site::new().age(300).answer("errors", [one("0")]);
    assert_eq!(old.metric(metric).judgement, Judgement::Pass);
}

#[test]
fn row_21_a_document_has_no_window_unless_it_is_asked_for_one() {
    let plain = json!({"name": "page", "web": {"url": "http://e.com/", "jsonPointer": ""}});
    let site = Site::new().age(0).answer("page", [super::text(200, "1")]);
    assert_eq!(site.metric(plain).judgement, Judgement::Pass);
    let windowed = json!({"name": "page", "web": {"url": "http://e.com/?since={{ interval }}", "jsonPointer": ""}});
    assert_eq!(
        site.metric(windowed.clone()).judgement,
        Judgement::Hold(Hold::TooYoung)
    );
    let site = Site::new().age(45).answer("page", [super::text(200, "1")]);
    assert_eq!(site.metric(windowed).judgement, Judgement::Pass);
    assert_eq!(site.sent.borrow()[0].url, "http://e.com/?since=45s");
}
