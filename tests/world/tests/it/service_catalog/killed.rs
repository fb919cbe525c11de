//! The operator is killed: before and after each single write of a whole life, and between the broker's receipt of a request and
//! our record of its answer. There is one instance, and one binding, and in the end there is nothing.

use std::collections::BTreeSet;

use oarlock_broker::{Behaviour, Op};
use serde_json::json;

use super::site::{BINDINGS, CLUSTER_BROKERS, DOMAIN, INSTANCES, SECRETS, Site, binding, instance};
use crate::gate::Moment;

/// How the broker goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    AtOnce,
    TakesItsTime,
}

/// What became of a life.
struct Tale {
    writes: usize,
    lives: usize,
    /// How many IDs were ever asked to be made.
    instances: usize,
    bindings: usize,
    told: String,
}

/// Makes known, provisions, updates, binds, rotates, unbinds and deprovisions.
async fn life(broker: Broker, kill: Option<(usize, Moment)>) -> Tale {
    let mut site = Site::empty(kill).await;
    if broker == Broker::TakesItsTime {
        for op in Op::ALL.into_iter().filter(|op| op.changes()) {
            site.broker.always(op, Behaviour::Async { polls: 1 });
        }
    }
    site.connect().await;
    site.provision().await;
    assert_eq!(site.broker.instances().len(), 1);
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}}));
    let records = site.broker.clone();
    site.until("the broker has it", |_| {
        let is_there = |record: &oarlock_broker::Record| record.parameters == json!({"size": 2});
        records.instances().iter().any(is_there).then_some(())
    })
    .await;
    site.until_ready(&INSTANCES, "db").await;
    let rotation = json!({"rotation": {"overlap": "1m"}});
    site.apply(binding("web", "db", &rotation)).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    site.until("it has its Secret", |world| world.get(&SECRETS, "web"))
        .await;
    let first = site.id_of(&BINDINGS, "web");
    let key = format!("{DOMAIN}/rotate");
    site.annotate(&BINDINGS, "web", &json!({key: "now"}));
    site.until("it is rotated", |_| {
        let records = records.bindings();
        (records.len() == 1 && records[0].id != first).then_some(())
    })
    .await;
    site.seconds(5).await;
    let current = site.broker.bindings()[0].id.clone();
    let password = site.broker.credentials_of(&current).unwrap()["password"].clone();
    let entries = site.entries("web").unwrap_or_default();
    assert_eq!(entries.get("password"), Some(&password), "{kill:?}");
    site.check().await;
    site.delete(&BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    site.delete(&CLUSTER_BROKERS, "acme");
    site.until_gone(&CLUSTER_BROKERS, "acme").await;
    assert_eq!(site.left(), "nothing", "{kill:?}");
    site.check().await;
    if site.lives == 1 && kill.is_some() {
        // It was about to say what it had done.
        assert!(site.gate().is_dead(), "{kill:?} was never reached");
        site.restart().await;
        site.seconds(300).await;
        assert_eq!(site.left(), "nothing", "{kill:?}");
    }
    let made = |op: Op| {
        let asked = site.wire.asked().into_iter();
        let ids = asked.filter(|asked| asked.op == op);
        ids.filter_map(|asked| asked.id().map(str::to_owned))
            .collect::<BTreeSet<String>>()
            .len()
    };
    Tale {
        writes: site.gate().writes(),
        lives: site.lives,
        instances: made(Op::Provision),
        bindings: made(Op::Bind),
        told: format!("{kill:?}\n{}", site.told()),
    }
}

/// Every so manieth write, from this one on.
async fn at_writes(broker: Broker, moment: Moment, first: usize, step: usize) {
    let calm = life(broker, None).await;
    assert!(calm.writes > 20, "only {} writes", calm.writes);
    assert_eq!((calm.instances, calm.bindings, calm.lives), (1, 2, 1));
    for write in (first..calm.writes).step_by(step) {
        let tale = life(broker, Some((write, moment))).await;
        let at = format!("{moment:?} write {write} of {}\n{}", calm.writes, tale.told);
        assert_eq!(tale.lives, 2, "{at}");
        assert_eq!((tale.instances, tale.bindings), (1, 2), "{at}");
    }
}

macro_rules! at_writes {
    ($($name:ident: $broker:ident $moment:ident $first:literal;)+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                at_writes(Broker::$broker, Moment::$moment, $first, 2).await;
            }
        )+
    };
}

at_writes! {
    row_30_killed_before_the_even_writes: AtOnce Before 0;
    row_30_killed_before_the_odd_writes: AtOnce Before 1;
    row_30_killed_after_the_even_writes: AtOnce After 0;
    row_30_killed_after_the_odd_writes: AtOnce After 1;
    row_30_killed_before_the_even_writes_while_the_broker_works: TakesItsTime Before 0;
    row_30_killed_before_the_odd_writes_while_the_broker_works: TakesItsTime Before 1;
    row_30_killed_after_the_even_writes_while_the_broker_works: TakesItsTime After 0;
    row_30_killed_after_the_odd_writes_while_the_broker_works: TakesItsTime After 1;
}

