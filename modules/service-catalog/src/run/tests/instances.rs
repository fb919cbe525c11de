//! Lives of instances.

use oarlock_sdk::http::HttpError;
use oarlock_sdk::{AnyObject, Context, Failure, json};

use super::site::{API, Answer, Site, at, broker_object, class, own, plan, secret};

#[test]
fn an_instance_is_made_and_goes() {
    let mut site = Site::instance();
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID"]);
    assert_eq!(
        site.says("Ready"),
        "True ProvisionedSuccessfully: the instance was provisioned"
    );
    assert_eq!(
        site.says("Failed").split(':').next(),
        Some("False NotFailed")
    );
    let holding = &site.world.status()["lifecycle"]["holdings"][0];
    assert_eq!(holding["stand"]["name"], "held");
    assert_eq!(holding["inputs"]["broker"], "ClusterServiceBroker/main");
    assert_eq!(site.world.status()["choice"]["plan"], "plan-small");
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone());
    assert_eq!(site.calls(), ["DELETE /ID"]);
    assert_eq!(site.things(), 0);
}

#[test]
fn intent_is_written_before_the_first_call() {
    let mut site = Site::instance();
    site.run().unwrap();
    assert_eq!(site.calls(), [""; 0]);
    assert_eq!(
        site.world.status()["lifecycle"]["operation"]["verb"],
        "create"
    );
    site.run().unwrap();
    assert_eq!(site.calls(), ["PUT /ID"]);
    assert!(
        site.world.status()["lifecycle"]["operation"].is_null(),
        "what is gone is removed"
    );
}

#[test]
fn what_the_broker_is_told_is_whole() {
    let mut site = Site::of(
        "ServiceInstance",
        json!({
            "clusterServiceClassExternalName": "postgres",
            "parameters": {"size": 3},
            "userInfo": {"username": "ada", "uid": "7", "groups": ["dev"], "extra": {}},
        }),
    );
    site.finish();
    let request = site.broker.borrow_mut().heard.remove(0);
    let body: oarlock_sdk::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["service_id"], "service-1");
    assert_eq!(body["plan_id"], "id-small");
    assert_eq!(body["parameters"], json!({"size": 3}));
    assert_eq!(body["context"]["clusterid"], "the-cluster");
    assert_eq!(
        body["context"]["namespace_annotations"],
        json!({"team": "a"})
    );
    assert_eq!(body["context"]["instance_name"], "data");
    let header = |name: &str| {
        let mut headers = request.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(header("X-Broker-API-Version").as_deref(), Some("2.17"));
    assert_eq!(header("X-Broker-API-Request-Identity"), request.effect);
    assert!(
        header("X-Broker-API-Originating-Identity")
            .unwrap()
            .starts_with("kubernetes ")
    );
    assert!(request.url.ends_with("?accepts_incomplete=true"));
}

#[test]
fn an_asynchronous_life_is_polled_to_its_end() {
    let mut site = Site::instance();
    site.next(&[Answer::Async(3)]);
    site.settle();
    assert_eq!(site.ready(), "False Provisioning");
    site.finish();
    let poll = "GET /ID/last_operation";
    assert_eq!(site.calls(), ["PUT /ID", poll, poll, poll]);
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
    site.next(&[Answer::Async(2)]);
    site.world.delete();
    site.finish();
    assert_eq!(site.calls(), ["DELETE /ID", poll, poll]);
    assert!(site.world.is_gone());
}

#[test]
fn an_idle_run_calls_nobody_and_writes_nothing() {
    let mut site = Site::instance();
    site.finish();
    site.calls();
    let before = site.world.object().clone();
    for _ in 0..3 {
        assert!(!site.run().unwrap());
    }
    assert_eq!(*site.world.object(), before);
    assert_eq!(site.calls(), [""; 0]);
    assert_eq!(site.world.wake(), None);
}

