//! Classes and plans: what a broker offers, as it changes.

use std::sync::Arc;

use oarlock_broker::{Access, Broker, Catalog, Op};
use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{
    A_WHILE, ADDRESS, BINDINGS, BROKERS, CLASSES, CLUSTER_BROKERS, CLUSTER_CLASSES, CLUSTER_PLANS,
    INSTANCES, OTHER, OUTSIDE, PASSWORD, PLANS, Site, USER, auth, auth_beside, auth_of, binding,
    cluster_broker, instance, namespaced_broker,
};

/// Reads the catalog again.
async fn relist(site: &Site, times: u64) {
    let wish = json!({"relistRequests": times});
    site.set(&CLUSTER_BROKERS, "acme", &wish);
    site.seconds(60).await;
}

/// External names of what is offered, with what is not offered any more in brackets.
fn offered(site: &Site, id: &ResourceId) -> Vec<String> {
    let name = |object: &Arc<Value>| {
        let name = object["spec"]["externalName"].as_str().unwrap();
        match object["status"]["removedFromBrokerCatalog"] == true {
            true => format!("({name})"),
            false => name.to_owned(),
        }
    };
    let mut names: Vec<String> = site.list_all(id).iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn classes_and_plans_are_what_the_catalog_says() {
    let site = Site::new().await;
    let bare = |object: &Arc<Value>| {
        let mut object = Value::clone(object);
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| ["name", "labels"].contains(&key.as_str()));
        object
    };
    let classes = site.list_all(&CLUSTER_CLASSES);
    let plans = site.list_all(&CLUSTER_PLANS);
    let all: Vec<Value> = classes.iter().chain(&plans).map(bare).collect();
    insta::assert_json_snapshot!(all);
    let told = site.status(&CLUSTER_BROKERS, "acme").join("\n");
    let events = site.events("acme").join("\n");
    insta::assert_snapshot!(site.named(&format!("{told}\n---\n{events}")));
}

#[tokio::test(start_paused = true)]
async fn row_34_a_plan_in_use_that_is_dropped_is_kept_and_flagged() {
    let mut site = Site::with_instance().await;
    let mark = site.mark();
    let drop_plan = |catalog: &mut Catalog| {
        let postgres = catalog.service_mut("service-postgres").unwrap();
        postgres.plans.retain(|plan| plan.id != "plan-small");
    };
    site.broker.catalog(drop_plan);
    relist(&site, 1).await;
    assert_eq!(
        offered(&site, &CLUSTER_PLANS),
        ["(small)", "default", "large"]
    );
    // What is there goes on: bound, and looked after.
    site.apply(binding("web", "db", &json!({}))).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    // Nothing new is made of it.
    site.apply(instance("late", &json!({}))).unwrap();
    site.pass(A_WHILE).await;
    let refused = site.said(&INSTANCES, "late", "Ready");
    assert_eq!(site.broker.instances().len(), 1, "{refused}");
    let kept = site.said(&INSTANCES, "db", "Ready");
    site.delete(&INSTANCES, "late");
    let large = json!({"clusterServicePlanExternalName": "large"});
    site.set(&INSTANCES, "db", &large);
    site.until_ready(&INSTANCES, "db").await;
    relist(&site, 2).await;
    // Nobody needs it any more.
    assert_eq!(offered(&site, &CLUSTER_PLANS), ["default", "large"]);
    insta::assert_snapshot!(site.named(&format!("{refused}\n---\n{kept}")));
    assert_eq!(site.broker.asked(Op::Update).len(), 1);
    let _since = mark;
    site.clear().await;
}

#[tokio::test(start_paused = true)]
async fn row_34_a_class_in_use_that_is_dropped_is_kept_and_its_instances_go_as_ever() {
    let mut site = Site::with_binding().await;
    let all = Catalog::demo();
    site.broker.catalog(|catalog| {
        catalog.services.retain(|service| service.name == "mail");
    });
    relist(&site, 1).await;
    assert_eq!(offered(&site, &CLUSTER_CLASSES), ["(postgres)", "mail"]);
    // The large one is not used.
    assert_eq!(offered(&site, &CLUSTER_PLANS), ["(small)", "default"]);
    // It is offered again.
    site.broker.catalog(|catalog| *catalog = all);
    relist(&site, 2).await;
    assert_eq!(offered(&site, &CLUSTER_CLASSES), ["mail", "postgres"]);
    site.broker.catalog(|catalog| {
        catalog.services.retain(|service| service.name == "mail");
    });
    relist(&site, 3).await;
    site.clear().await;
    relist(&site, 4).await;
    assert_eq!(offered(&site, &CLUSTER_CLASSES), ["mail"]);
    assert_eq!(offered(&site, &CLUSTER_PLANS), ["default"]);
}

