//! `kill -9` of the operator between the broker's receipt of a call and its record: the next operator asks for the same, and
//! afterwards there is exactly one at the broker, or none.

use std::collections::BTreeSet;

use oarlock_broker::{Behaviour, Op};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::PATIENCE;
use crate::rollout::{changes, until};
use crate::service_objects::{Objects, entries, is_ready};
use crate::service_site::Services;
use crate::site::Operator;

/// What is done at once, and what is polled.
const PACES: [Behaviour; 2] = [Behaviour::Well, Behaviour::Async { polls: 1 }];

/// The broker has the next such call, and says nothing; the operator dies, twice.
async fn die_at(services: &Services, operator: Operator, op: Op) -> Operator {
    let came = services.broker.asked(op).len();
    let mut operator = operator;
    for death in 1..=2 {
        let held = services.broker.until(|broker| broker.held() == death);
        if tokio::time::timeout(PATIENCE, held).await.is_err() {
            panic!(
                "no call came:\n{:#?}\n{}",
                services.broker.calls(),
                operator.process.log()
            );
        }
        operator.process.kill().await;
        operator = services.operator().await;
    }
    let calls = services.broker.asked(op);
    assert!(calls.len() >= came + 2, "{:?}", services.broker.calls());
    let of =
        |call: &oarlock_broker::Entry| (call.path.clone(), call.query.clone(), call.body.clone());
    assert_eq!(of(&calls[came]), of(&calls[came + 1]), "the same is asked");
    operator
}

