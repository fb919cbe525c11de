//! An object as the cache holds it: canonical bytes and the few facts that the engine looks up without parsing.

use std::borrow::{Borrow as _, Cow};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::json::Json;
use crate::manifest::FIELD_MANAGER_PREFIX;
use crate::marks::{OWNER_ANNOTATION, OWNER_UID_LABEL, SHARE_ANNOTATION_PREFIX};
use crate::object::{Object, ObjectError};
use crate::reference::{Gvk, ObjectRef, ResourceVersion, Uid};
use crate::selector::LabelSelector;

/// A live object, without `metadata.managedFields`.
///
/// There may be half a million of them: every text but the JSON itself is a place in it.
#[derive(Clone, Debug)]
pub struct Cached {
    gvk: Gvk,
    json: Json,
    /// Texts that have no place in the JSON, since they are escaped there. Nearly always empty.
    beside: Box<str>,
    namespace: Option<Place>,
    name: Place,
    uid: Place,
    resource_version: Place,
    /// JSON of `metadata.labels`.
    labels: Option<Place>,
    generation: i64,
    owners: Box<[Mark]>,
    field_sets: Box<[FieldSet]>,
    deleting: bool,
    made_by_host: bool,
    abridged: bool,
}

/// Types of Secrets that hold a revision of a Helm release: up to a megabyte each, ten of each release, and hardly ever looked
/// into. Their labels tell which revisions there are.
const BULKY_SECRETS: [&str; 2] = ["helm.sh/release.v1", "oarlock.dev/release-part.v1"];

/// Where a text is: in the JSON, or behind its end, beside it.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    length: u32,
}

/// What an object left on another one.
#[derive(Clone, Copy, Debug)]
struct Mark {
    uid: Place,
    shares: bool,
}

/// What a manager holds by server-side apply.
#[derive(Clone, Copy, Debug)]
struct FieldSet {
    /// Hash of its name, but for one bit: whether it is a module that wrote the object as somebody's child. There are many of
    /// these, and a flag of its own would cost eight bytes.
    manager: u64,
    /// Hash of the fields.
    fields: u64,
}

/// Finds places for texts.
struct Places<'a> {
    json: &'a str,
    beside: String,
}

impl Places<'_> {
    /// Any place will do where the same text is.
    fn of(&mut self, text: &str) -> Place {
        let start = self.json.find(text).unwrap_or_else(|| {
            self.beside.push_str(text);
            self.json.len() + self.beside.len() - text.len()
        });
        let part = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Place {
            start: part(start),
            length: part(text.len()),
        }
    }
}

impl Cached {
    /// From an object as the API server sends it.
    ///
    /// # Errors
    /// When it lacks kind or name.
    pub fn from_live(value: Value) -> Result<Self, ObjectError> {
        Self::new(value, None)
    }

    /// As [`Self::from_live`], for many objects of one kind: what they have in common is in memory once.
    ///
    /// # Errors
    /// As [`Self::from_live`].
    pub fn from_live_of(gvk: &Gvk, value: Value) -> Result<Self, ObjectError> {
        Self::new(value, Some(gvk))
    }

