//! An operator that sees some namespaces only.

use std::sync::Arc;

use oarlock_core::outcome::{Failure, Outcome};
use oarlock_core::reference::ObjectRef;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish, field, name_of};
use crate::world::objects::{
    child, config_map, config_map_kind, exactly, watch, watch_reading, widget, widget_kind,
};

fn within(namespace: &str, mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(namespace);
    object
}

async fn namespaces(world: &World, names: &[&str]) {
    for name in names {
        world
            .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_named_namespaces_are_listed_watched_and_reconciled() {
    let module = Arc::new(Fake::wishing(&Wish::new(Outcome::nothing())));
    let mut world = World::new().await.seeing(&["team-b", "default"]);
    namespaces(&world, &["team-b", "elsewhere"]).await;
    world.create(widget("a")).await;
    world.create(within("elsewhere", widget("x"))).await;
    world.serve(watch(), &module);
    world.until_ready("a").await;
    world.create(within("team-b", widget("b"))).await;
    world.create(within("elsewhere", widget("y"))).await;
    module.call(2).await;
    world.quiet().await;
    let mut names: Vec<String> = module.requests().iter().map(name_of).collect();
    names.sort();
    assert_eq!(names, ["a", "b"]);
    let kinds = |path: &String| path.ends_with("/widgets") || path.ends_with("/configmaps");
    let mut watched = world.watched();
    watched.retain(kinds);
    watched.sort();
    watched.dedup();
    assert_eq!(
        watched,
        [
            "/api/v1/namespaces/default/configmaps",
            "/api/v1/namespaces/team-b/configmaps",
            "/apis/demo.example.com/v1/namespaces/default/widgets",
            "/apis/demo.example.com/v1/namespaces/team-b/widgets",
        ]
    );
    let mut listed = world.requests();
    listed.retain(kinds);
    assert!(
        listed.iter().all(|path| path.contains("/namespaces/")),
        "{listed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn children_are_repaired_and_pruned_in_each_of_them() {
    let module = Arc::new(Fake::new(|request| {
        let namespace = field(request, "/metadata/namespace");
        let map = within(
            namespace.as_str().unwrap_or_default(),
            config_map("one", json!({"k": "v"})),
        );
        let wanted = field(request, "/spec/size") == 1;
        Ok(exactly(wanted.then(|| child(map))))
    }));
    let mut world = World::new().await.seeing(&["team-b", "default"]);
    namespaces(&world, &["team-b"]).await;
    world.serve(watch(), &module);
    world.create(within("team-b", widget("b"))).await;
    let at = ObjectRef::new(config_map_kind(), Some("team-b"), "one");
    world.until_there(&at).await;
    world.delete(&at).await;
    world.until_there(&at).await;
    world
        .patch(
            &ObjectRef::new(widget_kind(), Some("team-b"), "b"),
            json!({"spec": {"size": 2}}),
        )
        .await;
    world.until_gone(&at).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_seen_is_neither_written_nor_taken_for_absent() {
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([child(within(
        "elsewhere",
        config_map("one", json!({"k": "v"})),
    ))]))));
    let mut world = World::new().await.seeing(&["default"]);
    namespaces(&world, &["elsewhere"]).await;
    let mut far = watch();
    for grant in &mut far.grants.write {
        grant.namespaces = vec!["*".to_owned()];
    }
    world.serve(far, &module);
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @r#"ConfigMap elsewhere/one was not applied: namespace "elsewhere" is not one of those that are watched; hint: WATCH_NAMESPACE or --watch-namespace names them, with commas (NamespaceNotWatched, 403)"#);

    let reading = Arc::new(
        Fake::reading(|_, host| {
            Box::pin(async move {
                let target = ObjectRef::new(config_map_kind(), Some("elsewhere"), "one");
                match host.get(target, None).await {
                    Ok(found) => {
                        Err(Failure::Terminal(format!("found {}", found.is_some())).into())
                    }
                    Err(error) => Err(Failure::Terminal(error.to_string()).into()),
                }
            })
        })
        .version("2.0.0"),
    );
    let mut reads = watch_reading("", "configmaps");
    for grant in &mut reads.grants.read {
        grant.namespaces = vec!["*".to_owned()];
    }
    world.serve(reads, &reading);
    let message = world.until_condition("a", "Ready", "False", "Failed").await;
    insta::assert_snapshot!(message, @r#"ConfigMap elsewhere/one: namespace "elsewhere" is not one of those that the host watches"#);
}
