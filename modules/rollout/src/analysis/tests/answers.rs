//! Row 20: what Prometheus can answer.

use oarlock_sdk::http::{HttpError, Response};
use oarlock_sdk::{Value, json};

use super::{Answer, Site, data, one, success_rate, text, vector};
use crate::analysis::{Assessment, Decision, Hold, Judgement, Tally};
use crate::why::Verdict;

fn two_series() -> Answer {
    vector(json!([
        {"metric": {"pod": "a", "code": "200"}, "value": [1, "100"]},
        {"metric": {"pod": "b"}, "value": [1, "0"]},
    ]))
}

fn broken(status: u16, kind: &str, error: &str) -> Answer {
    let body = json!({"status": "error", "errorType": kind, "error": error});
    Ok(Response::json(status, &body))
}

#[test]
fn row_20_every_answer_has_a_meaning() {
    let no_data = Judgement::Hold(Hold::NoData);
    let html = format!("<html>\n  {}</html>", "x".repeat(500));
    let cut = format!("answered 502: \"<html> {}…\" (516 bytes)", "x".repeat(193));
    let table: Vec<(Answer, Judgement, &str)> = vec![
        // Values.
        (one("99.5"), Judgement::Pass, "99.5"),
        (one("99"), Judgement::Pass, "99"),
        (one("98.99999"), Judgement::Fail, "98.99999"),
        (one("9.9e1"), Judgement::Pass, "99"),
        (
            data("scalar", json!([1, "97.23456789"])),
            Judgement::Fail,
            "97.2346",
        ),
        // No data.
        (
            vector(json!([])),
            no_data,
            "no data: the query found no series",
        ),
        (one("NaN"), no_data, "no data: the value is NaN"),
        (
            data("scalar", json!([1, "NaN"])),
            no_data,
            "no data: the value is NaN",
        ),
        (one("+Inf"), no_data, "no data: the value is +Inf"),
        (one("-Inf"), no_data, "no data: the value is -Inf"),
        // Answers without one value.
        (
            two_series(),
            Judgement::Error,
            "the query found 2 series, such as {code=\"200\", pod=\"a\"} and {pod=\"b\"}, expected one",
        ),
        (
            data("matrix", json!([{"metric": {}, "values": [[1, "1"]]}])),
            Judgement::Error,
            "the query gives a matrix, expected a scalar or one series of an instant vector",
        ),
        (
            data("string", json!([1, "99"])),
            Judgement::Error,
            "the query gives a string, expected a scalar or one series of an instant vector",
        ),
        (
            vector(json!([{"metric": {}, "histogram": [1, {"count": "3"}]}])),
            Judgement::Error,
            "the query gives a native histogram, expected a scalar or one series of an instant vector",
        ),
        // Refusals.
        (
            broken(400, "bad_data", "1:5: parse error:\n unexpected <EOF>"),
            Judgement::Error,
            "answered 400: bad_data: 1:5: parse error: unexpected <EOF>",
        ),
        (
            broken(
                422,
                "execution",
                "query processing would load too many samples",
            ),
            Judgement::Error,
            "answered 422: execution: query processing would load too many samples",
        ),
        (
            broken(503, "timeout", "query timed out"),
            Judgement::Error,
            "answered 503: timeout: query timed out",
        ),
        (
            text(500, ""),
            Judgement::Error,
            "answered 500: an empty body",
        ),
        (text(401, "no"), Judgement::Error, "answered 401: \"no\""),
        (text(502, &html), Judgement::Error, &cut),
        (
            text(302, "moved"),
            Judgement::Error,
            "answered 302: redirects are not followed",
        ),
        // What is none.
        (
            text(200, "<html>login</html>"),
            Judgement::Error,
            "answered \"<html>login</html>\", expected the JSON of a Prometheus",
        ),
        (
            text(204, ""),
            Judgement::Error,
            "answered an empty body, expected the JSON of a Prometheus",
        ),
        (
            text(
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}}"#,
            ),
            Judgement::Error,
            r#"answered "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[1,\"many\"]}]}}", expected the JSON of a Prometheus"#,
        ),
        (
            text(200, &"x".repeat(1 << 21)),
            Judgement::Error,
            "the answer is larger than 1048576 bytes",
        ),
        // No answer.
        (
            Err(HttpError::TimedOut),
            Judgement::Error,
            "no answer within 5s",
        ),
        (
            Err(HttpError::Connect(
                "connection refused\n(os error 111)".into(),
            )),
            Judgement::Error,
            "connection refused (os error 111)",
        ),
        (
            Err(HttpError::Tls("unknown issuer".into())),
            Judgement::Error,
            "unknown issuer",
        ),
        (
            Err(HttpError::TooLarge(8_388_608)),
            Judgement::Error,
            "the answer is larger than 8388608 bytes",
        ),
        (
            Err(HttpError::Other("the answer broke off".into())),
            Judgement::Error,
            "the answer broke off",
        ),
    ];
    for (answer, judgement, value) in table {
        let site = Site::new().answer("request-success-rate", [answer.clone()]);
        let finding = site.metric(success_rate());
        assert_eq!(finding.judgement, judgement, "{answer:?}");
        assert_eq!(finding.input.value, value);
        assert_eq!(finding.input.name, "metric request-success-rate");
        assert_eq!(finding.input.expected.as_deref(), Some(">= 99"));
        let verdict = match judgement {
            Judgement::Pass => Verdict::Pass,
            Judgement::Fail => Verdict::Fail,
            Judgement::Hold(_) | Judgement::Error => Verdict::Hold,
        };
        assert_eq!(finding.input.verdict, verdict);
    }
}

