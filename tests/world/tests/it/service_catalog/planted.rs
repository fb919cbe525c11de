//! Values that are recognised wherever they turn up: they are in the Secrets that they belong into, and nowhere else, although the
//! broker repeats in its errors what it was sent.

use std::io;
use std::sync::Arc;

use oarlock_broker::{Behaviour, Op};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::site::{
    A_WHILE, BINDINGS, CLUSTER_BROKERS, DOMAIN, HOME, INSTANCES, PASSWORD, SECRETS, Site, auth_of,
    binding, encoded, instance, secret,
};

const INSTANCE: &str = "planted-instance-parameter";
const BINDING: &str = "planted-binding-parameter";
const OLD: &str = "planted-former-parameter";
const CREDENTIAL: &str = "planted-credential-of-the-test";

/// What is logged of services, by whatever thread: modules run on others.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        // Other tests of the process log, too.
        if line.contains("servicecatalog") || line.contains("planted") {
            self.0.lock().push(line.into_owned());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// An answer that repeats what the broker was sent: these values, and our credentials for it.
fn gossip(status: u16, values: &[&str]) -> Behaviour {
    let all = [values, &[PASSWORD]].concat();
    let authorization = encoded(format!("{}:{PASSWORD}", super::site::USER).as_bytes());
    let quoted = json!({"you sent": all, "as": authorization}).to_string();
    let encoded: Vec<String> = all.iter().map(|value| encoded(value.as_bytes())).collect();
    let words = format!("no: {} {quoted} {}", all.join(" "), encoded.join(" "));
    let body = match status {
        // Unreadable: as it is, it would be a success.
        200..300 => json!([words]),
        _ => json!({"description": words, "error": all[0]}),
    };
    Behaviour::Says {
        status,
        body: body.to_string(),
    }
}

fn from(name: &str) -> Value {
    json!([{"secretKeyRef": {"name": name, "key": "parameters"}}])
}

fn source(name: &str, value: &str) -> Value {
    let content = json!({"token": value, "deep": {"list": [value]}});
    secret(name, &json!({"parameters": content.to_string()}))
}

/// All that a life can come to, with a broker that talks.
async fn life(site: &mut Site) {
    site.apply(source("instance-wish", OLD)).unwrap();
    site.apply(source("binding-wish", BINDING)).unwrap();
    for status in [500, 422, 201, 429, 400] {
        site.broker.next(Op::Provision, gossip(status, &[OLD]));
    }
    let wish = json!({"parametersFrom": from("instance-wish")});
    site.apply(instance("db", &wish)).unwrap();
    for requests in 1..6 {
        site.seconds(1300).await;
        site.set(&INSTANCES, "db", &json!({"updateRequests": requests}));
    }
    site.until_ready(&INSTANCES, "db").await;
    for status in [500, 400, 408] {
        site.broker.next(Op::Update, gossip(status, &[INSTANCE]));
    }
    site.broker.next(
        Op::Update,
        Behaviour::Fails {
            polls: 1,
            instance_usable: None,
            update_repeatable: Some(true),
        },
    );
    site.broker
        .next(Op::LastOperation, gossip(500, &[INSTANCE]));
    site.apply(source("instance-wish", INSTANCE)).unwrap();
    for requests in 6..10 {
        site.seconds(1300).await;
        site.set(&INSTANCES, "db", &json!({"updateRequests": requests}));
    }
    site.until_ready(&INSTANCES, "db").await;
    for status in [500, 201, 202, 422] {
        site.broker.next(Op::Bind, gossip(status, &[BINDING]));
    }
    let wish = json!({
        "parametersFrom": from("binding-wish"),
        // A path that leads nowhere: its error repeats what is there.
        "secretTransforms": [{"addKey": {"key": "again", "jsonPathExpression": "{.password}"}}],
    });
    site.apply(binding("web", "db", &wish)).unwrap();
    site.seconds(3600).await;
    site.set(&BINDINGS, "web", &json!({"type": "other"}));
    for number in 0..3 {
        let failed = site.said(&BINDINGS, "web", "Failed");
        if failed.starts_with("True") {
            let parameters = json!({"parameters": {"number": number}});
            site.set(&BINDINGS, "web", &parameters);
        }
        site.seconds(1300).await;
    }
    site.until_ready(&BINDINGS, "web").await;
    // Credentials that do not fit into a Secret.
    let given = json!({"not a key": CREDENTIAL, "password": CREDENTIAL});
    site.broker
        .next(Op::Bind, Behaviour::Credentials(given.clone()));
    site.apply(binding("odd", "db", &json!({}))).unwrap();
    // And such that cannot be read, although they are in it.
    let body = json!({"credentials": [CREDENTIAL], "operation": 7});
    let unreadable = Behaviour::Says {
        status: 201,
        body: body.to_string(),
    };
    site.broker.next(Op::Bind, unreadable.done());
    site.apply(binding("unread", "db", &json!({}))).unwrap();
    let key = format!("{DOMAIN}/rotate");
    site.annotate(&BINDINGS, "web", &json!({key: "now"}));
    site.pass(A_WHILE).await;
    site.restart().await;
    // The broker's own credentials are wrong for a while.
    let other = json!({"username": "planted-other-user", "password": "planted-other-password"});
    site.apply(auth_of(&other)).unwrap();
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 9}}));
    site.pass(A_WHILE).await;
    site.apply(super::site::auth()).unwrap();
    site.pass(2 * A_WHILE).await;
    for name in ["odd", "unread"] {
        site.delete(&BINDINGS, name);
        site.until_gone(&BINDINGS, name).await;
    }
    let id = site.id_of(&BINDINGS, "web");
    let given = site.broker.credentials_of(&id).unwrap();
    let password = given["password"].as_str().unwrap().to_owned();
    site.broker
        .next(Op::Unbind, gossip(500, &[&password, BINDING]));
    for status in [500, 400, 404] {
        site.broker.next(Op::Unbind, gossip(status, &[BINDING]));
        site.broker
            .next(Op::Deprovision, gossip(status, &[INSTANCE]));
    }
}

