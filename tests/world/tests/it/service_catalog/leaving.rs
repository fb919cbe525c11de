//! What goes, in whatever order, and whatever is in the way; and the ways out.

use oarlock_broker::{Behaviour, Op};
use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{
    A_WHILE, ADDRESS, BINDINGS, BROKERS, CLUSTER_BROKERS, DOMAIN, INSTANCES, Mark, NAMESPACES,
    OUTSIDE, SECRETS, Site, TRUSTED, auth, auth_beside, binding, cluster_broker, instance,
    namespaced_broker,
};

async fn told(site: &Site, mark: Mark) -> String {
    format!("{}\n\n{}", site.story(mark).await, site.told())
}

/// Annotates with somebody's reason to leave all of it at the broker.
fn abandon(site: &Site, id: &ResourceId, name: &str) {
    let key = format!("{DOMAIN}/abandon");
    site.annotate(id, name, &json!({key: "the broker was switched off"}));
}

#[tokio::test(start_paused = true)]
async fn bindings_go_before_their_instance_in_whatever_order_they_are_deleted() {
    let mut site = Site::with_binding().await;
    for op in [Op::Deprovision, Op::Unbind] {
        site.broker.next(op, Behaviour::Async { polls: 2 });
    }
    let mark = site.mark();
    site.delete(&INSTANCES, "db");
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "", "{}", site.told());
    let blocked = site.status(&INSTANCES, "db").join("\n");
    site.delete(&BINDINGS, "web");
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.calls(mark), "unbind, poll x3, deprovision, poll x3");
    assert_eq!(site.left(), "nothing");
    site.check().await;
    insta::assert_snapshot!(format!("{blocked}\n\n{}", told(&site, mark).await));
}

/// `kubectl delete -f` of all of it.
#[tokio::test(start_paused = true)]
async fn all_at_once_with_broker_and_secret() {
    let mut site = Site::with_binding().await;
    site.broker
        .always(Op::Deprovision, Behaviour::Async { polls: 2 });
    let mark = site.mark();
    site.delete(&CLUSTER_BROKERS, "acme");
    site.delete(&INSTANCES, "db");
    site.delete(&BINDINGS, "web");
    site.until_gone(&CLUSTER_BROKERS, "acme").await;
    site.seconds(60).await;
    assert_eq!(site.left(), "nothing");
    assert!(site.get(&INSTANCES, "db").is_none());
    assert!(site.get(&BINDINGS, "web").is_none());
    assert!(site.get(&SECRETS, "web").is_none());
    assert!(site.list_all(&super::site::CLUSTER_CLASSES).is_empty());
    assert!(site.list_all(&super::site::CLUSTER_PLANS).is_empty());
    site.check().await;
    insta::assert_snapshot!(told(&site, mark).await);
}

/// A namespace with all of it in it. Nothing new can be created in one that ends.
async fn namespace() -> Site {
    let mut site = Site::empty(None).await;
    site.namespace = "shop";
    let shop = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    site.apply(shop).unwrap();
    site
}

fn in_shop(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!("shop");
    object
}

async fn fill(site: &mut Site, of_namespace: bool) {
    let mut database = instance("db", &json!({}));
    if of_namespace {
        database["spec"] = json!({
            "serviceClassExternalName": "postgres",
            "servicePlanExternalName": "small",
        });
    }
    site.apply(in_shop(database)).unwrap();
    site.apply(in_shop(binding("web", "db", &json!({}))))
        .unwrap();
    site.until_ready(&BINDINGS, "web").await;
    assert_eq!(site.left(), "instance, binding");
}

fn delete_shop(site: &Site) {
    let options = Default::default();
    site.store()
        .delete(&NAMESPACES, "", "shop", &options)
        .unwrap();
}

