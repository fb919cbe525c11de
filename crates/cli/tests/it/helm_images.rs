//! Images of a release that follow a real registry, behind a password: the manifest as it was written in 2019.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use oarlock_core::reference::Digest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::process::{engine_cache, helm_engine, modules, oarlock, root};
use crate::registry::{Access, Server};
use crate::rollout::{api, changes, conditions, define_as, deployments, until};
use crate::site::{Operator, Site};

/// What is in the registry.
const REPOSITORY: &str = "team/web";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
";

/// A chart repository with one chart.
struct Charts {
    url: String,
    _serving: AbortOnDropHandle<()>,
}

impl Charts {
    async fn start() -> Self {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (path, text) in [
            (
                "web/Chart.yaml",
                "apiVersion: v1\nname: web\nversion: 1.0.0\n",
            ),
            ("web/values.yaml", "image: {}\n"),
            ("web/templates/deployment.yaml", DEPLOYMENT),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive
                .append_data(&mut header, path, text.as_bytes())
                .unwrap();
        }
        let archive = archive.into_inner().unwrap().finish().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                give(stream, &archive).await;
            }
        });
        Self {
            url,
            _serving: AbortOnDropHandle::new(serving),
        }
    }
}

/// Answers one request and closes.
async fn give(stream: TcpStream, archive: &[u8]) {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 && !line.trim().is_empty() {
        request.push_str(&line);
        line.clear();
    }
    let index = "apiVersion: v1\nentries:\n  web:\n  - {name: web, version: 1.0.0, urls: [web-1.0.0.tgz]}\n";
    let body = match request.contains("index.yaml") {
        true => index.as_bytes(),
        false => archive,
    };
    let mut answer = Vec::new();
    let length = body.len();
    write!(
        answer,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    answer.extend_from_slice(body);
    let _gone = stream.write_all(&answer).await;
}

/// Puts an image into the registry, where it keeps them: nothing of it is ever pulled.
fn push(registry: &Server, tag: &str) {
    let config = Digest::of(b"{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.as_str(), "size": 2},
        "layers": [],
        "annotations": {"tag": tag},
    })
    .to_string();
    let digest = Digest::of(manifest.as_bytes());
    let blob = registry.file(digest.as_str());
    write(&blob, manifest.as_bytes());
    let (_, hex) = digest.as_str().split_once(':').unwrap();
    let revisions = blob
        .ancestors()
        .nth(5)
        .unwrap()
        .join("repositories")
        .join(REPOSITORY)
        .join("_manifests/revisions/sha256");
    let link: PathBuf = revisions.join(hex).join("link");
    write(&link, digest.as_str().as_bytes());
    registry.tag(REPOSITORY, tag, digest.as_str());
}

