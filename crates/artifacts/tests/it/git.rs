//! Charts in git repositories, from real servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oarlock_artifacts::{Depot, Limits, Options, Timeouts};
use oarlock_core::artifact::{
    Artifact, Artifacts as _, Credentials, FetchError, Reach, Source, Upstream, Wanted,
};
use tempfile::TempDir;

use crate::git_origin::{Origin, Server, chart};

/// Most that a machine under load may take.
const SOON: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

/// A depot with a cache of its own.
struct World {
    cache: TempDir,
    depot: Depot,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut Options)) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let mut options = Options {
            cache: Some(cache.path().to_owned()),
            ..Options::default()
        };
        set(&mut options);
        Self {
            depot: Depot::new(options).unwrap(),
            cache,
        }
    }

    async fn get(&self, wanted: Wanted) -> Result<Artifact, FetchError> {
        self.depot.fetch(wanted).await
    }

    async fn files(&self, artifact: &Artifact) -> Vec<String> {
        let bytes = self.depot.read(artifact.digest.clone()).await.unwrap();
        let mut archive = tar::Archive::new(&*bytes);
        let mut files: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let mut text = String::new();
                std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
                format!("{path}: {}", text.lines().next().unwrap_or_default())
            })
            .collect();
        files.sort();
        files
    }

    /// The one repository of the cache.
    fn mirror(&self) -> PathBuf {
        let entry = fs::read_dir(self.cache.path().join("git")).unwrap().next();
        entry.unwrap().unwrap().path()
    }
}

fn wanted(url: &str, reference: &str, path: &str) -> Wanted {
    Wanted {
        source: Source::Git {
            url: url.to_owned(),
            reference: reference.to_owned(),
            path: path.to_owned(),
        },
        credentials: Credentials::default(),
        reach: Reach::Anywhere { plain_http: false },
        expect: None,
        max_age: Duration::ZERO,
        dependencies: false,
        verify: Vec::new(),
    }
}

fn web(url: &str, reference: &str) -> Wanted {
    wanted(url, reference, "charts/web")
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials {
        basic: Some((user.to_owned(), password.to_owned())),
        ..Credentials::default()
    }
}

/// An error without what differs from run to run.
fn shown(error: &FetchError, server: &Server) -> String {
    let kind = match error {
        FetchError::Denied(_) => "denied",
        FetchError::NotFound(_) => "not-found",
        FetchError::Unauthorized(_) => "unauthorized",
        FetchError::Unavailable(_) => "unavailable",
        FetchError::Mismatch(_) => "mismatch",
        FetchError::Invalid(_) => "invalid",
    };
    let text = error
        .to_string()
        .replace(&server.address.to_string(), "SERVER");
    // Curl says how long it took.
    let text = match (text.find(" after "), text.find(" ms: ")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to + 3..]),
        _ => text,
    };
    format!("{kind}: {text}")
}

fn contains(folder: &Path, secret: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contains(&path, secret)
        } else {
            let bytes = fs::read(&path).unwrap();
            bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes())
        }
    })
}

