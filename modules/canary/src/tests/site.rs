//! The world of a test: one Canary, its user's Deployment, controllers that make Pods, and rules that are checked after every
//! single thing that happens.

use std::time::Duration;

use oarlock_sdk::testing::World;
use oarlock_sdk::{ObjectRef, Value, json};

use super::controller::{self, Controller, SYNCS};
use crate::reconcile;

/// The manifest of the GitOps talk, unchanged.
pub(super) const PODINFO: &str = r#"
apiVersion: flagger.app/v1alpha3
kind: Canary
metadata:
  name: podinfo
  namespace: prod
  annotations:
    fluxcd.io/ignore: "false"
spec:
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: podinfo
  service:
    port: 9898
  canaryAnalysis:
    interval: 10s
    stepWeight: 5
    threshold: 5
    metrics:
    - name: request-success-rate
      threshold: 99
      interval: 1m
    - name: request-duration
      threshold: 500
      interval: 1m
    webhooks:
      - name: load-test
        url: http://load-tester.prod/
        metadata:
          cmd: "hey -z 2m -q 10 -c 2 http://podinfo:9898/"
"#;

/// A Canary without checks.
pub(super) fn plain() -> Value {
    json!({
        "apiVersion": "canary.oarlock.dev/v1alpha1",
        "kind": "Canary",
        "metadata": {"name": "podinfo", "namespace": "prod"},
        "spec": {
            "targetRef": {"name": "podinfo"},
            "analysis": {"interval": "10s", "threshold": 3, "stepWeights": [10, 30, 60]},
        },
    })
}

pub(super) fn deployment(name: &str, replicas: u32, version: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "prod"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": {
                "metadata": {"labels": {"app": name}, "creationTimestamp": null},
                "spec": {"containers": [{"name": "podinfod", "image": format!("podinfo:{version}")}]},
            },
        },
    })
}

pub(super) fn at(name: &str) -> ObjectRef {
    ObjectRef::new("apps/v1", "Deployment", name).in_namespace("prod")
}

/// A Canary and its Deployments.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) world: World,
    pub(super) controller: Controller,
    /// Pods that the rules are about: at least of so many and at most of so many replicas.
    pub(super) checked: Option<(u32, u32)>,
    /// Whether so few may be available as those of the fewest replicas allow.
    pub(super) floor: bool,
    /// Whether the user's Deployment may have what its own rollout adds beyond the ceiling.
    pub(super) slack: bool,
    /// What was seen, one line per change.
    pub(super) seen: Vec<String>,
}

impl Site {
    pub(super) fn new(canary: Value, replicas: u32) -> Self {
        let mut world = World::new(canary);
        world.foreign(deployment("podinfo", replicas, "1"));
        Self {
            world,
            controller: Controller::new(),
            checked: None,
            floor: true,
            slack: false,
            seen: Vec::new(),
        }
    }

    /// One whose first version is up and held.
    pub(super) fn held(canary: Value, replicas: u32) -> Self {
        let mut site = Self::new(canary, replicas);
        site.settle();
        assert_eq!(site.phase(), "Initialized");
        site.checked = Some((replicas, replicas));
        site.seen.clear();
        site
    }

    /// Its user edits the Deployment.
    pub(super) fn edit(&mut self, patch: Value) {
        self.world.edit_foreign(&at("podinfo"), &patch);
    }

    pub(super) fn deploy(&mut self, version: &str) {
        self.edit(image(version));
    }

    pub(super) fn phase(&self) -> &str {
        self.world.status()["phase"].as_str().unwrap_or("none")
    }

    pub(super) fn why(&self) -> String {
        let why = &self.world.status()["why"];
        let text = |key: &str| why[key].as_str().unwrap_or("-").to_owned();
        format!("{}: {}", text("decision"), text("because"))
    }