#[test]
fn a_poll_reads_neither_class_nor_plan() {
    let mut site = Site::instance();
    site.next(&[Answer::Async(2)]);
    site.settle();
    for kind in ["ClusterServiceClass", "ClusterServicePlan"] {
        let denied = oarlock_sdk::ReadError::Denied("no".to_owned());
        site.world.fails(API, kind, denied);
    }
    let now = site.world.wake().unwrap();
    site.world.set_now(now);
    assert!(site.run().unwrap());
    assert_eq!(site.calls(), ["PUT /ID", "GET /ID/last_operation"]);
    assert_eq!(site.says("Ready"), "False Provisioning: at it");
}

#[test]
fn row_30_restarted_between_any_two_runs_there_is_one_instance() {
    for answers in [&[][..], &[Answer::Async(2)], &[Answer::Lost]] {
        let mut site = Site::instance();
        site.restarts = true;
        site.next(answers);
        site.finish();
        assert_eq!(site.things(), 1, "{answers:?}");
        assert_eq!(site.ready(), "True ProvisionedSuccessfully");
        site.world.delete();
        site.finish();
        assert!(site.world.is_gone());
        assert_eq!(site.things(), 0);
    }
}

#[test]
fn row_30_an_answer_that_is_lost_is_cleaned_up_before_another_try() {
    let mut site = Site::instance();
    site.next(&[Answer::Lost]);
    site.run().unwrap();
    site.run().unwrap();
    assert!(
        site.says("OrphanMitigation")
            .starts_with("True StartingInstanceOrphanMitigation")
    );
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID", "DELETE /ID", "PUT /ID"]);
    assert_eq!(site.things(), 1);
}

/// Killed after the broker's receipt: the outcome is never carried out.
#[test]
fn row_30_killed_before_the_answer_is_written_the_same_is_asked_again() {
    let mut site = Site::instance();
    site.run().unwrap();
    let lost = site
        .world
        .call(|object: AnyObject, cx: &_| crate::run::reconcile(&object, cx));
    assert!(lost.is_ok());
    site.finish();
    let calls = site.broker.borrow().calls.clone();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
    let heard = &site.broker.borrow().heard;
    assert_eq!(heard[0].effect, heard[1].effect);
    assert_eq!(site.things(), 1);
}

#[test]
fn row_31_deleted_while_it_is_made() {
    let mut site = Site::instance();
    site.next(&[Answer::Async(9), Answer::Async(1)]);
    site.settle();
    site.world.delete();
    site.finish();
    assert_eq!(
        site.calls(),
        ["PUT /ID", "DELETE /ID", "GET /ID/last_operation"]
    );
    assert!(site.world.is_gone());
    assert_eq!(site.things(), 0);
}

#[test]
fn row_32_without_its_broker_it_waits_and_says_so() {
    let mut site = Site::instance();
    site.finish();
    site.calls();
    site.world
        .delete_foreign(&at("ClusterServiceBroker", "main"));
    site.world.delete();
    site.settle();
    assert!(!site.world.is_gone());
    let says = site.says("Ready");
    assert!(
        says.starts_with(
            "False ReferencesNonexistentBroker: ClusterServiceBroker \"main\" does not exist"
        ),
        "{says}"
    );
    assert!(says.contains("deletionPolicy: Abandon"), "{says}");
    assert!(!site.run().unwrap(), "waiting costs nothing");
    // It is there again: nothing else is needed.
    site.world.foreign(broker_object());
    site.finish();
    assert!(site.world.is_gone());
    assert_eq!(site.things(), 0);
}

