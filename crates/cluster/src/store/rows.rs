//! The objects of one kind, in order, and by the labels that somebody asks for.
//!
//! An index is made for a label when it is asked for the first time. Without it, a thousand objects that each look for
//! their own among ten thousand would read ten million labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::selector::LabelSelector;

use super::entry::{Entry, Key};

/// Labels of one kind that are indexed at most. Modules name them: whoever names ever new ones is answered without.
const MOST_LABELS: usize = 16;

/// Objects by namespace and name.
#[derive(Default)]
pub(super) struct Rows {
    all: BTreeSet<Entry>,
    /// By label, and its value.
    labels: BTreeMap<Box<str>, HashMap<Box<str>, BTreeSet<Entry>>>,
}

impl Rows {
    pub(super) fn get(&self, namespace: Option<&str>, name: &str) -> Option<&Arc<Cached>> {
        let key = (namespace, name);
        self.all.get(&key as &dyn Key).map(|Entry(cached)| cached)
    }

    pub(super) fn list(&self, namespace: Option<&str>) -> Vec<Arc<Cached>> {
        within(&self.all, namespace).cloned().collect()
    }

    /// What is selected, in order; none where an index has to be made first.
    pub(super) fn select(
        &self,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Option<Vec<Arc<Cached>>> {
        let mut smallest = Some(&self.all);
        for (label, value) in selector.equalities() {
            let Some(values) = self.labels.get(label) else {
                if self.labels.len() < MOST_LABELS {
                    return None;
                }
                continue;
            };
            let found = values.get(value);
            if found.map_or(0, BTreeSet::len) < smallest.map_or(0, BTreeSet::len) {
                smallest = found;
            }
        }
        let selected = smallest
            .into_iter()
            .flat_map(|objects| within(objects, namespace))
            .filter(|object| object.is_selected_by(selector));
        Some(selected.cloned().collect())
    }

    /// Makes the indices that a selector is looked up in.
    pub(super) fn index(&mut self, selector: &LabelSelector) {
        for (label, _) in selector.equalities() {
            if self.labels.contains_key(label) || self.labels.len() >= MOST_LABELS {
                continue;
            }
            let mut values: HashMap<Box<str>, BTreeSet<Entry>> = HashMap::new();
            for entry in &self.all {
                if let Some(value) = entry.0.labels().get(label) {
                    let of_value = values.entry((**value).into()).or_default();
                    of_value.insert(entry.clone());
                }
            }
            self.labels.insert(label.into(), values);
        }
    }

    /// Puts an object in the place of what has its name.
    pub(super) fn put(&mut self, new: Arc<Cached>) {
        if !self.labels.is_empty() {
            self.unlist(&new);
            let said = new.labels();
            for (label, values) in &mut self.labels {
                if let Some(value) = said.get(&**label) {
                    let of_value = values.entry((**value).into()).or_default();
                    of_value.insert(Entry(Arc::clone(&new)));
                }
            }
        }
        self.all.replace(Entry(new));
    }

    pub(super) fn remove(&mut self, object: &Arc<Cached>) {
        self.unlist(object);
        self.all.remove(&Entry(Arc::clone(object)));
    }

    /// All of them, which are not here any more.
    pub(super) fn drain(&mut self) -> BTreeSet<Entry> {
        for values in self.labels.values_mut() {
            values.clear();
        }
        std::mem::take(&mut self.all)
    }

    /// Takes what is there under an object's name out of the indices.
    fn unlist(&mut self, object: &Arc<Cached>) {
        let Some(old) = self.all.get(&Entry(Arc::clone(object))) else {
            return;
        };
        if self.labels.is_empty() {
            return;
        }
        let said = old.0.labels();
        for (label, values) in &mut self.labels {
            let Some(value) = said.get(&**label) else {
                continue;
            };
            if let Some(of_value) = values.get_mut(&**value) {
                of_value.remove(old);
                if of_value.is_empty() {
                    values.remove(&**value);
                }
            }
        }
    }
}

fn within<'a>(
    objects: &'a BTreeSet<Entry>,
    namespace: Option<&'a str>,
) -> impl Iterator<Item = &'a Arc<Cached>> {
    let first = (namespace, "");
    let from: Bound<&dyn Key> = match namespace {
        Some(_) => Bound::Included(&first),
        None => Bound::Unbounded,
    };
    objects
        .range::<dyn Key, _>((from, Bound::Unbounded))
        .map(|Entry(cached)| cached)
        .take_while(move |cached| namespace.is_none() || cached.namespace() == namespace)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn object(namespace: &str, name: &str, labels: &[(&str, &str)]) -> Arc<Cached> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let value = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
        });
        Arc::new(Cached::from_live(value).unwrap())
    }

    /// Asks as the store does, and holds the answer against one that was made without any index.
    fn selected(rows: &mut Rows, namespace: Option<&str>, selector: &str) -> Vec<String> {
        let selector = LabelSelector::parse(selector).unwrap();
        if rows.select(namespace, &selector).is_none() {
            rows.index(&selector);
        }
        let found = rows.select(namespace, &selector).unwrap();
        let mut all = rows.list(namespace);
        all.retain(|object| object.is_selected_by(&selector));
        assert!(
            found.len() == all.len() && found.iter().zip(&all).all(|(a, b)| Arc::ptr_eq(a, b)),
            "{selector}"
        );
        found
            .iter()
            .map(|object| object.name().to_owned())
            .collect()
    }

    #[test]
    fn what_is_selected_is_what_a_look_at_all_finds() {
        let mut rows = Rows::default();
        for (namespace, name, labels) in [
            ("a", "x.v1", &[("owner", "helm"), ("name", "x")][..]),
            ("a", "x.v2", &[("owner", "helm"), ("name", "x")]),
            ("a", "y.v1", &[("owner", "helm"), ("name", "y")]),
            ("b", "x.v1", &[("owner", "helm"), ("name", "x")]),
            ("b", "z", &[("name", "x")]),
            ("b", "plain", &[]),
        ] {
            rows.put(object(namespace, name, labels));
        }
        let of_x = "owner=helm,name=x";
        assert_eq!(selected(&mut rows, Some("a"), of_x), ["x.v1", "x.v2"]);
        assert_eq!(selected(&mut rows, None, of_x), ["x.v1", "x.v2", "x.v1"]);
        assert_eq!(selected(&mut rows, Some("c"), of_x), [""; 0]);
        assert_eq!(selected(&mut rows, Some("b"), "!owner"), ["plain", "z"]);

        // From here on the indices are there.
        rows.put(object("a", "x.v2", &[("owner", "helm"), ("name", "y")]));
        assert_eq!(selected(&mut rows, Some("a"), of_x), ["x.v1"]);
        assert_eq!(selected(&mut rows, Some("a"), "name=y"), ["x.v2", "y.v1"]);
        rows.put(object("a", "x.v1", &[]));
        rows.remove(&object("a", "y.v1", &[]));
        assert_eq!(selected(&mut rows, None, "owner=helm"), ["x.v2", "x.v1"]);
        let all = rows.drain();
        assert_eq!(selected(&mut rows, None, "owner=helm"), [""; 0]);
        for Entry(object) in all {
            rows.put(object);
        }
        assert_eq!(selected(&mut rows, None, of_x), ["x.v1"]);
    }

    #[test]
    fn whoever_asks_for_ever_new_labels_is_answered_without_an_index() {
        let mut rows = Rows::default();
        rows.put(object("a", "x", &[("label-20", "1")]));
        for label in 0..30 {
            let found = selected(&mut rows, None, &format!("label-{label}=1"));
            assert_eq!(found.len(), usize::from(label == 20));
        }
        assert_eq!(rows.labels.len(), MOST_LABELS);
    }
}