async fn until_shop_is_gone(site: &mut Site) {
    site.until("the namespace is gone", |world| {
        let shop = world.store().get(&NAMESPACES, "", "shop");
        shop.is_err().then_some(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_what_is_in_it() {
    let mut site = namespace().await;
    // The broker is the cluster's.
    site.apply(auth()).unwrap();
    site.apply(cluster_broker("acme", ADDRESS)).unwrap();
    fill(&mut site, false).await;
    for op in [Op::Deprovision, Op::Unbind] {
        site.broker.next(op, Behaviour::Async { polls: 2 });
    }
    let mark = site.mark();
    delete_shop(&site);
    until_shop_is_gone(&mut site).await;
    assert_eq!(site.left(), "nothing");
    site.check().await;
    insta::assert_snapshot!(site.story(mark).await);
}

/// With its own broker, and its credentials, in it.
#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_its_own_broker() {
    let mut site = namespace().await;
    site.apply(in_shop(auth_beside())).unwrap();
    site.apply(in_shop(namespaced_broker("acme", OUTSIDE)))
        .unwrap();
    site.until_ready(&BROKERS, "acme").await;
    fill(&mut site, true).await;
    let mark = site.mark();
    delete_shop(&site);
    site.seconds(3600).await;
    let story = site.story(mark).await;
    let is_gone = site.store().get(&NAMESPACES, "", "shop").is_err();
    assert!(is_gone, "it is stuck:\n{story}\n{}", site.told());
    assert_eq!(site.left(), "nothing", "{story}");
    site.check().await;
}

#[tokio::test(start_paused = true)]
async fn row_32_a_broker_that_is_gone_is_waited_for_and_its_things_can_be_abandoned() {
    let mut site = Site::with_binding().await;
    let mark = site.mark();
    // Somebody takes the finalizer away by force.
    site.delete(&CLUSTER_BROKERS, "acme");
    let bare = json!({"metadata": {"finalizers": null}});
    site.edit(&CLUSTER_BROKERS, "acme", &bare).unwrap();
    site.pass(A_WHILE).await;
    assert!(site.get(&CLUSTER_BROKERS, "acme").is_none());
    // What is there is there.
    assert_eq!(site.left(), "instance, binding");
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}}));
    site.pass(A_WHILE).await;
    let changed = site.status(&INSTANCES, "db").join("\n");
    site.delete(&BINDINGS, "web");
    site.delete(&INSTANCES, "db");
    site.pass(A_WHILE).await;
    let held = site.status(&BINDINGS, "web").join("\n");
    assert_eq!(site.calls(mark), "", "nobody is there to be asked");
    abandon(&site, &BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    abandon(&site, &INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.left(), "instance, binding", "that is what it means");
    assert!(site.get(&SECRETS, "web").is_none());
    let events = [site.events("db"), site.events("web")].concat().join("\n");
    let told = format!("{changed}\n---\n{held}\n---\n{events}");
    insta::assert_snapshot!(site.named(&told));
}

#[tokio::test(start_paused = true)]
async fn row_32_a_broker_that_comes_back_is_asked_again() {
    let mut site = Site::with_binding().await;
    site.delete(&CLUSTER_BROKERS, "acme");
    let bare = json!({"metadata": {"finalizers": null}});
    site.edit(&CLUSTER_BROKERS, "acme", &bare).unwrap();
    site.delete(&BINDINGS, "web");
    site.delete(&INSTANCES, "db");
    site.pass(A_WHILE).await;
    assert_eq!(site.left(), "instance, binding");
    site.apply(cluster_broker("acme", ADDRESS)).unwrap();
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.left(), "nothing");
    site.check().await;
}

#[tokio::test(start_paused = true)]
async fn row_32_without_the_auth_secret_it_says_so_and_goes_on_when_it_is_there_again() {
    let mut site = Site::with_binding().await;
    site.lose_auth().await;
    let mark = site.mark();
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}}));
    site.pass(A_WHILE).await;
    let updating = site.said(&INSTANCES, "db", "Ready");
    site.delete(&BINDINGS, "web");
    site.pass(A_WHILE).await;
    let unbinding = site.said(&BINDINGS, "web", "Ready");
    assert_eq!(site.calls(mark), "", "nothing is sent without credentials");
    let broker = site.said(&CLUSTER_BROKERS, "acme", "Ready");
    insta::assert_snapshot!(format!("{updating}\n---\n{unbinding}\n---\n{broker}"));
    site.apply(auth()).unwrap();
    site.until_gone(&BINDINGS, "web").await;
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(site.broker.instances()[0].parameters, json!({"size": 2}));
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn row_32_a_broker_that_is_not_trusted_any_more_is_not_asked() {
    const CERTIFICATES: [&str; 2] = [
        include_str!("../../../../broker/tls/first/ca.pem"),
        include_str!("../../../../broker/tls/second/ca.pem"),
    ];
    let address = TRUSTED;
    let encoded = |text: &str| super::site::encoded(text.as_bytes());
    let mut site = Site::empty(None).await;
    site.wire.put(address, &site.broker);
    site.wire.vouch(address, Some(CERTIFICATES[0]));
    site.apply(auth()).unwrap();
    let mut broker = cluster_broker("acme", address);
    broker["spec"]["caBundle"] = json!(encoded(CERTIFICATES[0]));
    site.apply(broker).unwrap();
    site.until_ready(&CLUSTER_BROKERS, "acme").await;
    site.provision().await;
    let mark = site.mark();
    site.wire.vouch(address, Some(CERTIFICATES[1]));
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}}));
    site.pass(A_WHILE).await;
    let told = site.status(&INSTANCES, "db").join("\n");
    assert!(!told.contains("OrphanMitigation=True"), "{told}");
    assert_eq!(site.broker.instances()[0].parameters, json!({"size": 1}));
    // A deletion waits, too, and can be abandoned.
    site.delete(&INSTANCES, "db");
    site.pass(A_WHILE).await;
    let going = site.said(&INSTANCES, "db", "Ready");
    insta::assert_snapshot!(site.named(&format!("{told}\n---\n{going}")));
    assert!(
        site.calls(mark).starts_with("update"),
        "{}",
        site.calls(mark)
    );
    // By the new certificates it goes at once, whatever the pause was.
    site.set(
        &CLUSTER_BROKERS,
        "acme",
        &json!({"caBundle": encoded(CERTIFICATES[1])}),
    );
    site.seconds(1300).await;
    assert!(site.get(&INSTANCES, "db").is_none(), "{}", site.told());
    assert_eq!(site.left(), "nothing");
    site.check().await;
}

