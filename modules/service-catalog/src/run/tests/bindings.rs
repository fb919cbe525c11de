//! Lives of bindings.

use oarlock_sdk::{ApiError, Value, json};

use super::site::{Answer, Site, at, own, provisioned, reconcile_any, secret};

fn entry(site: &Site, key: &str) -> String {
    use base64::Engine as _;
    let live = site.world.live(&own("Secret", "data")).unwrap();
    let encoded = live["data"][key].as_str().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn has_secret(site: &Site) -> bool {
    site.world.live(&own("Secret", "data")).is_some()
}

#[test]
fn a_binding_is_made_stored_and_goes() {
    let mut site = Site::binding();
    site.finish();
    assert_eq!(site.calls(), ["PUT /ID/binding"]);
    assert_eq!(
        site.says("Ready"),
        "True InjectedBindResult: the credentials are in the Secret"
    );
    assert_eq!(entry(&site, "uri"), "db://secret-word@host");
    assert_eq!(entry(&site, "port"), "5432");
    assert_eq!(entry(&site, "type"), "postgres");
    assert_eq!(entry(&site, "provider"), "main");
    assert_eq!(site.world.status()["binding"]["name"], "data");
    site.hides(&["secret-word"]);
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone());
    assert_eq!(site.calls(), ["DELETE /ID/binding"]);
    assert!(!has_secret(&site));
    assert_eq!(site.things(), 0);
}

#[test]
fn an_asynchronous_binding_is_polled_and_fetched() {
    let mut site = Site::binding();
    site.next(&[Answer::Async(2)]);
    site.finish();
    let poll = "GET /ID/binding/last_operation";
    assert_eq!(
        site.calls(),
        ["PUT /ID/binding", poll, poll, "GET /ID/binding"]
    );
    assert_eq!(site.ready(), "True InjectedBindResult");
    assert_eq!(entry(&site, "port"), "5432");
    site.next(&[Answer::Async(1)]);
    site.world.delete();
    site.finish();
    assert_eq!(site.calls(), ["DELETE /ID/binding", poll]);
    assert!(site.world.is_gone());
    assert!(!has_secret(&site));
}

#[test]
fn an_idle_run_calls_nobody_and_writes_nothing() {
    let mut site = Site::binding();
    site.finish();
    site.calls();
    for _ in 0..3 {
        assert!(!site.run().unwrap());
    }
    assert_eq!(site.calls(), [""; 0]);
    assert_eq!(site.world.wake(), None);
}

#[test]
fn row_30_restarted_between_any_two_runs_there_is_one_binding() {
    for answers in [&[][..], &[Answer::Async(2)], &[Answer::Lost]] {
        let mut site = Site::binding();
        site.restarts = true;
        site.next(answers);
        site.finish();
        assert_eq!(site.things(), 1, "{answers:?}");
        assert_eq!(site.ready(), "True InjectedBindResult");
        assert_eq!(entry(&site, "port"), "5432");
        site.world.delete();
        site.finish();
        assert!(site.world.is_gone());
        assert_eq!(site.things(), 0);
    }
}

#[test]
fn row_31_deleted_while_it_is_bound() {
    let mut site = Site::binding();
    site.next(&[Answer::Async(9), Answer::Async(1)]);
    site.settle();
    site.world.delete();
    site.finish();
    assert_eq!(
        site.calls(),
        [
            "PUT /ID/binding",
            "DELETE /ID/binding",
            "GET /ID/binding/last_operation"
        ]
    );
    assert!(site.world.is_gone());
}

#[test]
fn an_instance_is_waited_for() {
    let mut site = Site::binding();
    site.world.delete_foreign(&own("ServiceInstance", "db"));
    site.settle();
    let says = site.says("Ready");
    assert!(
        says.starts_with(
            "False ReferencesNonexistentInstance: spec.instanceRef names ServiceInstance \"db\""
        ),
        "{says}"
    );
    let ready = provisioned();
    let mut other = ready.clone();
    other["status"] = json!({});
    site.world.foreign(other.clone());
    site.settle();
    assert_eq!(
        site.says("Ready"),
        "False ErrorInstanceNotReady: ServiceInstance \"db\" is not ready yet"
    );
    other["status"]["conditions"] = json!([
        {"type": "Failed", "status": "True", "reason": "ProvisionCallFailed", "message": "no room"},
    ]);
    site.world.foreign(other);
    site.settle();
    assert_eq!(
        site.says("Ready"),
        "False InstanceFailed: ServiceInstance \"db\" failed (ProvisionCallFailed): no room"
    );
    let mut leaving = ready.clone();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-01T00:00:00Z");
    site.world.foreign(leaving);
    site.settle();
    assert_eq!(site.ready(), "False InstanceBeingDeleted");
    assert!(
        site.world.status()["lifecycle"]["operation"].is_null(),
        "nothing is begun"
    );
    site.world.foreign(ready);
    site.finish();
    assert_eq!(site.ready(), "True InjectedBindResult");
}

