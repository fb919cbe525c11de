//! What a broker's status remembers of its catalog, and what is told of it.

use oarlock_sdk::{Condition, ConditionStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::offer::Taken;
use crate::catalog::relist::{self, Wish};
use crate::osb::catalog::Marker;

/// Milliseconds of failing after which it is called failed: the retired project's week.
const GIVEN_UP: u64 = 7 * 24 * 60 * 60 * 1000;

/// `status.catalog`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Memory {
    /// When it was fetched, and how that went.
    #[serde(flatten)]
    pub(super) relist: relist::Memory,
    /// The address that all is at which instances and bindings have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// The Secret that is held, as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<String>,
    /// Why it cannot be held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unheld: Option<Unheld>,
    /// How often it was read: numbers Events.
    pub(super) fetches: u64,
    /// Classes that are offered.
    pub(super) classes: usize,
    /// Plans that are offered.
    pub(super) plans: usize,
    /// How many classes and plans are not offered any more, and used.
    #[serde(skip_serializing_if = "is_nothing")]
    pub(super) flagged: usize,
    /// What is wrong with it, for people; what is not in it is all right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<String>,
    /// What other brokers have, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conflicts: Vec<String>,
    /// Objects of other brokers in the way, as `kind/name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) clashes: Vec<String>,
    /// Why it could not be read since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failing: Option<Failing>,
}

/// Why a catalog could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failing {
    /// One CamelCase word.
    pub(super) reason: String,
    /// For people.
    pub(super) message: String,
}

/// Why a Secret cannot be held.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unheld {
    /// `metadata.generation` that it was tried for.
    pub(super) generation: i64,
    /// For people.
    pub(super) message: String,
}

/// What is told.
pub(super) struct Said {
    /// The condition.
    pub(super) ready: Condition,
    /// For longer than anybody waits: what it says.
    failed: Option<String>,
}

fn is_nothing(number: &usize) -> bool {
    *number == 0
}

impl Memory {
    /// What a broker's status remembers; nothing where somebody spoiled it: then it is fetched again.
    pub(super) fn of(object: &Value) -> Self {
        let memory = object.pointer("/status/catalog").cloned();
        memory
            .and_then(|memory| serde_json::from_value(memory).ok())
            .unwrap_or_default()
    }

    /// What stood in the way of a fetch that nobody asks for any more: no fetch has failed.
    pub(super) fn forget_obstacle(&mut self) {
        if self.relist.failures == 0 {
            self.failing = None;
            self.relist.failing_since = None;
        }
    }

    /// The broker says that it is what it was.
    pub(super) fn unchanged(self, wish: &Wish, now: u64) -> Self {
        Self {
            relist: self.relist.succeeded(wish, now, None),
            fetches: self.fetches.saturating_add(1),
            failing: None,
            ..self
        }
    }

    /// It was read.
    pub(super) fn read(self, wish: &Wish, now: u64, marker: Marker, taken: &Taken) -> Self {
        Self {
            relist: self.relist.succeeded(wish, now, Some(marker)),
            fetches: self.fetches.saturating_add(1),
            classes: taken.classes,
            plans: taken.plans,
            flagged: taken.flagged,
            left_out: told(&taken.left_out),
            conflicts: told(&taken.conflicts),
            clashes: taken.clashes.iter().take(CLASHES).cloned().collect(),
            failing: None,
            ..self
        }
    }

