//! A kind that is steered, with objects whose status was written by hand.

use std::process::Output;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::process::oarlock;
use crate::rollout::{api, define_as};
use crate::site::Site;

/// The kind's definition: what a rollout's has, and a schema that drops everything else.
pub(crate) fn definition() -> Value {
    let text = json!({"type": "string"});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout", "shortNames": ["ro"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object",
                            "properties": {
                                "paused": {"type": "boolean"},
                                "control": {"type": "object", "properties": {
                                    "abort": text, "promote": text, "retry": text, "pause": text,
                                }},
                            },
                        },
                        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    },
                }},
            }],
        },
    })
}

/// A site with one such object, called `a`.
pub(crate) struct Steered {
    pub(crate) site: Site,
    pub(crate) rollouts: Api<DynamicObject>,
}

impl Steered {
    pub(crate) async fn new(status: Value) -> Self {
        let site = Site::new().await;
        let client = site.cluster.client();
        define_as(&client, definition()).await;
        let rollouts = api(&client, "example.com", "v1", "Rollout");
        let steered = Self { site, rollouts };
        steered.write("a", json!({}), status).await;
        steered
    }

    /// Writes an object as its user, and its status as its module.
    pub(crate) async fn write(&self, name: &str, spec: Value, status: Value) {
        write(&self.rollouts, name, spec, status).await;
    }

    /// Writes a status, as the module does.
    pub(crate) async fn tell(&self, name: &str, status: Value) {
        tell(&self.rollouts, name, status).await;
    }

    pub(crate) async fn object(&self) -> DynamicObject {
        self.rollouts.get("a").await.unwrap()
    }

    pub(crate) async fn control(&self) -> Value {
        self.object().await.data["spec"]["control"].clone()
    }

    /// Runs a command on the cluster: its status, standard output, and standard error.
    pub(crate) async fn run(&self, command: &[&str]) -> Output {
        let kubeconfig = self.site.cluster.kubeconfig.to_str().unwrap();
        let args = [command, &["--kubeconfig", kubeconfig]].concat();
        oarlock(&args, &self.site.path("modules")).await
    }

    /// All that a command says when it succeeds: standard output before standard error.
    pub(crate) async fn done(&self, command: &[&str]) -> String {
        let output = self.run(command).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{command:?}: {out}{err}");
        format!("{out}{err}")
    }

    /// What a command writes to standard error when it fails.
    pub(crate) async fn refused(&self, command: &[&str]) -> String {
        let output = self.run(command).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{err}");
        err
    }
}

/// Writes an object as its user, and its status as its module.
pub(crate) async fn write(rollouts: &Api<DynamicObject>, name: &str, spec: Value, status: Value) {
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Rollout", "metadata": {"name": name}, "spec": spec,
    });
    let user = PatchParams::apply("kubectl");
    let applied = rollouts.patch(name, &user, &Patch::Apply(object)).await;
    drop(applied.unwrap());
    tell(rollouts, name, status).await;
}

async fn tell(rollouts: &Api<DynamicObject>, name: &str, status: Value) {
    let patch = Patch::Merge(json!({"status": status}));
    let params = PatchParams::default();
    let told = rollouts.patch_status(name, &params, &patch).await;
    drop(told.unwrap());
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
