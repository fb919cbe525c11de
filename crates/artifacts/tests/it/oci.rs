//! Charts from a real registry.

mod failures;
mod helm;
mod images;
mod logins;
mod push;
mod server;
mod signed;
mod tokens;
mod web;

use std::time::Duration;

use oarlock_artifacts::{Depot, Limits, Options};
use oarlock_core::artifact::{
    Artifact, Artifacts as _, Credentials, FetchError, Reach, Source, Upstream, Wanted,
};
use oarlock_core::reference::Digest;
use oci_client::secrets::RegistryAuth;
use serde_json::json;

use self::push::{CHART, CHART_CONFIG, IMAGE_CONFIG, Pusher, archive, layer};
use self::server::{Access, Server};

/// Of a chart that may have been asked for a minute ago.
const A_MINUTE: Duration = Duration::from_secs(60);

fn depot() -> Depot {
    Depot::new(Options::default()).unwrap()
}

fn plain() -> Reach {
    Reach::Anywhere { plain_http: true }
}

/// A chart of a registry that does not speak TLS, as it is now.
fn wanted(address: &str, repository: &str, version: &str) -> Wanted {
    Wanted {
        source: source(address, repository, version),
        credentials: Credentials::default(),
        reach: plain(),
        expect: None,
        max_age: Duration::ZERO,
        dependencies: false,
        verify: Vec::new(),
    }
}

fn source(address: &str, repository: &str, version: &str) -> Source {
    Source::Oci {
        repository: format!("oci://{address}/{repository}"),
        version: version.to_owned(),
    }
}

/// A registry that lets everybody in, and who pushes to it.
async fn open() -> Option<(Server, Pusher)> {
    let server = Server::start(Access::Open, false).await?;
    let pusher = Pusher::new(&server.address, false, RegistryAuth::Anonymous);
    Some((server, pusher))
}

async fn versions(depot: &Depot, address: &str, repository: &str) -> Vec<String> {
    depot
        .versions(
            source(address, repository, ""),
            Credentials::default(),
            plain(),
            Duration::ZERO,
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn a_chart_by_version_range_digest_and_nothing() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let mut digests = Vec::new();
    let all = ["0.9.0", "1.2.3", "1.2.4+build.5", "1.3.0-rc.1"];
    for version in all {
        let archive = archive("web", version);
        digests.push(pusher.chart("charts/web", version, &archive).await);
    }
    // Neither is a version.
    for tag in ["latest", "sha256-0.sig"] {
        let bytes = archive("web", "9.9.9");
        let layers = vec![layer(CHART, &bytes, &[])];
        pusher
            .image("charts/web", tag, CHART_CONFIG, "{}", layers)
            .await;
    }
    let depot = depot();
    for (asked, number) in [
        ("1.2.3", 1),
        ("1.2.4+build.5", 2),
        ("1.3.0-rc.1", 3),
        ("", 2),
        ("*", 2),
        ("^1.2", 2),
        ("~1.2.3", 2),
        ("<1", 0),
        (">=1.3.0-0", 3),
        ("=1.2.3 || <0.5", 1),
        (digests[0].as_str(), 0),
    ] {
        let wanted = wanted(&server.address, "charts/web", asked);
        let Artifact {
            digest,
            name,
            version,
            revision,
            origin,
        } = depot.fetch(wanted).await.unwrap();
        let bytes = archive("web", all[number]);
        assert_eq!(version, all[number], "{asked}");
        assert_eq!(revision, digests[number], "{asked}");
        assert_eq!(digest, Digest::of(&bytes), "{asked}");
        assert_eq!(name, "web");
        assert_eq!(origin, format!("oci://{}/charts/web", server.address));
        assert_eq!(&depot.read(digest).await.unwrap()[..], bytes);
    }
    // The version may be in the name, as Helm has it.
    let tagged = format!("charts/web:1.2.4+build.5@{}", digests[2]);
    for name in ["charts/web:1.2.4+build.5", &tagged] {
        let wanted = wanted(&server.address, name, "");
        assert_eq!(depot.fetch(wanted).await.unwrap().revision, digests[2]);
    }
    assert_eq!(
        versions(&depot, &server.address, "charts/web").await,
        ["1.3.0-rc.1", "1.2.4+build.5", "1.2.3", "0.9.0"]
    );
}

#[tokio::test]
async fn tags_of_an_image() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    for tag in ["1.2.3", "1.10.0", "v1.3", "latest", "main_5", "1.2.3_a"] {
        let layers = vec![layer("application/x", b"x", &[])];
        pusher.image("img", tag, IMAGE_CONFIG, "{}", layers).await;
    }
    assert_eq!(
        versions(&depot(), &server.address, "img").await,
        ["1.10.0", "v1.3", "1.2.3", "main_5", "latest", "1.2.3_a"]
    );
}

#[tokio::test]
async fn more_tags_than_a_page_has() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let digest = pusher.chart("web", "0.0.0", &archive("web", "0.0.0")).await;
    for patch in 1..=1100 {
        server.tag("web", &format!("1.0.{patch}"), &digest);
    }
    let versions = versions(&depot(), &server.address, "web").await;
    assert_eq!(versions.len(), 1101);
    assert_eq!(versions[0], "1.0.1100");
    assert_eq!(versions[1100], "0.0.0");
}

