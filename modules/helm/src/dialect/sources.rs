//! Sources: from the objects that today's Flux describes them by, and from the words that all dialects have for them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::fields::{self, Findings, Table};
use super::part::Part;
use super::{ELSEWHERE, Refused};
use crate::wish::Chart;

/// The layer that a registry has a chart in.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Which source object; all are of `source.toolkit.fluxcd.io/v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceRef {
    /// `HelmRepository`, `GitRepository`, `OCIRepository` or `HelmChart`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// Source objects that were read.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<SourceRef, Value>);

impl Sources {
    /// Adds an object as the cluster has it.
    pub fn insert(&mut self, source: SourceRef, object: Value) {
        self.0.insert(source, object);
    }

    fn get(&self, source: &SourceRef) -> Result<&Value, Refused> {
        let object = self.0.get(source);
        object.ok_or_else(|| Refused::Missing(source.clone()))
    }
}

/// What a reference comes to.
pub(super) struct Found {
    pub(super) chart: Chart,
    /// How old may be what is known of it.
    pub(super) poll: Option<Duration>,
    /// The `HelmChart` that it went through: it has some of what `chart.spec` has.
    pub(super) template: Option<Value>,
}

/// Reads sources for one release.
pub(super) struct Search<'a> {
    pub(super) sources: &'a Sources,
    pub(super) namespace: &'a str,
    /// Whether sources of other namespaces are refused.
    pub(super) own_alone: bool,
    pub(super) findings: &'a mut Findings,
}

impl Search<'_> {
    /// The chart of `chart.spec`, or of the `spec` of a `HelmChart`; `path` is where the release refers to the source.
    pub(super) fn template(
        &mut self,
        template: Part<'_>,
        namespace: &str,
        path: &str,
    ) -> Result<Option<Found>, Refused> {
        let source = SourceRef {
            kind: template.at("sourceRef.kind").string(),
            namespace: template
                .at("sourceRef.namespace")
                .text()
                .unwrap_or(namespace)
                .to_owned(),
            name: template.at("sourceRef.name").string(),
        };
        let chart = template.at("chart").string();
        let version = latest(template.at("version").string());
        let found = match source.kind.as_str() {
            "HelmRepository" => self.helm_repository(&source, path, chart, version)?,
            "GitRepository" => self.git_repository(&source, path, &chart)?,
            _ => {
                self.findings.wrong(
                    format!("{path}.kind"),
                    "a Bucket is not served\nhint: put the chart into an OCI registry or a git repository",
                );
                None
            }
        };
        Ok(found.map(|found| Found {
            poll: template.at("interval").duration().or(found.poll),
            ..found
        }))
    }

    /// The chart of `chartRef`.
    pub(super) fn reference(
        &mut self,
        reference: Part<'_>,
        path: &str,
    ) -> Result<Option<Found>, Refused> {
        let source = SourceRef {
            kind: reference.at("kind").string(),
            namespace: reference
                .at("namespace")
                .text()
                .unwrap_or(self.namespace)
                .to_owned(),
            name: reference.at("name").string(),
        };
        match source.kind.as_str() {
            "OCIRepository" => self.oci_repository(&source, path),
            "HelmChart" => {
                let Some(spec) = self.spec(fields::sources::HELM_CHART, &source, path)? else {
                    return Ok(None);
                };
                let found = self.template(Part(&spec), &source.namespace, path)?;
                Ok(found.map(|found| Found {
                    template: Some(spec),
                    ..found
                }))
            }
            _ => {
                self.findings.wrong(
                    format!("{path}.kind"),
                    "an ExternalArtifact is not served\nhint: name an OCIRepository or a HelmChart, or give chart",
                );
                Ok(None)
            }
        }
    }

    /// The `spec` of a source, if all is well with it.
    fn spec(
        &mut self,
        table: Table,
        source: &SourceRef,
        path: &str,
    ) -> Result<Option<Value>, Refused> {
        if self.own_alone && source.namespace != self.namespace {
            self.findings.wrong(path, format!("{source} {ELSEWHERE}"));
            return Ok(None);
        }
        let object = self.sources.get(source)?;
        let found = fields::check(table, object);
        for warning in found.warnings {
            self.findings.warnings.push(format!("{source}: {warning}"));
        }
        let well = found.wrong.is_empty();
        for wrong in found.wrong {
            self.findings.wrong(path, format!("{source}: {wrong}"));
        }
        Ok(well.then(|| object["spec"].clone()))
    }

    fn wrong(&mut self, path: &str, source: &SourceRef, message: &str) {
        self.findings.wrong(path, format!("{source}: {message}"));
    }

    /// The Secret that opens a source: the host reads it in the namespace of the release.
    fn secret(&mut self, spec: Part<'_>, source: &SourceRef, path: &str) -> Option<String> {
        let secret = spec.at("secretRef.name").text()?;
        if source.namespace != self.namespace {
            let message = format!(
                "spec.secretRef: the Secret {secret} is of another namespace, and credentials are read in the release's own\n\
                 hint: put source and Secret into {}",
                self.namespace
            );
            self.wrong(path, source, &message);
        }
        Some(secret.to_owned())
    }

    fn no_cloud(&mut self, spec: Part<'_>, source: &SourceRef, path: &str) {
        if let Some(provider) = spec.at("provider").text().filter(|name| *name != "generic") {
            let message = format!(
                "spec.provider: no identity of {provider} is used\nhint: leave it out, and give a Secret"
            );
            self.wrong(path, source, &message);
        }
    }

    fn helm_repository(
        &mut self,
        source: &SourceRef,
        path: &str,
        chart: String,
        version: String,
    ) -> Result<Option<Found>, Refused> {
        let Some(spec) = self.spec(fields::sources::HELM_REPOSITORY, source, path)? else {
            return Ok(None);
        };
        let spec = Part(&spec);
        self.no_cloud(spec, source, path);
        let secret = self.secret(spec, source, path);
        let url = spec.at("url").string();
        if spec.at("type").text() == Some("oci") && !url.starts_with("oci://") {
            let message =
                format!("spec.url: {url:?} is no registry, expected oci:// with type oci");
            self.wrong(path, source, &message);
        }
        match repository(&url, chart, version, secret) {
            Ok(chart) => Ok(Some(found(chart, spec))),
            Err(fault) => {
                self.wrong(path, source, &format!("spec.url: {fault}"));
                Ok(None)
            }
        }
    }

    fn git_repository(
        &mut self,
        source: &SourceRef,
        path: &str,
        folder: &str,
    ) -> Result<Option<Found>, Refused> {
        let Some(spec) = self.spec(fields::sources::GIT_REPOSITORY, source, path)? else {
            return Ok(None);
        };
        let spec = Part(&spec);
        self.no_cloud(spec, source, path);
        let secret = self.secret(spec, source, path);
        let url = git_url(&spec.at("url").string());
        let reference = reference(spec.at("ref"));
        match (url, reference) {
            (Ok(url), Ok(reference)) => Ok(Some(found(
                Chart::Git {
                    url,
                    reference,
                    path: chart_folder(folder),
                    dependencies: true,
                    secret,
                },
                spec,
            ))),
            (url, reference) => {
                if let Err(fault) = url {
                    self.wrong(path, source, &format!("spec.url: {fault}"));
                }
                if let Err(fault) = reference {
                    self.wrong(path, source, &format!("spec.ref.name: {fault}"));
                }
                Ok(None)
            }
        }
    }

    fn oci_repository(&mut self, source: &SourceRef, path: &str) -> Result<Option<Found>, Refused> {
        let Some(spec) = self.spec(fields::sources::OCI_REPOSITORY, source, path)? else {
            return Ok(None);
        };
        let spec = Part(&spec);
        self.no_cloud(spec, source, path);
        let secret = self.secret(spec, source, path);
        let url = spec.at("url").string();
        if !url.starts_with("oci://") {
            let message = format!("spec.url: {url:?} is no registry, expected oci://");
            self.wrong(path, source, &message);
        }
        let layer = spec.at("layerSelector.mediaType").text();
        if let Some(layer) = layer.filter(|layer| *layer != CHART_LAYER) {
            let message = format!(
                "spec.layerSelector.mediaType: {layer:?} is no chart, expected {CHART_LAYER}"
            );
            self.wrong(path, source, &message);
        }
        let by = ["ref.digest", "ref.semver", "ref.tag"];
        let version = by.iter().find_map(|by| spec.at(by).owned());
        Ok(Some(found(
            Chart::Oci {
                repository: url.trim_end_matches('/').to_owned(),
                version: latest(version.unwrap_or_default()),
                secret,
            },
            spec,
        )))
    }
}

