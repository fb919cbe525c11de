//! The objects: made, changed, removed.

use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

const DEFINITION: &str = include_str!("../../../guests/rust/fan-out/crd.json");

/// Requests at a time while objects are made.
const AT_A_TIME: usize = 32;

/// Longest wait for a definition to be served.
const PATIENCE: Duration = Duration::from_secs(30);

/// A namespace full of objects.
pub(crate) struct Fleet {
    client: kube::Client,
    namespace: String,
    children: usize,
}

impl Fleet {
    pub(crate) async fn new(kubeconfig: &Path, children: usize) -> anyhow::Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig)?;
        let config =
            kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let client = kube::Client::try_from(config)?;
        let namespace = format!("fleet-{}", std::process::id());
        let fleet = Self {
            client,
            namespace,
            children,
        };
        let namespace: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fleet.namespace},
        }))?;
        fleet
            .cluster_wide("", "v1", "Namespace")
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(fleet)
    }

    fn cluster_wide(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::all_with(self.client.clone(), &resource)
    }

    fn objects(&self) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("guests.oarlock.dev", "v1", "FanOut"),
            "fanouts",
        );
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// The ConfigMaps.
    pub(crate) fn children(&self) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Applies the definition of the objects, and waits until it is served.
    pub(crate) async fn define(&self) -> anyhow::Result<()> {
        let definition: Value = serde_json::from_str(DEFINITION)?;
        let definitions =
            self.cluster_wide("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        let parameters = PatchParams::apply("oarlock-bench").force();
        definitions
            .patch(
                "fanouts.guests.oarlock.dev",
                &parameters,
                &Patch::Apply(&definition),
            )
            .await?;
        let start = Instant::now();
        while let Err(error) = self.objects().list(&Default::default()).await {
            anyhow::ensure!(
                start.elapsed() < PATIENCE,
                "the definition is not served: {error}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The name of an object.
    pub(crate) fn name(&self, number: usize) -> String {
        format!("o{number:06}")
    }

    /// Makes so many objects.
    pub(crate) async fn create(&self, count: usize) -> anyhow::Result<()> {
        let objects = self.objects();
        futures_util::stream::iter(0..count)
            .map(|number| {
                let objects = objects.clone();
                async move {
                    let object: DynamicObject = serde_json::from_value(json!({
                        "apiVersion": "guests.oarlock.dev/v1",
                        "kind": "FanOut",
                        "metadata": {"name": self.name(number)},
                        "spec": {"text": "first", "children": self.children},
                    }))?;
                    objects.create(&PostParams::default(), &object).await?;
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    /// Changes one object: its name, its text, and when the API server had it.
    pub(crate) fn change(
        &self,
        number: usize,
        text: String,
    ) -> impl Future<Output = anyhow::Result<(String, String, Instant)>> + use<> {
        let (objects, name) = (self.objects(), self.name(number));
        async move {
            let patch = Patch::Merge(json!({"spec": {"text": text}}));
            objects
                .patch(&name, &PatchParams::default(), &patch)
                .await?;
            Ok((name, text, Instant::now()))
        }
    }

    /// Removes everything again.
    pub(crate) async fn remove(&self) -> anyhow::Result<()> {
        let namespaces = self.cluster_wide("", "v1", "Namespace");
        namespaces
            .delete(&self.namespace, &DeleteParams::default())
            .await?;
        Ok(())
    }
}