#[test]
fn row_32_abandoned_it_goes_and_tells_what_is_left() {
    for how in [
        json!({"spec": {"deletionPolicy": "Abandon"}}),
        json!({"metadata": {"annotations": {"servicecatalog.oarlock.dev/abandon": "broker is gone for good"}}}),
    ] {
        let mut site = Site::instance();
        site.finish();
        let id = site.world.status()["lifecycle"]["holdings"][0]["id"].clone();
        site.world
            .delete_foreign(&at("ClusterServiceBroker", "main"));
        site.world.delete();
        site.settle();
        assert!(!site.world.is_gone());
        site.world.edit(how);
        let logged = std::cell::RefCell::new(Vec::new());
        let run = |object: AnyObject, cx: &Context| {
            let outcome = crate::run::reconcile(&object, cx);
            logged.borrow_mut().extend(cx.logged());
            outcome
        };
        site.world.run(run).unwrap();
        let left = site.world.status()["abandoned"][0].clone();
        let left = left.as_str().unwrap();
        assert!(left.starts_with(id.as_str().unwrap()), "{left}");
        let logged: Vec<_> = logged
            .take()
            .into_iter()
            .map(|line| (line.message, line.fields))
            .collect();
        let field = vec![("left".to_owned(), left.to_owned())];
        assert_eq!(logged, [("left at the broker".to_owned(), field)]);
        assert!(
            site.world
                .events()
                .iter()
                .any(|(_, reason)| reason == "Abandoned")
        );
        // It is in the status before the object goes.
        assert!(!site.world.is_gone());
        site.finish();
        assert!(site.world.is_gone());
        assert_eq!(site.things(), 1);
    }
}

#[test]
fn row_32_without_credentials_nothing_is_sent() {
    let mut site = Site::instance();
    let missing = "v1 Secret brokers/main: not found".to_owned();
    site.next(&[Answer::Fails(HttpError::Denied(missing))]);
    site.settle();
    let says = site.says("Ready");
    assert!(
        says.starts_with(
            "False ErrorGettingAuthCredentials: the broker cannot be asked: v1 Secret"
        ),
        "{says}"
    );
    assert_eq!(
        site.says("OrphanMitigation").split(':').next(),
        Some("False OrphanMitigationNotRequired")
    );
    site.finish();
    site.run().unwrap();
    site.finish();
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
}

#[test]
fn deleted_without_class_and_plan_it_goes() {
    let mut site = Site::instance();
    site.finish();
    site.world
        .delete_foreign(&at("ClusterServiceClass", "class-1"));
    site.world
        .delete_foreign(&at("ClusterServicePlan", "plan-small"));
    site.world
        .edit(json!({"spec": {"parameters": 5, "clusterServiceClassExternalName": null}}));
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone());
    let calls = site.broker.borrow().calls.clone();
    assert!(
        calls[1].contains("service_id=service-1&plan_id=id-small"),
        "{calls:?}"
    );
}

#[test]
fn wrong_fields_are_told_but_not_to_what_is_under_way() {
    let mut site = Site::of("ServiceInstance", json!({"parameters": 5}));
    let failure = site.run().unwrap_err();
    assert!(matches!(&failure, Failure::Invalid(_)), "{failure:?}");
    let mut site = Site::instance();
    site.next(&[Answer::Async(2)]);
    site.settle();
    site.world.edit(json!({"spec": {"parameters": 5}}));
    let now = site.world.wake().unwrap();
    site.world.set_now(now);
    assert!(site.run().unwrap(), "the broker is polled on");
}

#[test]
fn classes_and_plans_that_are_not_there_are_waited_for() {
    let mut site = Site::instance();
    site.world
        .delete_foreign(&at("ClusterServiceClass", "class-1"));
    site.settle();
    assert_eq!(site.ready(), "False ReferencesNonexistentServiceClass");
    site.world.foreign(class());
    site.world.foreign(plan("large"));
    site.settle();
    let says = site.says("Ready");
    assert!(says.starts_with("False ReferencesNonexistentServicePlan: spec names no plan, and class \"postgres\" has 2"), "{says}");
    site.world
        .edit(json!({"spec": {"clusterServicePlanExternalName": "large"}}));
    site.finish();
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
    assert_eq!(
        site.world.status()["lifecycle"]["holdings"][0]["inputs"]["plan"],
        "id-large"
    );
}

