//! What random functions of charts draw from: a secret of each release, so that every rendering gives the passwords and keys of the one
//! before, and nobody can guess them.
//!
//! A run's own seed has 53 bits, which somebody with time could try out. So the secret is drawn in two halves, in two runs: the
//! first half is stored before the second is drawn. It is kept beside the records, and only where a chart drew on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_sdk::{Context, ObjectRef, Value, json};

use super::shelf::reads;
use crate::situation::Obstacle;
use crate::state::Place;
use crate::storage;

/// Type of the Secret.
pub const SECRET_TYPE: &str = "oarlock.dev/helm-seed";

/// Its key.
const KEY: &str = "seed";

/// Letters of one half.
const HALF: usize = 16;

/// Name of the Secret.
#[must_use]
pub fn secret_name(release: &str) -> String {
    format!("sh.helm.release.v1.{release}.seed")
}

/// How much of a release's secret there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// Nothing is stored.
    Absent,
    /// The first half is.
    Half(String),
    /// All of it is.
    Whole(String),
}

impl Seed {
    /// What is stored.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn read(cx: &Context, place: &Place, account: Option<&str>) -> Result<Self, Obstacle> {
        let name = secret_name(&place.name);
        let target = ObjectRef::new("v1", "Secret", &name).in_namespace(&place.storage);
        let found = reads(cx, account).get_raw(&target).map_err(|error| Obstacle {
            reason: "RenderFailed",
            message: format!(
                "cannot read Secret {name:?} in namespace {:?}, which random functions of the chart draw from: {error}",
                place.storage
            ),
            retry: Some(5_000),
        })?;
        let stored = found
            .as_ref()
            .and_then(|secret| secret.pointer("/data/seed"))
            .and_then(Value::as_str)
            .and_then(|data| STANDARD.decode(data).ok())
            .and_then(|data| String::from_utf8(data).ok())
            .unwrap_or_default();
        Ok(match stored.len() {
            0 => Self::Absent,
            HALF => Self::Half(stored),
            _ => Self::Whole(stored),
        })
    }

    /// What this run draws from: what is stored, and, where that is not all, this run's own seed.
    #[must_use]
    pub fn drawn(&self, cx: &Context) -> String {
        let own = || format!("{:016x}", cx.seed());
        match self {
            Self::Absent => own(),
            Self::Half(half) => format!("{half}{}", own()),
            Self::Whole(whole) => whole.clone(),
        }
    }

    /// The Secret with what this run draws from; none where all of it is stored.
    #[must_use]
    pub fn secret(&self, cx: &Context, place: &Place) -> Option<Value> {
        if matches!(self, Self::Whole(_)) {
            return None;
        }
        Some(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": secret_name(&place.name),
                "namespace": place.storage,
                "labels": {storage::PART_LABEL: place.name},
            },
            "type": SECRET_TYPE,
            "data": {KEY: STANDARD.encode(self.drawn(cx))},
        }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_sdk::testing::FakeCluster;

    use super::*;

    fn place() -> Place {
        Place {
            name: String::from("web"),
            namespace: String::from("shop"),
            storage: String::from("shop"),
        }
    }

    fn run(seed: u64, stored: Option<Value>) -> (Seed, Context) {
        let cluster = FakeCluster::new();
        let cluster = match stored {
            Some(secret) => cluster.object(secret),
            None => cluster,
        };
        let cx = Context::builder().seed(seed).cluster(cluster).build();
        (Seed::read(&cx, &place(), None).unwrap(), cx)
    }

    #[test]
    fn a_secret_is_drawn_in_two_runs_and_then_stays() {
        let (seed, cx) = run(7, None);
        assert_eq!(seed, Seed::Absent);
        let first = seed.secret(&cx, &place());
        let (seed, cx) = run(8, first);
        assert_eq!(seed, Seed::Half(String::from("0000000000000007")));
        assert_eq!(seed.drawn(&cx), "00000000000000070000000000000008");
        let second = seed.secret(&cx, &place());
        let (seed, cx) = run(9, second);
        assert_eq!(seed.drawn(&cx), "00000000000000070000000000000008");
        assert_eq!(seed.secret(&cx, &place()), None);
    }

    #[test]
    fn its_secret_is_no_record() {
        let (seed, cx) = run(7, None);
        let secret = seed.secret(&cx, &place()).unwrap();
        assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.web.seed");
        assert_eq!(secret["metadata"]["labels"].get("owner"), None);
        assert_eq!(storage::entry(&secret.to_string()).unwrap(), None);
    }
}
