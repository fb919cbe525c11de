//! Whole lives, told from beginning to end: the snapshots have every word.

use oarlock_broker::{Behaviour, MaintenanceInfo, Op};
use serde_json::{Value, json};

use super::site::{
    A_WHILE, ADDRESS, BINDINGS, CLUSTER_BROKERS, INSTANCES, NAMESPACES, Site, auth, binding,
    cluster_broker, instance,
};

/// The only instance at the broker.
fn there(site: &Site) -> oarlock_broker::Record {
    let mut all = site.broker.instances();
    assert_eq!(all.len(), 1, "{}", site.told());
    all.remove(0)
}

async fn life(site: &mut Site) -> String {
    let mark = site.mark();
    site.apply(instance("db", &json!({}))).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    site.seconds(60).await;
    let bound = site.told();
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 2}}));
    site.pass(A_WHILE).await;
    assert_eq!(there(site).parameters, json!({"size": 2}));
    site.set(
        &INSTANCES,
        "db",
        &json!({"clusterServicePlanExternalName": "large"}),
    );
    site.pass(A_WHILE).await;
    assert_eq!(there(site).plan_id, "plan-large");
    let updated = site.told();
    site.delete(&BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    site.seconds(60).await;
    assert_eq!(site.left(), "nothing");
    site.check().await;
    format!(
        "{}\n\n== bound\n{bound}\n== updated\n{updated}\n== gone\n{}",
        site.story(mark).await,
        site.told()
    )
}

#[tokio::test(start_paused = true)]
async fn a_life_at_once() {
    let mut site = Site::new().await;
    insta::assert_snapshot!(life(&mut site).await);
}

#[tokio::test(start_paused = true)]
async fn a_life_of_operations_that_take_their_time() {
    let mut site = Site::new().await;
    for op in Op::ALL.into_iter().filter(|op| op.changes()) {
        site.broker.always(op, Behaviour::Async { polls: 3 });
    }
    insta::assert_snapshot!(life(&mut site).await);
}

