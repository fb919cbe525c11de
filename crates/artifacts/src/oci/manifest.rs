//! Manifests: what a tag or digest of a registry stands for (OCI image specification, and Docker's older forms).

use std::collections::BTreeMap;

use oarlock_core::artifact::FetchError;
use oarlock_core::reference::Digest;
use serde::{Deserialize, Serialize};

/// The config of a chart: `Chart.yaml` as JSON.
pub(super) const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// A chart's archive.
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The same, before Helm 3.7.
const OLD_CHART: &str = "application/tar+gzip";
/// A chart's provenance file.
pub(super) const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What is asked for: without it, registries answer with a form of 2015.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, */*;q=0.1";

/// A manifest as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Of its bytes.
    pub(super) digest: Digest,
    pub(super) content: Content,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// One thing.
    Image(Image),
    /// Several, such as one for each platform.
    Index(Vec<Descriptor>),
}

/// One thing: what it is, and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Image {
    pub(super) config: Descriptor,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
}

/// A part, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    /// As it is written: only SHA-256 is read.
    pub(super) digest: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) artifact_type: Option<String>,
    #[serde(default)]
    pub(super) platform: Option<Platform>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// What an image runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    os: String,
}

/// Either form: which one it is shows in what it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Reads what a registry gave for `name`, which it called a `media_type`.
    pub(super) fn parse(
        name: &str,
        media_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<Self, FetchError> {
        let invalid = |problem: String| {
            FetchError::Invalid(format!(
                "{name}: the manifest cannot be read: {problem}; hint: is it a registry of OCI artifacts, and is it what was pushed?"
            ))
        };
        let raw: Raw = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        let media_type = raw.media_type.as_deref().or(media_type).unwrap_or_default();
        let many = matches!(media_type, INDEX | DOCKER_INDEX);
        let content = match (raw.manifests, raw.config) {
            // One that could be read as either is read as neither.
            (Some(_), Some(_)) => {
                return Err(invalid("it is both an index and an image".to_owned()));
            }
            (Some(manifests), None) => Content::Index(manifests),
            (None, Some(config)) if !many => Content::Image(Image {
                config,
                layers: raw.layers.unwrap_or_default(),
            }),
            _ if media_type.is_empty() => return Err(invalid("it is no manifest".to_owned())),
            _ => return Err(invalid(format!("it is a {media_type:?}"))),
        };
        Ok(Self {
            digest: Digest::of(bytes),
            content,
        })
    }
}

impl Image {
    /// Whether it says that it is a chart.
    pub(super) fn is_chart(&self) -> bool {
        self.config.media_type == CHART_CONFIG
    }

    /// The layer with the chart's archive. The words are Helm's.
    pub(super) fn chart(&self, name: &str) -> Result<&Descriptor, FetchError> {
        let invalid = |problem: String| FetchError::Invalid(format!("{name}: {problem}"));
        let layer = self.layer(CHART).or_else(|| self.layer(OLD_CHART));
        if !self.is_chart() && layer.is_none() {
            return Err(invalid(format!(
                "manifest does not contain minimum number of descriptors (2), descriptors found: 1; hint: it is no chart but {}, expected what `helm push` makes",
                self.kind()
            )));
        }
        if !self.is_chart() {
            return Err(invalid(format!(
                "could not load config with mediatype {CHART_CONFIG}; hint: it is no chart but {}, expected what `helm push` makes",
                self.kind()
            )));
        }
        layer.ok_or_else(|| {
            invalid(format!(
                "manifest does not contain a layer with mediatype {CHART}; hint: push the chart again with `helm push`"
            ))
        })
    }

    /// The layer with the provenance file.
    pub(super) fn provenance(&self) -> Option<&Descriptor> {
        self.layer(PROVENANCE)
    }

    fn layer(&self, media_type: &str) -> Option<&Descriptor> {
        self.layers
            .iter()
            .find(|layer| layer.media_type == media_type)
    }

    /// What it is, for people.
    fn kind(&self) -> String {
        match self.config.media_type.as_str() {
            "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json" => "a container image".to_owned(),
            "" => "something that does not say what it is".to_owned(),
            other => format!("something of the type {other}"),
        }
    }
}

impl Descriptor {
    /// The digest, if it is of the only kind that is read.
    pub(super) fn sha256(&self, name: &str) -> Result<Digest, FetchError> {
        self.digest.parse().map_err(|error| {
            FetchError::Invalid(format!(
                "{name}: {error}; hint: other digests than SHA-256 are not read"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn told(media_type: Option<&str>, text: &str) -> String {
        let manifest = match Manifest::parse("r/c:1", media_type, text.as_bytes()) {
            Ok(manifest) => manifest,
            Err(error) => return error.to_string(),
        };
        match manifest.content {
            Content::Index(entries) => format!("an index of {}", entries.len()),
            Content::Image(image) => match image.chart("r/c:1") {
                Ok(layer) => format!("a chart in {}", layer.digest),
                Err(error) => error.to_string(),
            },
        }
    }

    #[test]
    fn manifests() {
        let chart = r#"{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "a", "size": 1}, "layers": [
            {"mediaType": "application/vnd.cncf.helm.chart.provenance.v1.prov", "digest": "b", "size": 1},
            {"mediaType": "LAYER", "digest": "c", "size": 1}]}"#;
        let mut all = String::new();
        for (media_type, text) in [
            (None, chart.replace("LAYER", CHART).as_str()),
            (None, chart.replace("LAYER", OLD_CHART).as_str()),
            (None, chart),
            (
                None,
                r#"{"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "a"}}"#,
            ),
            (
                None,
                r#"{"config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": "a"}}"#,
            ),
            (None, r#"{"config": {"digest": "a"}}"#),
            (
                None,
                chart
                    .replace("LAYER", CHART)
                    .replace(CHART_CONFIG, "x")
                    .as_str(),
            ),
            (None, r#"{"manifests": [{"digest": "a"}]}"#),
            (None, r#"{"manifests": [], "config": {"digest": "a"}}"#),
            (Some(INDEX), r#"{"config": {"digest": "a"}}"#),
            (
                Some("application/vnd.docker.distribution.manifest.v1+json"),
                r#"{"schemaVersion": 1}"#,
            ),
            (Some("text/html"), "<html>"),
        ] {
            all.push_str(&told(media_type, text));
            all.push('\n');
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn only_one_kind_of_digest() {
        let descriptor: Descriptor = serde_json::from_str(r#"{"digest": "sha512:00"}"#).unwrap();
        insta::assert_snapshot!(descriptor.sha256("r/c:1").unwrap_err(), @r#"r/c:1: "sha512:00" is not a digest; expected sha256: and 64 hexadecimal digits in lower case; hint: other digests than SHA-256 are not read"#);
    }
}
