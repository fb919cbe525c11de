//! Who looked at what: whatever a run read, or looked for and did not find, is a reason to run again.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;

use oarlock_core::artifact::Upstream;
use oarlock_core::cached::Cached;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::selector::LabelSelector;

/// What one run depended on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Single objects, there or not.
    pub(crate) objects: BTreeSet<ObjectRef>,
    /// Queries.
    pub(crate) queries: Vec<Query>,
    /// Kinds that were needed and are not served.
    pub(crate) unserved: BTreeSet<Gvk>,
    /// The run asked for all kinds.
    pub(crate) kinds: bool,
    /// Where packages were fetched from.
    pub(crate) upstreams: BTreeSet<Upstream>,
}

impl Reads {
    /// These and `more`.
    pub(crate) fn merge(&mut self, more: Self) {
        self.objects.extend(more.objects);
        for query in more.queries {
            if !self.queries.contains(&query) {
                self.queries.push(query);
            }
        }
        self.unserved.extend(more.unserved);
        self.kinds |= more.kinds;
        self.upstreams.extend(more.upstreams);
    }

    /// One object.
    pub(crate) fn object(target: ObjectRef) -> Self {
        Self {
            objects: [target].into(),
            ..Self::default()
        }
    }

    /// What was fetched from.
    pub(crate) fn upstream(upstream: Upstream) -> Self {
        Self {
            upstreams: [upstream].into(),
            ..Self::default()
        }
    }

    /// A kind that is not served.
    pub(crate) fn unserved(gvk: Gvk) -> Self {
        Self {
            unserved: [gvk].into(),
            ..Self::default()
        }
    }
}

/// One query that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// The kind.
    pub(crate) gvk: Gvk,
    /// `None` for all namespaces.
    pub(crate) namespace: Option<String>,
    /// Which labels.
    pub(crate) selector: LabelSelector,
}

impl Query {
    /// Whether the answer holds `object`.
    pub(crate) fn selects(&self, object: &Cached) -> bool {
        let elsewhere = self.namespace.is_some() && self.namespace.as_deref() != object.namespace();
        if *object.gvk() != self.gvk || elsewhere {
            return false;
        }
        self.selector.is_empty() || object.is_selected_by(&self.selector)
    }
}

/// Who asked for objects of a kind. Whoever asks for one value of a label is looked up by it: objects that each look for what
/// is theirs are many, and so are the changes of a kind.
#[derive(Debug, Default)]
struct Asked {
    by_label: HashMap<String, HashMap<String, HashSet<ObjectRef>>>,
    otherwise: HashSet<ObjectRef>,
}

impl Asked {
    fn add(&mut self, query: &Query, key: &ObjectRef) {
        let asking = |label: &str, value: &str| {
            let values = self.by_label.get(label);
            values
                .and_then(|values| values.get(value))
                .map_or(0, HashSet::len)
        };
        // One that many ask for, such as who owns an object, tells them little apart.
        let rarest = query
            .selector
            .equalities()
            .min_by_key(|(label, value)| asking(label, value));
        let keys = match rarest {
            Some((label, value)) => self
                .by_label
                .entry(label.to_owned())
                .or_default()
                .entry(value.to_owned())
                .or_default(),
            None => &mut self.otherwise,
        };
        keys.insert(key.clone());
    }

    fn remove(&mut self, query: &Query, key: &ObjectRef) {
        for (label, value) in query.selector.equalities() {
            if let Some(values) = self.by_label.get_mut(label) {
                remove(values, value, key);
                if values.is_empty() {
                    self.by_label.remove(label);
                }
            }
        }
        self.otherwise.remove(key);
    }

    fn is_empty(&self) -> bool {
        self.by_label.is_empty() && self.otherwise.is_empty()
    }

    /// Whose queries may be about an object.
    fn about(&self, object: &Cached) -> impl Iterator<Item = &ObjectRef> {
        let labels = match self.by_label.is_empty() {
            true => BTreeMap::new(),
            false => object.labels(),
        };
        let by_label = labels
            .into_iter()
            .filter_map(|(label, value)| self.by_label.get(&*label)?.get(&*value));
        by_label.flatten().chain(&self.otherwise)
    }
}

/// The reads of all objects' last runs, by what was read.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    reads: HashMap<ObjectRef, Reads>,
    by_object: HashMap<ObjectRef, HashSet<ObjectRef>>,
    by_kind: HashMap<Gvk, Asked>,
    on_kinds: HashSet<ObjectRef>,
    by_upstream: HashMap<Upstream, HashSet<ObjectRef>>,
}

