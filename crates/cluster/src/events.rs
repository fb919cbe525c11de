//! Events (`events.k8s.io/v1`), one per key however often it is recorded.
//!
//! An Event's name is a hash of its object and its key. So a process that has forgotten everything meets its own Event as
//! `AlreadyExists` and counts it up, instead of telling the same twice.

mod storm;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::Method;
use oarlock_core::cluster::EventRecord;
use oarlock_core::reference::Digest;
use oarlock_core::request::ApiError;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use serde_json::{Value, json};

use crate::transport::{ApiCall, MERGE_PATCH, Transport};

use storm::Storm;

/// What the API server takes as note.
const LONGEST_NOTE: usize = 1024;
/// What the API server takes as reason and as reporting instance.
const LONGEST_WORD: usize = 128;
/// Events remembered; a forgotten one costs one call more when it repeats.
const MOST: usize = 4096;

/// Records Events.
pub(crate) struct Recorder {
    transport: Arc<Transport>,
    instance: String,
    known: Mutex<Known>,
    storm: Mutex<Storm>,
    dropped: Counter,
}

/// Counts of Events, the oldest forgotten first.
#[derive(Default)]
struct Known {
    counts: HashMap<Place, (u32, u64)>,
    order: BTreeMap<u64, Place>,
    next: u64,
}

/// Namespace and name of an Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    namespace: String,
    name: String,
}

impl Place {
    fn of(event: &EventRecord) -> Self {
        let about = &event.about;
        let uid = event.uid.as_ref().map_or("", |uid| uid.0.as_str());
        // Parts are separated by what none of them contains.
        let identity = format!("{}\0{about}\0{uid}\0{}", about.gvk, event.key);
        let digest = Digest::of(identity.as_bytes());
        let hash = &digest.hex()[..16];
        let readable = about.name.len() <= 200
            && about
                .name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        let stem = if readable {
            about.name.as_str()
        } else {
            "oarlock"
        };
        Self {
            // Events of cluster-scoped objects are kept in `default`, by convention and by validation.
            namespace: about
                .namespace
                .clone()
                .unwrap_or_else(|| "default".to_owned()),
            name: format!("{stem}.{hash}"),
        }
    }

    fn collection(&self) -> String {
        format!(
            "/apis/events.k8s.io/v1/namespaces/{}/events",
            self.namespace
        )
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }
}

impl Known {
    fn get(&self, place: &Place) -> Option<u32> {
        self.counts.get(place).map(|(count, _)| *count)
    }

    fn set(&mut self, place: Place, count: u32) {
        self.forget(&place);
        self.order.insert(self.next, place.clone());
        self.counts.insert(place, (count, self.next));
        self.next += 1;
        if self.counts.len() > MOST
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.counts.remove(&oldest);
        }
    }

    fn forget(&mut self, place: &Place) {
        if let Some((_, turn)) = self.counts.remove(place) {
            self.order.remove(&turn);
        }
    }
}

impl Recorder {
    pub(crate) fn new(transport: Arc<Transport>, instance: String) -> Self {
        Self {
            transport,
            instance: shorten(&instance, LONGEST_WORD),
            known: Mutex::default(),
            storm: Mutex::default(),
            dropped: Counter::default(),
        }
    }

    /// How many Events were one too many.
    pub(crate) fn dropped(&self) -> Counter {
        self.dropped.clone()
    }

    pub(crate) async fn record(&self, event: EventRecord) -> Result<(), ApiError> {
        let (about, reason) = (event.about.clone(), event.reason.clone());
        let passed = self.storm.lock().pass(event);
        let Some(event) = passed else {
            self.dropped.inc();
            tracing::debug!(object = %about, reason, "an Event was dropped: too many about the object");
            return Ok(());
        };
        let place = Place::of(&event);
        let known = self.known.lock().get(&place);
        if let Some(count) = known {
            match self.repeat(&place, count, event.now).await {
                // Events live an hour by default: it has expired, and begins anew.
                Err(error) if error.code == 404 => self.known.lock().forget(&place),
                result => return result,
            }
        }
        let create =
            ApiCall::new(Method::POST, place.collection()).json(&self.document(&place, &event));
        match self.transport.send(&create).await {
            Ok(_) => {
                self.known.lock().set(place, 1);
                Ok(())
            }
            Err(error) if error.code == 409 => {
                let existing = self.transport.json(&ApiCall::get(place.path())).await?;
                let count = existing
                    .pointer("/series/count")
                    .and_then(Value::as_u64)
                    .and_then(|count| u32::try_from(count).ok())
                    .unwrap_or(1);
                self.repeat(&place, count, event.now).await
            }
            Err(error) => Err(error),
        }
    }

