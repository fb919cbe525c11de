//! What has to survive a crash: the part of `.status` that the lifecycle remembers.
//!
//! It is a ledger: every ID that was ever sent to a broker to be made is in it from before it is sent until the broker says
//! that there is nothing under it. No parameter and no credential is ever in it.

use serde::{Deserialize, Serialize};

/// What is remembered between two runs, of an instance as of a binding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// What may be at the broker, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holdings: Vec<Holding>,
    /// What is under way. Written before its first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// How many IDs were drawn: none is drawn twice.
    pub attempts: u32,
    /// How many operations there were: numbers them.
    pub operations: u64,
    /// How many calls were answered: numbers them.
    pub calls: u64,
    /// What went wrong last; none after something went well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How often in a row something had to be made again.
    #[serde(skip_serializing_if = "is_nothing")]
    pub failures: u32,
    /// Nothing is begun before: milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<u64>,
    /// The request to rotate that was fulfilled, as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated: Option<String>,
    /// What was left at the broker on purpose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<String>,
}

fn is_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One ID that may be at a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// The ID.
    pub id: String,
    /// How sure it is that it is there, and what becomes of it.
    pub stand: Stand,
    /// What it was last made, or is being made, with.
    pub inputs: Inputs,
    /// Its plan's `maximum_polling_duration` in milliseconds; none where the plan names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polling: Option<u64>,
    /// Its credentials can be read again (`bindings_retrievable`).
    #[serde(default)]
    pub retrievable: bool,
    /// The broker said once that it made it, or makes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heard: bool,
    /// When its credentials were written, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<u64>,
    /// What the broker said of it.
    #[serde(default)]
    pub facts: Facts,
    /// Its deletion, where that waits and something else is done meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Box<Operation>>,
}

/// Where something is at a broker; all that a DELETE needs, so that it needs no other object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Place {
    /// The broker's object: `ClusterServiceBroker/name` or `ServiceBroker/namespace/name`.
    pub broker: String,
    /// `service_id`.
    pub service: String,
    /// `plan_id`.
    pub plan: String,
    /// The instance's ID, of a binding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// How sure it is that something is there, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "name")]
pub enum Stand {
    /// It was, or is about to be, asked for.
    Asked,
    /// It is there.
    Held,
    /// It is there; whether its last update was applied is not known.
    Unsure,
    /// The broker refused to make it: nothing should be there.
    Refused,
    /// Another one took its place.
    Superseded {
        /// When it goes, in milliseconds since 1970.
        until: u64,
    },
    /// It has to go.
    Leaving {
        /// Why.
        why: Leaving,
    },
}

/// Why something has to go from a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Leaving {
    /// Its object is deleted.
    Deleted,
    /// Making it went wrong, and it may be there nevertheless: orphan mitigation.
    Orphaned,
    /// Another one took its place, and the overlap is over.
    Superseded,
    /// The broker refused to make it, and its object is deleted: asked once more, to be sure.
    Refused,
}

/// What makes something what it is: with two equal ones there is nothing to update.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Inputs {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// Checksum of the parameters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parameters: String,
    /// `spec.updateRequests`: counting it up sends the same again.
    #[serde(skip_serializing_if = "is_nothing")]
    pub requests: i64,
    /// `maintenance_info.version` that is wished for; none where the plan has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<String>,
}

/// What a broker said of what it holds. Nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// `dashboard_url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<String>,
    /// `metadata.expires_at`, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// `metadata.renew_before`, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<u64>,
    /// The broker said that it cannot be used any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unusable: bool,
}

/// What is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// What it is.
    pub verb: Verb,
    /// The holding's ID.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// When it began, in milliseconds since 1970.
    pub since: u64,
    /// `metadata.generation` when it was last tried: another one is worth another try.
    pub generation: i64,
    /// How far it is.
    pub stage: Stage,
    /// Calls of this stage that were answered, or not, without an end.
    pub tries: u32,
    /// How often it was begun at the broker and came to nothing, so that it is begun again.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub rounds: u32,
    /// The next call is not made before: milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// What the last call came to, where it ended nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The request to rotate that it heeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// It was the Secret that was refused last, not the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unstored: bool,
    /// What an update brings about; of all else it is the holding's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Inputs>,
    /// The binding that it rotates: `predecessor_binding_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<String>,
    /// When the broker would not talk to us as we are, in milliseconds since 1970: whoever is woken asks again, as that may have
    /// been mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<u64>,
    /// What became of the update before it is not known: all of it is sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

/// What can be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Provision, or bind.
    Create,
    /// Update of an instance.
    Update,
    /// Deprovision, or unbind; also to mitigate orphans.
    Delete,
    /// Credentials are read again: their Secret is gone.
    Fetch,
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "name")]
pub enum Stage {
    /// The broker is asked for it.
    Asking,
    /// The broker works at it.
    Polling {
        /// What the broker calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
        /// Since when, in milliseconds since 1970.
        since: u64,
    },
    /// It is done; what it came to is read.
    Fetching,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What failed.
    pub verb: Verb,
    /// One CamelCase word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// What was to be brought about.
    pub inputs: Inputs,
    /// It is not tried again before something else is wished for.
    pub ends: bool,
}

impl Place {
    /// Whether an ID means the same in both: at one broker, of one service and one instance.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.broker == other.broker
            && self.service == other.service
            && self.instance == other.instance
    }
}

impl State {
    /// What is under an ID.
    #[must_use]
    pub fn holding(&self, id: &str) -> Option<&Holding> {
        self.holdings.iter().find(|holding| holding.id == id)
    }

    pub(crate) fn holding_mut(&mut self, id: &str) -> Option<&mut Holding> {
        self.holdings.iter_mut().find(|holding| holding.id == id)
    }

    /// What is there and is used; never more than one.
    #[must_use]
    pub fn current(&self) -> Option<&Holding> {
        self.holdings
            .iter()
            .find(|holding| matches!(holding.stand, Stand::Held | Stand::Unsure))
    }

    /// Whether anything may be at the broker that nobody wants.
    #[must_use]
    pub fn mitigates(&self) -> bool {
        self.holdings
            .iter()
            .any(|holding| holding.stand == Stand::orphan())
    }
}

impl Stand {
    pub(crate) const fn orphan() -> Self {
        Self::Leaving {
            why: Leaving::Orphaned,
        }
    }
}
