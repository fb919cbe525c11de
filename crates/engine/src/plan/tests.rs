#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::cluster::Verb;
use oarlock_core::manifest::{Grants, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Expect, OnLeave, Owner, Propagation, Removal, Write};
use oarlock_core::reference::{Gvk, KindInfo, ObjectRef, Uid};
use oarlock_core::timestamp::Timestamp;
use serde_json::{Value, json};

use super::{Leaving, Plan, RemovalStep, Scene, Step, on_deletion, plan};
use crate::memory::{Memory, Synced, fingerprint};

/// A cluster as a plan sees it. The owner is `Deployer web/nginx` with uid `owner`.
struct Stage {
    owner: Cached,
    grants: Grants,
    kinds: BTreeMap<Gvk, KindInfo>,
    live: Vec<Arc<Cached>>,
    memory: Memory,
    ancestors: BTreeSet<Uid>,
}

fn cached(value: Value) -> Arc<Cached> {
    Arc::new(Cached::from_live(value).unwrap())
}

fn kind(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> (Gvk, KindInfo) {
    let gvk = Gvk::from_api_version(api_version, kind);
    let info = KindInfo {
        gvk: gvk.clone(),
        plural: plural.to_owned(),
        namespaced,
        status_subresource: true,
    };
    (gvk, info)
}

impl Stage {
    fn new() -> Self {
        Self {
            owner: Cached::from_live(json!({
                "apiVersion": "deploy.example.com/v1alpha1", "kind": "Deployer",
                "metadata": {"name": "nginx", "namespace": "web", "uid": "owner", "resourceVersion": "5"},
            }))
            .unwrap(),
            grants: Grants {
                write: vec![ResourceGrant {
                    api_groups: vec!["apps".to_owned(), String::new()],
                    resources: vec!["*".to_owned(), "namespaces".to_owned()],
                    namespaces: vec!["web".to_owned(), "other".to_owned()],
                    ..ResourceGrant::default()
                }],
                ..Grants::default()
            },
            kinds: [
                kind("apps/v1", "Deployment", "deployments", true),
                kind("v1", "ConfigMap", "configmaps", true),
                kind("v1", "Namespace", "namespaces", false),
            ]
            .into(),
            live: Vec::new(),
            memory: Memory::default(),
            ancestors: BTreeSet::new(),
        }
    }

    fn with(mut self, live: Value) -> Self {
        self.live.push(cached(live));
        self
    }

    fn see<T>(&self, look: impl FnOnce(&Scene<'_>) -> T) -> T {
        let live = self
            .live
            .iter()
            .map(|l| (l.target(), Arc::clone(l)))
            .collect();
        let marked: Vec<_> = self
            .live
            .iter()
            .filter(|l| l.is_marked_by(&self.owner.uid()))
            .cloned()
            .collect();
        look(&Scene {
            owner: &self.owner,
            manager: "oarlock/test",
            grants: &self.grants,
            kinds: &self.kinds,
            live: &live,
            marked: &marked,
            memory: &self.memory,
            account: None,
            ancestors: &self.ancestors,
            now: Timestamp::from_millis(1_700_000_000_000),
        })
    }

    fn plan(&self, children: &[Child]) -> Plan {
        self.see(|scene| plan(scene, children, Leaving::Unlisted, &[]))
    }

    fn step(&self, child: Child) -> Step {
        self.plan(&[child]).writes.remove(0).step
    }
}

fn wanted(value: Value) -> Child {
    Child::owned(Object::from_value(value).unwrap())
}

fn config_map(name: &str, data: &str) -> Child {
    wanted(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "web"}, "data": {"a": data}}),
    )
}

fn live_config_map(name: &str, marks: Value) -> Value {
    let mut value = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "web", "uid": "live", "resourceVersion": "9"},
        "data": {"a": "1"},
    });
    json_patch::merge(&mut value, &json!({"metadata": marks}));
    value
}