#[test]
fn row_20_people_read_what_it_was() {
    let message = |answer: Answer, metric: Value| {
        let site = Site::new().answer("request-success-rate", [answer]);
        site.metric(metric).message
    };
    assert_eq!(
        message(one("97.2"), success_rate()),
        "metric request-success-rate: 97.2, expected >= 99"
    );
    assert_eq!(
        message(vector(json!([])), success_rate()),
        "metric request-success-rate: no data: the query found no series (noData: hold)"
    );
    assert_eq!(
        message(two_series(), success_rate()),
        "metric request-success-rate: the query found 2 series, such as {code=\"200\", pod=\"a\"} and {pod=\"b\"}, expected \
         one\nhint: put sum(…), max(…) or the like around it"
    );
    let strict = json!({"name": "request-success-rate", "threshold": 99, "onError": "fail"});
    assert_eq!(
        message(Err(HttpError::TimedOut), strict.clone()),
        "metric request-success-rate: no answer within 5s (onError: fail)"
    );
    assert_eq!(
        message(two_series(), strict),
        "metric request-success-rate: the query found 2 series, such as {code=\"200\", pod=\"a\"} and {pod=\"b\"}, expected \
         one (onError: fail)\nhint: put sum(…), max(…) or the like around it"
    );
    let dry = json!({"name": "request-success-rate", "threshold": 99, "dryRun": true});
    assert_eq!(
        message(one("97.2"), dry),
        "metric request-success-rate: 97.2, expected >= 99 (dryRun)"
    );
}

#[test]
fn row_20_no_data_means_what_the_check_says() {
    let nothing: Vec<fn() -> Answer> = vec![|| vector(json!([])), || one("NaN"), || one("+Inf")];
    for (policy, judgement) in [
        (Some("fail"), Judgement::Fail),
        (Some("hold"), Judgement::Hold(Hold::NoData)),
        (Some("pass"), Judgement::Pass),
        (None, Judgement::Hold(Hold::NoData)),
    ] {
        for answer in &nothing {
            let site = Site::new().answer("request-success-rate", [answer()]);
            let metric = json!({"name": "request-success-rate", "threshold": 99, "noData": policy});
            assert_eq!(site.metric(metric).judgement, judgement, "{policy:?}");
        }
    }
}

