#![expect(clippy::unwrap_used, reason = "tests")]

use parking_lot::Mutex as TestMutex;
use serde_json::json;

use super::*;

fn gvk() -> Gvk {
    Gvk::new("", "v1", "ConfigMap")
}

fn at(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(gvk(), Some(namespace), name)
}

fn v(version: u32) -> ResourceVersion {
    ResourceVersion(version.to_string())
}

fn owned(name: &str, uid: &str, version: u32, owners: &[&str]) -> Arc<Cached> {
    let references: Vec<_> = owners.iter().map(|uid| json!({"uid": uid})).collect();
    Arc::new(
        Cached::from_live(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "n", "uid": uid,
                "resourceVersion": version.to_string(), "ownerReferences": references},
        }))
        .unwrap(),
    )
}

fn object(name: &str, uid: &str, version: u32) -> Arc<Cached> {
    owned(name, uid, version, &[])
}

#[derive(Default)]
struct Log(TestMutex<Vec<String>>);

impl Listener for Log {
    fn changed(&self, change: Change) {
        let of = |c: &Cached| format!("{}@{}", c.target().name, c.resource_version());
        self.0.lock().push(match change {
            Change::Applied { old: None, new } => format!("+{}", of(&new)),
            Change::Applied {
                old: Some(old),
                new,
            } => {
                format!("~{}>{}", of(&old), new.resource_version())
            }
            Change::Deleted(old) => format!("-{}", of(&old)),
            Change::Synced(_) | Change::Kinds => "other".to_owned(),
        });
    }
}

struct Rig {
    store: Store,
    log: Arc<Log>,
}

impl Rig {
    fn new() -> Self {
        let (store, log) = (Store::default(), Arc::new(Log::default()));
        store.subscribe(Arc::<Log>::clone(&log));
        store.open(&gvk());
        Self { store, log }
    }

    fn listed(objects: Vec<Arc<Cached>>, version: u32) -> Self {
        let rig = Self::new();
        rig.list(objects, version);
        rig
    }

    fn list(&self, objects: Vec<Arc<Cached>>, version: u32) {
        self.store.begin_list(&gvk());
        self.store.finish_list(&gvk(), objects, &v(version));
    }

    fn told(&self) -> String {
        self.log.0.lock().drain(..).collect::<Vec<_>>().join(" ")
    }

