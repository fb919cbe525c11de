//! Who gets in.

use std::time::Duration;

use oarlock_core::artifact::{Artifacts as _, Credentials, FetchError, Reach, Wanted};
use oarlock_core::reference::Digest;
use oci_client::secrets::RegistryAuth;
use serde_json::json;

use super::push::{Pusher, archive};
use super::server::{Access, CA, Server};
use super::web::{Web, answer};
use super::{depot, tokens, wanted};

fn basic(password: &str) -> Credentials {
    Credentials {
        basic: Some(("user".to_owned(), password.to_owned())),
        ..Credentials::default()
    }
}

fn bearer(token: &str) -> Credentials {
    Credentials {
        bearer: Some(token.to_owned()),
        ..Credentials::default()
    }
}

fn docker(registry: &str) -> Credentials {
    let config = json!({"auths": {registry: {"auth": "dXNlcjpzZWNyZXQ="}}});
    Credentials {
        docker_config: Some(config.to_string()),
        ..Credentials::default()
    }
}

fn user() -> RegistryAuth {
    RegistryAuth::Basic("user".to_owned(), "secret".to_owned())
}

/// What comes of it: the version, or the error with its kind.
async fn outcome(address: &str, wanted: Wanted) -> String {
    match depot().fetch(wanted).await {
        Ok(artifact) => format!("got {}", artifact.version),
        Err(error) => {
            let kind = format!("{error:?}");
            let kind = kind.split('(').next().unwrap();
            format!("{kind}: {}", error.to_string().replace(address, "HOST"))
        }
    }
}

