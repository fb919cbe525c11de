//! Charts and other packages: grants, Secrets, and who may read what was fetched.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_config::Watch;
use oarlock_core::artifact::{Credentials, FetchError, Reach, Source, Upstream, Verification};
use oarlock_core::manifest::ResourceGrant;
use oarlock_core::outcome::{Failure, Outcome};
use oarlock_core::reconciler::{ArtifactProof, ArtifactRequest, Host, RunError, SecretKey};
use oarlock_core::reference::{Digest, Gvk, ObjectRef};
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake};
use crate::world::objects::{at_widget, grant, status, watch, widget};

const CHARTS: &str = "https://charts.example";

fn repository(url: &str) -> Source {
    Source::Repository {
        url: url.to_owned(),
        chart: "web".to_owned(),
        version: "^1".to_owned(),
    }
}

fn request(source: Source, credentials: Option<&str>) -> ArtifactRequest {
    ArtifactRequest {
        source,
        credentials: credentials.map(str::to_owned),
        expect: None,
        max_age: Duration::ZERO,
        dependencies: false,
        verify: Vec::new(),
    }
}

fn at_secret() -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "Secret"), Some("default"), "s")
}

fn said(phase: impl std::fmt::Display) -> Answer {
    Ok(Outcome {
        status: status(json!({"phase": phase.to_string()})),
        ..Outcome::nothing()
    })
}

/// A module that fetches one package and says what came of it.
fn fetching(request: ArtifactRequest) -> Arc<Fake> {
    Arc::new(Fake::reading(move |_, host: Arc<dyn Host>| {
        let request = request.clone();
        Box::pin(async move {
            match host.fetch(request).await {
                Ok(artifact) => said(artifact.origin),
                Err(error) => said(error),
            }
        })
    }))
}

fn granting(artifacts: &[&str], secrets: &[&str]) -> Watch {
    let mut watch = watch();
    watch.grants.artifacts = artifacts.iter().map(|&a| a.to_owned()).collect();
    if !secrets.is_empty() {
        watch.grants.read.push(ResourceGrant {
            resource_names: secrets.iter().map(|&s| s.to_owned()).collect(),
            ..grant("", "secrets")
        });
    }
    watch
}

fn secret(name: &str, values: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
        "stringData": values})
}

async fn phase(world: &World) -> String {
    world.until_ready("w").await;
    let live = world.live(&at_widget("w")).await;
    live["status"]["phase"].as_str().unwrap().to_owned()
}

/// What becomes of a fetch of CHARTS in a cluster with Secret `s` of these values.
async fn opened(values: &Value) -> (String, Option<Credentials>) {
    let mut world = World::new().await;
    world.create(secret("s", values)).await;
    world.serve(
        granting(&[CHARTS], &["s"]),
        &fetching(request(repository(CHARTS), Some("s"))),
    );
    world.create(widget("w")).await;
    let said = phase(&world).await;
    let wanted = world.shelf.asked().pop();
    (said, wanted.map(|wanted| wanted.credentials))
}

