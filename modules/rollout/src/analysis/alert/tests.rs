#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::testing::FakeCluster;
use oarlock_sdk::{Context, ReadError, Value, json};

use super::{Alerts, News};
use crate::analysis::scope::Scope;
use crate::analysis::spec::Severity;

fn scope() -> Scope {
    Scope {
        namespace: "prod".into(),
        name: "podinfo".into(),
        target: "podinfo".into(),
        revision: "0123456789".into(),
        phase: "Progressing".into(),
        ..Scope::default()
    }
}

fn news(severity: Severity) -> News<'static> {
    News {
        key: "0123456789-step-3",
        severity,
        reason: "StepEntered",
        message: "60% & <more>",
        at: oarlock_sdk::Timestamp::from_millis(1_795_262_520_500),
    }
}

fn provider(version: &str, namespace: &str, spec: Value) -> Value {
    json!({
        "apiVersion": version, "kind": "AlertProvider",
        "metadata": {"name": "on-call", "namespace": namespace}, "spec": spec,
    })
}

fn read(cluster: FakeCluster, alerts: Value) -> Result<Alerts, Vec<String>> {
    let cx = Context::builder().cluster(cluster).build();
    let specs: Vec<_> = serde_json::from_value(alerts).unwrap();
    Alerts::read(&cx, &specs, "spec.analysis.alerts", "prod")
        .map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

fn inline(cluster: FakeCluster, notify: Value) -> Result<Alerts, Vec<String>> {
    let cx = Context::builder().cluster(cluster).build();
    let specs: Vec<_> = serde_json::from_value(notify).unwrap();
    Alerts::inline(&cx, &specs, "spec.notify", "prod")
        .map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

fn secret(data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "slack", "namespace": "prod"}, "data": data,
    })
}

#[test]
fn slack_is_told_in_its_own_shape() {
    let spec = json!({"type": "slack", "channel": "releases", "username": "flagger", "address": "https://hooks.slack.com/T/B/x"});
    let cluster = FakeCluster::new().object(provider("flagger.app/v1beta1", "prod", spec));
    let alerts = read(
        cluster,
        json!([{"name": "dev", "providerRef": {"name": "on-call"}}]),
    )
    .unwrap();
    let notices = alerts.notices(&news(Severity::Info), &scope());
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].key, "alert dev-0/0123456789-step-3");
    assert_eq!(notices[0].url, "https://hooks.slack.com/T/B/x");
    assert_eq!(
        serde_json::from_str::<Value>(&notices[0].body).unwrap(),
        json!({
            "username": "flagger",
            "channel": "releases",
            "text": "prod/podinfo: StepEntered",
            "attachments": [{
                "color": "good",
                "fallback": "60% &amp; &lt;more&gt;",
                "text": "60% &amp; &lt;more&gt;",
                "fields": [
                    {"title": "Target", "value": "podinfo", "short": true},
                    {"title": "Revision", "value": "0123456789", "short": true},
                    {"title": "Phase", "value": "Progressing", "short": true},
                ],
                "ts": 1_795_262_520,
            }],
        })
    );
}

#[test]
fn who_wants_to_know_of_errors_is_not_told_of_less() {
    let webhook = |name: &str| json!({"url": format!("http://{name}.example.com/")});
    let alerts = inline(
        FakeCluster::new(),
        json!([
            {"webhook": webhook("all")},
            {"severity": "warn", "webhook": webhook("bad")},
            {"severity": "error", "webhook": webhook("worst")},
        ]),
    )
    .unwrap();
    for (severity, told) in [
        (Severity::Info, 1),
        (Severity::Warn, 2),
        (Severity::Error, 3),
    ] {
        let notices = alerts.notices(&news(severity), &scope());
        assert_eq!(notices.len(), told, "{severity:?}");
    }
    let notices = alerts.notices(&news(Severity::Error), &scope());
    let keys: Vec<_> = notices.iter().map(|notice| notice.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "alert notify-0/0123456789-step-3",
            "alert notify-1/0123456789-step-3",
            "alert notify-2/0123456789-step-3"
        ]
    );
}

#[test]
fn a_generic_receiver_is_told_in_flaggers_shape() {
    let notify = json!([{"webhook": {"url": "http://e.com/", "metadata": {"team": "web"}}}]);
    let alerts = inline(FakeCluster::new(), notify).unwrap();
    let notices = alerts.notices(&news(Severity::Error), &scope());
    assert_eq!(
        serde_json::from_str::<Value>(&notices[0].body).unwrap(),
        json!({
            "name": "podinfo", "namespace": "prod", "phase": "Progressing", "checksum": "0123456789",
            "metadata": {
                "team": "web", "eventMessage": "60% & <more>", "eventType": "Warning", "timestamp": "1795262520500",
            },
        })
    );
}

