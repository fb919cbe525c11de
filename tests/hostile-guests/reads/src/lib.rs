//! Behaves: one call of every import, each answer into the tag.

use contract::{cluster, http, nothing, secret};

contract::module!("reads", |_request| {
    let selection = cluster::Selection {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: None,
        labels: Some("app=web".to_owned()),
        fields: vec!["/spec/replicas".to_owned()],
        act_as: Some("deployer".to_owned()),
    };
    let call = http::Request {
        method: "GET".to_owned(),
        url: "http://metrics.example.com/query".to_owned(),
        headers: vec![("accept".to_owned(), "text/plain".to_owned())],
        body: b"body".to_vec(),
        timeout_ms: 250,
        ca_bundle: None,
        insecure_skip_tls_verify: true,
        auth: Some(http::Auth::Bearer(http::SecretRef {
            namespace: Some("brokers".to_owned()),
            name: "token".to_owned(),
            key: "value".to_owned(),
        })),
        effect: Some("once".to_owned()),
    };
    let lines = [
        format!("get {:?}", cluster::get(&secret("a"), None)),
        format!(
            "get-live {:?}",
            cluster::get_live(&secret("b"), Some("reader"))
        ),
        format!("query {:?}", cluster::query(&selection)),
        format!("children {:?}", cluster::children()),
        format!(
            "observe {:?}",
            cluster::observe(&[secret("a"), secret("b")])
        ),
        format!("kinds {:?}", cluster::kinds()),
        format!("server-version {:?}", cluster::server_version()),
        format!("send {:?}", http::send(&call)),
    ];
    let mut outcome = nothing();
    outcome.tag = lines.join("\n");
    Ok(outcome)
});