    fn shown(&self) -> String {
        let all = self.store.list(&gvk(), None);
        let all = all
            .iter()
            .map(|c| format!("{}@{}", c.target().name, c.resource_version()));
        all.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_relist_tells_differences_only() {
    let rig = Rig::listed(
        vec![
            object("a", "1", 1),
            object("b", "2", 2),
            object("c", "3", 3),
        ],
        5,
    );
    assert_eq!(rig.told(), "+a@1 +b@2 +c@3");
    rig.list(
        vec![
            object("a", "1", 1),
            object("c", "3", 7),
            object("d", "4", 8),
        ],
        9,
    );
    assert_eq!(rig.told(), "~c@3>7 +d@8 -b@2");
    assert_eq!(rig.shown(), "a@1 c@7 d@8");
}

#[test]
fn a_list_wins_even_when_versions_went_backwards() {
    let rig = Rig::listed(vec![object("a", "1", 90), object("b", "2", 91)], 95);
    rig.told();
    rig.list(vec![object("a", "1", 10)], 20);
    assert_eq!(rig.told(), "~a@90>10 -b@91");
    rig.store.applied(object("a", "1", 21));
    assert_eq!(rig.shown(), "a@21");
}

#[test]
fn another_uid_is_another_object() {
    let rig = Rig::listed(vec![object("a", "1", 1)], 5);
    rig.told();
    rig.store.applied(object("a", "2", 6));
    assert_eq!(rig.told(), "-a@1 +a@6");
    rig.list(vec![object("a", "3", 8)], 9);
    assert_eq!(rig.told(), "-a@6 +a@8");
}

#[test]
fn own_writes_show_at_once_and_older_events_do_not_undo_them() {
    let rig = Rig::listed(vec![object("a", "1", 1)], 5);
    rig.told();
    rig.store.wrote(object("a", "1", 8));
    assert_eq!(rig.told(), "~a@1>8");
    rig.store.applied(object("a", "1", 7));
    rig.store.applied(object("a", "1", 8));
    assert_eq!((rig.told().as_str(), rig.shown().as_str()), ("", "a@8"));
    rig.store.applied(object("a", "1", 9));
    assert_eq!(rig.told(), "~a@8>9");
}

#[test]
fn an_answer_that_is_older_than_the_watch_raises_no_ghost() {
    let rig = Rig::listed(vec![object("a", "1", 1)], 5);
    rig.store.applied(object("a", "1", 6));
    rig.store.deleted(&object("a", "1", 7));
    rig.told();
    // The answer to the write that made version 6 arrives last.
    rig.store.wrote(object("a", "1", 6));
    assert_eq!((rig.told().as_str(), rig.shown().as_str()), ("", ""));
}

#[test]
fn own_deletions_stay_deleted() {
    let rig = Rig::listed(vec![object("a", "1", 1)], 5);
    rig.told();
    rig.store.removed(&at("n", "a"), Some(&Uid("1".to_owned())));
    assert_eq!(rig.told(), "-a@1");
    rig.store.applied(object("a", "1", 6));
    rig.store.deleted(&object("a", "1", 7));
    assert_eq!((rig.told().as_str(), rig.shown().as_str()), ("", ""));
    rig.store.applied(object("a", "2", 8));
    assert_eq!(rig.told(), "+a@8");
}

#[test]
fn deleted_and_created_again_by_us_survives_late_events() {
    let rig = Rig::listed(vec![object("a", "1", 1)], 5);
    rig.store.removed(&at("n", "a"), None);
    rig.store.wrote(object("a", "2", 8));
    rig.told();
    rig.store.applied(object("a", "1", 6));
    rig.store.deleted(&object("a", "1", 7));
    assert_eq!((rig.told().as_str(), rig.shown().as_str()), ("", "a@8"));
    rig.store.applied(object("a", "2", 8));
    rig.store.deleted(&object("a", "2", 9));
    assert_eq!(rig.told(), "-a@8");
}

#[test]
fn writes_during_a_list_are_not_undone_by_it() {
    let rig = Rig::listed(
        vec![
            object("a", "1", 1),
            object("b", "2", 2),
            object("c", "3", 3),
        ],
        5,
    );
    rig.told();
    rig.store.begin_list(&gvk());
    rig.store.wrote(object("a", "1", 21));
    rig.store.wrote(object("new", "9", 22));
    rig.store.removed(&at("n", "b"), None);
    assert_eq!(rig.told(), "~a@1>21 +new@22 -b@2");
    let snapshot = vec![
        object("a", "1", 1),
        object("b", "2", 2),
        object("c", "3", 3),
    ];
    rig.store.finish_list(&gvk(), snapshot, &v(20));
    assert_eq!(
        (rig.told().as_str(), rig.shown().as_str()),
        ("", "a@21 c@3 new@22")
    );
    // The next list knows better.
    rig.list(vec![object("c", "3", 3)], 30);
    assert_eq!(rig.told(), "-a@21 -new@22");
}

#[test]
fn a_deletion_during_the_first_list_counts() {
    let rig = Rig::new();
    rig.store.begin_list(&gvk());
    rig.store.removed(&at("n", "a"), Some(&Uid("1".to_owned())));
    rig.store
        .finish_list(&gvk(), vec![object("a", "1", 1)], &v(5));
    assert_eq!(rig.shown(), "");
}

#[test]
fn owners_are_indexed() {
    let rig = Rig::listed(
        vec![owned("b", "2", 2, &["x"]), owned("a", "1", 1, &["x", "y"])],
        5,
    );
    let of = |owner: &str| {
        let owned = rig.store.owned_by(&Uid(owner.to_owned()));
        owned
            .iter()
            .map(|c| c.target().name.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!((of("x").as_str(), of("y").as_str()), ("a b", "a"));
    rig.store.applied(owned("a", "1", 6, &["y"]));
    assert_eq!((of("x").as_str(), of("y").as_str()), ("b", "a"));
    let y = rig.store.owned_by(&Uid("y".to_owned()));
    assert_eq!(y[0].resource_version(), v(6));
    rig.store.clear(&gvk());
    assert_eq!((of("x").as_str(), of("y").as_str()), ("", ""));
    assert!(rig.store.content.read().owners.is_empty());
}

#[test]
fn one_namespace() {
    let rig = Rig::listed(vec![object("a", "1", 1), object("b", "2", 2)], 5);
    assert_eq!(rig.store.list(&gvk(), Some("n")).len(), 2);
    assert_eq!(rig.store.list(&gvk(), Some("m")).len(), 0);
    assert_eq!(rig.store.list(&gvk(), Some("o")).len(), 0);
    assert!(rig.store.get(&at("n", "b")).is_some());
    assert!(rig.store.get(&at("m", "b")).is_none());
}

#[test]
fn listeners_may_read_the_store() {
    struct Reader(std::sync::Weak<Store>, TestMutex<Vec<usize>>);
    impl Listener for Reader {
        fn changed(&self, _: Change) {
            self.1
                .lock()
                .push(self.0.upgrade().unwrap().list(&gvk(), None).len());
        }
    }
    let store = Arc::new(Store::default());
    let reader = Arc::new(Reader(Arc::downgrade(&store), TestMutex::default()));
    store.subscribe(Arc::<Reader>::clone(&reader));
    store.open(&gvk());
    store.begin_list(&gvk());
    store.finish_list(
        &gvk(),
        vec![object("a", "1", 1), object("b", "2", 2)],
        &v(5),
    );
    // A list is swapped in as a whole before the first of its changes is told.
    assert_eq!(*reader.1.lock(), [2, 2]);
}
