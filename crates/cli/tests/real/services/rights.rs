//! The rights that `oarlock rbac` prints for the watches of the example.

use serde_json::json;

use crate::least_rights::confine;
use crate::rights::forbidden;

use super::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_life_needs_no_more_than_is_printed() {
    // Of what ends in other namespaces the operator would have Events to tell, which no namespace takes that ends itself.
    let Some(site) = Site::alone("services-rights").await else {
        return;
    };
    confine(&site.ground, &[]).await;
    let operator = site.operator().await;
    site.with_catalog().await;
    site.with_binding().await;
    let plan = json!({"spec": {"clusterServicePlanExternalName": "large"}});
    site.objects.patch("ServiceInstance", "db", plan).await;
    site.objects.ready("ServiceInstance", "db").await;
    assert_eq!(site.there(), (1, 1));
    for (kind, name) in [("ServiceBinding", "creds"), ("ServiceInstance", "db")] {
        site.objects.delete(kind, name).await;
        site.objects.gone(kind, name).await;
    }
    assert_eq!(site.there(), (0, 0));
    site.without_broker().await;
    let (status, metrics) = operator.get("/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(
        forbidden(&metrics),
        Vec::<&str>::new(),
        "{}",
        operator.process.log()
    );
}
