//! Carries a plan out. Makes no choices: what is done, and in which order, the plan says.

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, Cluster, Verb, Written};
use oarlock_core::object::Object;
use oarlock_core::reference::{ObjectRef, ResourceVersion};
use oarlock_core::request::{ApiError, RemovalResult, RemovalStatus, WriteResult, WriteStatus};
use oarlock_core::timestamp::Timestamp;

use serde_json::{Map, Value};

use crate::memory::{Memory, Synced};
use crate::plan::{Leave, Plan, PlannedRemoval, PlannedWrite, RemovalStep, Step};

/// What became of a plan.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// One per child.
    pub(crate) writes: Vec<WriteResult>,
    /// One per removal.
    pub(crate) removals: Vec<RemovalResult>,
    /// What was refused first: what it was, and the answer.
    pub(crate) refused: Option<(String, ApiError)>,
    /// What could not be tried because its kind is not served.
    pub(crate) waiting: Option<String>,
    /// Until when what was refused is left alone.
    pub(crate) rest: Option<Timestamp>,
    /// What somebody else had undone, and was written again.
    pub(crate) repaired: Vec<ObjectRef>,
    /// Versions that these writes made: no reason to run again.
    pub(crate) written: Vec<(ObjectRef, ResourceVersion)>,
    /// Whether anything was changed.
    pub(crate) changed: bool,
}

/// Carries `plan` out, in order: writes, removals, leaves. After the first refusal nothing more is tried.
pub(crate) async fn carry_out(plan: Plan, cluster: &dyn Cluster, memory: &mut Memory) -> Done {
    let mut done = Done::default();
    for write in plan.writes {
        let status = match done.stopped() {
            Some(why) => WriteStatus::NotTried(why),
            None => self::write(&write, cluster, memory, &mut done).await,
        };
        done.writes.push(WriteResult {
            target: write.target,
            status,
        });
    }
    for removal in plan.removals {
        let status = match done.stopped() {
            Some(why) => RemovalStatus::NotTried(why),
            None => remove(&removal, cluster, &mut done).await,
        };
        done.removals.push(RemovalResult {
            target: removal.target,
            status,
        });
    }
    leave(plan.leaves.calls, cluster, &mut done).await;
    done
}

/// Carries leaves out, unless something was refused before.
pub(crate) async fn leave(leaves: Vec<Leave>, cluster: &dyn Cluster, done: &mut Done) {
    for Leave { target, calls } in leaves {
        if done.stopped().is_some() {
            return;
        }
        for call in calls {
            match cluster.write(call).await {
                Ok(written) => done.note(&written),
                Err(error) if error.code == 404 => {}
                Err(error) => {
                    done.refuse(format!("{target} was not let go"), error);
                    return;
                }
            }
        }
    }
}

impl Done {
    /// Notes a write that went through.
    pub(crate) fn note(&mut self, written: &Written) {
        self.changed |= written.changed;
        if let Some(object) = &written.object {
            self.written
                .push((object.target().clone(), object.resource_version()));
        }
    }

    fn refuse(&mut self, what: String, error: ApiError) {
        self.refused = Some((what, error));
    }

    /// Why nothing more is tried, if that is so.
    fn stopped(&self) -> Option<String> {
        match (&self.refused, &self.waiting) {
            (Some((what, _)), _) => Some(what.clone()),
            (None, Some(why)) => Some(why.clone()),
            (None, None) => None,
        }
    }
}

async fn write(
    write: &PlannedWrite,
    cluster: &dyn Cluster,
    memory: &mut Memory,
    done: &mut Done,
) -> WriteStatus {
    for call in &write.first {
        match cluster.write(call.clone()).await {
            Ok(written) => done.note(&written),
            Err(error) => {
                done.refuse(format!("{} was not applied", write.target), error.clone());
                return WriteStatus::Refused(error);
            }
        }
    }
    let result = match &write.step {
        Step::Nothing(learned) => {
            if let Some(synced) = learned {
                memory.learn(write.target.clone(), write.manager.clone(), synced.clone());
            }
            return WriteStatus::Unchanged;
        }
        Step::Tell(differences) if differences.is_empty() => return WriteStatus::Unchanged,
        Step::Tell(differences) => return WriteStatus::Differs(differences.clone()),
        Step::Wait(why) => {
            done.waiting = Some(why.clone());
            return WriteStatus::NotTried(why.clone());
        }
        Step::Refuse(error) => Err(error.clone()),
        Step::Rest(contested) => {
            done.rest = Some(contested.until);
            Err(contested.error.clone())
        }
        Step::Send { call, wanted } => {
            send(call.as_ref().clone(), *wanted, cluster, memory, done).await
        }
        Step::Recreate {
            apply,
            delete,
            create,
            wanted,
        } => match send(apply.as_ref().clone(), *wanted, cluster, memory, done).await {
            Err(error) if is_immutable(&error) => {
                recreate(create, delete, *wanted, cluster, memory, done).await
            }
            result => result,
        },
    };
    match result {
        Ok(true) => {
            if write.repairs {
                done.repaired.push(write.target.clone());
            }
            WriteStatus::Applied
        }
        Ok(false) => WriteStatus::Unchanged,
        Err(error) => {
            done.refuse(format!("{} was not applied", write.target), error.clone());
            WriteStatus::Refused(error)
        }
    }
}

/// A change of an immutable field is refused with 422, in one of two ways of saying it: `field is immutable`, and
/// StatefulSet's `updates to statefulset spec for fields other than … are forbidden`.
fn is_immutable(error: &ApiError) -> bool {
    error.code == 422
        && ["immutable", "are forbidden"]
            .iter()
            .any(|words| error.message.contains(words))
}

