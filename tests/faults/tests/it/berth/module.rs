//! The module.

use std::sync::Arc;

use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_core::outcome::{
    Child, Children, Condition, ConditionStatus, Failure, OnLeave, Outcome, Owner, Propagation,
    Removal, Requeue, Write,
};
use oarlock_core::reconciler::{Host, HttpRequest, Reconciler, RunError};
use oarlock_core::reference::{Digest, Gvk, ObjectRef};
use oarlock_core::request::Request;
use serde_json::{Map, Value, json};

pub(super) const FINALIZER: &str = "faults.oarlock.dev/berth";
const HARBOUR: &str = "http://harbour.test/berths";

pub(super) struct Berth {
    manifest: Manifest,
    digest: Digest,
}

type Answer = Result<Outcome, RunError>;

/// One run.
struct Run {
    object: Value,
    host: Arc<dyn Host>,
}

impl Berth {
    pub(super) fn new() -> Self {
        let grant = |group: &str, resources: &[&str]| ResourceGrant {
            api_groups: vec![group.to_owned()],
            resources: resources.iter().map(|r| (*r).to_owned()).collect(),
            ..ResourceGrant::default()
        };
        Self {
            manifest: Manifest {
                name: "berth".to_owned(),
                version: "1.0.0".to_owned(),
                crds: Vec::new(),
                finalizer: Some(FINALIZER.to_owned()),
                writes: vec![
                    grant("", &["configmaps", "services"]),
                    grant("rbac.authorization.k8s.io", &["clusterroles"]),
                    grant("batch", &["jobs"]),
                ],
                reads: vec![grant("", &["configmaps"])],
                http: vec!["http://harbour.test".to_owned()],
            },
            digest: Digest::of(b"berth"),
        }
    }
}

impl Reconciler for Berth {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        _: Limits,
    ) -> BoxFuture<'a, Answer> {
        let run = Run {
            object: request.object.to_value(),
            host,
        };
        Box::pin(async move {
            if request.deleting {
                run.leave().await
            } else {
                run.stay().await
            }
        })
    }
}

impl Run {
    fn name(&self) -> &str {
        super::rules::name(&self.object)
    }

