//! The world of a test: one Deployer, Deployments that become available when the test says so, and rules that are
//! checked after every single write.

use std::time::Duration;

use oarlock_sdk::testing::World;
use oarlock_sdk::{Failure, Timestamp, Value, json};

use super::demo;
use crate::reconcile;
use crate::split;

/// A Deployer and its Deployments.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) world: World,
    /// Deployments whose Pods never become available.
    pub(super) broken: Vec<String>,
    /// Of the replicas that were there when the test began to look; the floor and the ceiling are checked against it.
    pub(super) checked: Option<u32>,
    /// What was seen, one line per change of sizes.
    pub(super) seen: Vec<String>,
}

impl Site {
    pub(super) fn new(replicas: u32) -> Self {
        let mut object = demo();
        object["spec"]["deployment"]["replicas"] = json!(replicas);
        Self {
            world: World::new(object),
            broken: Vec::new(),
            checked: None,
            seen: Vec::new(),
        }
    }

    /// One whose first version is up.
    pub(super) fn installed(replicas: u32) -> Self {
        let mut site = Self::new(replicas);
        site.settle();
        assert_eq!(site.phase(), "Stable");
        site.checked = Some(replicas);
        site.seen.clear();
        site
    }

    pub(super) fn deploy(&mut self, version: &str) {
        self.world
            .edit(json!({"spec": {"deployment": {"version": version}}}));
    }

    pub(super) fn phase(&self) -> &str {
        self.world.status()["phase"].as_str().unwrap_or("none")
    }

    pub(super) fn progress(&self) -> String {
        let progress = &self.world.status()["progress"];
        let text = |key: &str| progress[key].as_str().unwrap_or("-").to_owned();
        format!("{}, {}, {}", text("step"), text("percentage"), text("wait"))
    }

    pub(super) fn ready(&self) -> String {
        let ready = self.world.condition("Ready").unwrap();
        let text = |key: &str| ready[key].as_str().unwrap();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    /// Versions and their replicas, such as `1.7.7=9 1.7.8=1`.
    pub(super) fn sizes(&self) -> String {
        let size = |child: &Value| {
            let name = child["metadata"]["name"].as_str().unwrap();
            format!(
                "{}={}",
                name.strip_prefix("nginx-").unwrap_or(name),
                child["spec"]["replicas"]
            )
        };
        self.world
            .children()
            .map(size)
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(super) fn number(child: &Value, pointer: &str) -> u32 {
        u32::try_from(child.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)).unwrap()
    }

    /// Available Pods of all versions, or of those with this name.
    pub(super) fn available(&self, name: Option<&str>) -> u32 {
        self.world
            .children()
            .filter(|child| name.is_none_or(|name| child["metadata"]["name"] == name))
            .map(|child| Self::number(child, "/status/availableReplicas"))
            .sum()
    }

    /// Calls the module once and carries it out, then lets nothing else happen.
    pub(super) fn run(&mut self) -> bool {
        let ran = self.world.run(reconcile).unwrap();
        self.check();
        ran.changed
    }

    /// The Deployment controllers catch up. Tells whether they had anything to do.
    pub(super) fn pods_follow(&mut self) -> bool {
        let broken = self.broken.clone();
        let mut changed = false;
        self.world.each_child(|child| {
            let name = child["metadata"]["name"].as_str().unwrap();
            let wanted = Self::number(child, "/spec/replicas");
            let before = Self::number(child, "/status/availableReplicas");
            // A broken version's Pods stay unavailable; those that were available before are broken too.
            let available = if broken.iter().any(|broken| broken == name) {
                0
            } else {
                wanted
            };
            let status = json!({
                "observedGeneration": child["metadata"]["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted,
                "availableReplicas": available,
            });
            changed |= child["status"] != status || before != available;
            child["status"] = status;
        });
        self.check();
        changed
    }

    /// Runs the module and the Deployment controllers until neither has anything to do at this time.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            let ran = self.run();
            if !self.pods_follow() & !ran {
                // A Deployer in which nothing happens costs nothing.
                let outcome = self.world.call(reconcile).unwrap();
                assert!(!self.world.clone().perform(&outcome, usize::MAX));
                return;
            }
        }
        panic!("never comes to rest: {}", self.sizes());
    }

    /// Lets the time pass to when the module asked to be called.
    pub(super) fn sleep(&mut self) -> Duration {
        let wake = self.world.wake().unwrap();
        let passed = wake.since(self.world.now());
        self.world.set_now(wake.max(self.world.now()));
        passed
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        let now = self.world.now();
        self.world.set_now(now + Duration::from_secs(seconds));
    }

    /// To the end, sleeping where it must.
    pub(super) fn finish(&mut self) {
        for _ in 0..50 {
            self.settle();
            if self.world.wake().is_none() {
                return;
            }
            self.sleep();
        }
        panic!("never ends: {}", self.sizes());
    }

    pub(super) fn failure(&self) -> String {
        match self.world.call(reconcile) {
            Err(failure @ Failure::Invalid(_)) => failure.to_string(),
            other => panic!("expected an invalid object, not {other:?}"),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// The rules that hold after every write.
    pub(super) fn check(&mut self) {
        let sizes = self.sizes();
        if self.seen.last() != Some(&sizes) {
            self.seen.push(sizes.clone());
        }
        let Some(replicas) = self.checked else { return };
        let of = |pointer: &str| -> u32 {
            self.world
                .children()
                .map(|child| Self::number(child, pointer))
                .sum()
        };
        let ceiling = replicas + split::surge(replicas);
        assert!(
            of("/spec/replicas") <= ceiling,
            "more than {ceiling}: {sizes}"
        );
        assert!(
            of("/status/replicas") <= ceiling,
            "more than {ceiling} Pods: {sizes}"
        );
        if self.broken.is_empty() {
            // Of what was available, as much stays as is asked for.
            let stays: u32 = self
                .world
                .children()
                .map(|child| {
                    Self::number(child, "/status/availableReplicas")
                        .min(Self::number(child, "/spec/replicas"))
                })
                .sum();
            assert!(stays >= replicas, "less than {replicas} available: {sizes}");
        }
    }
}
