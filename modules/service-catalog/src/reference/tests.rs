#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{
    ChangePlan, Choice, PlanReference, Resolve, Scope, Selector, Wanted, change_plan, resolve,
};
use crate::catalog::offer::{Class, Plan};

fn class(name: &str, external_name: &str) -> Class {
    let spec = json!({"clusterServiceBrokerName": "b", "externalName": external_name, "externalID": format!("id-{name}")});
    Class {
        name: name.to_owned(),
        spec: serde_json::from_value(spec).unwrap(),
        removed: false,
    }
}

fn plan(name: &str, class: &str, external_name: &str) -> Plan {
    let spec = json!({
        "clusterServiceBrokerName": "b", "clusterServiceClassRef": {"name": class},
        "externalName": external_name, "externalID": format!("id-{name}"),
    });
    Plan {
        name: name.to_owned(),
        spec: serde_json::from_value(spec).unwrap(),
        removed: false,
    }
}

fn stock() -> (Vec<Class>, Vec<Plan>) {
    (
        vec![class("c1", "mysql"), class("c2", "redis")],
        vec![
            plan("p1", "c1", "small"),
            plan("p2", "c1", "large"),
            plan("p3", "c2", "small"),
        ],
    )
}

fn wanted(spec: Value) -> Result<Wanted, Resolve> {
    serde_json::from_value::<PlanReference>(spec)
        .unwrap()
        .read()
}

fn names(spec: Value) -> Result<(String, String), Resolve> {
    let (classes, plans) = stock();
    let found = resolve(&wanted(spec)?, None, None, &classes, &plans)?;
    Ok((found.class.name.clone(), found.plan.name.clone()))
}

fn pair(class: &str, plan: &str) -> Result<(String, String), Resolve> {
    Ok((class.to_owned(), plan.to_owned()))
}

#[test]
fn a_class_and_a_plan_are_named_in_six_ways() {
    for scope in ["clusterService", "service"] {
        let spec = |class: &str, plan: &str, with: [&str; 2]| json!({format!("{scope}Class{class}"): with[0], format!("{scope}Plan{plan}"): with[1]});
        assert_eq!(
            names(spec("ExternalName", "ExternalName", ["mysql", "large"])),
            pair("c1", "p2")
        );
        assert_eq!(
            names(spec("ExternalID", "ExternalID", ["id-c2", "id-p3"])),
            pair("c2", "p3")
        );
        assert_eq!(names(spec("Name", "Name", ["c1", "p1"])), pair("c1", "p1"));
        assert_eq!(
            names(spec("ExternalName", "Name", ["mysql", "p1"])),
            pair("c1", "p1")
        );
    }
    let wanted = wanted(json!({"serviceClassName": "c", "parameters": {}})).unwrap();
    assert_eq!(
        wanted,
        Wanted {
            scope: Scope::Namespace,
            class: Selector::Name("c".to_owned()),
            plan: None
        }
    );
}

#[test]
fn a_class_with_one_plan_needs_none() {
    assert_eq!(
        names(json!({"clusterServiceClassExternalName": "redis"})),
        pair("c2", "p3")
    );
    assert_eq!(
        names(json!({"clusterServiceClassExternalName": "mysql"}))
            .unwrap_err()
            .to_string(),
        "spec names no plan, and class \"mysql\" has 2: small, large\nhint: name one; a class with a single plan needs none"
    );
}

#[test]
fn a_reference_that_cannot_be_read_is_told_by_its_fields() {
    assert_eq!(wanted(json!({})), Err(Resolve::NoClass));
    assert_eq!(
        wanted(json!({"clusterServiceClassName": ""})),
        Err(Resolve::NoClass)
    );
    let error = wanted(json!({"clusterServiceClassName": "a", "serviceClassExternalName": "b"}))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec names its class more than once: clusterServiceClassName, serviceClassExternalName\nhint: keep one of them"
    );
    assert_eq!(
        (error.reason(), error.waits()),
        ("InvalidPlanReference", false)
    );
    let error =
        wanted(json!({"clusterServiceClassName": "a", "servicePlanName": "b"})).unwrap_err();
    assert_eq!(
        error,
        Resolve::Scopes {
            class: "clusterServiceClassName",
            plan: "servicePlanName"
        }
    );
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let error = names(json!({"clusterServiceClassExternalName": "none"})).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no class has external name \"none\"\nhint: `kubectl get"),
        "{error}"
    );
    assert_eq!(
        (error.reason(), error.waits()),
        ("ReferencesNonexistentServiceClass", true)
    );
    let error = names(
        json!({"clusterServiceClassExternalName": "mysql", "clusterServicePlanExternalID": "x"}),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "class \"mysql\" has no plan with external ID \"x\"; it has small, large"
    );
    assert_eq!(error.reason(), "ReferencesNonexistentServicePlan");
    // A plan of another class.
    assert!(
        names(json!({"clusterServiceClassName": "c1", "clusterServicePlanName": "p3"})).is_err()
    );
    let (mut classes, plans) = stock();
    classes[1].spec.external_name = "mysql".to_owned();
    let wanted = wanted(json!({"clusterServiceClassExternalName": "mysql"})).unwrap();
    let error = resolve(&wanted, None, None, &classes, &plans).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 classes have external name \"mysql\": c1, c2\nhint: name one by its object"
    );
}

