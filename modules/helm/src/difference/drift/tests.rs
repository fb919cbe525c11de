use serde_json::{Value, json};

use super::*;

fn object(content: Value) -> Object {
    let Value::Object(content) = content else {
        panic!("an object");
    };
    Object {
        source: String::new(),
        content,
    }
}

fn found(wanted: Value, live: Value, ignored: &[&str]) -> Vec<String> {
    let ignored: Vec<String> = ignored.iter().map(|&i| i.to_owned()).collect();
    of(&object(wanted), live.as_object(), &ignored)
}

fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
}

fn check(wanted: Value, live: Value, expected: &[&str]) {
    assert_eq!(found(deployment(&wanted), deployment(&live), &[]), expected);
}

#[test]
fn only_what_is_wanted_counts() {
    check(
        json!({"replicas": 2}),
        json!({"replicas": 2, "paused": true}),
        &[],
    );
    check(
        json!({"replicas": 2}),
        json!({"replicas": 3}),
        &["/spec/replicas"],
    );
    check(
        json!({"a/b": {"c": 1}}),
        json!({"a/b": {}}),
        &["/spec/a~1b/c"],
    );
}

#[test]
fn what_the_api_server_writes_in_another_way_does_not_count() {
    check(
        json!({"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 1}}}),
        json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1"}}}),
        &[],
    );
    check(
        json!({"a": null, "b": {}, "c": [], "d": "", "e": false, "f": 0, "g": {"h": null}}),
        json!({}),
        &[],
    );
    check(
        json!({"resources": {"limits": {"cpu": "2"}}}),
        json!({"resources": {"limits": {"cpu": "1"}}}),
        &["/spec/resources/limits/cpu"],
    );
    let secret = |data: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": data}});
    let wanted = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "x"}});
    assert_eq!(
        found(wanted.clone(), secret("eA=="), &[]),
        Vec::<String>::new()
    );
    assert_eq!(found(wanted, secret("eQ=="), &[]), ["/data/a"]);
}

#[test]
fn status_and_times_are_not_the_charts() {
    let wanted = json!({
        "apiVersion": "v1", "kind": "Service", "status": {"loadBalancer": {"a": 1}},
        "metadata": {"name": "s", "creationTimestamp": "2019-01-01T00:00:00Z"},
    });
    let live = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "creationTimestamp": "2026-01-01T00:00:00Z"}});
    assert_eq!(found(wanted, live, &[]), Vec::<String>::new());
}

#[test]
fn lists_are_compared_by_key_or_whole() {
    let live =
        json!({"containers": [{"name": "injected"}, {"name": "web", "image": "web:1", "x": 1}]});
    check(
        json!({"containers": [{"name": "web", "image": "web:1"}]}),
        live.clone(),
        &[],
    );
    check(
        json!({"containers": [{"name": "web", "image": "web:2"}]}),
        live.clone(),
        &["/spec/containers/0/image"],
    );
    check(
        json!({"containers": [{"name": "other"}]}),
        live,
        &["/spec/containers/0"],
    );
    check(
        json!({"args": ["a"]}),
        json!({"args": ["a", "b"]}),
        &["/spec/args"],
    );
}

#[test]
fn what_may_differ_is_said() {
    let (wanted, live) = (
        deployment(&json!({"replicas": 2, "template": {"a": 1}})),
        deployment(&json!({"replicas": 5, "template": {"a": 2}})),
    );
    assert_eq!(
        found(wanted.clone(), live.clone(), &["/spec/replicas"]),
        ["/spec/template/a"]
    );
    assert_eq!(found(wanted, live, &["/spec/"]), Vec::<String>::new());
}

#[test]
fn what_is_gone_is_told_unless_it_is_done() {
    let job = |ttl: Value| {
        object(
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"ttlSecondsAfterFinished": ttl}}),
        )
    };
    assert_eq!(of(&object(deployment(&json!({}))), None, &[]), [""]);
    assert_eq!(of(&job(json!(60)), None, &[]), Vec::<String>::new());
}

#[test]
fn nobody_looks_where_an_annotation_says_so() {
    let mut wanted = deployment(&json!({"replicas": 2}));
    wanted["metadata"]["annotations"] = json!({DETECTION: "disabled"});
    assert_eq!(of(&object(wanted), None, &[]), Vec::<String>::new());
}

#[test]
fn what_may_differ_is_written_as_it_is() {
    let left = |wanted: Value, live: Value, ignored: &str| {
        let mut content = object(wanted).content;
        leave(&mut content, &object(live).content, &[ignored.to_owned()]);
        Value::Object(content)
    };
    let wanted =
        deployment(&json!({"replicas": 2, "containers": [{"name": "web", "image": "web:1"}]}));
    let live = deployment(
        &json!({"replicas": 7, "containers": [{"name": "injected"}, {"name": "web", "image": "web:9"}]}),
    );
    assert_eq!(
        left(wanted.clone(), live.clone(), "/spec/replicas")["spec"]["replicas"],
        7
    );
    let image = left(wanted.clone(), live.clone(), "/spec/containers/0/image");
    assert_eq!(image["spec"]["containers"][0]["image"], "web:9");
    // What the release never said stays unsaid.
    assert_eq!(left(wanted.clone(), live, "/spec/paused"), wanted);
}