#[tokio::test(start_paused = true)]
async fn what_is_not_granted_is_not_asked() {
    let mut told = Vec::new();
    for (source, grants) in [
        (repository(CHARTS), vec![]),
        (
            repository(CHARTS),
            vec!["http://charts.example", "oci://charts.example", "local"],
        ),
        (Source::Local("web".to_owned()), vec!["https://*.example"]),
        (
            repository("https://me:hunter22@charts.example"),
            vec![CHARTS],
        ),
        (repository(CHARTS), vec!["https://*.example"]),
        (
            repository("https://charts.default"),
            vec!["https://charts.{namespace}"],
        ),
        (
            repository("https://charts.other"),
            vec!["https://charts.{namespace}"],
        ),
    ] {
        let mut world = World::new().await;
        world.serve(granting(&grants, &[]), &fetching(request(source, None)));
        world.create(widget("w")).await;
        let said = phase(&world).await;
        told.push(format!("{} asked: {said}", world.shelf.asked().len()));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    0 asked: no grant for https://charts.example; hint: add to the watch: grants: {artifacts: ["https://charts.example"]}
    0 asked: no grant for https://charts.example; hint: add to the watch: grants: {artifacts: ["https://charts.example"]}
    0 asked: no grant for local; hint: add to the watch: grants: {artifacts: ["local"]}
    0 asked: "https://…@charts.example": a user name or password in the URL is refused; hint: put them into a Secret and name it in `credentials`
    1 asked: web of https://charts.example ^1
    1 asked: web of https://charts.default ^1
    0 asked: no grant for https://charts.other; hint: add to the watch: grants: {artifacts: ["https://charts.other"]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn dependencies_are_granted_like_the_chart_itself() {
    let mut world = World::new().await;
    let module = Arc::new(Fake::reading(|_, host: Arc<dyn Host>| {
        Box::pin(async move {
            let versions = host
                .versions(repository(CHARTS), None, Duration::from_secs(7))
                .await;
            said(versions.unwrap().join(" "))
        })
    }));
    world.serve(granting(&[CHARTS], &[]), &module);
    world.create(widget("w")).await;
    assert_eq!(phase(&world).await, "2.0.0 1.0.0");
    let wanted = world.shelf.asked().pop().unwrap();
    assert_eq!(wanted.max_age, Duration::from_secs(7));
    let reach = Reach::Granted {
        grants: vec![CHARTS.to_owned()],
        namespace: Some("default".to_owned()),
    };
    assert_eq!(wanted.reach, reach);
}

#[tokio::test(start_paused = true)]
async fn a_secret_opens_a_source_by_the_keys_that_it_has() {
    let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
    let text = |text: &str| Some(text.to_owned());
    for (values, credentials) in [
        (
            json!({"username": "me\n", "password": "hunter22\r\n"}),
            Credentials {
                basic: pair("me", "hunter22"),
                ..Credentials::default()
            },
        ),
        (
            json!({"bearerToken": "token-1\n", "caFile": "ca", "ca.crt": "other"}),
            Credentials {
                bearer: text("token-1"),
                ca: text("ca"),
                ..Credentials::default()
            },
        ),
        (
            json!({".dockerconfigjson": "{}"}),
            Credentials {
                docker_config: text("{}"),
                ..Credentials::default()
            },
        ),
        (
            json!({"identity": "key\n", "known_hosts": "hosts"}),
            Credentials {
                identity: text("key\n"),
                known_hosts: text("hosts"),
                ..Credentials::default()
            },
        ),
        (
            json!({"tls.crt": "certificate", "tls.key": "key", "ca.crt": "ca"}),
            Credentials {
                client: pair("certificate", "key"),
                ca: text("ca"),
                ..Credentials::default()
            },
        ),
    ] {
        let (said, found) = opened(&values).await;
        assert_eq!(said, "web of https://charts.example ^1");
        assert!(found == Some(credentials), "{values}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_opens_nothing_says_so() {
    let mut told = Vec::new();
    for values in [
        json!({}),
        json!({"token": "x"}),
        json!({"username": "me"}),
        json!({"password": "hunter22"}),
        json!({"identity": "key", "password": "hunter22"}),
        json!({"certFile": "certificate"}),
        json!({"tls.key": "key"}),
    ] {
        let (said, found) = opened(&values).await;
        assert!(found.is_none(), "{values}");
        told.push(said);
    }
    let mut world = World::new().await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "default"}, "data": {"bearerToken": "/w=="}}))
        .await;
    world.serve(
        granting(&[CHARTS], &["s"]),
        &fetching(request(repository(CHARTS), Some("s"))),
    );
    world.create(widget("w")).await;
    told.push(phase(&world).await);
    insta::assert_snapshot!(told.join("\n"), @r#"
    Secret default/s: opens nothing; expected username and password, bearerToken, .dockerconfigjson, identity and known_hosts, caFile or ca.crt, certFile and keyFile, or tls.crt and tls.key
    Secret default/s: opens nothing; expected username and password, bearerToken, .dockerconfigjson, identity and known_hosts, caFile or ca.crt, certFile and keyFile, or tls.crt and tls.key
    Secret default/s: has a username and no password
    Secret default/s: has a password and no username
    Secret default/s: has a password beside its identity; hint: a key without a passphrase is expected
    Secret default/s: has a client certificate and no key of it
    Secret default/s: has a client's key and no certificate of it
    Secret default/s: key "bearerToken" is not UTF-8 text
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_secret_needs_its_grant_and_wakes_who_waits_for_it() {
    let module = fetching(request(repository(CHARTS), Some("s")));
    let mut world = World::new().await;
    world.serve(granting(&[CHARTS], &[]), &module);
    world.create(widget("w")).await;
    insta::assert_snapshot!(phase(&world).await, @r#"no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [s]}]}"#);

    world.serve(granting(&[CHARTS], &["s"]), &module);
    let missing = "Secret default/s: not found";
    let is = |phase: &'static str| {
        move |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == phase)
    };
    world.until(&at_widget("w"), is(missing)).await;
    assert!(world.shelf.asked().is_empty());

    world
        .create(secret("s", &json!({"bearerToken": "token-1"})))
        .await;
    world
        .until(&at_widget("w"), is("web of https://charts.example ^1"))
        .await;
    let asked = world.shelf.asked().len();
    world
        .patch(
            &at_secret(),
            json!({"stringData": {"bearerToken": "token-2"}}),
        )
        .await;
    world.shelf.asked_for(asked + 1).await;
    let wanted = world.shelf.asked().pop().unwrap();
    assert_eq!(wanted.credentials.bearer.as_deref(), Some("token-2"));
}

