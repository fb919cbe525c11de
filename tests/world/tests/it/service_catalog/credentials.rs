//! Credentials, and the Secrets that they are in.

use oarlock_broker::{Behaviour, Op};
use serde_json::{Value, json};

use super::site::{A_WHILE, BINDINGS, SECRETS, Site, binding, secret};

/// Binds, with these credentials.
async fn bind(site: &Site, name: &str, credentials: &Value, more: &Value) {
    site.broker
        .next(Op::Bind, Behaviour::Credentials(credentials.clone()));
    site.apply(binding(name, "db", more)).unwrap();
    site.pass(A_WHILE).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_has_what_the_broker_gave_and_what_servicebinding_io_wants() {
    let mut site = Site::with_binding().await;
    let id = site.id_of(&BINDINGS, "web");
    let given = site.broker.credentials_of(&id).unwrap();
    let entries = site.entries("web").unwrap();
    for key in ["uri", "username", "password", "host"] {
        assert_eq!(entries[key], given[key]);
    }
    // What is no text is JSON.
    assert_eq!(entries["port"], "5432");
    let tls: Value = serde_json::from_str(entries["tls"].as_str().unwrap()).unwrap();
    assert_eq!(tls, given["tls"]);
    assert_eq!(entries["type"], "postgres");
    assert_eq!(entries["provider"], "acme");
    let binding = site.get(&BINDINGS, "web").unwrap();
    assert_eq!(binding["status"]["binding"]["name"], "web");
    let secret = site.get(&SECRETS, "web").unwrap();
    let owner = &secret["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], binding["metadata"]["uid"]);
    assert_eq!(
        secret["metadata"]["annotations"]["servicecatalog.oarlock.dev/binding-id"],
        id.as_str()
    );
    let shown = format!("{}\n{}", secret["type"], secret["metadata"]["labels"]);
    insta::assert_snapshot!(shown);
    site.clear().await;
    assert!(site.get(&SECRETS, "web").is_none());
}

#[tokio::test(start_paused = true)]
async fn type_and_provider_are_as_somebody_says() {
    let mut site = Site::with_instance().await;
    let wish = json!({"type": "postgresql", "provider": "acme", "secretName": "credentials"});
    bind(&site, "web", &json!({"username": "planted-user"}), &wish).await;
    let entries = site.entries("credentials").unwrap();
    assert_eq!(entries["type"], "postgresql");
    assert_eq!(entries["provider"], "acme");
    let binding = site.get(&BINDINGS, "web").unwrap();
    assert_eq!(binding["status"]["binding"]["name"], "credentials");
    // What the broker gives is not overwritten.
    bind(&site, "own", &json!({"type": "mysql"}), &json!({})).await;
    assert_eq!(site.entries("own").unwrap()["type"], "mysql");
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn credentials_are_transformed() {
    let mut site = Site::with_instance().await;
    let given = json!({
        "uri": "postgres://planted",
        "username": "planted-user",
        "nested": {"host": "db.example"},
        "noise": "x",
    });
    let wish = json!({"secretTransforms": [
        {"renameKey": {"from": "username", "to": "user"}},
        {"addKey": {"key": "host", "jsonPathExpression": "{.nested.host}"}},
        {"addKey": {"key": "driver", "stringValue": "pgx"}},
        {"removeKey": {"key": "noise"}},
    ]});
    bind(&site, "web", &given, &wish).await;
    let entries = site
        .entries("web")
        .unwrap_or_else(|| panic!("{}", site.told()));
    let keys: Vec<&String> = entries.keys().collect();
    assert_eq!(
        keys,
        [
            "driver", "host", "nested", "provider", "type", "uri", "user"
        ]
    );
    assert_eq!(entries["user"], "planted-user");
    assert_eq!(entries["host"], "db.example");
    assert_eq!(entries["driver"], "pgx");
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn row_35_credentials_that_are_no_texts_are_json() {
    let mut site = Site::with_instance().await;
    let given = json!({
        "number": 7, "float": 1.5, "yes": true, "none": null, "list": [1, "two"], "deep": {"a": {"b": "planted-deep"}},
        "text": "planted-text",
    });
    bind(&site, "web", &given, &json!({})).await;
    let entries = site
        .entries("web")
        .unwrap_or_else(|| panic!("{}", site.told()));
    assert_eq!(entries["number"], "7");
    assert_eq!(entries["yes"], "true");
    assert_eq!(entries["text"], "planted-text");
    let deep: Value = serde_json::from_str(entries["deep"].as_str().unwrap()).unwrap();
    assert_eq!(deep, given["deep"]);
    let list: Value = serde_json::from_str(entries["list"].as_str().unwrap()).unwrap();
    assert_eq!(list, given["list"]);
    site.clear().await;
}

/// One that a Secret cannot have, and one too many bytes: an error, and no part of a Secret.
#[tokio::test(start_paused = true)]
async fn row_35_credentials_that_do_not_fit_are_an_error_and_no_part_of_a_secret() {
    let mut site = Site::with_instance().await;
    let invalid = json!({"user name": "planted-user", "password": "planted-password"});
    let huge = json!({"blob": format!("planted-{}", "x".repeat(1_100_000)), "password": "planted-password"});
    let mut told = Vec::new();
    for (name, given) in [("spaced", &invalid), ("huge", &huge)] {
        bind(&site, name, given, &json!({})).await;
        assert!(site.get(&SECRETS, name).is_none(), "{name}");
        told.push(site.status(&BINDINGS, name).join("\n"));
    }
    assert_eq!(
        site.broker.bindings().len(),
        2,
        "and they are not made twice"
    );
    for told in &told {
        assert!(!told.contains("planted"), "{told}");
    }
    insta::assert_snapshot!(site.named(&told.join("\n---\n")));
    // Somebody says what to do about it.
    site.set(&BINDINGS, "spaced", &json!({"invalidKeys": "Replace"}));
    site.pass(A_WHILE).await;
    site.pass(A_WHILE).await;
    let entries = site
        .entries("spaced")
        .unwrap_or_else(|| panic!("{}", site.told()));
    assert!(
        entries.values().any(|value| value == "planted-user"),
        "{entries:?}"
    );
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn row_37_a_secret_of_somebody_else_is_refused_before_anything_is_bound() {
    let mut site = Site::with_instance().await;
    site.apply(secret("web", &json!({"mine": "planted-foreign"})))
        .unwrap();
    let mark = site.mark();
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "", "nobody is asked");
    let refused = site.status(&BINDINGS, "web").join("\n");
    assert_eq!(site.entries("web").unwrap()["mine"], "planted-foreign");
    // It gets out of the way.
    site.delete(&SECRETS, "web");
    site.until_ready(&BINDINGS, "web").await;
    insta::assert_snapshot!(site.named(&refused));
    // Somebody puts his own in its place.
    site.delete(&SECRETS, "web");
    site.apply(secret("web", &json!({"mine": "planted-foreign"})))
        .unwrap();
    site.pass(A_WHILE).await;
    assert_eq!(site.entries("web").unwrap()["mine"], "planted-foreign");
    assert!(site.said(&BINDINGS, "web", "Ready").starts_with("False"));
    site.delete(&BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    assert_eq!(site.entries("web").unwrap()["mine"], "planted-foreign");
    assert_eq!(site.left(), "instance");
    site.clear().await;
}

/// Somebody is faster, between the look and the write.
#[tokio::test(start_paused = true)]
async fn row_37_a_secret_that_appears_while_the_broker_answers_is_not_overwritten() {
    let mut site = Site::with_instance().await;
    site.broker.next(Op::Bind, Behaviour::Well.held());
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.seconds(5).await;
    assert_eq!(site.broker.held(), 1);
    site.apply(secret("web", &json!({"mine": "planted-foreign"})))
        .unwrap();
    site.broker.release();
    site.pass(A_WHILE).await;
    let entries = site.entries("web").unwrap();
    assert_eq!(entries.len(), 1, "{:?}", entries.keys());
    insta::assert_snapshot!(site.named(&site.status(&BINDINGS, "web").join("\n")));
    assert!(site.broker.bindings().len() <= 1);
    site.delete(&SECRETS, "web");
    site.seconds(1300).await;
    assert!(
        site.said(&BINDINGS, "web", "Ready").starts_with("True"),
        "{}",
        site.told()
    );
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_deleted_is_written_again() {
    let mut site = Site::with_binding().await;
    let before = site.entries("web").unwrap();
    site.seconds(120).await;
    let mark = site.mark();
    site.delete(&SECRETS, "web");
    site.pass(A_WHILE).await;
    assert_eq!(
        site.entries("web").unwrap_or_default(),
        before,
        "{}",
        site.told()
    );
    assert_eq!(site.calls(mark), "fetch");
    site.clear().await;
}

/// Credentials that are told once: only another binding has some.
#[tokio::test(start_paused = true)]
async fn a_secret_that_was_deleted_is_replaced_where_credentials_are_told_once() {
    let mut catalog = oarlock_broker::Catalog::demo();
    let postgres = catalog.service_mut("service-postgres").unwrap();
    postgres.bindings_retrievable = false;
    let mut site = Site::offering(catalog, None).await;
    site.connect().await;
    site.provision().await;
    site.bind().await;
    site.seconds(120).await;
    let before = site.id_of(&BINDINGS, "web");
    site.delete(&SECRETS, "web");
    site.pass(A_WHILE).await;
    site.pass(A_WHILE).await;
    let after = site.id_of(&BINDINGS, "web");
    assert_ne!(before, after, "{}", site.told());
    let given = site.broker.credentials_of(&after).unwrap();
    assert_eq!(site.entries("web").unwrap()["password"], given["password"]);
    assert_eq!(site.left(), "instance, binding");
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_somebody_changed_is_put_right() {
    let mut site = Site::with_binding().await;
    let before = site.entries("web").unwrap();
    site.seconds(120).await;
    let mark = site.mark();
    let changed = json!({"data": {"password": super::site::encoded(b"changed")}});
    site.edit(&SECRETS, "web", &changed).unwrap();
    site.pass(A_WHILE).await;
    let now = site.entries("web").unwrap();
    assert_eq!(now, before, "{}", site.told());
    assert_eq!(site.calls(mark), "");
    site.clear().await;
}

/// Whoever mounts the old one would keep old credentials.
#[tokio::test(start_paused = true)]
async fn the_name_of_the_secret_stays() {
    let mut site = Site::with_binding().await;
    let patch = json!({"spec": {"secretName": "elsewhere"}});
    let refusal = site.edit(&BINDINGS, "web", &patch).unwrap_err();
    assert!(
        refusal
            .message
            .contains("spec.secretName cannot be changed"),
        "{refusal:?}"
    );
    site.clear().await;
}
