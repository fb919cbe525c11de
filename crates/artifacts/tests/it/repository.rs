//! HTTP repositories.

use std::time::Duration;

use oarlock_artifacts::{Depot, Limits, Options};
use oarlock_core::artifact::{
    Artifact, Artifacts as _, Credentials, FetchError, Reach, Source, Upstream, Verification,
    Wanted,
};
use oarlock_core::reference::Digest;

use crate::archive::{BASIC, basic, depot, small, wanted};
use crate::server::{Reply, Server, chart};

fn source(url: &str, chart: &str, version: &str) -> Source {
    Source::Repository {
        url: url.to_owned(),
        chart: chart.to_owned(),
        version: version.to_owned(),
    }
}

async fn get(depot: &Depot, url: &str, version: &str) -> Result<Artifact, FetchError> {
    depot.fetch(wanted(source(url, "web", version))).await
}

/// An index with the chart `web` in these versions, each with one URL.
fn index(versions: &[(&str, &str)]) -> String {
    let entries: String = versions
        .iter()
        .map(|(version, url)| format!("  - {{name: web, version: {version}, urls: [\"{url}\"]}}\n"))
        .collect();
    format!("apiVersion: v1\nentries:\n  web:\n{entries}")
}

#[tokio::test]
async fn a_chart_is_found_by_its_version() {
    let server = Server::start().await;
    server.put(
        "/charts/index.yaml",
        Reply::ok(index(&[
            ("1.0.0", "web-1.0.0.tgz"),
            ("1.1.0", "/elsewhere/web-1.1.0.tgz"),
            ("2.0.0-rc.1", "web-2.tgz?a=b"),
        ])),
    );
    server.put("/charts/web-1.0.0.tgz", Reply::ok(chart("web", "1.0.0")));
    server.put("/elsewhere/web-1.1.0.tgz", Reply::ok(chart("web", "1.1.0")));
    server.put(
        "/charts/web-2.tgz?a=b",
        Reply::ok(chart("web", "2.0.0-rc.1")),
    );
    let depot = depot();
    let url = format!("{}/charts/", server.url);
    for (version, expected) in [
        ("", "1.1.0"),
        ("1.0.0", "1.0.0"),
        ("~1.0", "1.0.0"),
        ("^1", "1.1.0"),
        (">1-0", "2.0.0-rc.1"),
    ] {
        let artifact = get(&depot, &url, version).await.unwrap();
        assert_eq!(artifact.version, expected, "{version}");
        assert_eq!(
            *depot.read(artifact.digest).await.unwrap(),
            chart("web", expected)[..]
        );
    }
    let artifact = get(&depot, &url, "1.0.0").await.unwrap();
    assert_eq!(
        artifact.origin,
        format!("{}/charts/web-1.0.0.tgz", server.url)
    );
    // The index once, and each archive once.
    assert_eq!(
        server.paths(),
        [
            "/charts/index.yaml",
            "/elsewhere/web-1.1.0.tgz",
            "/charts/web-1.0.0.tgz",
            "/charts/web-2.tgz?a=b",
        ]
    );
    let versions = depot
        .versions(
            source(&url, "web", ""),
            Credentials::default(),
            Reach::Anywhere { plain_http: false },
            Duration::from_secs(60),
        )
        .await;
    assert_eq!(versions.unwrap(), ["2.0.0-rc.1", "1.1.0", "1.0.0"]);
    assert_eq!(server.seen(), []);
}

#[tokio::test]
async fn an_index_that_has_not_changed_is_not_sent_again() {
    let server = Server::start().await;
    let digest = Digest::of(&chart("web", "1.0.0"));
    let with_digest = |tag: &str| {
        let text = format!(
            "apiVersion: v1\nentries:\n  web:\n  - {{name: web, version: 1.0.0, urls: [a.tgz], digest: \"{digest}\"}}\n"
        );
        Reply::ok(text).header("etag", tag)
    };
    server.put("/index.yaml", with_digest("\"1\""));
    server.put("/a.tgz", Reply::ok(chart("web", "1.0.0")));
    let depot = depot();
    let now = async || {
        let wanted = Wanted {
            max_age: Duration::ZERO,
            ..wanted(source(&server.url, "web", ""))
        };
        depot.fetch(wanted).await.unwrap()
    };
    now().await;
    now().await;
    server.put("/index.yaml", with_digest("\"2\""));
    now().await;
    now().await;
    let conditions: Vec<_> = server
        .seen()
        .into_iter()
        .map(|seen| (seen.path, seen.condition.unwrap_or_default()))
        .collect();
    let expected = [
        ("/index.yaml", ""),
        // The only time: its digest is known.
        ("/a.tgz", ""),
        ("/index.yaml", "\"1\""),
        ("/index.yaml", "\"1\""),
        ("/index.yaml", "\"2\""),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, tag)| ((*path).to_owned(), (*tag).to_owned()))
        .collect();
    assert_eq!(conditions, expected);
}