fn owned_marks() -> Value {
    json!({
        "ownerReferences": [{"apiVersion": "deploy.example.com/v1alpha1", "kind": "Deployer", "name": "nginx", "uid": "owner",
            "controller": true, "blockOwnerDeletion": true}],
        "annotations": {"oarlock.dev/owner": "Deployer.deploy.example.com web/nginx"},
    })
}

fn sent(step: &Step) -> &Verb {
    match step {
        Step::Send { call, .. } => &call.verb,
        other => panic!("a call was expected, not {other:?}"),
    }
}

fn refused(step: &Step) -> (&str, &str) {
    match step {
        Step::Refuse(error) => (&error.reason, &error.message),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

#[test]
fn a_new_child_is_applied_with_an_owner_reference() {
    let step = Stage::new().step(config_map("a", "1"));
    let Verb::Apply {
        object,
        force: false,
    } = sent(&step)
    else {
        panic!("{step:?}");
    };
    insta::assert_snapshot!(object.to_json(), @r#"{"apiVersion":"v1","data":{"a":"1"},"kind":"ConfigMap","metadata":{"annotations":{"oarlock.dev/owner":"Deployer.deploy.example.com web/nginx"},"name":"a","namespace":"web","ownerReferences":[{"apiVersion":"deploy.example.com/v1alpha1","blockOwnerDeletion":true,"controller":true,"kind":"Deployer","name":"nginx","uid":"owner"}]}}"#);
}

#[test]
fn where_an_owner_reference_is_illegal_a_label_stands_and_the_host_keeps_a_finalizer() {
    for value in [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "other"}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}),
    ] {
        let mut stage = Stage::new();
        stage.grants.write[0].namespaces.push("*".to_owned());
        let plan = stage.plan(&[wanted(value)]);
        assert!(!plan.hidden.is_empty());
        let Verb::Apply { object, .. } = sent(&plan.writes[0].step) else {
            panic!("{plan:?}");
        };
        assert_eq!(object.pointer("/metadata/ownerReferences"), None);
        assert_eq!(
            object.pointer("/metadata/labels/oarlock.dev~1owner-uid"),
            Some(&json!("owner"))
        );
    }
    assert!(Stage::new().plan(&[config_map("a", "1")]).hidden.is_empty());
}

#[test]
fn what_is_in_sync_is_not_sent() {
    let child = config_map("a", "1");
    let mut stage = Stage::new().with(live_config_map("a", owned_marks()));
    let Step::Send { wanted, .. } = stage.step(child.clone()) else {
        panic!("nothing is known after a restart: one apply finds out");
    };
    let live = Arc::clone(&stage.live[0]);
    let synced = Synced::new(wanted, &live, &live.object().unwrap(), "oarlock/test");
    stage
        .memory
        .learn(live.target(), "oarlock/test".to_owned(), synced);
    assert_eq!(stage.step(child.clone()), Step::Nothing(None));
    assert!(
        matches!(stage.step(config_map("a", "2")), Step::Send { .. }),
        "other content is sent"
    );

    // Somebody changes what is not ours: the comparison finds nothing, and is not repeated for this version.
    let mut marks = owned_marks();
    json_patch::merge(
        &mut marks,
        &json!({"resourceVersion": "10", "annotations": {"theirs": "x"}}),
    );
    stage.live[0] = cached(live_config_map("a", marks));
    assert!(matches!(stage.step(child.clone()), Step::Nothing(Some(_))));

    // Somebody changes what is ours.
    let mut drifted = live_config_map("a", owned_marks());
    json_patch::merge(
        &mut drifted,
        &json!({"metadata": {"resourceVersion": "11"}, "data": {"a": "theirs"}}),
    );
    stage.live[0] = cached(drifted);
    assert!(matches!(stage.step(child.clone()), Step::Send { .. }));

    // Somebody took our fields over without changing them: the field set tells.
    let mut lost = live_config_map("a", owned_marks());
    json_patch::merge(
        &mut lost,
        &json!({"metadata": {"resourceVersion": "12", "managedFields": [
            {"manager": "oarlock/test", "operation": "Apply", "fieldsV1": {"f:data": {}}}]}}),
    );
    stage.live[0] = cached(lost);
    assert!(matches!(stage.step(child), Step::Send { .. }));
}

