//! Brokers that give no catalog: all that was read stays.

use oarlock_sdk::http::{HttpError, Response};
use oarlock_sdk::{Value, json};

use super::site::{HOUR, Site, answer, plan, seconds, service, two};

/// What is told, after a catalog was read once.
fn told(said: Result<Response, HttpError>) -> String {
    let mut site = Site::plain();
    site.run();
    site.says(said);
    let ran = site.after(HOUR * 24);
    assert_eq!(ran.outcome.exactly(), None);
    assert_eq!(site.shown().len(), 5, "what was read stays");
    assert_eq!(site.wake(), Some(seconds(5)));
    assert_eq!(
        site.world.status()["operationStartTime"],
        "2026-11-02T12:00:00Z"
    );
    let ready = site.ready();
    let tail = "\nmeanwhile 2 classes with 3 plans stay as they were read at 2026-11-01T12:00:00Z";
    let (head, rest) = ready.split_once(tail).unwrap();
    assert_eq!(rest, "");
    let reason = head.strip_prefix("False ErrorFetchingCatalog: the catalog cannot be read: ");
    let told = reason.unwrap_or(head).to_owned();
    assert_eq!(
        site.world.status()["lastConditionState"],
        "ErrorFetchingCatalog"
    );
    // It is well again.
    site.offers(&two());
    site.after(seconds(5));
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 2 classes with 3 plans"
    );
    assert_eq!(site.world.status().get("operationStartTime"), None);
    assert_eq!(site.world.status()["catalog"]["failures"], 0);
    told
}

#[test]
fn whatever_goes_wrong_is_told_and_tried_again() {
    let says =
        |status, headers: &[(&str, &str)], body: Value| told(Ok(answer(status, headers, &body)));
    let problem = json!({"error": "Oops", "description": "the disk is full"});
    assert_eq!(
        says(500, &[], problem),
        "the broker answered 500 Oops: the disk is full"
    );
    assert_eq!(says(503, &[], json!({})), "the broker answered 503");
    assert_eq!(
        says(404, &[], json!({})),
        "the broker answered 404\nhint: is `/v2/catalog` below spec.url?"
    );
    assert_eq!(
        says(412, &[], json!({"description": "speak 3.0"})),
        "the broker answered 412: speak 3.0\nhint: the broker does not speak version 2.17 of the Open Service Broker API"
    );
    for status in [401, 403] {
        assert_eq!(
            says(status, &[], Value::Null),
            format!(
                "the broker answered {status}\nhint: the broker does not take our credentials: look at the Secret that \
                 spec.authInfo names; it is read at every call"
            )
        );
    }
    let location = "https://new.example.com/v2/catalog?token=planted-s3cr3t";
    assert_eq!(
        says(302, &[("location", location)], Value::Null),
        "the broker answered 302\nhint: the broker redirects to https://new.example.com/v2/catalog, and redirects are not \
         followed: set spec.url to where its `/v2` is"
    );
    assert_eq!(
        says(200, &[], json!([])),
        "the broker answered 200: the body is not an object"
    );
    assert_eq!(
        says(200, &[], json!({})),
        "the broker answered 200: services is missing"
    );
    assert_eq!(says(204, &[], Value::Null), "the broker answered 204");
    assert_eq!(
        told(Err(HttpError::TimedOut)),
        "the broker did not answer: no answer in time"
    );
    assert_eq!(
        told(Err(HttpError::TooLarge(8 << 20))),
        "the broker did not answer: the answer is larger than 8388608 bytes"
    );
    assert_eq!(
        told(Err(HttpError::Tls(String::from("UnknownIssuer")))),
        "the broker was not reached: UnknownIssuer\nhint: is spec.url right, and are its certificates trusted by \
         spec.caBundle?"
    );
    let connect = HttpError::Connect(String::from("connection refused"));
    assert!(told(Err(connect)).starts_with("the broker was not reached: connection refused"));
}

#[test]
fn what_has_not_changed_was_not_asked() {
    let mut site = Site::plain();
    site.says(Ok(answer(304, &[], &Value::Null)));
    site.run();
    assert_eq!(
        site.ready(),
        "False ErrorFetchingCatalog: the catalog cannot be read: the broker answered 304: nothing has changed, though it was \
         not asked whether anything has\nnothing is offered until then"
    );
}

#[test]
fn pauses_grow_and_a_broker_may_ask_for_longer_ones() {
    let mut site = Site::plain();
    site.says(Ok(answer(503, &[], &json!({}))));
    site.run();
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let pause = site.wake().unwrap();
        pauses.push(pause.as_secs());
        site.world.restart();
        // Whoever calls earlier hurries nothing.
        site.after(pause / 2);
        let asked = site.asked().len();
        site.after(pause - pause / 2);
        assert_eq!(site.asked().len(), asked + 1);
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1_200, 1_200]);
    let mut site = Site::plain();
    site.says(Ok(answer(429, &[("Retry-After", "90")], &json!({}))));
    site.run();
    assert_eq!(site.wake(), Some(seconds(90)));
    // Another spec does not wait.
    site.offers(&two());
    site.world.edit(json!({"spec": {"url": "https://other"}}));
    site.run();
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn row_32_another_secret_is_tried_when_the_host_calls() {
    let mut site = Site::plain();
    site.says(Ok(answer(401, &[], &json!({}))));
    site.run();
    for _ in 0..6 {
        site.after(site.wake().unwrap());
    }
    assert!(site.wake().unwrap() > seconds(60));
    site.offers(&two());
    site.after(seconds(6));
    assert_eq!(site.shown().len(), 5);
}

