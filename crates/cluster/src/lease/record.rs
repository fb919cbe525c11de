//! A Lease object, as far as it is used.

use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use serde_json::{Map, Value, json};

/// Label of member Leases; its value is the group's id.
pub(super) const MEMBER_OF: &str = "oarlock.dev/member-of";

/// Annotation of member Leases: the view whose objects the member claims.
pub(super) const VIEW: &str = "oarlock.dev/view";

/// `spec` of a Lease. Times are texts: nothing is decided by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Who holds it; empty when it was released.
    pub(super) holder: String,
    pub(super) seconds: u32,
    pub(super) acquired: String,
    pub(super) renewed: String,
    pub(super) transitions: u32,
}

impl Record {
    /// How long the holder lets others wait.
    pub(super) fn duration(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds))
    }

    /// What a holder leaves when it goes, as client-go writes it: nobody, for a second.
    pub(super) fn released(&self, wall: Timestamp) -> Self {
        Self {
            holder: String::new(),
            seconds: 1,
            acquired: wall.rfc3339_micro(),
            renewed: wall.rfc3339_micro(),
            transitions: self.transitions,
        }
    }

    fn spec(&self) -> Value {
        json!({
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.seconds,
            "acquireTime": self.acquired,
            "renewTime": self.renewed,
            "leaseTransitions": self.transitions,
        })
    }
}

/// A Lease that is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lease {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) record: Record,
    /// The text of [`VIEW`].
    pub(super) view: Option<String>,
    /// All of it: what is not known here stays when it is replaced.
    object: Value,
}

impl Lease {
    /// Reads one; `None` when it is none. Fields that are missing count as a lease that nobody holds.
    pub(super) fn parse(object: Value) -> Option<Self> {
        let text = |pointer: &str| {
            let text = object.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let number = |pointer: &str| {
            let number = object.pointer(pointer).and_then(Value::as_u64);
            number
                .and_then(|number| u32::try_from(number).ok())
                .unwrap_or(0)
        };
        let version = text("/metadata/resourceVersion");
        if version.is_empty() {
            return None;
        }
        let annotations = object.pointer("/metadata/annotations");
        let view = annotations.and_then(|all| Some(all.get(VIEW)?.as_str()?.to_owned()));
        Some(Self {
            name: text("/metadata/name"),
            version,
            record: Record {
                holder: text("/spec/holderIdentity"),
                seconds: number("/spec/leaseDurationSeconds"),
                acquired: text("/spec/acquireTime"),
                renewed: text("/spec/renewTime"),
                transitions: number("/spec/leaseTransitions"),
            },
            view,
            object,
        })
    }

    /// The object that replaces it, if it still is this version.
    pub(super) fn replaced(&self, record: &Record, view: Option<&str>) -> Value {
        let mut object = self.object.clone();
        let before = object.get_mut("spec").map(Value::take);
        let mut spec = match before {
            Some(Value::Object(spec)) => spec,
            _ => Map::new(),
        };
        if let Value::Object(new) = record.spec() {
            spec.extend(new);
        }
        object["spec"] = Value::Object(spec);
        object["metadata"]["resourceVersion"] = self.version.as_str().into();
        if let Some(view) = view {
            object["metadata"]["annotations"][VIEW] = view.into();
        }
        object
    }
}

/// A Lease that is to be created.
pub(super) fn new(name: &str, record: &Record) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": record.spec(),
    })
}

/// A member's Lease that is to be created.
pub(super) fn new_member(name: &str, group: &str, record: &Record, view: &str) -> Value {
    let mut lease = new(name, record);
    lease["metadata"]["labels"] = json!({MEMBER_OF: group});
    lease["metadata"]["annotations"] = json!({VIEW: view});
    lease
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_not_known_stays() {
        let lease = Lease::parse(json!({
            "metadata": {"name": "x", "resourceVersion": "7", "labels": {"a": "b"}},
            "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "strategy": "OldestEmulationVersion",
                "leaseTransitions": 3},
        }))
        .unwrap();
        assert_eq!(lease.record.duration(), Duration::from_secs(15));
        let released = lease.record.released(Timestamp::from_millis(0));
        insta::assert_snapshot!(lease.replaced(&released, Some("1:me")), @r#"{"metadata":{"annotations":{"oarlock.dev/view":"1:me"},"labels":{"a":"b"},"name":"x","resourceVersion":"7"},"spec":{"acquireTime":"1970-01-01T00:00:00.000000Z","holderIdentity":"","leaseDurationSeconds":1,"leaseTransitions":3,"renewTime":"1970-01-01T00:00:00.000000Z","strategy":"OldestEmulationVersion"}}"#);
        assert_eq!(Lease::parse(json!({"metadata": {"name": "x"}})), None);
        let bare = Lease::parse(json!({"metadata": {"resourceVersion": "1"}})).unwrap();
        assert_eq!(bare.record, Record::default());
    }
}