#[tokio::test(start_paused = true)]
async fn row_32_what_is_refused_for_ever_is_abandoned_by_annotation() {
    let site = Site::with_binding().await;
    site.broker.always(Op::Unbind, Behaviour::BadRequest);
    site.broker.always(Op::Deprovision, Behaviour::status(403));
    let mark = site.mark();
    site.delete(&BINDINGS, "web");
    site.seconds(24 * 3600).await;
    let asked = site.asked(mark).len();
    assert!((70..90).contains(&asked), "slowly: {asked}");
    assert!(site.get(&BINDINGS, "web").is_some());
    let stuck = site.status(&BINDINGS, "web").join("\n");
    abandon(&site, &BINDINGS, "web");
    site.seconds(5).await;
    assert!(site.get(&BINDINGS, "web").is_none(), "at once");
    site.delete(&INSTANCES, "db");
    site.pass(A_WHILE).await;
    assert!(site.get(&INSTANCES, "db").is_some());
    abandon(&site, &INSTANCES, "db");
    site.seconds(5).await;
    assert!(site.get(&INSTANCES, "db").is_none(), "at once");
    let events = [site.events("web"), site.events("db")].concat().join("\n");
    insta::assert_snapshot!(site.named(&format!("{stuck}\n---\n{events}")));
}

