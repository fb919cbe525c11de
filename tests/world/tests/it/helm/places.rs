//! Releases in namespaces that are not there yet.

use std::sync::Arc;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{CONFIG_MAPS, Dialect, SECRETS, Site};

const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");

fn there(site: &Site, resource: &ResourceId, name: &str) -> Option<Arc<Value>> {
    site.store().get(resource, "shop", name).ok()
}

#[tokio::test(start_paused = true)]
async fn the_first_flux_makes_the_namespace_that_its_records_are_in() {
    for dialect in [Dialect::Flux1, Dialect::Weave] {
        let mut site = Site::new(dialect).await;
        site.set(&json!({"targetNamespace": "shop"}));
        site.until_told("Ready", "True InstallSucceeded").await;
        assert!(there(&site, &CONFIG_MAPS, "web").is_some());
        assert!(there(&site, &SECRETS, "sh.helm.release.v1.web.v1").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_there_before_the_hooks_in_it() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({
        "releaseName": "web",
        "targetNamespace": "shop",
        "install": {"createNamespace": true},
        "values": {"hook": {"enabled": true}},
    }));
    site.until_told("Ready", "True InstallSucceeded").await;
    assert!(there(&site, &CONFIG_MAPS, "web").is_some());
    // Records are where the object is.
    assert!(site.get(&SECRETS, "sh.helm.release.v1.web.v1").is_some());
}

/// As with Helm, nobody takes a namespace away with its release.
#[tokio::test(start_paused = true)]
async fn a_namespace_stays_when_its_release_goes() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({
        "releaseName": "web",
        "targetNamespace": "shop",
        "install": {"createNamespace": true},
    }));
    site.until_told("Ready", "True InstallSucceeded").await;
    let resource = site.dialect.resource();
    site.delete(&resource, "web");
    site.until("it is gone", |world| {
        world.get(&resource, "web").is_none().then_some(())
    })
    .await;
    assert!(there(&site, &CONFIG_MAPS, "web").is_none());
    assert!(site.store().get(&NAMESPACES, "", "shop").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_release_moves_to_another_namespace() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({"releaseName": "web"}));
    site.until_told("Ready", "True InstallSucceeded").await;
    site.set(&json!({"targetNamespace": "shop", "install": {"createNamespace": true}}));
    site.until_told("Ready", "True InstallSucceeded").await;
    assert!(there(&site, &CONFIG_MAPS, "web").is_some());
    assert!(site.get(&CONFIG_MAPS, "web").is_none());
    assert_eq!(site.history(), ["v1 web-1.0.0 deployed: Install complete"]);
}

/// What is to come is looked at before what is there goes.
#[tokio::test(start_paused = true)]
async fn a_release_that_cannot_move_stays_where_it_is() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({"releaseName": "web"}));
    site.until_told("Ready", "True InstallSucceeded").await;
    site.set(&json!({
        "targetNamespace": "shop",
        "install": {"createNamespace": true},
        "chart": {"spec": {"version": "9.9.9"}},
    }));
    site.seconds(1800).await;
    assert!(site.get(&CONFIG_MAPS, "web").is_some(), "{}", site.told());
    assert_eq!(site.history().len(), 1, "{}", site.told());
}
