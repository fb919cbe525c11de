//! What is done in the name of a ServiceAccount: neither a write nor an answer that it may not have, cached ones included.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use oarlock_core::outcome::{Expect, OnLeave, Outcome, Owner, Propagation, Removal, Write};
use oarlock_core::reconciler::Host;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake, Wish};
use crate::world::objects::{at_map, child, exactly, map_child, status, watch, widget};

fn map(data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "default"},
        "data": {"k": data}})
}

/// An outcome about somebody's ConfigMap, as `robot`.
fn wish(write: Write, expect: Expect) -> Outcome {
    let mut child = child(map("guess"));
    (child.owner, child.write, child.expect) = (Owner::Unowned, write, expect);
    child.on_leave = OnLeave::Keep;
    Outcome {
        act_as: Some("robot".to_owned()),
        ..exactly([child])
    }
}

fn removal() -> Outcome {
    Outcome {
        act_as: Some("robot".to_owned()),
        removals: vec![Removal {
            target: at_map("theirs"),
            uid: None,
            propagation: Propagation::Background,
        }],
        ..Outcome::nothing()
    }
}

async fn refused(outcome: Outcome, there: bool) -> String {
    let module = Arc::new(Fake::wishing(&Wish::new(outcome)));
    let mut world = World::guarded().await;
    if there {
        world.create(map("real")).await;
    }
    world.serve(watch(), &module);
    world.create(widget("a")).await;
    world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_nothing_that_the_account_may_not_get() {
    for outcome in [
        wish(Write::Compare, Expect::Any),
        wish(Write::Apply, Expect::Absent),
        wish(Write::Create, Expect::Any),
    ] {
        let message = refused(outcome, true).await;
        assert!(
            message.contains("ServiceAccount default/robot may not get configmaps"),
            "{message}"
        );
    }
    // Nor that something is not there.
    for outcome in [wish(Write::Share, Expect::Any), removal()] {
        let message = refused(outcome, false).await;
        assert!(
            message.contains("ServiceAccount default/robot may not get configmaps"),
            "{message}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_account_may_get_is_told() {
    let outcome = wish(Write::Compare, Expect::Any);
    let module = Arc::new(Fake::wishing(&Wish::new(outcome)));
    let mut world = World::guarded().await;
    world.give("get", "", "configmaps", &["get"]).await;
    world.create(map("real")).await;
    world.serve(watch(), &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.reconcile("a");
    let told = module.call(2).await;
    let report = format!("{:?}", told.last.unwrap().writes);
    assert!(report.contains("/data/k"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_the_accounts_own_or_none() {
    let outcome = Outcome {
        act_as: Some("robot".to_owned()),
        ..exactly([map_child("one")])
    };
    let module = Arc::new(Fake::wishing(&Wish::new(outcome)));
    let mut world = World::guarded().await;
    world.serve(watch(), &module);
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @r#"ConfigMap default/one was not applied: configmaps "one" is forbidden: User "system:serviceaccount:default:robot" cannot patch resource "configmaps" in API group "" in the namespace "default" (Forbidden, 403)"#);
    world
        .give("write", "", "configmaps", &["create", "patch"])
        .await;
    world.until_ready("a").await;
    assert!(world.get(&at_map("one")).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_granted_is_not_acted_as() {
    let outcome = Outcome {
        act_as: Some("admin".to_owned()),
        ..exactly([map_child("one")])
    };
    let module = Arc::new(Fake::wishing(&Wish::new(outcome)));
    let world = World::with(&module).await;
    world.create(widget("a")).await;
    let message = world
        .until_condition("a", "Ready", "False", "GrantMissing")
        .await;
    insta::assert_snapshot!(message, @"no grant to act as ServiceAccount admin; hint: add to the watch: grants: {actAs: [admin]}");
    assert!(world.get(&at_map("one")).await.is_none());
}

fn said(phase: String) -> Answer {
    Ok(Outcome {
        status: status(json!({"phase": phase})),
        ..Outcome::nothing()
    })
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_the_cache_is_checked_like_one_from_the_api_server() {
    let read = |host: Arc<dyn Host>| async move {
        let account = || Some("robot".to_owned());
        let cached = host.get(at_map("theirs"), account()).await;
        let live = host.get_live(at_map("theirs"), account()).await;
        let ungranted = host.get(at_map("theirs"), Some("admin".to_owned())).await;
        let word = |ok: bool| if ok { "told" } else { "denied" };
        said(format!(
            "{} {} {}",
            word(cached.is_ok()),
            word(live.is_ok()),
            word(ungranted.is_ok())
        ))
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
    let mut world = World::guarded().await;
    world.create(map("real")).await;
    let mut reading = watch();
    reading
        .grants
        .read
        .push(crate::world::objects::grant("", "configmaps"));
    world.serve(reading, &module);
    world.create(widget("a")).await;
    let phase = |phase: &'static str| {
        move |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == phase)
    };
    let at = crate::world::objects::at_widget("a");
    world.until(&at, phase("denied denied denied")).await;
    world.give("get", "", "configmaps", &["get"]).await;
    // The word of before is remembered for half a minute.
    world.pass(std::time::Duration::from_secs(31)).await;
    world.reconcile("a");
    world.until(&at, phase("told told denied")).await;
}

#[tokio::test(start_paused = true)]
async fn that_a_child_is_absent_is_told_to_whom_may_get_or_create_it() {
    let read = |host: Arc<dyn Host>| async move {
        let found = host.get(at_map("one"), None).await;
        said(match found {
            Ok(None) => "absent".to_owned(),
            Ok(Some(_)) => "there".to_owned(),
            Err(error) => error.to_string(),
        })
    };
    for (may, phase) in [
        (None, "ServiceAccount default/robot may not get configmaps"),
        (Some("create"), "absent"),
        (Some("get"), "absent"),
    ] {
        let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
        let mut world = World::guarded().await;
        if let Some(verb) = may {
            world.give("may", "", "configmaps", &[verb]).await;
        }
        let mut confined = watch();
        confined.service_account = Some("robot".to_owned());
        world.serve(confined, &module);
        world.create(widget("a")).await;
        let met = |live: Option<&Value>| {
            live.is_some_and(|l| {
                let shown = l["status"]["phase"].as_str();
                shown.is_some_and(|shown| shown.contains(phase))
            })
        };
        world
            .until(&crate::world::objects::at_widget("a"), met)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_an_access_review_holds_no_worker() {
    let read = |asks: bool, host: Arc<dyn Host>| async move {
        if asks {
            let _never = host.get(at_map("one"), Some("robot".to_owned())).await;
        }
        said("done".to_owned())
    };
    let module = Arc::new(Fake::reading(move |request, host| {
        let asks = request.object.to_value()["metadata"]["name"] == "asks";
        Box::pin(read(asks, host))
    }));
    let mut world = World::guarded().await.workers(1);
    let mut reading = watch();
    reading
        .grants
        .read
        .push(crate::world::objects::grant("", "configmaps"));
    world.hold("/subjectaccessreviews");
    world.create(widget("asks")).await;
    world.serve(reading, &module);
    module.call(1).await;
    let since = world.clock.now();
    world.create(widget("b")).await;
    world.until_ready("b").await;
    let waited = world.clock.now().since(since);
    assert!(waited < std::time::Duration::from_secs(5), "{waited:?}");
}