fn found(chart: Chart, spec: Part<'_>) -> Found {
    Found {
        chart,
        poll: spec.at("interval").duration(),
        template: None,
    }
}

/// `*` is what the API server writes where nobody said anything.
fn latest(version: String) -> String {
    match version.as_str() {
        "*" => String::new(),
        _ => version,
    }
}

/// A chart by its name and the URL of its repository or registry.
pub(super) fn repository(
    url: &str,
    name: String,
    version: String,
    secret: Option<String>,
) -> Result<Chart, String> {
    if url.starts_with("oci://") {
        return Ok(Chart::Oci {
            repository: format!("{}/{name}", url.trim_end_matches('/')),
            version,
            secret,
        });
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(format!(
            "{url:?} is no repository, expected https://, http:// or oci://"
        ));
    }
    Ok(Chart::Repository {
        url: url.to_owned(),
        name,
        version,
        secret,
    })
}

/// The URL of a git repository, for which people write `user@host:path`, too.
pub(super) fn git_url(url: &str) -> Result<String, String> {
    if ["https://", "http://", "ssh://", "file://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Ok(url.to_owned());
    }
    match url.split_once(':') {
        Some((host, path)) if !url.contains("://") && !host.contains('/') => {
            Ok(format!("ssh://{host}/{}", path.trim_start_matches('/')))
        }
        _ => Err(format!(
            "{url:?} is no git repository, expected https://, http://, ssh:// or user@host:path"
        )),
    }
}

/// The folder of a chart, from the root of its repository.
pub(super) fn chart_folder(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

/// Flux's order: commit, name, tag, branch.
fn reference(reference: Part<'_>) -> Result<String, String> {
    if let Some(commit) = reference.at("commit").text() {
        return Ok(commit.to_owned());
    }
    if let Some(name) = reference.at("name").text() {
        let short = ["refs/heads/", "refs/tags/"];
        let short = short.iter().find_map(|start| name.strip_prefix(start));
        return match short {
            Some(short) => Ok(short.to_owned()),
            None => Err(format!(
                "{name:?} is neither a branch nor a tag, expected refs/heads/… or refs/tags/…"
            )),
        };
    }
    let by = ["tag", "branch"];
    let named = by.iter().find_map(|by| reference.at(by).owned());
    Ok(named.unwrap_or_else(|| String::from("master")))
}