#[test]
fn row_20_an_error_is_a_failed_check_only_when_it_is_said() {
    for answer in [Err(HttpError::TimedOut), text(500, ""), two_series()] {
        let site = Site::new().answer("request-success-rate", [answer]);
        let strict = json!({"name": "request-success-rate", "threshold": 99, "onError": "fail"});
        assert_eq!(site.metric(strict).judgement, Judgement::Fail);
        assert_eq!(site.metric(success_rate()).judgement, Judgement::Error);
    }
}

/// Counts the same assessment until it is a failed check.
fn rulings(assessment: &Assessment, most: usize) -> (Vec<Decision>, String) {
    let mut tally = Tally::default();
    let mut decisions = Vec::new();
    let mut because = String::new();
    while decisions.len() < most && decisions.last() != Some(&Decision::GiveUp) {
        let (next, ruling) = tally.count(assessment, 1);
        tally = next;
        decisions.push(ruling.decision);
        because = ruling.because;
    }
    (decisions, because)
}

#[test]
fn row_20_a_fifth_error_in_a_row_is_a_failed_check() {
    let site = Site::new().answer("request-success-rate", [Err(HttpError::TimedOut)]);
    let (decisions, because) = rulings(&site.metrics(json!([success_rate()])), 9);
    let mut wanted = vec![Decision::Hold; 4];
    wanted.push(Decision::GiveUp);
    assert_eq!(decisions, wanted);
    assert_eq!(
        because,
        "metric request-success-rate: no answer within 5s (error 5 in a row, at most 4) (failed check 1 of 1)"
    );
    let patient =
        json!([{"name": "request-success-rate", "threshold": 99, "consecutiveErrorLimit": 0}]);
    let (decisions, because) = rulings(&site.metrics(patient), 9);
    assert_eq!(decisions, [Decision::GiveUp]);
    assert_eq!(
        because,
        "metric request-success-rate: no answer within 5s (failed check 1 of 1)"
    );
}

#[test]
fn row_20_a_missing_grant_holds_for_good_and_names_itself() {
    let text = "no grant for http://prometheus:9090; hint: add to the watch: grants: {http: [\"http://prometheus:9090\"]}";
    let site = Site::new().answer(
        "request-success-rate",
        [Err(HttpError::Denied(text.into()))],
    );
    for policy in ["hold", "fail"] {
        let metric = json!([{"name": "request-success-rate", "threshold": 99, "onError": policy}]);
        let (decisions, because) = rulings(&site.metrics(metric), 9);
        assert_eq!(decisions, [Decision::Hold; 9]);
        assert_eq!(
            because,
            format!("metric request-success-rate: cannot be asked: {text}")
        );
    }
}

#[test]
fn row_20_who_had_no_answer_in_time_is_not_asked_twice() {
    let site = Site::new()
        .answer("request-success-rate", [Err(HttpError::TimedOut)])
        .answer("elsewhere", [one("1")]);
    let assessment = site.steps(json!([
        {"prometheus": {"metric": "request-success-rate"}, "threshold": 99},
        {"prometheus": {"metric": "request-duration"}, "threshold": 500},
        {"name": "elsewhere", "prometheus": {"query": "x", "address": "http://other:9090"}, "threshold": 1},
    ]));
    let told: Vec<_> = assessment
        .findings
        .iter()
        .map(|finding| (finding.judgement, finding.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                Judgement::Error,
                "metric request-success-rate: no answer within 5s"
            ),
            (
                Judgement::Hold(Hold::Blocked),
                "metric request-duration: cannot be asked: not asked: an earlier call to http://prometheus:9090 had no answer \
                 in time"
            ),
            (Judgement::Pass, "metric elsewhere: 1, expected <= 1"),
        ]
    );
    assert_eq!(site.sent.borrow().len(), 2);
}

