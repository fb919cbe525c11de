//! Calls to the outside: whose Secrets they may name, what is granted of certificates, and that a named Secret is a read.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_config::Watch;
use oarlock_core::egress::Credentials;
use oarlock_core::manifest::ResourceGrant;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Host, HttpAuth, HttpError, HttpRequest, SecretKey};
use oarlock_core::reference::{Gvk, ObjectRef};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake};
use crate::world::objects::{at_widget, grant, status, watch, widget};

const BROKER: &str = "https://broker.example.com";

fn request(auth: Option<HttpAuth>) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: format!("{BROKER}/v2/catalog"),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        ca_bundle: None,
        insecure_skip_tls_verify: false,
        auth,
        effect: None,
    }
}

fn key(namespace: Option<&str>, key: &str) -> SecretKey {
    SecretKey {
        namespace: namespace.map(str::to_owned),
        name: "broker".to_owned(),
        key: key.to_owned(),
    }
}

fn token(namespace: Option<&str>) -> Option<HttpAuth> {
    Some(HttpAuth::Bearer(key(namespace, "token")))
}

fn said(phase: String) -> Answer {
    Ok(Outcome {
        status: status(json!({"phase": phase})),
        ..Outcome::nothing()
    })
}

/// A module that makes one call and says what came of it.
fn calling(request: HttpRequest) -> Arc<Fake> {
    Arc::new(Fake::reading(move |_, host: Arc<dyn Host>| {
        let request = request.clone();
        Box::pin(async move {
            match host.send(request).await {
                Ok(response) => said(response.status.to_string()),
                Err(HttpError::Denied(message)) => said(format!("denied: {message}")),
                Err(other) => said(format!("{other:?}")),
            }
        })
    }))
}

fn granting(read: impl IntoIterator<Item = ResourceGrant>) -> Watch {
    let mut watch = watch();
    watch.grants.http = vec![BROKER.to_owned()];
    watch.grants.read.extend(read);
    watch
}

/// To read the Secret `broker` in these namespaces.
fn reading(namespaces: &[&str]) -> ResourceGrant {
    ResourceGrant {
        namespaces: namespaces.iter().map(|&n| n.to_owned()).collect(),
        resource_names: vec!["broker".to_owned()],
        ..grant("", "secrets")
    }
}

fn secret(namespace: &str, values: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "broker", "namespace": namespace},
        "stringData": values})
}

fn at_secret(namespace: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "Secret"), Some(namespace), "broker")
}

async fn phase(world: &World) -> String {
    world.until_ready("w").await;
    let live = world.live(&at_widget("w")).await;
    live["status"]["phase"].as_str().unwrap().to_owned()
}

async fn until_phase(world: &World, phase: &str) {
    let start = world.clock.now();
    let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == phase);
    world.until(&at_widget("w"), met).await;
    assert!(
        world.clock.now().since(start) < Duration::from_secs(30),
        "not by the period"
    );
}

async fn world_of_two_namespaces() -> World {
    let world = World::new().await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "brokers"}}))
        .await;
    for namespace in ["default", "brokers"] {
        let values = json!({"token": format!("of {namespace}")});
        world.create(secret(namespace, &values)).await;
    }
    world
}

/// What a module says whose call names the Secret in `namespace`, and the tokens that were sent.
async fn sent(namespace: Option<&str>, grants: &[ResourceGrant]) -> (String, Vec<String>) {
    let mut world = world_of_two_namespaces().await;
    let module = calling(request(token(namespace)));
    world.serve(granting(grants.iter().cloned()), &module);
    world.create(widget("w")).await;
    let said = phase(&world).await;
    let tokens = world.outbox.letters().into_iter().map(|letter| {
        let Some(Credentials::Bearer { token }) = letter.credentials else {
            panic!("sent without a token");
        };
        String::from_utf8(token).unwrap()
    });
    (said, tokens.collect())
}

