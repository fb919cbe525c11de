//! The examples, steered and explained from the command line, as their READMEs do it.

use std::path::PathBuf;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::process::{Process, client, modules, oarlock, root};
use crate::rights::{apply, documents};
use crate::rollout::{changes, define_as, until};
use crate::steered::text;

/// An object of an example.
#[derive(Clone, Copy)]
struct Subject {
    /// The folder.
    folder: &'static str,
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    namespace: &'static str,
    name: &'static str,
    /// On a command line.
    word: &'static str,
}

const PODINFO: Subject = Subject {
    folder: "examples/canary",
    group: "flagger.app",
    version: "v1alpha3",
    kind: "Canary",
    namespace: "prod",
    name: "podinfo",
    word: "canaries.flagger.app/podinfo",
};

const NGINX: Subject = Subject {
    folder: "examples/deployer",
    group: "deploy.example.com",
    version: "v1alpha1",
    kind: "Deployer",
    namespace: "default",
    name: "nginx",
    word: "deployer/nginx",
};

/// `oarlock dev` with an example in it.
struct Example {
    home: tempfile::TempDir,
    kubeconfig: PathBuf,
    client: kube::Client,
    subject: Subject,
    _process: Process,
}

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

impl Example {
    async fn new(subject: Subject) -> Self {
        let home = tempfile::tempdir().unwrap();
        let kubeconfig = home.path().join("kubeconfig");
        let watches = root().join(subject.folder).join("watches.yaml");
        let modules = modules();
        let mut process = Process::start(&[
            "dev",
            "--watches",
            watches.to_str().unwrap(),
            "--modules",
            modules.to_str().unwrap(),
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
            "--ready-after",
            "0",
            "--speed",
            "4",
        ]);
        let client = client(&process.says("cluster").await);
        process.says("look").await;
        Self {
            home,
            kubeconfig,
            client,
            subject,
            _process: process,
        }
    }

    /// `kubectl apply -f`.
    async fn apply(&self, name: &str) {
        let path = format!("{}/{name}", self.subject.folder);
        let mut objects = documents(&file(&path));
        for object in &mut objects {
            if object["metadata"]["namespace"].is_null() && object["kind"] != "Namespace" {
                object["metadata"]["namespace"] = json!(self.subject.namespace);
            }
        }
        apply(&self.client, &objects, false).await;
    }

    fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = ApiResource::from_gvk(&gvk);
        Api::namespaced_with(self.client.clone(), self.subject.namespace, &resource)
    }

    /// Waits until the object's status is such.
    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let Subject {
            group,
            version,
            kind,
            name,
            ..
        } = self.subject;
        let mut states = std::pin::pin!(changes(self.api(group, version, kind)));
        let object = until(&mut states, |object| {
            object.metadata.name.as_deref() == Some(name) && wanted(&object.data["status"])
        });
        object.await.data["status"].clone()
    }

    /// A command of the README for the object, and what it says.
    async fn run(&self, command: &str, more: &str) -> String {
        let kubeconfig = self.kubeconfig.to_str().unwrap();
        let mut args = vec![command, self.subject.word];
        args.extend(more.split_whitespace());
        args.extend(["-n", self.subject.namespace, "--kubeconfig", kubeconfig]);
        let output = oarlock(&args, self.home.path()).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {out}{err}");
        format!("{out}{err}")
    }
}

/// Podinfo, held by its Canary, and another version of it.
async fn podinfo() -> Example {
    let example = Example::new(PODINFO).await;
    let definition = file("modules/canary/crds/flagger.app/canaries.yaml");
    let definition = serde_saphyr::from_str(&definition).unwrap();
    define_as(&example.client, definition).await;
    example.apply("podinfo.yaml").await;
    example.apply("canary.yaml").await;
    // Nothing is given up by itself, however long the commands take.
    let patient = json!({"spec": {"canaryAnalysis": {"threshold": 100_000}}});
    let canaries = example.api(PODINFO.group, PODINFO.version, PODINFO.kind);
    let params = PatchParams::default();
    let patched = canaries
        .patch("podinfo", &params, &Patch::Merge(patient))
        .await;
    drop(patched.unwrap());
    example
        .until(|status| status["phase"] == "Initialized")
        .await;
    let patch = json!({"spec": {"template": {"spec": {"containers": [{
        "name": "podinfo", "image": "stefanprodan/podinfo:3.1.1",
    }]}}}});
    let params = PatchParams {
        field_manager: Some("kubectl-set".to_owned()),
        ..PatchParams::default()
    };
    let deployments = example.api("apps", "v1", "Deployment");
    let patch = Patch::Strategic(patch);
    let patched = deployments.patch("podinfo", &params, &patch).await;
    drop(patched.unwrap());
    example
}

