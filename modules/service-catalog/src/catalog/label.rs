//! Labels of classes and plans, by which they are looked up.
//!
//! The retired project's keys. A value that a label cannot have stands there as its digest: whoever finds something by a label
//! has to look at its `spec`, too.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::offer::{BrokerName, Class, ClassRef, Plan};

/// Name at the broker.
pub const EXTERNAL_NAME: &str = "servicecatalog.k8s.io/spec.externalName";
/// Identifier at the broker.
pub const EXTERNAL_ID: &str = "servicecatalog.k8s.io/spec.externalID";
/// Broker of the cluster.
pub const CLUSTER_BROKER: &str = "servicecatalog.k8s.io/spec.clusterServiceBrokerName";
/// Broker of the namespace.
pub const BROKER: &str = "servicecatalog.k8s.io/spec.serviceBrokerName";
/// Class of the cluster, of a plan.
pub const CLUSTER_CLASS: &str = "servicecatalog.k8s.io/spec.clusterServiceClassRef.name";
/// Class of the namespace, of a plan.
pub const CLASS: &str = "servicecatalog.k8s.io/spec.serviceClassRef.name";

/// What a value of a label may have, in characters.
const LONGEST: usize = 63;

/// The value of a label for a text: itself where it can be one.
#[must_use]
pub fn value(text: &str) -> String {
    let is_outer = |byte: &u8| byte.is_ascii_alphanumeric();
    let fits = text.len() <= LONGEST
        && text.as_bytes().first().is_some_and(is_outer)
        && text.as_bytes().last().is_some_and(is_outer)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits {
        return text.to_owned();
    }
    let digest = Sha256::digest(text.as_bytes());
    let mut hashed = String::from("sha256-");
    for byte in digest.iter().take(20) {
        hashed.push_str(&format!("{byte:02x}"));
    }
    hashed
}

/// Selects what is a broker's.
#[must_use]
pub fn selector(broker: &BrokerName) -> String {
    let (key, name) = of_broker(broker);
    format!("{key}={}", value(name))
}

/// Labels of a class.
#[must_use]
pub fn of_class(class: &Class) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        labelled(of_broker(&class.spec.broker)),
        labelled((EXTERNAL_NAME, &class.spec.external_name)),
        labelled((EXTERNAL_ID, &class.spec.external_id)),
    ])
}

/// Labels of a plan.
#[must_use]
pub fn of_plan(plan: &Plan) -> BTreeMap<&'static str, String> {
    let class = match &plan.spec.class {
        ClassRef::Cluster(class) => (CLUSTER_CLASS, class.name.as_str()),
        ClassRef::Namespaced(class) => (CLASS, class.name.as_str()),
    };
    BTreeMap::from([
        labelled(of_broker(&plan.spec.broker)),
        labelled(class),
        labelled((EXTERNAL_NAME, &plan.spec.external_name)),
        labelled((EXTERNAL_ID, &plan.spec.external_id)),
    ])
}

fn of_broker(broker: &BrokerName) -> (&'static str, &str) {
    match broker {
        BrokerName::Cluster(name) => (CLUSTER_BROKER, name),
        BrokerName::Namespaced(name) => (BROKER, name),
    }
}

fn labelled((key, text): (&'static str, &str)) -> (&'static str, String) {
    (key, value(text))
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn a_value_is_the_text_where_it_can_be() {
        for text in [
            "small",
            "97ca7e25-8f63-44a2-99d1-a75729eebb5e",
            "v1.2_b",
            "A",
        ] {
            assert_eq!(value(text), text);
        }
        let long = "x".repeat(64);
        for text in ["", "-a", "a-", "My Plan", "größe", "a/b", long.as_str()] {
            let hashed = value(text);
            assert!(hashed.starts_with("sha256-"), "{text}");
            assert_eq!(value(&hashed), hashed, "a digest is a value");
        }
        assert_ne!(value("My Plan"), value("My plan"));
    }
}