#[tokio::test(start_paused = true)]
async fn everything_applied_at_once_and_in_the_wrong_order() {
    let mut site = Site::empty(None).await;
    for op in [Op::Provision, Op::Bind] {
        site.broker.next(op, Behaviour::Async { polls: 2 });
    }
    let mark = site.mark();
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.apply(instance("db", &json!({}))).unwrap();
    site.apply(cluster_broker("acme", ADDRESS)).unwrap();
    site.apply(auth()).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    site.seconds(60).await;
    assert_eq!(site.left(), "instance, binding");
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn a_binding_waits_for_its_instance() {
    let mut site = Site::new().await;
    let mark = site.mark();
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.seconds(3600).await;
    assert_eq!(site.calls(mark), "", "nothing is asked meanwhile");
    site.broker
        .next(Op::Provision, Behaviour::Async { polls: 4 });
    site.apply(instance("db", &json!({}))).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    site.seconds(60).await;
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_which_nobody_knows_the_class_or_the_plan() {
    let mut site = Site::new().await;
    let mark = site.mark();
    let wish = json!({"clusterServiceClassExternalName": "postgre"});
    site.apply(instance("db", &wish)).unwrap();
    site.seconds(60).await;
    let wish = json!({
        "clusterServiceClassExternalName": "postgres",
        "clusterServicePlanExternalName": "huge",
    });
    site.set(&INSTANCES, "db", &wish);
    site.seconds(60).await;
    // As soon as the broker offers it, it is made.
    site.broker.catalog(|catalog| {
        let postgres = catalog.service_mut("service-postgres").unwrap();
        let huge = oarlock_broker::Plan::new("plan-huge", "huge");
        postgres.plans.push(huge);
    });
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(there(&site).plan_id, "plan-huge");
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn classes_and_plans_are_named_in_every_way() {
    let site = Site::new().await;
    let ways = [
        json!({"clusterServiceClassExternalName": "postgres", "clusterServicePlanExternalName": "large"}),
        json!({"clusterServiceClassExternalID": "service-postgres", "clusterServicePlanExternalID": "plan-large"}),
        // The only plan that there is.
        json!({"clusterServiceClassExternalName": "mail"}),
    ];
    for (index, way) in ways.iter().enumerate() {
        let name = format!("db-{index}");
        let mut object = instance(&name, &json!({}));
        object["spec"] = way.clone();
        site.apply(object).unwrap();
    }
    site.pass(A_WHILE).await;
    let mut plans: Vec<String> = site
        .broker
        .instances()
        .into_iter()
        .map(|record| record.plan_id)
        .collect();
    plans.sort();
    assert_eq!(
        plans,
        ["plan-large", "plan-large", "plan-mail"],
        "{}",
        site.told()
    );
    let mut site = site;
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_cannot_be_changed_stays_and_the_object_says_so() {
    let mut site = Site::new().await;
    site.broker.catalog(|catalog| {
        catalog
            .service_mut("service-postgres")
            .unwrap()
            .plan_updateable = false;
    });
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.seconds(60).await;
    site.provision().await;
    let mark = site.mark();
    let large = json!({"clusterServicePlanExternalName": "large"});
    site.set(&INSTANCES, "db", &large);
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "", "the broker is not even asked");
    insta::assert_snapshot!(site.status(&INSTANCES, "db").join("\n"));
    let small = json!({"clusterServicePlanExternalName": "small"});
    site.set(&INSTANCES, "db", &small);
    site.until_ready(&INSTANCES, "db").await;
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn update_requests_send_the_same_again() {
    let mut site = Site::with_instance().await;
    let mark = site.mark();
    for requests in 1..4 {
        site.set(&INSTANCES, "db", &json!({"updateRequests": requests}));
        site.pass(A_WHILE).await;
    }
    assert_eq!(site.calls(mark), "update x3", "{}", site.told());
    site.clear().await;
}

fn version(site: &Site, version: &str) {
    site.broker.catalog(|catalog| {
        catalog.plan_mut("plan-small").unwrap().maintenance_info = Some(MaintenanceInfo {
            version: version.to_owned(),
            description: None,
        });
    });
}

#[tokio::test(start_paused = true)]
async fn maintenance_follows_the_plan_on_request() {
    let mut site = Site::with_instance().await;
    let mark = site.mark();
    version(&site, "1.1.0");
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "catalog", "by itself nothing is updated");
    site.set(&INSTANCES, "db", &json!({"updateRequests": 1}));
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "catalog, update", "{}", site.told());
    assert_eq!(there(&site).maintenance.as_deref(), Some("1.1.0"));
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn maintenance_follows_the_plan_by_itself_where_it_may() {
    let mut site = Site::with_instance().await;
    site.set(&INSTANCES, "db", &json!({"maintenance": "Automatic"}));
    site.pass(A_WHILE).await;
    let mark = site.mark();
    version(&site, "1.1.0");
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "catalog, update", "{}", site.told());
    assert_eq!(there(&site).maintenance.as_deref(), Some("1.1.0"));
    site.clear().await;
}

/// The broker is ahead of the catalog that was read.
#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_the_plans_any_more_is_read_again() {
    let mut site = Site::new().await;
    let mark = site.mark();
    version(&site, "2.0.0");
    site.apply(instance("db", &json!({}))).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(there(&site).maintenance.as_deref(), Some("2.0.0"));
    assert_eq!(site.calls(mark), "provision, catalog, provision");
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

/// Whoever asks is told to the broker; and where things are.
#[tokio::test(start_paused = true)]
async fn the_broker_is_told_who_asks_and_where() {
    let mut site = Site::new().await;
    let user = json!({"username": "ada@example.com", "uid": "7", "groups": ["devs"], "extra": {"team": ["data"]}});
    let wish = json!({"userInfo": user});
    let mut object = instance("db", &wish);
    object["metadata"]["annotations"] = json!({"example.com/cost-centre": "42"});
    site.apply(object).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    site.apply(binding("web", "db", &wish)).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    let context = there(&site).context;
    let cluster = site.get_in(&NAMESPACES, "", "kube-system");
    assert_eq!(context["clusterid"], cluster["metadata"]["uid"]);
    assert_eq!(context["namespace"], "default");
    assert_eq!(context["instance_name"], "db");
    assert_eq!(
        context["instance_annotations"]["example.com/cost-centre"], "42",
        "{context:#}"
    );
    let identities: Vec<Option<String>> = site
        .wire
        .asked()
        .into_iter()
        .filter(|asked| asked.op.changes())
        .map(|asked| asked.identity)
        .collect();
    assert_eq!(identities.len(), 2);
    for identity in identities {
        let identity = identity.unwrap();
        let encoded = identity.strip_prefix("kubernetes ").unwrap();
        let told: Value = serde_json::from_slice(&super::site::decoded(encoded)).unwrap();
        assert_eq!(told, user);
    }
    // An orphan is removed on nobody's behalf: `check` looks at that.
    site.broker.next(Op::Bind, Behaviour::ServerError.done());
    site.apply(binding("other", "db", &wish)).unwrap();
    site.until_ready(&BINDINGS, "other").await;
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_chose_is_the_id() {
    let mut site = Site::new().await;
    let id = "2f1c1f5e-52b1-4a0e-9a3e-8f0f6f6f0a01";
    site.apply(instance("db", &json!({"externalID": id})))
        .unwrap();
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(there(&site).id, id);
    // Also after orphan mitigation.
    site.clear().await;
    site.broker
        .next(Op::Provision, Behaviour::ServerError.done());
    site.apply(instance("db", &json!({"externalID": id})))
        .unwrap();
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(there(&site).id, id);
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_before_the_broker_wants_it() {
    let mut site = Site::new().await;
    let mark = site.mark();
    let busy = Behaviour::status(429).retry_after(600);
    site.broker.next(Op::Provision, busy);
    let slow = Behaviour::Async { polls: 1 }.retry_after(300);
    site.broker.next(Op::Provision, slow);
    site.apply(instance("db", &json!({}))).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    let times: Vec<u64> = site
        .asked(mark)
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_secs())
        .collect();
    assert!((600..605).contains(&times[0]), "{times:?}");
    assert!((300..305).contains(&times[1]), "{times:?}");
    // A restart hurries nothing.
    site.broker
        .next(Op::Update, Behaviour::status(429).retry_after(600));
    let mark = site.mark();
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 3}}));
    site.seconds(60).await;
    site.restart().await;
    site.seconds(500).await;
    assert_eq!(site.calls(mark), "update");
    site.seconds(60).await;
    assert_eq!(site.calls(mark), "update x2");
    site.clear().await;
}

