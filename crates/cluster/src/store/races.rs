//! Any order of watch events, lists and answers to own writes, checked against a server that is never wrong.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What may happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody else creates or changes an object.
    Others(u8),
    /// Somebody else deletes one.
    OthersDelete(u8),
    /// We create or change one; the answer is on its way.
    Ours(u8),
    /// We delete one; the answer is on its way.
    OursDelete(u8),
    /// The oldest answer arrives, or the youngest.
    Answer(bool),
    /// The watch tells one event.
    Event,
    /// A list begins: its snapshot is taken, the watch ends.
    BeginList,
    /// The list is complete, the watch goes on from it.
    FinishList,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3_u8).prop_map(Step::Others),
        1 => (0..3_u8).prop_map(Step::OthersDelete),
        3 => (0..3_u8).prop_map(Step::Ours),
        2 => (0..3_u8).prop_map(Step::OursDelete),
        4 => any::<bool>().prop_map(Step::Answer),
        5 => Just(Step::Event),
        1 => Just(Step::BeginList),
        1 => Just(Step::FinishList),
    ]
}

/// The last change of an object: there, or gone.
#[derive(Clone, Debug)]
enum Fact {
    There(Arc<Cached>),
    Gone(Arc<Cached>),
}

#[derive(Default)]
struct World {
    store: Store,
    version: u32,
    uids: u32,
    objects: BTreeMap<u8, Arc<Cached>>,
    history: Vec<(u32, Fact)>,
    answers: Vec<Fact>,
    /// How much of the history the watch has told; None while a list is under way.
    told: Option<usize>,
    snapshot: Option<(Vec<Arc<Cached>>, u32, usize)>,
}

fn gvk() -> Gvk {
    Gvk::new("", "v1", "ConfigMap")
}

fn cached(name: u8, uid: &str, version: u32) -> Arc<Cached> {
    let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": name.to_string(), "namespace": "n", "uid": uid, "resourceVersion": version.to_string()}});
    Arc::new(Cached::from_live(value).unwrap())
}

impl World {
    fn put(&mut self, name: u8) -> Fact {
        self.version += 1;
        let uid = if let Some(old) = self.objects.get(&name) {
            old.uid().0.clone()
        } else {
            self.uids += 1;
            format!("uid{}", self.uids)
        };
        let new = cached(name, &uid, self.version);
        self.objects.insert(name, Arc::clone(&new));
        self.history
            .push((self.version, Fact::There(Arc::clone(&new))));
        Fact::There(new)
    }

    fn delete(&mut self, name: u8) -> Option<Fact> {
        let old = self.objects.remove(&name)?;
        self.version += 1;
        let last = cached(name, &old.uid().0, self.version);
        self.history
            .push((self.version, Fact::Gone(Arc::clone(&last))));
        Some(Fact::Gone(last))
    }

    fn event(&mut self) -> bool {
        let Some(told) = &mut self.told else {
            return false;
        };
        let Some((_, fact)) = self.history.get(*told).cloned() else {
            return false;
        };
        *told += 1;
        match fact {
            Fact::There(new) => self.store.applied(new),
            Fact::Gone(last) => self.store.deleted(&last),
        }
        true
    }

    fn begin_list(&mut self) {
        if self.snapshot.is_none() {
            self.store.begin_list(&gvk());
            let objects = self.objects.values().cloned().collect();
            self.snapshot = Some((objects, self.version, self.history.len()));
            self.told = None;
        }
    }

    fn finish_list(&mut self) {
        if let Some((objects, version, told)) = self.snapshot.take() {
            let version = ResourceVersion(version.to_string());
            self.store.finish_list(&gvk(), objects, &version);
            self.told = Some(told);
        }
    }

    fn answer(&mut self, oldest: bool) {
        if self.answers.is_empty() {
            return;
        }
        let last = self.answers.len() - 1;
        match self.answers.remove(if oldest { 0 } else { last }) {
            Fact::There(new) => {
                self.store.wrote(Arc::clone(&new));
                self.shows_at_least(&new);
            }
            Fact::Gone(old) => {
                self.store.removed(&old.target(), Some(&old.uid()));
                let shown = self.store.get(&old.target());
                assert!(
                    shown.is_none_or(|shown| !shown.is_same_object(&old)),
                    "still shows {old:?}"
                );
            }
        }
    }

    /// Once a write has been answered the cache shows it, or something newer.
    fn shows_at_least(&self, written: &Cached) {
        let shown = self.store.get(&written.target());
        let newer_gone = self.history.iter().any(|(_, fact)| {
            matches!(fact, Fact::Gone(last) if last.target() == written.target()
                && last.resource_version().newer_than(&written.resource_version()))
        });
        match shown {
            Some(shown) => assert!(
                !written
                    .resource_version()
                    .newer_than(&shown.resource_version()),
                "wrote {written:?}, shows {shown:?}"
            ),
            None => assert!(newer_gone, "wrote {written:?}, shows nothing"),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Others(name) => {
                self.put(name);
            }
            Step::OthersDelete(name) => {
                self.delete(name);
            }
            Step::Ours(name) => {
                let fact = self.put(name);
                self.answers.push(fact);
            }
            Step::OursDelete(name) => {
                let fact = self.delete(name);
                self.answers.extend(fact);
            }
            Step::Answer(oldest) => self.answer(oldest),
            Step::Event => {
                self.event();
            }
            Step::BeginList => self.begin_list(),
            Step::FinishList => self.finish_list(),
        }
    }

    fn settle(&mut self) {
        while !self.answers.is_empty() {
            self.answer(true);
        }
        if self.told.is_none() {
            self.begin_list();
        }
        self.finish_list();
        while self.event() {}
    }
}

fn versions<'a>(objects: impl IntoIterator<Item = &'a Arc<Cached>>) -> Vec<String> {
    let objects = objects.into_iter();
    objects
        .map(|c| format!("{}={}@{}", c.target().name, c.uid(), c.resource_version()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_race_ends_in_the_truth(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::default();
        world.store.open(&gvk());
        for step in steps {
            world.take(step);
        }
        world.settle();
        let shown = world.store.list(&gvk(), None);
        prop_assert_eq!(versions(&shown), versions(world.objects.values()));
    }
}