    fn text(&self, pointer: &str) -> &str {
        let value = self.object.pointer(pointer);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    async fn stay(&self) -> Answer {
        let task = self.text("/spec/task");
        let mut status = json!({"parts": self.object["spec"]["parts"]});
        // The last intent counts, not what was last heard to be done: the world outside may know of it already.
        if self.text("/status/intent/task") != task {
            let key = format!(
                "{}/{}",
                self.text("/metadata/uid"),
                self.object["metadata"]["generation"]
            );
            return Ok(Outcome {
                status: map(json!({"intent": {"key": key, "task": task}})),
                requeue: Requeue::OnceWritten,
                ..Outcome::nothing()
            });
        }
        let key = self.text("/status/intent/key");
        if self.text("/status/done/key") != key {
            self.send("POST", HARBOUR.to_owned(), key, task).await?;
            status["done"] = json!({"key": key, "task": task});
        }
        let input = self.read("input").await?;
        let input = input.as_ref().map_or("none", |input| {
            input["data"]["input"].as_str().unwrap_or("nothing")
        });
        let ran = self.children().await?.iter().any(|child| {
            super::rules::name(child) == self.job() && child["status"]["succeeded"] == 1
        });
        let ready = if ran {
            condition(ConditionStatus::True, "Moored", "all is in place")
        } else {
            condition(ConditionStatus::False, "Migrating", "the Job runs")
        };
        Ok(Outcome {
            children: Children::Exactly(self.wanted(input)),
            status: map(status),
            conditions: vec![ready],
            ..Outcome::nothing()
        })
    }

    fn job(&self) -> String {
        format!("{}-migrate-{}", self.name(), self.text("/spec/task"))
    }

    /// What there shall be, in order.
    fn wanted(&self, input: &str) -> Vec<Child> {
        let (name, color) = (self.name(), self.text("/spec/color"));
        let config = json!({"color": color, "input": input});
        let ports = json!({"selector": {"berth": name}, "ports": [{"port": 80}]});
        let container = json!({"name": "migrate", "image": "busybox"});
        let job = json!({"template": {"spec": {
            "restartPolicy": "Never", "containers": [container]}}});
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        let mut children = vec![
            owned(map_named(&format!("{name}-config"), "default", config)),
            owned(json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": name, "namespace": "default"}, "spec": ports})),
            owned(
                json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": format!("berth-{name}")}, "rules": rules}),
            ),
            owned(map_named(
                &format!("{name}-notice"),
                "kube-public",
                json!({"color": color}),
            )),
        ];
        let mut frozen = map_named(
            &format!("{name}-frozen"),
            "default",
            json!({"color": color}),
        );
        frozen["immutable"] = true.into();
        children.push(Child {
            write: Write::Recreate,
            ..owned(frozen)
        });
        children.push(Child {
            owner: Owner::Unowned,
            write: Write::Share,
            on_leave: OnLeave::Restore(map(json!({"data": {"mode": "user"}})).unwrap_or_default()),
            ..owned(map_named("shared", "default", json!({"mode": color})))
        });
        // Whose it is in truth is not for this module to say: what others hold is theirs.
        children.push(Child {
            owner: Owner::Unowned,
            force: false,
            ..owned(map_named(
                &format!("{name}-registry"),
                "default",
                json!({"berth": name}),
            ))
        });
        children.push(Child {
            write: Write::Create,
            force: false,
            ..owned(json!({"apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": self.job(), "namespace": "default"}, "spec": job}))
        });
        let parts = self.object["spec"]["parts"].as_u64().unwrap_or(0);
        children.extend((0..parts).map(|number| {
            let data = json!({"part": number.to_string()});
            owned(map_named(&format!("{name}-part-{number}"), "default", data))
        }));
        children
    }

    async fn leave(&self) -> Answer {
        let key = self.text("/status/release/key");
        if key.is_empty() {
            let key = format!("{}/release", self.text("/metadata/uid"));
            return Ok(Outcome {
                status: map(json!({"release": {"key": key}})),
                requeue: Requeue::OnceWritten,
                ..Outcome::nothing()
            });
        }
        if self.object["status"]["release"]["sent"] != true {
            let url = format!("{HARBOUR}/{}", self.name());
            self.send("DELETE", url, key, "").await?;
            return Ok(Outcome {
                status: map(json!({"release": {"sent": true}})),
                requeue: Requeue::OnceWritten,
                ..Outcome::nothing()
            });
        }
        let registry = format!("{}-registry", self.name());
        let there = self.read(&registry).await?.is_some();
        let left = self.children().await?;
        Ok(Outcome {
            children: Children::Exactly(Vec::new()),
            removals: vec![Removal {
                target: config_map(&registry),
                uid: None,
                propagation: Propagation::Background,
            }],
            finalized: left.is_empty() && !there,
            ..Outcome::nothing()
        })
    }

    async fn read(&self, name: &str) -> Result<Option<Value>, RunError> {
        let found = self.host.get(config_map(name), None).await;
        let found = found.map_err(|error| Failure::Retry(error.to_string()))?;
        Ok(found.as_ref().map(Json::to_value))
    }

    async fn children(&self) -> Result<Vec<Value>, RunError> {
        let children = self.host.children().await;
        let children = children.map_err(|error| Failure::Retry(error.to_string()))?;
        Ok(children.iter().map(Json::to_value).collect())
    }

    async fn send(&self, method: &str, url: String, key: &str, body: &str) -> Result<(), RunError> {
        let request = HttpRequest {
            method: method.to_owned(),
            url,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            timeout: None,
            ca_bundle: None,
            insecure_skip_tls_verify: false,
            auth: None,
            effect: Some(key.to_owned()),
        };
        let answer = self.host.send(request).await;
        let answer = answer.map_err(|error| Failure::Retry(error.to_string()))?;
        if answer.status == 200 {
            Ok(())
        } else {
            let why = format!("the harbour answers {}", answer.status);
            Err(Failure::Retry(why).into())
        }
    }
}

fn condition(status: ConditionStatus, reason: &str, message: &str) -> Condition {
    Condition {
        kind: "Ready".to_owned(),
        status,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn config_map(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("default"), name)
}

fn map_named(name: &str, namespace: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace}, "data": data})
}

fn map(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// What people change by hand is put back.
fn owned(object: Value) -> Child {
    Child {
        force: true,
        ..Child::owned(Object::from_value(object).unwrap())
    }
}
