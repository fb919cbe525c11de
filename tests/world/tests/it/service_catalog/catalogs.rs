//! Large catalogs, and those that are partly wrong, within the limits that the example gives.

use oarlock_broker::{Behaviour, Catalog, Op, Plan, Service};
use oarlock_core::limits::Limits;
use oarlock_devcluster::resource::ResourceId;
use serde_json::json;

use super::site::{CLUSTER_BROKERS, CLUSTER_CLASSES, CLUSTER_PLANS, INSTANCES, Mark, Site};
use crate::components::{component, serving, text};
use crate::gate::Moment;
use crate::world::watches;

/// And a minute.
const DAY: u64 = 24 * 60 * 60 + 60;

/// Services with plans, each with a schema of so many bytes.
fn many(services: usize, plans: usize, schema: usize) -> Catalog {
    let schema = json!({"type": "object", "description": "x".repeat(schema)});
    let plan = |service: usize, number: usize| Plan {
        schemas: Some(json!({"service_instance": {"create": {"parameters": schema}}})),
        ..Plan::new(
            &format!("plan-{service:02}-{number:02}"),
            &format!("plan-{number:02}"),
        )
    };
    let service = |number: usize| Service {
        bindable: true,
        plans: (0..plans)
            .map(|plan_number| plan(number, plan_number))
            .collect(),
        ..Service::new(
            &format!("service-{number:02}"),
            &format!("name-{number:02}"),
        )
    };
    Catalog {
        services: (0..services).map(service).collect(),
    }
}

