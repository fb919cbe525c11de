//! What can go wrong, how often, and what went wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::clock::Clock;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::VirtualClock;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::chance::{Chance, Draw};

/// One way of going wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// 409 to a write, which has no effect.
    Conflict,
    /// 429 with Retry-After.
    Throttled,
    /// 500 without effect.
    ServerError,
    /// 503 without effect.
    Unavailable,
    /// No answer, no effect.
    LostBefore,
    /// No answer, but the write took effect.
    LostAfter,
    /// The connection breaks before the request is read.
    BrokenBefore,
    /// The connection breaks in the middle of the answer.
    BrokenAfter,
    /// 504, but the write took effect.
    GatewayTimeout,
    /// The operator dies before the write reaches the API server.
    CrashBefore,
    /// The operator dies before the answer of the write reaches it.
    CrashAfter,
    /// A watch cannot be opened.
    WatchRefused,
    /// A watch is answered 410 when it is opened.
    WatchExpired,
    /// A watch ends, as it does after its time.
    WatchClosed,
    /// A watch ends in the middle of a line.
    WatchBroken,
    /// The events of a watch are lost, and then it says 410: what was in between is never seen.
    WatchDropped,
    /// A watch tells nothing any more, and does not end.
    WatchSilent,
    /// A watch is late, on its own: kinds are seen in another order than they changed in.
    WatchLag,
    /// A watch tells an event twice.
    WatchRepeated,
    /// The module traps instead of answering.
    Trapped,
    /// The module does all that it does, and traps then.
    TrappedLate,
    /// The module is taken away for a while.
    ModuleDown,
    /// The module is replaced by a rebuilt one.
    ModuleSwapped,
    /// The module that the watch names is broken, the one before serves.
    ModuleBroken,
    /// The operator is taken away at any time.
    Killed,
    /// The operator is stopped as it should be, and started again.
    Restarted,
    /// A Pod is deleted.
    PodLost,
    /// The API server forgets its history.
    Compacted,
    /// The world outside is not reached.
    EffectRefused,
    /// The world outside answers 500, without effect.
    EffectFailed,
    /// The effect took place, its answer is lost.
    EffectUnanswered,
}

use Fault as F;

/// Faults that one place draws from.
pub(crate) const OF_WRITES: &[Fault] = &[
    F::Conflict,
    F::Throttled,
    F::ServerError,
    F::Unavailable,
    F::LostBefore,
    F::LostAfter,
    F::BrokenBefore,
    F::BrokenAfter,
    F::GatewayTimeout,
    F::CrashBefore,
    F::CrashAfter,
];
pub(crate) const OF_READS: &[Fault] = &[
    F::Throttled,
    F::ServerError,
    F::Unavailable,
    F::LostBefore,
    F::BrokenBefore,
    F::BrokenAfter,
];
pub(crate) const OF_OPENING: &[Fault] = &[F::WatchRefused, F::WatchExpired, F::LostBefore];
pub(crate) const OF_EVENTS: &[Fault] = &[
    F::WatchClosed,
    F::WatchBroken,
    F::WatchDropped,
    F::WatchSilent,
    F::WatchRepeated,
];
pub(crate) const OF_RUNS: &[Fault] = &[F::Trapped, F::TrappedLate];
pub(crate) const OF_EFFECTS: &[Fault] = &[F::EffectRefused, F::EffectFailed, F::EffectUnanswered];
/// Faults that happen at a time, not at a place.
pub(crate) const OF_TIMES: &[Fault] = &[
    F::ModuleDown,
    F::ModuleSwapped,
    F::ModuleBroken,
    F::Killed,
    F::Restarted,
    F::PodLost,
    F::Compacted,
];

/// Faults after which nobody knows whether a write took effect.
pub(crate) const UNHEARD: &[Fault] = &[
    F::LostAfter,
    F::BrokenAfter,
    F::GatewayTimeout,
    F::CrashAfter,
    F::Killed,
];

const ALL: &[&[Fault]] = &[
    OF_WRITES,
    OF_READS,
    OF_OPENING,
    OF_EVENTS,
    OF_RUNS,
    OF_EFFECTS,
    OF_TIMES,
    &[F::WatchLag],
];

/// Visits of one run: requests, events, runs of the module, calls of the world outside. A tenth of this is usual.
const MOST: usize = 10_000;

/// Whatever users wait for, the faults end after this time.
const LONGEST_STORM: Duration = Duration::from_secs(600);

/// Every fault there is.
pub(crate) fn every() -> BTreeSet<Fault> {
    ALL.iter().flat_map(|some| some.iter().copied()).collect()
}

/// How often what goes wrong in one run. Few kinds of faults at a time find more than all of them at once.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// In a thousand.
    rates: BTreeMap<Fault, u32>,
    /// How late a watch can be.
    pub(crate) lag: Duration,
    /// How late an answer can be.
    pub(crate) latency: Duration,
    /// How long one watch request lives.
    pub(crate) watch_timeout: Duration,
    /// Objects per page of a list.
    pub(crate) page_size: u32,
}

impl Profile {
    /// Nothing goes wrong.
    pub(crate) fn calm() -> Self {
        Self {
            rates: BTreeMap::new(),
            lag: Duration::ZERO,
            latency: Duration::ZERO,
            watch_timeout: Duration::from_secs(3600),
            page_size: 500,
        }
    }

