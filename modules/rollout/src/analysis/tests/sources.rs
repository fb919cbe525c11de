//! Where metrics come from: MetricTemplates, addresses, credentials, documents.

use oarlock_sdk::http::{Auth, HttpError};
use oarlock_sdk::{ReadError, Value, json};

use super::{Answer, Site, one, text};
use crate::analysis::spec::MetricSpec;
use crate::analysis::{Check, Hold, Judgement};

fn template(version: &str, namespace: &str, spec: Value) -> Value {
    json!({
        "apiVersion": version, "kind": "MetricTemplate",
        "metadata": {"name": "errors", "namespace": namespace}, "spec": spec,
    })
}

fn by_template() -> Value {
    json!({
        "name": "errors", "templateRef": {"name": "errors"}, "templateVariables": {"direction": "inbound"},
        "thresholdRange": {"max": 1}, "interval": "1m",
    })
}

const QUERY: &str = "sum(rate(errors{ns=\"{{ namespace }}\",app=\"{{ target }}\",by=\"{{ name }}\",dir=\"{{ variables.direction }}\"}[{{ interval }}]))";

#[test]
fn a_template_is_filled_in_and_asked_where_it_says() {
    for version in ["flagger.app/v1beta1", "canary.oarlock.dev/v1alpha1"] {
        let spec = json!({"provider": {"type": "prometheus", "address": "http://prom.monitoring:9090/"}, "query": QUERY});
        let site = Site::new()
            .object(template(version, "prod", spec))
            .answer("errors", [one("0.5")]);
        let finding = site.metric(by_template());
        assert_eq!(finding.message, "metric errors: 0.5, expected <= 1");
        assert_eq!(
            site.queries(),
            ["sum(rate(errors{ns=\"prod\",app=\"podinfo\",by=\"podinfo\",dir=\"inbound\"}[1m]))"]
        );
        assert!(
            site.sent.borrow()[0]
                .url
                .starts_with("http://prom.monitoring:9090/api/v1/query?")
        );
    }
}

#[test]
fn a_template_names_headers() {
    let spec = json!({
        "provider": {"type": "prometheus", "headers": {"X-Scope-OrgID": ["team-a", "team-b"]}}, "query": "up",
    });
    let site = Site::new()
        .object(template("flagger.app/v1beta1", "prod", spec))
        .answer("errors", [one("1")]);
    let metric = json!({"name": "errors", "templateRef": {"name": "errors"}, "threshold": 1});
    assert_eq!(site.metric(metric).judgement, Judgement::Pass);
    let sent = site.sent.borrow();
    let tenants: Vec<_> = sent[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "X-Scope-OrgID")
        .collect();
    assert_eq!(
        tenants
            .iter()
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>(),
        ["team-a", "team-b"]
    );
}

#[test]
fn a_template_of_another_namespace_and_without_an_address() {
    let spec = json!({"provider": {"type": "prometheus"}, "query": "up"});
    let site = Site::new()
        .settings(json!({"metricsServer": "http://mine:9090"}))
        .object(template("flagger.app/v1beta1", "shared", spec))
        .answer("errors", [one("1")]);
    let metric = json!({"name": "errors", "templateRef": {"name": "errors", "namespace": "shared"}, "threshold": 1});
    assert_eq!(site.metric(metric).judgement, Judgement::Pass);
    assert!(site.sent.borrow()[0].url.starts_with("http://mine:9090/"));
}

#[test]
fn what_is_wrong_with_a_template_holds_and_names_the_field() {
    let prometheus = json!({"type": "prometheus", "address": "http://p:9090"});
    let query = |query: &str| json!({"provider": prometheus, "query": query});
    for (spec, message) in [
        (
            json!({"provider": {"type": "datadog"}, "query": "x"}),
            "MetricTemplate prod/errors: spec.provider.type: \"datadog\" is not a provider here, expected prometheus\n\
             hint: a check of its own reads any JSON document by `web`",
        ),
        (
            json!({"provider": {"type": "prometheus", "address": "p:9090"}, "query": "x"}),
            "MetricTemplate prod/errors: spec.provider.address: \"p:9090\" is not a URL that begins with http:// or https://",
        ),
        (
            query("{{ variables.direktion }}"),
            "MetricTemplate prod/errors: spec.query: unknown variable {{ variables.direktion }} at character 1, expected one of \
             namespace, name, target, service, ingress, interval, variables.direction",
        ),
        (
            json!({"provider": prometheus}),
            "MetricTemplate prod/errors: spec: missing field `query`",
        ),
    ] {
        let site = Site::new().object(template("flagger.app/v1beta1", "prod", spec));
        let finding = site.metric(by_template());
        assert_eq!(finding.judgement, Judgement::Hold(Hold::Blocked));
        assert_eq!(
            finding.message,
            format!("metric errors: cannot be asked: {message}")
        );
        assert_eq!(finding.input.value, message.lines().next().unwrap());
    }
}

