//! What people do to the cluster: as kubectl does it, through the API.

use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use http::{Method, Request};
use kube::Client;
use kube::api::DynamicObject;
use oarlock_devcluster::DevCluster;
use oarlock_devcluster::resource::Resource;
use serde_json::{Value, json};

use crate::simulate::manifests::Manifest;
use crate::simulate::scenario::{Deed, Patch, Place};
use crate::steer::{self, Wish};

/// The field manager of what people write.
const MANAGER: &str = "kubectl";

/// Somebody with kubectl.
pub(crate) struct User<'c> {
    cluster: &'c DevCluster,
    client: Client,
}

impl<'c> User<'c> {
    pub(crate) fn of(cluster: &'c DevCluster) -> Self {
        Self {
            cluster,
            client: cluster.client(),
        }
    }

    /// Applies all of them: what others need first, and the rest in the order given.
    pub(crate) async fn apply_all<'m>(
        &self,
        manifests: impl Iterator<Item = &'m Manifest> + Clone,
    ) -> anyhow::Result<()> {
        for definition in manifests.clone().filter(|m| m.is_definition()) {
            self.apply(definition).await?;
        }
        for namespace in manifests.clone().filter(|m| m.is_namespace()) {
            self.apply(namespace).await?;
        }
        let rest = manifests.filter(|m| !m.is_definition() && !m.is_namespace());
        for manifest in rest {
            self.make_namespace(manifest).await?;
            self.apply(manifest).await?;
        }
        Ok(())
    }

    /// Does what a scenario wants done.
    pub(crate) async fn perform(&self, deed: &Deed) -> anyhow::Result<()> {
        match deed {
            Deed::Apply(_, manifests) => self.apply_all(manifests.iter()).await,
            Deed::Patch(patch) => self.patch(patch).await,
            Deed::Steer(place, wish) => self.steer(place, *wish).await,
            Deed::Delete(_, manifests) => {
                for manifest in manifests {
                    self.delete(manifest).await?;
                }
                Ok(())
            }
        }
    }

    /// Namespaces are there before what is in them.
    async fn make_namespace(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let name = manifest.namespace();
        let namespaced = self.resource(manifest)?.namespaced;
        let id = oarlock_devcluster::resource::ResourceId::of("", "namespaces");
        if !namespaced || self.cluster.store().get(&id, "", name).is_ok() {
            return Ok(());
        }
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let path = format!("/api/v1/namespaces?fieldManager={MANAGER}");
        let sent = self.send(Method::POST, &path, "application/json", &namespace);
        sent.await
            .with_context(|| format!("Namespace {name} was refused"))
    }

    async fn apply(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let path = format!(
            "{}?fieldManager={MANAGER}&force=true&fieldValidation=Strict",
            self.path(manifest)?
        );
        let mut object = Value::Object(manifest.object.clone());
        if self.resource(manifest)?.namespaced {
            object["metadata"]["namespace"] = json!(manifest.namespace());
        }
        let sent = self.send(
            Method::PATCH,
            &path,
            "application/apply-patch+yaml",
            &object,
        );
        sent.await
            .with_context(|| format!("{manifest} was refused"))
    }

    async fn delete(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let path = self.path(manifest)?;
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
        });
        let sent = self.send(Method::DELETE, &path, "application/json", &options);
        sent.await
            .with_context(|| format!("{manifest} was not deleted"))
    }

    async fn patch(&self, patch: &Patch) -> anyhow::Result<()> {
        let path = self.place(&patch.place)?;
        let path = format!("{path}?fieldManager={MANAGER}&fieldValidation=Strict");
        let body = Value::Object(patch.merge.clone());
        let sent = self.send(Method::PATCH, &path, "application/merge-patch+json", &body);
        sent.await
            .with_context(|| format!("the patch of {} was refused", patch.place))
    }

    /// As `oarlock promote` and its kin do.
    async fn steer(&self, place: &Place, wish: Wish) -> anyhow::Result<()> {
        let path = self.place(place)?;
        let request = Request::get(&path).body(Vec::new())?;
        let object: DynamicObject = match self.client.request(request).await {
            Ok(object) => object,
            Err(kube::Error::Api(status)) => bail!("{}", status.message),
            Err(error) => return Err(error.into()),
        };
        let Some(spec) = steer::change(wish, &object, &place.to_string())? else {
            return Ok(());
        };
        let path = format!("{path}?fieldManager={MANAGER}&fieldValidation=Strict");
        let body = json!({"spec": spec});
        let sent = self.send(Method::PATCH, &path, "application/merge-patch+json", &body);
        sent.await
            .with_context(|| format!("{place} is not steered"))
    }

    fn place(&self, place: &Place) -> anyhow::Result<String> {
        let resource = self.find(&place.kind)?;
        let version = resource.versions.first().map_or("", |v| v.name.as_str());
        Ok(path(&resource, version, &place.namespace, &place.name))
    }

    /// The one resource that a word means.
    fn find(&self, word: &str) -> anyhow::Result<Arc<Resource>> {
        let word = word.to_lowercase();
        let (kind, group) = match word.split_once('.') {
            Some((kind, group)) => (kind, Some(group)),
            None => (word.as_str(), None),
        };
        let resources = self.cluster.store().resources();
        let found: Vec<&Arc<Resource>> = resources
            .values()
            .filter(|resource| {
                let names = [resource.id.plural(), &resource.singular];
                (names.contains(&kind) || resource.kind.to_lowercase() == kind)
                    && group.is_none_or(|group| resource.id.group() == group)
                    // Events are served twice.
                    && resource.id == resource.storage
            })
            .collect();
        match found.as_slice() {
            [one] => Ok(Arc::clone(one)),
            [] => {
                bail!("no kind {word} is served; hint: give its CustomResourceDefinition with -f")
            }
            many => {
                let names: Vec<String> = many
                    .iter()
                    .map(|r| format!("{}.{}", r.id.plural(), r.id.group()))
                    .collect();
                bail!(
                    "{word} is the name of several kinds; hint: write one of {}",
                    names.join(", ")
                )
            }
        }
    }

    fn resource(&self, manifest: &Manifest) -> anyhow::Result<Arc<Resource>> {
        let (api_version, kind) = (manifest.api_version(), manifest.kind());
        let resource = self.cluster.store().resource_of(api_version, kind);
        resource.with_context(|| {
            format!(
                "{manifest}: no kind {kind} of {api_version} is served; hint: give its CustomResourceDefinition with -f, or \
                 with a module that brings it"
            )
        })
    }

    fn path(&self, manifest: &Manifest) -> anyhow::Result<String> {
        let resource = self.resource(manifest)?;
        let version = manifest
            .api_version()
            .rsplit('/')
            .next()
            .unwrap_or_default();
        Ok(path(
            &resource,
            version,
            manifest.namespace(),
            manifest.name(),
        ))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> anyhow::Result<()> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, kind)
            .body(serde_json::to_vec(body)?)?;
        match self.client.request::<Value>(request).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) => Err(anyhow!("{}", status.message)),
            Err(error) => Err(error.into()),
        }
    }
}

fn path(resource: &Resource, version: &str, namespace: &str, name: &str) -> String {
    let group = match resource.id.group() {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    };
    let space = match resource.namespaced {
        true => format!("/namespaces/{namespace}"),
        false => String::new(),
    };
    format!("{group}{space}/{}/{name}", resource.id.plural())
}