#[tokio::test]
async fn every_kind_of_reference_is_found() {
    let origin = Origin::with_chart();
    let first = origin.git(&["rev-parse", "HEAD"]);
    origin.git(&["tag", "--annotate", "--message", "tagged", "v1"]);
    origin.git(&["tag", "light"]);
    origin.write("charts/web/Chart.yaml", &chart("web", "1.1.0"));
    let second = origin.commit("second");
    // No ref points at it any more.
    origin.git(&["checkout", "--quiet", "--detach"]);
    origin.write("charts/web/Chart.yaml", &chart("web", "1.2.0"));
    let loose = origin.commit("loose");
    origin.git(&["checkout", "--quiet", "main"]);
    let server = Server::start(origin.root()).await;
    let world = World::new();
    for (reference, commit, version) in [
        ("", &second, "1.1.0"),
        ("HEAD", &second, "1.1.0"),
        ("main", &second, "1.1.0"),
        ("refs/heads/main", &second, "1.1.0"),
        ("v1", &first, "1.0.0"),
        ("light", &first, "1.0.0"),
        ("refs/tags/v1", &first, "1.0.0"),
        (first.as_str(), &first, "1.0.0"),
        (loose.as_str(), &loose, "1.2.0"),
    ] {
        let artifact = world.get(web(&server.url(), reference)).await.unwrap();
        assert_eq!(artifact.revision, **commit, "{reference}");
        assert_eq!(artifact.version, version, "{reference}");
        assert_eq!(artifact.name, "web");
    }
    let artifact = world.get(web(&server.url(), "main")).await.unwrap();
    insta::assert_snapshot!(world.files(&artifact).await.join("\n"), @"
    chart/Chart.yaml: apiVersion: v2
    chart/values.yaml: a: 1
    ");
    assert_eq!(
        artifact.origin,
        format!("charts/web of {} main", server.url())
    );
    let source = web(&server.url(), "").source;
    let reach = Reach::Anywhere { plain_http: false };
    origin.git(&["tag", "1.10.0"]);
    origin.git(&["tag", "1.9.0"]);
    let versions = world
        .depot
        .versions(source, Credentials::default(), reach, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(versions, ["1.10.0", "1.9.0", "v1"]);
}

#[tokio::test]
async fn a_branch_is_asked_again_when_it_is_too_old() {
    let origin = Origin::with_chart();
    let server = Server::start(origin.root()).await;
    let world = World::new();
    let old = world.get(web(&server.url(), "main")).await.unwrap();
    origin.write("charts/web/values.yaml", "a: 2\n");
    let commit = origin.commit("second");
    let asked = server.seen("info/refs");
    let lazy = Wanted {
        max_age: HOUR,
        ..web(&server.url(), "main")
    };
    assert_eq!(world.get(lazy).await.unwrap(), old);
    assert_eq!(server.seen("info/refs"), asked);
    let new = world.get(web(&server.url(), "main")).await.unwrap();
    assert_eq!(new.revision, commit);
    assert_ne!(new.digest, old.digest);
    // Nothing is fetched for what is there.
    let packs = server.seen("git-upload-pack");
    let pinned = web(&server.url(), &commit);
    assert_eq!(world.get(pinned).await.unwrap().digest, new.digest);
    assert_eq!(server.seen("git-upload-pack"), packs);
}

#[tokio::test]
async fn a_branch_that_was_pushed_to_is_asked_again_whatever_its_age() {
    let origin = Origin::with_chart();
    let server = Server::start(origin.root()).await;
    let world = World::new();
    let lazy = Wanted {
        max_age: HOUR,
        ..web(&server.url(), "main")
    };
    let old = world.get(lazy.clone()).await.unwrap();
    origin.write("charts/web/values.yaml", "a: 2\n");
    let commit = origin.commit("second");
    let other = Upstream::parse("https://git.example.com/other").unwrap();
    world.depot.forget(&[other]);
    assert_eq!(world.get(lazy.clone()).await.unwrap(), old);
    let pushed = Upstream::parse(&server.url()).unwrap();
    world.depot.forget(&[pushed]);
    // What was looked up before it may have been asked before it: at most one question more.
    assert_eq!(world.get(lazy.clone()).await.unwrap().revision, commit);
    world.get(lazy.clone()).await.unwrap();
    let asked = server.seen("info/refs");
    assert_eq!(world.get(lazy).await.unwrap().revision, commit);
    assert_eq!(server.seen("info/refs"), asked);
}

#[tokio::test]
async fn history_may_be_written_anew() {
    let origin = Origin::with_chart();
    let server = Server::start(origin.root()).await;
    let world = World::new();
    world.get(web(&server.url(), "main")).await.unwrap();
    origin.write("charts/web/values.yaml", "a: 3\n");
    origin.git(&["add", "--all"]);
    origin.git(&["commit", "--quiet", "--amend", "--message", "other"]);
    origin.git(&["reflog", "expire", "--expire=now", "--all"]);
    origin.git(&["gc", "--quiet", "--prune=now"]);
    let commit = origin.git(&["rev-parse", "HEAD"]);
    let artifact = world.get(web(&server.url(), "main")).await.unwrap();
    assert_eq!(artifact.revision, commit);

    // Known to be there a moment ago, and gone when it is fetched: asked again.
    let lazy = Wanted {
        max_age: HOUR,
        ..wanted(&server.url(), "main", "charts")
    };
    fs::remove_dir_all(world.mirror().join("repository")).unwrap();
    origin.write("charts/Chart.yaml", &chart("all", "1.0.0"));
    origin.git(&["add", "--all"]);
    origin.git(&["commit", "--quiet", "--amend", "--message", "third"]);
    origin.git(&["reflog", "expire", "--expire=now", "--all"]);
    origin.git(&["gc", "--quiet", "--prune=now"]);
    let artifact = world.get(lazy).await.unwrap();
    assert_eq!(artifact.revision, origin.git(&["rev-parse", "HEAD"]));
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let origin = Origin::with_chart();
    origin.write("charts/web/large.txt", &"x".repeat(2000));
    origin.write("empty/README", "");
    let commit = origin.commit("second");
    let server = Server::start(origin.root()).await;
    let world = World::new();
    let url = server.url();
    let nothing = format!("http://{}/nothing", server.address);
    let cases = [
        web(&nothing, ""),
        web(&url, "nothing"),
        web(&url, &commit[..10]),
        web(&url, &"0123456789".repeat(4)),
        wanted(&url, "main", "charts/nothing"),
        wanted(&url, "main", "../../etc"),
        wanted(&url, "main", "empty"),
        wanted(&url, "main", "charts/web/values.yaml"),
        web(&url, "^1.0.0"),
        web("http://127.0.0.1:1/origin", ""),
        web("http://nothing.invalid/origin", ""),
        web("http://169.254.169.254/origin", ""),
        web("ssh://git@git.example.invalid/origin", ""),
        web("file:///origin", ""),
    ];
    let mut texts = Vec::new();
    for case in cases {
        let error = world.get(case).await.unwrap_err();
        texts.push(shown(&error, &server).replace(&commit[..12], "COMMIT"));
    }
    insta::assert_snapshot!(texts.join("\n"));
}

#[tokio::test]
async fn a_repository_opens_to_its_own_password_only() {
    let origin = Origin::with_chart();
    let server = Server::start(origin.root()).await;
    server.wants("oar:hush-hush");
    let world = World::new();
    let with = |credentials: Credentials| Wanted {
        credentials,
        max_age: HOUR,
        ..web(&server.url(), "main")
    };
    let none = world.get(with(Credentials::default())).await.unwrap_err();
    let wrong = world
        .get(with(basic("oar", "guess-work")))
        .await
        .unwrap_err();
    let texts = [&none, &wrong]
        .map(|error| shown(error, &server))
        .join("\n");
    assert!(!texts.contains("guess-work"), "{texts}");
    insta::assert_snapshot!(texts);
    world.get(with(basic("oar", "hush-hush"))).await.unwrap();
    // What is known by one who may see it is not known to others.
    world.get(with(Credentials::default())).await.unwrap_err();
    world
        .get(with(basic("oar", "guess-work")))
        .await
        .unwrap_err();
    let pinned = Wanted {
        max_age: HOUR,
        ..web(&server.url(), &origin.git(&["rev-parse", "HEAD"]))
    };
    world.get(pinned.clone()).await.unwrap_err();
    let allowed = Wanted {
        credentials: basic("oar", "hush-hush"),
        ..pinned
    };
    world.get(allowed).await.unwrap();
    let token = Credentials {
        bearer: Some("hush-hush".to_owned()),
        ..Credentials::default()
    };
    world.get(with(token)).await.unwrap_err();
    for secret in ["hush-hush", "guess-work", "b2FyOmh1c2gtaHVzaA"] {
        assert!(!contains(world.cache.path(), secret), "{secret}");
    }
    assert!(!world.mirror().join("secrets").exists());
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let origin = Origin::with_chart();
    let (first, second) = (
        Server::start(origin.root()).await,
        Server::start(origin.root()).await,
    );
    first.moves("/old", "/origin");
    first.moves("/away", &second.url());
    let world = World::new();
    let at = |path: &str| Wanted {
        credentials: basic("oar", "hush-hush"),
        ..web(&format!("http://{}/{path}", first.address), "main")
    };
    world.get(at("old")).await.unwrap();
    assert!(first.authorized() > 0);
    world.get(at("away")).await.unwrap();
    assert!(second.seen("git-upload-pack") > 0);
    assert_eq!(second.authorized(), 0);
    first.moves("/page", "/login");
    let error = world.get(at("page")).await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &first), @"not-found: http://SERVER/login: repository 'http://SERVER/login/' not found; hint: check the URL; some servers say so too when the credentials may not read it");
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_not_kept() {
    let origin = Origin::with_chart();
    let mut noise = String::new();
    let mut state = 1_u64;
    for _ in 0..60_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push_str(&format!("{state:x}"));
    }
    origin.write("noise.txt", &noise);
    origin.commit("second");
    let server = Server::start(origin.root()).await;
    let world = World::with(|options| options.limits.repository = 200_000);
    let error = world.get(web(&server.url(), "main")).await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server), @"invalid: http://SERVER/origin: the repository is larger than 200000 bytes; hint: publish the chart to a repository or a registry");
    assert!(!world.mirror().join("repository").exists());

    let limits = [
        Limits {
            file: 3,
            ..Limits::default()
        },
        Limits {
            unpacked: 30,
            ..Limits::default()
        },
        Limits {
            files: 1,
            ..Limits::default()
        },
    ];
    let mut texts = Vec::new();
    for limit in limits {
        let world = World::with(|options| options.limits = limit);
        let error = world.get(web(&server.url(), "main")).await.unwrap_err();
        let text = shown(&error, &server);
        texts.push(text.replace(&origin.git(&["rev-parse", "HEAD"])[..12], "COMMIT"));
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
    invalid: http://SERVER/origin at main (COMMIT): chart file "Chart.yaml" is larger than the maximum file size 3
    invalid: http://SERVER/origin at main (COMMIT): decompressed chart is larger than the maximum size 30
    invalid: http://SERVER/origin at main (COMMIT): chart has more than 1 files, which is the most that is read
    "#);
}

