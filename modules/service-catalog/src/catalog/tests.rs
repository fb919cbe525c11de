#![expect(clippy::unwrap_used, reason = "tests")]

mod course;
mod relisting;

use std::collections::BTreeSet;

use serde_json::json;

use super::restriction::{ReadRestriction, Restrictions};
use super::{Act, BrokerName, Changes, Filter, Stock, Used, compare, object_name};
use crate::osb::catalog::{Catalog, Plan as OfferedPlan, Service};

fn broker() -> BrokerName {
    BrokerName::Cluster("b".to_owned())
}

fn offered(id: &str, name: &str, free: bool) -> OfferedPlan {
    OfferedPlan {
        id: id.to_owned(),
        name: name.to_owned(),
        free,
        ..OfferedPlan::default()
    }
}

fn service(id: &str, name: &str, plans: &[OfferedPlan]) -> Service {
    Service {
        id: id.to_owned(),
        name: name.to_owned(),
        bindable: true,
        plans: plans.to_vec(),
        ..Service::default()
    }
}

fn catalog(services: &[Service]) -> Catalog {
    Catalog {
        services: services.to_vec(),
        ..Catalog::default()
    }
}

fn two() -> Catalog {
    catalog(&[
        service(
            "s1",
            "mysql",
            &[offered("p1", "small", true), offered("p2", "large", false)],
        ),
        service("s2", "redis", &[offered("p3", "small", false)]),
    ])
}

/// What is there when all acts were done.
fn done(mut stock: Stock, changes: &Changes) -> Stock {
    for act in &changes.acts {
        match act {
            Act::WriteClass(class) => {
                stock.classes.retain(|other| other.name != class.name);
                stock.classes.push(class.as_ref().clone());
            }
            Act::WritePlan(plan) => {
                stock.plans.retain(|other| other.name != plan.name);
                stock.plans.push(plan.as_ref().clone());
            }
            Act::DeletePlan { name } => stock.plans.retain(|other| other.name != *name),
            Act::DeleteClass { name } => {
                assert!(
                    stock
                        .plans
                        .iter()
                        .all(|plan| plan.spec.class.name() != name),
                    "plans go before their class"
                );
                stock.classes.retain(|other| other.name != *name);
            }
        }
    }
    stock
}

fn brief(changes: &Changes) -> Vec<String> {
    changes
        .acts
        .iter()
        .map(|act| match act {
            Act::WriteClass(class) => format!(
                "class {} {} removed={}",
                class.name, class.spec.external_name, class.removed
            ),
            Act::WritePlan(plan) => format!(
                "plan {} {} removed={}",
                plan.name, plan.spec.external_name, plan.removed
            ),
            Act::DeletePlan { name } => format!("delete plan {name}"),
            Act::DeleteClass { name } => format!("delete class {name}"),
        })
        .collect()
}

fn read(catalog: &Catalog, stock: &Stock, used: &Used) -> Changes {
    compare(&broker(), catalog, &Filter::default(), stock, used)
}

fn using(classes: &[&str], plans: &[&str]) -> Used {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    Used {
        classes: set(classes),
        plans: set(plans),
    }
}

#[test]
fn a_catalog_becomes_classes_and_plans_and_the_same_again_nothing() {
    let changes = read(&two(), &Stock::default(), &Used::default());
    assert_eq!(
        brief(&changes),
        [
            "class s1 mysql removed=false",
            "class s2 redis removed=false",
            "plan p1 small removed=false",
            "plan p2 large removed=false",
            "plan p3 small removed=false",
        ]
    );
    let stock = done(Stock::default(), &changes);
    assert_eq!(read(&two(), &stock, &Used::default()), Changes::default());
}

