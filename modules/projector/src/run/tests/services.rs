//! Which Secret a service has, and how it is waited for.

use oarlock_sdk::{ReadError, Requeue, json};

use super::site::{Site, app, at, database, deployment, secret};

#[test]
fn it_is_waited_for_without_asking_again_and_again() {
    let mut site = Site::empty(&json!({}));
    site.world.foreign(deployment("app"));
    let outcome = site.rest();
    assert_eq!(outcome.when(), Requeue::OnChange);
    assert_eq!(
        site.told("ServiceAvailable"),
        "Unknown ServiceNotFound: the service was not found: there is no Database orders in namespace shop"
    );
    assert_eq!(
        site.told("WorkloadProjected"),
        "Unknown WaitingForService: the workload is changed when the service has a Secret"
    );
    assert_eq!(site.told("Ready"), site.told("ServiceAvailable"));

    site.world.foreign(database(""));
    let outcome = site.rest();
    assert_eq!(outcome.when(), Requeue::OnChange);
    assert_eq!(
        site.told("Ready"),
        "Unknown ServiceMissingBinding: the service was found, but did not contain a binding secret: Database orders has no status.binding.name (yet)"
    );

    site.world.foreign(database("orders-secret"));
    let outcome = site.rest();
    assert_eq!(outcome.when(), Requeue::OnChange);
    assert_eq!(
        site.told("Ready"),
        "Unknown SecretNotFound: there is no Secret orders-secret in namespace shop (yet)"
    );
    assert_eq!(site.content(&app()), deployment("app"));

    site.world.foreign(secret("orders-secret"));
    site.settle();
    assert!(site.is_in(&app()));
    assert_eq!(
        site.told("Ready"),
        "True ServiceBound: the binding is in Deployment app"
    );
}

#[test]
fn what_is_in_stays_in_while_the_service_is_away() {
    let mut site = Site::new(&json!({}));
    site.settle();
    let before = site.content(&app());
    site.world
        .delete_foreign(&at("db.example.com/v1", "Database", "orders"));
    site.world
        .delete_foreign(&at("v1", "Secret", "orders-secret"));
    site.settle();
    assert_eq!(site.content(&app()), before);
    assert!(site.told("Ready").starts_with("Unknown ServiceNotFound"));
    assert_eq!(site.world.status()["binding"]["name"], "orders-secret");
    // Its author may let go of it meanwhile.
    site.world
        .edit(json!({"spec": {"workload": {"name": "none"}}}));
    site.settle();
    assert_eq!(site.content(&app()), deployment("app"));
}

#[test]
fn a_secret_itself_is_never_read() {
    let service =
        json!({"spec": {"service": {"apiVersion": "v1", "kind": "Secret", "name": "plain"}}});
    let mut site = Site::empty(&service);
    site.world.foreign(deployment("app"));
    // To get it would be refused.
    site.world
        .fails("v1", "Secret", ReadError::Denied("no grant".to_owned()));
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "Unknown SecretNotFound: there is no Secret plain in namespace shop (yet)"
    );
    site.world.foreign(secret("plain"));
    site.settle();
    assert_eq!(
        site.live(&app())["spec"]["template"]["spec"]["volumes"][1]["projected"]["sources"],
        json!([{"secret": {"name": "plain"}}])
    );
}

#[test]
fn what_is_missing_is_told_with_the_grant() {
    let mut site = Site::new(&json!({}));
    let denied = ReadError::Denied("no grant; hint: add to the watch: grants: …".to_owned());
    site.world.fails("db.example.com/v1", "Database", denied);
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "False ServiceForbidden: no grant; hint: add to the watch: grants: …"
    );
    assert_eq!(site.content(&app()), deployment("app"));

    let mut site = Site::new(&json!({"spec": {"service": {"kind": "Cache"}}}));
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "Unknown ServiceNotFound: the service was not found: db.example.com/v1 Cache is not served by the API server\n\
         hint: correct spec.service, or install its definition"
    );

    let mut site = Site::new(&json!({"spec": {"service": {"apiVersion": "v1", "kind": "Node"}}}));
    site.settle();
    assert_eq!(
        site.told("Ready"),
        "False ServiceNotNamespaced: Node orders is in no namespace, so it has no Secret in the binding's\n\
         hint: name a service of namespace shop"
    );
}
