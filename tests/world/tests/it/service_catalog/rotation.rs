//! New credentials in the place of old ones, which stay good for a while.

use std::time::Duration;

use oarlock_broker::{Behaviour, Lifetime, Op};
use oarlock_core::timestamp::Timestamp;
use serde_json::json;

use super::site::{A_WHILE, BINDINGS, DOMAIN, Mark, Site, binding};

const HOUR: Duration = Duration::from_secs(3600);

/// Bindings end a day later.
fn a_day(site: &Site) {
    let end = site.now().after(24 * HOUR);
    site.broker.lifetime(Some(Lifetime {
        expires_at: Some(end.rfc3339()),
        renew_before: None,
    }));
}

fn rotate(site: &Site, word: &str) {
    let key = format!("{DOMAIN}/rotate");
    site.annotate(&BINDINGS, "web", &json!({key: word}));
}

/// At any time since, the Secret has what is good at the broker.
async fn check_credentials(site: &Site, mark: Mark) {
    let course = site.course(mark, &BINDINGS, "web", "Ready").await;
    assert!(
        !course.contains('-'),
        "{course}\n{}",
        site.story(mark).await
    );
}

/// Whether what the Secret has is good at the broker now.
fn is_good(site: &Site) -> bool {
    let password = site.entries("web").unwrap()["password"].clone();
    let good = |id: &str| site.broker.credentials_of(id).unwrap()["password"] == password;
    site.broker.bindings().iter().any(|record| good(&record.id))
}

#[tokio::test(start_paused = true)]
async fn rotated_in_time_and_the_old_ones_stay_for_the_overlap() {
    let mut site = Site::with_instance().await;
    a_day(&site);
    let from = site.now();
    let wish = json!({"rotation": {"before": "6h", "overlap": "1h"}});
    site.apply(binding("web", "db", &wish)).unwrap();
    site.until_ready(&BINDINGS, "web").await;
    let first = site.id_of(&BINDINGS, "web");
    let mark = site.mark();
    until(&site, from, 17 * HOUR + HOUR / 2).await;
    assert_eq!(site.calls(mark), "", "not before it is time");
    // The next ones end a day after they are made.
    let end = from.after(18 * HOUR + 24 * HOUR);
    site.broker.lifetime(Some(Lifetime {
        expires_at: Some(end.rfc3339()),
        renew_before: None,
    }));
    until(&site, from, 18 * HOUR + Duration::from_secs(60)).await;
    assert_eq!(site.calls(mark), "bind");
    let second = site.id_of(&BINDINGS, "web");
    assert_ne!(first, second);
    let records = site.broker.bindings();
    assert_eq!(records.len(), 2, "they overlap");
    let new = records.iter().find(|record| record.id == second).unwrap();
    assert_eq!(new.predecessor.as_deref(), Some(first.as_str()));
    assert!(is_good(&site));
    until(&site, from, 19 * HOUR - Duration::from_secs(60)).await;
    assert_eq!(site.broker.bindings().len(), 2);
    until(&site, from, 19 * HOUR + Duration::from_secs(60)).await;
    assert_eq!(site.calls(mark), "bind, unbind");
    assert_eq!(site.broker.bindings().len(), 1);
    assert!(is_good(&site));
    check_credentials(&site, mark).await;
    insta::assert_snapshot!(site.story(mark).await);
    site.clear().await;
}

async fn until(site: &Site, from: Timestamp, time: Duration) {
    let wait = from.after(time).since(site.now());
    site.pass(wait).await;
}

/// A word of somebody, once for each, and whoever is killed does it neither twice nor not at all.
#[tokio::test(start_paused = true)]
async fn rotated_on_request_once_for_each_word() {
    let mut site = Site::with_binding().await;
    let mark = site.mark();
    rotate(&site, "leaked on monday");
    site.seconds(30).await;
    assert_eq!(site.calls(mark), "bind");
    assert_eq!(site.broker.bindings().len(), 2, "the old one stays a while");
    site.restart().await;
    site.pass(2 * HOUR).await;
    assert_eq!(site.calls(mark), "bind, unbind");
    rotate(&site, "leaked on tuesday");
    site.pass(2 * HOUR).await;
    assert_eq!(site.calls(mark), "bind, unbind, bind, unbind");
    assert!(is_good(&site));
    check_credentials(&site, mark).await;
    site.clear().await;
}

/// Who has credentials needs their successors: a rotation that fails is never given up, and what there is stays good meanwhile.
#[tokio::test(start_paused = true)]
async fn a_rotation_that_fails_is_tried_again_while_the_old_ones_are_good() {
    for behaviour in [
        Behaviour::BadRequest,
        Behaviour::ServerError.done(),
        Behaviour::FailAsync,
        Behaviour::Timeout,
        Behaviour::CrashAfterAccept,
        Behaviour::CreatedInvalidJson,
        Behaviour::OkInvalidJson,
    ] {
        let told = format!("{behaviour:?}");
        let mut site = Site::with_binding().await;
        let mark = site.mark();
        site.broker.times(Op::Bind, 3, behaviour);
        rotate(&site, "now");
        site.seconds(5).await;
        let said = site.said(&BINDINGS, "web", "Ready");
        assert!(said.starts_with("True"), "{told}: {said}");
        site.pass(4 * HOUR).await;
        assert_eq!(site.broker.unused(), 0, "{told}");
        assert_eq!(site.broker.bindings().len(), 1, "{told}: {}", site.told());
        assert!(is_good(&site), "{told}");
        check_credentials(&site, mark).await;
        site.clear().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_rotated_takes_its_time() {
    let mut site = Site::with_binding().await;
    let mark = site.mark();
    site.broker.next(Op::Bind, Behaviour::Async { polls: 5 });
    site.broker.next(Op::Unbind, Behaviour::Async { polls: 5 });
    rotate(&site, "now");
    site.pass(A_WHILE).await;
    assert!(is_good(&site));
    site.pass(2 * HOUR).await;
    assert_eq!(
        site.calls(mark),
        "bind, poll x6, fetch, unbind, poll x6",
        "{}",
        site.told()
    );
    check_credentials(&site, mark).await;
    assert_eq!(site.left(), "instance, binding");
    site.clear().await;
}

/// Deleted in the middle: both go.
#[tokio::test(start_paused = true)]
async fn what_overlaps_goes_with_its_object() {
    let mut site = Site::with_binding().await;
    site.set(&BINDINGS, "web", &json!({"rotation": {"overlap": "24h"}}));
    rotate(&site, "now");
    site.pass(A_WHILE).await;
    assert_eq!(site.broker.bindings().len(), 2);
    site.delete(&BINDINGS, "web");
    site.until_gone(&BINDINGS, "web").await;
    assert_eq!(site.left(), "instance");
    site.clear().await;
}

/// A service whose bindings it cannot rotate: another binding, and no word of the old one.
#[tokio::test(start_paused = true)]
async fn what_the_broker_cannot_rotate_is_bound_anew() {
    let mut catalog = oarlock_broker::Catalog::demo();
    catalog
        .service_mut("service-postgres")
        .unwrap()
        .binding_rotatable = false;
    let mut site = Site::offering(catalog, None).await;
    site.connect().await;
    site.provision().await;
    site.bind().await;
    rotate(&site, "now");
    site.seconds(30).await;
    let records = site.broker.bindings();
    assert_eq!(records.len(), 2, "{}", site.told());
    assert!(records.iter().all(|record| record.predecessor.is_none()));
    site.pass(2 * HOUR).await;
    assert_eq!(site.left(), "instance, binding");
    assert!(is_good(&site));
    site.clear().await;
}
