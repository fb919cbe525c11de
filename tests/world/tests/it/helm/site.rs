//! A world with charts in it, and the operator that makes releases of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Revision;
use oarlock_devcluster::workload::{Behaviour, Pattern, RuleId};
use serde_json::{Value, json};

use super::charts::Charts;
use crate::components::{component_with, serving, text};
use crate::gate::Moment;
use crate::world::{Circumstances, World, condition, conditions, merge, watches};

pub(crate) const SECRETS: ResourceId = ResourceId::of("", "secrets");
pub(crate) const DEPLOYMENTS: ResourceId = ResourceId::of("apps", "deployments");
pub(crate) const CONFIG_MAPS: ResourceId = ResourceId::of("", "configmaps");

/// Where charts are published.
pub(crate) const REPOSITORY: &str = "https://charts.example";

/// The chart of most tests, in this room.
pub(crate) const WEB: &str = "tests/world/tests/it/helm/web";

/// Everything that stays out of a wildcard is named.
const GRANTS: &str = "{
    artifacts: [local, 'https://charts.example', 'oci://registry.example', 'https://git.example'],
    read: [{apiGroups: ['*'], resources: ['*'], namespaces: ['*']},
      {apiGroups: [''], resources: [secrets], resourceNames: ['*'], namespaces: ['*']},
      {apiGroups: [''], resources: [namespaces]}],
    write: [{apiGroups: ['*'], resources: ['*'], namespaces: ['*']},
      {apiGroups: [''], resources: [secrets, namespaces], namespaces: ['*']},
      {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions]}]}";

/// What people write releases in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Today's Flux.
    Flux2,
    /// The first Flux.
    Flux1,
    /// The same, by its older name.
    Weave,
    /// The sample controller's.
    Unicorn,
    /// A kind whose `spec` is the values.
    Whole,
}

impl Dialect {
    pub(crate) const fn resource(self) -> ResourceId {
        match self {
            Self::Flux2 => ResourceId::of("helm.toolkit.fluxcd.io", "helmreleases"),
            Self::Flux1 => ResourceId::of("helm.fluxcd.io", "helmreleases"),
            Self::Weave => ResourceId::of("flux.weave.works", "helmreleases"),
            Self::Unicorn => ResourceId::of("samplecontroller.k8s.io", "helmreleases"),
            Self::Whole => ResourceId::of("charts.example.com", "webs"),
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Flux2 => "v2",
            Self::Flux1 => "v1",
            Self::Weave => "v1beta1",
            Self::Unicorn | Self::Whole => "v1alpha1",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Whole => "Web",
            Self::Flux2 | Self::Flux1 | Self::Weave | Self::Unicorn => "HelmRelease",
        }
    }

    /// What its objects of the chart `web` say, before a test says more.
    fn spec(self) -> Value {
        match self {
            Self::Flux2 => json!({
                "interval": "1h",
                "timeout": "1m",
                "chart": {"spec": {
                    "chart": "web",
                    "version": "1.0.0",
                    "sourceRef": {"kind": "HelmRepository", "name": "charts"},
                }},
            }),
            Self::Flux1 | Self::Weave => json!({
                "releaseName": "web",
                "timeout": 60,
                "chart": {"repository": REPOSITORY, "name": "web", "version": "1.0.0"},
            }),
            Self::Unicorn => json!({"releaseName": "web", "releaseVersion": "one"}),
            Self::Whole => json!({}),
        }
    }

    /// An object of this name.
    pub(crate) fn object(self, name: &str, spec: &Value) -> Value {
        let mut whole = self.spec();
        merge(&mut whole, spec);
        let group = self.resource().group().to_owned();
        json!({
            "apiVersion": format!("{group}/{}", self.version()),
            "kind": self.kind(),
            "metadata": {"name": name, "namespace": "default"},
            "spec": whole,
        })
    }