#[tokio::test(start_paused = true)]
async fn a_call_names_a_secret_of_any_namespace_that_is_granted() {
    let own = "200 [\"of default\"]";
    let theirs = "200 [\"of brokers\"]";
    for (namespace, grants, told) in [
        (None, vec![reading(&[])], own),
        (Some("default"), vec![reading(&[])], own),
        (None, vec![reading(&["default"])], own),
        (Some("brokers"), vec![reading(&["brokers"])], theirs),
        (Some("brokers"), vec![reading(&["*"])], theirs),
        (
            Some("brokers"),
            vec![reading(&[]), reading(&["brokers"])],
            theirs,
        ),
    ] {
        let (said, tokens) = sent(namespace, &grants).await;
        assert_eq!(
            format!("{said} {tokens:?}"),
            told,
            "{namespace:?} {grants:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_grant_nothing_is_sent_and_it_is_spelt_out() {
    let mut told = Vec::new();
    for (namespace, grants) in [
        (None, vec![]),
        (Some("brokers"), vec![]),
        // The own namespace is not the named one, nor the other way round; and names do not stand for Secrets at large.
        (Some("brokers"), vec![reading(&[])]),
        (None, vec![reading(&["brokers"])]),
        (Some("brokers"), vec![grant("*", "*")]),
    ] {
        let (said, tokens) = sent(namespace, &grants).await;
        assert!(tokens.is_empty(), "{namespace:?} {grants:?}");
        told.push(said);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [broker]}]}
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [brokers], resourceNames: [broker]}]}
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [brokers], resourceNames: [broker]}]}
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [broker]}]}
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [brokers], resourceNames: [broker]}]}
    "#);
}

/// An object without a namespace.
fn realm() -> (Value, Value, ObjectRef) {
    let preserving = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "realms.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Cluster", "names": {"kind": "Realm", "plural": "realms"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": preserving}}],
        },
    });
    let object =
        json!({"apiVersion": "demo.example.com/v1", "kind": "Realm", "metadata": {"name": "r"}});
    let at = ObjectRef::new(Gvk::new("demo.example.com", "v1", "Realm"), None, "r");
    (definition, object, at)
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_namespace_names_the_secrets_one() {
    let mut told = Vec::new();
    for (namespace, grants) in [
        (None, vec![reading(&["brokers"])]),
        (Some("brokers"), vec![]),
        (Some("brokers"), vec![reading(&["default"])]),
        (Some("brokers"), vec![reading(&["brokers"])]),
    ] {
        let (definition, object, at) = realm();
        let mut world = world_of_two_namespaces().await;
        world.create(definition).await;
        let mut watch = granting(grants);
        watch.gvk = at.gvk.clone();
        world.serve(watch, &calling(request(token(namespace))));
        world.create(object).await;
        let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"].is_string());
        world.until(&at, met).await;
        let phase = world.live(&at).await["status"]["phase"].clone();
        told.push(phase.as_str().unwrap().to_owned());
        let letters = world.outbox.letters().len();
        assert_eq!(letters > 0, phase == "200", "{phase}");
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    denied: Secret broker: Realm r has no namespace whose Secrets it could name; hint: name the Secret's namespace, too
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [brokers], resourceNames: [broker]}]}
    denied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [brokers], resourceNames: [broker]}]}
    200
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_named_secret_is_a_read_also_while_it_is_missing() {
    let (user, password) = (
        key(Some("brokers"), "username"),
        key(Some("brokers"), "password"),
    );
    let module = calling(request(Some(HttpAuth::Basic(user, password))));
    let mut world = World::new().await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "brokers"}}))
        .await;
    world.serve(granting([reading(&["brokers"])]), &module);
    world.create(widget("w")).await;
    until_phase(&world, "denied: Secret brokers/broker: not found").await;

    // One of the same name elsewhere is another one.
    world
        .create(secret(
            "default",
            &json!({"username": "u", "password": "p"}),
        ))
        .await;
    world.quiet().await;
    assert_eq!(module.count(), 1);

    world
        .create(secret("brokers", &json!({"username": "user"})))
        .await;
    until_phase(
        &world,
        "denied: Secret brokers/broker: has no key \"password\"",
    )
    .await;
    assert!(world.outbox.letters().is_empty());

    for password in ["first", "second"] {
        let calls = module.count();
        world
            .patch(
                &at_secret("brokers"),
                json!({"stringData": {"password": password}}),
            )
            .await;
        module.call(calls + 1).await;
        until_phase(&world, "200").await;
        world.quiet().await;
        let letters = world.outbox.letters();
        let [letter] = letters.as_slice() else {
            panic!("{} calls", letters.len());
        };
        let basic = Credentials::Basic {
            user: b"user".to_vec(),
            password: password.as_bytes().to_vec(),
        };
        assert!(letter.credentials.as_ref() == Some(&basic), "{password}");
    }

    world.delete(&at_secret("brokers")).await;
    until_phase(&world, "denied: Secret brokers/broker: not found").await;
}

