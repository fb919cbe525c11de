//! What holds for every number of replicas, every list of steps, and every pair of `maxSurge` and `maxUnavailable`.

use super::super::IntOrPercent::{Int, Percent};
use super::super::{Surge, split};
use super::chance::Chance;
use super::model::{Happening, Limits, Rollout};
use super::world::Health::{Broken, Good};

const MOST: u32 = 200;

const LIMITS: [Limits; 12] = [
    (Int(0), Int(0)),
    (Int(0), Int(1)),
    (Int(1), Int(0)),
    (Int(1), Int(1)),
    (Int(0), Int(5)),
    (Int(7), Int(3)),
    (Percent(25), Percent(25)),
    (Percent(10), Int(0)),
    (Int(0), Percent(30)),
    (Percent(100), Int(0)),
    (Int(0), Percent(100)),
    (Percent(1), Percent(99)),
];

const STEPS: [&[u32]; 8] = [
    &[100],
    &[10, 30, 60, 100],
    &[1, 99, 100],
    &[50, 100],
    &[33, 66, 100],
    &[5, 10, 15, 20, 25, 50, 75, 95, 100],
    &[1, 2, 3, 100],
    &[98, 99, 100],
];

#[test]
fn row_01_never_none_and_never_all_between_1_and_99_percent() {
    for replicas in 0..=MOST {
        for max_surge in 0..=2 {
            let surge = Surge {
                max_surge,
                max_unavailable: 1,
            };
            let mut before = 0;
            for weight in 0..=100 {
                let found = split(replicas, weight, surge);
                let total = found.canary + found.stable;
                let told = format!("{replicas} at {weight} % and {max_surge}: {found:?}");
                assert!(total >= replicas, "{told}");
                assert!(total <= replicas + max_surge.min(1), "{told}");
                // Each percent is at least as much as the one before.
                assert!(found.canary >= before, "{told}");
                before = found.canary;
                match weight {
                    0 => assert_eq!(found.canary, 0, "{told}"),
                    100 => assert_eq!((found.canary, found.stable), (replicas, 0), "{told}"),
                    _ if replicas + max_surge >= 2 && replicas > 0 => {
                        assert!(found.canary > 0 && found.stable > 0, "{told}");
                    }
                    _ => assert_eq!(total, replicas, "{told}"),
                }
                // Less than a Pod from what was asked for, half a one where nothing is in the way.
                let off = (found.canary * 100).abs_diff(weight * total);
                let rim = replicas * weight.min(100 - weight) < 100;
                assert!(off <= if rim { 100 } else { 50 }, "{told}: {off}");
            }
        }
    }
}

/// How many reconciles a rollout may take where all is well: each moves as many Pods as surge and unavailable ones allow,
/// and a Pod moves twice, here and there.
fn bound(replicas: u32, surge: Surge) -> u32 {
    let (floor, ceiling) = (surge.floor(replicas), surge.ceiling(replicas));
    2 * replicas.div_ceil((ceiling - floor).max(1)) + 4
}

#[test]
fn row_05_row_06_every_rollout_reaches_every_step() {
    for replicas in 0..=MOST {
        for (number, limits) in LIMITS.into_iter().enumerate() {
            let half = (usize::try_from(replicas).unwrap() + number) % 2;
            for steps in STEPS.into_iter().skip(half).step_by(2) {
                let mut rollout =
                    Rollout::new(replicas, limits, Good, Good).strict(number % 2 == 0);
                let mut taken = 0;
                for weight in steps {
                    rollout.weight = *weight;
                    taken += rollout.rest();
                    let goal = rollout.goal();
                    assert_eq!(rollout.sizes(), (goal.canary, goal.stable, 0), "{rollout}");
                }
                let most =
                    bound(replicas, rollout.surge()) + 3 * u32::try_from(steps.len()).unwrap();
                assert!(taken <= most, "{rollout}: {taken} of {most}");
            }
        }
    }
}

/// Deployments act late, Pods get ready late and end late, and a reconcile may come at any time; a quarter of them is
/// given up half-way. As no Pod fails, the floor itself holds, not only what the rollout takes away.
#[test]
fn row_05_row_06_late_pods_leave_neither_floor_nor_ceiling() {
    for replicas in 0..=MOST {
        for (number, limits) in LIMITS.into_iter().enumerate() {
            let seed = u64::from(replicas) << 8 | number as u64;
            let mut chance = Chance::new(seed);
            let canary = chance.of(&[Good, Good, Good, Broken]);
            let strict = chance.once_in(2);
            let mut rollout = Rollout::new(replicas, limits, canary, Good).strict(strict);
            let floor = rollout.surge().floor(replicas);
            for weight in chance.of(&STEPS) {
                let abort = chance.once_in(16);
                rollout.weight = if abort { 0 } else { *weight };
                for _ in 0..24 {
                    rollout.happen(&mut chance, Happening::Obedience);
                    rollout.happen(&mut chance, Happening::Time);
                    if chance.once_in(2) {
                        rollout.reconcile();
                    }
                    assert!(rollout.available() >= floor, "{seed}: {rollout}");
                }
                if abort {
                    break;
                }
            }
            rollout.canary.health = Good;
            rollout.rest();
            let goal = rollout.goal();
            assert_eq!(rollout.sizes(), (goal.canary, goal.stable, 0), "{rollout}");
        }
    }
}

