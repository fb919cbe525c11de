//! What people write: accepted as it is, or refused with its path.

use oarlock_sdk::{Value, json};

use super::{Site, text};
use crate::analysis::spec::{CheckSpec, MetricSpec};
use crate::analysis::{Check, Inquiry, Webhooks};

fn metric_errors(metric: Value) -> Vec<String> {
    let specs: Vec<MetricSpec> = serde_json::from_value(json!([metric])).unwrap();
    let wrong = Check::metrics(&specs, "spec.analysis.metrics", &Site::new().monitoring());
    wrong.unwrap_err().iter().map(ToString::to_string).collect()
}

fn step_errors(check: Value) -> Vec<String> {
    let specs: Vec<CheckSpec> = serde_json::from_value(json!([check])).unwrap();
    let wrong = Check::steps(&specs, "spec.steps[1].checks", &Site::new().monitoring());
    wrong.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn an_unknown_metric_never_passes_silently() {
    assert_eq!(
        metric_errors(json!({"name": "request-succes-rate", "threshold": 99})),
        [
            "spec.analysis.metrics[0].name: unknown metric \"request-succes-rate\", expected one of request-success-rate, \
          request-duration\nhint: a metric of another name needs a query, a templateRef or web"
        ]
    );
    assert_eq!(
        step_errors(json!({"prometheus": {"metric": "errors"}, "threshold": 1})),
        [
            "spec.steps[1].checks[0].prometheus.metric: unknown metric \"errors\", expected one of request-success-rate, \
          request-duration\nhint: a metric of another name needs a query, a templateRef or web"
        ]
    );
}

#[test]
fn wrong_fields_of_metrics_are_located() {
    for (metric, message) in [
        (json!({"name": "", "threshold": 1}), "name: is empty"),
        (
            json!({"name": "request-duration"}),
            "threshold: is required, unless there is a thresholdRange, a successCondition or a failureCondition",
        ),
        (
            json!({"name": "request-duration", "threshold": 1, "interval": "0s"}),
            "interval: must be more than 0s",
        ),
        (
            json!({"name": "request-duration", "thresholdRange": {}}),
            "thresholdRange: has neither min nor max",
        ),
        (
            json!({"name": "request-duration", "thresholdRange": {"min": 2, "max": 1.5}}),
            "thresholdRange.min: 2 is more than the max of 1.5",
        ),
        (
            json!({"name": "request-duration", "threshold": 1, "successCondition": "result > 1"}),
            "threshold: stands beside a condition, expected one of them",
        ),
        (
            json!({"name": "x", "query": "up", "failureCondition": "value > 1"}),
            "failureCondition: expected `result`, a number, a text in quotes, true, false or null at character 1\n\
             hint: such as `result >= 0.95` or `result.ok && result.count > 3`",
        ),
        (
            json!({"name": "x", "query": "up", "templateRef": {"name": "x"}, "threshold": 1}),
            "templateRef: stands beside query, expected one of them",
        ),
        (
            json!({"name": "x", "query": "  ", "threshold": 1}),
            "query: is empty",
        ),
        (
            json!({"name": "x", "query": "rate({{ metric }}[1m])", "threshold": 1}),
            "query: unknown variable {{ metric }} at character 6, expected one of namespace, name, target, service, ingress, \
             interval",
        ),
        (
            json!({"name": "x", "templateRef": {"name": ""}, "threshold": 1}),
            "templateRef.name: is empty",
        ),
        (
            json!({"name": "request-success-rate", "query": "up", "threshold": 99}),
            "threshold: says nothing for a query of one's own under the name of a built-in metric\n\
             hint: thresholdRange says whether it is a min or a max",
        ),
        (
            json!({"name": "x", "query": "up", "threshold": 1, "minSamples": 3}),
            "samplesQuery: is required beside minSamples: nobody else knows what a query of one's own counts",
        ),
        (
            json!({"name": "x", "query": "up", "threshold": 1, "samplesQuery": "up"}),
            "minSamples: is required beside samplesQuery",
        ),
        (
            json!({"name": "x", "query": "up", "threshold": 1, "minSamples": 1, "samplesQuery": "{{ x"}),
            "samplesQuery: the {{ at character 1 is not closed by }}",
        ),
        (
            json!({"name": "x", "web": {"url": "e.com", "jsonPointer": ""}}),
            "web.url: \"e.com\" is not a URL that begins with http:// or https://",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com/{{ route }}", "jsonPointer": ""}}),
            "web.url: unknown variable {{ route }} at character 14, expected one of namespace, name, target, service, \
             ingress, interval",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com"}}),
            "web.jsonPointer: is required, expected either jsonPointer or jsonPath",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com", "jsonPointer": "/a", "jsonPath": "$.a"}}),
            "web.jsonPointer: stands beside jsonPath, expected either jsonPointer or jsonPath",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com", "jsonPointer": "a"}}),
            "web.jsonPointer: \"a\" does not begin with a slash, expected such as /data/0/ok",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com", "jsonPath": "$.a[*]"}}),
            "web.jsonPath: \"$.a[*]\" is not a path of names and indexes, expected such as {$.data[0].ok}",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com", "jsonPointer": "", "timeout": "0"}}),
            "web.timeout: must be more than 0s",
        ),
        (
            json!({"name": "x", "web": {"url": "http://e.com", "jsonPointer": ""}, "minSamples": 2}),
            "minSamples: is for Prometheus, and a document has no samples",
        ),
    ] {
        assert_eq!(
            metric_errors(metric),
            [format!("spec.analysis.metrics[0].{message}")]
        );
    }
}

#[test]
fn wrong_fields_of_checks_are_located() {
    for (check, message) in [
        (
            json!({"threshold": 1}),
            ": asks nothing, expected one of prometheus, web and webhook",
        ),
        (
            json!({"prometheus": {"query": "up"}, "webhook": {"url": "http://e.com"}, "threshold": 1}),
            ".webhook: stands beside prometheus, expected one of them",
        ),
        (
            json!({"prometheus": {}, "threshold": 1}),
            ".prometheus: asks nothing, expected one of metric, query and templateRef",
        ),
        (
            json!({"prometheus": {"query": "up", "metric": "request-duration"}, "threshold": 1}),
            ".prometheus.query: stands beside metric, expected one of them",
        ),
        (
            json!({"prometheus": {"query": "up"}}),
            ".threshold: is required, unless there is a thresholdRange, a successCondition or a failureCondition",
        ),
        (
            json!({"prometheus": {"query": "up", "address": "prom:9090"}, "threshold": 1}),
            ".prometheus.address: \"prom:9090\" is not a URL that begins with http:// or https://",
        ),
        (
            json!({"prometheus": {"query": "{{ x }}"}, "threshold": 1}),
            ".prometheus.query: unknown variable {{ x }} at character 1, expected one of namespace, name, target, service, \
             ingress, interval",
        ),
        (
            json!({"webhook": {"url": "http://e.com"}, "noData": "pass"}),
            ".noData: is for metrics, and a webhook passes with 2xx\nhint: `retries` says how often it may go wrong",
        ),
        (
            json!({"webhook": {"url": "e.com"}}),
            ".webhook.url: \"e.com\" is not a URL that begins with http:// or https://",
        ),
    ] {
        assert_eq!(
            step_errors(check),
            [format!("spec.steps[1].checks[0]{message}")]
        );
    }
}

#[test]
fn a_field_that_is_not_known_is_refused() {
    let metric = json!({"name": "x", "tresholdRange": {}});
    let error = serde_json::from_value::<MetricSpec>(metric)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("unknown field `tresholdRange`, expected one of `name`, "),
        "{error}"
    );
    let check = json!({"module": "x.wasm"});
    let error = serde_json::from_value::<CheckSpec>(check)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("unknown field `module`, expected one of `name`, `prometheus`, `web`, "),
        "{error}"
    );
}