#[test]
fn fields_have_service_catalog_s_names() {
    let stock = done(
        Stock::default(),
        &read(&two(), &Stock::default(), &Used::default()),
    );
    let class = serde_json::to_value(&stock.classes[0].spec).unwrap();
    assert_eq!(
        class,
        json!({
            "clusterServiceBrokerName": "b", "externalName": "mysql", "externalID": "s1", "description": "",
            "bindable": true, "bindingRetrievable": false, "instanceRetrievable": false, "planUpdatable": false,
            "allowContextUpdates": false,
        })
    );
    assert_eq!(
        serde_json::from_value::<super::ClassSpec>(class).unwrap(),
        stock.classes[0].spec
    );
    let plan = serde_json::to_value(&stock.plans[0].spec).unwrap();
    assert_eq!(
        plan,
        json!({
            "clusterServiceBrokerName": "b", "clusterServiceClassRef": {"name": "s1"}, "externalName": "small",
            "externalID": "p1", "description": "", "free": true, "bindingRotatable": false,
        })
    );
    assert_eq!(
        serde_json::from_value::<super::PlanSpec>(plan).unwrap(),
        stock.plans[0].spec
    );
    let namespaced = BrokerName::Namespaced("n".to_owned());
    let changes = compare(
        &namespaced,
        &two(),
        &Filter::default(),
        &Stock::default(),
        &Used::default(),
    );
    let Act::WritePlan(plan) = &changes.acts[2] else {
        unreachable!("the third act writes a plan")
    };
    let plan = serde_json::to_value(&plan.spec).unwrap();
    assert_eq!(
        (&plan["serviceBrokerName"], &plan["serviceClassRef"]["name"]),
        (&json!("n"), &json!("s1"))
    );
}

#[test]
fn row_34_a_plan_in_use_is_kept_and_flagged_and_another_goes() {
    let stock = done(
        Stock::default(),
        &read(&two(), &Stock::default(), &Used::default()),
    );
    let less = catalog(&[service("s1", "mysql", &[offered("p1", "small", true)])]);
    let changes = read(&less, &stock, &using(&["s1"], &["p2"]));
    assert_eq!(
        brief(&changes),
        [
            "plan p2 large removed=true",
            "delete plan p3",
            "delete class s2"
        ]
    );
    // Flagged once; it goes with its last instance; it comes back when the broker offers it again.
    let flagged = done(stock, &changes);
    assert_eq!(
        read(&less, &flagged, &using(&["s1"], &["p2"])),
        Changes::default()
    );
    assert_eq!(
        brief(&read(&less, &flagged, &using(&["s1"], &["p1"]))),
        ["delete plan p2"]
    );
    let back = catalog(&[service(
        "s1",
        "mysql",
        &[offered("p1", "small", true), offered("p2", "large", false)],
    )]);
    assert_eq!(
        brief(&read(&back, &flagged, &using(&[], &["p2"]))),
        ["plan p2 large removed=false"]
    );
}

#[test]
fn row_34_a_class_stays_flagged_while_one_of_its_plans_is_used() {
    let stock = done(
        Stock::default(),
        &read(&two(), &Stock::default(), &Used::default()),
    );
    let changes = read(&Catalog::default(), &stock, &using(&[], &["p1"]));
    assert_eq!(
        brief(&changes),
        [
            "class s1 mysql removed=true",
            "plan p1 small removed=true",
            "delete plan p2",
            "delete plan p3",
            "delete class s2",
        ]
    );
    let rest = done(stock, &changes);
    assert_eq!(
        brief(&read(&Catalog::default(), &rest, &Used::default())),
        ["delete plan p1", "delete class s1"]
    );
}

#[test]
fn row_34_a_renamed_service_keeps_its_object() {
    let stock = done(
        Stock::default(),
        &read(&two(), &Stock::default(), &Used::default()),
    );
    let mut renamed = two();
    renamed.services[0].name = "mysql-classic".to_owned();
    renamed.services[0].plans[0].name = "tiny".to_owned();
    let changes = read(&renamed, &stock, &Used::default());
    assert_eq!(
        brief(&changes),
        [
            "class s1 mysql-classic removed=false",
            "plan p1 tiny removed=false"
        ]
    );
}

#[test]
fn defaults_of_an_administrator_outlive_a_relist() {
    let mut stock = done(
        Stock::default(),
        &read(&two(), &Stock::default(), &Used::default()),
    );
    stock.classes[0].spec.default_provision_parameters = json!({"size": 1}).as_object().cloned();
    stock.plans[0].spec.default_provision_parameters = json!({"size": 2}).as_object().cloned();
    assert_eq!(read(&two(), &stock, &Used::default()), Changes::default());
    let mut changed = two();
    changed.services[0].description = "new".to_owned();
    let stock = done(stock.clone(), &read(&changed, &stock, &Used::default()));
    let class = stock
        .classes
        .iter()
        .find(|class| class.name == "s1")
        .unwrap();
    assert_eq!(
        class.spec.default_provision_parameters,
        json!({"size": 1}).as_object().cloned()
    );
}

