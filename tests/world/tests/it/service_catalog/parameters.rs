//! Parameters, and the Secrets that they are from.

use serde_json::{Value, json};

use super::site::{A_WHILE, BINDINGS, INSTANCES, SECRETS, Site, binding, instance, secret};

const VALUE: &str = "planted-parameter-one";
const OTHER: &str = "planted-parameter-two";

/// With parameters that are from a Secret.
fn wish() -> Value {
    json!({"parametersFrom": [{"secretKeyRef": {"name": "wish", "key": "parameters"}}]})
}

fn parameters(site: &Site) -> Value {
    let all = site.broker.instances();
    assert_eq!(all.len(), 1, "{}", site.told());
    all[0].parameters.clone()
}

fn source(content: &Value) -> Value {
    secret("wish", &json!({"parameters": content.to_string()}))
}

#[tokio::test(start_paused = true)]
async fn row_36_parameters_from_a_secret_wait_for_it_follow_it_and_clash_with_nothing() {
    let mut site = Site::new().await;
    let mark = site.mark();
    site.apply(instance("db", &wish())).unwrap();
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "", "nothing is asked without it");
    let missing = site.status(&INSTANCES, "db").join("\n");
    // Not the key that is named.
    site.apply(secret("wish", &json!({"other": "{}"}))).unwrap();
    site.pass(A_WHILE).await;
    let keyless = site.said(&INSTANCES, "db", "Ready");
    // No JSON.
    site.apply(secret("wish", &json!({"parameters": VALUE})))
        .unwrap();
    site.pass(A_WHILE).await;
    let unreadable = site.said(&INSTANCES, "db", "Ready");
    assert_eq!(site.calls(mark), "");
    site.apply(source(&json!({"password": VALUE}))).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(parameters(&site), json!({"size": 1, "password": VALUE}));
    let made = site.status(&INSTANCES, "db").join("\n");
    assert!(made.contains("<redacted>"), "{made}");
    // A change of the Secret alone is a change of the wish.
    site.apply(source(&json!({"password": OTHER}))).unwrap();
    site.pass(A_WHILE).await;
    assert_eq!(parameters(&site), json!({"size": 1, "password": OTHER}));
    assert_eq!(site.calls(mark), "provision, update");
    // The same key twice is nothing to guess about.
    site.apply(source(&json!({"size": 2}))).unwrap();
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "provision, update");
    let twice = site.status(&INSTANCES, "db").join("\n");
    let told = [missing, keyless, unreadable, made, twice].join("\n---\n");
    for value in [VALUE, OTHER] {
        assert!(!told.contains(value), "{told}");
    }
    insta::assert_snapshot!(site.named(&told));
    // The object goes, although its parameters cannot be had.
    site.delete(&SECRETS, "wish");
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn row_36_a_secret_that_is_taken_away_takes_nothing_away() {
    let mut site = Site::new().await;
    site.apply(source(&json!({"password": VALUE}))).unwrap();
    site.apply(instance("db", &wish())).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    let mark = site.mark();
    site.delete(&SECRETS, "wish");
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "");
    assert_eq!(parameters(&site), json!({"size": 1, "password": VALUE}));
    insta::assert_snapshot!(site.said(&INSTANCES, "db", "Ready"));
    site.apply(source(&json!({"password": VALUE}))).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(site.calls(mark), "", "it is what it was");
    site.clear().await;
}

/// A binding cannot be updated: another one takes its place.
#[tokio::test(start_paused = true)]
async fn other_parameters_of_a_binding_are_another_binding() {
    let mut site = Site::with_instance().await;
    site.apply(source(&json!({"role": "reader"}))).unwrap();
    site.apply(binding("web", "db", &wish())).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    let before = site.id_of(&BINDINGS, "web");
    let mark = site.mark();
    site.apply(source(&json!({"role": "writer"}))).unwrap();
    site.seconds(60).await;
    let after = site.id_of(&BINDINGS, "web");
    assert_ne!(before, after);
    let course = site.course(mark, &BINDINGS, "web", "Ready").await;
    assert!(!course.contains('-'), "its credentials stay good: {course}");
    site.pass(A_WHILE).await;
    site.pass(A_WHILE).await;
    assert_eq!(site.there().len(), 2, "{}", site.told());
    assert_eq!(
        site.broker.bindings()[0].parameters,
        json!({"role": "writer"})
    );
    assert_eq!(site.calls(mark), "bind, unbind");
    site.clear().await;
}
