//! Umbrella charts: what they depend on, from every kind of place.

mod helm;

use std::fs;
use std::io::Read as _;
use std::path::Path;

use oarlock_artifacts::{Depot, Options};
use oarlock_core::artifact::{
    Artifact, Artifacts as _, Credentials, FetchError, Reach, Source, Wanted,
};
use oarlock_core::reference::Digest;
use tempfile::TempDir;

use crate::archive::{BASIC, basic, depot, wanted};
use crate::git_origin::{self, Origin};
use crate::server::{Reply, Server, chart, packed};

/// A chart folder.
struct Charts {
    dir: TempDir,
    depot: Depot,
}

impl Charts {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            charts: Some(dir.path().to_owned()),
            ..crate::archive::small()
        };
        Self {
            depot: Depot::new(options).unwrap(),
            dir,
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The chart `umbrella` with these dependencies.
    fn umbrella(&self, dependencies: &[String]) {
        self.write("umbrella/Chart.yaml", &umbrella(dependencies));
    }

    async fn get(&self) -> Result<Artifact, FetchError> {
        self.get_with(Reach::Anywhere { plain_http: true }).await
    }

    async fn get_with(&self, reach: Reach) -> Result<Artifact, FetchError> {
        self.depot
            .fetch(Wanted {
                reach,
                ..complete(Source::Local("umbrella".to_owned()))
            })
            .await
    }
}

fn umbrella(dependencies: &[String]) -> String {
    let list: String = dependencies
        .iter()
        .map(|dependency| format!("  - {{{dependency}}}\n"))
        .collect();
    format!("apiVersion: v2\nname: umbrella\nversion: 0.1.0\ndependencies:\n{list}")
}

fn complete(source: Source) -> Wanted {
    Wanted {
        dependencies: true,
        ..wanted(source)
    }
}

fn index(charts: &[(&str, &str)]) -> String {
    let mut text = "apiVersion: v1\nentries:\n".to_owned();
    let mut names: Vec<&str> = charts.iter().map(|(name, _)| *name).collect();
    names.dedup();
    for name in names {
        text.push_str(&format!("  {name}:\n"));
        for (_, version) in charts.iter().filter(|(of, _)| *of == name) {
            text.push_str(&format!(
                "  - {{name: {name}, version: {version}, urls: [\"{name}-{version}.tgz\"]}}\n"
            ));
        }
    }
    text
}

/// A repository in `/charts` of a server.
fn repository(server: &Server, charts: &[(&str, &str)]) -> String {
    server.put("/charts/index.yaml", Reply::ok(index(charts)));
    for (name, version) in charts {
        let path = format!("/charts/{name}-{version}.tgz");
        server.put(&path, Reply::ok(chart(name, version)));
    }
    format!("{}/charts", server.url)
}

/// A registry that has one chart in some versions, as far as it is asked.
fn registry(server: &Server, repository: &str, name: &str, versions: &[&str]) {
    let tags: Vec<String> = versions
        .iter()
        .map(|version| format!("\"{version}\""))
        .collect();
    let list = format!(
        "{{\"name\":\"{repository}/{name}\",\"tags\":[{}]}}",
        tags.join(",")
    );
    let base = format!("/v2/{repository}/{name}");
    server.put(&format!("{base}/tags/list"), Reply::ok(list.clone()));
    server.put(&format!("{base}/tags/list?n=1000"), Reply::ok(list));
    server.put("/v2/", Reply::ok("{}"));
    for version in versions {
        let archive = chart(name, version);
        let config = format!("{{\"name\":\"{name}\",\"version\":\"{version}\"}}");
        let (layer, config_digest) = (Digest::of(&archive), Digest::of(config.as_bytes()));
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{layer}","size":{}}}]}}"#,
            config.len(),
            archive.len()
        );
        server.put(&format!("{base}/blobs/{layer}"), Reply::ok(archive));
        server.put(&format!("{base}/blobs/{config_digest}"), Reply::ok(config));
        let digest = Digest::of(manifest.as_bytes());
        for at in [*version, digest.as_str()] {
            let reply = Reply::ok(manifest.clone())
                .header("content-type", "application/vnd.oci.image.manifest.v1+json")
                .header("docker-content-digest", digest.as_str());
            server.put(&format!("{base}/manifests/{at}"), reply);
        }
    }
}