#[tokio::test(start_paused = true)]
async fn row_34_a_renamed_service_follows_its_id() {
    let mut site = Site::with_binding().await;
    let before: Vec<Value> = site
        .list_all(&CLUSTER_CLASSES)
        .iter()
        .map(|class| class["metadata"]["name"].clone())
        .collect();
    let mark = site.mark();
    site.broker.catalog(|catalog| {
        catalog.service_mut("service-postgres").unwrap().name = "postgresql".to_owned();
        catalog.plan_mut("plan-small").unwrap().name = "tiny".to_owned();
    });
    relist(&site, 1).await;
    assert_eq!(offered(&site, &CLUSTER_CLASSES), ["mail", "postgresql"]);
    let after: Vec<Value> = site
        .list_all(&CLUSTER_CLASSES)
        .iter()
        .map(|class| class["metadata"]["name"].clone())
        .collect();
    assert_eq!(before, after, "the same objects");
    // What was chosen by the old name stays what it is.
    site.pass(A_WHILE).await;
    assert_eq!(site.calls(mark), "catalog", "{}", site.told());
    insta::assert_snapshot!(site.named(&site.status(&INSTANCES, "db").join("\n")));
    let named = json!({
        "clusterServiceClassExternalName": "postgresql",
        "clusterServicePlanExternalName": "tiny",
        "parameters": {"size": 2},
    });
    site.set(&INSTANCES, "db", &named);
    site.until_ready(&INSTANCES, "db").await;
    site.seconds(60).await;
    assert_eq!(site.broker.instances()[0].parameters, json!({"size": 2}));
    site.clear().await;
}

