//! Secrets: who sees them, and that nobody tells what is in them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use oarlock_core::manifest::ResourceGrant;
use oarlock_core::outcome::{
    Condition, ConditionStatus, Event, Expect, Failure, OnLeave, Outcome, Owner, Write,
};
use oarlock_core::reconciler::{Host, LogLevel, LogLine, RunError, Selection};
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::request::{ApiError, WriteStatus};
use oarlock_core::selector::LabelSelector;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Answer, Fake, Wish};
use crate::world::faults::Strike;
use crate::world::objects::{at_widget, child, exactly, grant, status, watch, widget};

fn at_secret(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("", "v1", "Secret"), Some("default"), name)
}

fn secret(name: &str, team: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "default", "labels": {"team": team}},
        "stringData": {"password": "correct-horse"}})
}

fn said(phase: String) -> Answer {
    Ok(Outcome {
        status: status(json!({"phase": phase})),
        ..Outcome::nothing()
    })
}

/// What a module sees of Secrets a and b, and of all.
async fn look(host: Arc<dyn Host>) -> Answer {
    let mut words = Vec::new();
    for name in ["a", "b"] {
        words.push(match host.get(at_secret(name), None).await {
            Ok(Some(_)) => "seen",
            Ok(None) => "absent",
            Err(_) => "denied",
        });
    }
    let all = host
        .query(Selection {
            gvk: Gvk::new("", "v1", "Secret"),
            namespace: Some("default".to_owned()),
            labels: None,
            fields: Vec::new(),
            act_as: None,
        })
        .await;
    let listed = match all {
        Ok(found) => found.len().to_string(),
        Err(_) => "denied".to_owned(),
    };
    said(format!("{} {listed}", words.join(" ")))
}