#[tokio::test]
async fn an_index_that_was_pushed_to_is_asked_for_again_whatever_its_age() {
    let server = Server::start().await;
    let publish = |version: &str| {
        server.put(
            "/charts/index.yaml",
            Reply::ok(index(&[(version, "web.tgz")])),
        );
        server.put("/charts/web.tgz", Reply::ok(chart("web", version)));
    };
    let url = format!("{}/charts", server.url);
    let depot = depot();
    let lazy = async || {
        let wanted = Wanted {
            max_age: Duration::from_secs(3600),
            ..wanted(source(&url, "web", ""))
        };
        depot.fetch(wanted).await.unwrap().version
    };
    publish("1.0.0");
    assert_eq!(lazy().await, "1.0.0");
    publish("1.1.0");
    let pushed = |url: &str| depot.forget(&[Upstream::parse(url).unwrap()]);
    pushed("https://charts.example/charts");
    assert_eq!(lazy().await, "1.0.0");
    pushed(&url);
    assert_eq!(lazy().await, "1.1.0");
}

#[tokio::test]
async fn credentials_are_for_the_repository_alone() {
    let (server, other) = (Server::start().await, Server::start().await);
    let foreign = format!("{}/b.tgz", other.url);
    let versions = index(&[("1.0.0", "a.tgz"), ("2.0.0", &foreign)]);
    server.put("/index.yaml", Reply::ok(versions).login(BASIC));
    server.put("/a.tgz", Reply::ok(chart("web", "1.0.0")).login(BASIC));
    other.put("/b.tgz", Reply::ok(chart("web", "2.0.0")));
    let depot = depot();
    let with = |version: &str, credentials| Wanted {
        credentials,
        ..wanted(source(&server.url, "web", version))
    };
    assert!(depot.fetch(with("1.0.0", basic())).await.is_ok());
    assert!(depot.fetch(with("2.0.0", basic())).await.is_ok());
    assert_eq!(other.seen()[0].authorization, None);
    let mut texts = Vec::new();
    let wrong = Credentials {
        basic: Some(("me".to_owned(), "wrong".to_owned())),
        ..Credentials::default()
    };
    for credentials in [Credentials::default(), wrong] {
        let error = depot.fetch(with("1.0.0", credentials)).await.unwrap_err();
        assert!(matches!(error, FetchError::Unauthorized(_)));
        texts.push(server.shown(error));
    }
    // A watch that may ask the repository may not thereby ask everybody.
    let reach = Reach::Granted {
        grants: vec![server.url.clone()],
        namespace: None,
    };
    let granted = |version: &str| Wanted {
        reach: reach.clone(),
        ..with(version, basic())
    };
    assert!(depot.fetch(granted("1.0.0")).await.is_ok());
    let error = depot.fetch(granted("2.0.0")).await.unwrap_err();
    assert!(matches!(error, FetchError::Denied(_)));
    texts.push(
        error
            .to_string()
            .replace(&other.url, "http://other.example"),
    );
    insta::assert_snapshot!(texts.join("\n"), @r#"
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: failed to fetch http://charts.example/index.yaml : 401 Unauthorized; hint: no credentials were sent: name a Secret with `username` and `password`, or with `bearerToken`
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: failed to fetch http://charts.example/index.yaml : 401 Unauthorized; hint: the credentials are not taken, or may not read this: check user name, password and token
    no grant for http://other.example; hint: add to the watch: grants: {artifacts: ["http://other.example"]}
    "#);
}

#[tokio::test]
async fn all_urls_are_tried() {
    let (server, gone) = (Server::start().await, Server::start().await);
    let entry = |urls: &str| {
        Reply::ok(format!(
            "apiVersion: v1\nentries: {{web: [{{name: web, version: 1.0.0, urls: {urls}}}]}}"
        ))
    };
    server.put(
        "/index.yaml",
        entry(&format!("[\"{}/a.tgz\", broken.tgz, b.tgz]", gone.url)),
    );
    server.put("/broken.tgz", Reply::broken("x"));
    server.put("/b.tgz", Reply::ok(chart("web", "1.0.0")));
    let fetched = get(&depot(), &server.url, "").await.unwrap();
    assert_eq!(fetched.origin, format!("{}/b.tgz", server.url));
    server.put("/index.yaml", entry("[missing.tgz, broken.tgz]"));
    let first = get(&depot(), &server.url, "").await.unwrap_err();
    server.put("/index.yaml", entry("[]"));
    let none = get(&depot(), &server.url, "").await.unwrap_err();
    let texts = [server.shown(first), server.shown(none)];
    insta::assert_snapshot!(texts.join("\n"), @r#"
    failed to fetch http://charts.example/missing.tgz : 404 Not Found; hint: check the URL; some servers say so too when credentials are missing
    chart "web" version "1.0.0" has no downloadable URLs; hint: the index of http://charts.example is wrong, which its owner can repair
    "#);
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_there_is() {
    let server = Server::start().await;
    let mut text = index(&[("1.0.0", "a"), ("1.1.0", "a")]);
    text.push_str("  early:\n  - {name: early, version: 0.1.0-a, urls: [a]}\n");
    text.push_str("  many:\n");
    for minor in 0..9 {
        text.push_str(&format!(
            "  - {{name: many, version: 1.{minor}.0, urls: [a]}}\n"
        ));
    }
    server.put("/index.yaml", Reply::ok(text));
    let depot = depot();
    let mut texts = Vec::new();
    for (chart, version) in [
        ("web", "3.0.0"),
        ("web", "^2"),
        ("many", ">2"),
        ("early", ""),
        ("Web", ""),
        ("other", "1"),
        ("web", "latest"),
    ] {
        let wanted = wanted(source(&server.url, chart, version));
        let error = depot.fetch(wanted).await.unwrap_err();
        texts.push(server.shown(error));
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
    chart "web" version "3.0.0" not found in http://charts.example repository; hint: newest versions: 1.1.0, 1.0.0
    chart "web" version "^2" not found in http://charts.example repository; hint: newest versions: 1.1.0, 1.0.0
    chart "many" version ">2" not found in http://charts.example repository; hint: newest versions: 1.8.0, 1.7.0, 1.6.0, 1.5.0, 1.4.0, …
    chart "early" not found in http://charts.example repository; hint: there are only prereleases, which have to be named: 0.1.0-a
    chart "Web" not found in http://charts.example repository; hint: there is a chart "web"
    chart "other" version "1" not found in http://charts.example repository; hint: its index has 3 other charts; is it the right repository?
    chart "web" version "latest" not found in http://charts.example repository: improper constraint: "latest"; hint: write a version such as 1.2.3 or a range such as ^1.2 or ">=1.2 <2"
    "#);
}

#[tokio::test]
async fn a_repository_that_is_none_says_so() {
    let server = Server::start().await;
    let depot = depot();
    let mut texts = vec![server.shown(get(&depot, &server.url, "").await.unwrap_err())];
    for reply in [
        Reply::ok(""),
        Reply::ok("entries: {}\n"),
        Reply::ok("apiVersion: v1\nentries:\n  web:\n  - name: web\n   version: 1\n"),
        Reply::ok("x".repeat(20_001)),
        Reply::status(500),
    ] {
        server.put("/index.yaml", reply);
        let error = get(&depot, &server.url, "").await.unwrap_err();
        texts.push(server.shown(error));
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: failed to fetch http://charts.example/index.yaml : 404 Not Found; hint: check the URL; some servers say so too when credentials are missing
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: http://charts.example/index.yaml: empty index.yaml file
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: http://charts.example/index.yaml: no API version specified; hint: an index begins with apiVersion: v1
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: http://charts.example/index.yaml: index.yaml is broken: while parsing a block mapping, did not find expected key at line 5, column 4; hint: `helm repo index` makes it
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: http://charts.example/index.yaml is larger than 20000 bytes, which is the most that is read of it
    looks like "http://charts.example" is not a valid chart repository or cannot be reached: failed to fetch http://charts.example/index.yaml : 500 Internal Server Error; hint: it may pass, try again later
    "#);
    // Nothing of it is remembered.
    server.put("/index.yaml", Reply::ok(index(&[("1.0.0", "a.tgz")])));
    server.put("/a.tgz", Reply::ok(chart("web", "1.0.0")));
    assert!(get(&depot, &server.url, "").await.is_ok());
}

#[tokio::test]
async fn an_archive_that_is_not_what_the_index_says_is_refused() {
    let server = Server::start().await;
    let digest = Digest::of(b"published");
    let entry = |digest: &str| {
        Reply::ok(format!(
            "apiVersion: v1\nentries: {{web: [{{name: web, version: 1.0.0, urls: [a.tgz], digest: \"{digest}\"}}]}}"
        ))
    };
    server.put("/index.yaml", entry(digest.hex()));
    server.put("/a.tgz", Reply::ok(chart("web", "1.0.0")));
    let error = get(&depot(), &server.url, "").await.unwrap_err();
    assert!(matches!(error, FetchError::Mismatch(_)));
    let found = Digest::of(&chart("web", "1.0.0"));
    let replaced = server
        .shown(error)
        .replace(found.as_str(), "sha256:FOUND")
        .replace(digest.as_str(), "sha256:SAID");
    server.put("/index.yaml", entry("md5:abc"));
    let malformed = server.shown(get(&depot(), &server.url, "").await.unwrap_err());
    insta::assert_snapshot!([replaced, malformed].join("\n"), @r#"
    chart "web" version "1.0.0" of http://charts.example: digest is sha256:FOUND, the index says sha256:SAID; hint: the archive was replaced, or is not what was published; do not use it before the repository's owner has said why
    chart "web" version "1.0.0" has the digest "md5:abc", which is no SHA-256; hint: the index of http://charts.example is wrong, which its owner can repair
    "#);
}

#[tokio::test]
async fn many_who_want_one_repository_ask_it_once() {
    let server = Server::start().await;
    server.put(
        "/index.yaml",
        Reply::ok(index(&[("1.0.0", "a.tgz"), ("2.0.0", "b.tgz")])),
    );
    server.put("/a.tgz", Reply::ok(chart("web", "1.0.0")));
    server.put("/b.tgz", Reply::ok(chart("web", "2.0.0")));
    let depot = depot();
    let versions = (0..20).map(|at| if at % 2 == 0 { "1.0.0" } else { "^2" });
    let all = versions.map(|version| get(&depot, &server.url, version));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(Result::is_ok));
    let mut paths = server.paths();
    paths.sort();
    assert_eq!(paths, ["/a.tgz", "/b.tgz", "/index.yaml"]);
}

#[tokio::test]
async fn an_old_chart_is_no_proof_of_a_new_version() {
    const ARCHIVE: &[u8] = include_bytes!("../../src/verify/provenance/tests/web-1.2.3.tgz");
    let server = Server::start().await;
    server.put("/web-1.2.3.tgz", Reply::ok(ARCHIVE));
    let proof: &[u8] = include_bytes!("../../src/verify/provenance/tests/gpg.prov");
    server.put("/web-1.2.3.tgz.prov", Reply::ok(proof));
    let both = index(&[("1.2.3", "web-1.2.3.tgz"), ("2.0.0", "web-1.2.3.tgz")]);
    server.put("/index.yaml", Reply::ok(both));
    let options = Options {
        limits: Limits {
            proof: 10_000,
            ..small().limits
        },
        ..small()
    };
    let depot = Depot::new(options).unwrap();
    let fetch = async |version: &str, verify: &[Verification]| {
        let wanted = Wanted {
            verify: verify.to_vec(),
            ..wanted(source(&server.url, "web", version))
        };
        depot.fetch(wanted).await
    };
    let ring = include_bytes!("../../src/verify/provenance/tests/ring.gpg");
    let proven = [Verification::Provenance {
        keyring: ring.to_vec(),
    }];
    assert_eq!(fetch("1.2.3", &proven).await.unwrap().version, "1.2.3");
    let error = fetch("^2", &proven).await.unwrap_err();
    assert!(matches!(error, FetchError::Mismatch(_)), "{error:?}");
    insta::assert_snapshot!(server.shown(error), @"http://charts.example/web-1.2.3.tgz: the chart is web 1.2.3, expected web 2.0.0; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one");
    // Nothing has to be proven: as Helm has it.
    assert_eq!(fetch("2.0.0", &[]).await.unwrap().version, "1.2.3");
}

#[tokio::test]
async fn not_more_than_eight_urls_are_tried() {
    let server = Server::start().await;
    let urls: Vec<String> = (0..10).map(|number| format!("{number}.tgz")).collect();
    let index = format!(
        "apiVersion: v1\nentries: {{web: [{{name: web, version: 1.0.0, urls: {urls:?}}}]}}"
    );
    server.put("/index.yaml", Reply::ok(index));
    server.put("/9.tgz", Reply::ok(chart("web", "1.0.0")));
    let error = get(&depot(), &server.url, "1.0.0").await.unwrap_err();
    assert!(matches!(error, FetchError::NotFound(_)), "{error}");
    let paths = server.paths();
    assert_eq!(
        paths[1..],
        urls[..8]
            .iter()
            .map(|url| format!("/{url}"))
            .collect::<Vec<_>>()
    );
}
