//! Every misbehaviour of a broker, against every operation of a whole life, twice in a row: whatever it does, an object comes to
//! an end that it says, another wish gets it well, and in the end nothing is left at the broker.

use std::time::Duration;

use oarlock_broker::{Behaviour, Op};
use serde_json::json;

use super::site::{A_WHILE, BINDINGS, DOMAIN, INSTANCES, Site, binding, instance};

/// The thirteen of other scripted brokers, and ours.
fn misbehaviours() -> Vec<Behaviour> {
    let mut all = Behaviour::THIRTEEN.to_vec();
    all.extend([
        Behaviour::Well.slow(Duration::from_secs(45)),
        Behaviour::Well.slow(Duration::from_secs(120)),
        Behaviour::CrashAfterAccept,
        Behaviour::CrashBeforeAccept,
        Behaviour::AnswerLost,
        Behaviour::HalfAnswer,
        Behaviour::GarbageChunks,
        Behaviour::HugeBody(20_000_000),
        Behaviour::ServerError.done(),
        Behaviour::ServerError.retry_after(90),
        Behaviour::status(429).retry_after(90),
        Behaviour::Async { polls: 2 }.retry_after(90),
        Behaviour::Nameless { polls: 2 },
        Behaviour::Redirect("http://elsewhere.example/".to_owned()),
        Behaviour::status(401),
        Behaviour::code("AsyncRequired"),
    ]);
    all
}

/// What the broker never ends by itself is ended by somebody.
fn ended(site: &Site) {
    for id in site.there() {
        site.broker.finish(&id);
    }
}

/// Gets an object well: what failed for good is wished for anew.
async fn well(site: &mut Site, is_binding: bool, told: &str) {
    let (id, name) = match is_binding {
        true => (&BINDINGS, "web"),
        false => (&INSTANCES, "db"),
    };
    for number in 0..3 {
        ended(site);
        let said = site.said(id, name, "Ready");
        if said.starts_with("True") {
            return;
        }
        let failed = site.said(id, name, "Failed");
        assert!(
            failed.starts_with("True"),
            "neither well nor failed: {told}: {said}\n{}",
            site.told()
        );
        let object = site.get(id, name).unwrap();
        let requests = object["spec"]["updateRequests"].as_u64().unwrap_or(0);
        let wish = match is_binding {
            true => json!({"parameters": {"again": number}}),
            false => json!({"updateRequests": requests + 1}),
        };
        site.set(id, name, &wish);
        site.pass(3 * A_WHILE).await;
    }
    site.until_ready(id, name).await;
}

/// One life, in which such requests are treated so twice.
async fn life(op: Op, behaviour: Behaviour) {
    let told = format!("{op:?} {behaviour:?}");
    let mut catalog = oarlock_broker::Catalog::demo();
    for plan in ["plan-small", "plan-large"] {
        catalog.plan_mut(plan).unwrap().maximum_polling_duration = Some(120);
    }
    let mut site = Site::offering(catalog, None).await;
    site.connect().await;
    // Polls and reads there are where an operation takes its time.
    if !op.changes() {
        for op in Op::ALL.into_iter().filter(|op| op.changes()) {
            site.broker.always(op, Behaviour::Async { polls: 1 });
        }
    }
    // A broker that says that something is gone, which is there, loses it: none that can be helped does.
    let is_lie = behaviour == Behaviour::Gone && matches!(op, Op::Unbind | Op::Deprovision);
    let behaviour = if is_lie { behaviour.done() } else { behaviour };
    site.broker.times(op, 2, behaviour);
    let long = 3 * A_WHILE;
    site.apply(instance("db", &json!({}))).unwrap();
    site.pass(long).await;
    well(&mut site, false, &told).await;
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}}));
    site.pass(long).await;
    well(&mut site, false, &told).await;
    assert_eq!(
        site.broker.instances()[0].parameters,
        json!({"size": 2}),
        "{told}"
    );
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.pass(long).await;
    well(&mut site, true, &told).await;
    let key = format!("{DOMAIN}/rotate");
    site.annotate(&BINDINGS, "web", &json!({key: "now"}));
    site.pass(4 * long).await;
    well(&mut site, true, &told).await;
    let id = site.id_of(&BINDINGS, "web");
    let given = site.broker.credentials_of(&id).unwrap();
    let entries = site.entries("web").unwrap_or_default();
    assert_eq!(
        entries.get("password"),
        Some(&given["password"]),
        "{told}\n{}",
        site.told()
    );
    ended(&site);
    site.pass(2 * long).await;
    assert_eq!(site.left(), "instance, binding", "{told}\n{}", site.told());
    site.check().await;
    site.delete(&BINDINGS, "web");
    site.delete(&INSTANCES, "db");
    site.pass(2 * long).await;
    // Only what never ends is ended by somebody.
    if site.get(&INSTANCES, "db").is_some() {
        assert!(
            told.contains("NeverFinish"),
            "{told}: it stays\n{}",
            site.told()
        );
    }
    assert!(site.broker.unused() < 2, "{told}: it never was so");
    site.clear().await;
}

macro_rules! against {
    ($($name:ident: $op:ident;)+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                for behaviour in misbehaviours() {
                    life(Op::$op, behaviour).await;
                }
            }
        )+
    };
}

against! {
    every_misbehaviour_against_provision: Provision;
    every_misbehaviour_against_update: Update;
    every_misbehaviour_against_bind: Bind;
    every_misbehaviour_against_unbind: Unbind;
    every_misbehaviour_against_deprovision: Deprovision;
    every_misbehaviour_against_polls: LastOperation;
    every_misbehaviour_against_reads: Fetch;
}

/// A broker that never does as it should: an object always says what is wrong, nothing is asked without a pause, and somebody who
/// may can always be rid of it.
#[tokio::test(start_paused = true)]
async fn a_broker_that_is_never_well_is_left_alone_and_got_rid_of() {
    for behaviour in misbehaviours() {
        let told = format!("{behaviour:?}");
        let site = Site::new().await;
        for op in Op::ALL.into_iter().filter(|op| *op != Op::Catalog) {
            site.broker.always(op, behaviour.clone());
        }
        let mark = site.mark();
        site.apply(instance("db", &json!({}))).unwrap();
        site.seconds(6 * 3600).await;
        let asked = site.asked(mark).len();
        assert!(asked < 700, "{told}: {asked} requests in six hours");
        let said = site.said(&INSTANCES, "db", "Ready");
        assert!(!said.is_empty(), "{told}");
        site.delete(&INSTANCES, "db");
        site.seconds(3600).await;
        if site.get(&INSTANCES, "db").is_some() {
            let key = format!("{DOMAIN}/abandon");
            site.annotate(
                &INSTANCES,
                "db",
                &json!({key: "it never does as it should"}),
            );
            site.seconds(70).await;
        }
        assert!(site.get(&INSTANCES, "db").is_none(), "{told}");
        assert!(
            site.broker.violations().is_empty(),
            "{told}: {:#?}",
            site.broker.violations()
        );
    }
}
