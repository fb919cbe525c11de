//! One run of one seed: the story, the faults, and what is left.

mod stage;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Once;
use std::time::Duration;

use http::Method;
use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use crate::chance::Chance;
use crate::faults::{Injector, Mishap, Profile};
use crate::gate::Sent;
use crate::play::{Play, Record, Story};
use stage::Stage;

/// How long it may take until all is as it should be, once the faults have stopped.
const PATIENCE: Duration = Duration::from_secs(900);

/// How long nothing must happen then.
const REST: Duration = Duration::from_secs(600);

/// Writes that one life of the operator may make within a minute, whatever goes wrong.
const MOST_PER_MINUTE: usize = 400;

/// What became of a seed.
pub(crate) struct Tale {
    pub(crate) mishaps: Vec<Mishap>,
    /// What happened when, since the beginning.
    pub(crate) story: Vec<String>,
    /// Every request with its answer, every fault, every act, in order.
    pub(crate) log: Vec<String>,
    pub(crate) end: Value,
    pub(crate) violations: Vec<String>,
}

/// Whether anything goes wrong.
pub(crate) enum Weather {
    Calm,
    /// All but these.
    Stormy(BTreeSet<Mishap>),
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The engine survives a panic in a run, so nobody else would notice.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with(|panics| panics.borrow_mut().push(panic.to_string()));
            before(panic);
        }));
    });
}

/// Runs a seed.
pub(crate) fn tell(play: &dyn Play, seed: u64, weather: Weather) -> Tale {
    note_panics();
    PANICS.with(|panics| panics.borrow_mut().clear());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut tale = runtime.block_on(perform(play, seed, weather));
    drop(runtime);
    let panics = PANICS.with(|panics| std::mem::take(&mut *panics.borrow_mut()));
    tale.violations.extend(
        panics
            .iter()
            .map(|panic| format!("a task panicked: {panic}")),
    );
    tale
}

async fn perform(play: &dyn Play, seed: u64, weather: Weather) -> Tale {
    let chance = Chance::new(seed);
    let story = play.story(chance);
    let (profile, spared) = match weather {
        Weather::Calm => (Profile::calm(), BTreeSet::new()),
        Weather::Stormy(spared) => (Profile::of(chance, &story.unwanted), spared),
    };
    let mut stage = Stage::set(play, &story, seed, profile, spared);
    let (began, since) = (stage.now(), stage.home.cluster.store().revision());
    stage.begin();
    let flood = stage.flood.clone();
    let told = tokio::select! {
        biased;
        () = flood.cancelled() => None,
        told = to_the_end(play, &story, &mut stage) => Some(told),
    };
    let (mut violations, settled, end) = told.unwrap_or_else(|| {
        let changes: Vec<String> = stage.chronicle.latest();
        let what = format!("somebody runs in a circle: {}", changes.join("; "));
        (vec![what], usize::MAX, Value::Null)
    });
    let requests = stage.home.requests.lock().clone();
    for request in requests.iter().skip(settled) {
        if request.method != Method::GET || !request.path.contains("watch=true") {
            violations.push(format!(
                "after {PATIENCE:?} of peace there is no rest: {} {}",
                request.method, request.path
            ));
        }
    }
    violations.extend(too_many(&requests));
    for object in stage.watchman.doubled() {
        violations.push(format!("two runs of {object} at once"));
    }
    let injector = stage.home.injector.clone();
    let mishaps = injector.mishaps();
    let entries = stage.chronicle.all().await;
    let effects = stage.home.outside.effects();
    let record = Record {
        story: &story,
        entries: &entries,
        since,
        requests: &requests,
        effects: &effects,
        done: &stage.home.outside.done(),
        store: stage.home.cluster.store(),
        mishaps: &mishaps,
    };
    violations.extend(play.violations(&record));
    stage.strike().await;
    Tale {
        mishaps,
        story: story_lines(&injector, began),
        log: injector.take_log(),
        end,
        violations,
    }
}

/// The story, peace, and rest. Gives what was waited for in vain, how many requests there were before the rest, and the end.
async fn to_the_end(
    play: &dyn Play,
    story: &Story,
    stage: &mut Stage,
) -> (Vec<String>, usize, Value) {
    let violations = stage.act(story).await;
    stage.mend().await;
    stage.pass(PATIENCE).await;
    let settled = stage.home.requests.lock().len();
    let end = play.end(stage.home.cluster.store());
    stage.pass(REST).await;
    (violations, settled, end)
}

fn story_lines(injector: &Injector, began: Timestamp) -> Vec<String> {
    let line = |(at, what): (Timestamp, String)| {
        let passed = at.since(began).as_millis();
        format!("{:>5}.{:03} {what}", passed / 1000, passed % 1000)
    };
    injector.story().into_iter().map(line).collect()
}

/// A loop that nothing holds up.
fn too_many(requests: &[Sent]) -> Option<String> {
    let writes: Vec<&Sent> = requests
        .iter()
        .filter(|request| request.method != Method::GET)
        .collect();
    let hot = writes.windows(MOST_PER_MINUTE + 1).find(|window| {
        let (first, last) = (window[0], window[MOST_PER_MINUTE]);
        first.life == last.life && last.at.since(first.at) < Duration::from_secs(60)
    })?;
    Some(format!(
        "more than {MOST_PER_MINUTE} writes within a minute, the last: {} {}",
        hot[MOST_PER_MINUTE].method, hot[MOST_PER_MINUTE].path
    ))
}