#[tokio::test]
async fn a_password() {
    let Some(server) = Server::start(Access::Password, false).await else {
        return;
    };
    let at = server.address.as_str();
    let pusher = Pusher::new(at, false, user());
    pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let mut all = String::new();
    for credentials in [
        basic("secret"),
        docker(at),
        docker(&format!("https://{at}/v2/")),
        Credentials::default(),
        basic("wrong"),
        docker("other.example"),
        bearer("token"),
        Credentials {
            docker_config: Some("{\"credsStore\": \"desktop\"}".to_owned()),
            ..Credentials::default()
        },
    ] {
        for version in ["1.2.3", "1.2.x"] {
            let wanted = Wanted {
                credentials: credentials.clone(),
                ..wanted(at, "web", version)
            };
            all.push_str(&outcome(at, wanted).await);
            all.push('\n');
        }
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_token_from_elsewhere() {
    let office = tokens::server().await;
    let realm = format!("{}/token", office.url);
    let Some(server) = Server::start(Access::Tokens(realm), false).await else {
        return;
    };
    // The office is on 127.0.0.1: to that it counts as another host.
    let at = server.address.replace("localhost", "127.0.0.1");
    let pusher = Pusher::new(&at, false, user());
    for repository in ["public/web", "private/web"] {
        pusher
            .chart(repository, "1.2.3", &archive("web", "1.2.3"))
            .await;
    }
    office.asked();
    let mut all = String::new();
    let access = json!([{"type": "repository", "name": "private/web", "actions": ["pull"]}]);
    for (repository, credentials) in [
        ("public/web", Credentials::default()),
        ("public/web", basic("secret")),
        ("private/web", basic("secret")),
        ("private/web", docker(&at)),
        ("private/web", bearer(&tokens::signed(&access))),
        ("private/web", Credentials::default()),
        ("private/web", basic("wrong")),
        ("private/web", bearer("nonsense")),
    ] {
        let wanted = Wanted {
            credentials,
            ..wanted(&at, repository, "^1")
        };
        let outcome = outcome(&at, wanted).await;
        let asked: Vec<String> = office
            .asked()
            .into_iter()
            .map(|asked| format!("  {} {:?}\n", asked.target, asked.authorization))
            .collect();
        all.push_str(&format!("{outcome}\n{}", asked.concat()));
    }
    insta::assert_snapshot!(all.replace(office.address(), "OFFICE"));
    // By the registry's other name the office is an address inside of somebody's network.
    let wanted = wanted(&server.address, "public/web", "1.2.3");
    let error = depot().fetch(wanted).await.unwrap_err();
    assert!(matches!(error, FetchError::Denied(_)), "{error}");
    assert_eq!(office.asked(), []);
}

#[tokio::test]
async fn certificates() {
    let Some(server) = Server::start(Access::Password, true).await else {
        return;
    };
    let at = server.address.as_str();
    let pusher = Pusher::new(at, true, user());
    pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let trusting = Credentials {
        ca: Some(CA.to_owned()),
        ..basic("secret")
    };
    let mut all = String::new();
    for (credentials, plain_http) in [
        (trusting.clone(), false),
        (basic("secret"), false),
        (trusting, true),
    ] {
        let wanted = Wanted {
            credentials,
            reach: Reach::Anywhere { plain_http },
            ..wanted(at, "web", "1.2.3")
        };
        all.push_str(&outcome(at, wanted).await);
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

/// A registry keeps its blobs elsewhere: who is sent there does not tell who he is, whatever is asked.
#[tokio::test]
async fn nobody_else_gets_the_password() {
    let bytes = archive("web", "1.2.3");
    let layer = Digest::of(&bytes);
    let size = bytes.len();
    for challenged in [false, true] {
        let content = bytes.clone();
        let store = Web::new(move |_| match challenged {
            true => answer(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
            false => answer(200, &[], content.clone()),
        })
        .await;
        let (layer, target) = (layer.clone(), format!("{}/blob", store.url));
        let registry = Web::new(move |asked| {
            if asked.authorization.as_deref() != Some(tokens::USER) {
                return answer(401, &[("www-authenticate", "Basic realm=\"r\"")], "");
            }
            if asked.target.contains("/blobs/") {
                return answer(307, &[("location", &target)], "");
            }
            let manifest = json!({
                "schemaVersion": 2,
                "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:0", "size": 2},
                "layers": [{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": layer.as_str(), "size": size}],
            });
            answer(200, &[], manifest.to_string())
        })
        .await;
        let wanted = Wanted {
            credentials: basic("secret"),
            max_age: Duration::ZERO,
            ..wanted(registry.address(), "web", "1.2.3")
        };
        let fetched = depot().fetch(wanted).await;
        assert_eq!(fetched.is_ok(), !challenged, "{fetched:?}");
        let asked = store.asked();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].authorization, None);
    }
}

/// A helper that has nothing to do with this registry must not close what is open to all.
#[tokio::test]
async fn a_helper_does_not_close_what_is_public() {
    let bytes = archive("web", "1.2.3");
    let layer = Digest::of(&bytes);
    let manifest = json!({
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:0", "size": 2},
        "layers": [{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": layer.as_str(), "size": bytes.len()}],
    })
    .to_string();
    let mut all = String::new();
    // What the office and then the registry say.
    for (office, status) in [(200, 200), (401, 200), (200, 403), (200, 401)] {
        let office = Web::new(move |_| answer(office, &[], r#"{"token": "free"}"#)).await;
        let challenge = format!("Bearer realm=\"{}/token\"", office.url);
        let (bytes, manifest) = (bytes.clone(), manifest.clone());
        let registry = Web::new(move |asked| {
            if asked.authorization.as_deref() != Some("Bearer free") {
                return answer(401, &[("www-authenticate", &challenge)], "");
            }
            if asked.target.contains("/blobs/") {
                return answer(status, &[], bytes.clone());
            }
            answer(status, &[], manifest.clone())
        })
        .await;
        let at = registry.address();
        for config in [
            json!({"credsStore": "desktop"}),
            json!({"auths": {at: {"identitytoken": "t"}}}),
        ] {
            let wanted = Wanted {
                credentials: Credentials {
                    docker_config: Some(config.to_string()),
                    ..Credentials::default()
                },
                ..wanted(at, "web", "1.2.3")
            };
            let text = outcome(at, wanted).await;
            all.push_str(&text.replace(office.address(), "OFFICE"));
            all.push('\n');
        }
        let shown = office
            .asked()
            .into_iter()
            .any(|asked| asked.authorization.is_some());
        assert!(!shown);
    }
    insta::assert_snapshot!(all);
}