#[test]
fn row_34_a_class_and_a_plan_that_are_renamed_are_followed() {
    let mut site = Site::instance();
    site.finish();
    site.calls();
    for (kind, name) in [
        ("ClusterServiceClass", "class-1"),
        ("ClusterServicePlan", "plan-small"),
    ] {
        let renamed = json!({
            "metadata": {"labels": {"servicecatalog.k8s.io/spec.externalName": "other"}},
            "spec": {"externalName": "other"},
        });
        site.world.edit_foreign(&at(kind, name), &renamed);
    }
    site.world.foreign(plan("large"));
    site.finish();
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
    site.world.edit(json!({"spec": {"parameters": {"a": 1}}}));
    site.finish();
    assert_eq!(site.calls(), ["PATCH /ID"]);
}

#[test]
fn another_plan_is_an_update() {
    let mut site = Site::instance();
    site.finish();
    site.world.foreign(plan("large"));
    site.world
        .edit(json!({"spec": {"clusterServicePlanExternalName": "large"}}));
    site.next(&[Answer::Async(1)]);
    site.finish();
    assert_eq!(
        site.calls(),
        ["PUT /ID", "PATCH /ID", "GET /ID/last_operation"]
    );
    let body: oarlock_sdk::Value =
        serde_json::from_slice(&site.broker.borrow().heard[1].body).unwrap();
    assert_eq!(body["plan_id"], "id-large");
    assert_eq!(body["previous_values"]["plan_id"], "id-small");
    assert_eq!(body.get("parameters"), None, "they are as they were");
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
}

#[test]
fn after_an_update_of_which_nothing_is_known_all_is_sent() {
    let mut site = Site::instance();
    site.finish();
    site.world.edit(json!({"spec": {"parameters": {"a": 1}}}));
    site.next(&[Answer::Says(500, json!({}))]);
    site.settle();
    // The author takes it back: nobody knows what the broker has.
    site.world.edit(json!({"spec": {"parameters": null}}));
    site.finish();
    let body: oarlock_sdk::Value =
        serde_json::from_slice(&site.broker.borrow().heard.last().unwrap().body).unwrap();
    assert_eq!(body["plan_id"], "id-small");
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
}

#[test]
fn an_update_request_sends_the_same_again() {
    let mut site = Site::of(
        "ServiceInstance",
        json!({"clusterServiceClassExternalName": "postgres", "parameters": {"a": 1}}),
    );
    site.finish();
    site.world.edit(json!({"spec": {"updateRequests": 1}}));
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID", "PATCH /ID"]);
    let body: oarlock_sdk::Value =
        serde_json::from_slice(&site.broker.borrow().heard[1].body).unwrap();
    assert_eq!(body["parameters"], json!({"a": 1}));
}

#[test]
fn row_36_parameters_of_a_secret_are_waited_for_followed_and_hidden() {
    let from = json!([{"secretKeyRef": {"name": "more", "key": "json"}}]);
    let mut site = Site::of(
        "ServiceInstance",
        json!({"clusterServiceClassExternalName": "postgres", "parameters": {"a": 1}, "parametersFrom": from}),
    );
    site.settle();
    let says = site.says("Ready");
    assert!(says.starts_with("False ErrorWithParameters: spec.parametersFrom[0] reads Secret \"more\", which does not exist"), "{says}");
    site.world
        .foreign(secret("more", "json", &json!({"password": "planted-word"})));
    // A broker that repeats what it was told.
    let told = json!({"description": "planted-word is no good password"});
    site.next(&[Answer::Says(400, told)]);
    site.settle();
    assert_eq!(site.ready(), "False ProvisionCallFailed");
    assert!(
        site.says("Failed")
            .contains("<redacted> is no good password")
    );
    site.hides(&["planted-word"]);
    // A better one: nothing else has to be done.
    site.world
        .foreign(secret("more", "json", &json!({"password": "other-word"})));
    site.finish();
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
    site.world
        .foreign(secret("more", "json", &json!({"password": "third-word"})));
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID", "PUT /ID", "PATCH /ID"]);
    let body: oarlock_sdk::Value =
        serde_json::from_slice(&site.broker.borrow().heard[2].body).unwrap();
    assert_eq!(
        body["parameters"],
        json!({"a": 1, "password": "third-word"})
    );
    site.world
        .foreign(secret("more", "json", &json!({"a": "planted-word"})));
    site.finish();
    assert!(
        site.says("Ready")
            .starts_with("False ErrorWithParameters: parameter \"a\" is given by both")
    );
    site.hides(&["planted-word", "other-word", "third-word"]);
}

