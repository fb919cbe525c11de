//! What `Chart.yaml` says of a chart, as far as fetching needs it.

use serde::Deserialize;

use super::PackageError;
use oarlock_version::Version;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A chart's name and version, valid as Helm understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    /// A file name.
    pub(crate) name: String,
    /// A version, as it is written.
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

impl Chart {
    pub(super) fn parse(text: &[u8]) -> Result<Self, PackageError> {
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let options = serde_saphyr::options! { with_snippet: false };
        let written: Option<Written> = serde_saphyr::from_slice_with_options(text, options)
            .map_err(|error| PackageError::ChartYaml(in_one_line(&error.to_string())))?;
        let (name, version) = match written {
            Some(written) => (written.name, written.version),
            None => (None, None),
        };
        let (name, version) = (printable(name), printable(version));
        valid(&name, &version).map_err(PackageError::Validation)?;
        Ok(Self { name, version })
    }
}

/// The rules of Helm's own validation, in its order and words.
fn valid(name: &str, version: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("chart.metadata.name is required".to_owned());
    }
    if name == "." || name == ".." {
        return Err(format!("chart.metadata.name {name:?} is not allowed"));
    }
    if name.contains('/') {
        return Err(format!("chart.metadata.name {name:?} is invalid"));
    }
    if version.is_empty() {
        return Err("chart.metadata.version is required".to_owned());
    }
    if Version::parse(version).is_err() {
        return Err(format!("chart.metadata.version {version:?} is invalid"));
    }
    Ok(())
}

/// Names and versions become file names and lines of output.
fn printable(text: Option<String>) -> String {
    text.unwrap_or_default()
        .chars()
        .filter_map(|c| match c {
            c if c.is_whitespace() => Some(' '),
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

fn in_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