/// Classes and plans that were written or deleted since.
async fn touched(site: &Site, mark: Mark) -> Vec<String> {
    let entries = site.chronicle.since(mark.revision).await;
    let changes = entries.iter().map(|entry| &entry.change);
    changes
        .filter(|change| [CLUSTER_CLASSES, CLUSTER_PLANS].contains(&change.resource))
        .map(|change| change.key.name.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_plans_are_offered_and_written_once() {
    let mut site = Site::offering(many(20, 50, 2_000), None).await;
    site.connect().await;
    assert_eq!(site.list(&CLUSTER_CLASSES).len(), 20);
    assert_eq!(site.list(&CLUSTER_PLANS).len(), 1_000);
    // Neither time nor another life of the operator makes it write again.
    let mark = site.mark();
    site.seconds(DAY).await;
    site.restart().await;
    site.seconds(DAY).await;
    assert_eq!(touched(&site, mark).await, [""; 0]);
    let asked = site.asked(mark);
    assert!(asked.iter().all(|asked| asked.op == Op::Catalog));
    assert_eq!(asked.len(), 2, "once a day");
    // One name is one write; the host does not know any more what it wrote, and asks the API server, which changes nothing else.
    let mark = site.mark();
    site.broker.catalog(|catalog| {
        catalog.plan_mut("plan-07-07").unwrap().name = "renamed".to_owned();
    });
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.seconds(600).await;
    assert_eq!(touched(&site, mark).await, ["plan-07-07"]);
}

#[tokio::test(start_paused = true)]
async fn a_catalog_as_large_as_an_answer_may_be_fits() {
    let mut site = Site::offering(many(20, 50, 7_500), None).await;
    site.connect().await;
    assert_eq!(site.list(&CLUSTER_PLANS).len(), 1_000);
    let told = site.said(&CLUSTER_BROKERS, "acme", "Ready");
    assert!(told.contains("left out: schemas and metadata of"), "{told}");
    let mark = site.mark();
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.seconds(600).await;
    assert_eq!(touched(&site, mark).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_class_that_somebody_deletes_comes_back_in_every_life() {
    let mut site = Site::new().await;
    for restarts in [false, true] {
        if restarts {
            site.restart().await;
            site.seconds(60).await;
        }
        site.delete(&CLUSTER_PLANS, "plan-large");
        site.seconds(120).await;
        assert!(
            site.get(&CLUSTER_PLANS, "plan-large").is_some(),
            "restarted: {restarts}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_cannot_be_used_is_left_out_alone() {
    let mut site = Site::new().await;
    let broken = json!({"services": [
        {"id": "service-postgres", "name": "postgres", "description": "d", "bindable": true, "plans": [
            {"id": "plan-small", "name": "small", "description": "d"},
            {"name": "large", "description": "d"},
        ]},
        {"id": "service-new", "name": "postgres", "description": "d", "bindable": true, "plans": [
            {"id": "plan-new", "name": "new", "description": "d"},
        ]},
    ]});
    let says = Behaviour::Says {
        status: 200,
        body: broken.to_string(),
    };
    site.broker.next(Op::Catalog, says);
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.until_told(&CLUSTER_BROKERS, "acme", "Ready", "True")
        .await;
    assert_eq!(
        site.said(&CLUSTER_BROKERS, "acme", "Ready"),
        "True FetchedCatalog: the broker offers 1 class with 2 plans\nleft out: services[0].plans[1].id is missing; \
         services[1].name \"postgres\" is that of services[0]"
    );
    assert_eq!(names(&site, &CLUSTER_CLASSES), ["service-postgres"]);
    assert_eq!(names(&site, &CLUSTER_PLANS), ["plan-large", "plan-small"]);
}

fn names(site: &Site, id: &ResourceId) -> Vec<String> {
    let objects = site.list(id);
    let names = objects
        .iter()
        .map(|object| object["metadata"]["name"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

/// External names of what is offered, with what is not offered any more in brackets.
fn offered(site: &Site) -> String {
    let objects = site.list(&CLUSTER_CLASSES).into_iter();
    let objects = objects.chain(site.list(&CLUSTER_PLANS));
    let names = objects.map(|object| {
        let name = object["spec"]["externalName"].as_str().unwrap();
        match object["status"]["removedFromBrokerCatalog"] == true {
            true => format!("({name})"),
            false => name.to_owned(),
        }
    });
    names.collect::<Vec<_>>().join(" ")
}

/// A plan in use is withdrawn, a service goes and another is renamed; then the plan is used no more. Tells how many writes the
/// first life of the operator made.
async fn changing(kill: Option<(usize, Moment)>) -> usize {
    let mut site = Site::empty(kill).await;
    site.connect().await;
    site.provision().await;
    assert_eq!(
        offered(&site),
        "mail postgres large default small",
        "{kill:?}"
    );
    site.broker.catalog(|catalog| {
        catalog
            .services
            .retain(|service| service.name == "postgres");
        let postgres = &mut catalog.services[0];
        postgres.name = "postgresql".to_owned();
        postgres.plans.retain(|plan| plan.name != "small");
    });
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.until("the catalog is what it is now", |world| {
        let broker = world.get(&CLUSTER_BROKERS, "acme")?;
        (broker["status"]["catalog"]["requests"] == 1).then_some(())
    })
    .await;
    assert_eq!(offered(&site), "postgresql large (small)", "{kill:?}");
    site.delete(&INSTANCES, "db");
    site.until_gone(&INSTANCES, "db").await;
    site.until("the plan is gone", |world| {
        let plan = world.get(&CLUSTER_PLANS, "plan-small");
        plan.is_none().then_some(())
    })
    .await;
    let writes = site.gate().writes();
    if site.gate().is_dead() {
        // Nothing happens any more that somebody waits for.
        site.restart().await;
    }
    site.seconds(60).await;
    assert_eq!(offered(&site), "postgresql large", "{kill:?}");
    let told = site.said(&CLUSTER_BROKERS, "acme", "Ready");
    assert_eq!(
        told, "True FetchedCatalog: the broker offers 1 class with 1 plan",
        "{kill:?}"
    );
    assert_eq!(site.left(), "nothing", "{kill:?}");
    site.check().await;
    writes
}

#[tokio::test(start_paused = true)]
async fn row_34_whoever_is_killed_at_any_write_brings_a_catalog_to_the_same_end() {
    let writes = changing(None).await;
    assert!(writes > 15, "{writes}");
    for write in 1..=writes {
        for moment in [Moment::Before, Moment::After] {
            changing(Some((write, moment))).await;
        }
    }
}

/// Where a watch gives no limits.
#[tokio::test(start_paused = true)]
async fn a_thousand_plans_fit_into_what_a_run_has_by_default() {
    let mut site = Site::offering(many(20, 50, 2_000), None).await;
    let module = serving(component("modules/service-catalog").await);
    let served = watches(&text("examples/service-catalog/watches.yaml"));
    let served = served.into_iter().map(|mut watch| {
        watch.limits = Limits::default();
        (watch, module.clone())
    });
    site.serve(served.collect());
    site.connect().await;
    assert_eq!(site.list(&CLUSTER_PLANS).len(), 1_000);
    site.broker.catalog(|catalog| {
        catalog.services[3].plans[5].name = "renamed".to_owned();
    });
    site.set(&CLUSTER_BROKERS, "acme", &json!({"relistRequests": 1}));
    site.seconds(600).await;
    let renamed = site.get(&CLUSTER_PLANS, "plan-03-05").unwrap();
    assert_eq!(renamed["spec"]["externalName"], "renamed");
}
