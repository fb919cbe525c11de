//! What happens between an operator in a process of its own and a broker behind a socket: connections that end, answers that are
//! none, a broker that is away, certificates that change. Whatever it is, there is one of each at the broker, and then none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::DynamicObject;
use oarlock_broker::{Behaviour, Broker, Catalog, Op, Server, Tls};
use serde_json::{Value, json};

use crate::process::client;
use crate::service_objects::{Objects, binding, broker, condition, instance};
use crate::service_site::{Ground, Services};
use crate::site::Operator;

/// An operator on the cluster's clock, which is a hundred times as fast as real time: pauses are not what is tested here.
async fn hurried(ground: &Ground) -> Operator {
    let url = &ground.site.cluster.url;
    let faster = http::Request::put("/clock").body(br#"{"speed":100}"#.to_vec());
    let reading: Value = client(url).request(faster.unwrap()).await.unwrap();
    assert_eq!(reading["speed"], 100.0);
    let clock = format!("{url}/clock");
    ground.site.operator_with(&["--clock", &clock]).await
}

/// The message of an object that cannot go on says so.
fn tells(part: &str) -> impl Fn(&DynamicObject) -> bool {
    let part = part.to_owned();
    move |object| {
        let told = condition(object, "Ready");
        told.is_some_and(|told| {
            told["status"] != "True" && told["message"].as_str().unwrap_or_default().contains(&part)
        })
    }
}

/// A whole life, in which the first request of every kind is treated so.
async fn life(services: &Services, behaviour: &Behaviour) {
    let (objects, broker) = (&services.objects, &services.broker);
    broker.next(Op::Provision, behaviour.clone());
    services.with_instance().await;
    broker.next(Op::Bind, behaviour.clone());
    services.with_binding().await;
    assert_eq!(
        services.there(),
        (1, 1),
        "{behaviour:?}: {:#?}",
        broker.calls()
    );
    let bound = &broker.bindings()[0];
    let secret = objects.secret("creds").await.unwrap();
    assert_eq!(json!(secret["password"]), bound.credentials["password"]);

    broker.next(Op::Update, behaviour.clone());
    let wish = json!({"spec": {"servicePlanExternalName": "large"}});
    objects.patch("ServiceInstance", "db", wish).await;
    objects.ready("ServiceInstance", "db").await;
    assert_eq!(broker.instances()[0].plan_id, "plan-large", "{behaviour:?}");

    broker.next(Op::Unbind, behaviour.clone());
    broker.next(Op::Deprovision, behaviour.clone());
    objects.delete("ServiceBinding", "creds").await;
    objects.delete("ServiceInstance", "db").await;
    objects.gone("ServiceBinding", "creds").await;
    objects.gone("ServiceInstance", "db").await;
    assert_eq!(
        services.there(),
        (0, 0),
        "{behaviour:?}: {:#?}",
        broker.calls()
    );
    assert_eq!(objects.secret("creds").await, None);
    assert_eq!(broker.unused(), 0, "{behaviour:?}: {:#?}", broker.calls());
    assert_eq!(
        broker.violations(),
        [],
        "{behaviour:?}: {:#?}",
        broker.calls()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_break_off_leave_one_of_each_and_then_none() {
    let services = Services::new().await;
    let _operator = hurried(&services.ground).await;
    services.with_catalog().await;
    for behaviour in [
        Behaviour::CrashAfterAccept,
        Behaviour::CrashBeforeAccept,
        Behaviour::HalfAnswer,
        Behaviour::GarbageChunks,
        Behaviour::ServerError.done(),
        Behaviour::status(429).retry_after(7),
        Behaviour::ConcurrencyError.retry_after(7),
    ] {
        life(&services, &behaviour).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_that_break_off_are_asked_again() {
    let services = Services::new().await;
    let _operator = hurried(&services.ground).await;
    services.with_catalog().await;
    for op in [Op::Provision, Op::Bind, Op::Unbind, Op::Deprovision] {
        services.broker.always(op, Behaviour::Async { polls: 2 });
    }
    for behaviour in [
        Behaviour::CrashBeforeAccept,
        Behaviour::HalfAnswer,
        Behaviour::GarbageChunks,
    ] {
        // Every other poll, until all is over.
        for _ in 0..6 {
            services.broker.next(Op::LastOperation, behaviour.clone());
            services.broker.next(Op::LastOperation, Behaviour::Well);
        }
        services.broker.next(Op::Fetch, behaviour.clone());
        services.with_instance().await;
        services.with_binding().await;
        assert_eq!(services.there(), (1, 1));
        let objects = &services.objects;
        objects.delete("ServiceInstance", "db").await;
        objects.delete("ServiceBinding", "creds").await;
        objects.gone("ServiceBinding", "creds").await;
        objects.gone("ServiceInstance", "db").await;
        let calls = services.broker.calls();
        assert_eq!(services.there(), (0, 0), "{calls:#?}");
        assert_eq!(services.broker.violations(), [], "{calls:#?}");
    }
    let made = services.broker.asked(Op::Provision).len() + services.broker.asked(Op::Bind).len();
    assert_eq!(made, 6, "{:#?}", services.broker.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_is_waited_for() {
    let services = Services::new().await;
    let _operator = hurried(&services.ground).await;
    let objects = &services.objects;
    let away = tells("not reached");

    services.server.stop().await;
    objects.apply(broker("broker", &services.server.url)).await;
    objects
        .told("ServiceBroker", "broker", "Ready", "ErrorFetchingCatalog")
        .await;
    services.server.restart().await.unwrap();
    objects.ready("ServiceBroker", "broker").await;

    services.server.stop().await;
    services.ask_for_instance().await;
    objects.when("ServiceInstance", "db", &away).await;
    services.server.restart().await.unwrap();
    objects.ready("ServiceInstance", "db").await;

    services.server.stop().await;
    services.ask_for_binding().await;
    objects.when("ServiceBinding", "creds", &away).await;
    services.server.restart().await.unwrap();
    objects.ready("ServiceBinding", "creds").await;

    services.server.stop().await;
    objects.delete("ServiceBinding", "creds").await;
    objects.delete("ServiceInstance", "db").await;
    objects.when("ServiceBinding", "creds", &away).await;
    services.server.restart().await.unwrap();
    objects.gone("ServiceBinding", "creds").await;
    objects.gone("ServiceInstance", "db").await;
    assert_eq!(services.there(), (0, 0));
    // Never reached is never sent: nothing had to be cleared away.
    let calls = services.broker.calls();
    assert_eq!(
        calls
            .iter()
            .filter(|call| !call.starts_with("catalog"))
            .collect::<Vec<_>>(),
        ["provision 201", "bind 201", "unbind 200", "deprovision 200"]
    );
    assert_eq!(services.broker.violations(), []);
}

/// A broker's object, and whom it trusts.
fn trusting(url: &str, tls: Tls) -> Value {
    let mut wanted = broker("broker", url);
    wanted["spec"]["caBundle"] = json!(STANDARD.encode(tls.ca()));
    wanted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_32_certificates_that_change_stop_everything_until_they_are_trusted() {
    let known = Broker::new(Catalog::demo());
    let server = Server::start_tls(known.clone(), Tls::FIRST).await.unwrap();
    let ground = Ground::for_broker_at(&server.url).await;
    let _operator = hurried(&ground).await;
    let objects: &Objects = &ground.objects;
    objects.apply(broker("broker", &server.url)).await;
    objects
        .told("ServiceBroker", "broker", "Ready", "ErrorFetchingCatalog")
        .await;
    assert_eq!(known.journal(), []);
    objects.apply(trusting(&server.url, Tls::FIRST)).await;
    objects.ready("ServiceBroker", "broker").await;
    objects.apply(instance("db", "postgres", "small")).await;
    objects.ready("ServiceInstance", "db").await;

    // Whoever is connected is cut off.
    server.shows(Tls::SECOND).unwrap();
    server.restart().await.unwrap();
    objects.apply(binding("creds", "db")).await;
    objects
        .when("ServiceBinding", "creds", tells("not reached"))
        .await;
    assert_eq!(known.bindings(), []);
    objects.apply(trusting(&server.url, Tls::SECOND)).await;
    objects.ready("ServiceBinding", "creds").await;

    server.shows(Tls::FIRST).unwrap();
    server.restart().await.unwrap();
    objects.delete("ServiceBinding", "creds").await;
    objects
        .when("ServiceBinding", "creds", tells("not reached"))
        .await;
    objects.apply(trusting(&server.url, Tls::FIRST)).await;
    objects.gone("ServiceBinding", "creds").await;
    objects.delete("ServiceInstance", "db").await;
    objects.gone("ServiceInstance", "db").await;
    assert_eq!((known.instances(), known.bindings()), (vec![], vec![]));
    assert_eq!(known.violations(), []);
}