/// Without revisions, which are hashes.
fn plain(told: &str, status: &Value) -> String {
    let mut told = told.to_owned();
    for (field, word) in [("currentRevision", "NEW"), ("stableRevision", "OLD")] {
        told = told.replace(status[field].as_str().unwrap(), word);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_is_steered_and_explained() {
    let example = podinfo().await;
    // There is no Prometheus: nothing goes on by itself, and nothing is given up at once.
    let held = example
        .until(|status| {
            status["why"]["inputs"]
                .to_string()
                .contains("metric request-success-rate")
        })
        .await;
    assert_eq!(held["currentStep"], 1);
    let told = example.run("explain", "").await;
    for part in [
        "Canary prod/podinfo: Progressing, step 1",
        "metric request-success-rate",
        "podinfo-stable  stable",
        "decided again in ",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
    let told = example.run("promote", "").await;
    insta::assert_snapshot!(plain(&told, &held), @r"
    Canary prod/podinfo: NEW is promoted past step 1
    It goes on without what step 1 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort canaries.flagger.app/podinfo -n prod` gives NEW up, and OLD serves again
    ");
    example.until(|status| status["currentStep"] == 2).await;

    let told = example.run("abort", "--reason example").await;
    insta::assert_snapshot!(plain(&told, &held), @r"
    Canary prod/podinfo: NEW is given up
    OLD grows to all replicas, then NEW shrinks. It is not tried again until its template changes or somebody retries
    Undo: `oarlock retry canaries.flagger.app/podinfo -n prod` rolls NEW out again, from its first step
    ");
    let status = example.until(|status| status["phase"] == "Failed").await;
    assert_eq!(
        status["rejectedRevisions"],
        json!([held["currentRevision"]])
    );
    example.run("retry", "").await;
    example
        .until(|status| {
            status["phase"] == "Progressing"
                && status["rejectedRevisions"]
                    .as_array()
                    .is_none_or(Vec::is_empty)
        })
        .await;
    example.run("pause", "").await;
    let paused = |status: &Value| {
        let conditions = status["conditions"].as_array();
        let paused = |c: &Value| c["type"] == "Paused" && c["status"] == "True";
        conditions.is_some_and(|all| all.iter().any(paused))
    };
    example.until(paused).await;
    example.run("resume", "").await;
    example.until(|status| !paused(status)).await;

    example.run("promote", "--full").await;
    let done = example.until(|status| status["phase"] == "Succeeded").await;
    assert_eq!(done["stableRevision"], held["currentRevision"]);
    let told = example.run("explain", "").await;
    assert!(told.starts_with("Canary prod/podinfo: Succeeded"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployer_is_steered_and_explained() {
    let example = Example::new(NGINX).await;
    example.apply("deployer.yaml").await;
    example.until(|status| status["phase"] == "Stable").await;
    let api = example.api(NGINX.group, NGINX.version, NGINX.kind);
    // Nothing goes on by itself, however long the commands take.
    let version = json!({"spec": {
        "deployment": {"version": "1.7.8"},
        "steps": [{"percent": 10, "pause": true}, {"percent": 50, "pause": true}, {"percent": 100}],
    }});
    let params = PatchParams::default();
    let patched = api.patch("nginx", &params, &Patch::Merge(version)).await;
    drop(patched.unwrap());
    let waiting = |step: u64| {
        move |status: &Value| status["currentStep"] == step && status["phase"] == "Waiting"
    };
    let first = example.until(waiting(1)).await;
    let told = example.run("explain", "").await;
    assert!(
        told.starts_with("Deployer default/nginx: Waiting, step 1"),
        "{told}"
    );
    assert!(
        told.contains("decided again when something changes"),
        "{told}"
    );
    let told = example.run("promote", "").await;
    insta::assert_snapshot!(plain(&told, &first), @r"
    Deployer default/nginx: NEW is promoted past step 1
    It goes on without what step 1 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort deployers.deploy.example.com/nginx -n default` gives NEW up, and OLD serves again
    ");
    example.until(waiting(2)).await;
    example.run("pause", "").await;
    example.run("resume", "").await;
    example.run("abort", "").await;
    let rejected =
        |status: &Value| status["rejectedRevisions"] == json!([first["currentRevision"]]);
    example.until(rejected).await;
    example.run("retry", "").await;
    example
        .until(|status| status["rejectedRevisions"].is_null() && status["currentStep"] == 1)
        .await;
    example.run("promote", "--full").await;
    let done = example.until(|status| {
        status["phase"] == "Stable" && status["stableRevision"] == first["currentRevision"]
    });
    let done = done.await;
    assert_eq!(done["history"][0]["outcome"], "Promoted");
}