/// The broker has the request, and did it; nobody lives to hear its answer.
async fn between_receipt_and_record(op: Op, behaviour: Behaviour) -> String {
    let mut site = match op {
        Op::Provision => Site::new().await,
        Op::Unbind => Site::with_binding().await,
        _ => Site::with_instance().await,
    };
    let mark = site.mark();
    site.broker.next(op, behaviour.held());
    match op {
        Op::Provision => drop(site.apply(instance("db", &json!({}))).unwrap()),
        Op::Bind => drop(site.apply(binding("web", "db", &json!({}))).unwrap()),
        Op::Update => site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}})),
        Op::Unbind => site.delete(&BINDINGS, "web"),
        _ => site.delete(&INSTANCES, "db"),
    }
    site.seconds(2).await;
    assert_eq!(site.broker.held(), 1, "{}", site.told());
    site.restart().await;
    site.broker.release();
    site.seconds(300).await;
    let expected = match op {
        Op::Bind => "instance, binding",
        Op::Deprovision => "nothing",
        _ => "instance",
    };
    let told = format!("{}\n{}", site.story(mark).await, site.told());
    assert_eq!(site.left(), expected, "{told}");
    let ids: BTreeSet<String> = site
        .asked(mark)
        .into_iter()
        .filter(|asked| asked.op == op)
        .filter_map(|asked| asked.id().map(str::to_owned))
        .collect();
    assert_eq!(
        ids.len(),
        1,
        "the same ID, however often it is sent: {told}"
    );
    let keys: BTreeSet<(Option<String>, Option<String>)> = site
        .asked(mark)
        .into_iter()
        .filter(|asked| asked.op == op)
        .map(|asked| (asked.effect, asked.request))
        .collect();
    assert_eq!(
        keys.len(),
        1,
        "and the same request to whoever counts: {told}"
    );
    if op == Op::Update {
        assert_eq!(site.broker.instances()[0].parameters, json!({"size": 2}));
    }
    if op == Op::Bind {
        let id = site.id_of(&BINDINGS, "web");
        let given = site.broker.credentials_of(&id).unwrap();
        assert_eq!(site.entries("web").unwrap()["password"], given["password"]);
    }
    let story = site.story(mark).await;
    site.clear().await;
    story
}

#[tokio::test(start_paused = true)]
async fn row_30_killed_between_the_brokers_receipt_and_our_record() {
    let ops = [
        Op::Provision,
        Op::Update,
        Op::Bind,
        Op::Unbind,
        Op::Deprovision,
    ];
    let mut told = String::new();
    for op in ops {
        let story = between_receipt_and_record(op, Behaviour::Well).await;
        told.push_str(&format!("== {op:?}\n{story}\n"));
        let story = between_receipt_and_record(op, Behaviour::Async { polls: 2 }).await;
        told.push_str(&format!("== {op:?}, which takes its time\n{story}\n"));
    }
    insta::assert_snapshot!(told);
}

/// While the broker works, and between two polls.
#[tokio::test(start_paused = true)]
async fn row_30_killed_every_second() {
    let mut site = Site::new().await;
    for op in Op::ALL.into_iter().filter(|op| op.changes()) {
        site.broker.always(op, Behaviour::Async { polls: 4 });
    }
    site.apply(instance("db", &json!({}))).unwrap();
    site.apply(binding("web", "db", &json!({}))).unwrap();
    for _ in 0..120 {
        site.seconds(1).await;
        site.restart().await;
    }
    site.until_ready(&BINDINGS, "web").await;
    assert_eq!(site.left(), "instance, binding");
    site.delete(&BINDINGS, "web");
    site.delete(&INSTANCES, "db");
    for _ in 0..120 {
        site.seconds(1).await;
        site.restart().await;
    }
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.left(), "nothing");
    site.check().await;
}

/// The status is lost with the cluster's store; the broker is asked for the same instance.
#[tokio::test(start_paused = true)]
async fn row_30_without_its_status_it_asks_for_the_same_instance() {
    let mut site = Site::with_binding().await;
    let before = site.there();
    site.kill().await;
    for (id, name) in [(&INSTANCES, "db"), (&BINDINGS, "web")] {
        let bare = json!({"status": null});
        let change = |object: &mut serde_json::Value| {
            crate::world::merge(object, &bare);
            Ok(())
        };
        let by = oarlock_devcluster::store::Write::by("etcdctl")
            .to(oarlock_devcluster::store::Subresource::Status);
        site.store()
            .modify(id, "default", name, None, &by, change)
            .unwrap();
        assert!(site.get(id, name).unwrap()["status"]["lifecycle"].is_null());
    }
    site.restart().await;
    site.until_ready(&BINDINGS, "web").await;
    site.seconds(300).await;
    assert_eq!(site.there(), before, "{}", site.told());
    site.clear().await;
}
