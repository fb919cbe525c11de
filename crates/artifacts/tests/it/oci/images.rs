//! Tags of repositories that have images and no charts.

use std::time::Duration;

use oarlock_core::artifact::{Artifacts as _, Credentials, FetchError};
use oci_client::secrets::RegistryAuth;
use serde_json::json;

use super::push::{IMAGE_CONFIG, Pusher, layer};
use super::server::{Access, Server};
use super::web::{Answer, Web, answer};
use super::{depot, plain, source, tokens};

async fn tags(
    address: &str,
    repository: &str,
    credentials: Credentials,
) -> Result<Vec<String>, FetchError> {
    let source = source(address, repository, "");
    depot()
        .versions(source, credentials, plain(), Duration::ZERO)
        .await
}

fn basic(password: &str) -> Credentials {
    Credentials {
        basic: Some(("user".to_owned(), password.to_owned())),
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

async fn pushed(address: &str, repository: &str) -> String {
    let auth = RegistryAuth::Basic("user".to_owned(), "secret".to_owned());
    let layers = vec![layer("application/x", b"x", &[])];
    Pusher::new(address, false, auth)
        .image(repository, "0.0.0", IMAGE_CONFIG, "{}", layers)
        .await
}

#[tokio::test]
async fn several_pages_behind_a_password() {
    let Some(server) = Server::start(Access::Password, false).await else {
        return;
    };
    let at = server.address.as_str();
    let digest = pushed(at, "team/web").await;
    for patch in 1..=2100 {
        server.tag("team/web", &format!("3.0.{patch}"), &digest);
    }
    server.tag("team/web", "latest", &digest);
    for credentials in [basic("secret"), docker(at)] {
        let tags = tags(at, "team/web", credentials).await.unwrap();
        assert_eq!(tags.len(), 2102);
        assert_eq!(tags[..2], ["3.0.2100", "3.0.2099"]);
        assert_eq!(tags[2100..], ["0.0.0", "latest"]);
    }
    for credentials in [basic("wrong"), Credentials::default()] {
        let error = tags(at, "team/web", credentials).await.unwrap_err();
        assert!(matches!(error, FetchError::Unauthorized(_)), "{error}");
    }
}

#[tokio::test]
async fn several_pages_for_a_token() {
    let office = tokens::server().await;
    let realm = format!("{}/token", office.url);
    let Some(server) = Server::start(Access::Tokens(realm), false).await else {
        return;
    };
    let at = server.address.replace("localhost", "127.0.0.1");
    for repository in ["public/web", "private/web"] {
        let digest = pushed(&at, repository).await;
        for patch in 1..=1100 {
            server.tag(repository, &format!("v3.0.{patch}"), &digest);
        }
    }
    office.asked();
    for (repository, credentials) in [
        ("public/web", Credentials::default()),
        ("private/web", basic("secret")),
    ] {
        let tags = tags(&at, repository, credentials).await.unwrap();
        assert_eq!((tags.len(), tags[0].as_str()), (1101, "v3.0.1100"));
        // One token is enough for all pages.
        assert_eq!(office.asked().len(), 1);
    }
    let denied = tags(&at, "private/web", Credentials::default()).await;
    assert!(
        matches!(denied, Err(FetchError::Unauthorized(_))),
        "{denied:?}"
    );
}

/// A registry of one repository, whose manifests are all `manifest`.
async fn registry(manifest: fn() -> Answer) -> Web {
    Web::new(move |asked| match asked.target.contains("/tags/list") {
        true => answer(
            200,
            &[],
            r#"{"name": "web", "tags": ["1.0.0", "1.1.0", "latest"]}"#,
        ),
        false => manifest(),
    })
    .await
}

#[tokio::test]
async fn the_tags_are_given_whatever_became_of_the_newest() {
    let registries = [
        // Deleted, as some registries leave them.
        registry(|| answer(404, &[], r#"{"errors": [{"code": "MANIFEST_UNKNOWN"}]}"#)).await,
        // Of 2015.
        registry(|| {
            let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
            let manifest =
                json!({"schemaVersion": 1, "name": "web", "tag": "1.1.0", "fsLayers": []});
            answer(200, &[("content-type", signed)], manifest.to_string())
        })
        .await,
        registry(|| answer(200, &[], "<html>")).await,
    ];
    for web in registries {
        let tags = tags(web.address(), "web", Credentials::default()).await;
        assert_eq!(tags.unwrap(), ["1.1.0", "1.0.0", "latest"]);
    }
    let failing = registry(|| answer(500, &[], "")).await;
    let tags = tags(failing.address(), "web", Credentials::default()).await;
    assert!(matches!(tags, Err(FetchError::Unavailable(_))), "{tags:?}");
}

/// Manifests count as pulls, of which some registries give few.
#[tokio::test]
async fn an_image_of_many_platforms_is_asked_for_once_a_day() {
    let web = registry(|| {
        let index = "application/vnd.oci.image.index.v1+json";
        let entry = |architecture: &str, digit: char| {
            json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": format!("sha256:{}", digit.to_string().repeat(64)),
                "size": 1,
                "platform": {"os": "linux", "architecture": architecture},
            })
        };
        let entries = json!([entry("amd64", 'a'), entry("arm64", 'b')]);
        let manifest = json!({"schemaVersion": 2, "mediaType": index, "manifests": entries});
        answer(200, &[("content-type", index)], manifest.to_string())
    })
    .await;
    let depot = depot();
    for _ in 0..3 {
        let source = source(web.address(), "web", "");
        let tags = depot.versions(source, Credentials::default(), plain(), Duration::ZERO);
        assert_eq!(tags.await.unwrap(), ["1.1.0", "1.0.0", "latest"]);
    }
    let asked: Vec<String> = web.asked().into_iter().map(|asked| asked.target).collect();
    let list = "/v2/web/tags/list?n=1000";
    assert_eq!(asked, [list, "/v2/web/manifests/1.1.0", list, list]);
}
