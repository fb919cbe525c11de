//! Helm's engine as this package sees it: the library that the component imports, behind a trait, so that everything but the
//! import itself is tested natively.

#[cfg(target_arch = "wasm32")]
mod imported;
#[cfg(not(target_arch = "wasm32"))]
mod nowhere;
#[cfg(test)]
pub(crate) mod scripted;

use serde_json::{Map, Value};
use thiserror::Error;

#[cfg(target_arch = "wasm32")]
pub use imported::Imported;
#[cfg(not(target_arch = "wasm32"))]
pub use nowhere::Nowhere;

/// One contribution to the values; later ones win.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueSource {
    /// A values file: its name, for messages, and its text.
    Yaml(String, String),
    /// Path of a values file in the chart.
    ChartFile(String),
    /// Values as they are.
    Json(Map<String, Value>),
    /// `--set`.
    Set(String),
    /// `--set-string`.
    SetString(String),
    /// `--set-literal`.
    SetLiteral(String),
}

/// One rendering.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Digest of the chart's artifact.
    pub chart: String,
    /// Contributions to the values.
    pub values: Vec<ValueSource>,
    /// Name of the release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its revision.
    pub revision: u32,
    /// Whether there was one before.
    pub upgrade: bool,
    /// Such as `v1.34.0`.
    pub kube_version: String,
    /// All that the API server serves: `group/version` and `group/version/Kind`.
    pub api_versions: Vec<String>,
    /// What templates take for the time, in milliseconds since 1970.
    pub now: u64,
    /// What random functions draw from.
    pub seed: String,
    /// ServiceAccount of the object's namespace that `lookup` reads as; none for the watch's own rights.
    pub account: Option<String>,
    /// Whether the values are not held against the chart's schema.
    pub skip_schema_validation: bool,
}

/// One document of the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Path of its template.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// YAML.
    pub content: String,
}

/// One hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub document: Document,
    /// Its events.
    pub events: Vec<String>,
    /// Its weight.
    pub weight: i32,
    /// When it is deleted.
    pub delete_policies: Vec<String>,
    /// When its output is shown.
    pub output_log_policies: Vec<String>,
}

/// What a rendering gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// `crds/` of the chart and its subcharts.
    pub crds: Vec<Document>,
    /// In the order in which Helm installs.
    pub documents: Vec<Document>,
    /// Hooks.
    pub hooks: Vec<Hook>,
    /// Notes.
    pub notes: String,
    /// The merged values.
    pub config: Map<String, Value>,
    /// Whether anything drew on the seed.
    pub random: bool,
    /// What Helm warns of.
    pub warnings: Vec<String>,
}

/// A chart without being rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// `appVersion` of `Chart.yaml`; empty where it says nothing.
    pub app_version: String,
    /// `crds/` of the chart and its subcharts.
    pub crds: Vec<Document>,
    /// Paths of all templates and files.
    pub files: Vec<String>,
    /// Whether other charts are part of it, of which values may switch some off.
    pub has_subcharts: bool,
}

/// Why the engine has no answer, in Helm's own words.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// The chart cannot be loaded.
    #[error("{0}")]
    Chart(String),
    /// Its dependencies are missing, or wrong.
    #[error("{0}")]
    Dependencies(String),
    /// Values that cannot be read, or that its schema does not allow.
    #[error("{0}")]
    Values(String),
    /// It is not for this version of Kubernetes.
    #[error("{0}")]
    Incompatible(String),
    /// A template does not parse or execute.
    #[error("{0}")]
    Template(String),
    /// The output is no YAML.
    #[error("{message}")]
    Output {
        /// What is wrong.
        message: String,
        /// The output.
        output: String,
    },
    /// Something that it reads was not answered. The same call may succeed later.
    #[error("{0}")]
    Lookup(String),
}

/// Helm's engine.
pub trait Engine {
    /// Renders a chart.
    ///
    /// # Errors
    /// See [`Failure`].
    fn render(&self, request: &Request) -> Result<Rendered, Failure>;
    /// Merges values as a rendering does. Without a chart there are no files of it; none is loaded then.
    ///
    /// # Errors
    /// See [`Failure`].
    fn merge(
        &self,
        chart: Option<&str>,
        values: &[ValueSource],
    ) -> Result<Map<String, Value>, Failure>;
    /// What a chart is.
    ///
    /// # Errors
    /// See [`Failure`].
    fn inspect(&self, chart: &str) -> Result<About, Failure>;
    /// `crds/` of a chart and its subcharts.
    ///
    /// # Errors
    /// See [`Failure`].
    fn crds(&self, chart: &str) -> Result<Vec<Document>, Failure> {
        Ok(self.inspect(chart)?.crds)
    }
    /// The JSON text of a chart as a record has it, without the subcharts that these values switch off. Of a chart without any
    /// it is the same whatever the values are: whoever asks without them gets an answer that all its releases share.
    ///
    /// # Errors
    /// See [`Failure`].
    fn record_of(&self, chart: &str, values: &[ValueSource]) -> Result<String, Failure>;
}
