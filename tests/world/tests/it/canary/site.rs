//! A world with one Deployer in it.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::{Key, Revision};
use oarlock_engine::Module;
use serde_json::{Value, json};

use crate::chronicle::Scene;
use crate::components::{component, serving, text};
use crate::gate::Moment;
use crate::world::{NAMESPACE, World, condition, watch};

pub(crate) const DEPLOYERS: ResourceId = ResourceId::of("deploy.example.com", "deployers");
pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");

/// The users' manifest, as it stands in the example.
pub(crate) fn manifest() -> Value {
    serde_saphyr::from_str(&text("examples/deployer/deployer.yaml")).unwrap()
}

pub(crate) fn definition() -> Value {
    serde_saphyr::from_str(&text("examples/deployer/crd.yaml")).unwrap()
}

pub(crate) struct Site {
    world: World,
}

impl Deref for Site {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Site {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Site {
    /// No Deployer yet.
    pub(crate) async fn new() -> Self {
        Self::killed_at(None).await
    }

    pub(crate) async fn killed_at(kill: Option<(usize, Moment)>) -> Self {
        Self::with(serving(component("modules/canary").await), kill)
    }

    /// With the rights that other ways than steps need.
    pub(crate) async fn with_all_rights(kill: Option<(usize, Moment)>) -> Self {
        let watch = watch(
            "- group: deploy.example.com\n  version: v1alpha1\n  kind: Deployer\n  module: canary.wasm\n  \
             grants: {write: [{apiGroups: [apps], resources: [deployments]}, \
             {apiGroups: [''], resources: [services]}, {apiGroups: [batch], resources: [jobs]}], \
             read: [{apiGroups: [''], resources: [services]}]}\n",
        );
        let module = serving(component("modules/canary").await);
        Self {
            world: World::killed_at(&[definition()], vec![(watch, module)], kill),
        }
    }

    /// With this module in the place of the canary.
    pub(crate) fn with(module: Module, kill: Option<(usize, Moment)>) -> Self {
        let watch = watch(&text("examples/deployer/watches.yaml"));
        Self {
            world: World::killed_at(&[definition()], vec![(watch, module)], kill),
        }
    }

    /// The users' Deployer, with its first version up.
    pub(crate) async fn installed() -> Self {
        let mut site = Self::new().await;
        site.install().await;
        site
    }

    pub(crate) async fn install(&mut self) {
        self.apply(manifest()).unwrap();
        self.until_stable("1.7.7").await;
    }

    pub(crate) fn deploy(&self, version: &str) {
        self.set(&json!({"deployment": {"version": version}}));
    }

    /// Changes the spec.
    pub(crate) fn set(&self, spec: &Value) {
        self.edit(&DEPLOYERS, "nginx", &json!({"spec": spec}))
            .unwrap();
    }

    pub(crate) fn deployer(&self) -> Arc<Value> {
        self.get(&DEPLOYERS, "nginx").unwrap()
    }

    pub(crate) fn ready(&self) -> String {
        condition(&self.deployer(), "Ready").unwrap_or_default()
    }

    pub(crate) async fn until_stable(&mut self, version: &str) {
        let what = format!("{version} is Stable and Ready");
        let stable = |world: &World| {
            let deployer = world.get(&DEPLOYERS, "nginx")?;
            let status = &deployer["status"];
            let current = status["observedGeneration"] == deployer["metadata"]["generation"];
            let there = status["phase"] == "Stable" && status["to"]["version"] == version;
            let ready = condition(&deployer, "Ready")?.starts_with("True");
            (current && there && ready).then_some(())
        };
        self.until(&what, stable).await;
    }

    /// Waits until the step of this number waits for its time to pass.
    pub(crate) async fn until_step(&mut self, number: u64) {
        let waits = |world: &World| {
            let deployer = world.get(&DEPLOYERS, "nginx")?;
            let status = &deployer["status"];
            let there = status["phase"] == "Waiting" && status["currentStep"] == number;
            let current = status["observedGeneration"] == deployer["metadata"]["generation"];
            (there && current).then_some(())
        };
        self.until(&format!("step {number}"), waits).await;
    }

    /// Versions and their replicas, such as `1.7.7=9 1.7.8=1`.
    pub(crate) fn sizes(&self) -> String {
        let all = self.list(&DEPLOYMENTS);
        sizes(all.iter().map(AsRef::as_ref))
    }

