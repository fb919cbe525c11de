//! One version of a chart in an index.

use oarlock_core::reference::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

use oarlock_version::Version;
use oarlock_version::quoted;

/// What is kept of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As it is written.
    pub(crate) version: String,
    /// Where the archive is; relative ones start from the repository.
    pub(crate) urls: Vec<String>,
    digest: Option<String>,
}

/// What decides whether an entry is taken. The rest is not read.
#[derive(Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    urls: Option<Vec<Option<String>>>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<Option<Dependency>>>,
    #[serde(default)]
    maintainers: Option<Vec<Option<IgnoredAny>>>,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(default)]
    alias: Option<String>,
}

impl Written {
    /// As an entry, unless Helm would pass over it with a warning.
    pub(super) fn valid(self) -> Option<Entry> {
        let name = self.name.unwrap_or_default();
        let version = self.version.unwrap_or_default();
        let named = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        let typed = matches!(
            self.r#type.as_deref(),
            None | Some("" | "application" | "library")
        );
        let depends = self
            .dependencies
            .into_iter()
            .flatten()
            .all(|dependency| dependency.is_some_and(|dependency| dependency.is_valid()));
        let maintained = self.maintainers.iter().flatten().all(Option::is_some);
        if !named || !typed || !depends || !maintained || Version::parse(&version).is_err() {
            tracing::warn!(
                chart = name,
                version,
                "skipping an invalid entry of an index"
            );
            return None;
        }
        Some(Entry {
            version,
            urls: self.urls.into_iter().flatten().flatten().collect(),
            digest: self.digest.filter(|digest| !digest.is_empty()),
        })
    }
}

impl Dependency {
    fn is_valid(&self) -> bool {
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        self.alias
            .as_deref()
            .is_none_or(|alias| alias.chars().all(fit))
    }
}

impl Entry {
    /// What the archive's bytes have to be; with or without `sha256:` before it. The error is what is wrong with it.
    pub(crate) fn digest(&self) -> Result<Option<Digest>, String> {
        let Some(written) = &self.digest else {
            return Ok(None);
        };
        let hex = written.strip_prefix("sha256:").unwrap_or(written);
        format!("sha256:{}", hex.to_ascii_lowercase())
            .parse()
            .map(Some)
            .map_err(|_| format!("has the digest {}, which is no SHA-256", quoted(written)))
    }
}