    pub(super) fn condition(&self, kind: &str) -> String {
        let Some(condition) = self.world.condition(kind) else {
            return String::from("none");
        };
        let text = |key: &str| condition[key].as_str().unwrap_or_default();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    pub(super) fn reasons(&self) -> Vec<&str> {
        self.world
            .events()
            .iter()
            .map(|(_, reason)| reason.as_str())
            .collect()
    }

    pub(super) fn app(&self) -> &Value {
        self.world.live(&at("podinfo")).expect("the Deployment")
    }

    /// Available and running Pods, such as `app 1=2/2 2=1/1, stable 1=8/8`.
    pub(super) fn pods(&self) -> String {
        let of = |name: &str| {
            let census = self.controller.census(name, self.world.now());
            census
                .iter()
                .filter(|(_, pods)| pods.running > 0)
                .map(|(image, pods)| {
                    let version = image.strip_prefix("podinfo:").unwrap_or(image);
                    format!(" {version}={}/{}", pods.available, pods.running)
                })
                .collect::<String>()
        };
        format!("app{}, stable{}", of("podinfo"), of("podinfo-stable"))
    }

    pub(super) fn available(&self, image: Option<&str>) -> u32 {
        self.count(image, |pods| pods.available)
    }

    pub(super) fn running(&self, image: Option<&str>) -> u32 {
        self.count(image, |pods| pods.running)
    }

    fn count(&self, image: Option<&str>, of: fn(&controller::Pods) -> u32) -> u32 {
        ["podinfo", "podinfo-stable"]
            .iter()
            .flat_map(|name| self.controller.census(name, self.world.now()))
            .filter(|(found, _)| image.is_none_or(|image| image == found))
            .map(|(_, pods)| of(&pods))
            .sum()
    }

    /// Calls the module once and carries it out. Tells whether anything changed.
    pub(super) fn run(&mut self) -> bool {
        self.run_until(usize::MAX)
    }

    /// The same, killed after so many writes.
    pub(super) fn run_until(&mut self, steps: usize) -> bool {
        let outcome = self.world.call(reconcile).unwrap();
        let mut changed = false;
        // One write after the other, so that the rules see each of them.
        changed |= self.world.perform(&outcome, steps);
        self.check();
        changed
    }

    /// The controllers do all that they have to do for now.
    pub(super) fn pods_follow(&mut self) -> bool {
        let mut any = false;
        while self.sync_once() {
            any = true;
        }
        any
    }

    fn sync_once(&mut self) -> bool {
        let mut any = false;
        for what in SYNCS {
            for name in ["podinfo", "podinfo-stable"] {
                any |= self.sync(name, what);
            }
        }
        any
    }

    /// One thing that a controller does for one Deployment.
    pub(super) fn sync(&mut self, name: &str, what: controller::Sync) -> bool {
        if self.world.live(&at(name)).is_none() {
            self.controller.forget(name);
            return false;
        }
        let (now, controller) = (self.world.now(), &mut self.controller);
        let mut changed = false;
        self.world.each_object(|object| {
            if object["kind"] == "Deployment" && object["metadata"]["name"] == name {
                changed |= controller.sync(object, now, what);
            }
        });
        self.check();
        changed
    }

    /// Runs the module and the controllers until neither has anything to do at this time.
    pub(super) fn settle(&mut self) {
        for _ in 0..300 {
            let ran = self.run();
            let again = self
                .world
                .wake()
                .is_some_and(|wake| wake <= self.world.now());
            if !self.pods_follow() && !ran && !again {
                return;
            }
        }
        panic!("never comes to rest: {}, {}", self.pods(), self.why());
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        let now = self.world.now();
        self.world.set_now(now + Duration::from_secs(seconds));
        self.settle();
    }

    /// To when the module is to be called, or something gets ready. False where nothing will happen.
    pub(super) fn sleep(&mut self) -> bool {
        let now = self.world.now();
        let ready = self.controller.next_ready(now);
        let wake = self.world.wake().map(|wake| wake.max(now));
        let next = [ready, wake].into_iter().flatten().min();
        next.map(|next| self.world.set_now(next)).is_some()
    }

    /// To the end, sleeping where it must.
    pub(super) fn finish(&mut self) {
        for _ in 0..600 {
            self.settle();
            if !self.sleep() {
                return;
            }
        }
        panic!("never ends: {}, {}", self.pods(), self.why());
    }

    /// Sleeps and settles until it is in a phase.
    pub(super) fn until(&mut self, what: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            self.settle();
            if what(self) {
                return;
            }
            assert!(self.sleep(), "rests: {}, {}", self.pods(), self.why());
        }
        panic!("never gets there: {}, {}", self.pods(), self.why());
    }

    /// The rules that hold after every write.
    pub(super) fn check(&mut self) {
        let pods = self.pods();
        if self.seen.last() != Some(&pods) {
            self.seen.push(pods.clone());
        }
        let Some((fewest, most)) = self.checked else {
            return;
        };
        let spec = self
            .world
            .live(&at("podinfo"))
            .map(|live| live["spec"].clone())
            .unwrap_or_default();
        let own = spec["replicas"]
            .as_u64()
            .and_then(|own| u32::try_from(own).ok());
        let slack = match (self.slack, own) {
            (true, Some(_)) => 1,
            _ => 0,
        };
        let ceiling = controller::surge(&spec, most).ceiling(most) + slack;
        let running = self.running(None);
        assert!(
            running <= ceiling,
            "more than {ceiling} Pods: {pods}\n{}",
            self.seen.join("\n")
        );
        let floor = controller::surge(&spec, fewest).floor(fewest);
        let available = self.available(None);
        assert!(
            !self.floor || available >= floor,
            "less than {floor} available: {pods}\n{}",
            self.seen.join("\n")
        );
    }
}

pub(super) fn image(version: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [
        {"name": "podinfod", "image": format!("podinfo:{version}")},
    ]}}}})
}
