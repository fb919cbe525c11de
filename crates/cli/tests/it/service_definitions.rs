//! The definitions of the service catalog on the embedded cluster.

use kube::api::{Api, ApiResource, GroupVersionKind};

use crate::rollout::define_as;
use crate::service_fields;
use crate::service_objects::{GROUP, VERSION, definitions};
use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_name_the_field_and_what_to_do() {
    let site = Site::new().await;
    let client = site.cluster.client();
    for definition in definitions() {
        define_as(&client, definition).await;
    }
    let plural = |kind: &str| format!("{}s", kind.to_lowercase());
    let is_of_these = |kind: &str| service_fields::PLURALS.contains(&plural(kind).as_str());
    service_fields::hold(|kind| {
        assert!(is_of_these(kind), "{kind}");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind));
        Api::namespaced_with(client.clone(), "default", &resource)
    })
    .await;
    let classes = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, "ServiceClass"));
    let classes = ApiResource {
        plural: "serviceclasses".to_owned(),
        ..classes
    };
    service_fields::prune(&Api::namespaced_with(client.clone(), "default", &classes)).await;
}
