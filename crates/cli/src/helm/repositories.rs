//! `repositories.yaml`: the names that `helm repo add` gave to repositories.

use std::path::Path;

use anyhow::{anyhow, bail};
use serde::Deserialize;

/// One repository that has a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Repository {
    name: String,
    /// Where it is.
    pub(super) url: String,
    /// User name, where it wants one.
    pub(super) username: String,
    /// Password.
    pub(super) password: String,
    /// Certificates to trust.
    #[serde(rename = "caFile")]
    pub(super) ca_file: String,
    /// Certificate to identify with.
    #[serde(rename = "certFile")]
    pub(super) cert_file: String,
    /// Its key.
    #[serde(rename = "keyFile")]
    pub(super) key_file: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repositories {
    repositories: Vec<Repository>,
}

/// The repository of a name.
///
/// # Errors
///
/// When there is none.
pub(super) fn find(file: &Path, name: &str) -> anyhow::Result<Repository> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => bail!(
            "couldn't load repositories file ({}): {error}",
            file.display()
        ),
    };
    let known: Repositories = if text.trim().is_empty() {
        Repositories::default()
    } else {
        serde_saphyr::from_str(&text).map_err(|error| {
            anyhow!(
                "couldn't load repositories file ({}): {error}",
                file.display()
            )
        })?
    };
    let found = known.repositories.into_iter().find(|r| r.name == name);
    let Some(found) = found else {
        bail!(
            "repo {name} not found; hint: --repo URL names a repository for one call, `helm repo add {name} URL` for all; a \
             chart's folder is written ./{name}/…"
        );
    };
    if found.url.is_empty() {
        bail!("no URL found for repository {name}");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn names_are_looked_up() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("repositories.yaml");
        assert!(
            find(&file, "a")
                .unwrap_err()
                .to_string()
                .starts_with("repo a not found")
        );
        let text = "apiVersion: \"\"\ngenerated: \"0001-01-01T00:00:00Z\"\nrepositories:\n- caFile: \"\"\n  name: a\n  url: \
                    https://charts.example.com\n  username: u\n  pass_credentials_all: false\n- name: b\n";
        std::fs::write(&file, text).unwrap();
        let found = find(&file, "a").unwrap();
        assert_eq!(
            (&*found.url, &*found.username),
            ("https://charts.example.com", "u")
        );
        assert_eq!(
            find(&file, "b").unwrap_err().to_string(),
            "no URL found for repository b"
        );
    }
}