#[test]
fn what_the_server_normalises_causes_no_loop() {
    let child = config_map("a", "1000m");
    let mut stage = Stage::new().with(live_config_map("a", owned_marks()));
    let object = stage.live[0].object().unwrap();
    let Step::Send { wanted, .. } = stage.step(child.clone()) else {
        panic!("differs");
    };
    // The server made "1" of "1000m"; later only the status and the version move.
    let live = Arc::clone(&stage.live[0]);
    stage.memory.learn(
        live.target(),
        "oarlock/test".to_owned(),
        Synced::new(wanted, &live, &object, "oarlock/test"),
    );
    let mut moved = live_config_map("a", owned_marks());
    json_patch::merge(
        &mut moved,
        &json!({"metadata": {"resourceVersion": "10"}, "status": {"x": 1}}),
    );
    stage.live[0] = cached(moved);
    assert!(matches!(stage.step(child), Step::Nothing(Some(_))));
}

#[test]
fn what_somebody_else_made_is_not_taken_over_unless_it_is_named() {
    let stage = Stage::new().with(live_config_map("a", json!({})));
    let mut child = config_map("a", "1");
    let step = stage.step(child.clone());
    insta::assert_snapshot!(refused(&step).1, @"ConfigMap web/a exists and is not a child of Deployer web/nginx; hint: delete or rename it, or let the module take it over by its uid");
    child.expect = Expect::Uid(Uid("live".to_owned()));
    let step = stage.step(child.clone());
    let Verb::Apply { object, .. } = sent(&step) else {
        panic!("{step:?}");
    };
    assert_eq!(
        object.pointer("/metadata/uid"),
        Some(&json!("live")),
        "the API server checks it too"
    );
    child.expect = Expect::Any;
    child.owner = Owner::Unowned;
    assert!(matches!(stage.step(child), Step::Send { .. }));
}

#[test]
fn expectations() {
    let stage = Stage::new().with(live_config_map("a", owned_marks()));
    let mut child = config_map("a", "1");
    for (expect, message) in [
        (
            Expect::Absent,
            "was expected to be absent, but exists with uid live",
        ),
        (
            Expect::Uid(Uid("x".to_owned())),
            "was expected to have uid x, but has live",
        ),
        (
            Expect::Version(oarlock_core::reference::ResourceVersion("8".to_owned())),
            "was expected at resource version 8, but is at 9",
        ),
    ] {
        child.expect = expect;
        let step = stage.step(child.clone());
        assert!(refused(&step).1.contains(message), "{step:?}");
    }
    let mut absent = config_map("b", "1");
    absent.expect = Expect::Absent;
    let step = stage.step(absent);
    assert!(
        matches!(sent(&step), Verb::Create { .. }),
        "the server checks that it is absent"
    );
}

#[test]
fn create_never_changes() {
    let mut child = config_map("a", "2");
    child.write = Write::Create;
    assert!(matches!(
        sent(&Stage::new().step(child.clone())),
        Verb::Create { .. }
    ));
    let stage = Stage::new().with(live_config_map("a", owned_marks()));
    assert_eq!(stage.step(child), Step::Nothing(None));
}