#[tokio::test]
async fn a_fetch_that_was_cut_off_is_begun_anew() {
    let origin = Origin::with_chart();
    origin.write("charts/web/more.txt", &"more\n".repeat(500));
    origin.commit("second");
    let server = Server::start(origin.root()).await;
    server.falls_silent_after(Some(500));
    let mut world = World::new();
    let cut_off = tokio::select! {
        result = world.get(web(&server.url(), "main")) => Some(result),
        () = server.fell_silent() => None,
    };
    assert!(cut_off.is_none());
    assert!(world.mirror().join("writing").exists());
    // Whoever waited is gone, and it goes on for who comes next.
    tokio::task::yield_now().await;
    assert!(world.mirror().join("secrets").exists());
    world.depot = Depot::new(Options {
        cache: Some(world.cache.path().to_owned()),
        ..Options::default()
    })
    .unwrap();
    let ended = async {
        while world.mirror().join("secrets").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, ended).await.unwrap();
    assert!(world.mirror().join("writing").exists());
    // As a process that is killed leaves it.
    let repository = world.mirror().join("repository");
    fs::write(repository.join("shallow.lock"), "").unwrap();
    fs::create_dir_all(world.mirror().join("secrets")).unwrap();
    fs::write(world.mirror().join("secrets/identity"), "left behind").unwrap();
    server.falls_silent_after(None);
    world.get(web(&server.url(), "main")).await.unwrap();
    assert!(!repository.join("shallow.lock").exists());
    assert!(!world.mirror().join("secrets").exists());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let origin = Origin::with_chart();
    let server = Server::start(origin.root()).await;
    server.falls_silent_after(Some(10));
    let world = World::with(|options| {
        options.timeouts = Timeouts {
            whole: Duration::from_secs(1),
            ..Timeouts::default()
        };
    });
    let error = world.get(web(&server.url(), "main")).await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server), @"unavailable: http://SERVER/origin: git was ended after 1 s; hint: is the server reachable from here, and the repository not too large?");
}

