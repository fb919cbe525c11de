//! What a cluster says of its kinds.

use std::path::PathBuf;

use anyhow::Context as _;
use kube::discovery::{Discovery, Scope};
use oarlock_cluster::client::{Source, connect};
use oarlock_core::reference::{Gvk, KindInfo};

/// Every kind that is served, in all versions.
pub(super) async fn served(kubeconfig: PathBuf) -> anyhow::Result<Vec<KindInfo>> {
    let source = Source {
        kubeconfig: Some(kubeconfig),
        context: None,
    };
    let client = connect(&source, concat!("oarlock/", env!("CARGO_PKG_VERSION"))).await?;
    let discovery = Discovery::new(client)
        .run()
        .await
        .context("the cluster does not say which kinds it serves")?;
    let kinds = discovery.groups().flat_map(|group| {
        let resources = group
            .versions()
            .flat_map(|version| group.versioned_resources(version));
        resources.map(|(resource, capabilities)| KindInfo {
            gvk: Gvk::new(resource.group, resource.version, resource.kind),
            plural: resource.plural,
            namespaced: capabilities.scope == Scope::Namespaced,
            status_subresource: capabilities
                .subresources
                .iter()
                .any(|(subresource, _)| subresource.plural.ends_with("status")),
        })
    });
    Ok(kinds.collect())
}
