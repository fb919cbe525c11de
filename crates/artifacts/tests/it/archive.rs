//! Archives by URL, and the HTTP that all sources share.

use std::fs;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use oarlock_artifacts::{Depot, Limits, Options, Timeouts};
use oarlock_core::artifact::{
    Artifact, Artifacts as _, Credentials, FetchError, Reach, Source, Verification, Wanted,
};
use oarlock_core::reference::Digest;
use tokio::net::TcpListener;

use crate::server::{Reply, Server, chart, packed};

const EVER: Duration = Duration::from_secs(3600);

pub(crate) fn small() -> Options {
    Options {
        limits: Limits {
            package: 20_000,
            index: 20_000,
            proof: 1_000,
            unpacked: 40_000,
            file: 10_000,
            redirects: 3,
            ..Limits::default()
        },
        ..Options::default()
    }
}

pub(crate) fn depot() -> Depot {
    Depot::new(small()).unwrap()
}

pub(crate) fn wanted(source: Source) -> Wanted {
    Wanted {
        source,
        credentials: Credentials::default(),
        reach: Reach::Anywhere { plain_http: false },
        expect: None,
        max_age: EVER,
        dependencies: false,
        verify: Vec::new(),
    }
}

pub(crate) fn basic() -> Credentials {
    Credentials {
        basic: Some(("me".to_owned(), "secret".to_owned())),
        ..Credentials::default()
    }
}

/// `Authorization` of [`basic`].
pub(crate) const BASIC: &str = "Basic bWU6c2VjcmV0";

async fn get(depot: &Depot, url: &str) -> Result<Artifact, FetchError> {
    depot.fetch(wanted(Source::Archive(url.to_owned()))).await
}

async fn now(depot: &Depot, url: &str) -> Result<Artifact, FetchError> {
    let wanted = Wanted {
        max_age: Duration::ZERO,
        ..wanted(Source::Archive(url.to_owned()))
    };
    depot.fetch(wanted).await
}

#[tokio::test]
async fn an_archive_is_fetched_and_kept() {
    let server = Server::start().await;
    let bytes = chart("web", "1.2.3");
    server.put(
        "/web.tgz?sig=s",
        Reply::ok(bytes.clone()).header("etag", "\"a\""),
    );
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        cache: Some(dir.path().join("cache")),
        ..small()
    };
    let depot = Depot::new(options.clone()).unwrap();
    let url = format!("{}/web.tgz?sig=s", server.url);
    let artifact = get(&depot, &url).await.unwrap();
    let digest = Digest::of(&bytes);
    assert_eq!(
        artifact,
        Artifact {
            digest: digest.clone(),
            name: "web".to_owned(),
            version: "1.2.3".to_owned(),
            revision: digest.as_str().to_owned(),
            origin: format!("{}/web.tgz", server.url),
        }
    );
    assert_eq!(*depot.read(digest.clone()).await.unwrap(), bytes[..]);
    assert_eq!(server.paths().len(), 1);
    // Known, and young enough; in the next process too.
    assert_eq!(get(&depot, &url).await.unwrap(), artifact);
    let later = Depot::new(options).unwrap();
    assert_eq!(get(&later, &url).await.unwrap(), artifact);
    assert_eq!(server.seen(), []);
    // Asked, and unchanged.
    assert_eq!(now(&later, &url).await.unwrap(), artifact);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].condition.as_deref(), Some("\"a\""));
    // Asked, and changed.
    server.put(
        "/web.tgz?sig=s",
        Reply::ok(chart("web", "2.0.0")).header("etag", "\"b\""),
    );
    assert_eq!(now(&later, &url).await.unwrap().version, "2.0.0");
    assert_eq!(server.seen().len(), 1);
    // Damaged on disk, and so fetched again without a condition.
    let kept = Digest::of(&chart("web", "2.0.0"));
    fs::write(dir.path().join("cache/blobs").join(kept.hex()), b"rotten").unwrap();
    assert_eq!(get(&later, &url).await.unwrap().digest, kept);
    let seen = server.seen();
    assert_eq!((seen.len(), &seen[0].condition), (1, &None));
    let gone = later.read(Digest::of(b"other")).await.unwrap_err();
    assert!(matches!(gone, FetchError::NotFound(_)));
}