    fn new(mut value: Value, known: Option<&Gvk>) -> Result<Self, ObjectError> {
        let field_sets = value
            .get_mut("metadata")
            .and_then(Value::as_object_mut)
            .and_then(|metadata| metadata.remove("managedFields"))
            .map(|fields| applied_field_sets(&fields))
            .unwrap_or_default();
        let object = Object::from_value(value)?;
        let json = object.to_json();
        let mut places = Places {
            json: json.as_str(),
            beside: String::new(),
        };
        let mut at = |pointer| {
            let text = object.pointer(pointer).and_then(Value::as_str);
            places.of(text.unwrap_or_default())
        };
        let (uid, resource_version) = (at("/metadata/uid"), at("/metadata/resourceVersion"));
        let labels = object
            .pointer("/metadata/labels")
            .map(|labels| places.of(Json::from_value(labels).as_str()));
        let ObjectRef {
            gvk,
            namespace,
            name,
        } = object.target();
        let namespace = namespace.as_deref().map(|text| places.of(text));
        let name = places.of(name);
        let owners = marks(&object)
            .into_iter()
            .map(|(uid, shares)| Mark {
                uid: places.of(uid),
                shares,
            })
            .collect();
        let beside = places.beside.into();
        Ok(Self {
            gvk: known.filter(|known| *known == gvk).unwrap_or(gvk).clone(),
            beside,
            namespace,
            name,
            uid,
            resource_version,
            labels,
            generation: object
                .pointer("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            deleting: object.pointer("/metadata/deletionTimestamp").is_some(),
            owners,
            made_by_host: annotations(&object).any(|key| key == OWNER_ANNOTATION),
            abridged: false,
            field_sets,
            json,
        })
    }

    /// As [`Self::from_live_of`], without the data of an object that is large and hardly ever looked into.
    ///
    /// # Errors
    /// As [`Self::from_live`].
    pub fn abridged_of(gvk: &Gvk, mut value: Value) -> Result<Self, ObjectError> {
        let abridged = is_bulky(gvk, &value);
        if let Some(object) = value.as_object_mut().filter(|_| abridged) {
            object.remove("data");
        }
        Ok(Self {
            abridged,
            ..Self::new(value, Some(gvk))?
        })
    }

    /// This object without its data, where it is one of those that are cached so.
    #[must_use]
    pub fn abridged(&self) -> Option<Self> {
        // Sorted by name, the type comes last.
        let text = self.json.as_str().strip_suffix("\"}")?;
        if !BULKY_SECRETS.iter().any(|bulky| text.ends_with(bulky)) {
            return None;
        }
        let value = serde_json::from_str(self.json.as_str()).ok()?;
        let abridged = Self::abridged_of(&self.gvk, value).ok()?;
        abridged.abridged.then(|| Self {
            field_sets: self.field_sets.clone(),
            ..abridged
        })
    }

    /// Whether the object has data that is not here.
    #[must_use]
    pub const fn is_abridged(&self) -> bool {
        self.abridged
    }

    fn text(&self, place: Place) -> &str {
        let start = place.start as usize;
        let (text, start) = match start.checked_sub(self.json.as_str().len()) {
            Some(beside) => (&*self.beside, beside),
            None => (self.json.as_str(), start),
        };
        text.get(start..start + place.length as usize)
            .unwrap_or_default()
    }

    /// Its kind.
    #[must_use]
    pub const fn gvk(&self) -> &Gvk {
        &self.gvk
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.map(|place| self.text(place))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(self.name)
    }

    /// Where it is.
    #[must_use]
    pub fn target(&self) -> ObjectRef {
        ObjectRef::new(self.gvk.clone(), self.namespace(), self.name())
    }

    /// `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> Uid {
        Uid(self.text(self.uid).to_owned())
    }

    /// `metadata.resourceVersion`.
    #[must_use]
    pub fn resource_version(&self) -> ResourceVersion {
        ResourceVersion(self.text(self.resource_version).to_owned())
    }