#[test]
fn the_address_of_a_secret_goes_into_the_url_and_nowhere_else() {
    // https://hooks.slack.com/T/B/secret, with the line end that editors leave.
    let data = json!({"address": "aHR0cHM6Ly9ob29rcy5zbGFjay5jb20vVC9CL3NlY3JldAo="});
    let spec = json!({"type": "slack", "secretRef": {"name": "slack"}});
    let cluster = FakeCluster::new()
        .object(provider("canary.oarlock.dev/v1alpha1", "prod", spec))
        .object(secret(data));
    let alerts = [
        read(
            cluster.clone(),
            json!([{"name": "dev", "providerRef": {"name": "on-call"}}]),
        )
        .unwrap(),
        inline(
            cluster,
            json!([{"slack": {"secretRef": {"name": "slack"}, "channel": "web"}}]),
        )
        .unwrap(),
    ];
    for alerts in alerts {
        assert_eq!(alerts.problems(), [""; 0]);
        let notices = alerts.notices(&news(Severity::Info), &scope());
        assert_eq!(notices[0].url, "https://hooks.slack.com/T/B/secret");
        assert!(!notices[0].body.contains("secret") && !notices[0].key.contains("secret"));
    }
}

#[test]
fn who_cannot_be_told_is_a_problem_and_stops_nothing() {
    let flagger = "flagger.app/v1beta1";
    let with = |spec: Value| FakeCluster::new().object(provider(flagger, "prod", spec));
    let by_secret = || with(json!({"type": "slack", "secretRef": {"name": "slack"}}));
    let denied = ReadError::Denied("no read grant for secrets".into());
    for (cluster, problem) in [
        (FakeCluster::new(), "AlertProvider prod/on-call: not found"),
        (
            with(json!({"type": "msteams", "address": "http://e.com"})),
            "AlertProvider prod/on-call: spec.type: \"msteams\" is not a provider here, expected slack or webhook",
        ),
        (
            with(json!({"type": "slack"})),
            "AlertProvider prod/on-call: spec.address: is required, unless there is a secretRef",
        ),
        (
            with(json!({"type": "slack", "address": "hooks.slack.com"})),
            "AlertProvider prod/on-call: spec.address: \"hooks.slack.com\" is not a URL that begins with http:// or https://",
        ),
        (
            with(json!({"type": "slack", "address": "http://e.com", "proxy": "http://p"})),
            "AlertProvider prod/on-call: spec.proxy: is not supported: calls go where they say",
        ),
        (
            by_secret(),
            "AlertProvider prod/on-call: spec.secretRef: Secret prod/slack: not found",
        ),
        (
            by_secret().failing("v1", "Secret", denied),
            "AlertProvider prod/on-call: spec.secretRef: Secret prod/slack: no read grant for secrets",
        ),
        (
            by_secret().object(secret(json!({"token": "eA=="}))),
            "AlertProvider prod/on-call: spec.secretRef: Secret prod/slack: has no key \"address\"",
        ),
        (
            by_secret().object(secret(json!({"address": "!"}))),
            "AlertProvider prod/on-call: spec.secretRef: Secret prod/slack: key \"address\" is no text in base64",
        ),
        // What is wrong with a secret is not told in its own words.
        (
            by_secret().object(secret(json!({"address": "c2VjcmV0"}))),
            "AlertProvider prod/on-call: spec.secretRef: Secret prod/slack: key \"address\" is not a URL",
        ),
    ] {
        let alerts = read(
            cluster,
            json!([{"name": "dev", "providerRef": {"name": "on-call"}}]),
        )
        .unwrap();
        assert_eq!(alerts.problems(), [problem]);
        assert!(alerts.notices(&news(Severity::Error), &scope()).is_empty());
    }
}

#[test]
fn wrong_fields_are_located() {
    assert_eq!(
        read(
            FakeCluster::new(),
            json!([{"name": "dev", "providerRef": {"name": ""}}])
        ),
        Err(vec![
            "spec.analysis.alerts[0].providerRef.name: is empty".to_owned()
        ])
    );
    let url = "http://e.com/";
    for (notify, message) in [
        (json!({}), ": tells nobody, expected slack or webhook"),
        (
            json!({"slack": {"url": url}, "webhook": {"url": url}}),
            ".webhook: stands beside slack, expected one of them",
        ),
        (
            json!({"slack": {}}),
            ".slack.url: is required, unless there is a secretRef",
        ),
        (
            json!({"webhook": {"url": url, "secretRef": {"name": "x"}}}),
            ".webhook.secretRef: stands beside url, expected one of them",
        ),
        (
            json!({"slack": {"url": "slack"}}),
            ".slack.url: \"slack\" is not a URL that begins with http:// or https://",
        ),
    ] {
        assert_eq!(
            inline(FakeCluster::new(), json!([notify])),
            Err(vec![format!("spec.notify[0]{message}")])
        );
    }
    let missing = inline(
        FakeCluster::new(),
        json!([{"slack": {"secretRef": {"name": "slack"}}}]),
    )
    .unwrap();
    assert_eq!(
        missing.problems(),
        ["spec.notify[0].slack.secretRef: Secret prod/slack: not found"]
    );
}
