//! A world with one release in it, and the charts that it may be of.

use std::collections::BTreeMap;

use oarlock_sdk::artifacts::{Artifact, Source};
use oarlock_sdk::testing::{Packages, World};
use oarlock_sdk::{AnyObject, Context, Failure, KindInfo, ObjectRef, Outcome, Requeue, json};
use serde_json::Value;

use crate::record::Record;
use crate::run::engine::scripted::{self, Scripted};
use crate::run::engine::{self, Rendered, Request};
use crate::run::reconcile;
use crate::storage;

pub(super) const URL: &str = "https://charts.example";

pub(super) struct Site {
    pub(super) world: World,
    pub(super) engine: Scripted,
    /// Single effects until the operator is killed.
    fuse: Option<usize>,
}

/// The definition in `crds/` of 3.0.0.
const WIDGETS: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.demo.example.com
spec:
  group: demo.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
    - {name: v1, served: true, storage: true}
";

pub(super) fn kind(api_version: &str, kind: &str, namespaced: bool) -> KindInfo {
    KindInfo {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced,
    }
}

/// What the chart of a version has beside its Deployment.
fn template(version: &'static str, request: &Request) -> Rendered {
    let values = match request.values.as_slice() {
        [engine::ValueSource::Json(values)] => values.clone(),
        other => panic!("values that nobody merged: {other:?}"),
    };
    let text = |key: &str| values.get(key).and_then(Value::as_str).unwrap_or_default();
    let object = |kind: &str, name: &str, rest: &str| {
        let api_version = match kind {
            "Deployment" => "apps/v1",
            "Job" => "batch/v1",
            "Widget" => "demo.example.com/v1",
            _ => "v1",
        };
        let content =
            format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n{rest}");
        scripted::document(kind, name, &content)
    };
    let mut documents = Vec::new();
    if version != "2.0.0" {
        documents.push(object("Service", "old", ""));
    }
    documents.push(object(
        "Deployment",
        "web",
        &format!(
            "spec:\n  replicas: 2\n  version: {version}\n  text: '{}'\n",
            text("text")
        ),
    ));
    if version == "3.0.0" {
        documents.push(object("Widget", "one", ""));
    }
    if values.contains_key("large") {
        let noise: Vec<String> = (0..200_000_u32)
            .map(|n| format!("{:08x}", n.wrapping_mul(0x9e37_79b9)))
            .collect();
        let data = format!("data:\n  noise: {}\n", noise.concat());
        documents.push(object("ConfigMap", "large", &data));
    }
    if values.contains_key("kept") {
        let kept = "  annotations:\n    helm.sh/resource-policy: keep\n";
        documents.insert(0, object("Secret", "kept", kept));
    }
    let hooks = text("hooks").split(',').filter(|event| !event.is_empty());
    let hooks = hooks.map(|event| {
        let name = format!("{event}-job");
        let document = object(
            "Job",
            &name,
            &format!("  annotations:\n    helm.sh/hook: {event}\n"),
        );
        scripted::hook("Job", &name, event, &document.content)
    });
    Rendered {
        hooks: hooks.collect(),
        documents,
        notes: format!("{} of {version}", request.name),
        random: values.contains_key("random"),
        ..Rendered::default()
    }
}

impl Site {
    /// A release of the first Flux, of the chart `web` 1.0.0, with what `spec` says besides.
    pub(super) fn new(spec: Value) -> Self {
        let mut wish = json!({
            "releaseName": "web",
            "chart": {"repository": URL, "name": "web", "version": "1.0.0"},
        });
        oarlock_sdk::merge_patch::apply(&mut wish, &spec);
        Self::of(json!({
            "apiVersion": "helm.fluxcd.io/v1",
            "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": wish,
        }))
    }

