//! The rights that `oarlock rbac` prints are enough, and each of them is needed.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use oarlock_config::rights::{Installation, RbacObject, Subject, rights};
use oarlock_config::{Env, Watch, parse};
use oarlock_core::outcome::{Child, Event, OnLeave, Outcome, Owner, Write};
use oarlock_core::reconciler::Host;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::request::Request;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake};
use crate::world::objects::{
    at_map, at_widget, child, config_map, exactly, gadget_definition, map_child, status, widget,
};

/// Everything that a watch can ask for, in one.
const WATCHES: &str = r#"
- group: demo.example.com
  version: v1
  kind: Widget
  module: fake.wasm
  grants:
    actAs: [robot]
    write:
    - {apiGroups: [""], resources: [configmaps]}
    - {apiGroups: [""], resources: [services], verbs: [patch], resourceNames: [theirs]}
    - {apiGroups: [demo.example.com], resources: [gadgets], verbs: [create, patch]}
    read:
    - {apiGroups: [apps], resources: [deployments], resourceNames: [web]}
    - {apiGroups: [""], resources: [configmaps], verbs: [get]}
"#;

fn the_watch() -> Watch {
    let mut parsed = parse("watches.yaml", WATCHES, &Env::empty());
    assert!(!parsed.has_errors(), "{:?}", parsed.diagnostics);
    parsed.watches.remove(0)
}

fn installation() -> Installation {
    Installation {
        name: "oarlock".to_owned(),
        namespace: "kube-system".to_owned(),
        account: "oarlock".to_owned(),
        namespaces: BTreeSet::new(),
        leader_election: false,
        sharding: false,
        install_crds: false,
        guarded_metrics: false,
    }
}

/// What `oarlock rbac` would print.
fn generated(watch: &Watch) -> Vec<RbacObject> {
    let subject = Subject {
        watch,
        manifest: None,
    };
    rights(&[subject], &[], &installation()).objects(&installation())
}

fn service() -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "theirs", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})
}

fn shared() -> Child {
    Child {
        owner: Owner::Unowned,
        write: Write::Share,
        force: true,
        on_leave: OnLeave::Restore(
            json!({"spec": {"selector": {"app": "web"}}})
                .as_object()
                .unwrap()
                .clone(),
        ),
        ..child(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "theirs", "namespace": "default"},
            "spec": {"selector": {"app": "canary"}}}),
        )
    }
}

fn gadget() -> Child {
    Child {
        on_leave: OnLeave::Keep,
        ..child(
            json!({"apiVersion": "demo.example.com/v1", "kind": "Gadget",
            "metadata": {"name": "g", "namespace": "default"}}),
        )
    }
}

fn kept(name: &str) -> Child {
    Child {
        on_leave: OnLeave::Keep,
        ..map_child(name)
    }
}

/// First it makes all it can, then it leaves most of it, then it acts as somebody else.
async fn reconcile(request: Request, host: Arc<dyn Host>) -> Answer {
    let web = ObjectRef::new(Gvk::new("apps", "v1", "Deployment"), Some("default"), "web");
    host.get(web.clone(), None).await.unwrap();
    host.get_live(web, None).await.unwrap();
    let told = Event {
        key: "told".to_owned(),
        warning: false,
        reason: "Told".to_owned(),
        message: "told".to_owned(),
        about: None,
    };
    let step = request.object.to_value()["spec"]["size"].as_i64().unwrap();
    let mut outcome = match step {
        _ if request.deleting => Outcome {
            finalized: true,
            ..exactly([])
        },
        1 => exactly([
            map_child("one"),
            kept("two"),
            map_child("three"),
            gadget(),
            shared(),
        ]),
        2 => exactly([child(config_map("one", json!({"k": "new"})))]),
        _ => {
            let account = || Some("robot".to_owned());
            host.get(at_map("one"), account()).await.unwrap();
            host.get_live(at_map("one"), account()).await.unwrap();
            exactly([child(config_map("one", json!({"k": "new"})))])
        }
    };
    outcome.events = vec![told];
    outcome.status = status(json!({"step": step}));
    Ok(outcome)
}

/// The operator at work, until all is done.
async fn story(world: &mut World) {
    let at_step = |step: i64| {
        move |live: Option<&Value>| live.is_some_and(|live| live["status"]["step"] == step)
    };
    world.create(widget("w")).await;
    world.until(&at_widget("w"), at_step(1)).await;
    for step in [2, 3] {
        world
            .patch(&at_widget("w"), json!({"spec": {"size": step}}))
            .await;
        world.until(&at_widget("w"), at_step(step)).await;
    }
    // Another process meets its own Event.
    world.restart().await;
    world.until_ready("w").await;
    world.quiet().await;
    world.delete(&at_widget("w")).await;
    world.until_gone(&at_widget("w")).await;
    assert!(world.get(&at_map("two")).await.is_some(), "it is kept");
}

/// What the operator was forbidden with these rights, up to the first.
async fn forbidden_with(objects: &[Value]) -> Vec<String> {
    let mut world = World::confined("kube-system", "oarlock").await;
    for object in objects {
        world.create(object.clone()).await;
    }
    world.give("robot", "", "configmaps", &["get"]).await;
    world.create(gadget_definition()).await;
    world.create(service()).await;
    world
        .create(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}},
        }))
        .await;
    let module = Arc::new(
        Fake::reading(|request, host| Box::pin(reconcile(request, host)))
            .finalizer("demo.example.com/cleanup"),
    );
    let mut refused = world.refused();
    world.serve(the_watch(), &module);
    tokio::select! {
        () = story(&mut world) => {}
        _forbidden = refused.wait_for(|refused| !refused.is_empty()) => {}
    }
    world.refused().borrow().clone()
}

#[tokio::test(start_paused = true)]
async fn the_generated_rights_are_enough() {
    let objects: Vec<Value> = generated(&the_watch())
        .into_iter()
        .map(|o| o.object)
        .collect();
    assert_eq!(forbidden_with(&objects).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn without_any_one_of_the_generated_rights_something_is_forbidden() {
    let objects: Vec<Value> = generated(&the_watch())
        .into_iter()
        .map(|o| o.object)
        .collect();
    let mut tried = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let rules = object["rules"].as_array().map_or(0, Vec::len);
        for rule in 0..rules {
            for verb in object["rules"][rule]["verbs"].as_array().unwrap() {
                let mut fewer = objects.clone();
                let verbs = fewer[index]["rules"][rule]["verbs"].as_array_mut().unwrap();
                verbs.retain(|other| other != verb);
                if verbs.is_empty() {
                    fewer[index]["rules"].as_array_mut().unwrap().remove(rule);
                }
                let what = format!("{verb} {}", object["rules"][rule]["resources"]);
                let forbidden = forbidden_with(&fewer).await;
                assert!(!forbidden.is_empty(), "{what} is not needed");
                tried.push(what);
            }
        }
    }
    assert!(tried.len() > 25, "{tried:#?}");
}