#[test]
fn a_binding_is_good_while_its_instance_is_busy_or_its_class_gone() {
    let mut site = Site::binding();
    site.finish();
    site.calls();
    let mut busy = provisioned();
    busy["status"]["conditions"] = json!([
        {"type": "Ready", "status": "False", "reason": "UpdatingInstance", "message": ""},
    ]);
    busy["status"]["lifecycle"]["holdings"][0]["inputs"]["plan"] = json!("id-large");
    site.world.foreign(busy);
    site.finish();
    assert_eq!(site.ready(), "True InjectedBindResult");
    site.world
        .delete_foreign(&at("ClusterServiceClass", "class-1"));
    site.finish();
    assert_eq!(site.ready(), "True InjectedBindResult");
    assert_eq!(site.calls(), [""; 0]);
}

#[test]
fn what_cannot_be_bound_is_told() {
    let mut site = Site::binding();
    let fixed = json!({"spec": {"bindable": false}});
    site.world
        .edit_foreign(&at("ClusterServicePlan", "plan-small"), &fixed);
    site.settle();
    assert_eq!(site.ready(), "False ErrorNonbindableServiceClass");
}

#[test]
fn row_35_names_that_a_secret_cannot_have_write_no_part_of_one() {
    let mut site = Site::binding();
    site.broker.borrow_mut().credentials = Some(json!({"a b": "secret-word", "c": {"d": [1]}}));
    site.settle();
    let says = site.says("Ready");
    assert!(
        says.starts_with("False ErrorInjectingBindResult: credential \"a b\" cannot be an entry"),
        "{says}"
    );
    assert!(!has_secret(&site));
    site.hides(&["secret-word"]);
    site.world.edit(json!({"spec": {"invalidKeys": "Replace"}}));
    site.finish();
    assert_eq!(site.ready(), "True InjectedBindResult");
    assert_eq!(entry(&site, "a_b"), "secret-word");
    assert_eq!(entry(&site, "c"), r#"{"d":[1]}"#);
    assert_eq!(site.things(), 1);
}

#[test]
fn transforms_read_secrets() {
    let transforms = json!([
        {"renameKey": {"from": "uri", "to": "url"}},
        {"addKeysFrom": {"secretRef": {"name": "extra"}}},
    ]);
    let mut site = Site::of(
        "ServiceBinding",
        json!({"instanceRef": {"name": "db"}, "secretTransforms": transforms}),
    );
    site.world.foreign(provisioned());
    site.settle();
    assert!(
        site.says("Ready")
            .contains("addKeysFrom reads Secret \"extra\", which does not exist")
    );
    site.world.foreign(secret("extra", "region", &json!(1)));
    site.finish();
    assert_eq!(entry(&site, "region"), "1");
    assert_eq!(entry(&site, "url"), "db://secret-word@host");
    assert_eq!(entry(&site, "uri"), "");
}

#[test]
fn row_37_a_secret_of_somebody_else_is_not_written() {
    let mut site = Site::binding();
    let theirs = secret("data", "a", &json!("theirs"));
    site.world.foreign(theirs.clone());
    site.settle();
    assert_eq!(site.ready(), "False ErrorInjectingBindResult");
    assert_eq!(
        site.calls(),
        [""; 0],
        "nothing is asked for that cannot be stored"
    );
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone());
    let live = site.world.live(&own("Secret", "data")).unwrap();
    assert_eq!(live["data"], theirs["data"]);
}

/// It appears between the read and the write.
#[test]
fn row_37_a_secret_that_appears_meanwhile_is_not_written() {
    let mut site = Site::binding();
    site.run().unwrap();
    let outcome = site
        .world
        .call(|object: oarlock_sdk::AnyObject, cx: &_| crate::run::reconcile(&object, cx))
        .unwrap();
    site.world.foreign(secret("data", "a", &json!("theirs")));
    site.world.perform(&outcome, usize::MAX);
    assert_eq!(
        site.world.refusal().map(|no| no.reason.clone()).as_deref(),
        Some("AlreadyExists")
    );
    site.settle();
    assert_eq!(site.ready(), "False ErrorInjectingBindResult");
    let wake = site.world.wake().unwrap();
    site.world.set_now(wake);
    site.settle();
    site.world.delete_foreign(&own("Secret", "data"));
    site.settle();
    assert_eq!(site.ready(), "True InjectedBindResult");
    assert_eq!(site.things(), 1);
}