#[test]
fn row_34_a_removed_plan_is_kept_by_who_has_it_and_refused_to_others() {
    let (classes, mut plans) = stock();
    plans[1].removed = true;
    let wanted = wanted(json!({"clusterServiceClassExternalName": "mysql", "clusterServicePlanExternalName": "large"})).unwrap();
    let error = resolve(&wanted, None, None, &classes, &plans).unwrap_err();
    assert_eq!(
        error,
        Resolve::RemovedPlan {
            class: "mysql".to_owned(),
            plan: "large".to_owned()
        }
    );
    assert_eq!(error.reason(), "ReferencesDeletedServicePlan");
    let kept = resolve(&wanted, None, Some("p2"), &classes, &plans).unwrap();
    assert!(kept.removed);
    assert!(resolve(&wanted, None, Some("p1"), &classes, &plans).is_err());
    // The name went to a new plan: new instances get that.
    plans.push(plan("p9", "c1", "large"));
    assert_eq!(
        resolve(&wanted, None, None, &classes, &plans)
            .unwrap()
            .plan
            .name,
        "p9"
    );
}

#[test]
fn row_34_a_removed_class_takes_no_new_instances() {
    let (mut classes, plans) = stock();
    classes[0].removed = true;
    let wanted = wanted(json!({"clusterServiceClassExternalName": "mysql", "clusterServicePlanExternalName": "large"})).unwrap();
    let error = resolve(&wanted, None, Some("p1"), &classes, &plans).unwrap_err();
    assert_eq!(
        error,
        Resolve::RemovedClass {
            class: "mysql".to_owned()
        }
    );
    assert!(
        resolve(&wanted, None, Some("p2"), &classes, &plans)
            .unwrap()
            .removed
    );
}

#[test]
fn row_34_a_renamed_class_is_followed_by_who_has_chosen_it() {
    let (mut classes, mut plans) = stock();
    let wanted = wanted(json!({"clusterServiceClassExternalName": "mysql", "clusterServicePlanExternalName": "large"})).unwrap();
    let choice = resolve(&wanted, None, None, &classes, &plans)
        .unwrap()
        .choice;
    let kept: Choice = serde_json::from_value(serde_json::to_value(&choice).unwrap()).unwrap();
    assert_eq!(kept, choice);
    classes[0].spec.external_name = "mysql-classic".to_owned();
    plans[1].spec.external_name = "huge".to_owned();
    // Another service takes the old name: nobody moves to it.
    classes.push(class("c9", "mysql"));
    plans.push(plan("p9", "c9", "large"));
    let found = resolve(&wanted, Some(&kept), Some("p2"), &classes, &plans).unwrap();
    assert_eq!(
        (found.class.name.as_str(), found.plan.name.as_str()),
        ("c1", "p2")
    );
    assert_eq!(
        resolve(&wanted, None, None, &classes, &plans)
            .unwrap()
            .class
            .name,
        "c9"
    );
    // Who asks for another plan stays in the class.
    let smaller = Wanted {
        plan: Some(Selector::ExternalName("small".to_owned())),
        ..wanted.clone()
    };
    assert_eq!(
        resolve(&smaller, Some(&kept), Some("p2"), &classes, &plans)
            .unwrap()
            .plan
            .name,
        "p1"
    );
    // Who asks for another class gets it.
    let other = Wanted {
        class: Selector::ExternalName("redis".to_owned()),
        plan: None,
        scope: Scope::Cluster,
    };
    assert_eq!(
        resolve(&other, Some(&kept), Some("p2"), &classes, &plans)
            .unwrap()
            .plan
            .name,
        "p3"
    );
}

#[test]
fn a_default_that_was_taken_stays_when_there_are_more_plans() {
    let (classes, mut plans) = stock();
    let wanted = wanted(json!({"clusterServiceClassExternalName": "redis"})).unwrap();
    let choice = resolve(&wanted, None, None, &classes, &plans)
        .unwrap()
        .choice;
    plans.push(plan("p4", "c2", "large"));
    assert_eq!(
        resolve(&wanted, Some(&choice), None, &classes, &plans)
            .unwrap()
            .plan
            .name,
        "p3"
    );
    assert!(matches!(
        resolve(&wanted, None, None, &classes, &plans),
        Err(Resolve::NoDefault { count: 2, .. })
    ));
}

#[test]
fn a_plan_is_changed_only_within_the_class_and_where_it_may_be() {
    let (mut classes, mut plans) = stock();
    let fixed = Err(ChangePlan::Fixed {
        from: "small".to_owned(),
    });
    let change = |classes: &[Class], plans: &[Plan]| {
        change_plan((&classes[0], &plans[0]), (&classes[0], &plans[1]))
    };
    assert_eq!(change(&classes, &plans), fixed);
    assert_eq!(
        change_plan((&classes[0], &plans[0]), (&classes[0], &plans[0])),
        Ok(())
    );
    classes[0].spec.plan_updatable = true;
    assert_eq!(change(&classes, &plans), Ok(()));
    plans[0].spec.plan_updatable = Some(false);
    assert_eq!(change(&classes, &plans), fixed);
    assert_eq!(
        change_plan((&classes[0], &plans[0]), (&classes[1], &plans[2])),
        Err(ChangePlan::Class {
            from: "mysql".to_owned(),
            to: "redis".to_owned()
        })
    );
    plans[0].spec.bindable = Some(true);
    assert!(plans[0].is_bindable(&classes[0]) && !plans[1].is_bindable(&classes[0]));
}