#[tokio::test(start_paused = true)]
async fn proofs_are_looked_up_too() {
    let key = |namespace: Option<&str>, key: &str| SecretKey {
        namespace: namespace.map(str::to_owned),
        name: "s".to_owned(),
        key: key.to_owned(),
    };
    let mut wanted = request(repository(CHARTS), None);
    wanted.verify = vec![
        ArtifactProof::Provenance(key(None, "ring")),
        ArtifactProof::Cosign(key(Some("default"), "public")),
    ];
    wanted.expect = Some(Digest::of(b"x"));
    wanted.dependencies = true;
    let mut world = World::new().await;
    world
        .create(secret("s", &json!({"ring": "keys", "public": "pem"})))
        .await;
    world.serve(granting(&[CHARTS], &["s"]), &fetching(wanted));
    world.create(widget("w")).await;
    assert_eq!(phase(&world).await, "web of https://charts.example ^1");
    let asked = world.shelf.asked().pop().unwrap();
    let proofs = [
        Verification::Provenance {
            keyring: b"keys".to_vec(),
        },
        Verification::Cosign {
            key: "pem".to_owned(),
        },
    ];
    assert_eq!(asked.verify, proofs);
    assert_eq!(
        (asked.expect, asked.dependencies),
        (Some(Digest::of(b"x")), true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_reads_only_what_it_fetched_itself() {
    let module = Arc::new(Fake::reading(|request, host: Arc<dyn Host>| {
        Box::pin(async move {
            let source = Source::Local("web".to_owned());
            let digest = Digest::of(source.to_string().as_bytes());
            if request.object.to_value()["metadata"]["name"] == "fetches" {
                let fetched = host.fetch(self::request(source, None)).await.unwrap();
                let bytes = host.artifact(fetched.digest).await.unwrap();
                return said(String::from_utf8_lossy(&bytes));
            }
            match host.artifact(digest).await {
                Ok(_) => said("read what another one fetched"),
                Err(FetchError::Denied(message)) => said(message),
                Err(other) => said(format!("{other:?}")),
            }
        })
    }));
    let mut world = World::new().await;
    world.serve(granting(&["local"], &[]), &module);
    world.create(widget("fetches")).await;
    world.until_ready("fetches").await;
    assert_eq!(
        world.live(&at_widget("fetches")).await["status"]["phase"],
        "web"
    );
    world.create(widget("w")).await;
    insta::assert_snapshot!(phase(&world).await, @"sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2: this run did not fetch it; hint: a digest is read by the run that got it from fetch");
}

#[tokio::test(start_paused = true)]
async fn who_fetches_holds_no_worker() {
    let module = Arc::new(Fake::reading(|run, host: Arc<dyn Host>| {
        Box::pin(async move {
            if run.object.to_value()["metadata"]["name"] == "slow" {
                let source = Source::Local("web".to_owned());
                let fetched = host.fetch(request(source, None)).await;
                return said(fetched.unwrap().name);
            }
            said("quick")
        })
    }));
    let mut world = World::new().await.workers(1);
    world.shelf.close(true);
    world.serve(granting(&["local"], &[]), &module);
    world.create(widget("slow")).await;
    world.shelf.asked_for(1).await;
    world.create(widget("w")).await;
    assert_eq!(phase(&world).await, "quick");
    world.shelf.close(false);
    world.until_ready("slow").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_source_says_of_a_password_is_masked() {
    let wanted = request(repository("https://charts.example/broken"), Some("s"));
    let module = Arc::new(Fake::reading(move |_, host: Arc<dyn Host>| {
        let wanted = wanted.clone();
        Box::pin(async move {
            let error = host.fetch(wanted).await.unwrap_err();
            Err(RunError::Failure(Failure::Terminal(error.to_string())))
        })
    }));
    let mut world = World::new().await;
    let values = json!({"username": "robot", "password": "correct-horse"});
    world.create(secret("s", &values)).await;
    world.serve(granting(&[CHARTS], &["s"]), &module);
    world.create(widget("w")).await;
    let message = world.until_condition("w", "Ready", "False", "Failed").await;
    insta::assert_snapshot!(message, @r#"web of https://charts.example/broken ^1: Some(("robot", "[redacted]")) is refused"#);
}

#[tokio::test(start_paused = true)]
async fn who_fetched_from_what_was_pushed_to_runs_again() {
    const GIT: &str = "https://git.example";
    let module = Arc::new(Fake::reading(|run, host: Arc<dyn Host>| {
        Box::pin(async move {
            let name = run.object.to_value()["metadata"]["name"].clone();
            let source = Source::Git {
                url: format!("{GIT}/{}.git", name.as_str().unwrap()),
                reference: "main".to_owned(),
                path: "chart".to_owned(),
            };
            let wanted = ArtifactRequest {
                max_age: Duration::from_secs(3600),
                ..request(source, None)
            };
            said(host.fetch(wanted).await.unwrap().origin)
        })
    }));
    let mut world = World::new().await;
    world.serve(granting(&[GIT], &[]), &module);
    for name in ["shop", "other"] {
        world.create(widget(name)).await;
        world.until_ready(name).await;
    }
    world.quiet().await;
    let engine = world.engine();
    let shop = Upstream::parse("git@git.example:Shop.git").unwrap();
    let nobodys = Upstream::parse("https://git.example/nobodys").unwrap();
    assert!(engine.upstreams().contains(&shop));
    let asked = world.shelf.asked().len();
    drop(world.writes());
    assert_eq!(engine.pushed(&[shop.clone(), nobodys.clone()]), 1);
    world.shelf.asked_for(asked + 1).await;
    world.quiet().await;
    let again: Vec<String> = world.shelf.asked()[asked..]
        .iter()
        .map(|wanted| wanted.source.to_string())
        .collect();
    assert_eq!(again, ["chart of https://git.example/shop.git main"]);
    assert_eq!(world.shelf.forgotten(), [shop, nobodys.clone()]);
    assert_eq!(world.writes(), [""; 0], "nothing new, nothing written");
    assert_eq!(engine.pushed(&[nobodys]), 0);
}