async fn recreate(
    create: &Call,
    delete: &Call,
    wanted: u64,
    cluster: &dyn Cluster,
    memory: &mut Memory,
    done: &mut Done,
) -> Result<bool, ApiError> {
    match cluster.write(delete.clone()).await {
        Ok(written) => {
            done.note(&written);
            if written.object.is_some() {
                return Err(ApiError::new(
                    409,
                    "Conflict",
                    "it is being deleted to be created again, and finalizers still hold it",
                ));
            }
        }
        Err(error) if error.code == 404 => {}
        Err(error) => return Err(error),
    }
    send(create.clone(), wanted, cluster, memory, done).await
}

async fn send(
    call: Call,
    wanted: u64,
    cluster: &dyn Cluster,
    memory: &mut Memory,
    done: &mut Done,
) -> Result<bool, ApiError> {
    let (target, manager) = (call.verb.target().clone(), call.manager.clone());
    let is_apply = matches!(call.verb, Verb::Apply { .. });
    let (before, wish) = (cluster.cached(&target), wish(&call.verb));
    let written = cluster.write(call).await?;
    let alone = match (&before, &written.object) {
        (Some(before), Some(after)) => is_all_of(&wish, before, after),
        (None, Some(after)) => is_new(after),
        (_, None) => true,
    };
    if alone {
        done.note(&written);
    } else {
        // The cache went from before the others' change to after this write: nothing else tells of theirs.
        done.changed |= written.changed;
    }
    if let Some(live) = &written.object
        && is_apply
        && let Ok(object) = live.object()
    {
        let synced = Synced::new(wanted, live, &object, &manager);
        memory.learn(target, manager, synced);
    }
    Ok(written.changed)
}

async fn remove(removal: &PlannedRemoval, cluster: &dyn Cluster, done: &mut Done) -> RemovalStatus {
    let result = match &removal.step {
        RemovalStep::Absent => return RemovalStatus::Absent,
        RemovalStep::Deleted => return RemovalStatus::Deleted,
        RemovalStep::Wait(why) => return RemovalStatus::NotTried(why.clone()),
        RemovalStep::Refuse(error) => Err(error.clone()),
        RemovalStep::Send(call) => cluster.write(call.clone()).await,
    };
    match result {
        Ok(written) => {
            done.note(&written);
            RemovalStatus::Deleted
        }
        Err(error) if error.code == 404 => RemovalStatus::Absent,
        Err(error) => {
            done.refuse(format!("{} was not deleted", removal.target), error.clone());
            RemovalStatus::Refused(error)
        }
    }
}

/// The fields that a write sends.
fn wish(verb: &Verb) -> Map<String, Value> {
    match verb {
        Verb::Apply { object, .. } | Verb::Create { object } => object.content().clone(),
        Verb::Merge { .. }
        | Verb::Delete { .. }
        | Verb::Release { .. }
        | Verb::Yield { .. }
        | Verb::Inherit { .. } => Map::new(),
    }
}

/// Whether a write of `wish` is all that happened to an object between `before` and `after`. In doubt it is not: a run too
/// many changes nothing.
fn is_all_of(wish: &Map<String, Value>, before: &Cached, after: &Cached) -> bool {
    let (Ok(before), Ok(after)) = (before.object(), after.object()) else {
        return false;
    };
    before.pointer("/status") == after.pointer("/status")
        && same_beside(wish, before.content(), after.content())
}

/// Whether an object that the cache did not show was made by the write that it answers. It may have been there: made by a write
/// whose answer was lost, while its watch was late. Then others may have reported on it or changed it.
fn is_new(object: &Cached) -> bool {
    let is_silent = |object: Object| object.pointer("/status").is_none_or(is_blank);
    object.generation() <= 1 && object.object().is_ok_and(is_silent)
}

/// Whether a value says nothing, such as the `{"loadBalancer": {}}` of a new Service.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_blank),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether two states of a map are the same but for `wish`, and for what every write changes.
fn same_beside(
    wish: &Map<String, Value>,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> bool {
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| !matches!(key.as_str(), "resourceVersion" | "generation"))
        .all(
            |key| match (before.get(key), after.get(key), wish.get(key)) {
                (before, after, _) if before == after => true,
                (_, _, None) => false,
                (
                    Some(Value::Object(before)),
                    Some(Value::Object(after)),
                    Some(Value::Object(wish)),
                ) => same_beside(wish, before, after),
                _ => true,
            },
        )
}

/// The stored object, parsed.
pub(crate) fn stored(written: &Written) -> Option<Object> {
    written.object.as_ref()?.object().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_on_which_somebody_reported_was_there_before() {
        for (generation, status, new) in [
            (1, Value::Null, true),
            (1, json!({}), true),
            (1, json!({"loadBalancer": {}, "conditions": []}), true),
            (1, json!({"availableReplicas": 1}), false),
            (2, json!({}), false),
        ] {
            let object = Cached::from_live(json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "status": status,
                "metadata": {"name": "a", "namespace": "n", "generation": generation},
            }));
            assert_eq!(
                object.map(|o| is_new(&o)).ok(),
                Some(new),
                "{generation} {status}"
            );
        }
    }

    #[test]
    fn both_ways_of_refusing_an_immutable_field() {
        for (code, message, immutable) in [
            (
                422,
                "spec.selector: Invalid value: {}: field is immutable",
                true,
            ),
            (
                422,
                "spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
                true,
            ),
            (
                422,
                "spec.replicas: Invalid value: -1: must not be negative",
                false,
            ),
            (409, "field is immutable", false),
        ] {
            let error = ApiError::new(code, "Invalid", message);
            assert_eq!(is_immutable(&error), immutable, "{message}");
        }
    }
}