    /// Whether `other` is the same object, and not a later one of its name.
    #[must_use]
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.text(self.uid) == other.text(other.uid)
    }

    /// `metadata.generation`; 0 for kinds without.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// Whether it has a deletion timestamp.
    #[must_use]
    pub const fn deleting(&self) -> bool {
        self.deleting
    }

    /// Uids of all objects that left a mark on it: owner references, owner label, shares. Sorted, each once.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        self.owners.iter().map(|mark| self.text(mark.uid))
    }

    /// Whether `owner` left a mark on it.
    #[must_use]
    pub fn is_marked_by(&self, owner: &Uid) -> bool {
        self.mark_of(owner).is_some()
    }

    /// Whether `owner` shares fields of it.
    #[must_use]
    pub fn is_shared_by(&self, owner: &Uid) -> bool {
        self.mark_of(owner).is_some_and(|mark| mark.shares)
    }

    /// Whether it is owned by `owner`: marked, and not merely shared.
    #[must_use]
    pub fn is_owned_by(&self, owner: &Uid) -> bool {
        self.mark_of(owner).is_some_and(|mark| !mark.shares)
    }

    fn mark_of(&self, owner: &Uid) -> Option<Mark> {
        let owner: &str = owner.borrow();
        let mut marks = self.owners.iter().copied();
        marks.find(|mark| self.text(mark.uid) == owner)
    }

    /// Whether the host wrote it as somebody's child. Owner references alone do not tell: other programs set them too, and
    /// what they made is never pruned.
    #[must_use]
    pub const fn made_by_host(&self) -> bool {
        self.made_by_host
    }

    /// Hash of the field set that `manager` holds by server-side apply. It changes when a field is lost, which the object
    /// itself does not show.
    #[must_use]
    pub fn field_set(&self, manager: &str) -> Option<u64> {
        let manager = hash(manager) | WRITES_CHILDREN;
        self.field_sets
            .iter()
            .find(|set| set.manager | WRITES_CHILDREN == manager)
            .map(|set| set.fields)
    }

    /// Whether a module other than `manager` wrote it as somebody's child, and still holds fields of it.
    #[must_use]
    pub fn has_predecessor(&self, manager: &str) -> bool {
        let manager = hash(manager) | WRITES_CHILDREN;
        self.field_sets
            .iter()
            .any(|set| set.manager & WRITES_CHILDREN != 0 && set.manager != manager)
    }

    /// Canonical text.
    #[must_use]
    pub const fn json(&self) -> &Json {
        &self.json
    }

    /// Whether its labels are selected.
    #[must_use]
    pub fn is_selected_by(&self, selector: &LabelSelector) -> bool {
        if selector.is_empty() {
            return true;
        }
        let labels = self.labels();
        selector.matches(|key| labels.get(key).map(AsRef::as_ref))
    }

    /// Its labels. Nothing but them is parsed: whoever asks, asks many objects.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<Cow<'_, str>, Cow<'_, str>> {
        let Some(text) = self.labels.map(|labels| self.text(labels)) else {
            return BTreeMap::new();
        };
        if let Ok(labels) = serde_json::from_str::<BTreeMap<&str, &str>>(text) {
            let labels = labels.into_iter();
            return labels
                .map(|(key, value)| (key.into(), value.into()))
                .collect();
        }
        // Texts that are escaped, or no texts at all.
        let labels: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let texts = labels.into_iter().filter_map(|(key, value)| match value {
            Value::String(value) => Some((key.into(), value.into())),
            _ => None,
        });
        texts.collect()
    }

    /// Parses kind and metadata, and leaves the rest out.
    ///
    /// # Errors
    /// As [`Self::object`].
    pub fn head(&self) -> Result<Object, ObjectError> {
        #[derive(Deserialize, Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            api_version: Value,
            kind: Value,
            metadata: Value,
        }

        let head: Head = serde_json::from_str(self.json.as_str())
            .map_err(|error| ObjectError::Syntax(error.to_string()))?;
        Object::from_value(json!(head))
    }

    /// Parses the text.
    ///
    /// # Errors
    /// Never for a value made by [`Self::from_live`].
    pub fn object(&self) -> Result<Object, ObjectError> {
        Object::parse_checked(self.target(), self.json.as_str())
    }
}

/// The bit of a manager's hash that tells [`writes_children`].
const WRITES_CHILDREN: u64 = 1 << 63;

/// Whether an entry of `metadata.managedFields` is that of a module which wrote the object as somebody's child: it is applied
/// under a module's own name, and holds the owner's mark. Modules that only hold fields of it do not have the mark.
#[must_use]
pub fn writes_children(entry: &Value) -> bool {
    let module = entry
        .get("manager")
        .and_then(Value::as_str)
        .and_then(|manager| manager.strip_prefix(FIELD_MANAGER_PREFIX));
    module.is_some_and(|module| !module.contains('/'))
        && is_applied(entry)
        && entry
            .pointer("/fieldsV1/f:metadata/f:annotations")
            .and_then(|fields| fields.get(format!("f:{OWNER_ANNOTATION}")))
            .is_some()
}

fn is_bulky(gvk: &Gvk, object: &Value) -> bool {
    let kind = object.get("type").and_then(Value::as_str);
    gvk.group.is_empty()
        && gvk.kind == "Secret"
        && kind.is_some_and(|kind| BULKY_SECRETS.contains(&kind))
}