impl Dependencies {
    /// Replaces what `key` depends on.
    pub(crate) fn set(&mut self, key: &ObjectRef, reads: Reads) {
        self.forget(key);
        self.add(key, reads);
    }

    /// Adds to what `key` depends on. Called before something is looked at, so that what changes between the look and the end
    /// of the run is not missed.
    pub(crate) fn add(&mut self, key: &ObjectRef, reads: Reads) {
        if reads == Reads::default() {
            return;
        }
        for target in &reads.objects {
            self.by_object
                .entry(target.clone())
                .or_default()
                .insert(key.clone());
        }
        for query in &reads.queries {
            let asked = self.by_kind.entry(query.gvk.clone()).or_default();
            asked.add(query, key);
        }
        for upstream in &reads.upstreams {
            self.by_upstream
                .entry(upstream.clone())
                .or_default()
                .insert(key.clone());
        }
        if reads.kinds || !reads.unserved.is_empty() {
            self.on_kinds.insert(key.clone());
        }
        self.reads.entry(key.clone()).or_default().merge(reads);
    }

    /// Forgets what `key` depends on.
    pub(crate) fn forget(&mut self, key: &ObjectRef) {
        let Some(reads) = self.reads.remove(key) else {
            return;
        };
        for target in &reads.objects {
            remove(&mut self.by_object, target, key);
        }
        for query in &reads.queries {
            if let Some(asked) = self.by_kind.get_mut(&query.gvk) {
                asked.remove(query, key);
                if asked.is_empty() {
                    self.by_kind.remove(&query.gvk);
                }
            }
        }
        for upstream in &reads.upstreams {
            remove(&mut self.by_upstream, upstream, key);
        }
        self.on_kinds.remove(key);
    }

    /// Whether anybody depends on objects of a kind, or waits for it.
    pub(crate) fn need(&self, gvk: &Gvk) -> bool {
        self.by_kind.contains_key(gvk)
            || self.by_object.keys().any(|target| target.gvk == *gvk)
            || self
                .on_kinds
                .iter()
                .filter_map(|key| self.reads.get(key))
                .any(|reads| reads.unserved.contains(gvk))
    }