#[test]
fn a_template_that_cannot_be_read_is_known_before_it_is_needed() {
    let unknown =
        |version: &str| ReadError::UnknownKind(format!("{version} MetricTemplate is not served"));
    let (own, flagger) = ("canary.oarlock.dev/v1alpha1", "flagger.app/v1beta1");
    let neither = Site::new().cluster(|cluster| {
        let cluster = cluster.failing(own, "MetricTemplate", unknown(own));
        cluster.failing(flagger, "MetricTemplate", unknown(flagger))
    });
    let denied = Site::new().cluster(|cluster| {
        let text = "no read grant for flagger.app metrictemplates";
        let cluster = cluster.failing(own, "MetricTemplate", unknown(own));
        cluster.failing(flagger, "MetricTemplate", ReadError::Denied(text.into()))
    });
    for (site, message) in [
        (
            Site::new(),
            "metric errors: MetricTemplate prod/errors: not found",
        ),
        (
            neither,
            "metric errors: MetricTemplate prod/errors: neither canary.oarlock.dev/v1alpha1 nor flagger.app/v1beta1 is served",
        ),
        (
            denied,
            "metric errors: MetricTemplate prod/errors: no read grant for flagger.app metrictemplates",
        ),
    ] {
        let specs: Vec<MetricSpec> =
            serde_json::from_value(json!([super::success_rate(), by_template()])).unwrap();
        let checks = Check::metrics(&specs, "m", &site.monitoring()).unwrap();
        assert_eq!(
            Check::problems(&checks, &site.context(), &site.scope),
            [message]
        );
    }
}

#[test]
fn verification_is_never_skipped_and_that_is_said() {
    let spec =
        json!({"provider": {"type": "prometheus", "insecureSkipVerify": true}, "query": "up"});
    let site = Site::new()
        .object(template("flagger.app/v1beta1", "prod", spec))
        .answer("errors", [one("1")]);
    assert_eq!(
        site.metric(by_template()).warnings,
        [
            "metric errors: MetricTemplate prod/errors: spec.provider.insecureSkipVerify: is not followed: certificates are always verified"
        ]
    );
    let both = json!({"name": "x", "query": "up", "threshold": 5, "thresholdRange": {"max": 1}});
    let site = Site::new().answer("x", [one("2")]);
    let finding = site.metric(both);
    assert_eq!(finding.judgement, Judgement::Fail);
    assert_eq!(
        finding.warnings,
        ["spec.analysis.metrics[0].threshold: is not followed: thresholdRange is there"]
    );
}

#[test]
fn credentials_are_named_and_never_seen() {
    let check = json!([{
        "prometheus": {"query": "up", "address": "https://p", "secretRef": {"name": "prom"}}, "threshold": 1,
    }]);
    let denied = |text: &str| -> Answer { Err(HttpError::Denied(text.into())) };
    let sent = |answers: Vec<Answer>| {
        let site = Site::new().answer("query", answers);
        let finding = site.steps(check.clone()).findings.remove(0);
        let sent = site.sent.borrow();
        let ways: Vec<_> = sent
            .iter()
            .map(|request| match request.auth.as_ref().unwrap() {
                Auth::Basic(user, password) => {
                    format!("{}/{}+{}", user.name, user.key, password.key)
                }
                Auth::Bearer(token) => format!("{}/{}", token.name, token.key),
            })
            .collect();
        (ways, finding.input.value)
    };
    let no_user = "Secret prod/prom: has no key \"username\"";
    let (ways, value) = sent(vec![one("1")]);
    assert_eq!(
        (ways.as_slice(), value.as_str()),
        (["prom/username+password".to_owned()].as_slice(), "1")
    );
    let (ways, value) = sent(vec![denied(no_user), one("1")]);
    assert_eq!(ways, ["prom/username+password", "prom/token"]);
    assert_eq!(value, "1");
    let (_, value) = sent(vec![
        denied(no_user),
        denied("Secret prod/prom: has no key \"token\""),
    ]);
    assert_eq!(
        value,
        "Secret prod/prom: has no key \"username\"; Secret prod/prom: has no key \"token\""
    );
    let (_, value) = sent(vec![denied("no grant for https://p")]);
    assert_eq!(value, "no grant for https://p");
}

