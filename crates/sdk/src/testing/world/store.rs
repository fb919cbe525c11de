//! The objects of a world and how they are written, as far as a module can tell it from an API server with the host before it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::fake_cluster::reference;
use crate::{ApiError, Child, Expect, ObjectRef, OnLeave, Owner, Write, merge_patch};

/// Whose an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// The world's object's own.
    Child,
    /// Somebody else's.
    Foreign,
}

/// A write that was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What was to be written.
    pub target: ObjectRef,
    /// As an API server has it: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, or what it was told to answer.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// As the API server answers it.
    pub(super) fn error(&self) -> ApiError {
        ApiError {
            code: match self.reason.as_str() {
                "NotFound" => 404,
                "AlreadyExists" | "Conflict" => 409,
                "Forbidden" => 403,
                "TooManyRequests" => 429,
                "InternalError" => 500,
                _ => 422,
            },
            reason: self.reason.clone(),
            message: self.message.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Store {
    objects: BTreeMap<ObjectRef, Kept>,
    unserved: BTreeSet<(String, String)>,
    refused: BTreeMap<ObjectRef, ApiError>,
    /// The world's own object, of which fields may be shared, too.
    own: ObjectRef,
    own_share: Option<Share>,
    /// What the host writes next to shared fields.
    mark: Mark,
    made: u64,
}

#[derive(Clone, Debug)]
struct Mark {
    key: String,
    owner: String,
}

#[derive(Clone, Debug)]
struct Kept {
    live: Value,
    origin: Origin,
    applied: Value,
    share: Option<Share>,
}

#[derive(Clone, Debug)]
struct Share {
    fields: Value,
    restore: Option<Value>,
}

impl Store {
    pub(super) fn of(object: &Value) -> Self {
        let own = reference(object);
        let kind = match own.api_version.split_once('/') {
            Some((group, _)) => format!("{}.{group}", own.kind),
            None => own.kind.clone(),
        };
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        let namespace = own.namespace.clone().unwrap_or_default();
        Self {
            objects: BTreeMap::new(),
            unserved: BTreeSet::new(),
            refused: BTreeMap::new(),
            mark: Mark {
                key: format!("share.oarlock.dev/{uid}"),
                owner: format!("{kind} {namespace}/{}", own.name),
            },
            own,
            own_share: None,
            made: 0,
        }
    }

    pub(super) fn unserved(&mut self, api_version: &str, kind: &str) {
        self.unserved
            .insert((String::from(api_version), String::from(kind)));
    }

    pub(super) fn refuses(&mut self, target: &ObjectRef, error: Option<ApiError>) {
        match error {
            Some(error) => drop(self.refused.insert(target.clone(), error)),
            None => drop(self.refused.remove(target)),
        }
    }

    /// What a write or a removal of an object is answered with, whatever it says.
    pub(super) fn refused(&self, target: &ObjectRef) -> Option<Refusal> {
        let error = self.refused.get(target)?;
        Some(Refusal {
            target: target.clone(),
            reason: error.reason.clone(),
            message: error.message.clone(),
        })
    }

    pub(super) fn get(&self, target: &ObjectRef) -> Option<&Value> {
        self.objects.get(target).map(|kept| &kept.live)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.objects.values().map(|kept| &kept.live)
    }

    pub(super) fn of_origin(&self, origin: Origin) -> impl Iterator<Item = &Value> {
        self.objects
            .values()
            .filter(move |kept| kept.origin == origin)
            .map(|kept| &kept.live)
    }

    pub(super) fn each(&mut self, origin: Option<Origin>, change_one: &mut dyn FnMut(&mut Value)) {
        for kept in self.objects.values_mut() {
            if origin.is_none_or(|origin| kept.origin == origin) {
                change(&mut kept.live, &mut *change_one);
            }
        }
    }

    pub(super) fn put(&mut self, object: Value) {
        let live = self.new_born(object);
        let kept = Kept {
            applied: json!({}),
            origin: Origin::Foreign,
            share: None,
            live,
        };
        self.objects.insert(reference(&kept.live), kept);
    }

    pub(super) fn edit(&mut self, target: &ObjectRef, patch: &Value) {
        if let Some(kept) = self.objects.get_mut(target) {
            change(&mut kept.live, |live| merge_patch::apply(live, patch));
        }
    }

    pub(super) fn remove(&mut self, target: &ObjectRef) {
        self.objects.remove(target);
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.objects
            .retain(|target, kept| kept.origin == Origin::Foreign || target.name != name);
    }

    /// Writes one child. Tells whether anything changed.
    pub(super) fn write(&mut self, own: &mut Value, child: &Child) -> Result<bool, Box<Refusal>> {
        let wanted = child.object();
        let target = reference(&wanted);
        let refuse = |reason: &str, message: String| {
            Err(Box::new(Refusal {
                target: target.clone(),
                reason: String::from(reason),
                message,
            }))
        };
        if self
            .unserved
            .contains(&(target.api_version.clone(), target.kind.clone()))
        {
            return refuse("NotFound", format!("{} is not served", target.kind));
        }
        if let Some(refusal) = self.refused(&target) {
            return Err(Box::new(refusal));
        }
        if let (Write::Share, OnLeave::Delete) = (child.write, &child.on_leave) {
            return refuse(
                "Invalid",
                String::from(
                    "on-leave `delete` is not for shared objects: use `restore` or `keep`",
                ),
            );
        }
        let live = match target == self.own {
            true => Some(&*own),
            false => self.get(&target),
        };
        let text = |pointer: &str| live.and_then(|live| live.pointer(pointer)?.as_str());
        let unexpected = match &child.expect {
            Expect::Any => false,
            Expect::Absent => live.is_some(),
            Expect::Uid(uid) => text("/metadata/uid") != Some(uid),
            Expect::Version(version) => text("/metadata/resourceVersion") != Some(version),
        };
        if unexpected {
            let reason = match child.expect {
                Expect::Absent => "AlreadyExists",
                _ => "Conflict",
            };
            return refuse(reason, format!("it is not as expected: {:?}", child.expect));
        }
        if child.write == Write::Share {
            return self.share(own, child, &target, &wanted);
        }
        let Some(kept) = self.objects.get_mut(&target) else {
            if child.write == Write::Compare {
                return Ok(false);
            }
            let live = self.new_born(wanted.clone());
            let origin = match child.owner {
                Owner::Owned => Origin::Child,
                Owner::Unowned => Origin::Foreign,
            };
            let kept = Kept {
                live,
                origin,
                applied: wanted,
                share: None,
            };
            self.objects.insert(target, kept);
            return Ok(true);
        };
        if matches!(child.write, Write::Create | Write::Compare) {
            return Ok(false);
        }
        if child.owner == Owner::Owned && kept.origin == Origin::Foreign {
            if child.expect == Expect::Any {
                return refuse(
                    "Conflict",
                    String::from("it is there, and not the object's own"),
                );
            }
            kept.origin = Origin::Child;
        }
        let before = kept.live.clone();
        change(&mut kept.live, |live| {
            // As server-side apply has it: what was applied before and is not any more goes.
            if let Some(gone) = merge_patch::between(&kept.applied, &wanted) {
                merge_patch::apply(live, &gone);
            }
            merge_patch::apply(live, &wanted);
        });
        kept.applied = wanted;
        Ok(kept.live != before)
    }

    fn share(
        &mut self,
        own: &mut Value,
        child: &Child,
        target: &ObjectRef,
        wanted: &Value,
    ) -> Result<bool, Box<Refusal>> {
        let refuse = |reason: &str, message: String| {
            Err(Box::new(Refusal {
                target: target.clone(),
                reason: String::from(reason),
                message,
            }))
        };
        let (live, share) = match (*target == self.own, self.objects.get_mut(target)) {
            (true, _) => (own, &mut self.own_share),
            (false, Some(kept)) => (&mut kept.live, &mut kept.share),
            (false, None) => return refuse("NotFound", format!("{target} is not there")),
        };
        let wanted = content(wanted);
        if let Some(path) = foreign_field(live, &wanted, "").filter(|_| !child.force) {
            return refuse("Conflict", format!("{path} is somebody else's"));
        }
        let restore = match &child.on_leave {
            OnLeave::Restore(values) => Some(values.clone()),
            OnLeave::Delete | OnLeave::Keep => None,
        };
        let before = live.clone();
        change(live, |live| {
            if let Some(Share {
                fields,
                restore: Some(restore),
            }) = share
                && let Some(back) = left(fields, &wanted, restore)
            {
                merge_patch::apply(live, &back);
            }
            merge_patch::apply(live, &wanted);
            join_finalizers(live, &before);
            let mut mark = json!({
                "owner": self.mark.owner,
                "manager": "oarlock/test/the-object",
            });
            if let Some(restore) = &restore {
                mark["restore"] = restore.clone();
            }
            let mark = json!({self.mark.key.clone(): mark.to_string()});
            merge_patch::apply(live, &json!({"metadata": {"annotations": mark}}));
        });
        *share = Some(Share {
            fields: wanted,
            restore,
        });
        Ok(*live != before)
    }

    /// A child is not listed any more. Tells whether anything changed.
    pub(super) fn leave(
        &mut self,
        own: &mut Value,
        target: &ObjectRef,
        on_leave: &OnLeave,
        owner: Owner,
    ) -> bool {
        if *target != self.own
            && self
                .objects
                .get(target)
                .is_some_and(|kept| kept.share.is_none())
        {
            let deleted = *on_leave == OnLeave::Delete && owner == Owner::Owned;
            return deleted && self.objects.remove(target).is_some();
        }
        let (live, share) = match (*target == self.own, self.objects.get_mut(target)) {
            (true, _) => (own, self.own_share.take()),
            (false, Some(kept)) => (&mut kept.live, kept.share.take()),
            (false, None) => return false,
        };
        let Some(share) = share else { return false };
        let key = self.mark.key.clone();
        change(live, |live| {
            if let Some(restore) = &share.restore {
                merge_patch::apply(live, restore);
            }
            merge_patch::apply(live, &json!({"metadata": {"annotations": {key: null}}}));
        });
        true
    }

    fn new_born(&mut self, object: Value) -> Value {
        self.made += 1;
        let mut live = json!({
            "metadata": {
                "uid": format!("child-{}", self.made),
                "generation": 1,
                "resourceVersion": "1",
            },
        });
        merge_patch::apply(&mut live, &object);
        live
    }
}

/// Changes an object as an API server takes it: a new version where anything differs, a new generation where `spec` does.
pub(super) fn change(live: &mut Value, how: impl FnOnce(&mut Value)) {
    let before = live.clone();
    how(live);
    let number = |value: &Value| {
        value
            .as_i64()
            .or_else(|| value.as_str()?.parse().ok())
            .unwrap_or_default()
            + 1
    };
    if live["spec"] != before["spec"] {
        live["metadata"]["generation"] = json!(number(&before["metadata"]["generation"]));
    }
    if *live != before && !before["metadata"]["resourceVersion"].is_null() {
        let version = number(&before["metadata"]["resourceVersion"]).to_string();
        live["metadata"]["resourceVersion"] = json!(version);
    }
}

/// Finalizers are a set: whoever applies one leaves the others.
fn join_finalizers(live: &mut Value, before: &Value) {
    let before = before["metadata"]["finalizers"].as_array();
    if let Some(Value::Array(all)) = live.pointer_mut("/metadata/finalizers") {
        for name in before.into_iter().flatten() {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
    }
}

/// The fields that are shared: all but what names the object.
fn content(wanted: &Value) -> Value {
    let mut content = wanted.clone();
    if let Value::Object(fields) = &mut content {
        fields.remove("apiVersion");
        fields.remove("kind");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            metadata.remove("name");
            metadata.remove("namespace");
        }
    }
    content
}

/// The first field that is there with another value: server-side apply takes it for its user's. Lists are one field.
fn foreign_field(live: &Value, wanted: &Value, path: &str) -> Option<String> {
    match (live, wanted) {
        (Value::Null, _) => None,
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().find_map(|(key, wanted)| {
            foreign_field(live.get(key)?, wanted, &format!("{path}.{key}"))
        }),
        _ => (live != wanted).then(|| String::from(path)),
    }
}

/// The part of a restoring patch that is about fields which are in `before` and not in `after`.
fn left(before: &Value, after: &Value, restore: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(restore)) = (before, restore) else {
        return None;
    };
    let mut back = Map::new();
    for (key, value) in before {
        let Some(restore) = restore.get(key) else {
            continue;
        };
        match after.get(key) {
            None => drop(back.insert(key.clone(), restore.clone())),
            Some(after) => {
                if let Some(inner) = left(value, after, restore) {
                    back.insert(key.clone(), inner);
                }
            }
        }
    }
    (!back.is_empty()).then_some(Value::Object(back))
}