/// Seven days, where the plan says nothing.
#[tokio::test(start_paused = true)]
async fn what_never_ends_ends_after_a_week() {
    let mut site = Site::new().await;
    let mark = site.mark();
    site.broker.next(Op::Provision, Behaviour::NeverFinishAsync);
    site.apply(instance("db", &json!({}))).unwrap();
    site.seconds(7 * 24 * 3600 - 3600).await;
    assert!(site.said(&INSTANCES, "db", "Ready").starts_with("False"));
    assert_eq!(site.left(), "instance");
    assert!(!site.calls(mark).contains("deprovision"));
    site.seconds(2 * 3600).await;
    assert_eq!(site.left(), "nothing", "{}", site.told());
    insta::assert_snapshot!(site.status(&INSTANCES, "db").join("\n"));
    site.clear().await;
}

/// What cannot be understood is removed, and not made again; what only cannot be polled goes on.
#[tokio::test(start_paused = true)]
async fn row_33_answers_that_cannot_be_understood_and_polls_that_are_refused() {
    let removed = [
        Behaviour::CreatedInvalidJson,
        Behaviour::InvalidSuccessCode,
        Behaviour::Says {
            status: 202,
            body: "<html>".to_owned(),
        }
        .done(),
    ];
    for behaviour in removed {
        let told = format!("{behaviour:?}");
        let mut site = Site::new().await;
        let mark = site.mark();
        site.broker.next(Op::Provision, behaviour.clone());
        site.apply(instance("db", &json!({}))).unwrap();
        site.pass(A_WHILE).await;
        assert_eq!(site.calls(mark), "provision, deprovision", "{told}");
        assert_eq!(site.left(), "nothing", "{told}");
        let failed = site.said(&INSTANCES, "db", "Failed");
        assert!(
            failed.starts_with("True ProvisionCallFailed"),
            "{told}: {failed}"
        );
        site.set(&INSTANCES, "db", &json!({"updateRequests": 1}));
        site.until_ready(&INSTANCES, "db").await;
        site.broker.next(Op::Bind, behaviour);
        site.apply(binding("web", "db", &json!({}))).unwrap();
        site.pass(A_WHILE).await;
        assert!(site.calls(mark).ends_with("bind, unbind"), "{told}");
        assert_eq!(site.left(), "instance", "{told}");
        site.clear().await;
    }
    let mut site = Site::new().await;
    let mark = site.mark();
    site.broker
        .next(Op::Provision, Behaviour::Nameless { polls: 0 });
    for behaviour in [Behaviour::Gone, Behaviour::NotFound, Behaviour::ServerError] {
        site.broker.next(Op::LastOperation, behaviour);
    }
    site.apply(instance("db", &json!({}))).unwrap();
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(site.calls(mark), "provision, poll x4");
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

/// What was refused is tried again when something else is wished for, and by nothing else.
#[tokio::test(start_paused = true)]
async fn what_was_refused_waits_for_another_wish() {
    let mut site = Site::new().await;
    let mark = site.mark();
    site.broker.next(Op::Provision, Behaviour::BadRequest);
    site.apply(instance("db", &json!({}))).unwrap();
    site.seconds(24 * 3600 - 600).await;
    site.restart().await;
    site.seconds(300).await;
    assert_eq!(site.calls(mark), "provision");
    insta::assert_snapshot!(site.status(&INSTANCES, "db").join("\n"));
    site.set(&INSTANCES, "db", &json!({"parameters": {"size": 5}}));
    site.until_ready(&INSTANCES, "db").await;
    assert_eq!(site.calls(mark), "provision x2");
    site.clear().await;
}