    /// A release that today's Flux describes.
    pub(super) fn flux(spec: Value) -> Self {
        let mut wish = json!({
            "interval": "1h",
            "timeout": "1m",
            "chart": {"spec": {
                "chart": "web",
                "version": "1.0.0",
                "sourceRef": {"kind": "HelmRepository", "name": "charts"},
            }},
        });
        oarlock_sdk::merge_patch::apply(&mut wish, &spec);
        let mut site = Self::of(json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": wish,
        }));
        site.world.foreign(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "HelmRepository",
            "metadata": {"name": "charts", "namespace": "shop"},
            "spec": {"url": URL, "interval": "5m"},
        }));
        site
    }

    fn of(object: Value) -> Self {
        let mut world = World::new(object);
        for (api_version, of, namespaced) in [
            ("v1", "Secret", true),
            ("v1", "ConfigMap", true),
            ("v1", "Service", true),
            ("v1", "Namespace", false),
            ("apps/v1", "Deployment", true),
            ("batch/v1", "Job", true),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition", false),
        ] {
            world.serves(kind(api_version, of, namespaced));
        }
        let mut packages = Packages::new();
        let mut engine = Scripted::new();
        for version in ["1.0.0", "1.1.0", "2.0.0", "3.0.0"] {
            let digest = format!("sha256:{version}");
            packages = packages.package(
                Source::Repository {
                    url: URL.to_owned(),
                    chart: "web".to_owned(),
                    version: version.to_owned(),
                },
                Artifact {
                    digest: digest.clone(),
                    name: "web".to_owned(),
                    version: version.to_owned(),
                    revision: version.to_owned(),
                    origin: URL.to_owned(),
                },
                Vec::new(),
            );
            engine = engine.chart(&digest, "web", version, move |request| {
                Ok(template(version, request))
            });
        }
        let engine = engine.crd("sha256:3.0.0", WIDGETS);
        world.packages(packages);
        Self {
            world,
            engine,
            fuse: None,
        }
    }

    pub(super) fn call(&self) -> Result<Outcome, Failure> {
        let run = |object: AnyObject, cx: &Context| reconcile(&object, cx, &self.engine, None);
        self.world.call(run)
    }

    /// The operator is killed after so many effects, once.
    pub(super) fn fuse(&mut self, effects: usize) {
        self.fuse = Some(effects);
    }

    /// Whether it was.
    pub(super) fn is_burnt(&self) -> bool {
        self.fuse.is_none()
    }

    fn perform(&mut self, outcome: &Outcome) -> bool {
        let Some(left) = self.fuse else {
            return self.world.perform(outcome, usize::MAX);
        };
        let steps = outcome.exactly().unwrap().len() + outcome.removals().len() + 1;
        if steps <= left {
            self.fuse = Some(left - steps);
            return self.world.perform(outcome, usize::MAX);
        }
        self.fuse = None;
        self.world.perform(outcome, left);
        true
    }

    /// One run. Tells whether anything changed.
    pub(super) fn run(&mut self) -> bool {
        let outcome = self.call().unwrap();
        self.world.perform(&outcome, usize::MAX)
    }

    /// Carries one outcome out, and Jobs end.
    pub(super) fn settle_once(&mut self, outcome: &Outcome) {
        self.world.perform(outcome, usize::MAX);
        self.finish_jobs();
    }

    /// Runs until nothing is to be done before time passes.
    pub(super) fn settle(&mut self) {
        for _ in 0..60 {
            self.finish_jobs();
            let outcome = self.call().unwrap();
            let changed = self.perform(&outcome);
            if self.world.is_gone()
                || !changed
                    && self.world.refusal().is_none()
                    && outcome.when() != Requeue::OnceWritten
            {
                return;
            }
        }
        panic!("it never settles: {:#}", self.world.status());
    }

    /// Jobs are done as soon as somebody looks away.
    fn finish_jobs(&mut self) {
        self.world.each_object(|object| {
            if object["kind"] == "Job" && object["status"].is_null() {
                let failed = object["metadata"]["annotations"]["fails"] == "true";
                let kind = if failed { "Failed" } else { "Complete" };
                object["status"] =
                    json!({"conditions": [{"type": kind, "status": "True", "reason": "Test"}]});
            }
        });
    }

    pub(super) fn upgrade(&mut self, version: &str) {
        let spec = match self.world.object()["apiVersion"].as_str() {
            Some("helm.fluxcd.io/v1") => json!({"chart": {"version": version}}),
            _ => json!({"chart": {"spec": {"version": version}}}),
        };
        self.world.edit(json!({"spec": spec}));
    }

    /// `REVISION STATE`, oldest first.
    pub(super) fn history(&self) -> String {
        let all: BTreeMap<u64, &str> = self
            .world
            .objects()
            .filter(|object| object["metadata"]["labels"]["owner"] == "helm")
            .map(|secret| {
                let label = |key: &str| secret["metadata"]["labels"][key].as_str().unwrap();
                (label("version").parse().unwrap(), label("status"))
            })
            .collect();
        let all: Vec<String> = all.iter().map(|(v, s)| format!("{v} {s}")).collect();
        all.join(", ")
    }

    pub(super) fn secret(&self, name: &str) -> ObjectRef {
        ObjectRef::new("v1", "Secret", name).in_namespace("shop")
    }

    pub(super) fn record(&self, version: u32) -> Record {
        let target = self.secret(&storage::secret_name("web", version));
        let secret = self.world.live(&target).unwrap().to_string();
        storage::record(&secret, |_| None).unwrap()
    }

    /// All but Secrets of records, as `Kind name`.
    pub(super) fn objects(&self) -> Vec<String> {
        let all = self.world.objects().filter(|object| {
            object["metadata"]["labels"]["owner"] != "helm" && object["kind"] != "HelmRepository"
        });
        let text = |object: &Value, pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        };
        all.map(|object| {
            format!(
                "{} {}",
                text(object, "/kind"),
                text(object, "/metadata/name")
            )
        })
        .collect()
    }

    /// Reasons of the Events so far.
    pub(super) fn reasons(&self) -> Vec<&str> {
        let events = self.world.events().iter();
        events.map(|(_, reason)| reason.as_str()).collect()
    }

    pub(super) fn deployment(&self) -> &Value {
        self.world.live(&deployment()).unwrap()
    }

    /// `Type=Status Reason`.
    pub(super) fn condition(&self, kind: &str) -> String {
        self.world
            .condition(kind)
            .map_or_else(String::new, |found| {
                format!(
                    "{} {}",
                    found["status"].as_str().unwrap(),
                    found["reason"].as_str().unwrap()
                )
            })
    }

    pub(super) fn message(&self, kind: &str) -> String {
        let found = self.world.condition(kind).unwrap();
        found["message"].as_str().unwrap().to_owned()
    }
}

pub(super) fn deployment() -> ObjectRef {
    ObjectRef::new("apps/v1", "Deployment", "web").in_namespace("shop")
}