/// All errors at once, not one by one.
#[test]
fn every_wrong_entry_is_told() {
    let specs: Vec<MetricSpec> = serde_json::from_value(json!([
        {"name": "a", "threshold": 1},
        super::success_rate(),
        {"name": "request-duration", "interval": "0s"},
    ]))
    .unwrap();
    let wrong = Check::metrics(&specs, "m", &Site::new().monitoring()).unwrap_err();
    let paths: Vec<_> = wrong.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["m[0].name", "m[2].threshold", "m[2].interval"]);
}

#[test]
fn names_are_told_apart() {
    let specs: Vec<CheckSpec> = serde_json::from_value(json!([
        {"prometheus": {"query": "up"}, "threshold": 1},
        {"prometheus": {"query": "down"}, "threshold": 1},
        {"name": "query", "prometheus": {"metric": "request-duration"}, "threshold": 1},
        {"prometheus": {"metric": "request-duration"}, "threshold": 1},
        {"prometheus": {"templateRef": {"name": "errors"}}, "threshold": 1},
        {"web": {"url": "http://e.com", "jsonPointer": ""}},
        {"webhook": {"url": "http://e.com"}},
        {"webhook": {"url": "http://e.com"}},
    ]))
    .unwrap();
    let checks = Check::steps(&specs, "c", &Site::new().monitoring()).unwrap();
    let names: Vec<_> = checks.iter().map(Check::name).collect();
    assert_eq!(
        names,
        [
            "query",
            "query#2",
            "query#3",
            "request-duration",
            "errors",
            "web",
            "webhook",
            "webhook#2"
        ]
    );
}

/// The manifest of the talks, as it is.
#[test]
fn the_users_manifest_is_accepted() {
    let site = Site::new()
        .answer("load-test", [text(200, "")])
        .answer("request-success-rate", [super::one("99.9")])
        .answer("request-duration", [super::one("500.1")]);
    let metrics: Vec<MetricSpec> = serde_json::from_value(json!([
        {"name": "request-success-rate", "threshold": 99, "interval": "1m"},
        {"name": "request-duration", "threshold": 500, "interval": "1m"},
    ]))
    .unwrap();
    let webhooks: Vec<_> = serde_json::from_value(json!([{
        "name": "load-test", "url": "http://load-tester.prod/",
        "metadata": {"cmd": "hey -z 2m -q 10 -c 2 http://podinfo:9898/"},
    }]))
    .unwrap();
    let checks = Check::metrics(&metrics, "m", &site.monitoring()).unwrap();
    let webhooks = Webhooks::parse(&webhooks, "w").unwrap();
    let cx = site.context();
    let assessment = Inquiry::new(&cx).checks(&checks, &webhooks, &site.scope);
    let told: Vec<_> = assessment
        .findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "webhook load-test: answered 200",
            "metric request-success-rate: 99.9, expected >= 99",
            "metric request-duration: 500.1, expected <= 500",
        ]
    );
    assert!(assessment.fails() && !assessment.passes());
}
