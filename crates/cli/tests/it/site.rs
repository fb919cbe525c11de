//! An operator in a process of its own, with a watches file and modules of its own, on an embedded cluster in another.

use std::path::{Path, PathBuf};

use http_body_util::BodyExt as _;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Cluster, PATIENCE, Process, client, guest, modules};
use crate::rollout::{api, changes, conditions, define_as, until};

/// A directory and a cluster.
pub(crate) struct Site {
    directory: TempDir,
    /// The cluster.
    pub(crate) cluster: Cluster,
}

impl Site {
    /// With neither watches nor modules.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("modules")).unwrap();
        let cluster = Cluster::start(directory.path()).await;
        Self { directory, cluster }
    }

    /// A file of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces the watches file, as editors do: by a rename.
    pub(crate) fn watches(&self, text: &str) {
        replace(&self.path("watches.yaml"), text.as_bytes());
    }

    /// Replaces a module.
    pub(crate) fn module(&self, name: &str, bytes: &[u8]) {
        replace(&self.path("modules").join(name), bytes);
    }

    /// Starts the operator, with more arguments.
    pub(crate) async fn operator_with(&self, more: &[&str]) -> Operator {
        let (watches, modules) = (self.path("watches.yaml"), self.path("modules"));
        let kubeconfig = self.cluster.kubeconfig.clone();
        let mut args = vec![
            "run",
            "--watches",
            watches.to_str().unwrap(),
            "--modules",
            modules.to_str().unwrap(),
            "--metrics-bind-address",
            "127.0.0.1:0",
        ];
        if !more.contains(&"--kubeconfig") {
            args.extend(["--kubeconfig", kubeconfig.to_str().unwrap()]);
        }
        args.extend(more);
        Operator::of(Process::start(&args)).await
    }

    /// Starts the operator.
    pub(crate) async fn operator(&self) -> Operator {
        self.operator_with(&[]).await
    }

    /// Defines a kind of `example.com/v1` whose objects have a size of at most 10.
    pub(crate) async fn define(&self, kind: &str) -> Api<DynamicObject> {
        define_as(&self.cluster.client(), definition(kind)).await;
        api(&self.cluster.client(), "example.com", "v1", kind)
    }

    /// Waits until an object's conditions are such, and has them all.
    pub(crate) async fn conditions(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let mut states = std::pin::pin!(changes(api.clone()));
        let object = until(&mut states, |object| {
            object.metadata.name.as_deref() == Some(name) && wanted(&conditions(object))
        })
        .await;
        conditions(&object)
    }

    /// Waits for an Event of this reason about an object, and has its note.
    pub(crate) async fn event(&self, name: &str, reason: &str) -> String {
        let events = api(&self.cluster.client(), "events.k8s.io", "v1", "Event");
        let mut states = std::pin::pin!(changes(events));
        let event = until(&mut states, |event| {
            event.data["regarding"]["name"] == name && event.data["reason"] == reason
        })
        .await;
        format!(
            "{} {}",
            event.data["type"].as_str().unwrap_or_default(),
            event.data["note"].as_str().unwrap_or_default()
        )
    }
}

/// Whether an object is as its module wants it.
pub(crate) fn is_ready(conditions: &str) -> bool {
    conditions
        .lines()
        .any(|line| line.starts_with("Ready=True"))
}

/// Replaces a file by a rename.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_file_name(".new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(&new, path).unwrap();
}

/// The canary module.
pub(crate) fn canary() -> Vec<u8> {
    std::fs::read(modules().join("canary.wasm")).unwrap()
}

/// A module that wants nothing.
pub(crate) fn nothing() -> Vec<u8> {
    guest("hostile-nothing.wasm")
}

/// The same component with another digest: a custom section at its end says `note`.
pub(crate) fn variant(mut module: Vec<u8>, note: &str) -> Vec<u8> {
    let name = "note";
    let length = 1 + name.len() + note.len();
    assert!(length < 128, "one byte of LEB128");
    module.push(0);
    module.push(u8::try_from(length).unwrap());
    module.push(u8::try_from(name.len()).unwrap());
    module.extend(name.bytes());
    module.extend(note.bytes());
    module
}

/// A definition of `example.com/v1`.
pub(crate) fn definition(kind: &str) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object",
                            "properties": {"size": {"type": "integer", "maximum": 10}},
                        },
                        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    },
                }},
            }],
        },
    })
}

/// Applies an object of `example.com/v1`.
pub(crate) async fn create(api: &Api<DynamicObject>, kind: &str, name: &str) {
    let object = json!({
        "apiVersion": "example.com/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"size": 1},
    });
    api.patch(name, &PatchParams::apply("test"), &Patch::Apply(object))
        .await
        .unwrap();
}

/// An operator in a process of its own.
pub(crate) struct Operator {
    /// The process.
    pub(crate) process: Process,
    http: kube::Client,
}

impl Operator {
    /// The operator in `process`, which tells where its metrics are.
    pub(crate) async fn of(process: Process) -> Self {
        let line = process.logs("probes and metrics").await;
        let address = line.split("address=").nth(1).unwrap().trim().to_owned();
        Self {
            http: client(&format!("http://{address}")),
            process,
        }
    }

    /// What it answers: status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let request = http::Request::get(path)
            .body(kube::client::Body::empty())
            .unwrap();
        let response = self.http.send(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// What it answers to a request with such headers: status, content type and body.
    pub(crate) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
        ask(&self.http, path, headers).await
    }

    /// A metric's value, such as that of `oarlock_module_up{controller="widget.example.com"}`.
    pub(crate) async fn metric(&self, name: &str) -> Option<String> {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200);
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .map(str::to_owned)
    }

    /// Waits until a metric is so: runs are counted when they are filed, a moment after what they wrote can be seen.
    pub(crate) async fn counts(&self, name: &str, wanted: impl Fn(&str) -> bool) {
        let counted = async {
            while !self.metric(name).await.is_some_and(|value| wanted(&value)) {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, counted).await.is_err() {
            panic!("{name} is {:?}", self.metric(name).await);
        }
    }

    /// Whether the module of a kind of `example.com` serves.
    pub(crate) async fn module_up(&self, kind: &str) -> Option<String> {
        self.metric(&format!(
            "oarlock_module_up{{controller=\"{kind}.example.com\"}}"
        ))
        .await
    }
}

/// A GET with such headers: status, content type and body.
pub(crate) async fn ask(
    http: &kube::Client,
    path: &str,
    headers: &[(&str, &str)],
) -> (u16, String, String) {
    let mut request = http::Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(kube::client::Body::empty()).unwrap();
    let response = http.send(request).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()[http::header::CONTENT_TYPE].clone();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (
        status,
        kind.to_str().unwrap().to_owned(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}