#[test]
fn a_secret_that_is_refused_is_tried_again() {
    let mut site = Site::binding();
    let no = ApiError {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "exceeded quota".to_owned(),
    };
    site.world.refuses(&own("Secret", "data"), no);
    site.settle();
    assert_eq!(
        site.says("Ready"),
        "False ErrorInjectingBindResult: Secret \"data\" cannot be written: exceeded quota"
    );
    assert_eq!(site.things(), 1);
    site.world.takes(&own("Secret", "data"));
    site.finish();
    assert_eq!(site.ready(), "True InjectedBindResult");
    assert_eq!(site.things(), 1);
}

#[test]
fn a_secret_that_is_gone_is_filled_again() {
    let mut site = Site::binding();
    site.finish();
    site.calls();
    site.world.delete_child("data");
    let later = site.world.now() + std::time::Duration::from_secs(120);
    site.world.set_now(later);
    // Whoever was started again knows nothing of what it wrote.
    let outcome = site
        .world
        .call(|object: oarlock_sdk::AnyObject, cx: &_| crate::run::reconcile(&object, cx))
        .unwrap();
    assert_eq!(outcome.when(), oarlock_sdk::Requeue::OnceWritten);
    site.world.perform(&outcome.children([]), usize::MAX);
    site.finish();
    assert_eq!(site.calls(), ["GET /ID/binding"]);
    assert_eq!(entry(&site, "port"), "5432");
}

#[test]
fn it_is_rotated_on_request_with_an_overlap() {
    let mut site = Site::binding();
    let rotates = json!({"spec": {"bindingRotatable": true}});
    site.world
        .edit_foreign(&at("ClusterServicePlan", "plan-small"), &rotates);
    site.finish();
    site.broker.borrow_mut().credentials = Some(json!({"uri": "second"}));
    site.world
        .edit(json!({"metadata": {"annotations": {"servicecatalog.oarlock.dev/rotate": "today"}}}));
    site.settle();
    assert_eq!(site.calls(), ["PUT /ID/binding", "PUT /ID/binding"]);
    assert_eq!(entry(&site, "uri"), "second");
    assert_eq!(entry(&site, "port"), "", "what is not there any more goes");
    assert_eq!(site.things(), 2, "the old ones are good for a while");
    let body: Value = serde_json::from_slice(&site.broker.borrow().heard[1].body).unwrap();
    assert!(body["predecessor_binding_id"].is_string());
    site.finish();
    assert_eq!(site.calls(), ["DELETE /ID/binding"]);
    assert_eq!(site.things(), 1);
    assert_eq!(entry(&site, "uri"), "second");
}

#[test]
fn it_is_rotated_before_it_ends() {
    let mut site = Site::binding();
    let end = site.world.now() + std::time::Duration::from_secs(7200);
    site.broker.borrow_mut().metadata = Some(json!({"expires_at": end.to_string()}));
    site.world
        .edit(json!({"spec": {"rotation": {"before": "1h", "overlap": "5m"}}}));
    site.settle();
    site.broker.borrow_mut().metadata = None;
    let due = site.world.now() + std::time::Duration::from_secs(3600);
    assert_eq!(site.world.wake(), Some(due));
    site.world.set_now(due);
    site.settle();
    assert_eq!(site.things(), 2);
    assert_eq!(
        site.world.wake(),
        Some(due + std::time::Duration::from_secs(300))
    );
    site.finish();
    assert_eq!(site.things(), 1);
}

#[test]
fn a_deletion_needs_nothing_but_what_is_remembered() {
    let mut site = Site::binding();
    site.finish();
    site.world.delete_foreign(&own("ServiceInstance", "db"));
    site.world
        .delete_foreign(&at("ClusterServiceClass", "class-1"));
    site.world
        .delete_foreign(&at("ClusterServicePlan", "plan-small"));
    site.world
        .edit(json!({"spec": {"instanceRef": null, "rotation": 5}}));
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone());
    assert_eq!(site.things(), 0);
    assert!(!has_secret(&site));
}