#[test]
fn share_never_creates_and_stores_what_it_has_to_restore() {
    let mut child = config_map("a", "2");
    child.write = Write::Share;
    child.owner = Owner::Unowned;
    let Value::Object(restore) = json!({"data": {"a": "1"}}) else {
        unreachable!("a literal object");
    };
    child.on_leave = OnLeave::Restore(restore);
    assert_eq!(refused(&Stage::new().step(child.clone())).0, "NotFound");
    let plan = Stage::new()
        .with(live_config_map("a", json!({})))
        .plan(&[child]);
    assert!(!plan.hidden.is_empty());
    let Verb::Apply { object, .. } = sent(&plan.writes[0].step) else {
        panic!("{plan:?}");
    };
    insta::assert_snapshot!(object.pointer("/metadata/annotations").unwrap(), @r#"{"share.oarlock.dev/owner":"{\"owner\":\"Deployer.deploy.example.com web/nginx\",\"manager\":\"oarlock/test/owner\",\"restore\":{\"data\":{\"a\":\"1\"}}}"}"#);
}

#[test]
fn compare_tells_where_but_not_what_is_ignored() {
    let stage = Stage::new().with(live_config_map("a", json!({})));
    let mut child = config_map("a", "2");
    child.write = Write::Compare;
    assert_eq!(
        stage.step(child.clone()),
        Step::Tell(vec!["/data/a".to_owned()])
    );
    child.ignore = vec!["/data".to_owned()];
    assert_eq!(stage.step(child.clone()), Step::Tell(Vec::new()));
    assert_eq!(Stage::new().step(child), Step::Tell(vec![String::new()]));
}

#[test]
fn nothing_is_written_without_a_grant() {
    let mut stage = Stage::new();
    stage.grants.write.clear();
    let step = stage.step(config_map("a", "1"));
    assert_eq!(refused(&step).0, "GrantMissing");
    insta::assert_snapshot!(refused(&step).1, @r#"no grant for create on configmaps; hint: add to the watch: grants: {write: [{apiGroups: [""], resources: [configmaps], namespaces: [web]}]}"#);
}

#[test]
fn places_and_combinations_that_are_wrong() {
    let at = |namespace: Option<&str>, kind: &str| {
        wanted(
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": namespace}}),
        )
    };
    for (child, message) in [
        (
            at(None, "ConfigMap"),
            "ConfigMap a: ConfigMap is namespaced: metadata.namespace is required",
        ),
        (
            at(Some("web"), "Namespace"),
            "Namespace web/a: Namespace is cluster-scoped: metadata.namespace must not be set",
        ),
        (
            Child {
                write: Write::Share,
                ..config_map("a", "1")
            },
            "ConfigMap web/a: write `share` needs owner `unowned`",
        ),
        (
            Child {
                manager: Some("oarlock/other".to_owned()),
                ..config_map("a", "1")
            },
            "ConfigMap web/a: field manager oarlock/other is another module's",
        ),
    ] {
        assert_eq!(refused(&Stage::new().step(child)), ("Invalid", message));
    }
}

#[test]
fn recreating_what_is_being_deleted_is_refused_until_it_is_gone() {
    let mut live = live_config_map("a", owned_marks());
    live["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let child = Child {
        write: Write::Recreate,
        ..config_map("a", "2")
    };
    assert_eq!(
        refused(&Stage::new().with(live).step(child)),
        (
            "Conflict",
            "ConfigMap web/a is being deleted; it is created again afterwards"
        )
    );
}

#[test]
fn recreating_needs_the_right_to_create() {
    let mut stage = Stage::new().with(live_config_map("a", owned_marks()));
    stage.grants.write[0].verbs = vec!["patch".to_owned(), "delete".to_owned()];
    let child = Child {
        write: Write::Recreate,
        ..config_map("a", "2")
    };
    let step = stage.step(child);
    let (reason, message) = refused(&step);
    assert_eq!(reason, "GrantMissing");
    assert!(message.starts_with("no grant for create"), "{message}");
}

#[test]
fn a_kind_that_is_not_served_waits() {
    let child = wanted(
        json!({"apiVersion": "x.y/v1", "kind": "Later", "metadata": {"name": "a", "namespace": "web"}}),
    );
    let Step::Wait(message) = Stage::new().step(child) else {
        panic!("it cannot be sent");
    };
    insta::assert_snapshot!(message, @"x.y/v1 Later is not served by the API server; it is tried again when it is");
}

fn leaves(plan: &Plan) -> Vec<String> {
    plan.leaves
        .calls
        .iter()
        .map(|leave| {
            let verbs: Vec<String> = leave
                .calls
                .iter()
                .map(|call| match &call.verb {
                    Verb::Delete { uid, .. } => format!("delete {}", uid.as_ref().unwrap()),
                    Verb::Merge { patch, .. } => format!("merge {}", json!(patch)),
                    Verb::Release { owner, .. } => format!("release {owner} as {}", call.manager),
                    other => format!("{other:?}"),
                })
                .collect();
            format!("{}: {}", leave.target.name, verbs.join(", "))
        })
        .collect()
}

#[test]
fn only_what_the_host_made_leaves_and_each_as_it_said() {
    let mut kept = owned_marks();
    kept["annotations"]["oarlock.dev/on-leave"] = json!("keep");
    let foreign = json!({"ownerReferences": [{"uid": "owner"}]});
    let shared = json!({"annotations": {"share.oarlock.dev/owner":
        r#"{"owner": "x", "manager": "flagger", "restore": {"data": {"a": null}}}"#}});
    let stage = Stage::new()
        .with(live_config_map("deleted", owned_marks()))
        .with(live_config_map("foreign", foreign))
        .with(live_config_map("kept", kept))
        .with(live_config_map("listed", owned_marks()))
        .with(live_config_map("shared", shared))
        .with(live_config_map("unrelated", json!({})));
    let plan = stage.plan(&[config_map("listed", "1")]);
    assert_eq!(
        leaves(&plan),
        [
            "deleted: delete live",
            "kept: release owner as oarlock/test",
            r#"shared: merge {"data":{"a":null},"metadata":{"uid":"live"}}, release owner as flagger"#,
        ]
    );
    let nobody = stage.see(plan_nobody);
    assert_eq!(nobody.leaves.calls, [], "keep is not an empty exactly");
    let on_deletion = Plan {
        leaves: stage.see(on_deletion),
        ..Plan::default()
    };
    assert_eq!(
        leaves(&on_deletion),
        [
            "kept: release owner as oarlock/test",
            r#"shared: merge {"data":{"a":null},"metadata":{"uid":"live"}}, release owner as flagger"#,
        ],
        "what the garbage collector finds is left to it"
    );
}

fn plan_nobody(scene: &Scene<'_>) -> Plan {
    plan(scene, &[], Leaving::Nobody, &[])
}

#[test]
fn a_mark_that_somebody_damaged_is_told_and_stops_nothing_else() {
    let shared = json!({"annotations": {"share.oarlock.dev/owner": "oops"}});
    let plan = Stage::new()
        .with(live_config_map("deleted", owned_marks()))
        .with(live_config_map("shared", shared))
        .plan(&[]);
    assert_eq!(leaves(&plan), ["deleted: delete live"]);
    insta::assert_snapshot!(plan.leaves.skipped[0].error, @"annotation share.oarlock.dev/owner on ConfigMap web/shared is not what the host wrote (expected value at line 1 column 1); hint: restore the shared fields by hand and remove the annotation (Invalid, 422)");
}

#[test]
fn removals() {
    let stage = Stage::new().with(live_config_map("a", json!({})));
    let step = |name: &str, uid: Option<&str>| {
        let removal = Removal {
            target: ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("web"), name),
            uid: uid.map(|uid| Uid(uid.to_owned())),
            propagation: Propagation::Foreground,
        };
        stage
            .see(|scene| plan(scene, &[], Leaving::Nobody, &[removal]))
            .removals
            .remove(0)
            .step
    };
    assert!(matches!(step("a", None), RemovalStep::Send(_)));
    assert!(matches!(step("a", Some("live")), RemovalStep::Send(_)));
    assert_eq!(step("a", Some("earlier")), RemovalStep::Absent);
    assert_eq!(step("b", None), RemovalStep::Absent);
}

#[test]
fn fingerprints_follow_content() {
    let content = |data: &str| config_map("a", data).object.content().clone();
    assert_eq!(fingerprint(&content("1")), fingerprint(&content("1")));
    assert_ne!(fingerprint(&content("1")), fingerprint(&content("2")));
}
