//! What each test stands on: a namespace of its own, an identity of its own, and the operator's files.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};

use http_body_util::BodyExt as _;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::process::{self, Process, guest, root};
use crate::watching::{changes, conditions, define_as, until};

/// Tests at a time, each with a process of the operator.
const AT_A_TIME: u32 = 4;

/// A permit for each test that runs, and all of them for one that stands alone.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(AT_A_TIME as usize));

/// The kubeconfig that the environment names.
fn real() -> Option<PathBuf> {
    std::env::var_os("OARLOCK_REAL_KUBECONFIG").map(PathBuf::from)
}

/// A test that was not run must not look as if it had passed. Said past the test harness, which keeps what passing tests print.
fn tell_not_run() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let text = "NOT RUN: no real API server; hint: cargo xtask test --real, or cargo xtask cluster up and then \
                    OARLOCK_REAL_KUBECONFIG=$(cargo xtask cluster kubeconfig)\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    });
}

/// The ground of one test.
pub(crate) struct Ground {
    /// The namespace.
    pub(crate) namespace: String,
    /// The administrator.
    pub(crate) client: kube::Client,
    /// The administrator's.
    pub(crate) admin: PathBuf,
    /// The operator's, whose user is [`Ground::user`].
    pub(crate) kubeconfig: PathBuf,
    directory: TempDir,
    _place: SemaphorePermit<'static>,
}

impl Ground {
    /// Among others, named after the test; `None`, said loudly, where there is no real API server.
    pub(crate) async fn new(test: &str) -> Option<Self> {
        Self::with(test, 1).await
    }

    /// While no other test runs.
    pub(crate) async fn alone(test: &str) -> Option<Self> {
        Self::with(test, AT_A_TIME).await
    }

    async fn with(test: &str, places: u32) -> Option<Self> {
        let Some(admin) = real() else {
            tell_not_run();
            return None;
        };
        let place = PLACES.acquire_many(places).await.unwrap();
        let _tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("modules")).unwrap();
        let client = client(&admin).await;
        let namespace = create_namespace(&client, test).await;
        let token = identity(&client, &namespace).await;
        let kubeconfig = directory.path().join("kubeconfig");
        with_token(&admin, &token, &kubeconfig);
        Some(Self {
            namespace,
            client,
            admin,
            kubeconfig,
            directory,
            _place: place,
        })
    }

    /// The operator, as the API server knows it. Its ServiceAccount is elsewhere: it survives the end of the namespace.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:default:{}", self.namespace)
    }

    /// A file of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces the watches file by one entry for the objects of this test: those with its label.
    ///
    /// `grants` is YAML for one line.
    pub(crate) fn watch(&self, kind: (&str, &str, &str), module: &str, grants: &str) {
        let (group, version, kind) = kind;
        let namespace = &self.namespace;
        let text = format!(
            "- group: {group}\n  version: {version}\n  kind: {kind}\n  module: {module}\n  \
             selector: {{matchLabels: {{test: {namespace}}}}}\n  grants: {grants}\n"
        );
        replace(&self.path("watches.yaml"), text.as_bytes());
    }

    /// Replaces a module.
    pub(crate) fn module(&self, name: &str, bytes: &[u8]) {
        replace(&self.path("modules").join(name), bytes);
    }

    /// Starts the operator, which is killed when it is dropped.
    pub(crate) async fn operator(&self) -> Operator {
        self.operator_with(&[]).await
    }

    /// Starts the operator, with more arguments.
    pub(crate) async fn operator_with(&self, more: &[&str]) -> Operator {
        let (watches, modules) = (self.path("watches.yaml"), self.path("modules"));
        let mut args = vec![
            "run",
            "--watches",
            watches.to_str().unwrap(),
            "--modules",
            modules.to_str().unwrap(),
            "--kubeconfig",
            self.kubeconfig.to_str().unwrap(),
            "--metrics-bind-address",
            "127.0.0.1:0",
        ];
        args.extend(more);
        let process = Process::start(&args);
        let line = process.logs("probes and metrics").await;
        let address = line.split("address=").nth(1).unwrap().trim().to_owned();
        Operator {
            http: process::client(&format!("http://{address}")),
            process,
        }
    }

    /// A client of a kind in the namespace.
    pub(crate) fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        Api::namespaced_with(
            self.client.clone(),
            &self.namespace,
            &ApiResource::from_gvk(&gvk),
        )
    }

    /// A client of ConfigMaps in the namespace.
    pub(crate) fn config_maps(&self) -> Api<DynamicObject> {
        self.api("", "v1", "ConfigMap")
    }

    /// One more namespace, and a client of its ConfigMaps.
    pub(crate) async fn elsewhere(&self) -> (String, Api<DynamicObject>) {
        let namespace = create_namespace(&self.client, &self.namespace).await;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
        let config_maps = Api::namespaced_with(self.client.clone(), &namespace, &resource);
        (namespace, config_maps)
    }

    /// Applies an object as a user would, with the label of this test.
    pub(crate) async fn apply(&self, api: &Api<DynamicObject>, mut object: Value) {
        object["metadata"]["labels"]["test"] = json!(self.namespace);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let user = PatchParams::apply("kubectl");
        api.patch(&name, &user, &Patch::Apply(object))
            .await
            .unwrap();
    }

    /// The state of an object for which `wanted` holds, now or later.
    pub(crate) async fn when(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        wanted: impl Fn(&DynamicObject) -> bool,
    ) -> DynamicObject {
        let mut states = std::pin::pin!(changes(api.clone()));
        until(&mut states, |object| {
            object.metadata.name.as_deref() == Some(name) && wanted(object)
        })
        .await
    }

    /// An object's conditions as soon as they are such.
    pub(crate) async fn conditions(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let object = self.when(api, name, |o| wanted(&conditions(o))).await;
        conditions(&object)
    }
}

