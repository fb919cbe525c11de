//! Many seeds of a play, and what there is to say of the one that failed. One seed alone is told request by request.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;

use crate::chance::Chance;
use crate::faults::{Fault, Mishap, every};
use crate::play::Play;
use crate::run::{Tale, Weather, tell};

/// One seed.
const ONE: &str = "OARLOCK_FAULT_SEED";
/// How many.
const MANY: &str = "OARLOCK_FAULT_SEEDS";

/// So many are run where nobody says how many.
const DEFAULT: u64 = 200;

/// In so many seeds every fault happens.
const ALL_FAULTS: u64 = 1000;

/// Runs of a failing seed that are spent on finding out which faults it needs.
const SHRINKING: usize = 300;

/// The ends of stories without faults.
#[derive(Default)]
pub(crate) struct Ends(Mutex<BTreeMap<String, Value>>);

impl Ends {
    /// The end of a seed's story.
    fn of(&self, play: &dyn Play, seed: u64) -> Value {
        let name = play.story(Chance::new(seed)).name;
        if let Some(end) = self.0.lock().get(&name) {
            return end.clone();
        }
        let calm = tell(play, seed, Weather::Calm);
        assert!(
            calm.violations.is_empty(),
            "{name} without faults: {:#?}\n{}",
            calm.violations,
            calm.story.join("\n")
        );
        self.0.lock().insert(name, calm.end.clone());
        calm.end
    }
}

/// Runs one seed, and compares its end with that of its story.
fn check(play: &dyn Play, ends: &Ends, seed: u64, spared: BTreeSet<Mishap>) -> Tale {
    let wanted = ends.of(play, seed);
    let mut tale = tell(play, seed, Weather::Stormy(spared));
    let mut differences = Vec::new();
    compare("", &wanted, &tale.end, &mut differences);
    tale.violations.extend(differences);
    tale
}

/// Where two ends differ.
fn compare(at: &str, wanted: &Value, found: &Value, differences: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                compare(&format!("{at}/{key}"), &of(wanted), &of(found), differences);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{at}/{index}"), wanted, found, differences);
            }
        }
        _ if wanted == found => {}
        _ => differences.push(format!("the end differs at {at}: {found}, not {wanted}")),
    }
}

/// Runs as many seeds as it is told to, or the one.
#[expect(clippy::print_stderr, reason = "how much was tested is worth a line")]
pub(crate) fn sweep(play: &dyn Play) {
    let ends = Ends::default();
    if let Some(seed) = number(ONE) {
        let tale = check(play, &ends, seed, BTreeSet::new());
        eprintln!("{}\n", tale.log.join("\n"));
        eprintln!("{}", shown(play, seed, &tale));
        assert!(tale.violations.is_empty(), "seed {seed} fails");
        return;
    }
    let seeds = play.share(number(MANY).unwrap_or(DEFAULT));
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(0), Mutex::new(None::<u64>));
    let happened = Mutex::new(BTreeMap::<Fault, usize>::new());
    // Plays are swept side by side: each takes its part of the cores.
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 0..cores.div_ceil(2) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.lock().is_some() {
                        return;
                    }
                    let tale = check(play, &ends, seed, BTreeSet::new());
                    let mut happened = happened.lock();
                    for mishap in &tale.mishaps {
                        *happened.entry(mishap.fault).or_default() += 1;
                    }
                    drop(happened);
                    if !tale.violations.is_empty() {
                        let mut failed = failed.lock();
                        *failed = Some(failed.map_or(seed, |other| other.min(seed)));
                    }
                }
            });
        }
    });
    if let Some(seed) = failed.into_inner() {
        let tale = shrunk(play, &ends, seed);
        panic!("{}", shown(play, seed, &tale));
    }
    let happened = happened.into_inner();
    if seeds >= ALL_FAULTS {
        let unwanted = play.story(Chance::new(0)).unwanted;
        let missing: Vec<Fault> = every()
            .into_iter()
            .filter(|fault| !unwanted.contains(fault) && !happened.contains_key(fault))
            .collect();
        assert!(missing.is_empty(), "in {seeds} seeds never: {missing:?}");
    }
    eprintln!(
        "{}: {seeds} seeds in {:?}, {} faults: {happened:?}",
        play.name(),
        began.elapsed(),
        happened.values().sum::<usize>()
    );
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable}={text}: expected a number")))
}

