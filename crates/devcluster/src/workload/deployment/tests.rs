//! Decisions by the table: a little world of numbers in place of a cluster.
#![expect(clippy::expect_used, reason = "tests")]

use k8s_openapi::api::apps::v1::{DeploymentSpec, ReplicaSetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::*;
use crate::workload::instant::time;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// `surge` and `unavailable` as YAML has them: a number or a percentage.
fn deployment(replicas: i32, surge: &str, unavailable: &str, image: &str) -> Deployment {
    let bound = |text: &str| {
        text.parse::<i32>()
            .map_or_else(|_| json!(text), |number| json!(number))
    };
    let (surge, unavailable) = (bound(surge), bound(unavailable));
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {
                "maxSurge": surge, "maxUnavailable": unavailable,
            }},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }))
    .expect("a deployment")
}

/// Deployment and ReplicaSets, with pods that are numbers.
struct World {
    deployment: Deployment,
    sets: Vec<Arc<ReplicaSet>>,
    now: Timestamp,
}

impl World {
    fn new(deployment: Deployment) -> Self {
        Self {
            deployment,
            sets: Vec::new(),
            now: NOW,
        }
    }

    /// Decides and acts until nothing is left to do.
    fn settle(&mut self) -> Option<Timestamp> {
        for _ in 0..50 {
            let observed = Observed {
                deployment: &self.deployment,
                sets: &self.sets,
                pods: &[],
                now: self.now,
            };
            let decision = decide(&observed);
            if decision.actions.is_empty() {
                return decision.wake;
            }
            for action in decision.actions {
                self.act(action);
            }
            self.check();
        }
        panic!("the decisions never end");
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Create(Body::ReplicaSet(mut set)) => {
                set.metadata.uid = set.metadata.name.clone();
                set.metadata.creation_timestamp = Some(time(
                    NOW.after(std::time::Duration::from_secs(self.sets.len() as u64)),
                ));
                self.sets.push(Arc::new(*set));
            }
            Action::Update(Body::ReplicaSet(set)) => {
                let kept = self.set(&set.metadata);
                *kept = Arc::new(*set);
            }
            Action::UpdateStatus(Body::Deployment(deployment)) => self.deployment = *deployment,
            Action::Delete(Body::ReplicaSet(set)) => {
                self.sets
                    .retain(|kept| kept.metadata.name != set.metadata.name);
            }
            other => panic!("not to be expected: {other:?}"),
        }
    }

    fn set(&mut self, meta: &ObjectMeta) -> &mut Arc<ReplicaSet> {
        self.sets
            .iter_mut()
            .find(|set| set.metadata.name == meta.name)
            .expect("the set")
    }

    /// Brings the pods of the sets about: `ready` says how many of a set's pods are available.
    fn pods(&mut self, ready: impl Fn(usize, i32) -> i32) {
        for (index, set) in self.sets.iter_mut().enumerate() {
            let replicas = wanted(set);
            let count = ready(index, replicas);
            let set = Arc::make_mut(set);
            set.status = Some(ReplicaSetStatus {
                replicas,
                ready_replicas: Some(count),
                available_replicas: Some(count),
                observed_generation: set.metadata.generation,
                ..ReplicaSetStatus::default()
            });
        }
    }

    fn sizes(&self) -> Vec<i32> {
        self.sets.iter().map(|set| wanted(set)).collect()
    }

    /// What is asked for never breaks the bounds, whatever the pods do next.
    fn check(&self) {
        let bounds = Bounds::of(&self.deployment);
        let asked: i32 = self.sizes().iter().sum();
        assert!(
            asked <= bounds.most(),
            "{:?} beyond {}",
            self.sizes(),
            bounds.most()
        );
    }

    /// Pods available of those that stay.
    fn available(&self) -> i32 {
        self.sets
            .iter()
            .map(|set| available(set).min(wanted(set)))
            .sum()
    }

    fn reason(&self, kind: &str) -> String {
        let status = self.deployment.status.as_ref().expect("a status");
        let found = condition::find(status.conditions.as_deref().unwrap_or_default(), kind);
        found
            .and_then(|condition| condition.reason.clone())
            .unwrap_or_default()
    }

    fn change_image(&mut self, image: &str) {
        let changed = deployment(1, "0", "0", image)
            .spec
            .expect("a spec")
            .template;
        self.deployment.spec.as_mut().expect("a spec").template = changed;
        self.deployment.metadata.generation = self.deployment.metadata.generation.map(|n| n + 1);
    }
}

