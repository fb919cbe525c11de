//! Other releases: those that this one depends on, and the one whose release it is already.

use oarlock_sdk::{Context, Failure, ObjectRef, ReadError, Selection};
use serde_json::Value;

use crate::situation::{Obstacle, TOKEN_LABEL};
use crate::state::Place;
use crate::storage::Entry;
use crate::wish::Wish;

/// Kinds that releases are made of, beside the object's own.
const KINDS: &[(&str, &str)] = &[
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    ("helm.fluxcd.io/v1", "HelmRelease"),
    ("flux.weave.works/v1beta1", "HelmRelease"),
    ("samplecontroller.k8s.io/v1alpha1", "HelmRelease"),
];

/// Releases that are not ready, with what is missing.
///
/// # Errors
/// Where the host has no answer.
pub(crate) fn dependencies(
    cx: &Context,
    object: &Value,
    wish: &Wish,
) -> Result<Vec<String>, Failure> {
    let (api_version, kind) = kind_of(object);
    let mut missing = Vec::new();
    for (namespace, name) in &wish.depends_on {
        let target = ObjectRef::new(api_version, kind, name).in_namespace(namespace.as_str());
        let found = match cx.get_raw(&target) {
            Ok(found) => found,
            Err(error @ ReadError::Unavailable(_)) => return Err(error.into()),
            Err(error) => {
                missing.push(format!(
                    "unable to get '{namespace}/{name}' dependency: {error}"
                ));
                continue;
            }
        };
        match found {
            None => missing.push(format!(
                "unable to get '{namespace}/{name}' dependency: {kind} {name:?} not found"
            )),
            Some(other) if !is_ready(&other) => {
                missing.push(format!("dependency '{namespace}/{name}' is not ready"));
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}

/// Whether a release is as its object wishes.
fn is_ready(release: &Value) -> bool {
    let generation = release.pointer("/metadata/generation");
    let observed = release.pointer("/status/observedGeneration");
    if observed.is_some() && observed != generation {
        return false;
    }
    let conditions = release
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        let of_now = condition
            .get("observedGeneration")
            .is_none_or(|observed| Some(observed) == generation);
        condition["type"] == "Ready" && condition["status"] == "True" && of_now
    })
}

/// Milliseconds for which a record of an object that cannot be seen is believed to be of a living one.
const FRESH: u64 = 600_000;

/// Whose release it is already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// Its own, or nobody's any more.
    Nobody,
    /// Another living object's, as `kind namespace/name`.
    Living(String),
    /// Another object's that cannot be seen: whether it lives, nobody knows.
    Unseen {
        /// Its uid.
        uid: String,
        /// When its record was written, in milliseconds since 1970.
        touched: u64,
    },
}

impl Maker {
    /// Another living object.
    pub(crate) fn named(&self) -> Option<&str> {
        match self {
            Self::Living(name) => Some(name),
            Self::Nobody | Self::Unseen { .. } => None,
        }
    }

    /// Nothing is begun while the record of one that cannot be seen is fresh: two objects would take each other's revisions back.
    pub(crate) fn unseen(&self, place: &Place, now: u64) -> Option<Obstacle> {
        let Self::Unseen { uid, touched } = self else {
            return None;
        };
        let end = touched.saturating_add(FRESH);
        (end > now).then(|| Obstacle {
            reason: "ReleaseOwned",
            message: format!(
                "the newest revision of release {}/{} was made for an object with uid {uid} that is not to be seen here; nothing of it is touched\n\
                 hint: give this one another releaseName, or grant reads of the kinds of releases in all namespaces; what is not \
                 written for ten minutes is taken over",
                place.namespace, place.name
            ),
            retry: Some(end - now),
        })
    }
}

/// Whose release it is, by the newest record.
///
/// # Errors
/// Where the host has no answer.
pub(crate) fn maker(
    cx: &Context,
    object: &Value,
    uid: &str,
    newest: Option<&Entry>,
    now: u64,
) -> Result<Maker, Failure> {
    let Some((entry, maker)) = newest
        .and_then(|entry| Some((entry, uid_of_maker(entry)?)))
        .filter(|(_, maker)| *maker != uid)
    else {
        return Ok(Maker::Nobody);
    };
    let own = kind_of(object);
    // Of kinds that nobody knows here there are others yet.
    let mut all_seen = KINDS.contains(&own);
    for (api_version, kind) in [own].into_iter().chain(KINDS.iter().copied()) {
        let selection = Selection {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            fields: vec![String::from("/metadata/uid")],
            ..Selection::default()
        };
        let found = match cx.reads().query(&selection) {
            Ok(found) => found,
            Err(error @ ReadError::Unavailable(_)) => return Err(error.into()),
            Err(ReadError::Denied(_)) => {
                all_seen = false;
                in_namespace(cx, object, selection)?
            }
            Err(ReadError::UnknownKind(_)) => continue,
            Err(ReadError::Malformed { .. }) => {
                all_seen = false;
                continue;
            }
        };
        let text = |object: &Value, field: &str| {
            let found = object["metadata"][field].as_str();
            found.unwrap_or_default().to_owned()
        };
        if let Some(other) = found.iter().find(|other| text(other, "uid") == maker) {
            let (namespace, name) = (text(other, "namespace"), text(other, "name"));
            return Ok(Maker::Living(format!("{kind} {namespace}/{name}")));
        }
    }
    Ok(match entry.touched.filter(|_| !all_seen) {
        Some(touched) if touched.saturating_add(FRESH) > now => Maker::Unseen {
            uid: maker.to_owned(),
            touched,
        },
        _ => Maker::Nobody,
    })
}