#[tokio::test(start_paused = true)]
async fn certificates_go_unchecked_only_where_that_is_granted() {
    let checked = request(None);
    let insecure = HttpRequest {
        insecure_skip_tls_verify: true,
        ..checked.clone()
    };
    let plain = HttpRequest {
        url: "http://broker.example.com/v2/catalog".to_owned(),
        ..insecure.clone()
    };
    let mut told = Vec::new();
    for (request, http, unchecked) in [
        (&insecure, BROKER, None),
        (&insecure, BROKER, Some("https://other.example.com")),
        // It opens nothing by itself.
        (&insecure, "https://other.example.com", Some(BROKER)),
        (&insecure, BROKER, Some(BROKER)),
        (&insecure, BROKER, Some("https://*.example.com")),
        // Who does not ask for it does not get it.
        (&checked, BROKER, Some(BROKER)),
        // There is no certificate.
        (&plain, "http://broker.example.com", None),
    ] {
        let mut world = World::new().await;
        let mut watch = watch();
        watch.grants.http = vec![http.to_owned()];
        watch.grants.insecure_skip_tls_verify = unchecked.map(str::to_owned).into_iter().collect();
        world.serve(watch, &calling(request.clone()));
        world.create(widget("w")).await;
        let said = phase(&world).await;
        let sent = world.outbox.letters().into_iter().map(|letter| {
            let checked = !letter.request.insecure_skip_tls_verify;
            format!("{} checked={checked}", letter.request.url)
        });
        told.push(format!("{said} {:?}", sent.collect::<Vec<_>>()));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    denied: no grant to leave the certificate of https://broker.example.com unchecked; hint: trust its CA instead, or add to the watch: grants: {insecureSkipTLSVerify: ["https://broker.example.com"]} []
    denied: no grant to leave the certificate of https://broker.example.com unchecked; hint: trust its CA instead, or add to the watch: grants: {insecureSkipTLSVerify: ["https://broker.example.com"]} []
    denied: no grant for https://broker.example.com; hint: add to the watch: grants: {http: ["https://broker.example.com"]} []
    200 ["https://broker.example.com/v2/catalog checked=false"]
    200 ["https://broker.example.com/v2/catalog checked=false"]
    200 ["https://broker.example.com/v2/catalog checked=true"]
    200 ["http://broker.example.com/v2/catalog checked=false"]
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_the_host_filled_in_stays_untold_by_whom_it_was_told_to() {
    let module = Arc::new(Fake::reading(move |_, host: Arc<dyn Host>| {
        Box::pin(async move {
            let mut words = Vec::new();
            for status in ["200", "401"] {
                let asked = HttpRequest {
                    url: format!("{BROKER}/repeat/{status}"),
                    ..request(token(None))
                };
                let answer = host.send(asked).await.unwrap();
                words.push(String::from_utf8(answer.body).unwrap());
            }
            // What was content came as it is.
            let as_it_is = words[0].contains("of default");
            said(format!("{as_it_is}: {}", words.join(", ")))
        })
    }));
    let mut world = world_of_two_namespaces().await;
    world.serve(granting([reading(&[])]), &module);
    world.create(widget("w")).await;
    assert_eq!(
        phase(&world).await,
        "true: not by [redacted], not by [redacted]"
    );
}
