//! Whose Secrets the service catalog reads: the policy of `deploy/`, as the API server understands it.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::{Value, json};

use crate::abandon_policy::define;
use crate::ground::Ground;
use crate::process::PATIENCE;
use crate::release_policy::{USER, as_user, attempted, policy};

const GROUP: &str = "servicecatalog.k8s.io";

/// Of the namespace, and of the cluster: who may write brokers, instances and bindings, and `get` these Secrets alone.
async fn may(ground: &Ground, secrets: &[&str]) {
    let metadata = json!({"name": USER, "namespace": ground.namespace});
    let of_all = json!({"name": format!("{}-brokers", ground.namespace)});
    let role = |kind: &str, metadata: &Value, rules: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules,
        })
    };
    let bound = |kind: &str, of: &str, metadata: &Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": of, "name": metadata["name"]},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        })
    };
    let verbs = json!(["get", "create", "patch"]);
    let rules = json!([
        {"apiGroups": [GROUP], "resources": ["servicebrokers", "serviceinstances", "servicebindings"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": secrets, "verbs": ["get"]},
    ]);
    let rules_of_all =
        json!([{"apiGroups": [GROUP], "resources": ["clusterservicebrokers"], "verbs": verbs}]);
    let rights = [
        role("Role", &metadata, rules),
        bound("RoleBinding", "Role", &metadata),
        role("ClusterRole", &of_all, rules_of_all),
        bound("ClusterRoleBinding", "ClusterRole", &of_all),
    ];
    crate::rights::apply(&ground.client, &rights, false).await;
}

struct Users {
    ground: Ground,
}

impl Users {
    async fn api(&self, kind: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(GROUP, "v1beta1", kind);
        let own = as_user(&self.ground, &kind).await;
        match kind.kind.starts_with("Cluster") {
            true => Api::all_with(own.into_client(), &ApiResource::from_gvk(&kind)),
            false => own,
        }
    }

    /// What the API server says to an object of the user, without making it.
    async fn created(&self, kind: &str, spec: &Value) -> String {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1beta1"), "kind": kind,
            "metadata": {"name": format!("{}-new", self.ground.namespace)}, "spec": spec,
        });
        let parameters = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let object = serde_json::from_value(object).unwrap();
        match self.api(kind).await.create(&parameters, &object).await {
            Ok(_) => "allowed".to_owned(),
            Err(kube::Error::Api(status)) => status.message.clone(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Tries until the answer contains `expected`: policies and rights take a moment until they hold.
    async fn answered(&self, kind: &str, spec: &Value, expected: &str) {
        let answer = async { while !self.created(kind, spec).await.contains(expected) {} };
        if tokio::time::timeout(PATIENCE, answer).await.is_err() {
            let said = self.created(kind, spec).await;
            panic!("expected {expected:?}, found {said:?}");
        }
    }
}

fn login(reference: Value) -> Value {
    json!({"url": "https://broker.example.com", "authInfo": {"bearer": {"secretRef": reference}}})
}

fn instance(secrets: &[&str]) -> Value {
    let from: Vec<_> = secrets
        .iter()
        .map(|name| json!({"secretKeyRef": {"name": name, "key": "json"}}))
        .collect();
    json!({"clusterServiceClassExternalName": "db", "parametersFrom": from})
}

fn binding(secrets: &[&str]) -> Value {
    let from: Vec<_> = secrets
        .iter()
        .map(|name| json!({"addKeysFrom": {"secretRef": {"name": name}}}))
        .collect();
    json!({"instanceRef": {"name": "db"}, "secretTransforms": from})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_a_secret_has_to_be_allowed_to_get_it() {
    let Some(ground) = Ground::new("named").await else {
        return;
    };
    for plural in [
        "clusterservicebrokers",
        "servicebrokers",
        "serviceinstances",
        "servicebindings",
    ] {
        define(&ground, plural).await;
    }
    let namespace = ground.namespace.clone();
    let there = [
        ("ServiceBroker", login(json!({"name": "theirs"}))),
        ("ServiceInstance", instance(&["theirs"])),
        ("ServiceBinding", binding(&["theirs"])),
    ];
    for (kind, spec) in &there {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1beta1"), "kind": kind, "metadata": {"name": "there"}, "spec": spec,
        });
        ground
            .apply(&ground.api(GROUP, "v1beta1", kind), object)
            .await;
    }
    may(&ground, &["own", "second", "third", "fourth"]).await;
    let users = Users { ground };
    let taken = instance(&["theirs"]);
    users.answered("ServiceInstance", &taken, "allowed").await;
    let policy = policy("service-catalog-policy.yaml", &namespace);
    crate::rights::apply(&users.ground.client, &policy, false).await;
    let refusal = "spec names Secret theirs, which alice may not get";
    users.answered("ServiceInstance", &taken, refusal).await;

    let sent = format!("has the operator send Secret {namespace}/theirs, which alice may not get");
    let of_all = |name: &str| login(json!({"namespace": namespace, "name": name}));
    let all = ["own", "second", "third", "fourth"];
    let five = ["own", "second", "third", "fourth", "own"];
    let with = |last| [&all[..3], &[last]].concat();
    let fourth = with("theirs");
    let many = "more than four Secrets at once, and alice may not get all Secrets";
    for (kind, spec, expected) in [
        (
            "ServiceBroker",
            login(json!({"name": "theirs"})),
            sent.as_str(),
        ),
        ("ServiceBroker", login(json!({"name": "own"})), "allowed"),
        (
            "ServiceBroker",
            json!({"url": "https://broker.example.com"}),
            "allowed",
        ),
        ("ClusterServiceBroker", of_all("theirs"), sent.as_str()),
        ("ClusterServiceBroker", of_all("own"), "allowed"),
        ("ServiceInstance", instance(&[]), "allowed"),
        ("ServiceInstance", instance(&all), "allowed"),
        ("ServiceInstance", instance(&fourth), refusal),
        ("ServiceInstance", instance(&five), many),
        ("ServiceBinding", binding(&["own", "theirs"]), refusal),
        ("ServiceBinding", binding(&["own"]), "allowed"),
    ] {
        let said = users.created(kind, &spec).await;
        assert!(said.contains(expected), "{kind} {spec}: {said}");
    }

    // What others have named is theirs; but credentials are not to be sent elsewhere.
    let labels = json!({"metadata": {"labels": {"about": "nothing"}}});
    for (kind, patch, expected) in [
        ("ServiceBroker", labels.clone(), "allowed"),
        (
            "ServiceBroker",
            json!({"spec": {"relistRequests": 1}}),
            "allowed",
        ),
        (
            "ServiceBroker",
            json!({"spec": {"url": "https://evil.example.com"}}),
            sent.as_str(),
        ),
        (
            "ServiceBroker",
            json!({"spec": {"insecureSkipTLSVerify": true}}),
            sent.as_str(),
        ),
        ("ServiceInstance", labels, "allowed"),
        (
            "ServiceInstance",
            json!({"spec": {"updateRequests": 1}}),
            "allowed",
        ),
        (
            "ServiceInstance",
            json!({"spec": {"parametersFrom": [
                {"secretKeyRef": {"name": "theirs", "key": "json"}}, {"secretKeyRef": {"name": "another", "key": "json"}},
            ]}}),
            "spec names Secret another, which alice may not get",
        ),
        (
            "ServiceBinding",
            json!({"spec": {"secretTransforms": [{"addKeysFrom": {"secretRef": {"name": "own"}}}]}}),
            "allowed",
        ),
    ] {
        let said = attempted(&users.api(kind).await, "there", patch.clone()).await;
        assert!(said.contains(expected), "{kind} {patch}: {said}");
    }
}
