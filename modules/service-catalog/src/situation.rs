//! What a run sees. All of it is small data: whoever fills it in has read, resolved and merged already.

use serde::{Deserialize, Serialize};

use crate::machine::upshot::Upshot;
use crate::state::Inputs;

/// What a run sees.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// What its object is.
    pub subject: Subject,
    /// The cluster's identifier, of which IDs are made: uid of the namespace `kube-system`.
    pub cluster: &'a str,
    /// `metadata.uid` of the object.
    pub uid: &'a str,
    /// `metadata.generation` of the object.
    pub generation: i64,
    /// `spec.externalID`; none to have one derived.
    pub given: Option<&'a str>,
    /// Milliseconds since 1970.
    pub now: u64,
    /// The object is being deleted.
    pub deleting: bool,
    /// `spec.deletionPolicy`.
    pub policy: DeletionPolicy,
    /// The annotation by which somebody who may do so leaves everything at the broker: who it was and why, as it is written.
    pub abandon: Option<&'a str>,
    /// How long credentials stay good that others take the place of (`spec.rotation.overlap`), in milliseconds: whatever else
    /// is wished for.
    pub overlap: Option<u64>,
    /// What is wished for, with class, plan and parameters found; of a binding also its instance, ready.
    pub wish: Result<Wish, Obstacle>,
    /// Whether the broker can be asked: its object, its credentials and its certificates are there.
    pub broker: Result<(), Obstacle>,
    /// Bindings of an instance that may have something at the broker, as `namespace/name`.
    pub dependents: &'a [String],
    /// The Secret of a binding.
    pub secret: Secret,
    /// What became of the last turn's effects; none after a restart.
    pub report: Option<Report>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A service instance.
    Instance,
    /// A binding.
    Binding,
}

/// What becomes of it at the broker when its object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum DeletionPolicy {
    /// It goes too.
    #[default]
    Deprovision,
    /// It stays.
    Abandon,
}

/// What is wished for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// What it is made with.
    pub inputs: Inputs,
    /// The plan's `maximum_polling_duration` in milliseconds.
    pub polling: Option<u64>,
    /// Another plan may be wished for (`plan_updateable`).
    pub plan_updateable: bool,
    /// Credentials can be read again (`bindings_retrievable`).
    pub retrievable: bool,
    /// The broker rotates by itself (`binding_rotatable`).
    pub rotatable: bool,
    /// `spec.rotation`; none where bindings are only rotated on request.
    pub rotation: Option<Rotation>,
    /// A request to rotate, as it is written; another one than before is heard once.
    pub rotate: Option<String>,
}

/// How a binding is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long before the credentials expire, in milliseconds, where the broker says nothing of its own.
    pub before: u64,
    /// How long the old credentials stay, in milliseconds.
    pub overlap: u64,
}

/// Why nothing can be brought about, before a broker was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// One CamelCase word, such as `ReferencesNonexistentServicePlan`.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// Milliseconds after which it may be better by itself; none where something has to change.
    pub retry: Option<u64>,
}

/// The Secret of a binding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Secret {
    /// There is none.
    #[default]
    Absent,
    /// It is the binding's own, with the credentials of this ID.
    Own(String),
    /// Somebody else's has that name: whose, for people.
    Foreign(String),
}

/// What became of the last turn's effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Tag of that turn.
    pub tag: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How the effects of a turn went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The broker was asked, and this is what it came to. No secret is in its text.
    Came(Upshot),
    /// Another effect than a call was refused, and the call was not made.
    Refused(Refusal),
}

/// An effect that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused and why. No secret is in it.
    pub message: String,
}