async fn sight(grants: &[ResourceGrant]) -> String {
    let module = Arc::new(Fake::reading(|_, host| Box::pin(look(host))));
    let mut world = World::new().await;
    world.create(secret("a", "web")).await;
    world.create(secret("b", "data")).await;
    let mut reading = watch();
    reading.grants.read.extend_from_slice(grants);
    world.serve(reading, &module);
    world.create(widget("w")).await;
    world.until_ready("w").await;
    let live = world.live(&at_widget("w")).await;
    live["status"]["phase"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn secrets_are_seen_only_by_name_or_label() {
    let named = |name: &str| ResourceGrant {
        resource_names: vec![name.to_owned()],
        ..grant("", "secrets")
    };
    let labelled = ResourceGrant {
        selector: LabelSelector::parse("team=web").unwrap(),
        ..grant("", "secrets")
    };
    for (grants, seen) in [
        (vec![], "denied denied denied"),
        // Neither a wildcard nor the kind alone.
        (vec![grant("*", "*")], "denied denied denied"),
        (vec![grant("", "*")], "denied denied denied"),
        (vec![grant("", "secrets")], "denied denied denied"),
        (vec![named("a")], "seen denied denied"),
        // What no label selects is as if it were not there.
        (vec![labelled.clone()], "seen absent 1"),
        (vec![labelled, named("b")], "seen seen 1"),
        (vec![named("*")], "seen seen 2"),
    ] {
        assert_eq!(sight(&grants).await, seen, "{grants:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_right_to_write_a_secret_does_not_tell_what_is_in_it() {
    let mut guess = child(secret("a", "web"));
    (guess.owner, guess.write, guess.expect) = (Owner::Unowned, Write::Compare, Expect::Any);
    guess.on_leave = OnLeave::Keep;
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([guess]))));
    let mut world = World::new().await;
    world.create(secret("a", "web")).await;
    let mut writing = watch();
    writing.grants.write.push(grant("", "secrets"));
    world.serve(writing, &module);
    world.create(widget("w")).await;
    let message = world
        .until_condition("w", "Ready", "False", "GrantMissing")
        .await;
    insta::assert_snapshot!(message, @r#"Secret default/a was not applied: no grant for get on secrets; hint: add to the watch: grants: {read: [{apiGroups: [""], resources: [secrets], namespaces: [default], resourceNames: [a]}]} (GrantMissing, 403)"#);
}

#[tokio::test(start_paused = true)]
async fn its_own_secrets_are_seen_by_their_owner() {
    let read = |host: Arc<dyn Host>| async move {
        let found = host.get(at_secret("mine"), None).await.unwrap();
        let children = host.children().await.unwrap().len();
        let mut outcome = exactly([child(secret("mine", "web"))]);
        outcome.status = status(json!({"phase": format!("{} {children}", found.is_some())}));
        Ok(outcome)
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
    let mut world = World::new().await;
    let mut writing = watch();
    writing.grants.write.push(grant("", "secrets"));
    world.serve(writing, &module);
    world.create(widget("w")).await;
    world.until_ready("w").await;
    world.reconcile("w");
    let met = |live: Option<&Value>| live.is_some_and(|l| l["status"]["phase"] == "true 1");
    world.until(&at_widget("w"), met).await;
}

/// A world with a Secret that its module may read.
async fn trusted(module: &Arc<Fake>) -> World {
    let mut world = World::new().await;
    world.create(secret("a", "web")).await;
    let mut reading = watch();
    reading.grants.read.push(ResourceGrant {
        resource_names: vec!["a".to_owned()],
        ..grant("", "secrets")
    });
    reading.grants.write.push(grant("", "secrets"));
    world.serve(reading, module);
    world.create(widget("w")).await;
    world
}

/// Everything that is told of the Widget, and of anything else.
async fn told(world: &World) -> String {
    let events = world.events("w").await;
    let live = world.live(&at_widget("w")).await;
    format!("{}\n{events:#?}", live["status"]["conditions"])
}

#[tokio::test(start_paused = true)]
async fn what_a_module_read_of_a_secret_is_in_no_condition_and_no_event() {
    let read = |host: Arc<dyn Host>| async move {
        let found = host.get(at_secret("a"), None).await.unwrap().unwrap();
        let base64 = found.to_value()["data"]["password"]
            .as_str()
            .unwrap()
            .to_owned();
        host.log(LogLine {
            level: LogLevel::Info,
            message: "the password is correct-horse".to_owned(),
            fields: vec![("base64".to_owned(), base64.clone())],
        });
        Ok(Outcome {
            conditions: vec![Condition {
                kind: "Told".to_owned(),
                status: ConditionStatus::True,
                reason: "Told".to_owned(),
                message: format!("correct-horse is {base64}"),
            }],
            events: vec![Event {
                key: "told".to_owned(),
                warning: false,
                reason: "Told".to_owned(),
                message: "they use correct-horse".to_owned(),
                about: None,
            }],
            ..Outcome::nothing()
        })
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(read(host))));
    let world = trusted(&module).await;
    world.until_ready("w").await;
    let told = told(&world).await;
    assert!(
        !told.contains("correct-horse") && !told.contains("Y29ycmVjd"),
        "{told}"
    );
    assert!(told.contains("they use [redacted]"), "{told}");
    assert!(told.contains("[redacted] is [redacted]"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn failures_and_refusals_do_not_repeat_what_is_in_a_secret() {
    let fails = |host: Arc<dyn Host>| async move {
        let _read = host.get(at_secret("a"), None).await;
        Err(RunError::Failure(Failure::Terminal(
            "login with correct-horse failed".to_owned(),
        )))
    };
    let module = Arc::new(Fake::reading(move |_, host| Box::pin(fails(host))));
    let world = trusted(&module).await;
    let message = world.until_condition("w", "Ready", "False", "Failed").await;
    assert_eq!(message, "login with [redacted] failed");
    assert!(!told(&world).await.contains("correct-horse"));

    // What is written counts like what is read.
    let wish = Wish::new(exactly([child(secret("mine", "web"))]));
    let module = Arc::new(Fake::wishing(&wish));
    let world = {
        let world = World::new().await;
        world.strike(|call| match call.verb.target().gvk.kind.as_str() {
            "Secret" => Strike::Refuse(ApiError::new(
                422,
                "Invalid",
                "data.password: Invalid value: \"Y29ycmVjdC1ob3JzZQ==\", or correct-horse",
            )),
            _ => Strike::Pass,
        });
        world
    };
    let mut world = world;
    let mut writing = watch();
    writing.grants.write.push(grant("", "secrets"));
    world.serve(writing, &module);
    world.create(widget("w")).await;
    let message = world
        .until_condition("w", "Ready", "False", "WriteRefused")
        .await;
    insta::assert_snapshot!(message, @r#"Secret default/mine was not applied: data.password: Invalid value: "[redacted]", or [redacted] (Invalid, 422)"#);
}

/// A module may remember in its status why a write was refused.
#[tokio::test(start_paused = true)]
async fn what_was_refused_comes_back_without_what_is_in_a_secret() {
    let module = Arc::new(Fake::reading(move |request, _| {
        let said = request.last.and_then(|report| {
            let write = report.writes.into_iter().next()?;
            match write.status {
                WriteStatus::Refused(error) => Some(error.message),
                _ => None,
            }
        });
        Box::pin(async move {
            Ok(match said {
                Some(said) => Outcome {
                    status: status(json!({"phase": said})),
                    ..Outcome::nothing()
                },
                None => exactly([child(secret("mine", "web"))]),
            })
        })
    }));
    let mut world = World::new().await;
    world.strike(|call| match call.verb.target().gvk.kind.as_str() {
        "Secret" => Strike::Refuse(ApiError::new(
            422,
            "Invalid",
            "data.password: Invalid value: \"correct-horse\"",
        )),
        _ => Strike::Pass,
    });
    let mut writing = watch();
    writing.grants.write.push(grant("", "secrets"));
    world.serve(writing, &module);
    world.create(widget("w")).await;
    world.until_ready("w").await;
    let live = world.live(&at_widget("w")).await;
    assert_eq!(
        live["status"]["phase"],
        "data.password: Invalid value: \"[redacted]\""
    );
}
