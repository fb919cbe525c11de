//! What a library read: the questions, digests of the answers, and how to ask again.

use std::any::Any;
use std::fmt::{self, Write as _};
use std::time::Duration;

use oarlock_core::artifact::Source;
use oarlock_core::reconciler::{ArtifactRequest, Host, Selection};
use oarlock_core::reference::{Digest, ObjectRef};
use sha2::{Digest as _, Sha256};

/// A question to the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Get(ObjectRef, Option<String>),
    GetLive(ObjectRef, Option<String>),
    Query(Selection),
    Children,
    Observe(Vec<ObjectRef>),
    Kinds,
    Fetch(Box<ArtifactRequest>),
    Versions(Source, Option<String>, Duration),
    Artifact(Digest),
}

/// Digest of an answer of the host, of a refusal too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum([u8; 32]);

/// An answer that waits to be asked for.
pub(super) type Prepared = Box<dyn Any + Send>;

impl Sum {
    /// The text of `answer` for debugging has all of it.
    pub(super) fn of(answer: &impl fmt::Debug) -> Self {
        let mut hasher = TextHasher(Sha256::new());
        let _infallible = write!(hasher, "{answer:?}");
        Self(hasher.0.finalize().into())
    }

    /// Bytes that are called by their digest need not be looked at again, but they have to be permitted.
    pub(super) fn of_permission<T, E: fmt::Debug>(answer: &Result<T, E>) -> Self {
        Self::of(&answer.as_ref().map(|_permitted| ()))
    }
}

struct TextHasher(Sha256);

impl fmt::Write for TextHasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

impl Read {
    /// Asks `host`.
    pub(super) async fn ask(&self, host: &dyn Host) -> (Sum, Prepared) {
        fn kept<T: fmt::Debug + Send + 'static>(answer: T) -> (Sum, Prepared) {
            (Sum::of(&answer), Box::new(answer))
        }
        match self.clone() {
            Self::Get(target, act_as) => kept(host.get(target, act_as).await),
            Self::GetLive(target, act_as) => kept(host.get_live(target, act_as).await),
            Self::Query(selection) => kept(host.query(selection).await),
            Self::Children => kept(host.children().await),
            Self::Observe(targets) => kept(host.observe(targets).await),
            Self::Kinds => kept(host.kinds().await),
            Self::Fetch(request) => kept(host.fetch(*request).await),
            Self::Versions(source, credentials, max_age) => {
                kept(host.versions(source, credentials, max_age).await)
            }
            Self::Artifact(digest) => {
                let answer = host.artifact(digest).await;
                (Sum::of_permission(&answer), Box::new(answer))
            }
        }
    }

    /// Bytes that it takes to remember it and its answer's digest; texts that are as long as a name are not counted one by
    /// one.
    pub(super) fn size(&self) -> usize {
        const NAMES: usize = 128;
        size_of::<(Self, Sum)>()
            + match self {
                Self::Children | Self::Kinds => 0,
                Self::Observe(targets) => targets.len() * (size_of::<ObjectRef>() + NAMES),
                Self::Fetch(_) => size_of::<ArtifactRequest>() + 2 * NAMES,
                Self::Query(selection) => {
                    NAMES
                        + selection
                            .fields
                            .iter()
                            .map(|field| field.len() + 24)
                            .sum::<usize>()
                }
                _ => NAMES,
            }
    }
}