    /// What conditions say of it.
    pub(super) fn said(&self, now: u64) -> Said {
        if let Some(failing) = &self.failing {
            let mut message = failing.message.clone();
            message.push_str(&match self.relist.retrieved_at {
                Some(at) => format!(
                    "\nmeanwhile {} stay as they were read at {}",
                    self.count(),
                    moment(at)
                ),
                None => String::from("\nnothing is offered until then"),
            });
            let since = self.relist.failing_since.unwrap_or(now);
            let failed = (now.saturating_sub(since) >= GIVEN_UP).then(|| {
                format!(
                    "since {} the catalog cannot be read; it is tried on",
                    moment(since)
                )
            });
            return Said {
                ready: Condition::no("Ready", failing.reason.clone(), message),
                failed,
            };
        }
        let mut message = match self.relist.retrieved_at {
            Some(_) => format!("the broker offers {}", self.count()),
            None => String::from("the catalog was not read yet"),
        };
        if self.flagged > 0 {
            message.push_str(&match self.flagged {
                1 => String::from(
                    "; 1 more is not offered any more, and stays while instances use it",
                ),
                more => format!(
                    "; {more} more are not offered any more, and stay while instances use them"
                ),
            });
        }
        if !self.left_out.is_empty() {
            message.push_str(&format!("\nleft out: {}", self.left_out.join("; ")));
        }
        let ready = if !self.conflicts.is_empty() {
            let message = format!("{}\n{message}", self.conflicts.join("\n"));
            Condition::no("Ready", "ErrorSyncingCatalog", message)
        } else if self.relist.retrieved_at.is_none() {
            Condition::unknown("Ready", "FetchingCatalog", message)
        } else {
            Condition::yes("Ready", "FetchedCatalog", message)
        };
        Said {
            ready,
            failed: None,
        }
    }

    /// The broker's status but for its conditions; what is null is not there.
    pub(super) fn status(
        &self,
        generation: i64,
        said: &Said,
        next: Option<u64>,
    ) -> Map<String, Value> {
        let mut catalog = json!(self);
        catalog["nextRelistAt"] = json!(next.map(moment));
        let relist = &self.relist;
        let mut status = Map::new();
        let mut set = |key: &str, value| drop(status.insert(key.to_owned(), value));
        set("catalog", catalog);
        set("observedGeneration", json!(generation));
        if relist.retrieved_at.is_some() {
            set("reconciledGeneration", json!(relist.generation));
        }
        set(
            "lastCatalogRetrievalTime",
            json!(relist.retrieved_at.map(moment)),
        );
        set(
            "operationStartTime",
            json!(relist.failing_since.map(moment)),
        );
        set("lastConditionState", json!(said.state()));
        status
    }

    fn count(&self) -> String {
        let of = |count, one, many| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {many}"),
        };
        format!(
            "{} with {}",
            of(self.classes, "class", "classes"),
            of(self.plans, "plan", "plans")
        )
    }
}

impl Said {
    /// As the retired project's column has it: the condition's type where it is true, else its reason.
    fn state(&self) -> &str {
        match self.ready.status {
            ConditionStatus::Yes => &self.ready.kind,
            ConditionStatus::No | ConditionStatus::Unknown => &self.ready.reason,
        }
    }

    /// The condition `Failed`; none where it was never told of.
    pub(super) fn failed(&self, before: &Value) -> Option<Condition> {
        const KIND: &str = "Failed";
        if let Some(message) = &self.failed {
            let reason = "ErrorReconciliationRetryTimeout";
            return Some(Condition::yes(KIND, reason, message.clone()));
        }
        let conditions = before["conditions"].as_array()?;
        conditions
            .iter()
            .any(|condition| condition["type"] == KIND)
            .then(|| Condition::no(KIND, self.ready.reason.clone(), ""))
    }
}

/// How many texts of a kind are kept.
const TOLD: usize = 5;

/// How many objects of other brokers are looked after.
const CLASHES: usize = 20;

/// The first of them, and how many there are more.
pub(super) fn told(texts: &[String]) -> Vec<String> {
    let mut told: Vec<String> = texts.iter().take(TOLD).cloned().collect();
    if texts.len() > TOLD {
        told.push(format!("and {} more", texts.len() - TOLD));
    }
    told
}

/// A moment as Kubernetes writes it, in seconds.
fn moment(millis: u64) -> String {
    Timestamp::from_millis(millis / 1_000 * 1_000).to_string()
}