#[tokio::test]
async fn a_damaged_repository_is_cloned_again() {
    let origin = Origin::with_chart();
    let server = Server::start(origin.root()).await;
    let world = World::new();
    world.get(web(&server.url(), "main")).await.unwrap();
    let packs = world.mirror().join("repository/objects/pack");
    for entry in fs::read_dir(&packs).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "pack")
        {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..].fill(0x5a);
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    // Another path of the same commit: not packed yet.
    let artifact = world
        .get(wanted(&server.url(), "main", "./charts/web/"))
        .await;
    assert_eq!(artifact.unwrap().version, "1.0.0");
}

#[tokio::test]
async fn many_who_want_the_same_ask_once() {
    let origin = Origin::with_chart();
    for name in ["a", "b", "c"] {
        origin.write(&format!("charts/{name}/Chart.yaml"), &chart(name, "1.0.0"));
    }
    origin.commit("second");
    let server = Server::start(origin.root()).await;
    let world = World::new();
    let url = server.url();
    let get = |path: &str| world.get(wanted(&url, "main", path));
    let all = tokio::join!(
        get("charts/a"),
        get("charts/b"),
        get("charts/c"),
        get("charts/web"),
        get("charts/a"),
    );
    let (a, b, c, d, e) = all;
    for artifact in [a, b, c, d, e] {
        artifact.unwrap();
    }
    // One for the refs, one for the pack.
    assert_eq!(server.seen("info/refs"), 2);
}