#[test]
fn defaults_are_those_of_when_it_was_made() {
    let mut site = Site::instance();
    let default = |size: u32| json!({"spec": {"defaultProvisionParameters": {"size": size}}});
    site.world
        .edit_foreign(&at("ClusterServiceClass", "class-1"), &default(1));
    site.finish();
    site.world
        .edit_foreign(&at("ClusterServiceClass", "class-1"), &default(2));
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID"]);
    let body: oarlock_sdk::Value =
        serde_json::from_slice(&site.broker.borrow().heard[0].body).unwrap();
    assert_eq!(body["parameters"], json!({"size": 1}));
    assert_eq!(
        site.world.status()["defaultProvisionParameters"],
        json!({"size": 1})
    );
}

#[test]
fn a_newer_version_waits_for_a_wish() {
    let version = |version: &str| json!({"spec": {"maintenanceInfo": {"version": version}}});
    let mut site = Site::instance();
    site.world
        .edit_foreign(&at("ClusterServicePlan", "plan-small"), &version("1.0.0"));
    site.finish();
    site.world
        .edit_foreign(&at("ClusterServicePlan", "plan-small"), &version("2.0.0"));
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID"]);
    site.world.edit(json!({"spec": {"updateRequests": 1}}));
    site.finish();
    let body: oarlock_sdk::Value =
        serde_json::from_slice(&site.broker.borrow().heard[1].body).unwrap();
    assert_eq!(body["maintenance_info"], json!({"version": "2.0.0"}));
    assert_eq!(
        body["previous_values"]["maintenance_info"],
        json!({"version": "1.0.0"})
    );
    site.world
        .edit_foreign(&at("ClusterServicePlan", "plan-small"), &version("3.0.0"));
    site.world
        .edit(json!({"spec": {"maintenance": "Automatic"}}));
    site.finish();
    assert_eq!(site.calls(), ["PATCH /ID", "PATCH /ID"]);
}

#[test]
fn a_stale_version_has_the_catalog_read_again() {
    let mut site = Site::instance();
    let stale = json!({"error": "MaintenanceInfoConflict"});
    site.next(&[Answer::Says(422, stale)]);
    site.settle();
    let broker = site
        .world
        .live(&at("ClusterServiceBroker", "main"))
        .unwrap();
    let asked = &broker["metadata"]["annotations"]["servicecatalog.oarlock.dev/relist"];
    assert_eq!(asked, "the-object/1");
    site.finish();
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
}

#[test]
fn bindings_go_before_their_instance() {
    let mut site = Site::instance();
    site.finish();
    let id = site.world.status()["lifecycle"]["holdings"][0]["id"].clone();
    let mut holding = site.world.status()["lifecycle"]["holdings"][0].clone();
    holding["id"] = json!("a-binding");
    holding["inputs"]["instance"] = id;
    site.world.foreign(json!({
        "apiVersion": API, "kind": "ServiceBinding", "metadata": {"name": "app", "namespace": "shop"},
        "spec": {"instanceRef": {"name": "data"}}, "status": {"lifecycle": {"holdings": [holding]}},
    }));
    site.world.foreign(json!({
        "apiVersion": API, "kind": "ServiceBinding", "metadata": {"name": "other", "namespace": "shop"},
        "spec": {"instanceRef": {"name": "data"}},
    }));
    site.world.delete();
    site.finish();
    let says = site.says("Ready");
    assert!(says.starts_with("False DeprovisionBlockedByExistingCredentials: not deprovisioned while bindings exist: shop/app\n"), "{says}");
    site.world.delete_foreign(&own("ServiceBinding", "app"));
    site.finish();
    assert!(site.world.is_gone());
}

