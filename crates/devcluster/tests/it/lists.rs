//! Selectors, paging and the forms of lists.

use serde_json::{Value, json};

use crate::conversation::{CONFIG_MAPS, Conversation};

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn selectors_choose() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({"app": "web"})).await;
    cluster.config_map("b", &json!({"app": "api"})).await;
    cluster.config_map("c", &json!({})).await;
    for (query, expected) in [
        ("", vec!["a", "b", "c"]),
        ("labelSelector=app%3Dweb", vec!["a"]),
        ("labelSelector=app%20in%20(web,api)", vec!["a", "b"]),
        ("labelSelector=!app", vec!["c"]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.namespace!%3Ddefault", vec![]),
    ] {
        let list = cluster.get(&format!("{CONFIG_MAPS}?{query}")).await.ok();
        assert_eq!(names(&list.body), expected, "{query}");
    }
    let unknown = cluster
        .get(&format!("{CONFIG_MAPS}?fieldSelector=data.key%3Dvalue"))
        .await;
    assert_eq!(unknown.code, 400);
}

#[tokio::test]
async fn pages_show_one_state() {
    let cluster = Conversation::new();
    for name in ["a", "b", "c", "d", "e"] {
        cluster.config_map(name, &json!({})).await;
    }
    let first = cluster.get(&format!("{CONFIG_MAPS}?limit=2")).await.ok();
    assert_eq!(names(&first.body), ["a", "b"]);
    assert_eq!(first.body["metadata"]["remainingItemCount"], 3);
    cluster
        .delete(&format!("{CONFIG_MAPS}/c"), &Value::Null)
        .await
        .ok();
    cluster.config_map("bb", &json!({})).await;
    let token = first.body["metadata"]["continue"].as_str().unwrap();
    let second = cluster
        .get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"))
        .await
        .ok();
    assert_eq!(
        names(&second.body),
        ["c", "d"],
        "as it was when the first page was made"
    );
    assert_eq!(second.revision(), first.revision());
    let token = second.body["metadata"]["continue"].as_str().unwrap();
    cluster.cluster.store().compact();
    let expired = cluster
        .get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"))
        .await;
    assert_eq!(
        (expired.code, &expired.body["reason"]),
        (410, &json!("Expired"))
    );
    let token = expired.body["metadata"]["continue"].as_str().unwrap();
    let rest = cluster
        .get(&format!("{CONFIG_MAPS}?limit=2&continue={token}"))
        .await
        .ok();
    assert_eq!(names(&rest.body), ["e"]);
    assert!(rest.body["metadata"].get("continue").is_none());
}

#[tokio::test]
async fn revisions_of_lists() {
    let cluster = Conversation::new();
    let one = cluster.config_map("a", &json!({})).await.revision();
    let two = cluster.config_map("b", &json!({})).await.revision();
    let exact = cluster
        .get(&format!(
            "{CONFIG_MAPS}?resourceVersion={one}&resourceVersionMatch=Exact"
        ))
        .await
        .ok();
    assert_eq!((names(&exact.body), exact.revision()), (vec!["a"], one));
    let newer = cluster
        .get(&format!(
            "{CONFIG_MAPS}?resourceVersion={one}&resourceVersionMatch=NotOlderThan"
        ))
        .await
        .ok();
    assert_eq!(
        (names(&newer.body), newer.revision()),
        (vec!["a", "b"], two)
    );
    let future = cluster
        .get(&format!("{CONFIG_MAPS}?resourceVersion={}", two + 5))
        .await;
    assert_eq!(future.code, 504);
    assert_eq!(
        future.body["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
}

#[tokio::test]
async fn metadata_only_and_tables() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({})).await;
    cluster
        .clock
        .advance_by(std::time::Duration::from_secs(185));
    let partial =
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    let list = cluster.accepting(CONFIG_MAPS, partial).await.ok().body;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert!(list["items"][0].get("data").is_none());
    let table = cluster
        .accepting(
            CONFIG_MAPS,
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        )
        .await
        .ok()
        .body;
    assert_eq!(table["kind"], "Table");
    let headers: Vec<&Value> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["name"])
        .collect();
    assert_eq!(headers, ["Name", "Data", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["a", 1, "3m5s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let protobuf = cluster
        .accepting(CONFIG_MAPS, "application/vnd.kubernetes.protobuf")
        .await;
    assert_eq!(protobuf.code, 406);
}

#[tokio::test]
async fn ten_thousand_objects_are_listed() {
    let cluster = Conversation::new();
    let write = oarlock_devcluster::store::Write::by("test");
    let id = oarlock_devcluster::resource::ResourceId::of("", "configmaps");
    for number in 0..10_000 {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("map-{number:05}")}, "data": {"key": "value"},
        });
        cluster
            .cluster
            .store()
            .create(&id, "default", body, &write)
            .unwrap();
    }
    let list = cluster.get(CONFIG_MAPS).await.ok();
    assert_eq!(names(&list.body).len(), 10_000);
    let page = cluster.get(&format!("{CONFIG_MAPS}?limit=500")).await.ok();
    assert_eq!(page.body["metadata"]["remainingItemCount"], 9_500);
}