    /// Of a seed, for a play in which `unwanted` cannot happen.
    pub(crate) fn of(chance: Chance, unwanted: &[Fault]) -> Self {
        let mut draw = chance.at("profile");
        let all: Vec<Fault> = every()
            .into_iter()
            .filter(|fault| !unwanted.contains(fault))
            .collect();
        let rates = if draw.permille(100) {
            all.iter().map(|fault| (*fault, 15)).collect()
        } else {
            let kinds = 1 + draw.below(5);
            let one = |_| {
                let fault = *draw.pick(&all);
                (fault, *draw.pick(&[30, 80, 150, 250, 400]))
            };
            (0..kinds).map(one).collect::<BTreeMap<Fault, u32>>()
        };
        let quiet = rates.contains_key(&F::WatchSilent);
        Self {
            lag: Duration::from_millis(*draw.pick(&[50, 500, 3000, 15_000])),
            latency: Duration::from_millis(*draw.pick(&[1, 5, 50])),
            // A watch that is silent is found out by its time-out.
            watch_timeout: Duration::from_secs(if quiet { 30 } else { 3600 }),
            page_size: *draw.pick(&[1, 2, 500, 500]),
            rates,
        }
    }

    pub(crate) fn rate(&self, fault: Fault) -> u32 {
        self.rates.get(&fault).copied().unwrap_or(0)
    }
}

/// Something that went wrong: which fault, and where or when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mishap {
    pub(crate) fault: Fault,
    pub(crate) place: String,
}

/// Decides what goes wrong, and writes it down.
#[derive(Clone)]
pub(crate) struct Injector {
    chance: Chance,
    pub(crate) profile: Arc<Profile>,
    clock: Arc<VirtualClock>,
    began: Timestamp,
    /// What is left out, to find out what is needed.
    spared: Arc<BTreeSet<Mishap>>,
    state: Arc<Mutex<State>>,
    /// Cancelled once more happens than can happen in good faith.
    flood: CancellationToken,
}

#[derive(Default)]
struct State {
    total: usize,
    /// How often each place was visited.
    visits: BTreeMap<String, u32>,
    over: bool,
    mishaps: Vec<Mishap>,
    story: Vec<(Timestamp, String)>,
    /// Every request to the API server and every call of the world outside, with what became of it.
    log: Vec<String>,
}

impl Injector {
    pub(crate) fn new(
        chance: Chance,
        profile: Profile,
        clock: Arc<VirtualClock>,
        spared: BTreeSet<Mishap>,
        flood: CancellationToken,
    ) -> Self {
        Self {
            chance,
            profile: Arc::new(profile),
            began: clock.now(),
            clock,
            spared: Arc::new(spared),
            state: Arc::default(),
            flood,
        }
    }

    /// Visits a place; gives its name with the number of the visit.
    pub(crate) fn visit(&self, place: &str) -> String {
        let mut state = self.state.lock();
        state.total += 1;
        if state.total > MOST {
            self.flood.cancel();
        }
        let visits = state.visits.entry(place.to_owned()).or_default();
        *visits += 1;
        format!("{place} #{visits}")
    }

    /// What goes wrong at a place that was just visited, if anything does.
    pub(crate) fn mishap(&self, visit: &str, of: &[Fault]) -> Option<Fault> {
        if self.is_over() || self.now().since(self.began) > LONGEST_STORM {
            return None;
        }
        of.iter().copied().find(|fault| {
            let rate = self.profile.rate(*fault);
            rate > 0
                && self.chance.at(&format!("{fault:?} {visit}")).permille(rate)
                && self.happens(*fault, visit)
        })
    }

    /// Notes a mishap, unless it is spared.
    pub(crate) fn happens(&self, fault: Fault, place: &str) -> bool {
        let mishap = Mishap {
            fault,
            place: place.to_owned(),
        };
        if self.spared.contains(&mishap) {
            return false;
        }
        self.tell(format!("{fault:?}: {place}"));
        self.state.lock().mishaps.push(mishap);
        true
    }

    /// The draws that belong to a visit, such as how late something is.
    pub(crate) fn draw(&self, what: &str, visit: &str) -> Draw {
        self.chance.at(&format!("{what} {visit}"))
    }

    /// How late an answer is.
    pub(crate) async fn delay(&self, what: &str, visit: &str) {
        if self.is_over() {
            return;
        }
        let time = self.draw(what, visit).time(self.profile.latency);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn end(&self) {
        self.tell("no more faults".to_owned());
        self.state.lock().over = true;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// For the story that a failing seed prints.
    pub(crate) fn tell(&self, what: String) {
        let at = self.clock.now();
        let mut state = self.state.lock();
        state.log.push(what.clone());
        state.story.push((at, what));
    }

    /// For the log that two runs of a seed must have in common.
    pub(crate) fn log(&self, what: String) {
        let passed = self.now().since(self.began).as_millis();
        let what = format!("{passed:>8} {what}");
        self.state.lock().log.push(what);
    }

    pub(crate) fn mishaps(&self) -> Vec<Mishap> {
        self.state.lock().mishaps.clone()
    }

    pub(crate) fn story(&self) -> Vec<(Timestamp, String)> {
        self.state.lock().story.clone()
    }

    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().log)
    }

    pub(crate) async fn until(&self, at: Timestamp) {
        Clock::sleep_until(&*self.clock, at).await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