#[test]
fn a_stale_version_has_the_catalog_read_again_and_keeps_the_secret() {
    let mut site = Site::binding();
    site.finish();
    let stale = json!({"error": "MaintenanceInfoConflict"});
    site.next(&[Answer::Says(422, stale)]);
    site.world
        .edit(json!({"metadata": {"annotations": {"servicecatalog.oarlock.dev/rotate": "now"}}}));
    site.settle();
    let broker = site
        .world
        .live(&at("ClusterServiceBroker", "main"))
        .unwrap();
    let asked = &broker["metadata"]["annotations"]["servicecatalog.oarlock.dev/relist"];
    assert_eq!(asked, "the-object/2");
    assert_eq!(entry(&site, "port"), "5432");
    site.finish();
    assert_eq!(site.ready(), "True InjectedBindResult");
    assert_eq!(entry(&site, "port"), "5432");
    assert_eq!(site.things(), 1);
    assert!(!site.run().unwrap());
}

/// Whoever has credentials needs their successors.
#[test]
fn it_is_rotated_though_its_instance_failed_but_not_when_that_is_deleted() {
    let mut site = Site::binding();
    site.finish();
    let mut failed = provisioned();
    failed["status"]["conditions"] = json!([
        {"type": "Ready", "status": "False", "reason": "UpdateInstanceCallFailed", "message": ""},
        {"type": "Failed", "status": "True", "reason": "UpdateInstanceCallFailed", "message": "no"},
    ]);
    site.world.foreign(failed.clone());
    let rotate = |word: &str| json!({"metadata": {"annotations": {"servicecatalog.oarlock.dev/rotate": word}}});
    site.world.edit(rotate("once"));
    site.finish();
    assert_eq!(
        site.calls(),
        ["PUT /ID/binding", "PUT /ID/binding", "DELETE /ID/binding"]
    );
    failed["metadata"]["deletionTimestamp"] = json!("2026-11-01T00:00:00Z");
    site.world.foreign(failed);
    site.world.edit(rotate("twice"));
    site.finish();
    assert_eq!(site.calls(), [""; 0]);
    assert_eq!(site.ready(), "True InjectedBindResult");
}

/// Workloads go by `status.binding`: a moment without an answer of the API server must not take it away.
#[test]
fn the_secret_stays_told_while_nobody_can_look_at_it() {
    let mut site = Site::binding();
    site.finish();
    let before = site.world.status().clone();
    assert_eq!(before["binding"]["name"], "data");
    let error = oarlock_sdk::ReadError::Unavailable("down".to_owned());
    site.world.fails("v1", "Secret", error);
    site.run().unwrap();
    assert_eq!(*site.world.status(), before);
    assert!(site.world.wake().is_some());
}

/// What is wished for cannot be known while the answer comes: what it is of is.
#[test]
fn a_secret_that_is_written_without_a_wish_has_its_type() {
    let mut site = Site::of(
        "ServiceBinding",
        json!({
            "instanceRef": {"name": "db"},
            "parametersFrom": [{"secretKeyRef": {"name": "more", "key": "json"}}],
        }),
    );
    site.world.foreign(provisioned());
    site.world.foreign(secret("more", "json", &json!({"a": 1})));
    site.next(&[Answer::Async(1)]);
    while site.world.status()["asyncOpInProgress"] != json!(true) {
        site.run().unwrap();
    }
    site.world.delete_foreign(&own("Secret", "more"));
    for _ in 0..6 {
        if let Some(at) = site.world.wake() {
            site.world.set_now(at);
        }
        site.run().unwrap();
    }
    assert_eq!(entry(&site, "type"), "postgres");
    assert_eq!(entry(&site, "provider"), "main");
}

/// The Secret was written, its record was not, and by then something else is wished for.
#[test]
fn credentials_that_are_stored_are_not_taken_away_while_others_are_made() {
    let mut site = Site::binding();
    let once = json!({"spec": {"bindingRetrievable": false}});
    site.world
        .edit_foreign(&at("ClusterServiceClass", "class-1"), &once);
    site.finish();
    site.world.edit(json!({"spec": {"parameters": {"n": 1}}}));
    site.run().unwrap();
    site.broker.borrow_mut().credentials = Some(json!({"uri": "second"}));
    let outcome = site.world.call(reconcile_any).unwrap();
    site.world.perform(&outcome, 1);
    site.own_children();
    assert_eq!(entry(&site, "uri"), "second");
    site.world.edit(json!({"spec": {"parameters": {"n": 2}}}));
    site.broker.borrow_mut().credentials = Some(json!({"uri": "third"}));
    for _ in 0..6 {
        site.run().unwrap();
        assert!(has_secret(&site));
    }
    assert_eq!(entry(&site, "uri"), "third");
    site.finish();
    assert_eq!(site.things(), 1);
    assert_eq!(site.ready(), "True InjectedBindResult");
}
