use oarlock_sdk::json;

use super::*;

fn cluster(spec: Value) -> Result<Access, Obstacle> {
    let object =
        json!({"kind": "ClusterServiceBroker", "metadata": {"name": "main"}, "spec": spec});
    of(&Broker::Cluster("main".to_owned()), &object)
}

fn said(result: Result<Access, Obstacle>) -> String {
    let obstacle = result.err();
    obstacle.map_or_else(String::new, |obstacle| {
        format!("{}: {}", obstacle.reason, obstacle.message)
    })
}

#[test]
fn a_broker_is_named_by_kind_namespace_and_name() {
    for text in ["ClusterServiceBroker/main", "ServiceBroker/shop/main"] {
        assert_eq!(
            Broker::parse(text).map(|broker| broker.to_string()),
            Some(text.to_owned())
        );
    }
    assert_eq!(Broker::parse("ServiceBroker/main"), None);
    let object =
        json!({"kind": "ServiceBroker", "metadata": {"name": "main", "namespace": "shop"}});
    let broker = Broker::of(&object).map(|broker| broker.target().to_string());
    let target = "servicecatalog.k8s.io/v1beta1 ServiceBroker shop/main";
    assert_eq!(broker.as_deref(), Some(target));
}

#[test]
fn the_address_ends_without_a_slash() {
    for url in [
        "https://a.example/osb",
        "https://a.example/osb/",
        " https://a.example/osb//",
    ] {
        let access = cluster(json!({"url": url}));
        assert_eq!(
            access.map(|access| access.url),
            Ok("https://a.example/osb".to_owned())
        );
    }
}

#[test]
fn an_address_that_is_none_is_told() {
    for (url, told) in [
        ("", "is empty"),
        ("ftp://a", "neither an http nor an https address"),
        ("https:///v2", "names no host"),
        ("https://a?x=1", "has a query"),
        ("https://user:word@a", "has credentials in it"),
    ] {
        let said = said(cluster(json!({"url": url})));
        assert!(
            said.starts_with("InvalidBrokerURL: spec.url of ClusterServiceBroker \"main\""),
            "{said}"
        );
        assert!(said.contains(told), "{said}");
        assert!(!said.contains("word"), "{said}");
    }
}

#[test]
fn credentials_stay_references() {
    let basic = json!({"basic": {"secretRef": {"namespace": "brokers", "name": "main"}}});
    let access = cluster(json!({"url": "https://a", "authInfo": basic}));
    let key = |key| SecretRef::new("main", key).in_namespace("brokers");
    let wanted = Some(Auth::Basic(key("username"), key("password")));
    assert_eq!(access.map(|access| access.auth), Ok(wanted));

    let bearer = json!({"bearer": {"secretRef": {"namespace": "elsewhere", "name": "main"}}});
    let object = json!({"spec": {"url": "https://a", "authInfo": bearer}});
    let broker = Broker::Namespaced {
        namespace: "shop".to_owned(),
        name: "main".to_owned(),
    };
    let wanted = Some(Auth::Bearer(SecretRef::new("main", "token")));
    assert_eq!(of(&broker, &object).map(|access| access.auth), Ok(wanted));

    let nowhere = json!({"basic": {"secretRef": {"name": "main"}}});
    let said = said(cluster(json!({"url": "https://a", "authInfo": nowhere})));
    assert_eq!(
        said,
        "ErrorGettingAuthCredentials: spec.authInfo.basic.secretRef of ClusterServiceBroker \"main\" names no namespace"
    );
}

#[test]
fn certificates_come_in_base64() {
    let access = cluster(
        json!({"url": "https://a", "caBundle": "UEVN\nTQ==", "insecureSkipTLSVerify": true}),
    );
    let seen = access.map(|access| (access.ca_bundle, access.insecure));
    assert_eq!(seen, Ok((Some("PEMM".to_owned()), true)));
    let said = said(cluster(
        json!({"url": "https://a", "caBundle": "-----BEGIN"}),
    ));
    assert!(said.starts_with("InvalidCABundle: spec.caBundle"), "{said}");
}

#[test]
fn a_broker_that_is_not_there_is_waited_for() {
    let cx = Context::builder().build();
    let obstacle = read(&cx, "ServiceBroker/shop/main");
    assert_eq!(
        said(obstacle),
        "ReferencesNonexistentBroker: ServiceBroker \"main\" does not exist\nhint: create it; nothing else has to be done then"
    );
}
