//! A world with podinfo in it, as its users run it, and the Canary of their own manifest.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Revision;
use serde_json::{Value, json};

use super::outside::Outside;
use crate::chronicle::Scene;
use crate::components::{component, serving, text};
use crate::world::{Circumstances, World, condition, watch};

pub(crate) const CANARIES: ResourceId = ResourceId::of("flagger.app", "canaries");
pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");

/// Ten Pods and a quarter more, rounded up: the Deployment's own `maxSurge`.
const CEILING: usize = 13;
/// Ten Pods and a quarter less, rounded down: the Deployment's own `maxUnavailable`.
const FLOOR: usize = 8;

const OLD: &str = "stefanprodan/podinfo:3.1.0";
pub(crate) const NEW: &str = "stefanprodan/podinfo:3.1.1";

/// The documents of a file of the example.
pub(crate) fn documents(name: &str) -> Vec<Value> {
    let text = text(&format!("examples/canary/{name}"));
    text.split("\n---\n")
        .map(|part| serde_saphyr::from_str(part).unwrap())
        .collect()
}

pub(crate) fn definition() -> Value {
    serde_saphyr::from_str(&text("modules/canary/crds/flagger.app/canaries.yaml")).unwrap()
}

pub(crate) struct Site {
    world: World,
    pub(crate) outside: Arc<Outside>,
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
    /// Podinfo, and no Canary yet.
    pub(crate) async fn new(circumstances: Circumstances) -> Self {
        let watches = text("examples/canary/watches.yaml");
        Self::with(circumstances, &watches, &[definition()]).await
    }

    /// Podinfo, where this is watched and these kinds are defined.
    pub(crate) async fn with(
        circumstances: Circumstances,
        watches: &str,
        definitions: &[Value],
    ) -> Self {
        let outside = Outside::healthy();
        let module = serving(component("modules/canary").await);
        let watch = watch(watches);
        let circumstances = Circumstances {
            outside: Arc::clone(&outside) as _,
            ..circumstances
        };
        let mut world = World::with(definitions, vec![(watch, module)], circumstances);
        world.namespace = "prod";
        for object in documents("podinfo.yaml") {
            world.apply(object).unwrap();
        }
        Self { world, outside }
    }

    /// Podinfo, held by its Canary.
    pub(crate) async fn held() -> Self {
        let mut site = Self::new(Circumstances::default()).await;
        site.install().await;
        site
    }

    pub(crate) async fn install(&mut self) {
        for object in documents("canary.yaml") {
            self.apply(object).unwrap();
        }
        self.until_phase(&["Initialized"]).await;
        self.until_available().await;
    }

    /// Changes the image of the users' Deployment.
    pub(crate) fn deploy(&self, image: &str) {
        let app = self.get(&DEPLOYMENTS, "podinfo").unwrap();
        let mut containers = app["spec"]["template"]["spec"]["containers"].clone();
        containers[0]["image"] = image.into();
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        self.edit(&DEPLOYMENTS, "podinfo", &patch).unwrap();
    }

    /// Changes the spec of the Canary.
    pub(crate) fn set(&self, spec: &Value) {
        let patch = json!({"spec": spec});
        self.edit(&CANARIES, "podinfo", &patch).unwrap();
    }

    pub(crate) fn canary(&self) -> Arc<Value> {
        self.get(&CANARIES, "podinfo").unwrap()
    }

    pub(crate) fn status(&self) -> Value {
        self.canary()["status"].clone()
    }

    /// A revision that the status names.
    pub(crate) fn revision(&self, field: &str) -> String {
        self.status()[field].as_str().unwrap().to_owned()
    }

    /// Steers, as the command line does.
    pub(crate) fn control(&self, control: &Value) {
        self.set(&json!({"control": control}));
    }

    pub(crate) async fn until_phase(&mut self, phases: &[&str]) {
        let phases: Vec<String> = phases.iter().map(|phase| (*phase).to_owned()).collect();
        let what = format!("phase {}", phases.join(" or "));
        self.until(&what, |world| {
            let canary = world.get(&CANARIES, "podinfo")?;
            let phase = canary["status"]["phase"].as_str()?;
            phases.iter().any(|wanted| wanted == phase).then_some(())
        })
        .await;
    }

    /// Waits until the new version has so many percent, or more.
    pub(crate) async fn until_weight(&mut self, weight: u64) {
        self.until(&format!("{weight} percent"), |world| {
            let canary = world.get(&CANARIES, "podinfo")?;
            let there = canary["status"]["canaryWeight"].as_u64()?;
            (there >= weight).then_some(())
        })
        .await;
    }

