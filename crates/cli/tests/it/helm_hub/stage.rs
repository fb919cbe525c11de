//! `examples/hub`, as its README has it typed: a repository on a server, a cluster, and an operator.

use std::fs;
use std::path::{Path, PathBuf};

use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use serde_json::{Value, json};

use crate::git_origin::{Origin, Server};
use crate::process::{engine_cache, helm_engine, modules, root};
use crate::rollout::{changes, conditions, define_as, until};
use crate::site::{Operator, Site};

/// Where the files of the example say that it is.
const ELSEWHERE: &str = "https://git.example.com";

/// How often the example's repository is asked, in milliseconds.
const POLL: u64 = 300_000;

/// The releases: group, version, namespace and name.
const PROD: Release = Release("flux.weave.works", "v1beta1", "prod", "hub");
const CANARY: Release = Release("flux.weave.works", "v1beta1", "prod", "hub-canary");
const STG: Release = Release("helm.fluxcd.io", "v1", "stg", "hub");

/// Everything that is in the example.
pub(super) fn example() -> PathBuf {
    root().join("examples/hub")
}

/// A release of the example.
#[derive(Clone, Copy)]
pub(super) struct Release(&'static str, &'static str, &'static str, &'static str);

impl Release {
    pub(super) const ALL: [Self; 3] = [PROD, CANARY, STG];
    pub(super) const PROD: Self = PROD;
    pub(super) const CANARY: Self = CANARY;
    pub(super) const STG: Self = STG;
}

/// The example at work.
pub(super) struct Stage {
    site: Site,
    origin: Origin,
    pub(super) server: Server,
    pub(super) operator: Operator,
}

impl Stage {
    /// With the three releases installed. The clock runs as fast as time.
    pub(super) async fn new(arguments: impl FnOnce(&Site, &Server) -> Vec<String>) -> Self {
        let (origin, server) = published().await;
        let here = format!("http://{}", server.address);
        let site = Site::new().await;
        site.cluster.run_clock().await;
        let client = site.cluster.client();
        for name in ["flux.weave.works", "helm.fluxcd.io"] {
            let file = format!("modules/helm/crds/helmreleases.{name}.yaml");
            let text = fs::read_to_string(root().join(file)).unwrap();
            define_as(&client, serde_saphyr::from_str(&text).unwrap()).await;
        }
        for name in ["helm.wasm", "helm-engine.wasm"] {
            site.module(name, &fs::read(modules().join(name)).unwrap());
        }
        let watches = fs::read_to_string(example().join("watches.yaml")).unwrap();
        site.watches(&watches.replace(ELSEWHERE, &here));
        let mut stage = vec![];
        let files = ["namespaces/prod.yaml", "namespaces/stg.yaml"];
        stage.extend(files.map(|file| object(file, &here)));
        for environment in ["prod", "stg"] {
            let secrets = example().join(format!("repository/secrets/{environment}/secrets.yaml"));
            let key = example().join(format!("keys/{environment}.agekey"));
            stage.push(secret(environment, "hub-secrets", "values.yaml", &secrets));
            stage.push(secret(environment, "sops-age", "age.agekey", &key));
        }
        let files = ["prod/hub.yaml", "prod/hub-canary.yaml", "stg/hub.yaml"];
        stage.extend(files.map(|file| object(&format!("releases/{file}"), &here)));
        for object in stage {
            apply(&client, object).await;
        }
        // Compiled once for all tests.
        helm_engine().await;
        let (cache, clock) = (engine_cache(), format!("{}/clock", site.cluster.url));
        let mut all = vec!["--cache-dir".to_owned(), cache.display().to_string()];
        all.extend(["--clock".to_owned(), clock]);
        all.extend(arguments(&site, &server));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let operator = site.operator_with(&all).await;
        let stage = Self {
            site,
            origin,
            server,
            operator,
        };
        for release in Release::ALL {
            stage.told(release, "Ready=True").await;
        }
        stage
    }

    /// Changes a file of a branch, commits and pushes it. Gives the commit.
    pub(super) fn push(&self, branch: &str, file: &str, from: &str, to: &str) -> String {
        self.origin.git(&["checkout", "--quiet", branch]);
        let text = fs::read_to_string(self.origin.path().join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}: {text}");
        self.origin.write(file, &text.replace(from, to));
        let commit = self.origin.commit(&format!("{from} becomes {to}"));
        self.origin.git(&["push", "--quiet", "hub", branch]);
        commit
    }

    /// Lets so much time pass that the repository is asked again.
    pub(super) async fn poll(&self) {
        let now = self.site.cluster.now().await;
        self.site.cluster.advance_to(now + POLL).await;
    }

    /// Questions for what is new that the repository was asked.
    pub(super) fn asked(&self) -> usize {
        self.server.seen("info/refs?service=git-upload-pack")
    }

    fn api(&self, group: &str, version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk(&gvk);
        Api::namespaced_with(self.site.cluster.client(), namespace, &resource)
    }

