//! A model of Kubernetes' Deployment controller: ReplicaSets, Pods, and what is paused. As the real one
//! (`pkg/controller/deployment`), each sync does one thing, and none of it needs the other to have happened.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_sdk::{Timestamp, Value, json};
use rollout::arithmetic::{IntOrPercent, Surge};

/// All Deployments' ReplicaSets and Pods.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    sets: BTreeMap<String, Vec<Set>>,
    pub(super) ready_after: Duration,
    /// Images whose Pods never get available.
    pub(super) broken: Vec<String>,
    /// Names of Deployments for which no Pods are made: no room, or a quota.
    pub(super) starved: Vec<String>,
}

#[derive(Clone, Debug)]
struct Set {
    template: Value,
    wanted: u32,
    /// `deployment.kubernetes.io/desired-replicas`.
    desired: u32,
    /// When each began.
    pods: Vec<Timestamp>,
}

/// One thing that the controllers do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sync {
    Deployment,
    ReplicaSets,
    Status,
}

pub(super) const SYNCS: [Sync; 3] = [Sync::Deployment, Sync::ReplicaSets, Sync::Status];

/// Pods of one Deployment by image.
pub(super) type Census = BTreeMap<String, Pods>;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Pods {
    pub(super) running: u32,
    pub(super) available: u32,
}

impl Controller {
    pub(super) fn new() -> Self {
        Self {
            sets: BTreeMap::new(),
            ready_after: Duration::ZERO,
            broken: Vec::new(),
            starved: Vec::new(),
        }
    }

    /// The Pods of a Deployment by image.
    pub(super) fn census(&self, name: &str, now: Timestamp) -> Census {
        let mut census = Census::new();
        for set in self.sets.get(name).into_iter().flatten() {
            let pods = census.entry(set.image()).or_default();
            pods.running += number(set.pods.len());
            pods.available += self.available(set, now);
        }
        census
    }

    /// When the next Pod gets ready.
    pub(super) fn next_ready(&self, now: Timestamp) -> Option<Timestamp> {
        let sets = self.sets.values().flatten();
        sets.filter(|set| !self.is_broken(set))
            .flat_map(|set| &set.pods)
            .map(|began| *began + self.ready_after)
            .filter(|ready| *ready > now)
            .min()
    }

    /// The Deployment is gone, and all of its with it.
    pub(super) fn forget(&mut self, name: &str) {
        self.sets.remove(name);
    }