#[test]
fn objects_of_another_broker_are_neither_written_nor_deleted() {
    let other = BrokerName::Cluster("other".to_owned());
    let first = catalog(&[service("s1", "theirs", &[offered("p1", "small", true)])]);
    let theirs = compare(
        &other,
        &first,
        &Filter::default(),
        &Stock::default(),
        &Used::default(),
    );
    let stock = done(Stock::default(), &theirs);
    let mut ours = two();
    ours.services[1].plans[0].id = "p1".to_owned();
    let changes = read(&ours, &stock, &Used::default());
    assert_eq!(changes.acts, []);
    assert_eq!(
        changes.conflicts[0].to_string(),
        "class \"mysql\" (ID \"s1\") cannot be shown: object \"s1\" belongs to ClusterServiceBroker \"other\"\n\
         hint: two brokers offer the same ID; hide it at one of them by spec.catalogRestrictions"
    );
    assert_eq!(
        (changes.conflicts[1].what, changes.conflicts.len()),
        ("plan", 2)
    );
    assert_eq!(
        read(&Catalog::default(), &stock, &Used::default()),
        Changes::default()
    );
}

#[test]
fn restrictions_choose_what_is_shown() {
    let shown = |classes: &[&str], plans: &[&str]| {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let filter = Restrictions {
            service_class: list(classes),
            service_plan: list(plans),
        }
        .read()
        .unwrap();
        let changes = compare(
            &broker(),
            &two(),
            &filter,
            &Stock::default(),
            &Used::default(),
        );
        let stock = done(Stock::default(), &changes);
        let names: BTreeSet<String> = stock
            .classes
            .into_iter()
            .map(|class| class.name)
            .chain(stock.plans.into_iter().map(|plan| plan.name))
            .collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        shown(&["spec.externalName in (mysql, other)"], &[]),
        "p1 p2 s1"
    );
    assert_eq!(shown(&["spec.externalID notin (s1)"], &[]), "p3 s2");
    assert_eq!(
        shown(
            &["name!=s2,spec.externalName==mysql"],
            &["spec.externalName=large"]
        ),
        "p2 s1"
    );
    // A class without a plan that is shown is not shown.
    assert_eq!(shown(&[], &["spec.free=true"]), "p1 s1");
    assert_eq!(shown(&[], &["spec.clusterServiceClass.name=s2"]), "p3 s2");
    assert_eq!(
        shown(
            &["name = s1"],
            &["spec.free != true", "spec.externalName in (small)"]
        ),
        ""
    );
}

#[test]
fn a_new_restriction_removes_what_is_shown_as_the_broker_would() {
    let stock = done(
        Stock::default(),
        &read(&two(), &Stock::default(), &Used::default()),
    );
    let filter = Restrictions {
        service_class: Vec::new(),
        service_plan: vec!["spec.free=true".to_owned()],
    }
    .read()
    .unwrap();
    let changes = compare(&broker(), &two(), &filter, &stock, &using(&[], &["p3"]));
    assert_eq!(
        brief(&changes),
        [
            "class s2 redis removed=true",
            "delete plan p2",
            "plan p3 small removed=true"
        ]
    );
}

#[test]
fn a_restriction_that_cannot_be_used_is_named() {
    let class = |text: &str| {
        Restrictions {
            service_class: vec![text.to_owned()],
            service_plan: Vec::new(),
        }
        .read()
        .unwrap_err()
    };
    assert_eq!(
        class("spec.free=true").to_string(),
        "spec.catalogRestrictions.serviceClass: \"spec.free\" cannot be restricted\nhint: one of name, spec.externalName, spec.externalID"
    );
    for text in [
        "",
        "name",
        "!name",
        "name in a,b",
        "name in ()",
        "name in (a",
        "name=",
        "=a",
        "name>3",
        "name=a b",
        "name===a",
    ] {
        assert!(
            matches!(class(text), ReadRestriction::Form { .. }),
            "{text}: {:?}",
            class(text)
        );
    }
}

#[test]
fn an_id_is_the_object_s_name_where_it_can_be() {
    assert_eq!(
        object_name("97ca7e25-8f63-44a2-99d1-a75729eebb5e"),
        "97ca7e25-8f63-44a2-99d1-a75729eebb5e"
    );
    assert_eq!(object_name("a.b-c"), "a.b-c");
    for id in [
        "ABC",
        "a_b",
        "-a",
        "a..b",
        "ä",
        "",
        &"x".repeat(254),
        "My Service!",
    ] {
        let name = object_name(id);
        assert_ne!(name, id);
        assert!(name.len() <= 253 && object_name(&name) == name, "{name}");
    }
    assert_ne!(object_name("ABC"), object_name("AbC"));
    assert!(object_name("My Service!").starts_with("my-service-"));
}