#[test]
fn a_broker_that_is_being_deleted_gets_nothing_new() {
    let mut site = Site::instance();
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-11-01T00:00:00Z"}});
    site.world
        .edit_foreign(&at("ClusterServiceBroker", "main"), &deleted);
    site.settle();
    assert_eq!(site.ready(), "False BrokerBeingDeleted");
    assert_eq!(site.calls(), [""; 0]);
}

#[test]
fn what_is_remembered_is_not_guessed() {
    let mut site = Site::instance();
    site.finish();
    site.world
        .edit(json!({"status": {"lifecycle": {"holdings": 5}}}));
    let failure = site.run().unwrap_err().to_string();
    assert!(failure.contains("hint: restore it"), "{failure}");
}

#[test]
fn what_is_given_up_needs_no_account() {
    let mut site = Site::instance();
    site.finish();
    site.world.edit(
        json!({"status": {"lifecycle": {"holdings": 5}}, "spec": {"deletionPolicy": "Abandon"}}),
    );
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone());
}

/// Of the namespace, what the site has of the cluster.
fn namespaced(object: &oarlock_sdk::Value) -> oarlock_sdk::Value {
    let text = object
        .to_string()
        .replace("clusterServiceClassRef", "serviceClassRef")
        .replace("clusterServiceBrokerName", "serviceBrokerName");
    let mut object: oarlock_sdk::Value = serde_json::from_str(&text).unwrap();
    object["kind"] = json!(object["kind"].as_str().unwrap().replace("Cluster", ""));
    object["metadata"]["namespace"] = json!("shop");
    object
}

#[test]
fn a_namespace_has_its_own_brokers_classes_and_plans() {
    let mut site = Site::of(
        "ServiceInstance",
        json!({"serviceClassExternalName": "postgres", "servicePlanExternalID": "id-small"}),
    );
    site.settle();
    assert_eq!(site.ready(), "False ReferencesNonexistentServiceClass");
    for object in [class(), plan("small"), broker_object()] {
        site.world.foreign(namespaced(&object));
    }
    site.finish();
    assert_eq!(site.ready(), "True ProvisionedSuccessfully");
    let inputs = &site.world.status()["lifecycle"]["holdings"][0]["inputs"];
    assert_eq!(inputs["broker"], "ServiceBroker/shop/main");
    let auth = site.broker.borrow().heard[0].auth.clone();
    let Some(oarlock_sdk::http::Auth::Basic(user, _)) = auth else {
        panic!("{auth:?}");
    };
    assert_eq!(
        user.namespace, None,
        "no Secret of another namespace is read"
    );
}

/// A chosen ID, and another object that has to do with it.
fn chosen(other: &serde_json::Value) -> Site {
    let mut site = Site::of(
        "ServiceInstance",
        json!({"clusterServiceClassExternalName": "postgres", "externalID": "chosen"}),
    );
    site.world
        .edit(json!({"metadata": {"creationTimestamp": "2026-01-02T00:00:00Z"}}));
    let mut object = json!({
        "apiVersion": API, "kind": "ServiceInstance",
        "metadata": {"name": "theirs", "namespace": "elsewhere", "uid": "theirs"},
    });
    for (key, value) in other.as_object().unwrap() {
        object[key] = value.clone();
    }
    object["metadata"]["creationTimestamp"] = other["created"].clone();
    site.world.foreign(object);
    site
}