#[test]
fn row_32_without_credentials_or_a_grant_nothing_is_sent_and_it_is_told() {
    for (message, reason) in [
        (
            "Secret default/broker-auth is not there",
            "ErrorGettingAuthCredentials",
        ),
        (
            "https://broker.example.com is not granted\nhint: grants.http: [https://broker.example.com]",
            "BrokerNotGranted",
        ),
    ] {
        let mut site = Site::plain();
        site.says(Err(HttpError::Denied(message.to_owned())));
        site.run();
        let ready = site.ready();
        assert!(
            ready.starts_with(&format!("False {reason}: ")) && ready.contains(message),
            "{ready}"
        );
        assert_eq!(site.wake(), None, "the host calls when it is there");
        let again = site.run();
        assert!(!again.changed, "nothing new is told");
        assert_eq!(site.world.events().len(), 1);
        // Nothing has to be waited for.
        site.offers(&two());
        site.run();
        assert_eq!(site.shown().len(), 5);
        assert!(site.ready().starts_with("True"));
    }
}

#[test]
fn what_is_read_stays_while_credentials_are_gone() {
    let mut site = Site::plain();
    site.run();
    let gone = HttpError::Denied(String::from("Secret x/y is not there"));
    site.says(Err(gone));
    site.after(HOUR * 24);
    assert_eq!(site.shown().len(), 5);
    assert!(
        site.ready()
            .starts_with("False ErrorGettingAuthCredentials: "),
        "{}",
        site.ready()
    );
    assert!(
        site.ready()
            .contains("meanwhile 2 classes with 3 plans stay")
    );
}

#[test]
fn a_week_of_failing_is_called_failed_and_tried_on() {
    let mut site = Site::plain();
    site.says(Err(HttpError::TimedOut));
    site.run();
    assert_eq!(site.world.condition("Failed"), None);
    site.after(HOUR * 24 * 8);
    assert_eq!(
        site.condition("Failed"),
        "True ErrorReconciliationRetryTimeout: since 2026-11-01T12:00:00Z the catalog cannot be read; it is tried on"
    );
    site.offers(&two());
    site.after(HOUR);
    assert_eq!(site.condition("Failed"), "False FetchedCatalog: ");
}

#[test]
fn an_offer_that_cannot_be_used_is_left_out_alone_and_withdraws_nothing() {
    let mut site = Site::plain();
    site.run();
    let mut broken = two();
    broken[0]["plans"][1]["id"] = Value::Null;
    broken[1]["name"] = json!("mysql");
    let plans = [plan("p4", "My plan, für alle"), plan("p1", "again")];
    let services = broken.as_array_mut().unwrap();
    services.push(service("s3", "new", &plans));
    site.offers(&broken);
    site.after(HOUR * 24);
    assert_eq!(
        site.shown(),
        [
            "s1 mysql",
            "s2 redis",
            "s3 new",
            "p1 small",
            "p2 large",
            "p3 small",
            "p4 My plan, für alle",
        ]
    );
    assert_eq!(
        site.ready(),
        "True FetchedCatalog: the broker offers 3 classes with 4 plans\nleft out: services[0].plans[1].id is missing; \
         services[1].name \"mysql\" is that of services[0]; services[2].plans[1].id \"p1\" is that of services[0].plans[0]"
    );
    assert_eq!(
        site.reasons(),
        ["FetchedCatalog", "FetchedCatalog", "CatalogLeftOut"]
    );
    let label = "servicecatalog.k8s.io/spec.externalName";
    let plan = site.live("ClusterServicePlan", "p4").unwrap();
    let value = plan["metadata"]["labels"][label].as_str().unwrap();
    assert!(value.starts_with("sha256-"), "{value}");
    // It is told as long as it is so.
    site.says(Ok(answer(304, &[], &Value::Null)));
    site.after(HOUR * 24);
    assert!(site.ready().contains("left out: services[0].plans[1].id"));
}

#[test]
fn an_id_that_no_object_can_have_is_hashed() {
    let mut site = Site::plain();
    let services = json!([service(
        "My Service",
        "db",
        &[plan("A_1", "small"), plan("a_1", "large")]
    )]);
    site.offers(&services);
    site.run();
    let names: Vec<&str> = site
        .world
        .children()
        .map(|child| child["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 3);
    assert!(names[0].starts_with("my-service-"), "{names:?}");
    let class = site.live("ClusterServicePlan", names[1]).unwrap();
    assert_eq!(class["spec"]["clusterServiceClassRef"]["name"], names[0]);
}
