//! The same seed twice is the same history, request by request: without that no failure could be replayed.

use std::collections::BTreeSet;

use crate::berth::Berths;
use crate::canary::Canaries;
use crate::component;
use crate::deployer::Deployers;
use crate::play::Play;
use crate::run::{Weather, tell};

/// So many seeds of each play are run twice.
const SEEDS: u64 = 30;

fn check(play: &dyn Play) {
    let seeds = std::env::var("OARLOCK_FAULT_TWICE").map_or(SEEDS, |text| text.parse().unwrap());
    for seed in (0..seeds).filter(|seed| !component::is_real(*seed)) {
        let told = || tell(play, seed, Weather::Stormy(BTreeSet::new()));
        let (first, second) = (told(), told());
        let differs = first
            .log
            .iter()
            .zip(&second.log)
            .position(|(first, second)| first != second);
        if let Some(at) = differs {
            let some = |log: &[String]| log[at.saturating_sub(5)..log.len().min(at + 5)].join("\n");
            panic!(
                "{} seed {seed} differs from entry {at} on:\n{}\n---\n{}",
                play.name(),
                some(&first.log),
                some(&second.log)
            );
        }
        assert_eq!(first.log.len(), second.log.len(), "seed {seed}");
        assert_eq!(first.story, second.story, "seed {seed}");
        assert_eq!(first.end, second.end, "seed {seed}");
        assert!(first.log.len() > 20, "seed {seed}: {:#?}", first.log);
    }
}

#[test]
fn a_seed_of_the_deployer_is_one_history() {
    check(&Deployers);
}

#[test]
fn a_seed_of_the_canary_is_one_history() {
    check(&Canaries);
}

#[test]
fn a_seed_of_the_berth_is_one_history() {
    check(&Berths);
}