/// After all: nothing is left of anything that was ever made.
async fn end(services: &Services, operator: &Operator) {
    for kind in ["ServiceBinding", "ServiceInstance"] {
        let name = if kind == "ServiceBinding" {
            "creds"
        } else {
            "db"
        };
        if services
            .objects
            .of(kind)
            .get_opt(name)
            .await
            .unwrap()
            .is_some()
        {
            services.objects.delete(kind, name).await;
            services.objects.gone(kind, name).await;
        }
    }
    services.broker.release();
    assert_eq!(services.there(), (0, 0));
    assert_eq!(
        services.broker.violations(),
        [],
        "{:#?}",
        services.broker.calls()
    );
    assert_eq!(operator.get("/healthz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_provisions_there_is_one_instance() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services.broker.times(Op::Provision, 2, pace.held());
        services.ask_for_instance().await;
        let operator = die_at(&services, operator, Op::Provision).await;
        services.objects.ready("ServiceInstance", "db").await;
        assert_eq!(services.there(), (1, 0));
        assert_eq!(services.broker.removed(), Vec::<String>::new());
        end(&services, &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_updates_the_instance_gets_its_plan() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services.with_instance().await;
        let before = services.broker.instances();
        services.broker.times(Op::Update, 2, pace.held());
        let wish = json!({"spec": {"servicePlanExternalName": "large"}});
        services.objects.patch("ServiceInstance", "db", wish).await;
        let operator = die_at(&services, operator, Op::Update).await;
        services.objects.ready("ServiceInstance", "db").await;
        let after = services.broker.instances();
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].id, before[0].id);
        assert_eq!(after[0].plan_id, "plan-large");
        end(&services, &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_deprovisions_nothing_is_left() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services.with_instance().await;
        services.broker.times(Op::Deprovision, 2, pace.held());
        services.objects.delete("ServiceInstance", "db").await;
        let operator = die_at(&services, operator, Op::Deprovision).await;
        services.objects.gone("ServiceInstance", "db").await;
        end(&services, &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_binds_there_is_one_binding_and_its_secret() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services.with_instance().await;
        services.broker.times(Op::Bind, 2, pace.held());
        services.ask_for_binding().await;
        let operator = die_at(&services, operator, Op::Bind).await;
        services.objects.ready("ServiceBinding", "creds").await;
        assert_eq!(services.there(), (1, 1));
        assert_eq!(services.broker.removed(), Vec::<String>::new());
        let there = &services.broker.bindings()[0];
        let secret = services.objects.secret("creds").await.unwrap();
        assert_eq!(json!(secret["password"]), there.credentials["password"]);
        end(&services, &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_unbinds_nothing_is_left() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services.with_instance().await;
        services.with_binding().await;
        services.broker.times(Op::Unbind, 2, pace.held());
        services.objects.delete("ServiceBinding", "creds").await;
        let operator = die_at(&services, operator, Op::Unbind).await;
        services.objects.gone("ServiceBinding", "creds").await;
        assert_eq!(services.there(), (1, 0));
        assert_eq!(services.objects.secret("creds").await, None);
        end(&services, &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_rotates_there_is_one_successor() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services.with_instance().await;
        services.with_binding().await;
        let first = services.broker.bindings()[0].id.clone();
        services.broker.times(Op::Bind, 2, pace.held());
        let rotate = json!({
            "metadata": {"annotations": {"servicecatalog.oarlock.dev/rotate": "now"}},
            "spec": {"rotation": {"overlap": "1s"}},
        });
        let objects = &services.objects;
        objects.patch("ServiceBinding", "creds", rotate).await;
        let operator = die_at(&services, operator, Op::Bind).await;
        let replaced = services.broker.until(|broker| {
            let all = broker.bindings();
            all.len() == 1 && all[0].predecessor.as_ref() == Some(&first)
        });
        let replaced = tokio::time::timeout(PATIENCE, replaced).await;
        assert!(replaced.is_ok(), "{:#?}", services.broker.calls());
        assert_eq!(services.broker.removed(), [first]);
        objects.ready("ServiceBinding", "creds").await;
        secret_is_that_of_the_broker(objects, &services.broker).await;
        end(&services, &operator).await;
    }
}

/// What was made and not told is removed before anything else is made, whoever dies meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_removes_an_orphan_there_is_one_instance_afterwards() {
    for pace in PACES {
        let services = Services::new().await;
        let operator = services.operator().await;
        services.with_catalog().await;
        services
            .broker
            .next(Op::Provision, Behaviour::CrashAfterAccept);
        services.broker.times(Op::Deprovision, 2, pace.held());
        services.ask_for_instance().await;
        let operator = die_at(&services, operator, Op::Deprovision).await;
        services.objects.ready("ServiceInstance", "db").await;
        assert_eq!(services.there(), (1, 0));
        let made = services.broker.asked(Op::Provision);
        assert_eq!(
            services.broker.removed(),
            [made[0].instance.clone().unwrap()]
        );
        end(&services, &operator).await;
    }
}

/// Not dead, only stopped: what it is answered when it goes on is another's by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_stopped_while_it_asked_writes_nothing_when_it_is_answered() {
    let services = Services::new().await;
    let site = &services.ground.site;
    let clock = format!("{}/clock", site.cluster.url);
    let elected = [
        "--clock",
        &clock,
        "--leader-elect",
        "--leader-elect-lease-duration=4s",
        "--leader-elect-renew-deadline=3s",
        "--leader-elect-retry-period=300ms",
    ];
    let first = site.operator_with(&elected).await;
    first.process.logs(" leading").await;
    let second = site.operator_with(&elected).await;
    second.process.logs("standing by").await;
    services.with_catalog().await;
    services.with_instance().await;
    services.broker.next(Op::Bind, Behaviour::Well.held());
    services.ask_for_binding().await;
    let held = services.broker.until(|broker| broker.held() == 1);
    tokio::time::timeout(PATIENCE, held).await.expect("it asks");

    first.process.signal(Signal::STOP);
    second.process.logs(" leading").await;
    services.objects.ready("ServiceBinding", "creds").await;
    services.broker.release();
    let before = services
        .objects
        .of("ServiceBinding")
        .get("creds")
        .await
        .unwrap();
    first.process.signal(Signal::CONT);
    first.process.logs("lost the lease").await;
    first.process.logs("standing by").await;
    let after = services
        .objects
        .of("ServiceBinding")
        .get("creds")
        .await
        .unwrap();
    assert_eq!(
        before.metadata.resource_version,
        after.metadata.resource_version
    );
    assert_eq!(services.there(), (1, 1));
    assert_eq!(services.broker.asked(Op::Bind).len(), 2);
    assert_eq!(services.broker.removed(), Vec::<String>::new());
    secret_is_that_of_the_broker(&services.objects, &services.broker).await;
    end(&services, &second).await;
}

/// Kills the operator whenever the status of an object moves, until `wanted` holds; says how often.
async fn harass(
    services: &Services,
    mut operator: Operator,
    (kind, name): (&str, &str),
    wanted: impl Fn(&kube::api::DynamicObject) -> bool,
) -> (Operator, usize) {
    let mut kills = 0;
    let mut last = Value::Null;
    let mut states = std::pin::pin!(changes(services.objects.of(kind)));
    loop {
        let moved = until(&mut states, |object| {
            object.metadata.name.as_deref() == Some(name) && object.data["status"] != last
        });
        let object = moved.await;
        last = object.data["status"].clone();
        if wanted(&object) {
            return (operator, kills);
        }
        operator.process.kill().await;
        operator = services.operator().await;
        kills += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_transition_a_whole_life_has_one_of_each() {
    let services = Services::new().await;
    let operator = services.operator().await;
    services.with_catalog().await;
    for op in [
        Op::Provision,
        Op::Update,
        Op::Bind,
        Op::Unbind,
        Op::Deprovision,
    ] {
        services.broker.always(op, Behaviour::Async { polls: 1 });
    }
    let database = ("ServiceInstance", "db");
    services.ask_for_instance().await;
    let (operator, provisioned) = harass(&services, operator, database, is_ready).await;
    services.ask_for_binding().await;
    let binding = ("ServiceBinding", "creds");
    let (operator, bound) = harass(&services, operator, binding, is_ready).await;
    let wish = json!({"spec": {"servicePlanExternalName": "large"}});
    services.objects.patch("ServiceInstance", "db", wish).await;
    let (operator, updated) = harass(&services, operator, database, is_ready).await;

    assert_eq!(services.there(), (1, 1), "{:#?}", services.broker.calls());
    assert_eq!(services.broker.instances()[0].plan_id, "plan-large");
    assert_eq!(services.broker.removed(), Vec::<String>::new());
    let identifiers: BTreeSet<_> = services
        .broker
        .journal()
        .into_iter()
        .filter_map(|call| call.binding.or(call.instance))
        .collect();
    assert_eq!(identifiers.len(), 2, "{identifiers:#?}");
    assert!(
        provisioned >= 2 && bound >= 2 && updated >= 2,
        "{provisioned}, {bound} and {updated} transitions were seen"
    );
    secret_is_that_of_the_broker(&services.objects, &services.broker).await;
    end(&services, &operator).await;
}

async fn secret_is_that_of_the_broker(objects: &Objects, broker: &oarlock_broker::Broker) {
    let secret = objects.of("Secret").get("creds").await.unwrap();
    let there = broker.bindings();
    assert_eq!(there.len(), 1);
    assert_eq!(
        json!(entries(&secret)["password"]),
        there[0].credentials["password"]
    );
}
