//! Workloads that every cluster has: how the binding comes in, changes, and moves on.

use oarlock_sdk::{Expect, OnLeave, Requeue, Write, json};

use super::site::{Site, app, at, database, deployment, secret};
use crate::projection::{Mapping, Projection, project, unproject};

#[test]
fn a_workload_is_written_down_before_it_is_changed() {
    let mut site = Site::new(&json!({}));
    let (first, _) = site.run().unwrap();
    assert_eq!(first.when(), Requeue::OnceWritten);
    assert_eq!(site.content(&app()), deployment("app"));
    assert_eq!(
        site.world.status()["workloads"],
        json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "app", "projected": false}])
    );
    assert_eq!(
        site.told("Ready"),
        "Unknown Initializing: Deployment app is being changed"
    );
    site.step();
    assert!(site.is_in(&app()));
    assert_eq!(
        site.told("Ready"),
        "Unknown Initializing: Deployment app is being changed"
    );
    let (seen, _) = site.run().unwrap();
    assert_eq!(seen.when(), Requeue::OnChange);
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in Deployment app"
    );
    assert_eq!(
        site.told("ServiceAvailable"),
        "True ResolvedBindingSecret: the Secret is orders-secret"
    );
    assert_eq!(
        site.told("WorkloadProjected"),
        "True WorkloadProjected: the binding is in Deployment app"
    );
    assert_eq!(
        site.world.status()["binding"],
        json!({"name": "orders-secret"})
    );
    assert_eq!(site.world.status()["observedGeneration"], 1);
    site.settle();
    let (_, changed) = site.run().unwrap();
    assert!(!changed, "the same again changes nothing");
    assert_eq!(site.world.events().len(), 1);
}

#[test]
fn only_the_binding_s_own_items_are_written_and_given_up_when_they_are_there() {
    let mut site = Site::new(
        &json!({"spec": {"type": "postgresql", "env": [{"name": "HOST", "key": "host"}]}}),
    );
    site.step();
    let (outcome, _) = site.run().unwrap();
    let [child] = outcome.exactly().unwrap() else {
        panic!("{outcome:?}")
    };
    assert_eq!(child.write(), Write::Share);
    assert_eq!(*child.on_leave(), OnLeave::Keep);
    assert!(
        matches!(child.expected(), Expect::Uid(_)),
        "it is never made anew"
    );
    let template = &child.object()["spec"]["template"];
    let root = json!({"name": "SERVICE_BINDING_ROOT", "value": "/bindings"});
    let host = json!({"name": "HOST", "valueFrom": {"secretKeyRef": {"name": "orders-secret", "key": "host"}}});
    let mount =
        |path: &str| json!([{"name": "binding-the-object", "mountPath": path, "readOnly": true}]);
    assert_eq!(
        template["spec"]["containers"],
        json!([
            {"name": "app", "env": [root, host], "volumeMounts": mount("/bindings/db")},
            {"name": "side", "env": [host], "volumeMounts": mount("/own/db")},
        ])
    );
    assert_eq!(
        template["spec"]["initContainers"],
        json!([{"name": "migrate", "env": [root, host], "volumeMounts": mount("/bindings/db")}])
    );
    assert_eq!(template["spec"]["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(
        template["metadata"]["annotations"],
        json!({"binding.oarlock.dev/type-the-object": "postgresql"})
    );
    // What is in containers belongs to nobody when it is there; the rest is held.
    let (outcome, _) = site.run().unwrap();
    assert_eq!(outcome.exactly(), Some(&[][..]));
    let (outcome, _) = site.run().unwrap();
    let [frame] = outcome.exactly().unwrap() else {
        panic!("{outcome:?}")
    };
    let template = &frame.object()["spec"]["template"];
    assert_eq!(template["spec"]["volumes"][0]["name"], "binding-the-object");
    assert_eq!(template["spec"]["containers"], json!(null));
    assert_eq!(*frame.on_leave(), OnLeave::Restore(json!({})));
}

#[test]
fn what_the_api_server_adds_is_not_taken_for_a_wish() {
    let mut site = Site::new(&json!({"spec": {"env": [{"name": "HOST", "key": "host"}]}}));
    site.settle();
    site.world.each_object(|object| {
        if let Some(volumes) = object.pointer_mut("/spec/template/spec/volumes") {
            volumes[1]["projected"]["defaultMode"] = json!(420);
        }
        if let Some(env) = object.pointer_mut("/spec/template/spec/containers/1/env") {
            assert_eq!(env[1]["name"], "HOST");
            env[1]["valueFrom"]["secretKeyRef"]["optional"] = json!(false);
        }
    });
    let (outcome, changed) = site.run().unwrap();
    assert!(
        !changed && outcome.exactly().unwrap().len() == 1,
        "only the frame is held"
    );
}

#[test]
fn what_the_api_server_does_not_keep_is_told() {
    let mut site = Site::new(&json!({}));
    for _ in 0..3 {
        site.step();
        site.world.foreign(deployment("app"));
        site.world.unchanged();
    }
    assert_eq!(
        site.told("Ready"),
        "False ProjectionIncomplete: Deployment app: the API server does not keep what is put in\n\
         hint: the definition of its kind may have no such fields; correct the mapping"
    );
}

#[test]
fn stateful_sets_and_cron_jobs_need_no_mapping() {
    let mut site = Site::new(&json!({"spec": {"workload": {"kind": "StatefulSet"}}}));
    let mut set = deployment("app");
    set["kind"] = json!("StatefulSet");
    site.world.foreign(set);
    site.settle();
    assert!(site.is_in(&at("apps/v1", "StatefulSet", "app")));
    assert!(!site.is_in(&app()), "another kind of the same name");

    let mut site =
        Site::new(&json!({"spec": {"workload": {"apiVersion": "batch/v1", "kind": "CronJob"}}}));
    let job = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "app", "namespace": "shop"},
        "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}}},
    });
    site.world.foreign(job.clone());
    site.settle();
    let target = at("batch/v1", "CronJob", "app");
    assert_eq!(
        site.live(&target)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"][0]["name"],
        "binding-the-object"
    );
    site.world.delete();
    site.settle();
    assert_eq!(site.content(&target), job);
}