fn is_applied(entry: &Value) -> bool {
    entry.get("operation").and_then(Value::as_str) == Some("Apply")
        && entry.get("subresource").is_none()
}

fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Who left a mark, and whether it shares fields only. Sorted, each once.
fn marks(object: &Object) -> Vec<(&str, bool)> {
    let references = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let owners = references
        .into_iter()
        .flatten()
        .filter_map(|reference| reference.get("uid"))
        .chain(
            object
                .pointer("/metadata/labels")
                .and_then(|labels| labels.get(OWNER_UID_LABEL)),
        )
        .filter_map(Value::as_str)
        .map(|uid| (uid, false));
    let sharers = annotations(object)
        .filter_map(|key| key.strip_prefix(SHARE_ANNOTATION_PREFIX))
        .map(|uid| (uid, true));
    let mut marks: Vec<_> = owners.chain(sharers).collect();
    // Who shares is first among equals, and the rest goes.
    marks.sort_by_key(|&(uid, shares)| (uid, !shares));
    marks.dedup_by_key(|&mut (uid, _)| uid);
    marks
}

fn annotations(object: &Object) -> impl Iterator<Item = &str> {
    object
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
}

fn applied_field_sets(managed_fields: &Value) -> Box<[FieldSet]> {
    let entries = managed_fields
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| is_applied(entry))
        .filter_map(|entry| {
            let manager = hash(entry.get("manager")?.as_str()?);
            Some(FieldSet {
                manager: if writes_children(entry) {
                    manager | WRITES_CHILDREN
                } else {
                    manager & !WRITES_CHILDREN
                },
                fields: hash(entry.get("fieldsV1")?),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn live(extra: &Value) -> Cached {
        let mut value = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "uid": "u1", "resourceVersion": "7"},
        });
        json_patch::merge(&mut value, extra);
        Cached::from_live(value).unwrap()
    }

    #[test]
    fn managed_fields_leave_a_hash_only() {
        let with = |fields: Value| {
            live(&json!({"metadata": {"managedFields": [
                {"manager": "oarlock/x", "operation": "Apply", "fieldsV1": fields},
                {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {}}},
            ]}}))
        };
        let (one, two) = (
            with(json!({"f:data": {"f:a": {}}})),
            with(json!({"f:data": {}})),
        );
        assert!(!one.json().as_str().contains("managedFields"));
        assert!(one.field_set("oarlock/x").is_some());
        assert_ne!(one.field_set("oarlock/x"), two.field_set("oarlock/x"));
        assert_eq!(one.field_set("kubectl"), None);
    }

    #[test]
    fn records_of_releases_are_cached_without_their_data() {
        let secret = |kind: &str| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": kind, "data": {"release": "H4sI"},
                "metadata": {
                    "name": "s", "namespace": "n", "uid": "u1", "resourceVersion": "7", "labels": {"owner": "helm"},
                    "managedFields": [{"manager": "helm", "operation": "Apply", "fieldsV1": {"f:data": {}}}],
                },
            })
        };
        let record = Cached::from_live(secret("helm.sh/release.v1")).unwrap();
        assert!(!record.is_abridged());
        let known = record.abridged().unwrap();
        assert!(known.is_abridged() && known.abridged().is_some());
        assert!(!known.json().as_str().contains("H4sI"));
        assert_eq!(known.labels()["owner"], "helm");
        assert_eq!(known.resource_version(), record.resource_version());
        assert_eq!(known.field_set("helm"), record.field_set("helm"));
        let listed = Cached::abridged_of(record.gvk(), secret("helm.sh/release.v1")).unwrap();
        assert_eq!(listed.json(), known.json());

        let other = Cached::abridged_of(record.gvk(), secret("Opaque")).unwrap();
        assert!(!other.is_abridged() && other.abridged().is_none());
        assert!(other.json().as_str().contains("H4sI"));
    }

    #[test]
    fn a_module_that_wrote_it_as_a_child_is_a_predecessor_of_every_other() {
        let held = |manager: &str, fields: Value| {
            live(&json!({"metadata": {"managedFields": [
                {"manager": manager, "operation": "Apply", "fieldsV1": fields},
            ]}}))
        };
        let marked = json!({"f:metadata": {"f:annotations": {"f:oarlock.dev/owner": {}}}});
        let child = held("oarlock/old", marked.clone());
        assert!(child.has_predecessor("oarlock/new") && !child.has_predecessor("oarlock/old"));
        assert!(child.field_set("oarlock/old").is_some());
        assert!(!held("oarlock/old", json!({"f:data": {}})).has_predecessor("oarlock/new"));
        assert!(!held("oarlock/old/uid", marked.clone()).has_predecessor("oarlock/new"));
        assert!(!held("kubectl", marked).has_predecessor("oarlock/new"));
    }

    #[test]
    fn every_kind_of_mark_counts_as_owner() {
        let cached = live(&json!({"metadata": {
            "ownerReferences": [{"uid": "b"}, {"uid": "a"}],
            "labels": {"oarlock.dev/owner-uid": "c"},
            "annotations": {"share.oarlock.dev/d": "{}", "other": "x"},
        }}));
        let uids: Vec<&str> = cached.owners().collect();
        assert_eq!(uids, ["a", "b", "c", "d"]);
        let of = |uid: &str| Uid(uid.to_owned());
        assert!(cached.is_owned_by(&of("a")) && !cached.is_owned_by(&of("d")));
        assert!(cached.is_shared_by(&of("d")) && !cached.is_shared_by(&of("a")));
    }

    #[test]
    fn labels_are_asked_without_the_rest() {
        let selects = |selector: &str, labels: &Value| {
            let cached = live(&json!({
                "metadata": {"labels": labels, "annotations": {"copy": labels.to_string()}}, "data": {"a": "{}"},
            }));
            cached.is_selected_by(&LabelSelector::parse(selector).unwrap())
        };
        let web = json!({"owner": "helm", "app": "web"});
        assert!(selects("app=web,owner=helm", &web));
        assert!(!selects("app=api", &web));
        assert!(selects("app!=web", &json!({})));
        assert!(!selects("app", &Value::Null));
        assert!(selects(
            "app=web",
            &json!({"app": "web", "note": "say \"so\"\n"})
        ));
    }

    #[test]
    fn the_head_is_kind_and_metadata() {
        let cached =
            live(&json!({"metadata": {"labels": {"a": "b"}}, "data": {"large": "content"}}));
        let (head, whole) = (cached.head().unwrap(), cached.object().unwrap());
        assert_eq!(head.target(), whole.target());
        assert_eq!(head.pointer("/metadata"), whole.pointer("/metadata"));
        assert_eq!(head.pointer("/data"), None);
    }

    #[test]
    fn an_owner_that_also_shares_counts_as_one_that_shares() {
        let cached = live(&json!({"metadata": {
            "ownerReferences": [{"uid": "b"}], "annotations": {"share.oarlock.dev/b": "{}"},
        }}));
        assert_eq!(cached.owners().collect::<Vec<_>>(), ["b"]);
        assert!(!cached.is_owned_by(&Uid("b".to_owned())));
    }

    #[test]
    fn texts_that_are_escaped_in_json_are_kept_too() {
        let cached = live(&json!({"metadata": {
            "name": "say \"a\"", "uid": "back\\slash", "ownerReferences": [{"uid": "tab\t"}, {"uid": "plain"}],
        }}));
        assert_eq!(cached.name(), "say \"a\"");
        assert_eq!(cached.namespace(), Some("n"));
        assert_eq!(cached.uid().0, "back\\slash");
        assert_eq!(cached.resource_version().0, "7");
        assert_eq!(cached.owners().collect::<Vec<_>>(), ["plain", "tab\t"]);
    }

    #[test]
    fn what_is_absent_is_empty() {
        let cached = Cached::from_live(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}),
        )
        .unwrap();
        assert_eq!((cached.uid().0.as_str(), cached.namespace()), ("", None));
        assert_eq!(cached.target().to_string(), "Node a");
    }
}
