//! Helm releases, by the component that people run: whatever goes wrong, the history has no gap, one revision is deployed, and no
//! lock stays.

mod charts;
mod rules;
mod story;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use oarlock_config::Watch;
use oarlock_core::artifact::Artifacts;
use oarlock_core::reconciler::Reconciler;
use oarlock_devcluster::Store;
use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::component::{self, text};
use crate::outside::{Witness, Wrong};
use crate::play::{Play, Record, Story, all, conditions, watch};
use crate::sweep::sweep;

const RELEASES: ResourceId = ResourceId::of("helm.toolkit.fluxcd.io", "helmreleases");
const SECRETS: ResourceId = ResourceId::of("", "secrets");
const CONFIG_MAPS: ResourceId = ResourceId::of("", "configmaps");
const SERVICES: ResourceId = ResourceId::of("", "services");
const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");

const WATCHES: &str = "\
- group: helm.toolkit.fluxcd.io
  version: v2
  kind: HelmRelease
  module: helm.wasm
  libraries: {'oarlock:helm/engine': helm-engine.wasm}
  grants:
    artifacts: ['https://charts.example']
    read:
    - {apiGroups: ['*'], resources: ['*']}
    - {apiGroups: [''], resources: [secrets], resourceNames: ['*']}
    write:
    - {apiGroups: ['*'], resources: ['*']}
    - {apiGroups: [''], resources: [secrets]}
";

static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let names = [
        "helmreleases.helm.toolkit.fluxcd.io",
        "helmrepositories.source.toolkit.fluxcd.io",
        "helmcharts.source.toolkit.fluxcd.io",
        "gitrepositories.source.toolkit.fluxcd.io",
        "ocirepositories.source.toolkit.fluxcd.io",
    ];
    let read = |name| text(&format!("modules/helm/crds/{name}.yaml"));
    let parsed = names.map(|name| serde_saphyr::from_str(&read(name)).unwrap());
    parsed.into()
});

pub(crate) struct Releases;

impl Play for Releases {
    fn name(&self) -> &'static str {
        "releases"
    }

    fn definitions(&self) -> Vec<Value> {
        DEFINITIONS.clone()
    }

    fn served(&self, _: u64) -> (Watch, Arc<dyn Reconciler>) {
        (watch(WATCHES), component::helm())
    }

    fn artifacts(&self) -> Arc<dyn Artifacts> {
        charts::all()
    }

    /// Each run of the component computes.
    fn share(&self, seeds: u64) -> u64 {
        seeds / 20
    }

    fn story(&self, chance: Chance) -> Story {
        story::of(chance)
    }

    fn witness(&self, _: &Store) -> Witness {
        Box::new(|_, _| Some(Wrong::Unannounced("nothing is asked outside".to_owned())))
    }

    /// What is there, and what of the release is deployed; how many revisions it took is a matter of what went wrong.
    fn end(&self, store: &Store) -> Value {
        let release = |release: &Arc<Value>| {
            let told = |condition: &String| condition.starts_with("Ready=True");
            json!({
                "finalizers": release["metadata"]["finalizers"],
                "isReady": conditions(release).iter().any(told),
                "isCurrent": release["status"]["observedGeneration"] == release["metadata"]["generation"],
                "failures": release["status"]["failures"],
            })
        };
        let content = |object: &Arc<Value>| {
            json!({
                "name": object["metadata"]["name"],
                "labels": object["metadata"]["labels"],
                "annotations": object["metadata"]["annotations"]["meta.helm.sh/release-name"],
                "data": object["data"],
                "image": object["spec"]["template"]["spec"]["containers"][0]["image"],
            })
        };
        let of = |resource: ResourceId| {
            all(store, &resource)
                .iter()
                .map(content)
                .collect::<Vec<_>>()
        };
        let deployed: BTreeMap<String, Value> = all(store, &SECRETS)
            .iter()
            .filter(|secret| secret["metadata"]["labels"]["status"] == "deployed")
            .map(|secret| {
                let record = record(secret);
                (record["name"].to_string(), record["config"].clone())
            })
            .collect();
        json!({
            "releases": all(store, &RELEASES).iter().map(release).collect::<Vec<_>>(),
            "deployed": deployed,
            "deployments": of(DEPLOYMENTS),
            "configMaps": of(CONFIG_MAPS),
            "services": of(SERVICES),
        })
    }

    fn violations(&self, record: &Record<'_>) -> Vec<String> {
        rules::broken(record)
    }
}

/// The revision that a Secret holds.
fn record(secret: &Value) -> Value {
    let encoded = secret["data"]["release"].as_str().unwrap();
    let packed = STANDARD.decode(STANDARD.decode(encoded).unwrap()).unwrap();
    let mut text = String::new();
    GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn releases() {
    sweep(&Releases);
}
