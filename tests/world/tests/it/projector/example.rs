//! The example: an application with its database in one `kubectl apply -f`.

use serde_json::{Value, json};

use super::site::{BINDINGS, DEPLOYMENTS, Site, definition, free, names, secret};
use crate::components::text;
use crate::world::{World, condition};
use oarlock_devcluster::resource::ResourceId;

const OF_A_BROKER: ResourceId = ResourceId::of("servicecatalog.k8s.io", "servicebindings");

#[tokio::test(start_paused = true)]
async fn it_does_what_it_says() {
    let mut of_broker = definition(
        "servicecatalog.k8s.io",
        "ServiceBinding",
        "servicebindings",
        &free(),
    );
    of_broker["spec"]["versions"][0]["name"] = json!("v1beta1");
    let template = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut scaled = definition("keda.sh", "ScaledJob", "scaledjobs", &template);
    scaled["spec"]["versions"][0]["name"] = json!("v1alpha1");
    let folder = "examples/service-catalog/projection";
    let watches = text(&format!("{folder}/watches.yaml"));
    let mut site = Site::serving(&watches, &[of_broker, scaled], None).await;
    for object in documents(&format!("{folder}/app.yaml")) {
        site.apply(object).unwrap();
    }
    site.until_ready("shop-db", "Unknown ServiceMissingBinding")
        .await;
    // What the broker's module does.
    site.apply(secret("shop-db")).unwrap();
    site.edit(
        &OF_A_BROKER,
        "shop-db",
        &json!({"status": {"binding": {"name": "shop-db"}}}),
    )
    .unwrap();
    site.until_ready("shop-db", "True ServiceBound").await;
    let live = site.get(&DEPLOYMENTS, "shop").unwrap();
    let containers = &live["spec"]["template"]["spec"]["containers"];
    assert_eq!(
        containers[0]["volumeMounts"][0]["mountPath"],
        "/bindings/database"
    );
    assert_eq!(
        names(&containers[0]["env"]),
        ["SERVICE_BINDING_ROOT", "PGPASSWORD"]
    );
    assert_eq!(containers[1]["env"], Value::Null);

    for object in documents(&format!("{folder}/mapping.yaml")) {
        site.map(object);
    }
    let job = json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJob", "metadata": {"name": "nightly", "namespace": "default"},
        "spec": {"jobTargetRef": {"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}},
    });
    site.apply(job).unwrap();
    let binding = json!({
        "apiVersion": "servicebinding.io/v1beta1", "kind": "ServiceBinding",
        "metadata": {"name": "nightly", "namespace": "default"},
        "spec": {
            "service": {"apiVersion": "servicecatalog.k8s.io/v1beta1", "kind": "ServiceBinding", "name": "shop-db"},
            "workload": {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJob", "name": "nightly"},
        },
    });
    site.apply(binding).unwrap();
    site.until_ready("nightly", "True ServiceBound").await;
    let told = |world: &World| condition(&*world.get(&BINDINGS, "nightly")?, "ServiceAvailable");
    assert_eq!(
        told(&site).unwrap(),
        "True ResolvedBindingSecret: the Secret is shop-db"
    );
    let scaled = ResourceId::of("keda.sh", "scaledjobs");
    let live = site.get(&scaled, "nightly").unwrap();
    let container = &live["spec"]["jobTargetRef"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["volumeMounts"][0]["mountPath"],
        "/bindings/nightly"
    );
}

fn documents(path: &str) -> Vec<Value> {
    let text = text(path);
    text.split("\n---\n")
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect()
}
