//! The broker: what a test holds in its hand.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use crate::answer::{Given, Wait};
use crate::asked::Asked;
use crate::catalog::Catalog;
use crate::journal::{Entry, Violation};
use crate::ledger::{Failure, Lifetime, Record};
use crate::script::{Behaviour, Op};
use crate::state::State;

/// A broker. Copies are the same one.
#[derive(Clone)]
pub struct Broker {
    state: Arc<Mutex<State>>,
    /// Changes with everything that happens.
    happened: Arc<watch::Sender<u64>>,
    /// How often what was held was let go.
    released: Arc<watch::Sender<u64>>,
}

/// Who may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    #[default]
    Open,
    /// User and password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

impl Broker {
    /// With this on offer, nothing made yet, open to anybody.
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(catalog))),
            happened: Arc::new(watch::Sender::new(0)),
            released: Arc::new(watch::Sender::new(0)),
        }
    }

    /// What is done with a request. What has to be waited for is told, not waited for.
    #[must_use]
    pub fn answer(&self, asked: &Asked) -> Given {
        let release = *self.released.borrow();
        let given = self.state.lock().answer(asked, release);
        self.happen();
        given
    }

    /// The same, and waits.
    pub async fn serve(&self, asked: &Asked) -> crate::Reply {
        let given = self.answer(asked);
        self.wait(given.wait).await;
        given.reply
    }

    /// Waits as long as an answer has to.
    pub(crate) async fn wait(&self, wait: Wait) {
        match wait {
            Wait::None => {}
            Wait::For(duration) => tokio::time::sleep(duration).await,
            Wait::Release(number) => {
                let _held = Held(self);
                let mut released = self.released.subscribe();
                // The sender lives as long as we do.
                let _open = released.wait_for(|times| *times > number).await;
            }
        }
    }

    fn happen(&self) {
        self.happened.send_modify(|times| *times += 1);
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock());
        self.happen();
        changed
    }

    // === How it behaves ===

    /// The next such request, after those that were spoken for before, is treated so.
    pub fn next(&self, op: Op, behaviour: Behaviour) {
        self.times(op, 1, behaviour);
    }

    /// The next such requests are treated so.
    pub fn times(&self, op: Op, times: usize, behaviour: Behaviour) {
        self.change(|state| state.script.next(op, times, &behaviour));
    }

    /// All such requests that nothing else was said of are treated so.
    pub fn always(&self, op: Op, behaviour: Behaviour) {
        self.change(|state| state.script.always(op, behaviour));
    }

    /// From now on everything is as it should be. What never ends does not end by that: [`Self::finish`].
    pub fn well(&self) {
        self.change(|state| state.script.clear());
    }

    /// How many behaviours of [`Self::next`] and [`Self::times`] were not needed yet.
    #[must_use]
    pub fn unused(&self) -> usize {
        self.state.lock().script.left()
    }

    /// Brings the operation on an instance or a binding to a good end, and says whether there was one: the next poll is told.
    pub fn finish(&self, id: &str) -> bool {
        self.change(|state| state.conclude(id, None))
    }

    /// Brings the operation on an instance or a binding to a bad end, and says whether there was one: the next poll is told.
    pub fn fail(&self, id: &str) -> bool {
        self.change(|state| state.conclude(id, Some(Failure::default())))
    }

    /// Lets go all answers that are held.
    pub fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    /// How many answers are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.lock().held
    }

    /// Who may ask from now on.
    pub fn access(&self, access: Access) {
        self.change(|state| state.access = access);
    }

    /// Changes what is on offer; the catalog's `ETag` is another one from now on.
    pub fn catalog(&self, change: impl FnOnce(&mut Catalog)) {
        self.change(|state| {
            change(&mut state.catalog);
            state.edition += 1;
        });
    }

    /// Whether the catalog has an `ETag`. It has.
    pub fn etags(&self, there_are: bool) {
        self.change(|state| state.etags = there_are);
    }

    /// Bindings that are made from now on end so.
    pub fn lifetime(&self, lifetime: Option<Lifetime>) {
        self.change(|state| state.lifetime = lifetime);
    }

    /// Something vanishes at the broker, without anybody having asked: an operator of it removed it.
    pub fn vanish(&self, id: &str) -> bool {
        self.change(|state| state.vanish(id))
    }

    // === What is there, and what came ===

    /// Instances that are at the broker, whole or half.
    #[must_use]
    pub fn instances(&self) -> Vec<Record> {
        self.records(false)
    }

    /// Bindings that are at the broker, whole or half.
    #[must_use]
    pub fn bindings(&self) -> Vec<Record> {
        self.records(true)
    }

    fn records(&self, bindings: bool) -> Vec<Record> {
        let state = self.state.lock();
        let records = state.ledger.there.iter();
        records
            .filter(|(key, _)| key.binding.is_some() == bindings)
            .map(|(_, record)| record.clone())
            .collect()
    }

    /// Identifiers of what was there and was removed.
    #[must_use]
    pub fn removed(&self) -> Vec<String> {
        let state = self.state.lock();
        state
            .ledger
            .graves
            .keys()
            .map(|key| key.id().to_owned())
            .collect()
    }

    /// What a binding gives away, also one that is gone: recognisable wherever it turns up. None where there was none.
    #[must_use]
    pub fn credentials_of(&self, binding: &str) -> Option<Value> {
        self.state.lock().given_away.get(binding).cloned()
    }

    /// Every text that must not turn up anywhere but in a Secret: what was ever given away, passwords, tokens.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().secrets()
    }

    /// What came, in order.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.state.lock().journal.clone()
    }

    /// What came of one kind, in order.
    #[must_use]
    pub fn asked(&self, op: Op) -> Vec<Entry> {
        let state = self.state.lock();
        let entries = state.journal.iter();
        entries
            .filter(|entry| entry.op == Some(op))
            .cloned()
            .collect()
    }

    /// What came and how it was answered, a line for each: `provision 202`. Short, for snapshots.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let state = self.state.lock();
        state.journal.iter().map(Entry::call).collect()
    }

    /// Forgets what came, but not what is there; violations stay.
    pub fn forget(&self) {
        self.change(|state| state.journal.clear());
    }

    /// What a platform must not do and did: empty, or the test fails.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.state.lock().violations.clone()
    }

    /// Waits until it is so.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let mut happened = self.happened.subscribe();
        while !is_so(self) {
            // The sender lives as long as we do.
            let _open = happened.changed().await;
        }
    }

    /// All that is to be known of it, as JSON: for who asks from another process.
    pub(crate) fn report(&self) -> Value {
        serde_json::json!({
            "instances": self.instances(),
            "bindings": self.bindings(),
            "removed": self.removed(),
            "violations": self.violations(),
            "held": self.held(),
            "unused": self.unused(),
        })
    }

    /// What there was before is forgotten: instances, bindings, script, journal, violations. Catalog and access stay.
    pub fn reset(&self) {
        self.change(State::reset);
    }
}

/// An answer that is held, until it is let go or nobody waits for it any more.
struct Held<'a>(&'a Broker);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.held -= 1);
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Broker")
            .field("there", &state.ledger.there.len())
            .field("requests", &state.journal.len())
            .field("violations", &state.violations.len())
            .finish_non_exhaustive()
    }
}