    /// The rollout since `since`, line by line; time counts from `from`.
    pub(crate) async fn story(&self, since: Revision, from: Timestamp) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut last = String::new();
        self.chronicle
            .replay(since, |entry, scene| {
                let Some(deployer) = scene.get(&("deployers".to_owned(), key("nginx"))) else {
                    return;
                };
                let line = format!("{} | {}", pods(scene), told(deployer));
                if line != last {
                    let passed = entry.at.since(from).as_millis();
                    let (seconds, millis) = (passed / 1000, passed % 1000);
                    lines.push(format!("{seconds:>4}.{millis:03} {line}"));
                    last = line;
                }
            })
            .await;
        lines.join("\n")
    }

    /// What `progress` said, in order.
    pub(crate) async fn progress(&self, since: Revision) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for entry in self.chronicle.since(since).await {
            if entry.change.resource != DEPLOYERS {
                continue;
            }
            let said = progress(&entry.change.object);
            if seen.last() != Some(&said) {
                seen.push(said);
            }
        }
        seen
    }

    /// Checks every single state since `since`: never fewer than `floor` Pods are ready, never more than `ceiling` run.
    pub(crate) async fn check_capacity(&self, since: Revision, floor: usize, ceiling: usize) {
        self.chronicle
            .replay(since, |entry, scene| {
                let what = || format!("revision {}: {}", entry.change.revision, pods(scene));
                let running = running(scene);
                let ready = running.iter().filter(|pod| is_ready(pod)).count();
                assert!(ready >= floor, "fewer than {floor} ready at {}", what());
                assert!(
                    running.len() <= ceiling,
                    "more than {ceiling} at {}",
                    what()
                );
                let wanted: u64 = of(scene, "deployments")
                    .map(|d| d["spec"]["replicas"].as_u64().unwrap())
                    .sum();
                assert!(
                    wanted <= ceiling as u64,
                    "more than {ceiling} wanted at {}",
                    what()
                );
            })
            .await;
    }

    /// What is left of it all in the end, without what differs from one life to the next.
    pub(crate) fn remains(&self) -> Value {
        let bare = |object: &Value| {
            let mut object = object.clone();
            let metadata = object["metadata"].as_object_mut().unwrap();
            let kept = ["name", "labels", "annotations", "finalizers"];
            metadata.retain(|key, _| kept.contains(&key.as_str()));
            without_times(&mut object["status"]);
            object
        };
        let deployments: Vec<Value> = self.list(&DEPLOYMENTS).iter().map(|d| bare(d)).collect();
        json!({"deployer": bare(&self.deployer()), "deployments": deployments})
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(NAMESPACE, name)
}

fn sizes<'a>(deployments: impl Iterator<Item = &'a Value>) -> String {
    let size = |deployment: &Value| {
        let name = deployment["metadata"]["name"].as_str().unwrap();
        let version = name.strip_prefix("nginx-").unwrap_or(name);
        format!("{version}={}", deployment["spec"]["replicas"])
    };
    deployments.map(size).collect::<Vec<_>>().join(" ")
}

pub(crate) fn of<'a>(scene: &'a Scene, plural: &'a str) -> impl Iterator<Item = &'a Value> {
    scene
        .iter()
        .filter(move |((resource, _), _)| resource == plural)
        .map(|(_, object)| object.as_ref())
}

fn running(scene: &Scene) -> Vec<&Value> {
    of(scene, "pods")
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .collect()
}

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.starts_with("True"))
}

/// Ready of wanted Pods, per version.
fn pods(scene: &Scene) -> String {
    let mut ready: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in running(scene).into_iter().filter(|pod| is_ready(pod)) {
        let version = pod["metadata"]["labels"]["deploy.example.com/version"].as_str();
        *ready.entry(version.unwrap_or("?")).or_default() += 1;
    }
    let size = |deployment: &Value| {
        let version = deployment["metadata"]["labels"]["deploy.example.com/version"].as_str();
        let version = version.unwrap_or("?");
        let ready = ready.get(version).copied().unwrap_or(0);
        format!("{version}={ready}/{}", deployment["spec"]["replicas"])
    };
    of(scene, "deployments")
        .map(size)
        .collect::<Vec<_>>()
        .join(" ")
}

fn told(deployer: &Value) -> String {
    let phase = deployer["status"]["phase"].as_str().unwrap_or("-");
    let ready = condition(deployer, "Ready").unwrap_or_default();
    let reason = ready.split(':').next().unwrap_or_default();
    format!("{phase} | {} | Ready={reason}", progress(deployer))
}

fn progress(deployer: &Value) -> String {
    let progress = &deployer["status"]["progress"];
    let text = |key: &str| progress[key].as_str().unwrap_or("-").to_owned();
    format!("{}, {}, {}", text("step"), text("percentage"), text("wait"))
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !key.ends_with("Time") && !key.ends_with("At"));
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}
