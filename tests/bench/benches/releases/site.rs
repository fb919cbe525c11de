//! The objects: made, changed, removed, and waited for.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _};
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

/// Requests at a time.
const AT_A_TIME: usize = 16;

/// Longest silence while something has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A namespace full of releases.
pub(crate) struct Site {
    client: kube::Client,
    namespace: String,
    releases: usize,
}

impl Site {
    pub(crate) async fn new(kubeconfig: &Path, releases: usize) -> anyhow::Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig)?;
        let config =
            kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let site = Self {
            client: kube::Client::try_from(config)?,
            namespace: format!("releases-{releases}-{}", std::process::id()),
            releases,
        };
        let namespace: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": site.namespace},
        }))?;
        site.cluster_wide("", "v1", "Namespace")
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(site)
    }

    pub(crate) const fn releases(&self) -> usize {
        self.releases
    }

    fn cluster_wide(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::all_with(self.client.clone(), &resource)
    }

    fn objects(&self) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("bench.oarlock.dev", "v1", "Podinfo"),
            "podinfos",
        );
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Applies the definition of the objects, and waits until it is served.
    pub(crate) async fn define(&self) -> anyhow::Result<()> {
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "podinfos.bench.oarlock.dev"},
            "spec": {
                "group": "bench.oarlock.dev",
                "scope": "Namespaced",
                "names": {"kind": "Podinfo", "plural": "podinfos", "singular": "podinfo"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": open, "status": open}}},
                }],
            },
        });
        let definitions =
            self.cluster_wide("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        let parameters = PatchParams::apply("oarlock-bench").force();
        definitions
            .patch(
                "podinfos.bench.oarlock.dev",
                &parameters,
                &Patch::Apply(&definition),
            )
            .await?;
        let start = Instant::now();
        while let Err(error) = self.objects().list(&ListParams::default()).await {
            anyhow::ensure!(
                start.elapsed() < PATIENCE,
                "the definition is not served: {error}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.releases).map(|number| format!("r{number:04}"))
    }

    pub(crate) async fn create(&self) -> anyhow::Result<()> {
        let objects = self.objects();
        futures_util::stream::iter(self.names())
            .map(|name| {
                let objects = objects.clone();
                async move {
                    let object: DynamicObject = serde_json::from_value(json!({
                        "apiVersion": "bench.oarlock.dev/v1",
                        "kind": "Podinfo",
                        "metadata": {"name": name},
                        "spec": {"ui": {"message": format!("hello from {name}")}},
                    }))?;
                    objects.create(&PostParams::default(), &object).await?;
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    /// Changes the values of all.
    pub(crate) async fn upgrade(&self, to: &str) -> anyhow::Result<()> {
        let objects = self.objects();
        let patch = json!({"spec": {"ui": {"color": format!("#{to}")}}});
        futures_util::stream::iter(self.names())
            .map(|name| {
                let (objects, patch) = (objects.clone(), Patch::Merge(patch.clone()));
                async move {
                    objects
                        .patch(&name, &PatchParams::default(), &patch)
                        .await?;
                    anyhow::Ok(())
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    pub(crate) async fn delete(&self) -> anyhow::Result<()> {
        let everything = ListParams::default();
        self.objects()
            .delete_collection(&DeleteParams::default(), &everything)
            .await?;
        Ok(())
    }

    /// Until the releases of all are at a revision and ready.
    pub(crate) async fn until_ready(&self, revision: &str) -> anyhow::Result<()> {
        let mut waiting: BTreeSet<String> = self.names().collect();
        self.follow(|event| {
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event
                && is_ready(&object, revision)
            {
                waiting.remove(&object.metadata.name.unwrap_or_default());
            }
            (!waiting.is_empty()).then(|| format!("{} are not ready", waiting.len()))
        })
        .await
    }

    /// Until there is none left.
    pub(crate) async fn until_gone(&self) -> anyhow::Result<()> {
        let mut there = HashSet::new();
        self.follow(|event| {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    there.insert(object.metadata.name);
                }
                WatchEvent::Deleted(object) => {
                    there.remove(&object.metadata.name);
                }
                WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
            }
            (!there.is_empty()).then(|| format!("{} are left", there.len()))
        })
        .await
    }

    /// Lists and follows the objects until nothing is waited for.
    async fn follow(
        &self,
        mut waits: impl FnMut(WatchEvent<DynamicObject>) -> Option<String>,
    ) -> anyhow::Result<()> {
        let objects = self.objects();
        let list = objects.list(&ListParams::default()).await?;
        let mut version = list
            .metadata
            .resource_version
            .context("a list has a version")?;
        let mut waiting = None;
        for object in list.items {
            waiting = waits(WatchEvent::Added(object));
        }
        while let Some(what) = waiting.take() {
            let parameters = WatchParams::default().timeout(290);
            let mut events = Box::pin(objects.watch(&parameters, &version).await?);
            waiting = Some(what);
            while let Some(what) = waiting.clone() {
                let next = tokio::time::timeout(PATIENCE, events.next()).await;
                let Some(event) = next.with_context(|| what.clone())? else {
                    break;
                };
                match event? {
                    WatchEvent::Error(error) => bail!("{what}: {error:?}"),
                    WatchEvent::Bookmark(bookmark) => {
                        version = bookmark.metadata.resource_version;
                    }
                    event => {
                        if let WatchEvent::Added(object)
                        | WatchEvent::Modified(object)
                        | WatchEvent::Deleted(object) = &event
                        {
                            version = object.metadata.resource_version.clone().unwrap_or_default();
                        }
                        waiting = waits(event);
                    }
                }
            }
        }
        Ok(())
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

/// The machine's own memory tells: `Ready`, nothing under way, and the newest revision is the one.
fn is_ready(object: &DynamicObject, revision: &str) -> bool {
    let status = &object.data["status"];
    let ready = status["conditions"].as_array().is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    });
    let lifecycle = &status["lifecycle"];
    let newest = lifecycle["history"][0]["version"].as_u64();
    ready
        && lifecycle["action"] == Value::Null
        && newest.map(|newest| newest.to_string()).as_deref() == Some(revision)
}