    /// Who has to run again when an object changes from `old` to `new`.
    pub(crate) fn on_change(&self, old: Option<&Cached>, new: Option<&Cached>) -> Vec<ObjectRef> {
        let Some(target) = new.or(old).map(Cached::target) else {
            return Vec::new();
        };
        let mut keys: HashSet<&ObjectRef> =
            self.by_object.get(&target).into_iter().flatten().collect();
        if let Some(asked) = self.by_kind.get(&target.gvk) {
            for object in [old, new].into_iter().flatten() {
                keys.extend(asked.about(object).filter(|key| {
                    let reads = self.reads.get(*key);
                    reads.is_some_and(|reads| {
                        reads.queries.iter().any(|query| query.selects(object))
                    })
                }));
            }
        }
        let mut keys: Vec<ObjectRef> = keys.into_iter().cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// Who has to run again when the first list of a kind is cached: whoever needed it when it was not served.
    pub(crate) fn on_synced(&self, gvk: &Gvk) -> Vec<ObjectRef> {
        let waits = |key: &&ObjectRef| {
            self.reads
                .get(*key)
                .is_some_and(|reads| reads.unserved.contains(gvk))
        };
        self.on_kinds.iter().filter(waits).cloned().collect()
    }

    /// Who has to run again when there is something new at one of `upstreams`, each once.
    pub(crate) fn on_push(&self, upstreams: &[Upstream]) -> BTreeSet<ObjectRef> {
        let readers = upstreams
            .iter()
            .filter_map(|upstream| self.by_upstream.get(upstream));
        readers.flatten().cloned().collect()
    }

    /// All that something was fetched from.
    pub(crate) fn upstreams(&self) -> Vec<Upstream> {
        self.by_upstream.keys().cloned().collect()
    }

    /// Who has to run again when kinds come or go.
    pub(crate) fn on_kinds(&self) -> Vec<ObjectRef> {
        self.on_kinds.iter().cloned().collect()
    }
}

fn remove<K, Q>(index: &mut HashMap<K, HashSet<ObjectRef>>, at: &Q, key: &ObjectRef)
where
    K: Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn secret(name: &str, label: &str) -> Cached {
        Cached::from_live(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": "ns", "labels": {"app": label}},
        }))
        .unwrap()
    }

    fn key(name: &str) -> ObjectRef {
        ObjectRef::new(Gvk::new("g", "v1", "K"), Some("ns"), name)
    }

    #[test]
    fn single_objects_wake_their_readers() {
        let mut dependencies = Dependencies::default();
        let read = secret("s", "x").target().clone();
        let reads = Reads {
            objects: [read].into(),
            ..Reads::default()
        };
        dependencies.set(&key("a"), reads);
        assert_eq!(
            dependencies.on_change(None, Some(&secret("s", "x"))),
            [key("a")]
        );
        assert_eq!(
            dependencies.on_change(Some(&secret("s", "x")), None),
            [key("a")]
        );
        assert_eq!(dependencies.on_change(None, Some(&secret("t", "x"))), []);
        dependencies.set(&key("a"), Reads::default());
        assert_eq!(dependencies.on_change(None, Some(&secret("s", "x"))), []);
        assert!(dependencies.by_object.is_empty());
    }

    #[test]
    fn pushes_wake_who_fetched_from_there() {
        let upstream = |text: &str| Upstream::parse(text).unwrap();
        let shop = upstream("https://git.example.com/shop.git");
        let mut dependencies = Dependencies::default();
        for name in ["a", "b"] {
            dependencies.set(&key(name), Reads::upstream(shop.clone()));
        }
        let pushed = [
            upstream("git@git.example.com:shop"),
            shop,
            upstream("https://other/x"),
        ];
        let readers = |dependencies: &Dependencies| dependencies.on_push(&pushed);
        assert_eq!(readers(&dependencies), [key("a"), key("b")].into());
        dependencies.set(&key("b"), Reads::default());
        assert_eq!(readers(&dependencies), [key("a")].into());
        dependencies.forget(&key("a"));
        assert_eq!(dependencies.upstreams(), []);
    }

    #[test]
    fn queries_see_objects_come_and_leave() {
        let mut dependencies = Dependencies::default();
        let query = Query {
            gvk: Gvk::new("", "v1", "Secret"),
            namespace: Some("ns".to_owned()),
            selector: LabelSelector::parse("app=web").unwrap(),
        };
        let reads = Reads {
            queries: vec![query],
            ..Reads::default()
        };
        dependencies.set(&key("a"), reads);
        let (web, db) = (secret("s", "web"), secret("s", "db"));
        assert_eq!(dependencies.on_change(Some(&db), Some(&web)), [key("a")]);
        assert_eq!(dependencies.on_change(Some(&web), Some(&db)), [key("a")]);
        assert_eq!(dependencies.on_change(Some(&db), Some(&db)), []);
        dependencies.forget(&key("a"));
        assert_eq!(dependencies.on_change(Some(&db), Some(&web)), []);
        assert!(dependencies.by_kind.is_empty());
    }

    #[test]
    fn whoever_asks_for_a_value_of_a_label_is_looked_up_by_it() {
        let mut dependencies = Dependencies::default();
        let gvk = Gvk::new("", "v1", "Secret");
        for release in ["a", "b", "c"] {
            let asks = |selector: &str| Query {
                gvk: gvk.clone(),
                namespace: None,
                selector: LabelSelector::parse(selector).unwrap(),
            };
            let reads = Reads {
                queries: vec![
                    asks(&format!("owner=helm,app={release}")),
                    asks("app in (x,y)"),
                ],
                ..Reads::default()
            };
            dependencies.set(&key(release), reads);
        }
        let of = |label: &str| {
            Cached::from_live(json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "s", "namespace": "ns", "labels": {"app": label, "owner": "helm"}},
            }))
            .unwrap()
        };
        assert_eq!(dependencies.on_change(None, Some(&of("b"))), [key("b")]);
        assert_eq!(
            dependencies.on_change(Some(&of("a")), Some(&of("b"))),
            [key("a"), key("b")]
        );
        assert_eq!(dependencies.on_change(None, Some(&of("x"))).len(), 3);
        let asked = &dependencies.by_kind[&gvk];
        // The first could not know better.
        assert_eq!(asked.by_label["owner"]["helm"].len(), 1);
        for release in ["a", "b", "c"] {
            dependencies.forget(&key(release));
        }
        assert!(dependencies.by_kind.is_empty());
    }
}