#[tokio::test]
async fn what_is_known_is_not_asked_for_again() {
    let Some((mut server, pusher)) = open().await else {
        return;
    };
    let digest = pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let depot = depot();
    let ask = |version: &str, max_age| Wanted {
        max_age,
        ..wanted(&server.address, "web", version)
    };
    let first = depot.fetch(ask("1.2.3", A_MINUTE)).await.unwrap();
    let range = depot.fetch(ask("^1", A_MINUTE)).await.unwrap();
    assert_eq!(first, range);

    // A tag that moves is followed when it is asked for.
    let bytes = [archive("web", "1.2.3"), vec![0; 8]].concat();
    let moved = pusher.chart("web", "1.2.3", &bytes).await;
    assert_ne!(digest, moved);
    let old = depot.fetch(ask("1.2.3", A_MINUTE)).await.unwrap();
    assert_eq!(old.revision, digest);
    let new = depot.fetch(ask("1.2.3", Duration::ZERO)).await.unwrap();
    assert_eq!(new.revision, moved);

    let questions = [
        ask("1.2.3", A_MINUTE),
        ask("^1", A_MINUTE),
        ask(&digest, Duration::ZERO),
        ask("1.2.3", Duration::ZERO),
        ask("^1", Duration::ZERO),
        ask(&Digest::of(b"x").to_string(), A_MINUTE),
        Wanted {
            credentials: Credentials {
                bearer: Some("somebody else".to_owned()),
                ..Credentials::default()
            },
            ..ask(&digest, A_MINUTE)
        },
    ];
    server.stop().await;
    let mut revisions = Vec::new();
    for question in questions {
        revisions.push(match depot.fetch(question).await {
            Ok(artifact) => artifact.revision,
            Err(FetchError::Unavailable(_)) => "asked".to_owned(),
            Err(error) => panic!("{error}"),
        });
    }
    assert_eq!(
        revisions,
        [
            &*moved, &*moved, &*digest, "asked", "asked", "asked", "asked"
        ]
    );
}

#[tokio::test]
async fn an_index_with_a_chart_in_it() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let other = vec![layer("application/x", b"x", &[])];
    let image = pusher.image("web", "a", IMAGE_CONFIG, "{}", other).await;
    let chart = pusher.chart("web", "b", &archive("web", "1.2.3")).await;
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let entry =
        |digest: &str, size: usize| json!({"mediaType": manifest, "digest": digest, "size": size});
    let media_type = "application/vnd.oci.image.index.v1+json";
    let sizes = [
        pusher.raw("web", "a").await.len(),
        pusher.raw("web", "b").await.len(),
    ];
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [entry(&image, sizes[0]), entry(&chart, sizes[1])]});
    pusher
        .manifest("web", "1.2.3", media_type, index.to_string())
        .await;
    let artifact = depot()
        .fetch(wanted(&server.address, "web", "1.2.3"))
        .await
        .unwrap();
    // Named, and signed, is the index.
    assert_eq!(
        artifact.revision,
        Digest::of(index.to_string().as_bytes()).as_str()
    );
    assert_eq!(artifact.digest, Digest::of(&archive("web", "1.2.3")));
}

#[tokio::test]
async fn sizes_are_looked_at_before_anything_is_read() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let digest = pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let options = Options {
        limits: Limits {
            package: 100,
            ..Limits::default()
        },
        ..Options::default()
    };
    // It would be a mismatch if it were read.
    let layer = Digest::of(&archive("web", "1.2.3"));
    std::fs::write(server.file(layer.as_str()), b"other").unwrap();
    let depot = Depot::new(options).unwrap();
    let error = depot
        .fetch(wanted(&server.address, "web", &digest))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Invalid(_)), "{error}");
    assert!(error.to_string().contains("100 is the most"), "{error}");
}

#[tokio::test]
async fn what_was_pushed_to_is_asked_for_again_whatever_its_age() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let depot = depot();
    let lazy = async || {
        let wanted = Wanted {
            max_age: A_MINUTE,
            ..wanted(&server.address, "web", "^1")
        };
        depot.fetch(wanted).await.unwrap().version
    };
    assert_eq!(lazy().await, "1.2.3");
    pusher.chart("web", "1.3.0", &archive("web", "1.3.0")).await;
    assert_eq!(lazy().await, "1.2.3");
    let pushed = Upstream::of(&source(&server.address, "web", "")).unwrap();
    depot.forget(&[pushed]);
    assert_eq!(lazy().await, "1.3.0");
}

#[tokio::test]
async fn versions_that_are_known_are_not_asked_for_again() {
    let Some((mut server, pusher)) = open().await else {
        return;
    };
    pusher.chart("web", "1.2.3", &archive("web", "1.2.3")).await;
    let layers = vec![layer("application/x", b"x", &[])];
    pusher
        .image("img", "v1.2", IMAGE_CONFIG, "{}", layers)
        .await;
    let (depot, address) = (depot(), server.address.clone());
    let ask = async |repository: &str, max_age: Duration| {
        let source = source(&address, repository, "");
        depot
            .versions(source, Credentials::default(), plain(), max_age)
            .await
    };
    let before = [
        ask("web", A_MINUTE).await.unwrap(),
        ask("img", A_MINUTE).await.unwrap(),
    ];
    assert_eq!(before, [["1.2.3"], ["v1.2"]]);
    server.stop().await;
    assert_eq!(ask("web", A_MINUTE).await.unwrap(), before[0]);
    assert_eq!(ask("img", A_MINUTE).await.unwrap(), before[1]);
    assert!(matches!(
        ask("web", Duration::ZERO).await,
        Err(FetchError::Unavailable(_))
    ));
}
