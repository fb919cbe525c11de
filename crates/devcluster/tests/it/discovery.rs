//! Discovery and OpenAPI.

use serde_json::{Value, json};

use crate::conversation::Conversation;

#[tokio::test]
async fn the_plain_documents() {
    let cluster = Conversation::new();
    assert_eq!(
        cluster.get("/api").await.ok().body["versions"],
        json!(["v1"])
    );
    let groups = cluster.get("/apis").await.ok().body;
    let names: Vec<&str> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"apps") && names.contains(&"events.k8s.io"),
        "{names:?}"
    );
    let core = cluster.get("/api/v1").await.ok().body;
    let find = |name: &str| {
        core["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["name"] == name)
            .cloned()
    };
    let pods = find("pods").unwrap();
    assert_eq!(
        (&pods["kind"], &pods["shortNames"]),
        (&json!("Pod"), &json!(["po"]))
    );
    assert!(find("pods/status").is_some());
    assert_eq!(cluster.get("/apis/apps/v9").await.code, 404);
}

#[tokio::test]
async fn the_aggregated_document() {
    let cluster = Conversation::new();
    let accept =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let list = cluster.accepting("/apis", accept).await.ok().body;
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (
            &json!("APIGroupDiscoveryList"),
            &json!("apidiscovery.k8s.io/v2")
        )
    );
    let apps = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["metadata"]["name"] == "apps")
        .unwrap();
    let deployments = apps["versions"][0]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["resource"] == "deployments")
        .unwrap();
    assert_eq!(
        deployments["responseKind"],
        json!({"group": "apps", "version": "v1", "kind": "Deployment"})
    );
    let subresources: Vec<&Value> = deployments["subresources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["subresource"])
        .collect();
    assert_eq!(subresources, ["scale", "status"]);
}

#[tokio::test]
async fn openapi_references_resolve() {
    let cluster = Conversation::new();
    let index = cluster.get("/openapi/v3").await.ok().body;
    for (path, entry) in index["paths"].as_object().unwrap() {
        let url = entry["serverRelativeURL"].as_str().unwrap();
        let document = cluster.get(url).await.ok().body;
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(
                schemas.get(name).is_some_and(Value::is_object),
                "{path}: {name}"
            );
        }
    }
}

#[tokio::test]
async fn version_and_probes() {
    let cluster = Conversation::new();
    assert_eq!(cluster.get("/version").await.ok().body["minor"], "34");
    for path in ["/healthz", "/readyz", "/livez", "/readyz/ping"] {
        assert_eq!(cluster.get(path).await.ok().body, "ok");
    }
}