    fn watch(self) -> String {
        let settings = match self {
            Self::Unicorn => {
                "{charts: {one: {local: web/1.0.0}, two: {local: web/1.1.0}, three: {local: web/1.2.0}}}"
            }
            Self::Whole => "{chart: web/1.0.0}",
            Self::Flux2 | Self::Flux1 | Self::Weave => "{}",
        };
        let (group, version) = (self.resource().group().to_owned(), self.version());
        let kind = self.kind();
        format!(
            "- group: {group}\n  version: {version}\n  kind: {kind}\n  module: helm.wasm\n  libraries: \
             {{'oarlock:helm/engine': helm-engine.wasm}}\n  settings: {settings}\n  grants: {GRANTS}\n"
        )
    }

    fn definition(self) -> Value {
        let name = match self {
            Self::Whole => return whole_definition(),
            Self::Flux2 | Self::Flux1 | Self::Weave | Self::Unicorn => {
                self.resource().group().to_owned()
            }
        };
        let path = format!("modules/helm/crds/helmreleases.{name}.yaml");
        serde_saphyr::from_str(&text(&path)).unwrap()
    }
}

fn whole_definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "webs.charts.example.com"},
        "spec": {
            "group": "charts.example.com",
            "names": {"kind": "Web", "listKind": "WebList", "plural": "webs", "singular": "web"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

pub(crate) struct Site {
    world: World,
    pub(crate) charts: Arc<Charts>,
    pub(crate) dialect: Dialect,
    ailments: BTreeMap<&'static str, RuleId>,
}

impl Deref for Site {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Site {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Site {
    /// Charts `web` 1.0.0 and 1.1.0, published everywhere, and objects of one dialect.
    pub(crate) async fn new(dialect: Dialect) -> Self {
        Self::killed_at(dialect, None).await
    }

    /// The same, where the operator's first life ends at one of its writes.
    pub(crate) async fn killed_at(dialect: Dialect, kill: Option<(usize, Moment)>) -> Self {
        let mut definitions = vec![dialect.definition()];
        for source in [
            "helmrepositories",
            "gitrepositories",
            "helmcharts",
            "ocirepositories",
        ] {
            let path = format!("modules/helm/crds/{source}.source.toolkit.fluxcd.io.yaml");
            definitions.push(serde_saphyr::from_str(&text(&path)).unwrap());
        }
        let site = Self::with(dialect, &dialect.watch(), &definitions, kill).await;
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            site.charts.publish(WEB, "web", version);
            site.charts.edit(
                "web",
                version,
                "Chart.yaml",
                "version: 1.0.0",
                &format!("version: {version}"),
            );
        }
        let repository = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "HelmRepository",
            "metadata": {"name": "charts", "namespace": "default"},
            "spec": {"url": REPOSITORY, "interval": "1m"},
        });
        site.apply(repository).unwrap();
        site
    }

    /// No charts, these kinds, and what these watches say.
    pub(crate) async fn with(
        dialect: Dialect,
        text: &str,
        definitions: &[Value],
        kill: Option<(usize, Moment)>,
    ) -> Self {
        let charts = Charts::new();
        let module = component_with("modules/helm", "oarlock:helm/engine", "modules/helm-engine");
        let module = serving(module.await);
        let served = watches(text).into_iter();
        let served = served.map(|watch| (watch, module.clone())).collect();
        let circumstances = Circumstances {
            kill,
            artifacts: Arc::clone(&charts) as _,
            ..Circumstances::default()
        };
        let world = World::with(definitions, served, circumstances);
        let workloads = world.cluster().workloads();
        let mut ailments = BTreeMap::new();
        for (image, behaviour) in [
            ("never-ready", Behaviour::NeverReady),
            ("slow", Behaviour::ReadyAfter(Duration::from_secs(40))),
            (
                "fails",
                Behaviour::Exits {
                    after: Duration::from_secs(2),
                    code: 1,
                },
            ),
        ] {
            ailments.insert(image, workloads.add(Pattern::image(image), behaviour));
        }
        Self {
            world,
            charts,
            dialect,
            ailments,
        }
    }

    /// Containers of such images are well from now on.
    pub(crate) fn heal(&self, image: &str) {
        let rule = self.ailments[image];
        assert!(self.cluster().workloads().remove(rule));
    }

    /// The release object `web`.
    pub(crate) fn release(&self) -> Arc<Value> {
        self.get(&self.dialect.resource(), "web").unwrap()
    }

    /// Creates the release object `web`, or changes its spec.
    pub(crate) fn set(&self, spec: &Value) {
        let resource = self.dialect.resource();
        if self.get(&resource, "web").is_some() {
            self.edit(&resource, "web", &json!({"spec": spec})).unwrap();
        } else {
            self.apply(self.dialect.object("web", spec)).unwrap();
        }
    }

    /// Deletes an object that is written out.
    pub(crate) fn remove(&self, object: &Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap();
        let resource = self.store().resource_of(text("/apiVersion"), text("/kind"));
        self.delete(&resource.unwrap().id, text("/metadata/name"));
    }

    /// All that is to happen within this time happens.
    pub(crate) async fn seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds)).await;
    }

    /// Waits for a condition that begins like this, of the object as it is now.
    pub(crate) async fn until_told(&mut self, kind: &str, told: &str) {
        let resource = self.dialect.resource();
        self.until_said(&resource, "web", kind, told).await;
    }

    /// The same of any object.
    pub(crate) async fn until_said(
        &mut self,
        resource: &ResourceId,
        name: &str,
        kind: &str,
        told: &str,
    ) {
        self.until(&format!("{name}: {kind}={told}"), |world| {
            let object = world.get(resource, name)?;
            let all = object["status"]["conditions"].as_array()?;
            let seen = &all.iter().find(|c| c["type"] == kind)?["observedGeneration"];
            let is_told = condition(&object, kind)?.starts_with(told);
            (is_told && *seen == object["metadata"]["generation"]).then_some(())
        })
        .await;
    }

    /// What is stored of each revision, oldest first.
    pub(crate) fn records(&self) -> Vec<Record> {
        let secrets = self.list(&SECRETS);
        let mut records: Vec<Record> = secrets.iter().filter_map(|s| Record::of(s)).collect();
        records.sort_by_key(|record| record.revision);
        records
    }

    /// `REVISION status: description`.
    pub(crate) fn history(&self) -> Vec<String> {
        let records = self.records();
        records.iter().map(|record| format!("v{record}")).collect()
    }

    /// `Kind/name` of everything that Helm says is its, hooks too.
    pub(crate) fn objects(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (id, resource) in self.store().resources() {
            for object in self
                .store()
                .select(&id, None, &<_>::default())
                .unwrap_or_default()
            {
                let metadata = &object["metadata"];
                let is_release = metadata["annotations"]["meta.helm.sh/release-name"].is_string();
                let is_hook = metadata["annotations"]["helm.sh/hook"].is_string();
                let is_owned = metadata["ownerReferences"].is_array();
                if (is_release || is_hook) && !is_owned {
                    found.push(format!(
                        "{}/{}",
                        resource.kind,
                        metadata["name"].as_str().unwrap()
                    ));
                }
            }
        }
        found.sort();
        found
    }

    /// What happened since `since`: states of the records and what `Ready` said, by seconds from `from`.
    pub(crate) async fn story(&self, since: Revision, from: Timestamp) -> String {
        let mut lines = String::new();
        let mut ready = String::new();
        let mut states = BTreeMap::<u64, String>::new();
        for entry in self.chronicle.since(since).await {
            let (change, seconds) = (&entry.change, entry.at.since(from).as_secs());
            let told = if change.resource == SECRETS {
                let Some(record) = Record::of(&change.object) else {
                    continue;
                };
                let told = match change.removed {
                    true => format!("v{} deleted", record.revision),
                    false => format!("v{record}"),
                };
                if states.insert(record.revision, told.clone()).as_ref() == Some(&told) {
                    continue;
                }
                told
            } else if change.resource == self.dialect.resource() {
                let told = condition(&change.object, "Ready").unwrap_or_default();
                let told = told.split(':').next().unwrap_or_default().to_owned();
                if told == ready || change.removed {
                    continue;
                }
                ready.clone_from(&told);
                format!("Ready={told}")
            } else {
                continue;
            };
            writeln!(lines, "{seconds:>5}s {}", told.replace('\n', " / ")).unwrap();
        }
        lines
    }

    /// All that can be seen of the release object `web`.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        let mut part = |title: &str, lines: Vec<String>| {
            writeln!(text, "{title}").unwrap();
            for line in lines {
                writeln!(text, "  {}", line.replace('\n', " / ")).unwrap();
            }
        };
        if let Some(release) = self.get(&self.dialect.resource(), "web") {
            part("conditions", conditions(&release));
            part("status", figures(&release["status"]));
        }
        part("records", self.history());
        part("objects", self.objects());
        part("events", self.events("web"));
        let uid = |object: Arc<Value>| object["metadata"]["uid"].as_str().map(str::to_owned);
        if let Some(uid) = self.get(&self.dialect.resource(), "web").and_then(uid) {
            text = text.replace(&uid, "UID");
        }
        text
    }
}

