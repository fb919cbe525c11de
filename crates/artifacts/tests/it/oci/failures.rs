//! What is said when a registry does not give a chart.

use std::time::Duration;

use oarlock_core::artifact::{Artifacts as _, Credentials, FetchError, Reach, Wanted};
use oarlock_core::reference::Digest;
use tokio::net::TcpSocket;

use super::push::{CHART, CHART_CONFIG, IMAGE_CONFIG, archive, layer};
use super::web::{Web, answer};
use super::{depot, open, plain, source, wanted};

/// Kind and text of an error; the parts that differ from run to run have names.
fn told(error: &FetchError, names: &[(&str, &str)]) -> String {
    let kind = format!("{error:?}");
    let kind = kind.split('(').next().unwrap().to_owned();
    let mut text = format!("{kind}: {error}\n");
    for (value, name) in names {
        text = text.replace(value, name);
    }
    text
}

#[tokio::test]
async fn what_is_not_there() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let at = server.address.as_str();
    let chart = pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    pusher
        .chart("web", "1.3.0-rc.1", &archive("web", "1.3.0-rc.1"))
        .await;
    let other = || vec![layer("application/x", b"x", &[])];
    pusher
        .image("img", "1.0.0", IMAGE_CONFIG, "{}", other())
        .await;
    pusher
        .image("tags", "latest", IMAGE_CONFIG, "{}", other())
        .await;
    pusher
        .image("odd", "1.0.0", CHART_CONFIG, "{}", other())
        .await;
    let bytes = vec![layer(CHART, b"no archive", &[])];
    pusher
        .image("odd", "2.0.0", CHART_CONFIG, "{}", bytes)
        .await;
    let depot = depot();
    let none = Digest::of(b"none");
    let mut all = String::new();
    for (repository, version) in [
        ("nope", "1.2.3"),
        ("nope", ""),
        ("web", "9.9.9"),
        ("web", none.as_str()),
        ("web", "^9"),
        ("web", "nonsense"),
        ("web", "sha256:12"),
        ("web:1.2.3", "1.2.4"),
        (&format!("web:1.3.0-rc.1@{chart}"), ""),
        (&format!("web@{chart}"), none.as_str()),
        ("WEB", "1.2.3"),
        ("tags", ""),
        ("img", "1.0.0"),
        ("odd", "1.0.0"),
        ("odd", "2.0.0"),
    ] {
        let error = depot
            .fetch(wanted(at, repository, version))
            .await
            .unwrap_err();
        all.push_str(&told(
            &error,
            &[(at, "HOST"), (&chart, "CHART"), (none.as_str(), "NONE")],
        ));
    }
    // Only pre-releases.
    pusher
        .chart("pre", "1.0.0-a", &archive("pre", "1.0.0-a"))
        .await;
    let error = depot.fetch(wanted(at, "pre", "")).await.unwrap_err();
    all.push_str(&told(&error, &[(at, "HOST")]));
    let error = depot
        .versions(
            source(at, "nope", ""),
            Credentials::default(),
            plain(),
            Duration::ZERO,
        )
        .await
        .unwrap_err();
    all.push_str(&told(&error, &[(at, "HOST")]));
    // It does not speak TLS.
    let encrypted = Wanted {
        reach: Reach::Anywhere { plain_http: false },
        ..wanted(at, "web", "1.2.3")
    };
    let error = depot.fetch(encrypted).await.unwrap_err();
    all.push_str(&told(&error, &[(at, "HOST")]));
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_registry_that_is_down() {
    // Bound, so that nobody else listens there; and nobody listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let mut all = String::new();
    for version in ["1.2.3", ""] {
        let error = depot()
            .fetch(wanted(&address, "web", version))
            .await
            .unwrap_err();
        all.push_str(&told(&error, &[(&address, "HOST")]));
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn bytes_that_are_not_those_of_their_digest() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let at = server.address.as_str();
    let manifest = pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let layer = Digest::of(&archive("web", "1.2.3"));
    let fetch = async || {
        let error = depot().fetch(wanted(at, "web", "1.2.3")).await.unwrap_err();
        told(
            &error,
            &[
                (at, "HOST"),
                (&manifest, "MANIFEST"),
                (layer.as_str(), "LAYER"),
            ],
        )
    };
    let mut other = archive("web", "1.2.3");
    other[20] ^= 1;
    let found = Digest::of(&other);
    std::fs::write(server.file(layer.as_str()), &other).unwrap();
    let mut all = fetch().await.replace(found.as_str(), "OTHER");
    // The registry itself lets it go.
    let file = server.file(&manifest);
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("\"schemaVersion\":2", "\"schemaVersion\": 2");
    std::fs::write(&file, &text).unwrap();
    let found = Digest::of(text.as_bytes());
    all.push_str(&fetch().await.replace(found.as_str(), "OTHER"));
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn what_a_broken_registry_says() {
    let mut all = String::new();
    for (status, body) in [
        (200, "<html>"),
        (200, "{}"),
        (
            403,
            r#"{"errors": [{"code": "DENIED", "message": "requested access to the resource is denied"}]}"#,
        ),
        (
            429,
            r#"{"errors": [{"code": "TOOMANYREQUESTS"}, {"code": "X", "message": "y"}]}"#,
        ),
        (503, "sleeping"),
        (418, ""),
    ] {
        let web = Web::new(move |_| answer(status, &[], body)).await;
        for version in ["1.2.3", ""] {
            let error = depot()
                .fetch(wanted(web.address(), "web", version))
                .await
                .unwrap_err();
            all.push_str(&told(&error, &[(web.address(), "HOST")]));
        }
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn pages_stay_with_their_registry_and_end() {
    for (link, told) in [
        (
            "<http://elsewhere.example/v2/web/tags/list>; rel=\"next\"",
            "another server",
        ),
        ("/v2/web/tags/list?last=a", "missing '<'"),
        (
            "</v2/web/tags/list?last=a>; rel=\"next\"",
            "more than 200 pages",
        ),
    ] {
        let web = Web::new(move |_| answer(200, &[("link", link)], r#"{"tags": ["a"]}"#)).await;
        let error = depot()
            .fetch(wanted(web.address(), "web", ""))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}
