#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube::Client;
use kube::api::{Api, ApiResource};
use kube::client::Body;
use oarlock_devcluster::DevCluster;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Write;
use serde_json::{Value, json};

use super::wish::Wish;
use super::{ATTEMPTS, carry_out};
use crate::target::Handle;

const CRDS: ResourceId = ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions");
const ROLLOUTS: ResourceId = ResourceId::of("example.com", "rollouts");

/// A cluster with a rollout of `new` in it.
async fn cluster() -> DevCluster {
    let cluster = DevCluster::builder().start();
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rollouts.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Rollout", "plural": "rollouts"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": open},
            }],
        },
    });
    let by = Write::by("test");
    let store = cluster.store();
    drop(store.create(&CRDS, "", definition, &by).unwrap());
    let rollout = json!({
        "apiVersion": "example.com/v1", "kind": "Rollout",
        "metadata": {"name": "a", "namespace": "default"},
        "status": {"currentRevision": "new", "stableRevision": "old"},
    });
    drop(store.create(&ROLLOUTS, "default", rollout, &by).unwrap());
    cluster
}

/// The object, by a client before whose writes somebody else always writes first: this often.
fn contested(cluster: &DevCluster, times: usize) -> (Handle, Arc<AtomicUsize>) {
    let (service, store) = (cluster.service(), cluster.store().clone());
    let writes = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&writes);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        if request.method() == http::Method::PATCH {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            if number <= times {
                let newer = json!(format!("newer-{number}"));
                let told = |object: &mut Value| {
                    object["status"]["currentRevision"] = newer.clone();
                    Ok(())
                };
                let by = Write::by("operator");
                drop(
                    store
                        .modify(&ROLLOUTS, "default", "a", None, &by, told)
                        .unwrap(),
                );
            }
        }
        tower::Service::call(&mut service.clone(), request)
    });
    let client = Client::new(service, "default");
    let resource = ApiResource {
        group: "example.com".to_owned(),
        version: "v1".to_owned(),
        api_version: "example.com/v1".to_owned(),
        kind: "Rollout".to_owned(),
        plural: "rollouts".to_owned(),
    };
    let handle = Handle {
        api: Api::namespaced_with(client.clone(), "default", &resource),
        client,
        resource,
        namespace: Some("default".to_owned()),
        name: "a".to_owned(),
    };
    (handle, writes)
}

fn control(cluster: &DevCluster) -> Value {
    let rollout = cluster.store().get(&ROLLOUTS, "default", "a").unwrap();
    rollout["spec"]["control"].clone()
}

#[tokio::test]
async fn a_wish_is_for_the_revision_that_is_there_when_it_is_written() {
    let cluster = cluster().await;
    let (handle, writes) = contested(&cluster, 2);
    carry_out(&handle, Wish::Abort, None).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 3);
    assert_eq!(control(&cluster), json!({"abort": "newer-2"}));
}

#[tokio::test]
async fn who_is_always_too_late_says_so() {
    let cluster = cluster().await;
    let (handle, writes) = contested(&cluster, usize::MAX);
    let error = carry_out(&handle, Wish::Abort, None).await.unwrap_err();
    insta::assert_snapshot!(error, @"Rollout default/a: others keep writing it; hint: try again");
    assert_eq!(writes.load(Ordering::Relaxed), ATTEMPTS);
    assert_eq!(control(&cluster), Value::Null);
}
