//! Ways out for objects that are being deleted while their module is gone, broken, or another one.

use std::sync::Arc;
use std::time::Duration;

use oarlock_config::Watch;
use oarlock_core::cluster::Verb;
use oarlock_core::outcome::{Failure, Outcome};
use oarlock_core::reconciler::RunError;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::request::ApiError;
use oarlock_core::selector::LabelSelector;
use oarlock_engine::Module;
use serde_json::{Value, json};

use crate::world::fake::{Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{
    annotations, at_map, at_widget, child, condition, exactly, grant, map_child, watch, widget,
};
use crate::world::{World, serving};

const NAME: &str = "demo.example.com/cleanup";

/// Has one child, and lets its object go at once.
fn cleaning(finalizer: &str) -> Arc<Fake> {
    let wish = Wish::new(Outcome {
        finalized: true,
        ..exactly([map_child("one")])
    });
    let module = Fake::wishing(&wish).finalizer(finalizer);
    Arc::new(module.version(if finalizer == NAME { "1.0.0" } else { "2.0.0" }))
}

fn finalizers(live: &Value) -> Value {
    live["metadata"]["finalizers"].clone()
}

fn down() -> Module {
    Module::Down("fake.wasm is not in the modules directory".to_owned())
}

async fn held_by(module: &Arc<Fake>) -> World {
    let world = World::with(module).await;
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world
}

/// An object in deletion whose module is gone.
async fn blocked() -> World {
    let mut world = held_by(&cleaning(NAME)).await;
    world.serve_all(vec![(watch(), down())]);
    world.delete(&at_widget("a")).await;
    world
        .until_condition("a", "Stalled", "True", "FinalizerBlocked")
        .await;
    world
}

async fn told_of_release(world: &World) -> String {
    let events = world.events("a").await;
    let event = events.iter().find(|event| event.contains("Released"));
    event.cloned().unwrap_or_default()
}

fn release(reason: &str) -> Value {
    json!({"metadata": {"annotations": {
        "oarlock.dev/release": reason, "oarlock.dev/released-by": "jane",
    }}})
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_module_is_gone_says_what_holds_it_and_how_to_release_it() {
    let world = blocked().await;
    let message = world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    insta::assert_snapshot!(message, @"the deletion waits for demo.example.com/cleanup, and no module is there to take it off: fake.wasm is not in the modules directory; hint: `oarlock release widgets.demo.example.com/a -n default` lets the object go without its module");
    let events = world.events("a").await;
    let event = format!("Warning FinalizerBlocked: {message} (1)");
    assert!(events.contains(&event), "{events:#?}");
    let metrics = world.metrics();
    let gauge = "oarlock_deletion_blocked{controller=\"widget.demo.example.com\"} 1";
    assert!(metrics.contains(gauge), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_released_object_goes_without_its_module_and_the_release_is_told() {
    let world = blocked().await;
    world.patch(&at_widget("a"), release("module lost")).await;
    world.until_gone(&at_widget("a")).await;
    world.until_gone(&at_map("one")).await;
    world.quiet().await;
    insta::assert_snapshot!(told_of_release(&world).await, @"Warning Released: demo.example.com/cleanup taken off without calling the module, as jane asked: module lost (1)");
    let metrics = world.metrics();
    for line in [
        "oarlock_deletion_blocked{controller=\"widget.demo.example.com\"} 0",
        "oarlock_released_total{controller=\"widget.demo.example.com\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_does_not_call_a_module_that_is_there() {
    let wish = Wish::new(Outcome::nothing());
    let module = Arc::new(Fake::wishing(&wish).finalizer(NAME));
    let world = held_by(&module).await;
    world.delete(&at_widget("a")).await;
    module.call_such(|request| request.deleting).await;
    world.quiet().await;
    let calls = module.count();
    world
        .patch(&at_widget("a"), release("it waits for ever"))
        .await;
    world.until_gone(&at_widget("a")).await;
    assert_eq!(module.count(), calls);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_being_deleted_is_not_released() {
    let module = cleaning(NAME);
    let world = held_by(&module).await;
    world.patch(&at_widget("a"), release("too early")).await;
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(
        finalizers(&world.live(&at_widget("a")).await),
        json!([NAME])
    );
    assert_eq!(world.events("a").await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_release_without_a_reason_is_none() {
    let world = blocked().await;
    world.patch(&at_widget("a"), release("  ")).await;
    world.quiet().await;
    assert_eq!(
        finalizers(&world.live(&at_widget("a")).await),
        json!([NAME])
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_takes_nobody_elses_finalizer() {
    let module = cleaning(NAME);
    let mut world = World::with(&module).await;
    let mut guarded = widget("a");
    guarded["metadata"]["finalizers"] = json!(["example.com/theirs"]);
    // Whoever writes the host's annotation names none of Kubernetes'.
    guarded["metadata"]["annotations"] = json!({"oarlock.dev/finalizer": "foregroundDeletion"});
    world.create(guarded).await;
    world.until_ready("a").await;
    world.serve_all(vec![(watch(), down())]);
    world.delete(&at_widget("a")).await;
    world.patch(&at_widget("a"), release("r")).await;
    let rest = |live: Option<&Value>| {
        live.is_some_and(|live| finalizers(live) == json!(["example.com/theirs"]))
    };
    let live = world.until(&at_widget("a"), rest).await;
    assert_eq!(
        live.map(|live| annotations(&live).contains_key("oarlock.dev/finalizer")),
        Some(false)
    );
}

fn at_far() -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "ConfigMap"), Some("other"), "far")
}

fn granting() -> Watch {
    let mut watch = watch();
    let mut everywhere = grant("", "configmaps");
    everywhere.namespaces = vec!["other".to_owned()];
    watch.grants.write.push(everywhere);
    watch
}

/// Its object has a child that no garbage collector would find.
async fn with_far_child(finalizer: Option<&str>) -> World {
    let far = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "far", "namespace": "other"}});
    let wish = Wish::new(exactly([child(far)]));
    let mut module = Fake::wishing(&wish);
    if let Some(name) = finalizer {
        module = module.finalizer(name);
    }
    let module = Arc::new(module);
    let mut world = World::new().await;
    world
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}))
        .await;
    world.serve(granting(), &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_release_takes_the_children_along_that_nobody_else_would_find() {
    let mut world = with_far_child(Some(NAME)).await;
    world.serve_all(vec![(granting(), down())]);
    world.delete(&at_widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    assert!(world.get(&at_far()).await.is_some());
    world.patch(&at_widget("a"), release("r")).await;
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_release_leaves_behind_what_it_may_not_delete_and_names_it() {
    let mut world = with_far_child(Some(NAME)).await;
    world.serve_all(vec![(granting(), down())]);
    world.strike(|call| match &call.verb {
        Verb::Delete { .. } => Strike::Refuse(ApiError::new(403, "Forbidden", "no")),
        _ => Strike::Pass,
    });
    world.delete(&at_widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    world.patch(&at_widget("a"), release("r")).await;
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_some());
    world.quiet().await;
    insta::assert_snapshot!(told_of_release(&world).await, @"Warning Released: demo.example.com/cleanup, oarlock.dev/children taken off without calling the module, as jane asked: r; left behind: ConfigMap other/far was not let go: no (Forbidden, 403) (1)");
}

#[tokio::test(start_paused = true)]
async fn the_hosts_own_finalizer_needs_no_module() {
    let mut world = with_far_child(None).await;
    world.serve_all(vec![(granting(), down())]);
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
    assert!(world.get(&at_far()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_module_that_never_lets_go_is_told_of_with_the_way_out_after_a_while() {
    let wish = Wish::new(Outcome::nothing());
    let module = Arc::new(Fake::wishing(&wish).finalizer(NAME));
    let world = held_by(&module).await;
    wish.fail(RunError::Failure(Failure::Retry("no answer".to_owned())));
    world.delete(&at_widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "Retrying")
        .await;
    assert!(!message.contains("hint"), "{message}");
    let start = world.clock.now();
    let told = |live: Option<&Value>| {
        let ready = live.and_then(|live| condition(live, "Ready"));
        ready.is_some_and(|c| {
            c["message"]
                .as_str()
                .is_some_and(|m| m.contains("oarlock release"))
        })
    };
    world.until(&at_widget("a"), told).await;
    let after = world.clock.now().since(start);
    assert!(after >= Duration::from_secs(290), "{after:?}");
    let metrics = world.metrics();
    assert!(metrics.contains("oarlock_deletion_blocked{controller=\"widget.demo.example.com\"} 1"));
    // Whoever gives up says so at once.
    wish.fail(RunError::Failure(Failure::Terminal("never".to_owned())));
    world.reconcile("a");
    let message = world
        .until_condition("a", "Stalled", "True", "Failed")
        .await;
    assert!(message.contains("oarlock release"), "{message}");
}

fn selecting() -> Watch {
    let mut selecting = watch();
    selecting.selector = LabelSelector::parse("team=web").unwrap_or_default();
    selecting
}

/// An object that its watch has ceased to select.
async fn unselected(module: &Arc<Fake>) -> World {
    let mut world = World::new().await;
    world.serve(selecting(), module);
    let mut labelled = widget("a");
    labelled["metadata"]["labels"] = json!({"team": "web"});
    world.create(labelled).await;
    world.until_ready("a").await;
    world
        .patch(
            &at_widget("a"),
            json!({"metadata": {"labels": {"team": "other"}}}),
        )
        .await;
    world.quiet().await;
    world
}

#[tokio::test(start_paused = true)]
async fn an_object_that_leaves_the_selector_keeps_its_children_and_its_finalizer() {
    let module = cleaning(NAME);
    let world = unselected(&module).await;
    let (calls, before) = (module.count(), world.live(&at_widget("a")).await);
    world.requests();
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.delete(&at_map("one")).await;
    world.pass(Duration::from_secs(600)).await;
    assert_eq!(module.count(), calls);
    assert_eq!(world.writes(), Vec::<String>::new());
    let after = world.live(&at_widget("a")).await;
    assert_eq!(finalizers(&after), json!([NAME]));
    assert_eq!(after["status"], before["status"]);
}

#[tokio::test(start_paused = true)]
async fn its_deletion_waits_and_says_so_once_after_a_moment_of_courtesy() {
    let module = cleaning(NAME);
    let world = unselected(&module).await;
    let calls = module.count();
    world.delete(&at_widget("a")).await;
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.events("a").await, Vec::<String>::new());
    let message = world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    insta::assert_snapshot!(message, @"the deletion waits for demo.example.com/cleanup, and no module is there to take it off: the watch's selector does not select the object any more; hint: `oarlock release widgets.demo.example.com/a -n default` lets the object go without its module");
    assert_eq!(module.count(), calls);
    // Another host that follows the object says what it says.
    world
        .patch_status(
            &at_widget("a"),
            json!({"phase": "theirs", "conditions": null}),
        )
        .await;
    world.quiet().await;
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
    // It is followed again: the module cleans up.
    world
        .patch(
            &at_widget("a"),
            json!({"metadata": {"labels": {"team": "web"}}}),
        )
        .await;
    world.until_gone(&at_widget("a")).await;
    assert!(module.latest().deleting);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_selected_can_be_released() {
    let module = cleaning(NAME);
    let world = unselected(&module).await;
    world.delete(&at_widget("a")).await;
    world.patch(&at_widget("a"), release("r")).await;
    world.until_gone(&at_widget("a")).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_watch_was_removed_is_left_alone_until_its_deletion_hangs() {
    let module = cleaning(NAME);
    let mut world = held_by(&module).await;
    world.quiet().await;
    let calls = module.count();
    world.serve_all(Vec::new());
    world.requests();
    world
        .patch(&at_widget("a"), json!({"spec": {"size": 2}}))
        .await;
    world.pass(Duration::from_secs(3600)).await;
    assert_eq!((module.count(), world.writes()), (calls, Vec::new()));
    world.delete(&at_widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    assert!(
        message.contains("watches.yaml does not name its kind any more"),
        "{message}"
    );
    world.patch(&at_widget("a"), release("r")).await;
    world.until_gone(&at_widget("a")).await;
    assert_eq!(module.count(), calls);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_comes_back_goes_on_where_it_was() {
    let module = cleaning(NAME);
    let mut world = held_by(&module).await;
    world.serve_all(Vec::new());
    world.delete(&at_widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    world.serve_all(vec![(watch(), serving(&module))]);
    world.until_gone(&at_widget("a")).await;
}

#[tokio::test(start_paused = true)]
async fn a_renamed_finalizer_replaces_the_old_one_in_one_write() {
    let mut world = held_by(&cleaning(NAME)).await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(annotations(&live)["oarlock.dev/finalizer"], NAME);
    let renamed = "demo.example.com/renamed";
    world.serve(watch(), &cleaning(renamed));
    let swapped = |live: Option<&Value>| {
        live.is_some_and(|live| {
            let both = finalizers(live) == json!([NAME, renamed]);
            assert!(!both, "never both");
            finalizers(live) == json!([renamed])
        })
    };
    world.until(&at_widget("a"), swapped).await;
    world.delete(&at_widget("a")).await;
    world.until_gone(&at_widget("a")).await;
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_that_was_renamed_during_the_deletion_is_the_new_modules_to_take_off() {
    let mut world = blocked().await;
    let renamed = cleaning("demo.example.com/renamed");
    world.serve(watch(), &renamed);
    world.until_gone(&at_widget("a")).await;
    assert!(renamed.latest().deleting);
}

#[tokio::test(start_paused = true)]
async fn a_module_without_a_finalizer_does_not_let_go_what_the_one_before_it_holds() {
    let mut world = held_by(&cleaning(NAME)).await;
    let plain = Fake::wishing(&Wish::new(exactly([map_child("one")])));
    let plain = Arc::new(plain.version("3.0.0"));
    world.serve(watch(), &plain);
    plain.call(1).await;
    world.quiet().await;
    assert_eq!(
        finalizers(&world.live(&at_widget("a")).await),
        json!([NAME])
    );
    world.delete(&at_widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "FinalizerBlocked")
        .await;
    insta::assert_snapshot!(message, @"the deletion waits for demo.example.com/cleanup, and no module is there to take it off: fake 3.0.0 does not clean up; the finalizer is that of a module before it; hint: `oarlock release widgets.demo.example.com/a -n default` lets the object go without its module");
    // The module that does is back.
    world.serve(watch(), &cleaning(NAME));
    world.until_gone(&at_widget("a")).await;
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_from_before_the_host_is_remembered_from_then_on() {
    let module = cleaning(NAME);
    let world = World::with(&module).await;
    let mut inherited = widget("a");
    inherited["metadata"]["finalizers"] = json!([NAME]);
    world.create(inherited).await;
    world.until_ready("a").await;
    let live = world.live(&at_widget("a")).await;
    assert_eq!(annotations(&live)["oarlock.dev/finalizer"], NAME);
    // Who takes the annotation away again is not fought with.
    let gone = json!({"metadata": {"annotations": {"oarlock.dev/finalizer": null}}});
    world.patch(&at_widget("a"), gone).await;
    world.requests();
    world.reconcile("a");
    world.quiet().await;
    assert_eq!(world.writes(), Vec::<String>::new());
}