    /// Does one thing for one Deployment; true where it had to.
    pub(super) fn sync(&mut self, live: &mut Value, now: Timestamp, what: Sync) -> bool {
        let name = live["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let sets = self.sets.entry(name.clone()).or_default().clone();
        let mut next = sets.clone();
        match what {
            Sync::Deployment => self.deployment(live, &mut next, now),
            Sync::ReplicaSets => {
                for set in &mut next {
                    self.pods(&name, set, now);
                }
            }
            Sync::Status => {
                let status = self.status(live, &next, now);
                let changed = live["status"] != status;
                live["status"] = status;
                return changed;
            }
        }
        let changed = format!("{sets:?}") != format!("{next:?}");
        self.sets.insert(name, next);
        changed
    }

    fn is_broken(&self, set: &Set) -> bool {
        self.broken.contains(&set.image())
    }

    fn available(&self, set: &Set, now: Timestamp) -> u32 {
        if self.is_broken(set) {
            return 0;
        }
        let ready = |pod: &&Timestamp| now.since(**pod) >= self.ready_after;
        number(set.pods.iter().filter(ready).count())
    }

    /// A ReplicaSet takes those that are not ready first.
    fn pods(&self, name: &str, set: &mut Set, now: Timestamp) {
        while number(set.pods.len()) < set.wanted
            && !self.starved.iter().any(|starved| starved == name)
        {
            set.pods.push(now);
        }
        set.pods.sort();
        set.pods.truncate(set.wanted as usize);
    }

    fn deployment(&self, live: &Value, sets: &mut Vec<Set>, now: Timestamp) {
        let spec = &live["spec"];
        let replicas = spec["replicas"].as_u64().map_or(1, small);
        let template = &spec["template"];
        let surge = surge(spec, replicas);
        let scaling = sets
            .iter()
            .any(|set| set.wanted > 0 && set.desired != replicas);
        if spec["paused"] == json!(true) || scaling {
            scale(sets, template, replicas, surge, now, self);
            return;
        }
        let newest = match sets.iter().position(|set| set.template == *template) {
            Some(index) => index,
            None => {
                sets.push(Set {
                    template: template.clone(),
                    wanted: 0,
                    desired: replicas,
                    pods: Vec::new(),
                });
                sets.len() - 1
            }
        };
        for set in sets.iter_mut() {
            set.desired = replicas;
        }
        if spec["strategy"]["type"] == json!("Recreate") {
            let mut waits = false;
            for (index, set) in sets.iter_mut().enumerate() {
                if index != newest {
                    set.wanted = 0;
                    waits |= !set.pods.is_empty();
                }
            }
            if !waits {
                sets[newest].wanted = replicas;
            }
            return;
        }
        let total: u32 = sets.iter().map(|set| set.wanted).sum();
        let new = &mut sets[newest];
        if new.wanted > replicas {
            new.wanted = replicas;
            return;
        }
        let growth = (surge.ceiling(replicas).saturating_sub(total)).min(replicas - new.wanted);
        if growth > 0 {
            new.wanted += growth;
            return;
        }
        let floor = surge.floor(replicas);
        let missing = new.wanted - self.available(&sets[newest], now).min(sets[newest].wanted);
        let mut most = total.saturating_sub(floor + missing);
        let olds: Vec<usize> = (0..sets.len()).filter(|index| *index != newest).collect();
        for &index in &olds {
            let available = self.available(&sets[index], now);
            let sick = sets[index].wanted.saturating_sub(available).min(most);
            sets[index].wanted -= sick;
            most -= sick;
        }
        let available: u32 = sets
            .iter()
            .map(|set| self.available(set, now).min(set.wanted))
            .sum();
        let mut spare = available.saturating_sub(floor);
        for &index in &olds {
            let gone = sets[index].wanted.min(spare);
            sets[index].wanted -= gone;
            spare -= gone;
        }
    }

    fn status(&self, live: &Value, sets: &[Set], now: Timestamp) -> Value {
        let newest = sets
            .iter()
            .find(|set| set.template == live["spec"]["template"]);
        let running: u32 = sets.iter().map(|set| number(set.pods.len())).sum();
        let available: u32 = sets.iter().map(|set| self.available(set, now)).sum();
        json!({
            "observedGeneration": live["metadata"]["generation"],
            "replicas": running,
            "updatedReplicas": newest.map_or(0, |set| number(set.pods.len())),
            "readyReplicas": available,
            "availableReplicas": available,
        })
    }
}

/// What a paused Deployment does, too: its replicas go to the one ReplicaSet that has any; where there are several, what is
/// missing to the ceiling goes to the largest, and what is too much from it.
fn scale(
    sets: &mut [Set],
    template: &Value,
    replicas: u32,
    surge: Surge,
    now: Timestamp,
    controller: &Controller,
) {
    let newest = sets.iter().position(|set| set.template == *template);
    let active: Vec<usize> = (0..sets.len())
        .filter(|index| sets[*index].wanted > 0)
        .collect();
    let saturated = newest.is_some_and(|index| {
        let set = &sets[index];
        set.desired == replicas
            && set.wanted == replicas
            && controller.available(set, now) == replicas
    });
    match (&active[..], newest) {
        ([one], _) => sets[*one].wanted = replicas,
        ([], Some(newest)) => sets[newest].wanted = replicas,
        ([], None) => {
            if let Some(last) = sets.last_mut() {
                last.wanted = replicas;
            }
        }
        (_, Some(newest)) if saturated => {
            for (index, set) in sets.iter_mut().enumerate() {
                if index != newest {
                    set.wanted = 0;
                }
            }
        }
        _ => {
            let allowed = match replicas {
                0 => 0,
                some => surge.ceiling(some),
            };
            let mut order = active.clone();
            order.sort_by_key(|index| std::cmp::Reverse(sets[*index].wanted));
            let total: u32 = order.iter().map(|index| sets[*index].wanted).sum();
            if total < allowed {
                sets[order[0]].wanted += allowed - total;
            }
            let mut excess = total.saturating_sub(allowed);
            for index in order {
                let gone = sets[index].wanted.min(excess);
                sets[index].wanted -= gone;
                excess -= gone;
            }
        }
    }
    for set in sets {
        set.desired = replicas;
    }
}

impl Set {
    fn image(&self) -> String {
        image(&self.template)
    }
}

/// The image of a template's first container.
pub(super) fn image(template: &Value) -> String {
    template["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A Deployment's own surge, with Kubernetes' defaults.
pub(super) fn surge(spec: &Value, replicas: u32) -> Surge {
    let own = |field: &str| {
        serde_json::from_value::<IntOrPercent>(spec["strategy"]["rollingUpdate"][field].clone())
            .unwrap_or(IntOrPercent::DEFAULT)
    };
    Surge::of(replicas, own("maxSurge"), own("maxUnavailable"))
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