    /// Waits until all Pods that are wanted are available.
    pub(crate) async fn until_available(&mut self) {
        self.until("all Pods are available", |world| {
            let app = world.get(&DEPLOYMENTS, "podinfo")?;
            let replicas = app["spec"]["replicas"].as_u64();
            (app["status"]["availableReplicas"].as_u64() == replicas).then_some(())
        })
        .await;
    }

    /// Waits until this image is rolled out and all is quiet.
    pub(crate) async fn until_promoted(&mut self, image: &str) {
        let image = image.to_owned();
        self.until(&format!("{image} is promoted"), |world| {
            let canary = world.get(&CANARIES, "podinfo")?;
            let status = &canary["status"];
            let app = world.get(&DEPLOYMENTS, "podinfo")?;
            let wanted = app["spec"]["template"]["spec"]["containers"][0]["image"] == *image;
            let stable = status["stableRevision"] == status["currentRevision"];
            let succeeded = status["phase"] == "Succeeded";
            let ready = condition(&canary, "Ready")?.starts_with("True");
            (wanted && stable && succeeded && ready).then_some(())
        })
        .await;
    }

    /// Replicas that are wanted: of the users' Deployment and of the stable one.
    pub(crate) fn sizes(&self) -> String {
        let size = |name: &str| {
            let deployment = self.get(&DEPLOYMENTS, name);
            let replicas = deployment.map(|d| d["spec"]["replicas"].to_string());
            replicas.unwrap_or_else(|| "-".to_owned())
        };
        format!("{}+{}", size("podinfo"), size("podinfo-stable"))
    }

    /// Checks every single state since `since`: the bounds of the Deployment's own strategy, jointly.
    pub(crate) async fn check_capacity(&self, since: Revision) {
        self.chronicle
            .replay(since, |entry, scene| {
                let pods = running(scene);
                let ready = pods.iter().filter(|pod| is_ready(pod)).count();
                let at = entry.change.revision;
                assert!(
                    ready >= FLOOR,
                    "only {ready} available at {at}: {}",
                    told(scene)
                );
                assert!(
                    pods.len() <= CEILING,
                    "{} Pods at {at}: {}",
                    pods.len(),
                    told(scene)
                );
            })
            .await;
    }

    /// The rollout since `since`, line by line; time counts from `from`.
    pub(crate) async fn story(&self, since: Revision, from: Timestamp) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut last = String::new();
        self.chronicle
            .replay(since, |entry, scene| {
                let line = told(scene);
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

    /// Weights that the status told, in order.
    pub(crate) async fn weights(&self, since: Revision) -> Vec<u64> {
        let mut seen: Vec<u64> = Vec::new();
        for entry in self.chronicle.since(since).await {
            if entry.change.resource != CANARIES {
                continue;
            }
            let weight = entry.change.object["status"]["canaryWeight"].as_u64();
            seen.extend(weight.filter(|weight| seen.last() != Some(weight)));
        }
        seen
    }

    /// When the status first told each weight.
    pub(crate) async fn schedule(&self, since: Revision) -> BTreeMap<u64, Timestamp> {
        let mut times = BTreeMap::new();
        for entry in self.chronicle.since(since).await {
            if entry.change.resource != CANARIES {
                continue;
            }
            if let Some(weight) = entry.change.object["status"]["canaryWeight"].as_u64() {
                times.entry(weight).or_insert(entry.at);
            }
        }
        times
    }

    /// Everything that is still to happen happens.
    pub(crate) async fn settle(&self) {
        self.pass(Duration::from_secs(120)).await;
    }
}

fn of<'a>(scene: &'a Scene, plural: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = scene.iter();
    all.filter(move |((resource, _), _)| resource == plural)
        .map(|(_, object)| object.as_ref())
}

/// Pods that have not been told to end.
fn running(scene: &Scene) -> Vec<&Value> {
    of(scene, "pods")
        .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
        .collect()
}

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready.starts_with("True"))
}

/// Ready Pods of each image, the replicas that are wanted, and what the status says.
fn told(scene: &Scene) -> String {
    let ready = |image: &str| {
        let pods = running(scene).into_iter().filter(|pod| is_ready(pod));
        pods.filter(|pod| pod["spec"]["containers"][0]["image"] == image)
            .count()
    };
    let size = |name: &str| {
        let found = of(scene, "deployments").find(|d| d["metadata"]["name"] == name);
        found.map_or_else(|| "-".to_owned(), |d| d["spec"]["replicas"].to_string())
    };
    let canary = of(scene, "canaries").next();
    let status = |field: &str| canary.map_or(Value::Null, |canary| canary["status"][field].clone());
    format!(
        "old {} new {} | app {} stable {} | {} {}%",
        ready(OLD),
        ready(NEW),
        size("podinfo"),
        size("podinfo-stable"),
        status("phase").as_str().unwrap_or("-"),
        status("canaryWeight")
    )
}
