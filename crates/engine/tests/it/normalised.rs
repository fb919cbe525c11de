//! What the API server stores in another form than it was sent is not sent again and again.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::world::World;
use crate::world::fake::{Fake, Wish};
use crate::world::objects::{child, exactly, grant, watch, widget};

/// A pod template with everything that is written in more than one way.
fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default", "annotations": {}},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            "template": {"metadata": {"labels": {"app": "web"}, "creationTimestamp": null}, "spec": {
                "nodeSelector": {}, "tolerations": [], "volumes": [{"name": "tmp", "emptyDir": {}}],
                "containers": [{
                    "name": "web", "image": "nginx",
                    "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
                    "resources": {"limits": {"cpu": "1000m", "memory": "1024Ki"}, "requests": {"cpu": 0.5}},
                    "env": [{"name": "EMPTY", "value": ""}, {"name": "GONE", "value": null}],
                    "securityContext": {},
                    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
                }],
            }},
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81, "targetPort": "http"}]},
    })
}

fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "default", "labels": {}},
        "stringData": {"k": "v"}, "data": {"e": ""},
    })
}

fn gadget_definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.demo.example.com"},
        "spec": {
            "group": "demo.example.com", "scope": "Namespaced", "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "integer", "default": 3},
                    "ratio": {"type": "number"},
                    "port": {"x-kubernetes-int-or-string": true},
                    "list": {"type": "array", "items": {"type": "object", "properties": {
                        "a": {"type": "string"}, "b": {"type": "string", "default": "x"},
                    }}},
                }}},
            }}}],
        },
    })
}

fn gadget() -> Value {
    json!({
        "apiVersion": "demo.example.com/v1", "kind": "Gadget", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"ratio": 1.0, "port": "80", "list": [{"a": "1"}, {"a": "2"}]},
    })
}

/// Writes of the host to the child, after it settled: nobody touched it, somebody touched something else three times, the
/// operator was started again.
async fn writes(value: Value) -> [usize; 3] {
    let mut world = World::new().await;
    world.create(gadget_definition()).await;
    let mut granting = watch();
    granting.grants.write.push(grant("", "services"));
    granting.grants.write.push(grant("", "secrets"));
    let child = child(value);
    let target = child.object.target().clone();
    let module = Arc::new(Fake::wishing(&Wish::new(exactly([child]))));
    world.serve(granting, &module);
    world.create(widget("a")).await;
    world.until_ready("a").await;
    world.pass(std::time::Duration::from_secs(60)).await;
    let plural = format!("{}s/web", target.gvk.kind.to_lowercase());
    let count = |world: &World| {
        let writes = world.writes();
        writes
            .iter()
            .filter(|write| write.ends_with(&plural))
            .count()
    };
    let _earlier = world.writes();
    for _ in 0..3 {
        world.reconcile("a");
        world.quiet().await;
    }
    let untouched = count(&world);
    for touch in 0..3 {
        let note = json!({"metadata": {"annotations": {"note": touch.to_string()}}});
        world.patch(&target, note).await;
        world.pass(std::time::Duration::from_secs(60)).await;
    }
    let touched = count(&world);
    let _earlier = world.writes();
    let before = world.live(&target).await["metadata"]["resourceVersion"].clone();
    world.restart().await;
    world.pass(std::time::Duration::from_secs(60)).await;
    let restarted = count(&world);
    world.until_ready("a").await;
    assert_eq!(
        world.live(&target).await["metadata"]["resourceVersion"],
        before,
        "nothing changed"
    );
    [untouched, touched, restarted]
}

/// At most one write for each change by somebody else, and one after a restart; all of them change nothing.
fn assert_no_loop(writes: [usize; 3]) {
    assert_eq!(writes[0], 0);
    assert!(writes[1] <= 3 && writes[2] <= 1, "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn quantities_ports_empty_maps_and_nulls_of_a_pod_template() {
    assert_no_loop(writes(deployment()).await);
}

#[tokio::test(start_paused = true)]
async fn ports_of_a_service() {
    assert_no_loop(writes(service()).await);
}

#[tokio::test(start_paused = true)]
async fn texts_of_a_secret() {
    assert_no_loop(writes(secret()).await);
}

#[tokio::test(start_paused = true)]
async fn defaults_and_numbers_of_a_custom_resource() {
    assert_no_loop(writes(gadget()).await);
}
