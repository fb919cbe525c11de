//! How often the API server is asked, and what is counted of it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use oarlock_cluster::{Options, Rate};
use oarlock_core::cluster::{Cluster, EventRecord};
use oarlock_core::reference::Gvk;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::json;

use crate::rig::{Rig, at, config_map, map, status};

fn slow() -> Options {
    Options {
        rate: Some(Rate {
            per_second: 2.0,
            burst: 5,
        }),
        host: "api.example.com:443".to_owned(),
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn requests_keep_to_their_rate_and_watches_are_exempt() {
    let rig = Rig::with(slow());
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.sleep(Duration::from_secs(60)).await;
    let began = rig.clock.now();
    for number in 0..25 {
        rig.apply(map("a", &json!({"k": number.to_string()}))).await;
    }
    let took = rig.clock.now().since(began);
    // Five at once, then two a second.
    assert!(
        (Duration::from_millis(9_900)..Duration::from_millis(10_500)).contains(&took),
        "{took:?}"
    );
    // Another twenty wait now; a watch does not wait behind them.
    let writes = (0..20).map(|number| rig.apply(map("b", &json!({"k": number.to_string()}))));
    let writes = futures_util::future::join_all(writes);
    let opened = async {
        let began = rig.clock.now();
        rig.kubernetes
            .watch(&Gvk::new("", "v1", "Secret"))
            .await
            .unwrap();
        rig.clock.now().since(began)
    };
    let (_, opened) = tokio::join!(writes, opened);
    assert!(opened < Duration::from_secs(1), "{opened:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted_by_code_method_and_host() {
    let rig = Rig::with(slow());
    let mut registry = Registry::default();
    rig.kubernetes.register_metrics(&mut registry);
    rig.kubernetes.watch(&config_map()).await.unwrap();
    rig.apply(map("a", &json!({"k": "1"}))).await;
    let mut once = Some(status(429, "TooManyRequests"));
    rig.gate.break_with(move |request| {
        let patch = request.method() == http::Method::PATCH;
        patch.then(|| once.take()).flatten()
    });
    rig.apply(map("a", &json!({"k": "2"}))).await;
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let line = |line: &str| text.lines().any(|l| l == line);
    for expected in [
        r#"rest_client_requests_total{code="200",method="PATCH",host="api.example.com:443"} 1"#,
        r#"rest_client_requests_total{code="201",method="PATCH",host="api.example.com:443"} 1"#,
        r#"rest_client_requests_total{code="429",method="PATCH",host="api.example.com:443"} 1"#,
        r#"rest_client_request_retries_total{code="429",verb="PATCH",host="api.example.com:443"} 1"#,
        r#"rest_client_request_duration_seconds_count{verb="PATCH",host="api.example.com:443"} 3"#,
        r#"rest_client_rate_limiter_duration_seconds_count{verb="PATCH",host="api.example.com:443"} 3"#,
    ] {
        assert!(line(expected), "{expected}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_events_about_one_object_ends_at_the_api_server_as_a_few() {
    let rig = Rig::new();
    let mut registry = Registry::default();
    rig.kubernetes.register_metrics(&mut registry);
    for number in 0..500 {
        let event = EventRecord {
            about: at("a"),
            uid: None,
            key: number.to_string(),
            warning: true,
            reason: "Failed".to_owned(),
            message: format!("try {number} failed"),
            reporter: "oarlock/test".to_owned(),
            now: rig.clock.now(),
        };
        rig.kubernetes.record(event).await.unwrap();
    }
    let events =
        kube::Api::<k8s_openapi::api::events::v1::Event>::namespaced(rig.dev.client(), "default");
    let events = events
        .list(&kube::api::ListParams::default())
        .await
        .unwrap();
    // Ten apart, then one for what is similar, counted up until the twenty-fifth.
    assert_eq!(events.items.len(), 11);
    let combined = events
        .items
        .iter()
        .find(|event| {
            event
                .note
                .as_deref()
                .unwrap_or_default()
                .starts_with("(combined")
        })
        .unwrap();
    assert_eq!(combined.series.as_ref().unwrap().count, 15);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert!(text.contains("oarlock_events_dropped_total 475"), "{text}");
}
