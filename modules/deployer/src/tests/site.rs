//! The world of a test: one Deployer, Deployments that become available when the test says so, and rules that are
//! checked after every single write.

use std::time::Duration;

use oarlock_sdk::testing::World;
use oarlock_sdk::{Failure, Timestamp, Value, json};

use super::demo;
use crate::reconcile;

/// A Deployer and its Deployments.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) world: World,
    /// Deployments whose Pods never become available.
    pub(super) broken: Vec<String>,
    /// Of the replicas that were there when the test began to look; the floor and the ceiling are checked against it.
    pub(super) checked: Option<u32>,
    /// How many of them may be unavailable.
    pub(super) unavailable: u32,
    /// What was seen, one line per change of sizes.
    pub(super) seen: Vec<String>,
}

impl Site {
    pub(super) fn new(replicas: u32) -> Self {
        let mut object = demo();
        object["spec"]["deployment"]["replicas"] = json!(replicas);
        Self::of(object)
    }

    pub(super) fn of(object: Value) -> Self {
        Self {
            world: World::new(object),
            broken: Vec::new(),
            checked: None,
            unavailable: 0,
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

    /// In the middle of its second rollout: 4 of the old version, 6 of the new one.
    pub(super) fn at_the_third_step() -> Self {
        let mut site = Self::installed(10);
        site.deploy("1.7.8");
        site.settle();
        for _ in 0..2 {
            site.sleep();
            site.settle();
        }
        assert_eq!(site.sizes(), "1.7.7=4 1.7.8=6");
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
        self.condition("Ready")
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
        self.deployments().map(size).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn deployments(&self) -> impl Iterator<Item = &Value> {
        self.world
            .children()
            .filter(|child| child["kind"] == "Deployment")
    }

    pub(super) fn deployment(&self, name: &str) -> Value {
        let named = |child: &&Value| child["metadata"]["name"] == name;
        self.deployments().find(named).cloned().unwrap_or_default()
    }

    /// The last decision, such as `Sleeping: 10% is available`.
    pub(super) fn why(&self) -> String {
        let why = &self.world.status()["why"];
        format!(
            "{}: {}",
            why["decision"].as_str().unwrap(),
            why["because"].as_str().unwrap()
        )
    }

    /// The revision that the spec asks for.
    pub(super) fn revision(&mut self) -> String {
        let mut next = self.clone();
        next.world.run(reconcile).unwrap();
        let revision = &next.world.status()["currentRevision"];
        revision.as_str().unwrap().to_owned()
    }

    /// Sets one wish for the revision that the spec asks for.
    pub(super) fn wish(&mut self, wish: &str, more: &str) {
        let revision = self.revision();
        self.world
            .edit(json!({"spec": {"control": {wish: format!("{revision}{more}")}}}));
    }

    /// How the rollouts ended, newest first, such as `1.7.8 Aborted`.
    pub(super) fn history(&self) -> Vec<String> {
        let entries = self.world.status()["history"].as_array();
        let entries = entries.into_iter().flatten();
        entries
            .map(|entry| {
                let text = |key: &str| entry[key].as_str().unwrap();
                format!("{} {}", text("version"), text("outcome"))
            })
            .collect()
    }

    pub(super) fn condition(&self, kind: &str) -> String {
        let condition = self.world.condition(kind).unwrap();
        let text = |key: &str| condition[key].as_str().unwrap();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    pub(super) fn reasons(&self) -> Vec<&str> {
        let events = self.world.events().iter();
        events.map(|(_, reason)| reason.as_str()).collect()
    }

    pub(super) fn number(child: &Value, pointer: &str) -> u32 {
        u32::try_from(child.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)).unwrap()
    }

    /// Available Pods of all versions, or of those with this name.
    pub(super) fn available(&self, name: Option<&str>) -> u32 {
        self.deployments()
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
            if child["kind"] != "Deployment" {
                return;
            }
            let name = child["metadata"]["name"].as_str().unwrap();
            let wanted = Self::number(child, "/spec/replicas");
            let before = Self::number(child, "/status/availableReplicas");
            // A broken version's Pods stay unavailable; those that were available before are broken too.
            let available = if broken.iter().any(|broken| broken == name) {
                0
            } else {
                wanted
            };
            let mut status = json!({
                "observedGeneration": child["metadata"]["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": available,
                "availableReplicas": available,
            });
            let conditions = &child["status"]["conditions"];
            if conditions.is_array() {
                status["conditions"] = conditions.clone();
            }
            changed |= child["status"] != status || before != available;
            child["status"] = status;
        });
        self.check();
        changed
    }

    /// Runs the module and the Deployment controllers until neither has anything to do at this time. As its host, it
    /// does not run the module again because of the status that it wrote itself.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            let before: Vec<Value> = self.world.objects().cloned().collect();
            self.run();
            let wrote = !self.world.objects().eq(&before);
            let is_due = self.world.wake().is_some_and(|wake| wake <= self.now());
            if !self.pods_follow() && !wrote && !is_due {
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
            self.deployments()
                .map(|child| Self::number(child, pointer))
                .sum()
        };
        let ceiling = replicas + replicas.div_ceil(4);
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
                .deployments()
                .map(|child| {
                    Self::number(child, "/status/availableReplicas")
                        .min(Self::number(child, "/spec/replicas"))
                })
                .sum();
            let floor = replicas - self.unavailable;
            assert!(stays >= floor, "less than {floor} available: {sizes}");
        }
    }
}
