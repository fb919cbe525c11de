//! Every write: one verb, one request (two for a release, a yield or an inheritance), and the cache shows it.

mod inherit;
mod release;
mod request;

use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::{Call, ServiceAccount, Verb, Written};
use oarlock_core::reference::{Gvk, ObjectRef, ResourceVersion, Uid};
use oarlock_core::request::ApiError;
use serde_json::Value;

use crate::discovery::{Discovery, Resource};
use crate::path;
use crate::stores::Stores;
use crate::transport::{Answer, ApiCall, MERGE_PATCH, Transport, unreachable_error};

/// An edit is retried so often when others write the object at the same time.
const EDIT_ATTEMPTS: u32 = 5;

/// Carries out writes.
pub(crate) struct Writer {
    transport: Arc<Transport>,
    discovery: Arc<Discovery>,
    store: Arc<Stores>,
}

/// What nobody looks at is not written: its cache is empty, whatever there is.
fn unseen(target: &ObjectRef) -> ApiError {
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let message = format!(
        "namespace {namespace:?} is not one of those that are watched; hint: WATCH_NAMESPACE or --watch-namespace \
         names them, with commas"
    );
    ApiError::new(403, "NamespaceNotWatched", message)
}

/// An object as the API server sent it.
pub(crate) fn live(gvk: &Gvk, value: Value) -> Result<Arc<Cached>, ApiError> {
    Cached::from_live_of(gvk, value)
        .map(Arc::new)
        .map_err(|error| unreachable_error(format!("the answer is no object: {error}")))
}

impl Writer {
    pub(crate) const fn new(
        transport: Arc<Transport>,
        discovery: Arc<Discovery>,
        store: Arc<Stores>,
    ) -> Self {
        Self {
            transport,
            discovery,
            store,
        }
    }

    pub(crate) async fn write(&self, call: Call) -> Result<Written, ApiError> {
        let target = call.verb.target();
        let resource = self.discovery.find(&target.gvk).await?;
        if resource.info.namespaced && self.store.of(target.namespace.as_deref()).is_none() {
            return Err(unseen(target));
        }
        match &call.verb {
            Verb::Release { target, owner } => {
                let patch = |live: &Value| release::patch(live, owner, &call.manager);
                self.edit(&call, &resource, target, patch).await
            }
            Verb::Yield { target, uid } => {
                let patch = |live: &Value| release::yielded(live, uid, &call.manager);
                self.edit(&call, &resource, target, patch).await
            }
            Verb::Inherit { target, uid } => {
                let patch = |live: &Value| inherit::patch(live, uid, &call.manager);
                self.edit(&call, &resource, target, patch).await
            }
            Verb::Delete { target, .. } => {
                let answer = self
                    .transport
                    .send(&request::of(&call, &resource.info)?)
                    .await?;
                self.deleted(&resource, target, &answer)
            }
            Verb::Apply { object, .. } | Verb::Create { object } => {
                self.changed(&call, &resource, object.target()).await
            }
            Verb::Merge { target, .. } => self.changed(&call, &resource, target).await,
        }
    }

    async fn changed(
        &self,
        call: &Call,
        resource: &Resource,
        target: &ObjectRef,
    ) -> Result<Written, ApiError> {
        let before = self.version(target);
        let answer = self
            .transport
            .send(&request::of(call, &resource.info)?)
            .await?;
        for warning in &answer.warnings {
            tracing::warn!(%target, manager = call.manager, warning, "the API server warns");
        }
        self.shown(resource, &answer, before.as_ref())
    }

    fn version(&self, target: &ObjectRef) -> Option<ResourceVersion> {
        let cached = self.store.get(target)?;
        Some(cached.resource_version())
    }

    fn shown(
        &self,
        resource: &Resource,
        answer: &Answer,
        before: Option<&ResourceVersion>,
    ) -> Result<Written, ApiError> {
        let object = live(&resource.info.gvk, answer.parse("write")?)?;
        // Without a cached version nothing tells that it was equal: it counts as a change.
        let changed = before != Some(&object.resource_version());
        // The last finalizer of an object that was being deleted may have gone with this write.
        if gone_with(&object)? {
            self.store.removed(&object.target(), Some(&object.uid()));
            return Ok(Written {
                object: None,
                changed,
            });
        }
        self.store.wrote(Arc::clone(&object));
        Ok(Written {
            object: Some(object),
            changed,
        })
    }

