//! Whatever happens in whatever order: the rules of the world hold, and it ends with what is wished for.

use serde_json::json;

use super::World;
use super::world::{inputs, remediation};
use crate::hooks::Event as Moment;
use crate::record::Status;
use crate::state::Is;
use crate::wish::{DriftMode, Strategy};

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }
}

fn start(dice: &mut Dice) -> World {
    let mut world = World::new();
    let policy = &mut world.wish.policy;
    let retries = u32::try_from(dice.below(3)).unwrap();
    let strategy = dice.pick(&[Strategy::Retry, Strategy::Uninstall]);
    policy.install_remediation = remediation(retries, strategy, dice.below(2) == 0);
    let strategy = dice.pick(&[Strategy::Retry, Strategy::Rollback, Strategy::Rollback]);
    policy.upgrade_remediation = remediation(retries, strategy, dice.below(2) == 0);
    policy.max_history = dice.pick(&[None, Some(1), Some(2), Some(5)]);
    policy.keep_history = dice.below(4) == 0;
    policy.drift.mode = dice.pick(&[DriftMode::Disabled, DriftMode::Warn, DriftMode::Enabled]);
    if dice.below(2) == 0 {
        world.tests(dice.below(2) == 0);
    }
    for moment in [
        Moment::PreInstall,
        Moment::PreUpgrade,
        Moment::PostUpgrade,
        Moment::PostRollback,
    ] {
        if dice.below(3) == 0 {
            world.chart.hooks.push(moment);
        }
    }
    // Only a failed installation may go.
    world.may_leave = true;
    world
}

fn happens(world: &mut World, dice: &mut Dice) {
    match dice.below(40) {
        0..=17 => {
            world.run();
        }
        18..=20 => world.fuse = Some(usize::try_from(dice.below(4)).unwrap()),
        21 | 22 => world.conflict = Some(0),
        23..=25 => {
            let version = dice.pick(&["1.0.0", "2.0.0", "3.0.0"]);
            world.wants(version);
            world.chart.objects.truncate(2);
            if version != "1.0.0" {
                world.chart.objects.push(format!("Ingress/{version}"));
            }
        }
        26 => world.breaks(),
        27 => world.heals(),
        28 => world.slow = !world.slow,
        29 => world.now += dice.pick(&[1_000, 10_000, 301_000]),
        30 => {
            let moment = dice.pick(&[Moment::PreUpgrade, Moment::PostUpgrade, Moment::Test]);
            world.failing.insert(moment);
        }
        31 => world.failing.clear(),
        32 => world.wish.suspended = !world.wish.suspended,
        33 => {
            let next = world.records.keys().next_back().map_or(1, |last| last + 1);
            let version = dice.pick(&["1.0.0", "2.0.0"]);
            let status = dice.pick(&[Status::Deployed, Status::Failed, Status::PendingUpgrade]);
            // The command refuses to upgrade what is pending, and does not refuse to roll it back.
            let open = world
                .records
                .values()
                .any(|stored| stored.status.is_pending());
            if !open || status == Status::Deployed {
                world.by_hand(next, status, "by hand", inputs(version, "a"));
            }
        }
        34 => {
            let token = world.now.to_string();
            world.asks(&token, dice.below(2) == 0, dice.below(2) == 0);
        }
        35 => {
            let what = dice.pick(&["Deployment/web", "clean"]);
            world.refused.insert(what.into(), dice.pick(&[422, 503]));
        }
        36 => world.refused.clear(),
        37 => {
            world.drift = dice
                .pick(&[true, false])
                .then(|| vec!["Deployment/web changed".into()])
        }
        38 => world.state.action = None,
        _ => world.now += 5_000,
    }
}

#[test]
fn whatever_happens_in_whatever_order_it_ends_with_what_is_wished_for() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let mut world = start(&mut dice);
        let speaker = usize::try_from(seed).unwrap() % SPEAKERS.len();
        world.object["apiVersion"] = json!(SPEAKERS[speaker]);
        world.wish.policy.actions.upgrade.cleanup = Some(seed % 2 == 0);
        world.wish.policy.actions.rollback.cleanup = Some(seed % 3 == 0);
        for _ in 0..dice.below(150) {
            happens(&mut world, &mut dice);
        }
        world.heals();
        world.slow = false;
        world.failing.clear();
        world.refused.clear();
        world.fuse = None;
        world.conflict = None;
        world.drift = None;
        world.wish.suspended = false;
        world.wants("9.0.0");
        world.chart.objects.truncate(2);
        world.finish();
        // Of a revision that was pruned nobody knows what it left.
        if world.wish.policy.max_history.is_none() {
            let left: Vec<_> = world.objects.keys().collect();
            assert_eq!(left, ["Deployment/web", "Service/web"], "seed {seed}");
        }
        let newest = world.records.values().next_back().unwrap();
        assert_eq!(
            newest.status,
            Status::Deployed,
            "seed {seed}: {}",
            world.history()
        );
        assert_eq!(newest.chart.inputs.chart_version, "9.0.0", "seed {seed}");
        assert_eq!(
            world.conditions["Ready"].is,
            Is::True,
            "seed {seed}: {:?}",
            world.conditions
        );
        assert_eq!(world.conditions["Stalled"].is, Is::False, "seed {seed}");
        assert_eq!(
            world.history().matches(" deployed").count(),
            1,
            "seed {seed}: {}",
            world.history()
        );
        assert_eq!(world.counters(), (0, 0, 0), "seed {seed}");
        world.outcome();
        all_is_well(&world);
    }
}

/// What the object says in the words of its dialect.
fn all_is_well(world: &World) {
    let status = &world.object["status"];
    let generation = json!(world.generation);
    match world.object["apiVersion"].as_str().unwrap() {
        "helm.fluxcd.io/v1" => {
            assert_eq!(status["phase"], "Succeeded");
            assert_eq!(status["releaseStatus"], "deployed");
            assert_eq!(status["revision"], "9.0.0");
            assert_eq!(status["rollbackCount"], json!(null));
            assert_eq!(status["observedGeneration"], generation);
            assert!(world.in_words("Released").starts_with("True Succeeded"));
        }
        "flux.weave.works/v1beta1" => {
            assert_eq!(status["releaseStatus"], "DEPLOYED");
            assert!(world.in_words("Released").starts_with("True HelmSuccess"));
        }
        "helm.toolkit.fluxcd.io/v2" => {
            assert_eq!(status["observedGeneration"], generation);
            assert_eq!(status["lastAttemptedRevision"], "9.0.0");
            assert_eq!(status["history"][0]["chartVersion"], "9.0.0");
            assert_eq!(status["failures"], json!(null));
        }
        _ => {
            assert_eq!(status["deployedRelease"]["name"], "web");
            assert!(world.in_words("Deployed").ends_with("notes of 9.0.0"));
            for kind in ["ReleaseFailed", "Irreconcilable"] {
                let said = world.in_words(kind);
                assert!(!said.starts_with("True"), "{kind} {said}");
            }
        }
    }
}

/// Whose words the object has.
const SPEAKERS: [&str; 4] = [
    "helm.toolkit.fluxcd.io/v2",
    "helm.fluxcd.io/v1",
    "flux.weave.works/v1beta1",
    "charts.example.com/v1alpha1",
];
