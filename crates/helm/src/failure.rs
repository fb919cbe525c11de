//! Why there is nothing rendered, in Helm's own words.

use thiserror::Error;

use crate::bindings::exports::oarlock::helm::engine;

/// Why there is nothing rendered. Each text is Helm's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// The chart cannot be fetched or loaded.
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
    /// What was rendered is no YAML.
    #[error("{message}")]
    Output {
        /// What is wrong.
        message: String,
        /// What was rendered, for whoever debugs the chart.
        output: String,
    },
    /// A `lookup`, or the read of the chart, was not answered. The same call may succeed later.
    #[error("{0}")]
    Lookup(String),
}

impl From<engine::Failure> for Failure {
    fn from(failure: engine::Failure) -> Self {
        match failure {
            engine::Failure::Chart(text) => Self::Chart(text),
            engine::Failure::Dependencies(text) => Self::Dependencies(text),
            engine::Failure::Values(text) => Self::Values(text),
            engine::Failure::Incompatible(text) => Self::Incompatible(text),
            engine::Failure::Template(text) => Self::Template(text),
            engine::Failure::Output((message, output)) => Self::Output { message, output },
            engine::Failure::Lookup(text) => Self::Lookup(text),
        }
    }
}