fn write(file: &Path, bytes: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// A cluster, a registry, and an operator for releases.
struct Stage {
    site: Site,
    registry: Server,
    /// Whom the image is named by.
    image: String,
    _charts: Charts,
    _operator: Operator,
}

impl Stage {
    /// None where there is no registry. The one release is there, and follows `filter`.
    async fn new(filter: &str, tags: &[&str]) -> Option<Self> {
        let registry = Server::start(Access::Password, false).await?;
        for tag in tags {
            push(&registry, tag);
        }
        let charts = Charts::start().await;
        let site = Site::new().await;
        site.cluster.run_clock().await;
        let client = site.cluster.client();
        let definition = root().join("modules/helm/crds/helmreleases.helm.fluxcd.io.yaml");
        let definition = fs::read_to_string(definition).unwrap();
        define_as(&client, serde_saphyr::from_str(&definition).unwrap()).await;
        for name in ["helm.wasm", "helm-engine.wasm"] {
            site.module(name, &fs::read(modules().join(name)).unwrap());
        }
        let (at, url) = (&registry.address, &charts.url);
        site.watches(&format!(
            "- group: helm.fluxcd.io\n  version: v1\n  kind: HelmRelease\n  module: helm.wasm\n  libraries: {{\"oarlock:helm/engine\": helm-engine.wasm}}\n  \
             settings: {{poll: 1s}}\n  grants:\n    artifacts: [\"{url}\", \"oci://{at}\", \"http://{at}\"]\n    \
             read:\n    - {{apiGroups: [\"*\"], resources: [\"*\"]}}\n    - {{apiGroups: [\"\"], resources: [secrets], resourceNames: [\"*\"]}}\n    \
             write:\n    - {{apiGroups: [\"*\"], resources: [\"*\"]}}\n    - {{apiGroups: [\"\"], resources: [secrets]}}\n"
        ));
        let apply = PatchParams::apply("kubectl");
        let config = json!({"auths": {at: {"username": "user", "password": "secret"}}});
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "pull"},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config.to_string()},
        });
        let secrets = api(&client, "", "v1", "Secret");
        secrets
            .patch("pull", &apply, &Patch::Apply(secret))
            .await
            .unwrap();
        let image = format!("{at}/{REPOSITORY}");
        let release = json!({
            "apiVersion": "helm.fluxcd.io/v1",
            "kind": "HelmRelease",
            "metadata": {
                "name": "web",
                "annotations": {"fluxcd.io/automated": "true", "fluxcd.io/tag.chart-image": filter},
            },
            "spec": {
                "releaseName": "web",
                "chart": {"repository": url, "name": "web", "version": "1.0.0"},
                "values": {
                    "image": {"repository": image, "tag": "3.0.1"},
                    "imagePullSecrets": [{"name": "pull"}],
                },
            },
        });
        let releases = api(&client, "helm.fluxcd.io", "v1", "HelmRelease");
        releases
            .patch("web", &apply, &Patch::Apply(release))
            .await
            .unwrap();
        // Compiled once for all tests.
        helm_engine().await;
        let cache = engine_cache();
        let operator = site
            .operator_with(&["--cache-dir", cache.to_str().unwrap()])
            .await;
        Some(Self {
            site,
            registry,
            image,
            _charts: charts,
            _operator: operator,
        })
    }

    fn releases(&self) -> Api<DynamicObject> {
        api(
            &self.site.cluster.client(),
            "helm.fluxcd.io",
            "v1",
            "HelmRelease",
        )
    }

    /// Waits until the release is such.
    async fn release(&self, wanted: impl Fn(&DynamicObject) -> bool) -> DynamicObject {
        let mut states = std::pin::pin!(changes(self.releases()));
        until(&mut states, wanted).await
    }

    /// Waits until the release runs with a tag.
    async fn runs(&self, tag: &str) -> DynamicObject {
        let mut states = std::pin::pin!(changes(deployments(&self.site.cluster.client())));
        let image = format!("{}:{tag}", self.image);
        until(&mut states, |deployment| installed(deployment) == image).await;
        self.release(|release| {
            conditions(release).contains("Ready=True") && shown(release)["tag"] == tag
        })
        .await
    }

    /// What is installed now.
    async fn installed(&self) -> String {
        let deployments = deployments(&self.site.cluster.client());
        installed(&deployments.get("web").await.unwrap())
    }

    /// How many revisions there are.
    async fn revisions(&self) -> usize {
        let secrets = api(&self.site.cluster.client(), "", "v1", "Secret");
        let records = ListParams::default().labels("owner=helm,name=web");
        secrets.list(&records).await.unwrap().items.len()
    }

    /// What `oarlock explain` prints.
    async fn explained(&self) -> String {
        let kubeconfig = self.site.cluster.kubeconfig.to_str().unwrap();
        let args = [
            "explain",
            "helmreleases.helm.fluxcd.io/web",
            "--kubeconfig",
            kubeconfig,
        ];
        let output = oarlock(&args, &self.site.path(".")).await;
        String::from_utf8(output.stdout).unwrap()
    }

    async fn annotate(&self, annotations: Value) {
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        self.releases()
            .patch("web", &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

fn installed(deployment: &DynamicObject) -> String {
    let image = &deployment.data["spec"]["template"]["spec"]["containers"][0]["image"];
    image.as_str().unwrap_or_default().to_owned()
}

/// What the status says of the image.
fn shown(release: &DynamicObject) -> &Value {
    &release.data["status"]["images"][0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_tag_of_the_range_is_installed_and_followed() {
    let tags = ["3.0.1", "3.0.7", "3.0.8-rc.1", "3.1.0", "4.0.0", "latest"];
    let Some(mut stage) = Stage::new("semver:~3.0", &tags).await else {
        return;
    };
    let release = stage.runs("3.0.7").await;
    let image = stage.image.clone();
    let status = shown(&release);
    assert_eq!(status["container"], "chart-image");
    assert_eq!(status["image"], image);
    assert_eq!(status["written"], "3.0.1");
    assert_eq!(status["policy"], "semver:~3.0");
    assert_eq!(status["newest"], "4.0.0");
    // What git says is as git says it.
    assert_eq!(release.data["spec"]["values"]["image"]["tag"], "3.0.1");
    let event = stage.site.event("web", "ImageUpdated").await;
    assert_eq!(
        event,
        format!("Normal chart-image: {image}:3.0.1 → :3.0.7 (semver:~3.0)")
    );
    assert_eq!(stage.revisions().await, 1);

    // A new tag rolls out by itself, by an upgrade as any other.
    push(&stage.registry, "3.0.10");
    push(&stage.registry, "5.0.0");
    stage.runs("3.0.10").await;
    assert_eq!(stage.revisions().await, 2);

    // A registry that is gone takes nothing back.
    stage.registry.stop().await;
    let release = stage
        .release(|release| conditions(release).contains("ImagesCurrent=False RegistryUnavailable"))
        .await;
    let told = conditions(&release);
    assert!(
        told.contains(&format!("chart-image: {image}:3.0.10 stays: ")),
        "{told}"
    );
    assert!(told.contains("Ready=True"), "{told}");
    let told = stage.explained().await;
    assert!(told.contains("ImagesCurrent=False"), "{told}");
    assert!(told.contains(&format!("{image}:3.0.10 stays: ")), "{told}");
    assert_eq!(shown(&release)["tag"], "3.0.10");
    assert_eq!(stage.installed().await, format!("{image}:3.0.10"));
    assert_eq!(stage.revisions().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_is_wrong_is_refused_and_what_runs_stays() {
    let Some(stage) = Stage::new("semver:~three", &["3.0.1", "9.9.9"]).await else {
        return;
    };
    let refused =
        |release: &DynamicObject| conditions(release).contains("Ready=False ImagePolicyInvalid");
    let told = conditions(&stage.release(refused).await);
    assert!(
        told.contains(
            "metadata.annotations[fluxcd.io/tag.chart-image]: \"~three\" is no range of versions"
        ),
        "{told}"
    );
    assert_eq!(stage.revisions().await, 0);

    stage
        .annotate(json!({"fluxcd.io/tag.chart-image": "semver:~3.0"}))
        .await;
    stage.runs("3.0.1").await;
    push(&stage.registry, "3.0.2");
    stage.runs("3.0.2").await;
    let before = stage.revisions().await;

    stage
        .annotate(json!({"fluxcd.io/tag.chart-image": "regex:("}))
        .await;
    stage.release(refused).await;
    let image = stage.image.clone();
    assert_eq!(stage.installed().await, format!("{image}:3.0.2"));

    // Locked, and with a filter that would take another one.
    let locked = json!({
        "fluxcd.io/tag.chart-image": "semver:>=3",
        "fluxcd.io/locked": "true",
        "fluxcd.io/locked_msg": "until the fair is over",
    });
    stage.annotate(locked).await;
    let release = stage
        .release(|release| conditions(release).contains("ImagesCurrent=Unknown Locked"))
        .await;
    assert_eq!(shown(&release)["tag"], "3.0.2");
    assert_eq!(stage.installed().await, format!("{image}:3.0.2"));
    assert_eq!(stage.revisions().await, before);

    // Without automation it is what is written.
    stage
        .annotate(json!({"fluxcd.io/automated": null, "fluxcd.io/locked": null}))
        .await;
    let release = stage
        .release(|release| {
            let told = conditions(release);
            told.contains("ImagesCurrent=False Over") && told.contains("Ready=True")
        })
        .await;
    assert_eq!(release.data["status"]["images"], Value::Null);
    let mut states = std::pin::pin!(changes(deployments(&stage.site.cluster.client())));
    until(&mut states, |deployment| {
        installed(deployment) == format!("{image}:3.0.1")
    })
    .await;
}
