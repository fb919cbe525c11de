//! Bindings that cannot be: each says what is wrong, and what to do.

use oarlock_sdk::{Failure, ReadError, Value, json};

use super::site::{Site, app, deployment};

fn invalid(patch: &Value) -> String {
    let mut site = Site::new(patch);
    match site.run() {
        Err(Failure::Invalid(fields)) => {
            assert_eq!(site.content(&app()), deployment("app"));
            let lines: Vec<String> = fields.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_contradicts_itself_is_told_by_field() {
    for (patch, expected) in [
        (
            json!({"spec": {"workload": {"selector": {}}}}),
            "spec.workload: both name and selector are set\nhint: remove one of them",
        ),
        (
            json!({"spec": {"workload": {"name": null}}}),
            "spec.workload: neither name nor selector is set\nhint: set one of them",
        ),
        (
            json!({"spec": {"workload": {"name": null, "selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}}}),
            "spec.workload.selector: operator \"Like\" of \"a\" is none of In, NotIn, Exists and DoesNotExist",
        ),
        (
            json!({"spec": {"name": "../up"}}),
            "spec.name: \"../up\" is no name of a binding\nhint: set spec.name to lower case letters, digits, `-` and `.`, 253 at most",
        ),
        (
            json!({"spec": {"env": [{"name": "A", "key": "x"}, {"name": "A", "key": "y"}, {"name": "", "key": "z"}]}}),
            "spec.env[1].name: \"A\" is there twice\nhint: keep one of them\nspec.env[2]: needs name and key",
        ),
        (
            json!({"spec": {"service": {"apiVersion": "servicebinding.io/v1", "kind": "ServiceBinding", "name": "db"}}}),
            "spec.service: is the binding itself\nhint: name what has the Secret",
        ),
        (
            json!({"spec": {"service": {"name": ""}}}),
            "spec.service.name: must not be empty",
        ),
        (
            json!({"spec": {"workload": null}}),
            "spec.workload: is required",
        ),
        (
            json!({"kind": "Other"}),
            "kind: servicebinding.io/v1 \"Other\" is not a kind of this module, expected ServiceBinding of servicebinding.io/v1",
        ),
    ] {
        assert_eq!(invalid(&patch), expected);
    }
}

#[test]
fn workloads_that_are_not_there_or_cannot_be_changed_are_told() {
    let told = |patch: Value| {
        let mut site = Site::new(&patch);
        for (api_version, kind) in [("v1", "Pod"), ("batch/v1", "Job")] {
            let mut object = deployment("app");
            object["apiVersion"] = json!(api_version);
            object["kind"] = json!(kind);
            site.world.foreign(object);
        }
        site.settle();
        assert_eq!(site.content(&app()), deployment("app"));
        assert_eq!(site.told("Ready"), site.told("WorkloadProjected"));
        site.told("Ready")
    };
    let workload = |patch: Value| told(json!({"spec": {"workload": patch}}));
    assert_eq!(
        workload(json!({"name": "nobody"})),
        "False WorkloadNotFound: the workload was not found: there is no Deployment nobody in namespace shop"
    );
    assert_eq!(
        workload(json!({"name": null, "selector": {"matchLabels": {"a": "b"}}})),
        "False WorkloadNotFound: no workload was found: spec.workload.selector matches no Deployment in namespace shop"
    );
    assert_eq!(
        workload(json!({"kind": "Other"})),
        "False WorkloadNotFound: apps/v1 Other is not served by the API server\nhint: correct spec.workload, or install its definition"
    );
    assert_eq!(
        workload(json!({"apiVersion": "v1", "kind": "Pod"})),
        "False WorkloadImmutable: Pod app: the template of a Pod cannot be changed once it is there\n\
         hint: bind the Deployment, StatefulSet or DaemonSet that makes it, or mount the Secret in its manifest"
    );
    assert_eq!(
        workload(json!({"apiVersion": "batch/v1", "kind": "Job"})),
        "False WorkloadImmutable: Job app: the template of a Job cannot be changed once it is there\n\
         hint: bind the CronJob that makes it, if there is one, or mount the Secret in its manifest"
    );
    assert_eq!(
        workload(json!({"apiVersion": "v1", "kind": "Node"})),
        "False WorkloadNotNamespaced: v1 Node is in no namespace; a binding is for workloads of its own namespace"
    );
    assert_eq!(
        workload(json!({"containers": ["ap"]})),
        "False ProjectionFailed: the workload has none of the containers ap\n\
         hint: correct spec.workload.containers, or leave it out for all of them"
    );
    assert_eq!(
        told(json!({"spec": {"env": [{"name": "A", "key": "host"}]}})),
        "False ProjectionFailed: container \"app\" sets \"A\" itself; it is not overwritten\n\
         hint: give the entry of spec.env another name"
    );
}

#[test]
fn who_may_not_look_leaves_everything_as_it_is() {
    let mut site = Site::new(&json!({}));
    site.settle();
    let before = site.content(&app());
    site.world.fails(
        "apps/v1",
        "Deployment",
        ReadError::Denied("no grant; hint: add it".to_owned()),
    );
    let outcome = site.rest();
    assert_eq!(outcome.exactly(), None, "who has left cannot be told");
    assert_eq!(
        site.told("Ready"),
        "False WorkloadForbidden: no grant; hint: add it"
    );
    assert_eq!(site.content(&app()), before);
}

#[test]
fn a_workload_that_is_being_deleted_is_none() {
    let mut site = Site::new(&json!({}));
    site.world.edit_foreign(
        &app(),
        &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    );
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "False WorkloadNotFound: Deployment app is being deleted"
    );
    assert_eq!(site.told("Ready"), site.told("WorkloadProjected"));
}

#[test]
fn a_version_that_is_not_served_any_more_takes_nothing_out() {
    let mut site = Site::new(&json!({}));
    site.settle();
    let before = site.content(&app());
    site.world
        .edit(json!({"spec": {"workload": {"apiVersion": "apps/v1beta2"}}}));
    let outcome = site.rest();
    assert_eq!(outcome.exactly(), None);
    assert_eq!(
        site.told("Ready"),
        "False WorkloadNotFound: apps/v1beta2 Deployment is not served by the API server any more, or not yet: apps/v1 is\n\
         hint: set spec.workload.apiVersion to apps/v1"
    );
    assert_eq!(site.content(&app()), before);
}