    async fn repeat(&self, place: &Place, count: u32, now: Timestamp) -> Result<(), ApiError> {
        let count = count.saturating_add(1);
        let patch = json!({"series": {"count": count, "lastObservedTime": now.rfc3339_micro()}});
        let call = ApiCall::new(Method::PATCH, place.path()).content(MERGE_PATCH, &patch);
        self.transport.send(&call).await?;
        self.known.lock().set(place.clone(), count);
        Ok(())
    }

    fn document(&self, place: &Place, event: &EventRecord) -> Value {
        let about = &event.about;
        let mut regarding = json!({
            "apiVersion": about.gvk.api_version(),
            "kind": about.gvk.kind,
            "name": about.name,
        });
        if let Some(namespace) = &about.namespace {
            regarding["namespace"] = namespace.as_str().into();
        }
        if let Some(uid) = &event.uid {
            regarding["uid"] = uid.0.as_str().into();
        }
        json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": place.name, "namespace": place.namespace},
            "eventTime": event.now.rfc3339_micro(),
            "reportingController": event.reporter,
            "reportingInstance": self.instance,
            "action": "Reconcile",
            "reason": shorten(&event.reason, LONGEST_WORD),
            "type": if event.warning { "Warning" } else { "Normal" },
            "note": shorten(&event.message, LONGEST_NOTE),
            "regarding": regarding,
        })
    }
}

/// At most `most` bytes, cut at a character, with an ellipsis where something is missing.
fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most - "…".len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use oarlock_core::reference::{Gvk, ObjectRef, Uid};

    use super::*;

    fn event(namespace: Option<&str>, name: &str, key: &str) -> EventRecord {
        EventRecord {
            about: ObjectRef::new(Gvk::new("", "v1", "Thing"), namespace, name),
            uid: Some(Uid("u".to_owned())),
            key: key.to_owned(),
            warning: false,
            reason: "Done".to_owned(),
            message: String::new(),
            reporter: "oarlock/x".to_owned(),
            now: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn names_are_the_same_in_every_process() {
        let place = Place::of(&event(Some("n"), "a", "k"));
        insta::assert_snapshot!(place.path(), @"/apis/events.k8s.io/v1/namespaces/n/events/a.a70c3832258462ff");
        assert_ne!(place, Place::of(&event(Some("n"), "a", "k2")));
        assert_ne!(place.name, Place::of(&event(None, "a", "k")).name);
        assert_eq!(Place::of(&event(None, "a", "k")).namespace, "default");
        assert!(
            Place::of(&event(None, "system:a", "k"))
                .name
                .starts_with("oarlock.")
        );
    }

    #[test]
    fn notes_are_cut_at_characters() {
        assert_eq!(shorten("kurz", 10), "kurz");
        assert_eq!(shorten("äöüäöüäöü", 9), "äöü…");
        assert!(shorten(&"ä".repeat(2000), LONGEST_NOTE).len() <= LONGEST_NOTE);
    }

    #[test]
    fn memory_is_bounded() {
        let mut known = Known::default();
        let place = |n: usize| Place {
            namespace: String::new(),
            name: n.to_string(),
        };
        for n in 0..=MOST {
            known.set(place(n), 1);
            known.set(place(n), 2);
        }
        assert_eq!((known.counts.len(), known.order.len()), (MOST, MOST));
        assert_eq!(known.get(&place(0)), None);
        assert_eq!(known.get(&place(MOST)), Some(2));
    }
}