/// The seed with as few faults as it fails with.
fn shrunk(play: &dyn Play, ends: &Ends, seed: u64) -> Tale {
    let mut best = check(play, ends, seed, BTreeSet::new());
    let mut spared = BTreeSet::new();
    let mut runs = 0;
    let mut size = best.mishaps.len().div_ceil(2);
    while size > 0 && runs < SHRINKING {
        let mut from = 0;
        while from < best.mishaps.len() && runs < SHRINKING {
            let some = best.mishaps.iter().skip(from).take(size).cloned();
            let more: BTreeSet<Mishap> = spared.iter().cloned().chain(some).collect();
            runs += 1;
            let tale = check(play, ends, seed, more.clone());
            if !tale.violations.is_empty() && tale.mishaps.len() < best.mishaps.len() {
                (best, spared) = (tale, more);
            } else {
                from += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    best
}

fn shown(play: &dyn Play, seed: u64, tale: &Tale) -> String {
    let name = play.name();
    let story = play.story(Chance::new(seed)).name;
    format!(
        "{name}, seed {seed}, story `{story}`:\n{}\nwhat is wrong:\n{}\n\
         replay: {ONE}={seed} cargo test -p oarlock-faults {name} -- --nocapture",
        tale.story.join("\n"),
        if tale.violations.is_empty() {
            "nothing".to_owned()
        } else {
            tale.violations.join("\n")
        }
    )
}

/// A play that cannot bear one of its faults.
struct Squeamish;

mod squeamish {
    use std::sync::Arc;

    use oarlock_config::Watch;
    use oarlock_core::reconciler::Reconciler;
    use oarlock_devcluster::Store;
    use serde_json::Value;

    use super::Squeamish;
    use crate::berth::Berths;
    use crate::chance::Chance;
    use crate::faults::Fault;
    use crate::outside::Witness;
    use crate::play::{Play, Record, Story};

    impl Play for Squeamish {
        fn name(&self) -> &'static str {
            "squeamish"
        }

        fn definitions(&self) -> Vec<Value> {
            Berths.definitions()
        }

        fn served(&self, seed: u64) -> (Watch, Arc<dyn Reconciler>) {
            Berths.served(seed)
        }

        fn story(&self, chance: Chance) -> Story {
            Berths.story(chance)
        }

        fn witness(&self, store: &Store) -> Witness {
            Berths.witness(store)
        }

        fn end(&self, store: &Store) -> Value {
            Berths.end(store)
        }

        fn violations(&self, record: &Record<'_>) -> Vec<String> {
            let hurts = record.happened(&[Fault::ServerError]);
            hurts.then(|| "it hurts".to_owned()).into_iter().collect()
        }
    }
}

#[test]
fn a_failure_is_shrunk_and_says_how_to_replay_it() {
    let ends = Ends::default();
    let fails = |seed: &u64| {
        let tale = check(&Squeamish, &ends, *seed, BTreeSet::new());
        let kinds: BTreeSet<Fault> = tale.mishaps.iter().map(|m| m.fault).collect();
        kinds.len() > 1 && kinds.contains(&Fault::ServerError)
    };
    let seed = (0..1000).find(fails).unwrap();
    let whole = check(&Squeamish, &ends, seed, BTreeSet::new());
    let tale = shrunk(&Squeamish, &ends, seed);
    let hurts = tale
        .mishaps
        .iter()
        .filter(|m| m.fault == Fault::ServerError);
    assert_eq!(hurts.count(), 1);
    assert!(tale.mishaps.len() < whole.mishaps.len());
    let shown = shown(&Squeamish, seed, &tale);
    let said = format!("\nwhat is wrong:\nit hurts\nreplay: OARLOCK_FAULT_SEED={seed} cargo test");
    assert!(shown.contains(&said), "{shown}");
    assert_eq!(shown.matches("ServerError: ").count(), 1, "{shown}");
}