    fn deleted(
        &self,
        resource: &Resource,
        target: &ObjectRef,
        answer: &Answer,
    ) -> Result<Written, ApiError> {
        let value: Value = answer.parse("delete")?;
        let is_status = value.get("kind").and_then(Value::as_str) == Some("Status")
            && target.gvk.kind != "Status";
        if is_status {
            let uid = value
                .pointer("/details/uid")
                .and_then(Value::as_str)
                .map(|uid| Uid(uid.to_owned()));
            self.store.removed(target, uid.as_ref());
            return Ok(Written {
                object: None,
                changed: true,
            });
        }
        let object = live(&resource.info.gvk, value)?;
        if lingers(&object)? {
            let changed = self.version(target) != Some(object.resource_version());
            self.store.wrote(Arc::clone(&object));
            return Ok(Written {
                object: Some(object),
                changed,
            });
        }
        self.store.removed(target, Some(&object.uid()));
        Ok(Written {
            object: None,
            changed: true,
        })
    }

    /// Changes what `patch` says of the object as the API server has it, in as many tries as others' writes make necessary.
    async fn edit(
        &self,
        call: &Call,
        resource: &Resource,
        target: &ObjectRef,
        patch: impl Fn(&Value) -> Option<Value>,
    ) -> Result<Written, ApiError> {
        let path = path::object(&resource.info, target)?;
        let read = ApiCall::get(path.as_str()).account(call.account.as_ref());
        let mut write_path = path;
        path::query(&mut write_path, "fieldManager", &call.manager);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let live_object = match self.transport.json(&read).await {
                Ok(value) => value,
                Err(error) if error.code == 404 => return Ok(nothing_there()),
                Err(error) => return Err(error),
            };
            let Some(patch) = patch(&live_object) else {
                return Ok(Written {
                    object: Some(live(&resource.info.gvk, live_object)?),
                    changed: false,
                });
            };
            let write = ApiCall::new(http::Method::PATCH, write_path.as_str())
                .content(MERGE_PATCH, &patch)
                .account(call.account.as_ref());
            match self.transport.send(&write).await {
                Ok(answer) => return self.shown(resource, &answer, None),
                Err(error) if error.code == 404 => return Ok(nothing_there()),
                Err(error) if error.code == 409 && attempt < EDIT_ATTEMPTS => {
                    tracing::debug!(%target, %error, "the object was written meanwhile");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Who writes an object, the last first.
    pub(crate) async fn writers(
        &self,
        target: &ObjectRef,
        account: Option<&ServiceAccount>,
    ) -> Result<Vec<oarlock_core::cluster::Writer>, ApiError> {
        let resource = self.discovery.find(&target.gvk).await?;
        let call = ApiCall::get(path::object(&resource.info, target)?).account(account);
        match self.transport.json(&call).await {
            Ok(value) => Ok(inherit::writers(&value)),
            Err(error) if error.code == 404 => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

const fn nothing_there() -> Written {
    Written {
        object: None,
        changed: false,
    }
}

/// Whether an object that answers a deletion is still there: finalizers or a grace period hold it.
fn lingers(object: &Cached) -> Result<bool, ApiError> {
    if !object.deleting() {
        // Some kinds answer with the object as it last was.
        return Ok(false);
    }
    Ok(!unheld(object)?)
}

/// Whether a write was the end of an object that was being deleted.
fn gone_with(object: &Cached) -> Result<bool, ApiError> {
    Ok(object.deleting() && unheld(object)?)
}

fn unheld(object: &Cached) -> Result<bool, ApiError> {
    let object = object
        .object()
        .map_err(|error| unreachable_error(format!("the answer is no object: {error}")))?;
    let finalizers = object
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array);
    let grace = object
        .pointer("/metadata/deletionGracePeriodSeconds")
        .and_then(Value::as_i64);
    Ok(finalizers.is_none_or(Vec::is_empty) && grace.unwrap_or(0) == 0)
}