#[test]
fn a_template_of_another_namespace_has_no_credentials_here() {
    let spec =
        json!({"provider": {"type": "prometheus", "secretRef": {"name": "prom"}}, "query": "up"});
    let site = Site::new().object(template("flagger.app/v1beta1", "shared", spec));
    let metric = json!({"name": "errors", "templateRef": {"name": "errors", "namespace": "shared"}, "threshold": 1});
    assert_eq!(
        site.metric(metric).message,
        "metric errors: cannot be asked: MetricTemplate shared/errors: spec.provider.secretRef: credentials come from the \
         namespace of the object that is checked, prod, and the template is of another\nhint: put a MetricTemplate into prod"
    );
    assert!(site.sent.borrow().is_empty());
}

fn page(conditions: Value) -> Value {
    let mut metric = json!({
        "name": "page", "web": {"url": "http://{{ service }}.{{ namespace }}/health", "jsonPath": "{$.data[0].ok}"},
    });
    for (field, value) in conditions.as_object().unwrap() {
        metric[field] = value.clone();
    }
    metric
}

#[test]
fn a_document_is_judged_by_conditions_or_bounds() {
    let (success, failure) = ("result >= 0.95", "result < 0.8");
    let both = json!({"successCondition": success, "failureCondition": failure});
    let inconclusive = Judgement::Hold(Hold::Inconclusive);
    for (conditions, value, judgement, message) in [
        (
            json!({}),
            "false",
            Judgement::Pass,
            "false, expected any value",
        ),
        (
            both.clone(),
            "0.97",
            Judgement::Pass,
            "0.97, expected result >= 0.95 (fails if result < 0.8)",
        ),
        (
            both.clone(),
            "0.5",
            Judgement::Fail,
            "0.5, expected result >= 0.95 (fails if result < 0.8)",
        ),
        (
            both.clone(),
            "0.9",
            inconclusive,
            "0.9 is inconclusive, expected result >= 0.95 (fails if result < 0.8)",
        ),
        (
            json!({"successCondition": "result"}),
            "true",
            Judgement::Pass,
            "true, expected result",
        ),
        (
            json!({"successCondition": "result == 'green'"}),
            "\"red\"",
            Judgement::Fail,
            "\"red\", expected result == 'green'",
        ),
        (
            json!({"threshold": 3}),
            "\"4\"",
            Judgement::Fail,
            "\"4\", expected <= 3",
        ),
        (
            json!({"threshold": 3}),
            "[]",
            Judgement::Error,
            "the value is a list, expected a number",
        ),
        (
            json!({"successCondition": "result.n > 1"}),
            "1",
            Judgement::Error,
            "the result has no result.n (what is there is a number)",
        ),
        (
            both,
            "null",
            Judgement::Hold(Hold::NoData),
            "no data: there is nothing at {$.data[0].ok} (noData: hold)",
        ),
        (
            json!({"threshold": 3}),
            "\"NaN\"",
            Judgement::Hold(Hold::NoData),
            "no data: the value is NaN (noData: hold)",
        ),
    ] {
        let body = format!("{{\"data\":[{{\"ok\":{value}}}]}}");
        let site = Site::new().answer("page", [text(200, &body)]);
        let finding = site.metric(page(conditions));
        assert_eq!(
            (finding.judgement, finding.message),
            (judgement, format!("metric page: {message}"))
        );
        let sent = site.sent.borrow();
        assert_eq!(
            (sent[0].method.as_str(), sent[0].url.as_str()),
            ("GET", "http://podinfo.prod/health")
        );
    }
}

#[test]
fn a_document_that_is_none_is_an_error() {
    for (answer, value) in [
        (text(500, "oops"), "answered 500: \"oops\""),
        (text(200, "oops"), "answered \"oops\", expected JSON"),
        (
            text(200, &"1".repeat(1 << 21)),
            "the answer is larger than 1048576 bytes",
        ),
        (Err(HttpError::TimedOut), "no answer within 5s"),
    ] {
        let site = Site::new().answer("page", [answer]);
        let finding = site.metric(page(json!({})));
        assert_eq!(
            (finding.judgement, finding.input.value.as_str()),
            (Judgement::Error, value)
        );
    }
    let site = Site::new().answer("page", [text(200, "{\"data\":[]}")]);
    let finding = site.metric(page(json!({"noData": "fail"})));
    assert_eq!(finding.judgement, Judgement::Fail);
}