#[test]
fn row_13_a_canary_that_never_gets_ready_takes_no_more_than_the_surge_and_is_given_up() {
    for replicas in 0..=MOST {
        for limits in LIMITS {
            let mut rollout = Rollout::new(replicas, limits, Broken, Good);
            for weight in [10, 60, 100] {
                rollout.weight = weight;
                rollout.rest();
                let (goal, surge) = (rollout.goal(), rollout.surge());
                let stable = surge.floor(replicas).max(goal.stable);
                let canary = goal.canary.min(surge.ceiling(replicas) - stable);
                assert_eq!(rollout.sizes(), (canary, stable, 0), "{rollout}");
            }
            rollout.weight = 0;
            rollout.rest();
            assert_eq!(rollout.sizes(), (0, replicas, 0), "{rollout}");
            assert_eq!(rollout.stable.available, replicas);
        }
    }
}

#[test]
fn row_14_a_stable_version_that_never_gets_ready_is_replaced() {
    for replicas in 0..=MOST {
        for limits in LIMITS {
            let mut rollout = Rollout::new(replicas, limits, Good, Broken);
            for weight in [10, 60, 100] {
                rollout.weight = weight;
                rollout.rest();
                let goal = rollout.goal();
                assert_eq!(rollout.sizes(), (goal.canary, goal.stable, 0), "{rollout}");
            }
            assert_eq!(rollout.canary.available, replicas);
        }
    }
}

#[test]
fn row_10_a_third_version_and_a_revert_reach_their_goal_from_anywhere() {
    for replicas in 0..=MOST {
        for (number, limits) in LIMITS.into_iter().enumerate() {
            let weight = STEPS[5][number % STEPS[5].len()];
            let broken = number % 3 == 0;
            let second = if broken { Broken } else { Good };
            let mut chance = Chance::new(u64::from(replicas) << 8 | number as u64);
            let mut rollout = Rollout::new(replicas, limits, second, Good).strict(number % 2 == 0);
            rollout.weight = weight;
            for _ in 0..chance.below(12) {
                rollout.reconcile();
                rollout.happen(&mut chance, Happening::Obedience);
                rollout.happen(&mut chance, Happening::Time);
            }
            rollout.happen(&mut chance, Happening::Third);
            rollout.canary.health = Good;
            for weight in [10, 100] {
                rollout.weight = weight;
                rollout.rest();
                let goal = rollout.goal();
                assert_eq!(rollout.sizes(), (goal.canary, goal.stable, 0), "{rollout}");
            }
            rollout.weight = 50;
            rollout.rest();
            rollout.happen(&mut chance, Happening::Revert);
            rollout.weight = 100;
            rollout.rest();
            assert_eq!(rollout.sizes(), (replicas, 0, 0), "{rollout}");
        }
    }
}

/// Everything at any time: Pods come late, fail, and end late; somebody scales; steps go up, are given up, are overtaken.
/// Whatever it was, a kind world afterwards ends at the goal.
#[test]
fn row_03_whatever_happens_at_any_tick_nothing_is_broken_and_the_goal_is_reached() {
    for seed in 0..8_000 {
        let mut chance = Chance::new(seed);
        let replicas = u32::try_from(seed).unwrap() % (MOST + 1);
        let limits = chance.of(&LIMITS);
        let [canary, stable] = [
            chance.of(&[Good, Good, Broken]),
            chance.of(&[Good, Good, Good, Broken]),
        ];
        let mut rollout = Rollout::new(replicas, limits, canary, stable).strict(chance.once_in(2));
        for _ in 0..chance.below(120) {
            let happening = match chance.below(40) {
                0 => Happening::Scaling,
                1 | 2 => Happening::Weight(chance.of(&[0, 1, 10, 30, 50, 60, 90, 99, 100])),
                3 if rollout.older.len() < 3 => Happening::Third,
                4 => Happening::Revert,
                5..8 => Happening::Crash,
                8..24 => Happening::Time,
                _ => Happening::Obedience,
            };
            rollout.happen(&mut chance, happening);
            if !chance.once_in(3) {
                rollout.reconcile();
                rollout.forget();
            }
        }
        rollout.canary.health = Good;
        if rollout.stable.health == Broken {
            // What serves stays where nothing else can, but for a full promotion.
            rollout.weight = 100;
        }
        rollout.rest();
        let goal = rollout.goal();
        assert_eq!(
            rollout.sizes(),
            (goal.canary, goal.stable, 0),
            "{seed}: {rollout}"
        );
        let serving = rollout.canary.available + rollout.stable.available;
        assert!(serving >= rollout.replicas, "{seed}: {rollout}");
    }
}