#[test]
fn the_id_of_another_instance_is_not_taken() {
    let mut made = Site::instance();
    made.finish();
    let mut lifecycle = made.world.status()["lifecycle"].clone();
    lifecycle["holdings"][0]["id"] = json!("chosen");
    for other in [
        // It has it, however young it is.
        json!({"created": "2026-01-03T00:00:00Z", "status": {"lifecycle": lifecycle}}),
        // It chose it first, and is not there yet.
        json!({"created": "2026-01-01T00:00:00Z", "spec": {"externalID": "chosen"}}),
    ] {
        let mut site = chosen(&other);
        site.finish();
        assert!(
            site.says("Ready").starts_with("False ExternalIDTaken"),
            "{}",
            site.says("Ready")
        );
        assert!(!site.says("Ready").contains("theirs"));
        assert_eq!(site.calls(), [""; 0]);
        site.world.delete();
        site.finish();
        assert!(site.world.is_gone());
        assert_eq!(site.calls(), [""; 0]);
    }
}

#[test]
fn who_chose_an_id_first_has_it() {
    let other = json!({"created": "2026-01-03T00:00:00Z", "spec": {"externalID": "chosen"}});
    let mut site = chosen(&other);
    site.finish();
    assert!(
        site.says("Ready").starts_with("True"),
        "{}",
        site.says("Ready")
    );
    assert_eq!(site.world.status()["externalID"], "chosen");
}

/// Others go by what is told: it stays while nobody knows better.
#[test]
fn what_is_told_stays_while_the_api_server_does_not_answer() {
    let mut site = Site::instance();
    site.finish();
    let before = site.world.status().clone();
    for kind in ["Namespace", "ClusterServiceClass"] {
        let (version, error) = match kind {
            "Namespace" => ("v1", "down"),
            _ => (API, "down"),
        };
        let error = oarlock_sdk::ReadError::Unavailable(error.to_owned());
        site.world.fails(version, kind, error);
        site.run().unwrap();
        assert_eq!(*site.world.status(), before, "{kind}");
        assert!(site.world.wake().is_some());
    }
    // Of what nothing was told yet, the host says it.
    let mut site = Site::instance();
    let error = oarlock_sdk::ReadError::Unavailable("down".to_owned());
    site.world.fails("v1", "Namespace", error);
    let failure = site.run().unwrap_err();
    assert!(matches!(failure, Failure::Retry(_)), "{failure:?}");
}

#[test]
fn a_class_of_a_namespace_leads_to_no_broker_of_the_cluster() {
    for forged in ["class", "plan"] {
        for beside in [true, false] {
            let mut site = Site::of(
                "ServiceInstance",
                json!({"serviceClassName": "class-1", "servicePlanName": "plan-small"}),
            );
            let (mut of_class, mut of_plan) = (namespaced(&class()), namespaced(&plan("small")));
            let object = match forged {
                "class" => &mut of_class,
                _ => &mut of_plan,
            };
            let spec = object["spec"].as_object_mut().unwrap();
            if !beside {
                spec.remove("serviceBrokerName");
            }
            spec.insert("clusterServiceBrokerName".to_owned(), json!("main"));
            for object in [of_class, of_plan, namespaced(&broker_object())] {
                site.world.foreign(object);
            }
            site.settle();
            let says = site.says("Ready");
            assert!(
                says.starts_with("False Unreadable: Service")
                    && says.contains(
                        "has spec.clusterServiceBrokerName, which its kind does not have"
                    ),
                "{says}"
            );
            assert_eq!(site.calls(), [""; 0]);
            assert!(site.world.status()["lifecycle"]["holdings"].is_null());
        }
    }
}

#[test]
fn a_plan_is_of_the_broker_of_its_class() {
    let mut site = Site::instance();
    let mut other = plan("small");
    other["spec"]["clusterServiceBrokerName"] = json!("other");
    site.world.foreign(other);
    site.settle();
    let says = site.says("Ready");
    let wanted = "False Unreadable: ClusterServicePlan \"plan-small\" is not of the broker of ClusterServiceClass \"class-1\"";
    assert!(says.starts_with(wanted), "{says}");
    assert_eq!(site.calls(), [""; 0]);
}
