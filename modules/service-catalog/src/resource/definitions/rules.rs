//! What the API server itself refuses, in CEL: what is wrong whoever looks at it, and what cannot be changed.

const CLASSES: [&str; 6] = [
    "clusterServiceClassExternalName",
    "clusterServiceClassExternalID",
    "clusterServiceClassName",
    "serviceClassExternalName",
    "serviceClassExternalID",
    "serviceClassName",
];

const PLANS: [&str; 6] = [
    "clusterServicePlanExternalName",
    "clusterServicePlanExternalID",
    "clusterServicePlanName",
    "servicePlanExternalName",
    "servicePlanExternalID",
    "servicePlanName",
];

/// How many items the list at a path has at most.
pub(super) fn most(path: &str) -> Option<u32> {
    (path == "spec.secretTransforms[]").then_some(256)
}

/// Rules and messages of the object at a path of a kind; the root is at the empty one.
pub(super) fn of(kind: &str, path: &str) -> Vec<(String, String)> {
    let one = |rule: &str, message: &str| vec![(rule.to_owned(), message.to_owned())];
    match (kind, path) {
        ("ClusterServiceBroker" | "ServiceBroker", "spec") => one(
            "!(has(self.insecureSkipTLSVerify) && self.insecureSkipTLSVerify && has(self.caBundle))",
            "caBundle is of no use where insecureSkipTLSVerify is true: remove one of the two (caBundle is the safe one)",
        ),
        ("ClusterServiceBroker" | "ServiceBroker", "spec.url") => one(
            "self.startsWith('https://') || self.startsWith('http://')",
            "expected an address such as https://broker.example.com",
        ),
        ("ClusterServiceBroker" | "ServiceBroker", "spec.authInfo") => one(
            "has(self.basic) != has(self.bearer)",
            "exactly one of basic and bearer is expected; a broker that asks for nothing has no authInfo",
        ),
        ("ServiceInstance", "spec") => instance(),
        ("ServiceInstance" | "ServiceBinding", "spec.externalID") => one(
            "self == oldSelf || oldSelf == ''",
            "externalID cannot be changed: it is what the broker knows this by; delete the object, and create one with the other ID",
        ),
        (_, "spec.updateRequests" | "spec.relistRequests") => one(
            "self >= oldSelf",
            "is counted up: write a greater number than before",
        ),
        ("ServiceBinding", "spec.instanceRef.name") => one(
            "self == oldSelf",
            "instanceRef cannot be changed: create another binding, for the other instance",
        ),
        ("ServiceBinding", "") => one(
            "(has(self.spec.secretName) ? self.spec.secretName : self.metadata.name) == (has(oldSelf.spec.secretName) ? oldSelf.spec.secretName : oldSelf.metadata.name)",
            "spec.secretName cannot be changed: whoever uses the Secret would keep old credentials; create another binding (without secretName it has the binding's name)",
        ),
        ("ServiceBinding", "spec.secretTransforms[]") => one(
            &exactly(&["renameKey", "addKey", "addKeysFrom", "removeKey"]),
            "exactly one of renameKey, addKey, addKeysFrom and removeKey is expected: write several items for several changes",
        ),
        ("ServiceBinding", "spec.secretTransforms[].addKey") => one(
            &exactly(&["value", "stringValue", "jsonPathExpression"]),
            "exactly one of value, stringValue and jsonPathExpression is expected",
        ),
        ("ServiceBinding", "spec.secretTransforms[].addKeysFrom.secretRef") => one(
            // `namespace` is a word of CEL.
            "!has(self.__namespace__) || self.__namespace__ == ''",
            "only Secrets of the binding's own namespace are read: leave namespace out, and copy the Secret",
        ),
        _ => Vec::new(),
    }
}

fn instance() -> Vec<(String, String)> {
    let any = |fields: &[&str]| {
        let fields: Vec<_> = fields
            .iter()
            .map(|field| format!("has(self.{field})"))
            .collect();
        fields.join(" || ")
    };
    let (of_cluster, of_namespace) = (any(&CLASSES[..3]), any(&CLASSES[3..]));
    let (plan_of_cluster, plan_of_namespace) = (any(&PLANS[..3]), any(&PLANS[3..]));
    vec![
        (
            exactly(&CLASSES),
            format!("the class is named by exactly one of {}", CLASSES.join(", ")),
        ),
        (
            format!("{} <= 1", count(&PLANS)),
            format!("the plan is named by one of {} at most", PLANS.join(", ")),
        ),
        (
            format!("!(({plan_of_cluster}) && ({of_namespace}))"),
            "class and plan are of one scope: a serviceClass… goes with a servicePlan…".to_owned(),
        ),
        (
            format!("!(({plan_of_namespace}) && ({of_cluster}))"),
            "class and plan are of one scope: a clusterServiceClass… goes with a clusterServicePlan…"
                .to_owned(),
        ),
    ]
}

fn exactly(fields: &[&str]) -> String {
    format!("{} == 1", count(fields))
}

fn count(fields: &[&str]) -> String {
    let given: Vec<_> = fields
        .iter()
        .map(|field| format!("(has(self.{field}) ? 1 : 0)"))
        .collect();
    given.join(" + ")
}