/// Two brokers that offer the same services, under the same IDs.
#[tokio::test(start_paused = true)]
async fn two_brokers_with_one_service_id_are_told_apart() {
    let mut site = Site::new().await;
    let other = Broker::new(Catalog::demo());
    other.access(Access::Basic(USER.to_owned(), PASSWORD.to_owned()));
    site.wire.put(OTHER, &other);
    site.apply(cluster_broker("other", OTHER)).unwrap();
    site.seconds(120).await;
    let told = site.status(&CLUSTER_BROKERS, "other").join("\n");
    let first = site.status(&CLUSTER_BROKERS, "acme").join("\n");
    insta::assert_snapshot!(site.named(&format!(
        "{first}\n---\n{told}\n---\n{:?}\n{:?}",
        offered(&site, &CLUSTER_CLASSES),
        offered(&site, &CLUSTER_PLANS),
    )));
    // Whatever came of it: an instance is at one of them, and goes from there.
    site.apply(instance("db", &json!({}))).unwrap();
    site.pass(A_WHILE).await;
    let there = site.broker.instances().len() + other.instances().len();
    assert!(there <= 1, "{}", site.told());
    insta::assert_snapshot!(
        "an_instance_of_two_brokers_with_one_service_id",
        site.named(&site.said(&INSTANCES, "db", "Ready"))
    );
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    assert!(site.broker.instances().is_empty() && other.instances().is_empty());
    assert!(other.violations().is_empty(), "{:?}", other.violations());
    // When the first goes, the other's are there, or come.
    site.delete(&CLUSTER_BROKERS, "acme");
    site.until_gone(&CLUSTER_BROKERS, "acme").await;
    site.set(&CLUSTER_BROKERS, "other", &json!({"relistRequests": 1}));
    site.seconds(120).await;
    assert_eq!(offered(&site, &CLUSTER_CLASSES), ["mail", "postgres"]);
    site.provision().await;
    assert_eq!(other.instances().len(), 1);
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    assert!(other.instances().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_has_brokers_of_its_own() {
    let mut site = Site::empty(None).await;
    site.apply(auth_beside()).unwrap();
    site.apply(namespaced_broker("acme", OUTSIDE)).unwrap();
    site.until_ready(&BROKERS, "acme").await;
    assert_eq!(offered(&site, &CLASSES), ["mail", "postgres"]);
    assert_eq!(offered(&site, &PLANS), ["default", "large", "small"]);
    assert!(offered(&site, &CLUSTER_CLASSES).is_empty());
    let mut database = instance("db", &json!({}));
    database["spec"] = json!({
        "serviceClassExternalName": "postgres",
        "servicePlanExternalName": "small",
    });
    site.apply(database).unwrap();
    site.bind().await;
    assert_eq!(site.left(), "instance, binding");
    site.delete(&BROKERS, "acme");
    site.pass(A_WHILE).await;
    insta::assert_snapshot!(site.named(&site.said(&BROKERS, "acme", "Ready")));
    site.clear().await;
    site.until_gone(&BROKERS, "acme").await;
    assert!(offered(&site, &CLASSES).is_empty());
    assert!(offered(&site, &PLANS).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_catalog_is_restricted() {
    let site = Site::new().await;
    site.set(
        &CLUSTER_BROKERS,
        "acme",
        &json!({"catalogRestrictions": {
            "serviceClass": ["spec.externalName in (postgres)"],
            "servicePlan": ["spec.free=true"],
        }}),
    );
    site.seconds(120).await;
    assert_eq!(offered(&site, &CLUSTER_CLASSES), ["postgres"]);
    assert_eq!(offered(&site, &CLUSTER_PLANS), ["small"]);
}

/// Every day, where nothing else is said, and only what has changed.
#[tokio::test(start_paused = true)]
async fn a_catalog_is_read_again_as_often_as_is_said() {
    let site = Site::new().await;
    let mark = site.mark();
    site.seconds(25 * 3600).await;
    assert_eq!(site.calls(mark), "catalog");
    let answered: Vec<Option<String>> = site.asked(mark).into_iter().map(|a| a.answered).collect();
    assert_eq!(answered, [Some("304".to_owned())], "it has not changed");
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistDuration": "1h"}));
    let mark = site.mark();
    site.seconds(4 * 3600 + 600).await;
    let asked = site.asked(mark).len();
    assert!((4..=5).contains(&asked), "{asked}");
    site.set(
        &CLUSTER_BROKERS,
        "acme",
        &json!({"relistBehavior": "Manual"}),
    );
    site.seconds(60).await;
    let mark = site.mark();
    site.seconds(48 * 3600).await;
    assert_eq!(site.calls(mark), "");
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.seconds(60).await;
    assert_eq!(site.calls(mark), "catalog");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_cannot_be_reached_says_why() {
    let mut site = Site::empty(None).await;
    let mut told = Vec::new();
    site.apply(cluster_broker("acme", ADDRESS)).unwrap();
    site.seconds(60).await;
    told.push(site.said(&CLUSTER_BROKERS, "acme", "Ready"));
    let wrong = json!({"username": USER, "password": "planted-wrong-password"});
    site.apply(auth_of(&wrong)).unwrap();
    site.seconds(60).await;
    told.push(site.said(&CLUSTER_BROKERS, "acme", "Ready"));
    site.lose_auth().await;
    site.apply(auth_of(&json!({"username": USER}))).unwrap();
    site.seconds(1300).await;
    told.push(site.said(&CLUSTER_BROKERS, "acme", "Ready"));
    site.set(
        &CLUSTER_BROKERS,
        "acme",
        &json!({"url": "http://nobody.brokers.svc"}),
    );
    site.apply(auth()).unwrap();
    site.seconds(60).await;
    told.push(site.said(&CLUSTER_BROKERS, "acme", "Ready"));
    site.set(
        &CLUSTER_BROKERS,
        "acme",
        &json!({"url": "http://elsewhere.example:8080"}),
    );
    site.seconds(60).await;
    told.push(site.said(&CLUSTER_BROKERS, "acme", "Ready"));
    insta::assert_snapshot!(told.join("\n---\n"));
    site.set(&CLUSTER_BROKERS, "acme", &json!({"url": ADDRESS}));
    site.until_ready(&CLUSTER_BROKERS, "acme").await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_is_asked_with_a_token() {
    let mut site = Site::empty(None).await;
    let token = "planted-broker-token";
    site.broker.access(Access::Bearer(token.to_owned()));
    let bearer = auth_of(&json!({"token": token}));
    site.apply(bearer).unwrap();
    let mut broker = cluster_broker("acme", ADDRESS);
    let reference = broker["spec"]["authInfo"]["basic"].take();
    broker["spec"]["authInfo"] = json!({"bearer": reference});
    site.apply(broker).unwrap();
    site.until_ready(&CLUSTER_BROKERS, "acme").await;
    site.provision().await;
    // Another one is used as soon as it is there.
    let other = "planted-other-token";
    site.broker.access(Access::Bearer(other.to_owned()));
    let bearer = auth_of(&json!({"token": other}));
    site.apply(bearer).unwrap();
    site.bind().await;
    site.clear().await;
}