#[test]
fn a_changed_binding_is_brought_to_what_is_wished() {
    let mut site = Site::new(&json!({"spec": {"env": [{"name": "HOST", "key": "host"}]}}));
    site.settle();
    site.world
        .edit(json!({"spec": {"name": "main", "env": null, "workload": {"containers": ["app"]}}}));
    site.settle();
    let spec = site.live(&app())["spec"]["template"]["spec"].clone();
    assert_eq!(
        spec["containers"][0]["volumeMounts"][0]["mountPath"],
        "/bindings/main"
    );
    assert!(!spec.to_string().contains("HOST"));
    let own = deployment("app")["spec"]["template"]["spec"].clone();
    assert_eq!(spec["containers"][1], own["containers"][1]);
    assert_eq!(spec["initContainers"], own["initContainers"]);
    assert_eq!(site.world.status()["observedGeneration"], 2);
}

#[test]
fn a_selector_takes_all_that_match_and_lets_go_of_whoever_leaves() {
    let workload = json!({"spec": {"workload": {"name": null, "selector": {
        "matchLabels": {"tier": "web"}, "matchExpressions": [{"key": "off", "operator": "DoesNotExist"}]}}}});
    let mut site = Site::new(&workload);
    site.world.foreign(deployment("two"));
    let mut other = deployment("other");
    other["metadata"]["labels"] = json!({"tier": "db"});
    site.world.foreign(other);
    site.settle();
    let two = at("apps/v1", "Deployment", "two");
    assert!(site.is_in(&app()) && site.is_in(&two));
    assert!(!site.is_in(&at("apps/v1", "Deployment", "other")));
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in 2 workloads"
    );
    site.world
        .edit_foreign(&two, &json!({"metadata": {"labels": {"off": "1"}}}));
    site.settle();
    assert!(site.is_in(&app()));
    let mut expected = deployment("two");
    expected["metadata"]["labels"]["off"] = json!("1");
    assert_eq!(site.content(&two), expected);
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in Deployment app"
    );
    // It comes back, and goes again with the last label.
    site.world
        .edit_foreign(&two, &json!({"metadata": {"labels": {"off": null}}}));
    site.settle();
    assert!(site.is_in(&two));
}

#[test]
fn another_workload_gets_what_the_old_one_loses() {
    let mut site = Site::new(&json!({}));
    site.world.foreign(deployment("new"));
    site.settle();
    site.world
        .edit(json!({"spec": {"workload": {"name": "new"}}}));
    site.settle();
    assert!(site.is_in(&at("apps/v1", "Deployment", "new")));
    assert_eq!(site.content(&app()), deployment("app"));
    let reasons: Vec<&str> = site
        .world
        .events()
        .iter()
        .map(|(_, reason)| reason.as_str())
        .collect();
    assert_eq!(reasons, ["Projected", "Projected", "Unprojected"]);
}

#[test]
fn a_workload_that_is_made_anew_gets_it_again() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.world.delete_foreign(&app());
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "False WorkloadNotFound: the workload was not found: there is no Deployment app in namespace shop"
    );
    assert_eq!(site.world.status()["workloads"], json!(null));
    site.world.foreign(deployment("app"));
    site.settle();
    assert!(site.is_in(&app()));
}

#[test]
fn two_bindings_of_one_name_do_not_share_a_directory() {
    let mut site = Site::new(&json!({}));
    let other = Projection {
        uid: "other".to_owned(),
        name: "db".to_owned(),
        secret: "another".to_owned(),
        kind: None,
        provider: None,
        env: Vec::new(),
        containers: Vec::new(),
    };
    let taken = project(&deployment("app"), &other, &Mapping::pod_spec().unwrap()).unwrap();
    site.world.foreign(taken.clone());
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "False ProjectionFailed: container \"migrate\" has already something at \"/bindings/db\"\n\
         hint: set spec.name of the binding to another name"
    );
    assert_eq!(site.content(&app()), taken);
    site.world.edit(json!({"spec": {"name": "db2"}}));
    site.settle();
    assert!(site.is_in(&app()));
    // Both need the variable: who goes first leaves it.
    let one = unproject(site.live(&app()), "other").unwrap();
    let env = &one["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[1]["name"], "SERVICE_BINDING_ROOT");
}

#[test]
fn another_secret_is_mounted_when_the_service_changes_it() {
    let mut site = Site::new(&json!({}));
    site.settle();
    site.world.foreign(secret("next"));
    site.world.foreign(database("next"));
    site.settle();
    assert_eq!(
        site.live(&app())["spec"]["template"]["spec"]["volumes"][1]["projected"]["sources"][0]["secret"]
            ["name"],
        "next"
    );
    assert_eq!(site.world.status()["binding"]["name"], "next");
}
