//! The operator with the rights that `oarlock rbac` prints, and no more, on an embedded cluster that checks them.

use std::path::PathBuf;
use std::sync::Arc;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, Rbac, VirtualClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{Process, modules, oarlock, root};
use crate::rights::{apply, deployment, documents, forbidden, generated, token};
use crate::rollout::{
    change_version, changes, condition, define, deployers, manifest, ready_at, until,
};
use crate::site::canary;

const WATCHES: &str = "- group: deploy.example.com\n  version: v1alpha1\n  kind: Deployer\n  module: canary.wasm\n  grants:\n    \
                       write: [{apiGroups: [apps], resources: [deployments]}]\n";

/// A cluster that checks rights, and an operator's files.
struct Guarded {
    directory: TempDir,
    cluster: DevCluster,
    url: String,
    _serving: AbortOnDropHandle<()>,
}

impl Guarded {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("modules")).unwrap();
        std::fs::write(directory.path().join("modules/canary.wasm"), canary()).unwrap();
        std::fs::write(directory.path().join("watches.yaml"), WATCHES).unwrap();
        // Fast: a rollout takes two minutes by its clock.
        let start = Timestamp::parse_rfc3339("2026-11-02T09:00:00Z").unwrap();
        let clock = Arc::new(VirtualClock::new(start, 60.0));
        let rbac = Rbac::new().enforcing_owner_references();
        let cluster = DevCluster::builder().clock(clock).rbac(rbac).start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = cluster.clone();
        let serving = tokio::spawn(async move {
            served
                .serve(listener, CancellationToken::new())
                .await
                .unwrap();
        });
        let admin = cluster.client();
        define(&admin).await;
        Self {
            directory,
            cluster,
            url,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The rights that are printed with these arguments.
    async fn rights(&self, more: &[&str]) -> Vec<Value> {
        let mut args = vec!["watches.yaml", "--service-account", "kube-system/oarlock"];
        args.extend(more);
        generated(self.directory.path(), &args).await
    }

    /// Starts the operator as its ServiceAccount.
    async fn operator(&self, more: &[&str]) -> Process {
        let token = token(&self.cluster.client(), "kube-system", "oarlock").await;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "kube-system"}}],
        });
        let kubeconfig = self.path("kubeconfig");
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        let (watches, modules) = (self.path("watches.yaml"), self.path("modules"));
        let clock = format!("{}/clock", self.url);
        let mut args = vec![
            "run",
            "--watches",
            watches.to_str().unwrap(),
            "--modules",
            modules.to_str().unwrap(),
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--clock",
            &clock,
            "--metrics-bind-address",
            "127.0.0.1:0",
        ];
        args.extend(more);
        let process = Process::start(&args);
        process.logs("serving canary").await;
        process
    }

    fn deployers(&self) -> Api<DynamicObject> {
        deployers(&self.cluster.client())
    }

    async fn apply_deployer(&self) {
        let mut deployer = manifest("deployer.yaml");
        deployer["metadata"]["namespace"] = json!("default");
        self.deployers()
            .patch(
                "nginx",
                &PatchParams::apply("kubectl"),
                &Patch::Apply(deployer),
            )
            .await
            .unwrap();
    }

    /// Two versions, one after the other.
    async fn roll_out(&self) {
        self.apply_deployer().await;
        let mut states = std::pin::pin!(changes(self.deployers()));
        until(&mut states, |d| ready_at(d, "1.7.7")).await;
        change_version(&self.cluster.client(), "1.7.8").await;
        until(&mut states, |d| ready_at(d, "1.7.8")).await;
    }
}

async fn metrics(operator: &Process) -> String {
    let line = operator.logs("probes and metrics").await;
    let address = line.split("address=").nth(1).unwrap().trim().to_owned();
    let client = crate::process::client(&format!("http://{address}"));
    let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
    client.request_text(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_works_with_exactly_the_generated_rights() {
    let site = Guarded::new().await;
    let rights = site.rights(&["--leader-elect"]).await;
    apply(&site.cluster.client(), &rights, false).await;
    let operator = site.operator(&["--leader-elect"]).await;
    site.roll_out().await;
    let metrics = metrics(&operator).await;
    assert_eq!(
        forbidden(&metrics),
        Vec::<&str>::new(),
        "{}",
        operator.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_namespace_roles_of_that_namespace_are_enough() {
    let site = Guarded::new().await;
    let rights = site.rights(&["--watch-namespace", "default"]).await;
    assert!(
        rights.iter().all(|object| object["kind"] != "ClusterRole"),
        "{rights:#?}"
    );
    apply(&site.cluster.client(), &rights, false).await;
    let operator = site.operator(&["--watch-namespace", "default"]).await;
    site.roll_out().await;
    // Definitions cannot be watched with them: that is asked once, and then they are polled.
    let metrics = metrics(&operator).await;
    let forbidden = forbidden(&metrics);
    assert!(forbidden.len() <= 1, "{forbidden:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_right_the_object_says_which_is_missing() {
    let site = Guarded::new().await;
    let mut rights = site.rights(&[]).await;
    for object in &mut rights {
        let rules = object.get_mut("rules").and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten() {
            if rule["resources"] == json!(["deployments"]) {
                rule["verbs"] = json!(["list", "watch", "get", "patch"]);
            }
        }
    }
    apply(&site.cluster.client(), &rights, false).await;
    let _operator = site.operator(&[]).await;
    site.apply_deployer().await;
    let mut states = std::pin::pin!(changes(site.deployers()));
    let deployer = until(&mut states, |d| condition(d, "Ready") == "False").await;
    let shown = crate::rollout::conditions(&deployer);
    assert!(
        shown.contains("deployments.apps \"nginx-1.7.7\" is forbidden"),
        "{shown}"
    );
}

#[tokio::test]
async fn the_rights_of_the_example_are_printed_with_reasons() {
    let modules = modules();
    let args = [
        "rbac",
        "deploy/watches.yaml",
        "--leader-elect",
        "--modules",
        modules.to_str().unwrap(),
    ];
    let output = oarlock(&args, &root()).await;
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "",
        "nothing is to be said about them"
    );
    let file = root().join("deploy/rbac.yaml");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &printed).unwrap();
    }
    let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        checked_in == printed,
        "deploy/rbac.yaml is out of date; run this test with UPDATE=1; it would be:\n{printed}"
    );
    assert!(documents(&printed).len() >= 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployment_would_be_accepted() {
    let cluster = DevCluster::builder().start();
    let client = cluster.client();
    let objects = deployment(&root());
    apply(&client, &objects[..1], false).await;
    apply(&client, &objects, true).await;
    // Nobody who reads the files is to wonder: what they mount is there, and the flags are known.
    let container = objects
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .map(|object| object["spec"]["template"]["spec"]["containers"][0].clone())
        .unwrap();
    let args: Vec<&str> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| arg.as_str().unwrap())
        .collect();
    let mut asked = args.clone();
    asked.push("--help");
    let output = oarlock(&asked, &root()).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
