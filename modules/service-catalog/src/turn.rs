//! What a run decides: plain data that can be printed, compared and replayed.

use serde::{Deserialize, Serialize};

use crate::osb::Operation;
use crate::osb::table;
use crate::state::{Inputs, Place, State};

/// What a run decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Comes back in the next run's report.
    pub tag: String,
    /// In this order; the first that is refused ends it, and the state is not written then.
    pub effects: Vec<Effect>,
    /// Written after all effects.
    pub state: State,
    /// What conditions say now; others stay.
    pub conditions: Vec<Condition>,
    /// What happened.
    pub events: Vec<Event>,
    /// When it is decided again at the latest.
    pub requeue: Requeue,
    /// The object may go.
    pub finalized: bool,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Asks a broker; its answer comes in the next run's report.
    Call(Box<Call>),
    /// Writes the credentials of the answer that this turn was told into the binding's Secret. Refused where it is not the
    /// binding's own, or where the credentials cannot be written.
    Store {
        /// ID of the binding that they are of.
        id: String,
    },
    /// Deletes the binding's Secret, if it is its own.
    Withdraw,
    /// Reads the broker's catalog again.
    Relist {
        /// The broker.
        broker: String,
    },
}

/// One call to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is asked.
    pub ask: Ask,
    /// The ID that it is about.
    pub id: String,
    /// Where that is; an update's is the new plan.
    pub place: Place,
    /// How many calls there were before, about: `X-Broker-API-Request-Identity` is made of it. After a crash it is the same.
    pub serial: u64,
    /// Whether the user's identity goes along: never to mitigate an orphan, which no user asked for.
    pub originates: bool,
}

/// What a broker is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// PUT of an instance, with the wish's parameters.
    Provision,
    /// PATCH of an instance, with the wish's parameters.
    Update {
        /// What it was: `previous_values`.
        former: Inputs,
        /// All of it is sent, whatever differs: what became of an earlier update is not known.
        whole: bool,
    },
    /// DELETE of an instance.
    Deprovision,
    /// PUT of a binding, with the wish's parameters.
    Bind {
        /// `predecessor_binding_id`: then without parameters.
        predecessor: Option<String>,
    },
    /// DELETE of a binding.
    Unbind,
    /// GET of a binding.
    FetchBinding,
    /// GET of `last_operation`.
    Poll {
        /// What is polled.
        of: Operation,
        /// What the broker calls it.
        operation: Option<String>,
    },
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its type: `Ready`, `Failed` or `OrphanMitigation`.
    pub kind: &'static str,
    /// What it says.
    pub note: Note,
}

/// What a condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its status.
    pub is: Is,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Note {
    /// A note.
    #[must_use]
    pub fn new(is: Is, reason: &str, message: impl Into<String>) -> Self {
        Self {
            is,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Is {
    /// It is so.
    True,
    /// It is not.
    False,
    /// Nobody knows yet.
    Unknown,
}

/// One Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique per occurrence and object.
    pub key: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// When it is decided again at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// When something that was read changes.
    OnChange,
    /// At once, when effects and state are written.
    OnceWritten,
    /// At this instant: milliseconds since 1970.
    At(u64),
}

impl Turn {
    /// The call that it makes; never more than one.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Call(call) => Some(&**call),
            Effect::Store { .. } | Effect::Withdraw | Effect::Relist { .. } => None,
        })
    }
}

impl Ask {
    /// Its row of the response table; none of what only reads: [`fetched`](crate::machine::upshot::fetched).
    #[must_use]
    pub const fn row(&self) -> Option<table::Call> {
        Some(table::Call::Begin(match self {
            Self::Provision => Operation::Provision,
            Self::Update { .. } => Operation::Update,
            Self::Deprovision => Operation::Deprovision,
            Self::Bind { .. } => Operation::Bind,
            Self::Unbind => Operation::Unbind,
            Self::FetchBinding => return None,
            Self::Poll { of, .. } => return Some(table::Call::Poll(*of)),
        }))
    }
}
