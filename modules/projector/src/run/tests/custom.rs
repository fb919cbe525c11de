//! Workloads of kinds that not every cluster has: by mappings, with lists of either sort.

use oarlock_sdk::{Expect, ObjectRef, OnLeave, Value, Write, json};

use super::site::{Site, at};

fn runner() -> ObjectRef {
    at("x.example.com/v1", "Runner", "app")
}

fn manifest() -> Value {
    json!({
        "apiVersion": "x.example.com/v1", "kind": "Runner",
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": {
            "jobs": [{"id": "one", "run": {"variables": [{"name": "A", "value": "1"}]}}, {"id": "two", "run": {}}],
            "disks": [{"name": "own"}],
        },
    })
}

fn mapping(disks: &str) -> Value {
    json!({
        "apiVersion": "servicebinding.io/v1", "kind": "ClusterWorkloadResourceMapping",
        "metadata": {"name": "runners.x.example.com"},
        "spec": {"versions": [{
            "version": "v1",
            "annotations": ".spec.notes",
            "containers": [{"path": ".spec.jobs[*].run", "env": ".variables", "volumeMounts": ".mounts"}],
            "volumes": disks,
        }]},
    })
}

fn definition(keys: bool) -> Value {
    let list = |key: &str, item: Value| match keys {
        true => {
            json!({"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]})
        }
        false => json!({"type": "array", "items": item}),
    };
    let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let run = json!({"type": "object", "properties": {
        "variables": list("name", free.clone()), "mounts": list("mountPath", free.clone())}});
    let job = json!({"type": "object", "properties": {"id": {"type": "string"}, "run": run}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "runners.x.example.com"},
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "jobs": list("id", job), "disks": list("name", free.clone()), "other": list("name", free),
                "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            }},
        }}}}]},
    })
}

fn site(keys: bool) -> Site {
    let mut site = Site::new(&json!({"spec": {
        "type": "t", "workload": {"apiVersion": "x.example.com/v1", "kind": "Runner"}}}));
    site.world.foreign(manifest());
    site.world.foreign(mapping(".spec.disks"));
    site.world.foreign(definition(keys));
    site
}

#[test]
fn lists_without_keys_are_shared_wholly_at_the_version_that_was_seen() {
    let mut site = site(false);
    site.step();
    let version = site.live(&runner())["metadata"]["resourceVersion"].clone();
    let (outcome, _) = site.run().unwrap();
    let [child] = outcome.exactly().unwrap() else {
        panic!("{outcome:?}")
    };
    assert_eq!(child.write(), Write::Share);
    assert!(child.is_forced());
    assert_eq!(*child.on_leave(), OnLeave::Keep);
    assert_eq!(
        *child.expected(),
        Expect::Version(version.as_str().unwrap().to_owned())
    );
    let object = child.object();
    // With what their user has in them.
    assert_eq!(object["spec"]["disks"][0], json!({"name": "own"}));
    assert_eq!(object["spec"]["disks"][1]["name"], "binding-the-object");
    assert_eq!(
        object["spec"]["jobs"][0]["run"]["variables"][0],
        json!({"name": "A", "value": "1"})
    );
    assert_eq!(
        object["spec"]["jobs"][1]["run"]["mounts"][0]["mountPath"],
        "/bindings/db"
    );
    assert_eq!(
        object["spec"]["notes"],
        json!({"binding.oarlock.dev/type-the-object": "t"})
    );
}

#[test]
fn lists_with_keys_are_written_by_item() {
    let mut site = site(true);
    site.step();
    let (outcome, _) = site.run().unwrap();
    let [child] = outcome.exactly().unwrap() else {
        panic!("{outcome:?}")
    };
    assert_eq!(child.write(), Write::Share);
    assert!(
        matches!(child.expected(), Expect::Uid(_)),
        "others may write meanwhile"
    );
    let object = child.object();
    assert_eq!(object["spec"]["disks"].as_array().unwrap().len(), 1);
    assert_eq!(
        object["spec"]["jobs"][0],
        json!({"id": "one", "run": {
            "variables": [{"name": "SERVICE_BINDING_ROOT", "value": "/bindings"}],
            "mounts": [{"name": "binding-the-object", "mountPath": "/bindings/db", "readOnly": true}],
        }})
    );
}