/// What a watch of one namespace may see of a kind.
fn in_namespace(cx: &Context, object: &Value, selection: Selection) -> Result<Vec<Value>, Failure> {
    let namespace = object["metadata"]["namespace"].as_str();
    let selection = Selection {
        namespace: namespace.map(str::to_owned),
        ..selection
    };
    match cx.reads().query(&selection) {
        Ok(found) => Ok(found),
        Err(error @ ReadError::Unavailable(_)) => Err(error.into()),
        // Who may not see others cannot be told of them.
        Err(_) => Ok(Vec::new()),
    }
}

/// Uid of the object that made a record; none where somebody else did. Helm copies labels to revisions that it makes of ours.
fn uid_of_maker(entry: &Entry) -> Option<&str> {
    let token = entry.labels.get(TOKEN_LABEL)?;
    Some(token.split_once('.').map_or(token.as_str(), |(uid, _)| uid))
}

fn kind_of(object: &Value) -> (&str, &str) {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    (text("apiVersion"), text("kind"))
}

#[cfg(test)]
mod tests {
    use oarlock_sdk::json;
    use oarlock_sdk::testing::FakeCluster;

    use super::*;
    use crate::record::Status;

    const NOW: u64 = 1_794_312_000_000;

    fn entry(token: &str, touched: Option<u64>) -> Entry {
        Entry {
            secret: String::from("s"),
            uid: String::from("u"),
            resource_version: String::from("1"),
            version: 3,
            status: Status::Deployed,
            labels: [(TOKEN_LABEL.to_owned(), token.to_owned())].into(),
            parts: Vec::new(),
            touched,
        }
    }

    fn found(object: &Value, entry: &Entry, cluster: FakeCluster) -> Maker {
        let cx = Context::builder().cluster(cluster).build();
        maker(&cx, object, "own", Some(entry), NOW).unwrap_or(Maker::Nobody)
    }

    fn release(api_version: &str, kind: &str) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}})
    }

    #[test]
    fn a_living_object_is_found_and_one_that_is_gone_is_nobody() {
        let own = release("helm.toolkit.fluxcd.io/v2", "HelmRelease");
        let other = json!({
            "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
            "metadata": {"name": "first", "namespace": "bank", "uid": "other"},
        });
        let fresh = entry("other.3.1", Some(NOW));
        let seen = found(&own, &fresh, FakeCluster::new().object(other));
        assert_eq!(seen.named(), Some("HelmRelease bank/first"));
        let gone = found(&own, &fresh, FakeCluster::new());
        assert_eq!(gone, Maker::Nobody, "all of them were seen");
        let mine = found(&own, &entry("own.3.1", Some(NOW)), FakeCluster::new());
        assert_eq!(mine, Maker::Nobody);
    }

    #[test]
    fn what_cannot_be_seen_is_believed_to_live_while_its_record_is_fresh() {
        let own = release("shop.example.com/v1", "Unicorn");
        let fresh = entry("other.3.1", Some(NOW - 60_000));
        let unseen = found(&own, &fresh, FakeCluster::new());
        let place = Place {
            name: String::from("web"),
            namespace: String::from("shop"),
            storage: String::from("shop"),
        };
        let told = unseen.unseen(&place, NOW);
        let told = told.map(|told| (told.reason, told.retry, told.message));
        let (reason, retry, message) = told.unwrap_or(("", None, String::new()));
        assert_eq!((reason, retry), ("ReleaseOwned", Some(540_000)));
        assert!(
            message.contains("an object with uid other that is not to be seen here"),
            "{message}"
        );
        for old in [Some(NOW - 600_000), None] {
            let stale = found(&own, &entry("other.3.1", old), FakeCluster::new());
            assert_eq!(stale, Maker::Nobody, "{old:?}");
        }
    }
}