    /// Waits until a release's conditions have this, and gives them all.
    pub(super) async fn told(&self, release: Release, wanted: &str) -> String {
        let Release(group, version, namespace, name) = release;
        let releases = self.api(group, version, "HelmRelease", namespace);
        let named = |object: &DynamicObject| object.metadata.name.as_deref() == Some(name);
        let mut states = std::pin::pin!(changes(releases));
        let told = until(&mut states, |object| {
            named(object) && conditions(object).contains(wanted)
        });
        conditions(&told.await)
    }

    /// Waits until the proxy of a release runs an image in all of its Pods.
    pub(super) async fn runs(&self, release: Release, image: &str) {
        let Release(.., namespace, name) = release;
        let deployments = self.api("apps", "v1", "Deployment", namespace);
        let name = format!("{name}-proxy");
        let mut states = std::pin::pin!(changes(deployments));
        until(&mut states, |deployment| {
            let (spec, status) = (&deployment.data["spec"], &deployment.data["status"]);
            deployment.metadata.name.as_deref() == Some(&name)
                && spec["template"]["spec"]["containers"][0]["image"] == image
                && status["observedGeneration"].as_i64() == deployment.metadata.generation
                && status["updatedReplicas"] == spec["replicas"]
                && status["availableReplicas"] == spec["replicas"]
                && status["replicas"] == spec["replicas"]
        })
        .await;
    }

    /// Waits until a revision of a release is deployed.
    pub(super) async fn deployed(&self, release: Release, revision: u32) {
        let Release(group, version, namespace, name) = release;
        let releases = self.api(group, version, "HelmRelease", namespace);
        let mut states = std::pin::pin!(changes(releases));
        until(&mut states, |object| {
            let lifecycle = &object.data["status"]["lifecycle"];
            // Written after all records.
            object.metadata.name.as_deref() == Some(name)
                && lifecycle["action"].is_null()
                && lifecycle["history"][0]["version"] == revision
        })
        .await;
    }

    /// What an object has at a pointer.
    pub(super) async fn get(&self, kind: &str, namespace: &str, name: &str, at: &str) -> Value {
        let object = self.api("", "v1", kind, namespace).get(name).await.unwrap();
        object.data.pointer(at).cloned().unwrap_or_default()
    }

    /// The images that answer behind the Service, each with the number of its Pods.
    pub(super) async fn behind(&self, namespace: &str) -> String {
        let selector = self
            .get("Service", namespace, "hub", "/spec/selector")
            .await;
        let labels: Vec<String> = selector
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        let pods = self.api("", "v1", "Pod", namespace);
        let selected = ListParams::default().labels(&labels.join(","));
        let mut images = std::collections::BTreeMap::<String, usize>::new();
        for pod in pods.list(&selected).await.unwrap().items {
            if pod.metadata.deletion_timestamp.is_none() {
                let image = pod.data["spec"]["containers"][0]["image"].as_str();
                *images.entry(image.unwrap().to_owned()).or_default() += 1;
            }
        }
        let images: Vec<String> = images.iter().map(|(i, n)| format!("{n} {i}")).collect();
        images.join(", ")
    }

    /// The records of all releases: name, revision and status.
    pub(super) async fn records(&self, namespace: &str) -> String {
        let secrets = self.api("", "v1", "Secret", namespace);
        let records = ListParams::default().labels("owner=helm");
        let mut all: Vec<String> = Vec::new();
        for record in secrets.list(&records).await.unwrap().items {
            let labels = record.metadata.labels.unwrap();
            all.push(
                ["name", "version", "status"]
                    .map(|l| labels[l].clone())
                    .join(" "),
            );
        }
        all.sort();
        all.join("\n")
    }
}

/// The example's repository with its two branches, pushed to a bare one that a server has.
async fn published() -> (Origin, Server) {
    let origin = Origin::new();
    copy(&example().join("repository"), &origin.path());
    origin.git(&["branch", "--move", "master"]);
    origin.commit("The hub");
    origin.git(&["branch", "canary"]);
    let server = Server::start(origin.root()).await;
    origin.git(&["init", "--quiet", "--bare", "../hub.git"]);
    let pushed = ["-C", "../hub.git", "config", "http.receivepack", "true"];
    origin.git(&pushed);
    let url = format!("http://{}/hub.git", server.address);
    origin.git(&["remote", "add", "hub", &url]);
    origin.git(&["push", "--quiet", "hub", "master", "canary"]);
    (origin, server)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

/// An object of the repository, which is here.
fn object(file: &str, here: &str) -> Value {
    let text = fs::read_to_string(example().join("repository").join(file)).unwrap();
    serde_saphyr::from_str(&text.replace(ELSEWHERE, here)).unwrap()
}

/// What `kubectl create secret generic NAME --from-file=KEY=FILE` makes.
fn secret(namespace: &str, name: &str, key: &str, file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {key: text},
    })
}

async fn apply(client: &kube::Client, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let types = object.types.clone().unwrap();
    let gvk = GroupVersionKind::try_from(types).unwrap();
    let resource = ApiResource::from_gvk(&gvk);
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object.metadata.name.clone().unwrap();
    let apply = PatchParams::apply("kubectl");
    api.patch(&name, &apply, &Patch::Apply(object))
        .await
        .unwrap();
}