/// Objects that list other objects: `tests/guests/rust/bundle`.
impl Ground {
    /// Defines Bundles, and has the operator watch those of this test.
    pub(crate) async fn bundles(&self) -> Api<DynamicObject> {
        define(&self.client, "guests.oarlock.dev", "Bundle").await;
        self.watch(
            ("guests.oarlock.dev", "v1", "Bundle"),
            "bundle.wasm",
            "{write: [{apiGroups: ['', apps, batch], resources: [configmaps, deployments, jobs], namespaces: ['*']}, \
             {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles]}]}",
        );
        self.module("bundle.wasm", &guest("bundle.wasm"));
        self.api("guests.oarlock.dev", "v1", "Bundle")
    }

    /// Applies a Bundle of these objects.
    pub(crate) async fn bundle(&self, name: &str, objects: &[Value]) {
        let objects: Vec<Value> = objects
            .iter()
            .map(|object| json!({"manifest": object}))
            .collect();
        self.bundle_of(name, json!(objects)).await;
    }

    /// Applies a Bundle with this list.
    pub(crate) async fn bundle_of(&self, name: &str, objects: Value) {
        let bundle = json!({
            "apiVersion": "guests.oarlock.dev/v1",
            "kind": "Bundle",
            "metadata": {"name": name},
            "spec": {"objects": objects},
        });
        let api = self.api("guests.oarlock.dev", "v1", "Bundle");
        self.apply(&api, bundle).await;
    }

    /// A ConfigMap with one key.
    pub(crate) fn config_map(&self, name: &str, text: &str) -> Value {
        config_map(&self.namespace, name, text)
    }
}

/// A ConfigMap with one key.
pub(crate) fn config_map(namespace: &str, name: &str, text: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"text": text},
    })
}

/// An operator in a process of its own.
pub(crate) struct Operator {
    /// The process.
    pub(crate) process: Process,
    http: kube::Client,
}

impl Operator {
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
}

/// Whether an object is as its module wants it, and was looked at since it was last changed.
pub(crate) fn is_ready(object: &DynamicObject) -> bool {
    let ready = object.data["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    ready.is_some_and(|ready| {
        ready["status"] == "True"
            && ready["observedGeneration"].as_i64() == object.metadata.generation
    })
}

/// Replaces a file by a rename, as editors do.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_file_name(".new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(&new, path).unwrap();
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

/// Defines a namespaced kind whose spec may be anything.
pub(crate) async fn define(client: &kube::Client, group: &str, kind: &str) {
    define_as(client, definition(group, kind)).await;
}

/// A definition of a namespaced kind whose spec may be anything.
pub(crate) fn definition(group: &str, kind: &str) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": anything, "status": anything},
                }},
            }],
        },
    })
}

/// Defines the kind of the greeting guests.
pub(crate) async fn define_greetings(client: &kube::Client) {
    let definition = std::fs::read(root().join("tests/guests/greeting-crd.json")).unwrap();
    define_as(client, serde_json::from_slice(&definition).unwrap()).await;
}

async fn client(kubeconfig: &Path) -> kube::Client {
    let read = Kubeconfig::read_from(kubeconfig).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap();
    // An answer is an answer.
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

async fn create_namespace(client: &kube::Client, test: &str) -> String {
    let gvk = GroupVersionKind::gvk("", "v1", "Namespace");
    let namespaces: Api<DynamicObject> =
        Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk));
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"generateName": format!("{test}-")},
    });
    let created = namespaces
        .create(
            &PostParams::default(),
            &serde_json::from_value(namespace).unwrap(),
        )
        .await
        .unwrap();
    created.metadata.name.unwrap()
}

/// A ServiceAccount of that name that may do everything, and its token.
async fn identity(client: &kube::Client, name: &str) -> String {
    let account = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name},
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("operator-{name}")},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
    });
    let token = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 86_400},
    });
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    post(client, accounts, &account).await;
    post(
        client,
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &binding,
    )
    .await;
    let granted = post(client, &format!("{accounts}/{name}/token"), &token).await;
    granted["status"]["token"].as_str().unwrap().to_owned()
}

async fn post(client: &kube::Client, path: &str, body: &Value) -> Value {
    let request = Request::new(path)
        .create(&PostParams::default(), serde_json::to_vec(body).unwrap())
        .unwrap();
    client.request(request).await.unwrap()
}

/// The same kubeconfig for somebody else.
fn with_token(admin: &Path, token: &str, file: &Path) {
    let text = std::fs::read_to_string(admin).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    std::fs::write(file, config.to_string()).unwrap();
}
