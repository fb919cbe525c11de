//! A hold on the Secret with a broker's credentials: it does not go before those who need it, as when their namespace goes.
//!
//! A finalizer, borrowed from the Secret and given back. Whoever deletes the Secret alone, to make it anew, waits some seconds and
//! no longer.

use oarlock_sdk::http::{Auth, SecretRef};
use oarlock_sdk::{Child, Failure, ObjectRef, ReadError, Timestamp, WriteStatus};
use serde_json::{Value, json};

use super::Run;
use super::memory::Memory;
use crate::run::access;
use crate::run::reading::text;

/// Begins the name of the finalizer; the uid of the broker's object follows.
const FINALIZER: &str = "servicecatalog.oarlock.dev/auth-of-";

/// Milliseconds that a Secret is held which somebody deletes alone: what it goes with may only not be deleted yet.
const PATIENCE: u64 = 10_000;

/// What is wanted of the Secret.
#[derive(Default)]
pub(super) struct Hold {
    /// The finalizer on it, where there should be one.
    pub(super) child: Option<Child>,
    /// The Secret that is held, as `namespace/name`.
    pub(super) held: Option<String>,
    /// It is not as it should be.
    pub(super) differs: bool,
    /// It is let go then, in milliseconds since 1970.
    pub(super) until: Option<u64>,
    /// Why it cannot be held.
    pub(super) refused: Option<String>,
}

/// What is wanted of the Secret. Where it cannot be looked at, nothing is.
pub(super) fn wanted(run: &Run<'_>, memory: &Memory) -> Result<Hold, Failure> {
    let Some(target) = secret(run) else {
        return Ok(Hold {
            differs: memory.held.is_some(),
            ..Hold::default()
        });
    };
    if let Some(message) = refused(run, memory, &target) {
        return Ok(Hold {
            refused: Some(message),
            ..Hold::default()
        });
    }
    let live = match run.cx.get_raw(&target) {
        Ok(live) => live,
        Err(error @ ReadError::Unavailable(_)) => return Err(error.into()),
        Err(_) => None,
    };
    let Some(live) = live else {
        return Ok(Hold {
            differs: memory.held.is_some(),
            ..Hold::default()
        });
    };
    let own = format!("{FINALIZER}{}", run.uid);
    let all = live["metadata"]["finalizers"].as_array();
    let all = || all.into_iter().flatten();
    let has = all().any(|name| *name == own);
    if run.cx.deleting() && !has {
        return Ok(Hold::default());
    }
    let is_going = text(&live, "/metadata/deletionTimestamp").is_some();
    // Another broker's is not given back: that one puts it there again, and what left meanwhile must not come back for ever. On a
    // Secret that is being deleted nobody puts anything.
    let is_other = |name: &&Value| {
        let is_a_brokers = |name: &str| name.starts_with(FINALIZER);
        **name != own && (is_going || !name.as_str().is_some_and(is_a_brokers))
    };
    let others: Vec<&Value> = all().filter(is_other).collect();
    let until = match text(&live, "/metadata/deletionTimestamp") {
        None => None,
        // Nobody can hold what is going already.
        Some(_) if !has => return Ok(Hold::default()),
        Some(since) => Some(until(run, &target, since)?),
    };
    if until.is_some_and(|until| until <= run.now) {
        return Ok(Hold {
            differs: true,
            ..Hold::default()
        });
    }
    let restore = match others.is_empty() {
        true => json!({"metadata": {"finalizers": null}}),
        false => json!({"metadata": {"finalizers": others}}),
    };
    let held = format!(
        "{}/{}",
        target.namespace.as_deref().unwrap_or_default(),
        target.name
    );
    let differs = !has
        || memory.held.as_ref() != Some(&held)
        || stored(&live, run.uid).as_ref() != Some(&restore);
    let child = Child::share(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": target.namespace, "name": target.name, "finalizers": [own]},
    }));
    Ok(Hold {
        child: Some(child.force().restored_on_leave(restore)),
        held: Some(held),
        differs,
        until: until.filter(|until| *until < u64::MAX),
        refused: None,
    })
}

/// The Secret with the credentials.
fn secret(run: &Run<'_>) -> Option<ObjectRef> {
    let access = access::of(&run.broker, run.object).ok()?;
    let SecretRef {
        namespace, name, ..
    } = match access.auth? {
        Auth::Basic(user, _) => user,
        Auth::Bearer(token) => token,
    };
    let namespace = namespace.or_else(|| run.namespace().map(str::to_owned))?;
    Some(ObjectRef::new("v1", "Secret", name).in_namespace(namespace))
}

/// Until when a Secret is held that is being deleted: as long as it takes where its broker or its namespace goes, too.
fn until(run: &Run<'_>, secret: &ObjectRef, since: &str) -> Result<u64, Failure> {
    if run.cx.deleting() {
        return Ok(u64::MAX);
    }
    let namespace = ObjectRef::new(
        "v1",
        "Namespace",
        secret.namespace.clone().unwrap_or_default(),
    );
    // The API server itself: the Secret's deletion may have come here sooner than that of the namespace.
    let goes = match run.cx.reads().live().get_raw(&namespace) {
        Ok(namespace) => namespace
            .is_some_and(|namespace| text(&namespace, "/metadata/deletionTimestamp").is_some()),
        Err(error @ ReadError::Unavailable(_)) => return Err(error.into()),
        Err(_) => false,
    };
    if goes {
        return Ok(u64::MAX);
    }
    let since: Option<Timestamp> = since.parse().ok();
    let since = since.map_or(run.now, Timestamp::as_millis);
    Ok(since.saturating_add(PATIENCE))
}

/// What is given back when it is let go, as it stands on the Secret.
fn stored(live: &Value, uid: &str) -> Option<Value> {
    let key = format!("share.oarlock.dev/{uid}");
    let mark = live["metadata"]["annotations"][key].as_str()?;
    let mark: Value = serde_json::from_str(mark).ok()?;
    mark.get("restore").cloned()
}

/// Why it cannot be held: not granted, or the API server does not want it. Another spec is worth another try.
fn refused(run: &Run<'_>, memory: &Memory, target: &ObjectRef) -> Option<String> {
    let last = run.cx.last().map(|last| last.writes.as_slice());
    let mut writes = last.unwrap_or_default().iter();
    let now = writes.find_map(|write| match &write.status {
        WriteStatus::Refused(error)
            if write.target == *target && matches!(error.code, 400 | 403 | 422) =>
        {
            Some(error.message.clone())
        }
        _ => None,
    });
    let before = memory.unheld.as_ref();
    let before = before.filter(|unheld| unheld.generation == run.generation);
    now.or_else(|| before.map(|unheld| unheld.message.clone()))
}