#[tokio::test(start_paused = true)]
async fn row_32_what_is_to_be_abandoned_by_its_spec_asks_nobody() {
    let mut site = Site::with_binding().await;
    let policy = json!({"deletionPolicy": "Abandon"});
    site.set(&INSTANCES, "db", &policy);
    site.set(&BINDINGS, "web", &policy);
    site.seconds(60).await;
    let mark = site.mark();
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    site.delete(&BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    assert_eq!(site.calls(mark), "");
    assert_eq!(site.left(), "instance, binding");
    let events = [site.events("db"), site.events("web")].concat().join("\n");
    insta::assert_snapshot!(site.named(&events));
}

#[tokio::test(start_paused = true)]
async fn a_broker_in_use_waits_for_what_is_there() {
    let mut site = Site::with_binding().await;
    let mark = site.mark();
    site.delete(&CLUSTER_BROKERS, "acme");
    site.pass(A_WHILE).await;
    let waiting = site.status(&CLUSTER_BROKERS, "acme").join("\n");
    // Nothing new is made there.
    site.apply(instance("late", &json!({}))).unwrap();
    site.pass(A_WHILE).await;
    let refused = site.said(&INSTANCES, "late", "Ready");
    assert_eq!(site.broker.instances().len(), 1, "{refused}");
    site.delete(&INSTANCES, "late");
    site.until_gone(&INSTANCES, "late").await;
    site.delete(&INSTANCES, "db");
    site.delete(&BINDINGS, "web");
    site.until_gone(&CLUSTER_BROKERS, "acme").await;
    assert_eq!(site.left(), "nothing");
    assert!(site.list_all(&super::site::CLUSTER_CLASSES).is_empty());
    site.check().await;
    let story = site.story(mark).await;
    insta::assert_snapshot!(site.named(&format!("{waiting}\n---\n{refused}\n---\n{story}")));
}

#[tokio::test(start_paused = true)]
async fn a_broker_is_abandoned_by_its_spec_or_its_annotation() {
    for by_annotation in [false, true] {
        let mut site = Site::with_binding().await;
        if by_annotation {
            abandon(&site, &CLUSTER_BROKERS, "acme");
        } else {
            site.set(
                &CLUSTER_BROKERS,
                "acme",
                &json!({"deletionPolicy": "Abandon"}),
            );
        }
        site.seconds(60).await;
        site.delete(&CLUSTER_BROKERS, "acme");
        site.until_gone(&CLUSTER_BROKERS, "acme").await;
        assert_eq!(site.left(), "instance, binding");
        site.pass(A_WHILE).await;
        // Whoever has credentials keeps them.
        assert!(site.get(&SECRETS, "web").is_some());
        let events = site.events("acme").join("\n");
        assert!(events.contains("Abandoned"), "{events}");
    }
}

#[tokio::test(start_paused = true)]
async fn row_31_deleted_while_it_is_made_the_broker_is_told_and_the_new_operation_polled() {
    let mut site = Site::new().await;
    site.broker.next(Op::Provision, Behaviour::NeverFinishAsync);
    site.broker
        .next(Op::Deprovision, Behaviour::Async { polls: 2 });
    let mark = site.mark();
    site.apply(instance("db", &json!({}))).unwrap();
    site.seconds(20).await;
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.left(), "nothing");
    let calls = site.calls(mark);
    assert!(calls.ends_with("deprovision, poll x3"), "{calls}");
    site.provision().await;
    site.broker.next(Op::Bind, Behaviour::NeverFinishAsync);
    site.broker.next(Op::Unbind, Behaviour::Async { polls: 2 });
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.seconds(20).await;
    site.delete(&BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    assert_eq!(site.left(), "instance");
    let calls = site.calls(mark);
    assert!(calls.ends_with("unbind, poll x3"), "{calls}");
    // The broker minds which operation is polled: `check`.
    site.check().await;
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

/// The answer is still on its way.
#[tokio::test(start_paused = true)]
async fn row_31_deleted_before_the_answer_there_is_nothing_left() {
    for op in [Op::Provision, Op::Bind, Op::Update] {
        let mut site = match op {
            Op::Provision => Site::new().await,
            _ => Site::with_instance().await,
        };
        site.broker.next(op, Behaviour::Well.held());
        match op {
            Op::Provision => drop(site.apply(instance("db", &json!({}))).unwrap()),
            Op::Bind => drop(site.apply(binding("web", "db", &json!({}))).unwrap()),
            _ => site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}})),
        }
        site.seconds(2).await;
        assert_eq!(site.broker.held(), 1, "{}", site.told());
        for (id, name) in [(&BINDINGS, "web"), (&INSTANCES, "db")] {
            if site.get(id, name).is_some() {
                site.delete(id, name);
            }
        }
        site.seconds(2).await;
        site.broker.release();
        site.until_gone(&INSTANCES, "db").await;
        assert!(site.get(&BINDINGS, "web").is_none());
        assert_eq!(site.left(), "nothing");
        site.check().await;
    }
}

/// What was never asked for needs no broker to go.
#[tokio::test(start_paused = true)]
async fn what_was_never_made_goes_without_a_broker() {
    let site = Site::empty(None).await;
    site.apply(instance("db", &json!({}))).unwrap();
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.seconds(60).await;
    site.delete(&INSTANCES, "db");
    site.delete(&BINDINGS, "web");
    site.seconds(5).await;
    assert!(site.get(&INSTANCES, "db").is_none(), "{}", site.told());
    assert!(site.get(&BINDINGS, "web").is_none(), "{}", site.told());
    assert_eq!(site.wire.count(), 0);
    let mut site = Site::new().await;
    site.broker.always(Op::Provision, Behaviour::BadRequest);
    site.apply(instance("db", &json!({}))).unwrap();
    site.seconds(60).await;
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.left(), "nothing");
    site.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_that_takes_a_broker_days_is_waited_for() {
    let site = Site::with_instance().await;
    site.broker
        .next(Op::Deprovision, Behaviour::NeverFinishAsync);
    site.delete(&INSTANCES, "db");
    site.seconds(3 * 24 * 3600).await;
    assert!(site.get(&INSTANCES, "db").is_some());
    for id in site.there() {
        site.broker.finish(&id);
    }
    site.seconds(120).await;
    assert!(site.get(&INSTANCES, "db").is_none(), "{}", site.told());
    assert_eq!(site.left(), "nothing");
    site.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_of_the_broker_took_away_is_gone() {
    let mut site = Site::with_binding().await;
    for id in site.there().into_iter().rev() {
        site.broker.vanish(&id);
    }
    let mark = site.mark();
    site.delete(&INSTANCES, "db");
    site.delete(&BINDINGS, "web");
    site.until_gone(&INSTANCES, "db").await;
    assert_eq!(site.calls(mark), "unbind, deprovision");
}
