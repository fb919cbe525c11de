//! CustomResourceDefinitions and their objects.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::conversation::Conversation;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const DEPLOYERS: &str = "/apis/deploy.example.com/v1alpha1/namespaces/default/deployers";

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "deployers.deploy.example.com"},
        "spec": {
            "group": "deploy.example.com", "scope": "Namespaced",
            "names": {"kind": "Deployer", "plural": "deployers", "shortNames": ["dep"]},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [
                    {"name": "Image", "type": "string", "jsonPath": ".spec.image"},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {
                            "type": "object", "required": ["image"],
                            "properties": {
                                "image": {"type": "string"},
                                "replicas": {"type": "integer", "default": 1},
                                "steps": {"type": "array", "items": {
                                    "type": "object",
                                    "properties": {"percent": {"type": "integer", "maximum": 100}},
                                }},
                            },
                        },
                        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    },
                }},
            }],
        },
    })
}

fn deployer(name: &str) -> Value {
    json!({
        "apiVersion": "deploy.example.com/v1alpha1", "kind": "Deployer",
        "metadata": {"name": name}, "spec": {"image": "nginx:1.7.7"},
    })
}

fn named(collection: &str, plural: &str) -> String {
    format!("{collection}/{plural}.deploy.example.com")
}

async fn with_definition() -> Conversation {
    let cluster = Conversation::new();
    cluster.post(DEFINITIONS, &definition()).await.ok();
    cluster
}