#[test]
fn row_20_a_run_does_not_wait_itself_to_death() {
    let names = ["a", "b", "c", "d", "e"];
    let site = names.iter().fold(Site::new(), |site, name| {
        site.answer(name, [Err(HttpError::TimedOut)])
    });
    let webhook = |name: &&str| json!({"name": name, "webhook": {"url": format!("http://{name}/"), "timeout": "8s"}});
    let checks: Vec<_> = names.iter().map(webhook).collect();
    let assessment = site.steps(Value::Array(checks));
    // Twice 8 s are spent; a third call could be the run's last.
    assert_eq!(site.sent.borrow().len(), 2);
    assert_eq!(assessment.findings[1].judgement, Judgement::Error);
    assert_eq!(
        assessment.findings[4].judgement,
        Judgement::Hold(Hold::Blocked)
    );
}

#[test]
fn row_20_too_few_samples_are_no_data() {
    let metric = json!({"name": "request-success-rate", "threshold": 99, "minSamples": 100});
    for (count, judgement, value) in [
        (
            one("99.9"),
            Judgement::Hold(Hold::NoData),
            "no data: 99 of 100 samples",
        ),
        (
            vector(json!([])),
            Judgement::Hold(Hold::NoData),
            "no data: 0 of 100 samples",
        ),
        (
            one("NaN"),
            Judgement::Hold(Hold::NoData),
            "no data: 0 of 100 samples",
        ),
        (one("100"), Judgement::Pass, "100"),
        (text(500, "x"), Judgement::Error, "answered 500: \"x\""),
    ] {
        let site = Site::new()
            .answer("request-success-rate-samples", [count])
            .answer("request-success-rate", [one("100")]);
        let finding = site.metric(metric.clone());
        assert_eq!(
            (finding.judgement, finding.input.value.as_str()),
            (judgement, value)
        );
        assert!(site.queries()[0].starts_with("sum(increase(http_request_duration_seconds_count{"));
    }
}

#[test]
fn row_20_warnings_of_the_server_are_told() {
    let body = json!({
        "status": "success", "data": {"resultType": "scalar", "result": [1, "100"]},
        "warnings": ["results may be partial"], "infos": ["metric might not be a counter"],
    });
    let site = Site::new().answer("request-success-rate", [Ok(Response::json(200, &body))]);
    let finding = site.metric(success_rate());
    assert_eq!(finding.judgement, Judgement::Pass);
    assert_eq!(
        finding.warnings,
        [
            "metric request-success-rate: results may be partial",
            "metric request-success-rate: metric might not be a counter",
        ]
    );
}

#[test]
fn the_request_is_this() {
    let site = Site::new().answer("request-duration", [one("12.5")]);
    site.metric(json!({"name": "request-duration", "threshold": 500}));
    let sent = site.sent.borrow();
    let request = &sent[0];
    assert_eq!(request.method, "GET");
    assert_eq!(
        request.url,
        "http://prometheus:9090/api/v1/query?query=1000%20%2A%20histogram_quantile%280.99%2C%20sum%20by%20%28le%29%20%28rate%28\
         http_request_duration_seconds_bucket%7Bnamespace%3D%22prod%22%2Cpod%3D~%22podinfo-%5Ba-z0-9%5D%2B-%5Ba-z0-9%5D%7B5%7D%22%7D\
         %5B1m%5D%29%29%29&time=1795262520.000"
    );
    assert_eq!(
        request.headers,
        [
            ("accept".to_owned(), "application/json".to_owned()),
            ("x-oarlock-metric".to_owned(), "request-duration".to_owned()),
        ]
    );
    assert_eq!(request.timeout, Some(std::time::Duration::from_secs(5)));
    assert_eq!((&request.auth, &request.effect), (&None, &None));
}
