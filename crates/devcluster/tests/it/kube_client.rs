//! The client library of controllers against the cluster in the process.

use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;

use crate::conversation::Conversation;

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"},
    }))
    .unwrap()
}

#[tokio::test]
async fn typed_calls() {
    let client = Conversation::new().cluster.client();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.create(&PostParams::default(), &map("a"))
        .await
        .unwrap();
    let patch = Patch::Apply(map("b"));
    maps.patch("b", &PatchParams::apply("test").force(), &patch)
        .await
        .unwrap();
    let listed = maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    let error = maps.get("c").await.unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error}")
    };
    assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"));
    maps.delete("a", &Default::default()).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn dynamic_objects_and_discovery() {
    let client = Conversation::new().cluster.client();
    let discovery = kube::discovery::Discovery::new(client.clone())
        .run()
        .await
        .unwrap();
    let gvk = GroupVersionKind::gvk("apps", "v1", "Deployment");
    let (resource, capabilities) = discovery.resolve_gvk(&gvk).unwrap();
    assert_eq!(resource.plural, "deployments");
    assert!(capabilities.supports_operation("watch"));
    let api: Api<DynamicObject> = Api::all_with(client, &ApiResource::from_gvk(&gvk));
    assert!(
        api.list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn watchers_of_both_kinds_follow_and_recover() {
    for streaming in [false, true] {
        let cluster = Conversation::with_history(4);
        let maps: Api<ConfigMap> = Api::default_namespaced(cluster.cluster.client());
        maps.create(&PostParams::default(), &map("a"))
            .await
            .unwrap();
        let config = if streaming {
            watcher::Config::default().streaming_lists()
        } else {
            watcher::Config::default()
        };
        let mut objects = Box::pin(
            watcher(maps.clone(), config)
                .default_backoff()
                .applied_objects(),
        );
        let first = objects.try_next().await.unwrap().unwrap();
        assert_eq!(first.metadata.name.as_deref(), Some("a"));
        // More than the history holds: the watch is answered 410 and the watcher starts over.
        for n in 0..8 {
            cluster.config_map(&format!("m{n}"), &json!({})).await;
        }
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 9 {
            match objects.next().await.unwrap() {
                Ok(object) => {
                    seen.insert(object.metadata.name.unwrap());
                }
                Err(watcher::Error::WatchError(status)) => assert_eq!(status.code, 410),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