#[tokio::test]
async fn a_definition_is_served_at_once() {
    let cluster = Conversation::new();
    assert_eq!(cluster.get(DEPLOYERS).await.code, 404);
    let created = cluster.post(DEFINITIONS, &definition()).await.ok().body;
    assert!(
        created["status"].get("conditions").is_none(),
        "as it was written"
    );
    let created = cluster
        .get(&named(DEFINITIONS, "deployers"))
        .await
        .ok()
        .body;
    let conditions: Vec<String> = created["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            format!(
                "{}={}",
                c["type"].as_str().unwrap(),
                c["status"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(conditions, ["NamesAccepted=True", "Established=True"]);
    assert_eq!(created["status"]["storedVersions"], json!(["v1alpha1"]));
    assert_eq!(created["status"]["acceptedNames"]["singular"], "deployer");
    assert_eq!(created["spec"]["names"]["listKind"], "DeployerList");
    let list = cluster.get(DEPLOYERS).await.ok().body;
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (
            &json!("DeployerList"),
            &json!("deploy.example.com/v1alpha1")
        )
    );
}

#[tokio::test]
async fn objects_are_defaulted_pruned_and_checked() {
    let cluster = with_definition().await;
    let mut object = deployer("nginx");
    object["spec"]["unknown"] = json!(1);
    object["status"] = json!({"phase": "made up"});
    let created = cluster.post(DEPLOYERS, &object).await.ok();
    assert_eq!(
        created.warnings,
        ["299 - \"unknown field \\\"spec.unknown\\\"\""]
    );
    assert_eq!(
        created.body["spec"],
        json!({"image": "nginx:1.7.7", "replicas": 1})
    );
    assert!(
        created.body.get("status").is_none(),
        "status is written through /status alone"
    );
    assert_eq!(created.body["metadata"]["generation"], 1);
    for (patch, message) in [
        (
            json!({"spec": {"steps": [{"percent": "ten"}]}}),
            "Deployer.deploy.example.com \"nginx\" is invalid: spec.steps[0].percent: Invalid value: \"string\": \
             spec.steps[0].percent in body must be of type integer: \"string\"",
        ),
        (
            json!({"spec": {"image": null}}),
            "Deployer.deploy.example.com \"nginx\" is invalid: spec.image: Required value",
        ),
        (
            json!({"spec": {"steps": [{"percent": 101}]}}),
            "Deployer.deploy.example.com \"nginx\" is invalid: spec.steps[0].percent: Invalid value: 101: \
             spec.steps[0].percent in body should be less than or equal to 100",
        ),
    ] {
        let refused = cluster.merge(&format!("{DEPLOYERS}/nginx"), &patch).await;
        assert_eq!((refused.code, refused.message()), (422, message));
        assert_eq!(
            refused.body["details"]["causes"].as_array().unwrap().len(),
            1
        );
    }
    let mut blind = deployer("nginx");
    blind["spec"]["replicas"] = json!(2);
    let refused = cluster.put(&format!("{DEPLOYERS}/nginx"), &blind).await;
    assert_eq!(
        refused.message(),
        "deployers.deploy.example.com \"nginx\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    );
}

#[tokio::test]
async fn status_and_scale_of_custom_resources() {
    let cluster = with_definition().await;
    cluster.post(DEPLOYERS, &deployer("nginx")).await.ok();
    let path = format!("{DEPLOYERS}/nginx");
    let body = json!({"status": {"phase": "Up", "replicas": 1}, "spec": {"image": "other"}, "metadata": {"labels": {"a": "b"}}});
    let written = cluster
        .merge(&format!("{path}/status"), &body)
        .await
        .ok()
        .body;
    assert_eq!(written["status"]["phase"], "Up");
    assert_eq!(written["spec"]["image"], "nginx:1.7.7");
    assert!(
        written["metadata"].get("labels").is_none(),
        "/status of a custom resource writes no metadata"
    );
    assert_eq!(written["metadata"]["generation"], 1);
    cluster
        .merge(&format!("{path}/scale"), &json!({"spec": {"replicas": 5}}))
        .await
        .ok();
    let object = cluster.get(&path).await.ok().body;
    assert_eq!(
        (
            &object["spec"]["replicas"],
            &object["metadata"]["generation"]
        ),
        (&json!(5), &json!(2))
    );
}

#[tokio::test]
async fn definitions_are_checked() {
    let cluster = Conversation::new();
    let change = |edit: fn(&mut Value)| {
        let mut definition = definition();
        edit(&mut definition);
        definition
    };
    let cases = [
        (
            change(|d| d["metadata"]["name"] = json!("wrong.deploy.example.com")),
            "metadata.name: Invalid value: \"wrong.deploy.example.com\": must be spec.names.plural+\".\"+spec.group",
        ),
        (
            change(|d| {
                d["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
                    .as_object_mut()
                    .unwrap()
                    .remove("type");
            }),
            "spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields",
        ),
        (
            change(|d| {
                d["spec"]["versions"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("schema");
            }),
            "spec.versions[0].schema.openAPIV3Schema: Required value",
        ),
        (
            change(|d| {
                d["spec"]["conversion"] =
                    json!({"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}})
            }),
            "spec.conversion.strategy: Forbidden: Webhook conversion is not available in this development cluster; hint: use None",
        ),
    ];
    for (definition, message) in cases {
        let refused = cluster.post(DEFINITIONS, &definition).await;
        assert_eq!(refused.code, 422, "{}", refused.body);
        assert!(refused.message().contains(message), "{}", refused.message());
    }
    let mut old = definition();
    old["apiVersion"] = json!("apiextensions.k8s.io/v1beta1");
    let refused = cluster
        .post(
            "/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions",
            &old,
        )
        .await;
    assert_eq!(
        (refused.code, &refused.body["reason"]),
        (404, &json!("NotFound"))
    );
}

#[tokio::test]
async fn a_changed_schema_holds_at_once() {
    let cluster = with_definition().await;
    let path = format!("{DEFINITIONS}/deployers.deploy.example.com");
    let mut definition = cluster.get(&path).await.ok().body;
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"]["spec"]["properties"]["pace"] =
        json!({"type": "string", "enum": ["slow"]});
    let written = cluster.put(&path, &definition).await.ok();
    assert_eq!(written.body["metadata"]["generation"], 2);
    let mut object = deployer("nginx");
    object["spec"]["pace"] = json!("fast");
    let refused = cluster.post(DEPLOYERS, &object).await;
    assert_eq!(
        refused.message(),
        "Deployer.deploy.example.com \"nginx\" is invalid: spec.pace: Unsupported value: \"fast\": supported values: \"slow\""
    );
    definition = written.body;
    definition["spec"]["scope"] = json!("Cluster");
    let refused = cluster.put(&path, &definition).await;
    assert_eq!(
        refused.message(),
        "CustomResourceDefinition.apiextensions.k8s.io \"deployers.deploy.example.com\" is invalid: spec.scope: Invalid \
         value: \"Cluster\": field is immutable"
    );
}

#[tokio::test]
async fn taken_names_are_not_accepted() {
    let cluster = with_definition().await;
    let mut other = definition();
    other["metadata"]["name"] = json!("others.deploy.example.com");
    other["spec"]["names"]["plural"] = json!("others");
    cluster.post(DEFINITIONS, &other).await.ok();
    let created = cluster.get(&named(DEFINITIONS, "others")).await.ok().body;
    let condition = &created["status"]["conditions"][0];
    assert_eq!(
        (&condition["type"], &condition["status"]),
        (&json!("NamesAccepted"), &json!("False"))
    );
    assert_eq!(
        cluster
            .get("/apis/deploy.example.com/v1alpha1/others")
            .await
            .code,
        404
    );
}

#[tokio::test]
async fn versions_show_the_same_objects() {
    let cluster = Conversation::new();
    let mut definition = definition();
    let mut v1 = definition["spec"]["versions"][0].clone();
    v1["name"] = json!("v1");
    v1["storage"] = json!(false);
    definition["spec"]["versions"]
        .as_array_mut()
        .unwrap()
        .push(v1);
    cluster.post(DEFINITIONS, &definition).await.ok();
    cluster.post(DEPLOYERS, &deployer("nginx")).await.ok();
    let path = "/apis/deploy.example.com/v1/namespaces/default/deployers/nginx";
    let object = cluster.get(path).await.ok().body;
    assert_eq!(object["apiVersion"], "deploy.example.com/v1");
    cluster
        .merge(path, &json!({"spec": {"image": "nginx:2"}}))
        .await
        .ok();
    let object = cluster.get(&format!("{DEPLOYERS}/nginx")).await.ok().body;
    assert_eq!(
        (&object["apiVersion"], &object["spec"]["image"]),
        (&json!("deploy.example.com/v1alpha1"), &json!("nginx:2"))
    );
    let group = cluster.get("/apis/deploy.example.com").await.ok().body;
    assert_eq!(group["preferredVersion"]["version"], "v1");
}

#[tokio::test]
async fn deleting_a_definition_deletes_its_objects() {
    let cluster = with_definition().await;
    let mut held = deployer("held");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    cluster.post(DEPLOYERS, &held).await.ok();
    cluster.post(DEPLOYERS, &deployer("free")).await.ok();
    let revision = cluster.get(DEPLOYERS).await.revision();
    let mut events = cluster
        .watch(&format!("{DEPLOYERS}?watch=1&resourceVersion={revision}"))
        .await;
    let path = format!("{DEFINITIONS}/deployers.deploy.example.com");
    cluster.delete(&path, &Value::Null).await.ok();
    let refused = cluster.post(DEPLOYERS, &deployer("late")).await;
    assert_eq!(
        (refused.code, refused.message()),
        (
            405,
            "create not allowed while custom resource definition is terminating"
        )
    );
    assert_eq!(cluster.get(&format!("{DEPLOYERS}/free")).await.code, 404);
    assert_eq!(
        cluster.get(&path).await.code,
        200,
        "waits for the object that is held"
    );
    cluster
        .merge(
            &format!("{DEPLOYERS}/held"),
            &json!({"metadata": {"finalizers": null}}),
        )
        .await
        .ok();
    assert_eq!(cluster.get(&path).await.code, 404);
    assert_eq!(cluster.get(DEPLOYERS).await.code, 404);
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let name = event["object"]["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        seen.push(format!("{} {name}", event["type"].as_str().unwrap()));
    }
    assert_eq!(seen, ["DELETED free", "MODIFIED held", "DELETED held"]);
}

#[tokio::test]
async fn printer_columns() {
    let cluster = with_definition().await;
    cluster.post(DEPLOYERS, &deployer("nginx")).await.ok();
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let table = cluster.accepting(DEPLOYERS, accept).await.ok().body;
    assert_eq!(
        table["rows"][0]["cells"],
        json!(["nginx", "nginx:1.7.7", "0s"])
    );
}