#[test]
fn what_its_user_wrote_meanwhile_is_what_remains() {
    let mut site = site(false);
    site.settle();
    assert!(site.is_in(&runner()));
    // The user replaces a list: it is theirs, and the binding comes into it again.
    site.world.edit_foreign(
        &runner(),
        &json!({"spec": {"disks": [{"name": "own"}, {"name": "more"}]}}),
    );
    site.settle();
    assert_eq!(
        site.live(&runner())["spec"]["disks"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert!(site.told("Ready").starts_with("True"));
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    let mut expected = manifest();
    expected["spec"]["disks"] = json!([{"name": "own"}, {"name": "more"}]);
    assert_eq!(site.content(&runner()), expected);
}

#[test]
fn a_mapping_that_changes_or_goes_is_followed_and_the_old_one_takes_out() {
    let mut site = site(false);
    site.settle();
    site.world.foreign(mapping(".spec.other"));
    site.settle();
    let spec = site.live(&runner())["spec"].clone();
    assert_eq!(spec["disks"], json!([{"name": "own"}]));
    assert_eq!(spec["other"][0]["name"], "binding-the-object");
    assert!(
        site.told("Ready").starts_with("True"),
        "{}",
        site.told("Ready")
    );
    let target = ObjectRef::new(
        "servicebinding.io/v1",
        "ClusterWorkloadResourceMapping",
        "runners.x.example.com",
    );
    site.world.delete_foreign(&target);
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "False ProjectionFailed: the workload has no containers at .spec.template.spec.initContainers[*] and .spec.template.spec.containers[*]\n\
         hint: describe it by a ClusterWorkloadResourceMapping named PLURAL.GROUP"
    );
    site.world.delete();
    site.settle();
    assert_eq!(site.content(&runner()), manifest());
}

#[test]
fn a_mapping_that_does_not_fit_is_told() {
    let told = |spec: Value| {
        let mut site = site(false);
        let mut mapping = mapping(".spec.disks");
        mapping["spec"] = spec;
        site.world.foreign(mapping);
        site.settle();
        assert_eq!(site.content(&runner()), manifest());
        site.told("Ready")
    };
    assert_eq!(
        told(json!({"versions": [{"version": "v2"}]})),
        "False MappingInvalid: ClusterWorkloadResourceMapping runners.x.example.com: the mapping has no entry for version \"v1\"; it has v2\n\
         hint: add one, or one for `*`"
    );
    assert!(
        told(json!({"versions": [{"version": "v1", "volumes": ".spec.disks[*]"}]}))
            .contains("has a wildcard or an index where only names of fields are allowed")
    );
    assert!(
        told(
            json!({"versions": [{"version": "*", "volumes": ".spec.jobs.disks",
            "containers": [{"path": ".spec.jobs[*].run"}]}]})
        )
        .starts_with("False ProjectionFailed: volumes of the workload cannot hold a binding")
    );
}

#[test]
fn a_version_of_its_own_comes_before_the_star() {
    let mut site = site(false);
    let mut both = mapping(".spec.disks");
    let mut star = both["spec"]["versions"][0].clone();
    star["version"] = json!("*");
    star["volumes"] = json!(".spec.other");
    both["spec"]["versions"] = json!([star, both["spec"]["versions"][0]]);
    site.world.foreign(both);
    site.settle();
    assert_eq!(site.live(&runner())["spec"]["other"], json!(null));
    assert_eq!(
        site.live(&runner())["spec"]["disks"][1]["name"],
        "binding-the-object"
    );
}