#[test]
fn every_step_of_a_rollout_keeps_its_bounds() {
    for replicas in [0, 1, 2, 3, 4, 10, 17] {
        for (surge, unavailable) in [
            ("25%", "25%"),
            ("0", "1"),
            ("1", "0"),
            ("100%", "0"),
            ("0", "100%"),
            ("0%", "0%"),
            ("3", "50%"),
        ] {
            let mut world = World::new(deployment(replicas, surge, unavailable, "a"));
            world.settle();
            world.pods(|_, wanted| wanted);
            world.settle();
            assert_eq!(world.reason("Progressing"), "NewReplicaSetAvailable");
            world.change_image("b");
            let least = Bounds::of(&world.deployment).least_available();
            let mut steps = 0;
            while world.reason("Progressing") != "NewReplicaSetAvailable" || steps == 0 {
                world.settle();
                assert!(
                    world.available() >= least,
                    "{replicas} {surge} {unavailable}: {:?} leaves {} of {least}",
                    world.sizes(),
                    world.available()
                );
                // One new pod gets ready at a time; old ones stay ready.
                let before: Vec<i32> = world.sets.iter().map(|set| available(set)).collect();
                world.pods(|index, wanted| match index {
                    0 => wanted,
                    _ => wanted.min(before[index] + 1),
                });
                steps += 1;
                assert!(
                    steps < 200,
                    "{replicas} {surge} {unavailable} is stuck at {:?}",
                    world.sizes()
                );
            }
            assert_eq!(world.sizes().last(), Some(&replicas));
            assert_eq!(world.sizes().iter().sum::<i32>(), replicas);
        }
    }
}

#[test]
fn broken_pods_of_the_old_revision_go_first() {
    let mut world = World::new(deployment(10, "25%", "25%", "a"));
    world.settle();
    // Four of ten never came up.
    world.pods(|_, _| 6);
    world.settle();
    world.change_image("b");
    world.settle();
    // 13 may exist; below the floor of 8 no available pod is taken, but the broken ones are.
    assert_eq!(world.available(), 6);
    let steps = world.sizes();
    assert!(steps[0] < 10 && steps[0] >= 6, "{steps:?}");
}

#[test]
fn rounding_of_percentages() {
    let number = |value: &str, total, rounding| {
        bounds::scaled(
            Some(&IntOrString::String(String::from(value))),
            total,
            rounding,
        )
    };
    let cases = [
        ("25%", 10, 3, 2),
        ("25%", 1, 1, 0),
        ("0%", 10, 0, 0),
        ("100%", 7, 7, 7),
        ("33%", 3, 1, 0),
    ];
    for (value, total, up, down) in cases {
        assert_eq!(
            number(value, total, bounds::Rounding::Up),
            up,
            "{value} of {total} up"
        );
        assert_eq!(
            number(value, total, bounds::Rounding::Down),
            down,
            "{value} of {total} down"
        );
    }
    assert_eq!(bounds::scaled(None, 10, bounds::Rounding::Up), 3);
    assert_eq!(
        bounds::scaled(Some(&IntOrString::Int(4)), 10, bounds::Rounding::Up),
        4
    );
}

#[test]
fn both_bounds_at_zero_still_move() {
    assert_eq!(
        Bounds::of(&deployment(2, "0%", "10%", "a")).strategy,
        Strategy::Rolling {
            surge: 0,
            unavailable: 1
        }
    );
}

#[test]
fn the_deadline_counts_from_the_last_progress() {
    let mut world = World::new(deployment(3, "25%", "25%", "a"));
    let wake = world.settle().expect("a deadline");
    assert_eq!(wake.since(NOW).as_secs(), 601);
    world.now = NOW.after(std::time::Duration::from_secs(300));
    world.pods(|_, _| 1);
    let wake = world.settle().expect("a deadline");
    assert_eq!(wake.since(NOW).as_secs(), 901);
    world.now = wake;
    assert_eq!(world.settle(), None);
    assert_eq!(world.reason("Progressing"), "ProgressDeadlineExceeded");
    // Progress takes the verdict back.
    world.pods(|_, wanted| wanted);
    world.settle();
    assert_eq!(world.reason("Progressing"), "NewReplicaSetAvailable");
}

#[test]
fn without_a_deadline_nothing_is_said_of_progress() {
    let mut world = World::new(deployment(1, "1", "0", "a"));
    world
        .deployment
        .spec
        .as_mut()
        .expect("a spec")
        .progress_deadline_seconds = Some(i32::MAX);
    assert_eq!(world.settle(), None);
    assert_eq!(world.reason("Progressing"), "");
    assert_eq!(world.reason("Available"), "MinimumReplicasUnavailable");
}

#[test]
fn an_existing_set_of_the_template_is_taken_over() {
    let mut world = World::new(deployment(2, "1", "0", "a"));
    world.settle();
    let set = world.sets[0].clone();
    let mut again = World::new(deployment(2, "1", "0", "a"));
    again.sets.push(set);
    again.settle();
    assert_eq!(again.sets.len(), 1);
    let status = again.deployment.status.clone().expect("a status");
    let progress = condition::find(
        status.conditions.as_deref().unwrap_or_default(),
        "Progressing",
    );
    assert!(progress.is_some());
    assert_eq!(revision::number(&again.deployment.metadata), 1);
}

#[test]
fn a_taken_name_makes_another_hash() {
    let deployment = deployment(1, "1", "0", "a");
    let before = revision::hash(&deployment);
    let Action::UpdateStatus(Body::Deployment(after)) = collided(&deployment) else {
        panic!("not a status update");
    };
    assert_ne!(revision::hash(&after), before);
}

#[test]
fn a_deployment_that_selects_nothing_is_left_alone() {
    let mut deployment = deployment(1, "1", "0", "a");
    assert!(selects(&deployment));
    deployment.spec = Some(DeploymentSpec {
        selector: LabelSelector::default(),
        ..deployment.spec.expect("a spec")
    });
    assert!(!selects(&deployment));
}