#[tokio::test]
async fn a_date_is_as_good_as_a_tag() {
    let server = Server::start().await;
    let date = "Sat, 21 Nov 2026 10:00:00 GMT";
    server.put(
        "/web.tgz",
        Reply::ok(chart("web", "1.2.3")).header("last-modified", date),
    );
    let depot = depot();
    let url = format!("{}/web.tgz", server.url);
    now(&depot, &url).await.unwrap();
    now(&depot, &url).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].condition.as_deref(), Some(date));
}

#[tokio::test]
async fn what_credentials_opened_stays_with_them() {
    let server = Server::start().await;
    server.put("/web.tgz", Reply::ok(chart("web", "1.2.3")).login(BASIC));
    let depot = depot();
    let url = format!("{}/web.tgz", server.url);
    let with = |credentials| Wanted {
        credentials,
        ..wanted(Source::Archive(url.clone()))
    };
    assert!(depot.fetch(with(basic())).await.is_ok());
    let token = Credentials {
        bearer: Some("t\n".to_owned()),
        ..Credentials::default()
    };
    let mut texts = Vec::new();
    for credentials in [Credentials::default(), token] {
        let error = depot.fetch(with(credentials)).await.unwrap_err();
        assert!(matches!(error, FetchError::Unauthorized(_)), "{error}");
        texts.push(server.shown(error));
    }
    let seen: Vec<_> = server
        .seen()
        .into_iter()
        .map(|seen| seen.authorization)
        .collect();
    assert_eq!(
        seen,
        [Some(BASIC.to_owned()), None, Some("Bearer t".to_owned())]
    );
    server.put("/web.tgz", Reply::status(403));
    let again = Wanted {
        max_age: Duration::ZERO,
        ..with(basic())
    };
    texts.push(server.shown(depot.fetch(again).await.unwrap_err()));
    insta::assert_snapshot!(texts.join("\n"), @"
    failed to fetch http://charts.example/web.tgz : 401 Unauthorized; hint: no credentials were sent: name a Secret with `username` and `password`, or with `bearerToken`
    failed to fetch http://charts.example/web.tgz : 401 Unauthorized; hint: the credentials are not taken, or may not read this: check user name, password and token
    failed to fetch http://charts.example/web.tgz : 403 Forbidden; hint: the credentials are not taken, or may not read this: check user name, password and token
    ");
}

#[tokio::test]
async fn redirects_are_followed_without_credentials() {
    let (server, other) = (Server::start().await, Server::start().await);
    server.put("/own", Reply::redirect("/web.tgz"));
    server.put("/web.tgz", Reply::ok(chart("web", "1.2.3")).login(BASIC));
    server.put("/away", Reply::redirect(&format!("{}/web.tgz", other.url)));
    other.put("/web.tgz", Reply::ok(chart("web", "2.0.0")));
    // Back again, but who was elsewhere has been told by somebody else.
    server.put("/back", Reply::redirect(&format!("{}/back", other.url)));
    other.put(
        "/back",
        Reply::redirect(&format!("{}/open.tgz", server.url)),
    );
    server.put("/open.tgz", Reply::ok(chart("web", "3.0.0")));
    let depot = depot();
    let fetch = async |path: &str| {
        let wanted = Wanted {
            credentials: basic(),
            ..wanted(Source::Archive(format!("{}{path}", server.url)))
        };
        depot.fetch(wanted).await.map(|artifact| artifact.version)
    };
    assert_eq!(fetch("/own").await.as_deref(), Ok("1.2.3"));
    assert_eq!(fetch("/away").await.as_deref(), Ok("2.0.0"));
    assert_eq!(fetch("/back").await.as_deref(), Ok("3.0.0"));
    let seen = |server: &Server| -> Vec<(String, bool)> {
        let seen = server.seen().into_iter();
        seen.map(|seen| (seen.path, seen.authorization.is_some()))
            .collect()
    };
    let expected = |list: &[(&str, bool)]| -> Vec<(String, bool)> {
        list.iter()
            .map(|(path, sent)| ((*path).to_owned(), *sent))
            .collect()
    };
    assert_eq!(
        seen(&server),
        expected(&[
            ("/own", true),
            ("/web.tgz", true),
            ("/away", true),
            ("/back", true),
            ("/open.tgz", false),
        ])
    );
    assert_eq!(
        seen(&other),
        expected(&[("/web.tgz", false), ("/back", false)])
    );
}

#[tokio::test]
async fn some_redirects_are_not_followed() {
    let server = Server::start().await;
    server.put("/circle", Reply::redirect("/circle"));
    server.put(
        "/metadata",
        Reply::redirect("http://169.254.169.254/latest"),
    );
    server.put("/file", Reply::redirect("file:///etc/passwd"));
    server.put("/user", Reply::redirect("http://me:secret@127.0.0.1/"));
    server.put("/nothing", Reply::status(302));
    let depot = depot();
    let mut texts = Vec::new();
    for path in ["/circle", "/metadata", "/file", "/user", "/nothing"] {
        let error = get(&depot, &format!("{}{path}", server.url))
            .await
            .unwrap_err();
        texts.push(server.shown(error));
    }
    for url in [
        "http://0.0.0.0:1/a.tgz",
        "http://[fd00:ec2::254]/a.tgz",
        "http://me:secret@a/b.tgz",
        "ftp://a/b.tgz",
        "web.tgz",
        "",
    ] {
        texts.push(get(&depot, url).await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
    failed to fetch http://charts.example/circle: stopped after 3 redirects; hint: the server sends its callers in circles
    failed to fetch http://169.254.169.254/latest: 169.254.169.254, which is never opened: link-local
    failed to fetch http://charts.example/file: it redirects to a URL that is neither http nor https
    failed to fetch http://charts.example/user: it redirects to a URL that has a user name in it
    failed to fetch http://charts.example/nothing : 302 Found
    failed to fetch http://0.0.0.0:1/a.tgz: 0.0.0.0, which is never opened: not a host address
    failed to fetch http://[fd00:ec2::254]/a.tgz: fd00:ec2::254, which is never opened: instance metadata
    invalid chart URL format: http://…@a/b.tgz: a user name or password in the URL is refused; hint: name the credentials in `credentials`
    invalid chart URL format: ftp://a/b.tgz: expected http:// or https:// and a host
    invalid chart URL format: web.tgz: relative URL without a base
    invalid chart URL format: : relative URL without a base
    "#);
    assert_eq!(server.seen().len(), 8);
}

#[tokio::test]
async fn bad_answers_are_told_apart() {
    let server = Server::start().await;
    let whole = chart("web", "1.2.3");
    server.put("/huge", Reply::ok(vec![0; 20_001]));
    server.put("/endless", Reply::endless(vec![0; 1_000]));
    server.put("/broken", Reply::broken(whole[..50].to_vec()));
    server.put("/half", Reply::ok(whole[..whole.len() / 2].to_vec()));
    server.put("/page", Reply::ok("<html>sign in</html>"));
    server.put("/down", Reply::status(503));
    server.put("/busy", Reply::status(429));
    server.put("/teapot", Reply::status(418));
    server.put("/empty", Reply::status(204));
    server.put("/traversal", Reply::ok(packed(&[("web/..\\..\\etc", "")])));
    server.put(
        "/bomb",
        Reply::ok(packed(&[("web/values.yaml", &" ".repeat(10_001))])),
    );
    let depot = depot();
    let mut texts = Vec::new();
    for path in [
        "/huge",
        "/endless",
        "/broken",
        "/half",
        "/page",
        "/down",
        "/busy",
        "/teapot",
        "/empty",
        "/gone",
        "/traversal",
        "/bomb",
    ] {
        let error = get(&depot, &format!("{}{path}", server.url))
            .await
            .unwrap_err();
        let kind = format!("{error:?}");
        let kind = kind.split('(').next().unwrap();
        texts.push(format!("{kind}: {}", server.shown(&error)));
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
    Invalid: http://charts.example/huge is larger than 20000 bytes, which is the most that is read of it
    Invalid: http://charts.example/endless is larger than 20000 bytes, which is the most that is read of it
    Unavailable: failed to fetch http://charts.example/broken: client error (SendRequest): connection closed before message completed
    Invalid: http://charts.example/half: does not appear to be a valid chart file: incomplete deflate stream
    Invalid: http://charts.example/page: does not appear to be a gzipped archive; hint: a chart is a .tgz as `helm package` makes it
    Unavailable: failed to fetch http://charts.example/down : 503 Service Unavailable; hint: it may pass, try again later
    Unavailable: failed to fetch http://charts.example/busy : 429 Too Many Requests; hint: it may pass, try again later
    Unavailable: failed to fetch http://charts.example/teapot : 418 I'm a teapot
    Unavailable: failed to fetch http://charts.example/empty : 204 No Content
    NotFound: failed to fetch http://charts.example/gone : 404 Not Found; hint: check the URL; some servers say so too when credentials are missing
    Invalid: http://charts.example/traversal: chart illegally references parent directory
    Invalid: http://charts.example/bomb: decompressed chart file "web/values.yaml" is larger than the maximum file size 10000
    "#);
}

#[tokio::test]
async fn patience_ends() {
    let server = Server::start().await;
    server.put("/silent", Reply::silent("x"));
    server.put("/slow", Reply::endless("x"));
    let impatient = |idle, whole| {
        let timeouts = Timeouts {
            idle: Duration::from_millis(idle),
            whole: Duration::from_millis(whole),
            ..Timeouts::default()
        };
        let limits = Limits {
            package: u64::MAX,
            ..Limits::default()
        };
        Depot::new(Options {
            timeouts,
            limits,
            ..Options::default()
        })
        .unwrap()
    };
    let silent = get(&impatient(50, 60_000), &format!("{}/silent", server.url)).await;
    let slow = get(&impatient(60_000, 100), &format!("{}/slow", server.url)).await;
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let down = get(&depot(), &format!("{closed}/a.tgz")).await.unwrap_err();
    let down = down.to_string().replace(&closed, "http://closed.example");
    let unknown = get(&depot(), "http://charts.invalid/a.tgz")
        .await
        .unwrap_err();
    assert!(
        unknown
            .to_string()
            .starts_with("failed to fetch http://charts.invalid/a.tgz: "),
        "{unknown}"
    );
    assert!(matches!(unknown, FetchError::Unavailable(_)));
    let texts = [
        server.shown(silent.unwrap_err()),
        server.shown(slow.unwrap_err()),
        down,
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    failed to fetch http://charts.example/silent: no data within 50ms; hint: the server is down, slow, or behind a firewall
    failed to fetch http://charts.example/slow: no whole answer within 100ms; hint: the server is slow or the connection is bad
    failed to fetch http://closed.example/a.tgz: client error (Connect): tcp connect error: Connection refused (os error 111); hint: is the address right, is the server up, and is its certificate from an authority that is trusted here?
    ");
}

#[tokio::test]
async fn calls_wait_for_their_turn() {
    let (server, other) = (Server::start().await, Server::start().await);
    let options = Options {
        timeouts: Timeouts {
            idle: Duration::from_millis(50),
            ..Timeouts::default()
        },
        limits: Limits {
            calls: 1,
            ..Limits::default()
        },
        ..Options::default()
    };
    let depot = Depot::new(options).unwrap();
    let mut calls: FuturesUnordered<_> = (0..5)
        .map(|at| {
            let path = format!("/{at}");
            server.put(&path, Reply::silent("x"));
            let (depot, url) = (depot.clone(), format!("{}{path}", server.url));
            async move { get(&depot, &url).await }
        })
        .collect();
    assert!(futures_util::poll!(calls.next()).is_pending());
    // Another server's turns are its own.
    other.put("/web.tgz", Reply::ok(chart("web", "1.2.3")));
    assert!(get(&depot, &format!("{}/web.tgz", other.url)).await.is_ok());
    let first = calls.next().await.unwrap();
    assert!(matches!(first, Err(FetchError::Unavailable(_))));
    // The second may be on its way.
    assert!(server.seen().len() <= 2);
    while calls.next().await.is_some() {}
    assert!(server.seen().len() >= 3);
}

#[tokio::test]
async fn who_asks_for_the_same_waits_for_the_same() {
    let server = Server::start().await;
    server.put("/web.tgz", Reply::ok(chart("web", "1.2.3")));
    let depot = depot();
    let url = format!("{}/web.tgz", server.url);
    let all = futures_util::future::join_all((0..20).map(|_| now(&depot, &url))).await;
    assert!(all.iter().all(|artifact| *artifact == all[0]));
    assert_eq!(all[0].as_ref().unwrap().version, "1.2.3");
    assert_eq!(server.paths(), ["/web.tgz"]);
}

#[tokio::test]
async fn only_what_is_expected_is_taken() {
    let server = Server::start().await;
    let bytes = chart("web", "1.2.3");
    server.put("/web.tgz", Reply::ok(bytes.clone()));
    let depot = depot();
    let expecting = |digest| Wanted {
        expect: Some(digest),
        ..wanted(Source::Archive(format!("{}/web.tgz", server.url)))
    };
    assert!(depot.fetch(expecting(Digest::of(&bytes))).await.is_ok());
    let error = depot
        .fetch(expecting(Digest::of(b"other")))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Mismatch(_)));
    let shown = server
        .shown(error)
        .replace(Digest::of(&bytes).as_str(), "sha256:DIGEST");
    insta::assert_snapshot!(shown, @"http://charts.example/web.tgz: digest is sha256:DIGEST, expected sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa; hint: the source has changed what it gives; where that is meant, leave the expected digest out or take the new one");
}

#[tokio::test]
async fn a_provenance_file_is_beside_the_archive() {
    let server = Server::start().await;
    server.put("/web.tgz?a=b", Reply::ok(chart("web", "1.2.3")));
    let depot = depot();
    let proven = Wanted {
        verify: vec![Verification::Provenance {
            keyring: b"no keyring".to_vec(),
        }],
        ..wanted(Source::Archive(format!("{}/web.tgz?a=b", server.url)))
    };
    let missing = depot.fetch(proven.clone()).await.unwrap_err();
    assert!(matches!(missing, FetchError::Mismatch(_)));
    insta::assert_snapshot!(server.shown(missing), @r#"failed to fetch provenance "http://charts.example/web.tgz.prov"; hint: the chart is not signed (`helm package --sign` makes the file, and it has to be served beside the archive), and a signature is wanted"#);
    server.put("/web.tgz.prov?a=b", Reply::ok("nothing is signed here"));
    assert!(depot.fetch(proven).await.is_err());
    assert_eq!(
        server.paths(),
        ["/web.tgz?a=b", "/web.tgz.prov?a=b", "/web.tgz.prov?a=b"]
    );
}

#[tokio::test]
async fn other_texts_come_the_same_way() {
    let server = Server::start().await;
    server.put("/values.yaml", Reply::ok("a: 1\n"));
    let depot = depot();
    let text = depot
        .text(
            &format!("{}/values.yaml", server.url),
            &Credentials::default(),
        )
        .await;
    assert_eq!(&*text.unwrap(), b"a: 1\n");
    let missing = depot
        .text(
            &format!("{}/other.yaml", server.url),
            &Credentials::default(),
        )
        .await;
    assert!(matches!(missing, Err(FetchError::NotFound(_))));
}

#[tokio::test]
async fn a_download_goes_on_when_nobody_waits_for_it() {
    let server = Server::start().await;
    server.put("/web.tgz", Reply::ok(chart("web", "1.2.3")));
    let depot = depot();
    let url = format!("{}/web.tgz", server.url);
    let mut hasty = Box::pin(now(&depot, &url));
    let mut paths = Vec::new();
    while paths.is_empty() {
        assert!(futures_util::poll!(&mut hasty).is_pending());
        tokio::task::yield_now().await;
        paths = server.paths();
    }
    // A run's deadline.
    drop(hasty);
    // The next run asks the same.
    assert_eq!(now(&depot, &url).await.unwrap().name, "web");
    paths.extend(server.paths());
    assert_eq!(paths, ["/web.tgz"]);
    // The one after it is a question of its own.
    assert!(now(&depot, &url).await.is_ok());
    assert_eq!(server.paths(), ["/web.tgz"]);
}