/// The files of an artifact: a tar, or one in gzip.
async fn files(depot: &Depot, artifact: &Artifact) -> Vec<String> {
    let bytes = depot.read(artifact.digest.clone()).await.unwrap();
    let mut files = entries(&bytes);
    files.sort();
    files
}

fn entries(bytes: &[u8]) -> Vec<String> {
    let mut tar = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes)
            .read_to_end(&mut tar)
            .unwrap();
    } else {
        tar.extend_from_slice(bytes);
    }
    let mut files = Vec::new();
    for entry in tar::Archive::new(&*tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let path = path.split_once('/').unwrap().1.to_owned();
        if path.ends_with(".tgz") {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.extend(
                entries(&content)
                    .iter()
                    .map(|inner| format!("{path}: {inner}")),
            );
        } else {
            files.push(path);
        }
    }
    files
}

fn dependency(name: &str, version: &str, repository: &str) -> String {
    format!("name: {name}, version: \"{version}\", repository: \"{repository}\"")
}

#[tokio::test]
async fn dependencies_come_from_every_kind_of_place() {
    let server = Server::start().await;
    let web = repository(
        &server,
        &[("redis", "1.4.2"), ("redis", "1.3.0"), ("redis", "2.0.0")],
    );
    registry(
        &server,
        "team/charts",
        "queue",
        &["0.1.0", "0.2.0", "1.0.0"],
    );
    let oci = server.url.replace("http://", "oci://");
    let charts = Charts::new();
    charts.umbrella(&[
        dependency("redis", "^1.0.0", &web),
        format!(
            "{}, alias: cache, condition: cache.enabled",
            dependency("redis", "1.3.0", &web)
        ),
        format!("{}, alias: again", dependency("redis", "~1.4", &web)),
        dependency("queue", "~0.1 || ~0.2", &format!("{oci}/team/charts")),
        dependency("common", "*", "file://../libs/common"),
        "name: carried, version: 1.x".to_owned(),
    ]);
    charts.write(
        "umbrella/charts/carried/Chart.yaml",
        &git_origin::chart("carried", "1.9.0"),
    );
    charts.write("umbrella/values.yaml", "");
    charts.write(
        "libs/common/Chart.yaml",
        &git_origin::chart("common", "2.0.0"),
    );
    charts.write("libs/common/.helmignore", "secret.txt\n");
    charts.write("libs/common/secret.txt", "no\n");
    charts.write(
        "libs/common/charts/inner/Chart.yaml",
        &git_origin::chart("inner", "3.0.0"),
    );
    let artifact = charts.get().await.unwrap();
    insta::assert_snapshot!(files(&charts.depot, &artifact).await.join("\n"), @"
    Chart.yaml
    charts/carried/Chart.yaml
    charts/common-2.0.0.tgz: .helmignore
    charts/common-2.0.0.tgz: Chart.yaml
    charts/common-2.0.0.tgz: charts/inner/Chart.yaml
    charts/queue-0.2.0.tgz: Chart.yaml
    charts/queue-0.2.0.tgz: values.yaml
    charts/redis-1.3.0.tgz: Chart.yaml
    charts/redis-1.3.0.tgz: values.yaml
    charts/redis-1.4.2.tgz: Chart.yaml
    charts/redis-1.4.2.tgz: values.yaml
    values.yaml
    ");
    let digest = Digest::of(&chart("queue", "0.2.0"));
    assert!(artifact.origin.contains(&digest.hex()[..12]));
    let origin = server
        .shown(artifact.origin.replace(&oci, "oci://charts.example"))
        .split(['(', ')'])
        .step_by(2)
        .collect::<String>();
    insta::assert_snapshot!(origin, @"umbrella; with redis-1.4.2.tgz  of http://charts.example/charts/redis-1.4.2.tgz, redis-1.3.0.tgz  of http://charts.example/charts/redis-1.3.0.tgz, queue-0.2.0.tgz  of oci://charts.example/team/charts/queue, common-2.0.0.tgz  of file://../libs/common");
    assert_eq!(artifact.version, "0.1.0");
    // The same again, by bytes.
    let again = Charts::new();
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(charts.dir.path().join("."))
        .arg(again.dir.path())
        .status();
    assert!(copied.unwrap().success());
    assert_eq!(again.get().await.unwrap().digest, artifact.digest);
    // Without its dependencies it is another package.
    let alone = charts
        .depot
        .fetch(wanted(Source::Local("umbrella".to_owned())))
        .await;
    assert_ne!(alone.unwrap().digest, artifact.digest);
}

#[tokio::test]
async fn a_packaged_umbrella_stays_an_archive() {
    let server = Server::start().await;
    let web = repository(&server, &[("redis", "1.4.2")]);
    let text = umbrella(&[
        dependency("redis", "1.4.2", &web),
        dependency("inner", "1.0.0", "file://parts/inner"),
    ]);
    let archive = packed(&[
        ("umbrella/Chart.yaml", &text),
        ("umbrella/.helmignore", "values.yaml\n"),
        ("umbrella/values.yaml", "a: 1\n"),
        (
            "umbrella/parts/inner/Chart.yaml",
            &git_origin::chart("inner", "1.0.0"),
        ),
    ]);
    server.put("/umbrella.tgz", Reply::ok(archive));
    let depot = depot();
    let source = Source::Archive(format!("{}/umbrella.tgz", server.url));
    let artifact = depot.fetch(complete(source)).await.unwrap();
    insta::assert_snapshot!(files(&depot, &artifact).await.join("\n"), @"
    .helmignore
    Chart.yaml
    charts/inner-1.0.0.tgz: Chart.yaml
    charts/redis-1.4.2.tgz: Chart.yaml
    charts/redis-1.4.2.tgz: values.yaml
    parts/inner/Chart.yaml
    values.yaml
    ");
    let bytes = depot.read(artifact.digest).await.unwrap();
    assert_eq!(bytes[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn a_lock_decides() {
    let server = Server::start().await;
    let web = repository(&server, &[("redis", "1.4.2"), ("redis", "1.3.0")]);
    let charts = Charts::new();
    charts.umbrella(&[dependency("redis", "^1.0.0", &web)]);
    let json = format!(
        r#"[[{{"name":"redis","version":"^1.0.0","repository":"{web}"}}],[{{"name":"redis","version":"1.3.0","repository":"{web}"}}]]"#
    );
    let lock = format!(
        "dependencies:\n- name: redis\n  repository: {web}\n  version: 1.3.0\ndigest: {}\ngenerated: \"2026-01-02T03:04:05Z\"\n",
        Digest::of(json.as_bytes())
    );
    charts.write("umbrella/Chart.lock", &lock);
    let artifact = charts.get().await.unwrap();
    let files = files(&charts.depot, &artifact).await.join("\n");
    assert!(files.contains("charts/redis-1.3.0.tgz"), "{files}");
    charts.umbrella(&[dependency("redis", "^1.1.0", &web)]);
    let error = charts.get().await.unwrap_err();
    insta::assert_snapshot!(error, @"umbrella: the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please update the dependencies with 'helm dependency update'; hint: or remove the lock file");
    assert!(matches!(error, FetchError::Mismatch(_)));
}

#[tokio::test]
async fn a_folder_of_a_commit_has_neighbours() {
    let origin = Origin::new();
    let own = [
        dependency("common", "^2", "file://../../libs/common"),
        dependency("linked", "1.0.0", "file://../linked"),
    ];
    origin.write("charts/umbrella/Chart.yaml", &umbrella(&own));
    origin.write(
        "libs/common/Chart.yaml",
        &git_origin::chart("common", "2.0.0"),
    );
    origin.write(
        "libs/linked/Chart.yaml",
        &git_origin::chart("linked", "1.0.0"),
    );
    std::os::unix::fs::symlink("../libs/linked", origin.path().join("charts/linked")).unwrap();
    origin.commit("first");
    let server = git_origin::Server::start(origin.root()).await;
    server.wants("oar:hush");
    let depot = depot();
    let wanted = Wanted {
        credentials: Credentials {
            basic: Some(("oar".to_owned(), "hush".to_owned())),
            ..Credentials::default()
        },
        ..complete(Source::Git {
            url: server.url(),
            reference: "main".to_owned(),
            path: "charts/umbrella".to_owned(),
        })
    };
    let artifact = depot.fetch(wanted.clone()).await.unwrap();
    insta::assert_snapshot!(files(&depot, &artifact).await.join("\n"), @"
    Chart.yaml
    charts/common-2.0.0.tgz: Chart.yaml
    charts/linked-1.0.0.tgz: Chart.yaml
    ");
    // One question for the branch, one for the pack: neighbours are in it.
    assert_eq!(server.seen("info/refs"), 2);
    assert_eq!(depot.fetch(wanted.clone()).await.unwrap(), artifact);

    origin.write(
        "charts/umbrella/Chart.yaml",
        &umbrella(&[dependency("out", "^2", "file://../../../out")]),
    );
    origin.commit("second");
    let wanted = Wanted {
        max_age: std::time::Duration::ZERO,
        credentials: Credentials {
            basic: Some(("oar".to_owned(), "hush".to_owned())),
            ..Credentials::default()
        },
        ..complete(Source::Git {
            url: server.url(),
            reference: "main".to_owned(),
            path: "charts/umbrella".to_owned(),
        })
    };
    let error = depot.fetch(wanted).await.unwrap_err().to_string();
    insta::assert_snapshot!(error.replace(&server.address.to_string(), "SERVER"), @"charts/umbrella of http://SERVER/origin main: dependency out: directory ../../../out not found; hint: file:// counts from the chart's folder, and reaches what is in the same source: the chart folder, the git repository, or the package itself");
}

#[tokio::test]
async fn what_is_all_of_one_commit_is_put_together_once() {
    let origin = Origin::new();
    let own = [dependency("common", "^2", "file://../common")];
    origin.write("charts/umbrella/Chart.yaml", &umbrella(&own));
    let common = git_origin::chart("common", "2.0.0");
    origin.write("charts/common/Chart.yaml", &common);
    origin.commit("first");
    let server = git_origin::Server::start(origin.root()).await;
    let cache = tempfile::tempdir().unwrap();
    let depot = Depot::new(Options {
        cache: Some(cache.path().to_owned()),
        ..Options::default()
    })
    .unwrap();
    let wanted = Wanted {
        max_age: std::time::Duration::from_secs(3600),
        ..complete(Source::Git {
            url: server.url(),
            reference: "main".to_owned(),
            path: "charts/umbrella".to_owned(),
        })
    };
    let whole = depot.fetch(wanted.clone()).await.unwrap();
    let alone = Wanted {
        dependencies: false,
        ..wanted.clone()
    };
    let alone = depot.fetch(alone).await.unwrap();
    assert_ne!(alone.digest, whole.digest);
    // Neither the repository nor the neighbour is there any more.
    let mirrors = fs::read_dir(cache.path().join("git")).unwrap();
    for mirror in mirrors {
        fs::remove_dir_all(mirror.unwrap().path().join("repository")).unwrap();
    }
    for blob in fs::read_dir(cache.path().join("blobs")).unwrap() {
        let blob = blob.unwrap();
        let name = blob.file_name();
        if ![&whole, &alone]
            .iter()
            .any(|kept| kept.digest.hex() == name)
        {
            fs::remove_file(blob.path()).unwrap();
        }
    }
    let packs = server.seen("git-upload-pack");
    assert_eq!(depot.fetch(wanted.clone()).await.unwrap(), whole);
    assert_eq!(server.seen("git-upload-pack"), packs);

    // Another commit is another chart.
    origin.write("charts/common/values.yaml", "a: 1\n");
    origin.commit("second");
    let wanted = Wanted {
        max_age: std::time::Duration::ZERO,
        ..wanted
    };
    let other = depot.fetch(wanted).await.unwrap();
    assert_ne!(
        (other.digest, other.revision),
        (whole.digest, whole.revision)
    );
}

#[tokio::test]
async fn a_folder_does_not_reach_out_of_the_chart_folder() {
    let charts = Charts::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(
        elsewhere.path().join("Chart.yaml"),
        git_origin::chart("out", "1.0.0"),
    )
    .unwrap();
    let relative = Path::new("..").join(elsewhere.path().strip_prefix("/").unwrap());
    let up = "../".repeat(charts.dir.path().components().count());
    std::os::unix::fs::symlink(elsewhere.path(), charts.dir.path().join("link")).unwrap();
    let reach = Reach::Granted {
        grants: vec!["local".to_owned()],
        namespace: None,
    };
    for path in [
        elsewhere.path().display().to_string(),
        format!("{up}{}", relative.display()),
        "../link".to_owned(),
    ] {
        charts.umbrella(&[dependency("out", "1.0.0", &format!("file://{path}"))]);
        let error = charts
            .get_with(reach.clone())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("not found; hint: file:// counts from"),
            "{error}"
        );
    }
    // A person at a command line reads what a person may read.
    charts.umbrella(&[dependency(
        "out",
        "1.0.0",
        &format!("file://{}", elsewhere.path().display()),
    )]);
    let depot = depot();
    let path = charts.dir.path().join("umbrella");
    let artifact = depot.fetch_path(path, true, Vec::new()).await.unwrap();
    let files = files(&depot, &artifact).await.join("\n");
    assert!(files.contains("charts/out-1.0.0.tgz"), "{files}");
}

#[tokio::test]
async fn what_cannot_be_had_is_said_as_helm_says_it() {
    let server = Server::start().await;
    let web = repository(&server, &[("redis", "1.4.2"), ("redis", "2.0.0-rc.1")]);
    server.put(
        "/charts/wrong-1.0.0.tgz",
        Reply::ok(chart("other", "1.0.0")),
    );
    registry(&server, "team", "queue", &["0.1.0"]);
    let oci = server.url.replace("http://", "oci://");
    let charts = Charts::new();
    charts.write(
        "libs/common/Chart.yaml",
        &git_origin::chart("common", "2.0.0"),
    );
    let cases = [
        vec![
            dependency("redis", "^3", &web),
            dependency("queue", "^1", &format!("{oci}/team")),
        ],
        vec![dependency("redis", ">1.9", &web)],
        vec![dependency("nothing", "1.0.0", &web)],
        vec![dependency("queue", "7.0.0", &format!("{oci}/team"))],
        vec![dependency("nothing", "1.0.0", &format!("{oci}/team"))],
        vec![dependency(
            "redis",
            "1.4.2",
            &format!("{}/nothing", server.url),
        )],
        vec![dependency("common", "3.x", "file://../libs/common")],
        vec![dependency("common", "2.x", "file://../libs/nothing")],
        vec![dependency("other", "2.x", "file://../libs/common")],
    ];
    let mut texts = Vec::new();
    for case in cases {
        charts.umbrella(&case);
        let error = charts.get().await.unwrap_err();
        let text = server.shown(error).replace(&oci, "oci://charts.example");
        texts.push(text.replace(oci.trim_start_matches("oci://"), "charts.example"));
    }
    insta::assert_snapshot!(texts.join("\n"));
}

#[tokio::test]
async fn only_what_is_granted_is_asked() {
    let (granted, other) = (Server::start().await, Server::start().await);
    let charts = Charts::new();
    charts.umbrella(&[
        dependency(
            "redis",
            "1.4.2",
            &repository(&granted, &[("redis", "1.4.2")]),
        ),
        dependency("queue", "1.0.0", &repository(&other, &[("queue", "1.0.0")])),
    ]);
    let reach = |grants: &[&str]| Reach::Granted {
        grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
        namespace: None,
    };
    let error = charts
        .get_with(reach(&["local", &granted.url]))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Denied(_)));
    insta::assert_snapshot!(other.shown(&error), @r#"umbrella: dependency queue: no grant for http://charts.example; hint: add to the watch: grants: {artifacts: ["http://charts.example"]}"#);
    // Nobody was asked, since not all may be.
    assert!(granted.paths().is_empty() && other.paths().is_empty());
    charts
        .get_with(reach(&["local", &granted.url, &other.url]))
        .await
        .unwrap();
}

#[tokio::test]
async fn credentials_go_to_the_charts_own_server_alone() {
    let (own, other) = (Server::start().await, Server::start().await);
    let text = umbrella(&[
        dependency("redis", "1.4.2", &format!("{}/charts", own.url)),
        dependency("queue", "1.0.0", &repository(&other, &[("queue", "1.0.0")])),
    ]);
    for (path, reply) in [
        ("/umbrella.tgz", packed(&[("umbrella/Chart.yaml", &text)])),
        (
            "/charts/index.yaml",
            index(&[("redis", "1.4.2")]).into_bytes(),
        ),
        ("/charts/redis-1.4.2.tgz", chart("redis", "1.4.2")),
    ] {
        own.put(path, Reply::ok(reply).login(BASIC));
    }
    let wanted = Wanted {
        credentials: basic(),
        ..complete(Source::Archive(format!("{}/umbrella.tgz", own.url)))
    };
    depot().fetch(wanted).await.unwrap();
    let told = other.seen();
    assert!(!told.is_empty());
    assert!(told.iter().all(|seen| seen.authorization.is_none()));
}

/// The archive of a chart that unpacks to a little more than `bytes`.
fn blown_up(name: &str, version: &str, bytes: usize) -> Vec<u8> {
    let text = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let zeros = "0".repeat(bytes / 4);
    packed(&[
        (&format!("{name}/Chart.yaml"), &text),
        (&format!("{name}/a"), &zeros),
        (&format!("{name}/b"), &zeros),
        (&format!("{name}/c"), &zeros),
        (&format!("{name}/d"), &zeros),
    ])
}

#[tokio::test]
async fn archives_that_are_carried_have_one_limit_together() {
    let charts = Charts::new();
    let carried = charts.dir.path().join("umbrella/charts");
    fs::create_dir_all(&carried).unwrap();
    for name in ["a", "b"] {
        let archive = blown_up(name, "1.0.0", 30_000);
        fs::write(carried.join(format!("{name}-1.0.0.tgz")), archive).unwrap();
    }
    charts.umbrella(&["name: a, version: 1.0.0".to_owned()]);
    let error = charts.get().await.unwrap_err();
    assert!(matches!(error, FetchError::Invalid(_)), "{error:?}");
    insta::assert_snapshot!(error, @"umbrella: decompressed chart is larger than the maximum size 40000");
    // What is read and then turns out to be broken counts as well.
    for name in ["a", "b"] {
        let mut archive = blown_up(name, "1.0.0", 30_000);
        archive.truncate(archive.len() - 8);
        fs::write(carried.join(format!("{name}-1.0.0.tgz")), archive).unwrap();
    }
    assert!(matches!(charts.get().await, Err(FetchError::Invalid(_))));
    // Who depends on nothing has nothing opened.
    charts.write(
        "umbrella/Chart.yaml",
        &git_origin::chart("umbrella", "0.1.0"),
    );
    charts.get().await.unwrap();
}

/// The archive of a chart that is a little longer than `bytes`, whoever packs it.
fn incompressible(name: &str, version: &str, bytes: usize) -> Vec<u8> {
    let text = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let mut noise = String::new();
    let mut block = Digest::of(name.as_bytes());
    // Two letters are a byte.
    while noise.len() < 2 * bytes {
        noise.push_str(block.hex());
        block = Digest::of(block.as_str().as_bytes());
    }
    let (a, rest) = noise.split_at(2 * bytes / 3);
    let (b, c) = rest.split_at(rest.len() / 2);
    packed(&[
        (&format!("{name}/Chart.yaml"), &text),
        (&format!("{name}/a"), a),
        (&format!("{name}/b"), b),
        (&format!("{name}/c"), c),
    ])
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_the_rest_is_fetched() {
    let server = Server::start().await;
    let charts = Charts::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, "1.0.0")).collect();
    let web = repository(&server, &all);
    let wants: Vec<String> = names
        .iter()
        .map(|name| dependency(name, "1.0.0", &web))
        .collect();
    charts.umbrella(&wants);
    let put = |name: &str, bytes: usize| {
        let archive = incompressible(name, "1.0.0", bytes);
        server.put(&format!("/charts/{name}-1.0.0.tgz"), Reply::ok(archive));
    };
    // One is too large for a file of a chart.
    put("a", 10_000);
    let alone = charts.get().await.unwrap_err();
    let asked = server.paths().join("\n");
    assert!(asked.contains("/a-1.0.0.tgz"), "{asked}");
    assert!(!asked.contains("/e-1.0.0.tgz"), "{asked}");
    // All together are too large for a chart.
    for name in names {
        put(name, 4_900);
    }
    let charts = Charts::new();
    charts.umbrella(&wants);
    let together = charts.get().await.unwrap_err();
    let asked = server.paths().join("\n");
    assert!(asked.contains("/e-1.0.0.tgz"), "{asked}");
    assert!(!asked.contains("/i-1.0.0.tgz"), "{asked}");
    for error in [&alone, &together] {
        assert!(matches!(error, FetchError::Invalid(_)), "{error:?}");
    }
    insta::assert_snapshot!(format!("{alone}\n{together}"), @r#"
    umbrella: decompressed chart file "charts/a-1.0.0.tgz" is larger than the maximum file size 10000
    umbrella: decompressed chart is larger than the maximum size 40000
    "#);
}

#[tokio::test]
async fn another_version_than_the_chosen_one_is_refused() {
    let server = Server::start().await;
    let web = repository(&server, &[("redis", "1.4.2")]);
    server.put(
        "/charts/redis-1.4.2.tgz",
        Reply::ok(chart("redis", "9.9.9")),
    );
    registry(&server, "team", "queue", &["0.1.0"]);
    // The tag was moved to another version.
    registry(&server, "team", "queue", &["7.0.0"]);
    let path = "/v2/team/queue/manifests/";
    let oci = server.url.replace("http://", "oci://");
    let old = chart("queue", "0.1.0");
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"{0}","size":2}},"layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{0}","size":{1}}}]}}"#,
        Digest::of(&old),
        old.len()
    );
    let digest = Digest::of(manifest.as_bytes());
    for at in ["7.0.0", digest.as_str()] {
        server.put(&format!("{path}{at}"), Reply::ok(manifest.clone()));
    }
    let charts = Charts::new();
    let mut texts = Vec::new();
    for wants in [
        dependency("redis", "^1.0.0", &web),
        dependency("queue", "7.0.0", &format!("{oci}/team")),
    ] {
        charts.umbrella(&[wants]);
        let error = charts.get().await.unwrap_err();
        assert!(matches!(error, FetchError::Mismatch(_)), "{error:?}");
        let text = server.shown(error).replace(&oci, "oci://charts.example");
        texts.push(text);
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    umbrella: dependency redis: the chart of http://charts.example/charts/redis-1.4.2.tgz has version 9.9.9, expected 1.4.2; hint: the repository says another version than its chart, which its owner can repair
    umbrella: dependency queue: the chart of oci://charts.example/team/queue has version 0.1.0, expected 7.0.0; hint: the repository says another version than its chart, which its owner can repair
    ");
}