#[tokio::test]
async fn links_lead_anywhere_within_the_repository() {
    let origin = Origin::with_chart();
    let link = |target: &str, at: &str| {
        let at = origin.path().join(at);
        std::os::unix::fs::symlink(target, at).unwrap();
    };
    origin.write("shared/templates/a.yaml", "kind: A\n");
    origin.write("shared/values.yaml", "shared: true\n");
    link("../../shared/templates", "charts/web/templates");
    link("../charts/web/values.yaml", "shared/again.yaml");
    link("../../shared/again.yaml", "charts/web/linked.yaml");
    link("charts/web", "short");
    origin.commit("second");
    let server = Server::start(origin.root()).await;
    let world = World::new();
    let artifact = world
        .get(wanted(&server.url(), "main", "short"))
        .await
        .unwrap();
    insta::assert_snapshot!(world.files(&artifact).await.join("\n"), @"
    chart/Chart.yaml: apiVersion: v2
    chart/linked.yaml: a: 1
    chart/templates/a.yaml: kind: A
    chart/values.yaml: a: 1
    ");

    let mut texts = Vec::new();
    for target in [
        "/etc/passwd",
        "../../../etc/passwd",
        "nothing",
        "bad.yaml",
        ".",
    ] {
        link(target, "charts/web/bad.yaml");
        origin.commit("bad");
        let error = world.get(web(&server.url(), "main")).await.unwrap_err();
        let now = origin.git(&["rev-parse", "HEAD"]);
        texts.push(shown(&error, &server).replace(&now[..12], "COMMIT"));
        fs::remove_file(origin.path().join("charts/web/bad.yaml")).unwrap();
    }
    insta::assert_snapshot!(texts.join("\n"));
}

#[tokio::test]
async fn what_is_ignored_is_left_out_and_attributes_change_nothing() {
    let origin = Origin::with_chart();
    origin.write("charts/web/.helmignore", "docs/\n*.bin\n");
    origin.write("charts/web/docs/a.md", "docs\n");
    origin.write("charts/web/x.bin", &"x".repeat(6 << 20));
    origin.write(
        ".gitattributes",
        "*.yaml export-subst\ncharts/web/values.yaml export-ignore\n*.txt text eol=crlf\n",
    );
    origin.write("charts/web/notes.txt", "$Format:%H$\n");
    origin.commit("second");
    let server = Server::start(origin.root()).await;
    let world = World::new();
    let artifact = world.get(web(&server.url(), "main")).await.unwrap();
    insta::assert_snapshot!(world.files(&artifact).await.join("\n"), @"
    chart/.helmignore: docs/
    chart/Chart.yaml: apiVersion: v2
    chart/notes.txt: $Format:%H$
    chart/values.yaml: a: 1
    ");
}

#[tokio::test]
async fn a_repository_of_this_machine_is_read_below_the_chart_folder() {
    let origin = Origin::with_chart();
    let world = World::with(|options| options.charts = Some(origin.root().to_owned()));
    let url = format!("file://{}", origin.path().display());
    let artifact = world.get(web(&url, "main")).await.unwrap();
    assert_eq!(artifact.version, "1.0.0");
    let elsewhere = Origin::with_chart();
    let url = format!("file://{}", elsewhere.path().display());
    let error = world.get(web(&url, "main")).await.unwrap_err();
    assert!(matches!(error, FetchError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn links_that_fan_out_are_given_up() {
    let origin = Origin::with_chart();
    // Each folder is in the next one twice.
    for level in 0..10 {
        let folder = format!("charts/web/files/{level}");
        origin.write(&format!("{folder}/.keep"), "");
        for name in ["a", "b"] {
            let at = origin.path().join(&folder).join(name);
            std::os::unix::fs::symlink(format!("../{}", level + 1), at).unwrap();
        }
    }
    origin.write("charts/web/files/10/.keep", "");
    origin.write("charts/web/.helmignore", ".keep\n");
    origin.commit("second");
    let server = Server::start(origin.root()).await;
    let world = World::with(|options| options.limits.files = 200);
    let error = world.get(web(&server.url(), "main")).await.unwrap_err();
    let text = shown(&error, &server);
    let commit = origin.git(&["rev-parse", "HEAD"]);
    insta::assert_snapshot!(text.replace(&commit[..12], "COMMIT"), @"invalid: http://SERVER/origin at main (COMMIT): chart has more than 264 folders, which is the most that is read; hint: do symbolic links lead to the same folders again and again?");
}