/// Every text that is a secret of this site.
fn secrets(site: &Site) -> Vec<String> {
    let mut all = site.broker.secrets();
    all.extend(
        [
            INSTANCE,
            BINDING,
            OLD,
            PASSWORD,
            CREDENTIAL,
            "planted-other-password",
        ]
        .map(str::to_owned),
    );
    let plain = all.clone();
    all.extend(plain.iter().map(|text| encoded(text.as_bytes())));
    all.retain(|text| text.len() > 8);
    all.sort();
    all.dedup();
    all
}

/// Where a secret turned up in a text.
fn found(place: &str, text: &str, secrets: &[String]) -> Option<String> {
    let secret = secrets.iter().find(|secret| text.contains(secret.as_str()));
    // Anything that begins as planted values do was forgotten in the list.
    let marked = text.find("planted").map(|at| {
        let end = text.len().min(at + 60);
        text.get(at..end).unwrap_or("planted…").to_owned()
    });
    let what = secret.cloned().or(marked)?;
    let at = text.find(&what).unwrap_or_default();
    let start = text[..at]
        .char_indices()
        .rev()
        .nth(200)
        .map_or(0, |(i, _)| i);
    let end = text[at..]
        .char_indices()
        .nth(300)
        .map_or(text.len(), |(i, _)| at + i);
    Some(format!("{place}: {}", &text[start..end]))
}

/// In every state that any object ever had, but for the Secrets that may.
async fn in_the_cluster(site: &Site) -> Vec<String> {
    let secrets = secrets(site);
    let mut told = Vec::new();
    for entry in site.chronicle.since(0).await {
        let change = &entry.change;
        let (namespace, name) = (change.key.namespace.as_str(), change.key.name.as_str());
        let may = change.resource == SECRETS
            && (namespace == HOME
                || ["instance-wish", "binding-wish", "web", "odd", "unread"].contains(&name));
        if may {
            continue;
        }
        let place = format!("{} {namespace}/{name}", change.resource.plural());
        told.extend(found(&place, &change.object.to_string(), &secrets));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn planted_secrets_turn_up_nowhere_but_in_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut site = Site::new().await;
    life(&mut site).await;
    site.delete(&BINDINGS, "web");
    site.delete(&INSTANCES, "db");
    site.pass(6 * A_WHILE).await;
    assert!(site.get(&INSTANCES, "db").is_none(), "{}", site.told());
    // They were there to be found.
    let sent = format!("{:?}", site.broker.journal());
    for planted in [INSTANCE, BINDING, OLD] {
        assert!(sent.contains(planted), "{planted} was never sent");
    }
    let wrote = site.chronicle.since(0).await;
    let wrote = wrote.iter().filter(|entry| {
        entry.change.resource == SECRETS && entry.change.key.name == "web" && !entry.change.removed
    });
    assert!(wrote.count() >= 2, "a Secret, and its successor");
    let mut told = in_the_cluster(&site).await;
    let log = log.0.lock().clone();
    let asked = log
        .iter()
        .filter(|line| line.contains("the broker was asked"));
    assert!(asked.count() > 30, "{log:#?}");
    let secrets = secrets(&site);
    told.extend(log.iter().filter_map(|line| found("log", line, &secrets)));
    told.extend(found("metrics", &site.metrics(), &secrets));
    told.dedup();
    assert!(
        told.is_empty(),
        "{} places\n{}",
        told.len(),
        told[..told.len().min(12)].join("\n")
    );
    assert_eq!(site.left(), "nothing");
    site.check().await;
}