/// What the status says, one line each, without conditions, the machine's own memory, digests and times.
fn figures(status: &Value) -> Vec<String> {
    const PASSED_OVER: &[&str] = &["conditions", "lifecycle"];
    let fields = status.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| !PASSED_OVER.contains(&key.as_str()) && !key.ends_with("Digest"))
        .map(|(key, value)| match value {
            Value::Array(list) => {
                let lines: Vec<String> =
                    list.iter().map(|entry| plain(entry).to_string()).collect();
                format!("{key}: {}", lines.join(" "))
            }
            value => format!("{key}: {}", plain(value)),
        })
        .collect()
}

/// Without what is of the moment, or long.
fn plain(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|key, _| {
            let lower = key.to_lowercase();
            !["digest", "deployed", "at", "manifest"]
                .iter()
                .any(|end| lower.ends_with(end))
        });
    }
    value
}

/// What Helm reads of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) revision: u64,
    pub(crate) status: String,
    pub(crate) description: String,
    pub(crate) chart: String,
    /// All of it, as JSON.
    pub(crate) content: Value,
}

impl std::fmt::Display for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            revision,
            status,
            description,
            chart,
            ..
        } = self;
        write!(f, "{revision} {chart} {status}: {description}")
    }
}

impl Record {
    /// The Secret that Helm would write of it: without labels of ours.
    pub(crate) fn secret(&self) -> Value {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed
            .write_all(self.content.to_string().as_bytes())
            .unwrap();
        let encoded = STANDARD.encode(packed.finish().unwrap());
        let name = self.content["name"].as_str().unwrap();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {
                "name": format!("sh.helm.release.v1.{name}.v{}", self.revision), "namespace": "default",
                "labels": {
                    "owner": "helm", "name": name, "status": self.content["info"]["status"],
                    "version": self.revision.to_string(), "createdAt": "1793610000",
                },
            },
            "data": {"release": STANDARD.encode(encoded)},
        })
    }

    /// None for a Secret that is no record.
    pub(crate) fn of(secret: &Value) -> Option<Self> {
        if secret["type"] != "helm.sh/release.v1" {
            return None;
        }
        let encoded = STANDARD
            .decode(secret["data"]["release"].as_str()?)
            .unwrap();
        let packed = STANDARD.decode(encoded).unwrap();
        let mut text = String::new();
        GzDecoder::new(&packed[..])
            .read_to_string(&mut text)
            .unwrap();
        let content: Value = serde_json::from_str(&text).unwrap();
        let said = |pointer: &str| content.pointer(pointer)?.as_str().map(str::to_owned);
        let labels = &secret["metadata"]["labels"];
        let status = said("/info/status").unwrap();
        // What `helm list` selects by, and what it shows.
        assert_eq!(labels["status"], status.as_str());
        assert_eq!(labels["owner"], "helm");
        assert_eq!(labels["version"], content["version"].to_string().as_str());
        let (name, version) = (
            said("/chart/metadata/name")?,
            said("/chart/metadata/version")?,
        );
        Some(Self {
            revision: content["version"].as_u64()?,
            status,
            description: said("/info/description").unwrap_or_default(),
            chart: format!("{name}-{version}"),
            content,
        })
    }
}
