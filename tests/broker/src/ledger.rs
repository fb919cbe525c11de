//! What is at the broker.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What tells a thing: its instance, and its binding where it is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) instance: String,
    pub(crate) binding: Option<String>,
}

/// An instance or a binding that is at the broker, whole or half.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Its identifier.
    pub id: String,
    /// Of a binding: the instance.
    pub instance: Option<String>,
    /// Its service.
    pub service_id: String,
    /// Its plan.
    pub plan_id: String,
    /// What was wished of it; null where nothing was.
    pub parameters: Value,
    /// What was last said of where it is.
    pub context: Value,
    /// What an instance is maintained to.
    pub maintenance: Option<String>,
    /// The binding that it took the place of.
    pub predecessor: Option<String>,
    /// What a binding gives away.
    pub credentials: Value,
    /// When a binding ends.
    pub lifetime: Option<Lifetime>,
    /// How it is.
    pub stand: Stand,
    /// How often its PUT came: once for every life, and more where it was sent again.
    pub puts: u32,
    /// How often its PATCH came.
    pub patches: u32,
    /// How often its DELETE came.
    pub deletes: u32,
    /// Plans that it was ever said to be of: any of them may be named in a DELETE after an update whose end nobody knows.
    #[serde(skip)]
    pub(crate) plans: BTreeSet<String>,
    #[serde(skip)]
    pub(crate) work: Option<Work>,
    /// How the last operation ended, with its name.
    #[serde(skip)]
    pub(crate) ended: Option<Ended>,
}

/// How something at the broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stand {
    /// It is being made.
    Creating,
    /// It is there.
    Ready,
    /// It is being changed.
    Updating,
    /// It is being removed.
    Deleting,
    /// It was not made, or not removed: half of it is there.
    Failed,
}

/// When a binding ends, as the broker says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<String>,
}

/// An operation that is under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Work {
    pub(crate) token: Option<String>,
    pub(crate) aim: Aim,
    /// How often it is still said to be in progress; none until the test says otherwise.
    pub(crate) polls: Option<u32>,
    /// It will fail, and what is said of the instance then.
    pub(crate) failure: Option<Failure>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Aim {
    Create,
    Update(Change),
    Delete,
}

/// What an update changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) plan_id: Option<String>,
    pub(crate) parameters: Option<Value>,
    pub(crate) maintenance: Option<String>,
    pub(crate) context: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) instance_usable: Option<bool>,
    pub(crate) update_repeatable: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) token: Option<String>,
    pub(crate) failure: Option<Failure>,
}

/// All that is there, and what was.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) there: BTreeMap<Key, Record>,
    /// What was removed: how the removal was called where it was polled.
    pub(crate) graves: BTreeMap<Key, Option<Ended>>,
    operations: u64,
}

impl Key {
    /// Of an instance.
    pub(crate) fn parent(&self) -> Self {
        Self {
            instance: self.instance.clone(),
            binding: None,
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.binding.as_ref().unwrap_or(&self.instance)
    }

    pub(crate) const fn noun(&self) -> &'static str {
        match self.binding {
            Some(_) => "binding",
            None => "instance",
        }
    }
}

impl Ledger {
    /// The name of a new operation.
    pub(crate) fn token(&mut self, aim: &Aim) -> String {
        self.operations += 1;
        let verb = match aim {
            Aim::Create => "create",
            Aim::Update(_) => "update",
            Aim::Delete => "delete",
        };
        // With what an address has to encode.
        format!("{verb} & wait/{}", self.operations)
    }

    /// Bindings of an instance.
    pub(crate) fn bindings_of(&self, instance: &str) -> usize {
        let first = Key {
            instance: instance.to_owned(),
            binding: None,
        };
        let own = self.there.range(first..).map(|(key, _)| key);
        own.take_while(|key| key.instance == instance)
            .filter(|key| key.binding.is_some())
            .count()
    }

    /// Brings the work on something to its end.
    pub(crate) fn end(&mut self, key: &Key) {
        let Some(record) = self.there.get_mut(key) else {
            return;
        };
        let Some(work) = record.work.take() else {
            return;
        };
        let ended = Ended {
            token: work.token,
            failure: work.failure,
        };
        match (work.aim, work.failure) {
            (Aim::Delete, None) => {
                self.there.remove(key);
                self.graves.insert(key.clone(), Some(ended));
                return;
            }
            (Aim::Create | Aim::Delete, Some(_)) => record.stand = Stand::Failed,
            (Aim::Create, None) | (Aim::Update(_), Some(_)) => record.stand = Stand::Ready,
            (Aim::Update(change), None) => record.apply(change),
        }
        record.ended = Some(ended);
    }
}

impl Record {
    pub(crate) fn apply(&mut self, change: Change) {
        self.stand = Stand::Ready;
        self.context = change.context;
        if let Some(plan) = change.plan_id {
            self.plan_id = plan;
        }
        if let Some(parameters) = change.parameters {
            self.parameters = parameters;
        }
        if change.maintenance.is_some() {
            self.maintenance = change.maintenance;
        }
    }

    /// Where people look after it.
    pub(crate) fn dashboard(&self) -> String {
        format!(
            "https://dashboard.example/{}?plan={}",
            self.id, self.plan_id
        )
    }

    /// What is answered when it is made, or fetched.
    pub(crate) fn shown(&self, fetched: bool) -> Value {
        let mut shown = match self.instance {
            None => json!({ "dashboard_url": self.dashboard() }),
            Some(_) => json!({ "credentials": self.credentials }),
        };
        if let Some(lifetime) = &self.lifetime {
            shown["metadata"] = json!(lifetime);
        }
        if fetched {
            shown["parameters"] = self.parameters.clone();
            if self.instance.is_none() {
                shown["service_id"] = json!(self.service_id);
                shown["plan_id"] = json!(self.plan_id);
                if let Some(version) = &self.maintenance {
                    shown["maintenance_info"] = json!({ "version": version });
                }
            }
        }
        shown
    }
}
