//! Flags that say where a chart is from and what opens its source.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use oarlock_core::artifact::{Credentials, Reach, Verification};

use super::go;
use super::switch::Switch;

/// Where the chart is from.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Where the chart is from")]
#[group(skip)]
pub(super) struct Flags {
    /// Version or range, such as 1.1.1 or ^2.0.0 [default: the latest].
    #[arg(long, value_name = "VERSION", allow_hyphen_values = true)]
    pub(super) version: Option<String>,
    /// Development versions too: the same as --version '>0.0.0-0'.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) devel: Option<Switch>,
    /// URL of the repository that the chart is in.
    #[arg(long, value_name = "URL")]
    pub(super) repo: Option<String>,
    /// User name at the repository or registry.
    #[arg(long, value_name = "NAME")]
    pub(super) username: Option<String>,
    /// Password at the repository or registry.
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    pub(super) password: Option<String>,
    /// Trust these certificates.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<String>,
    /// Certificate to identify with.
    #[arg(long, value_name = "FILE")]
    pub(super) cert_file: Option<String>,
    /// Its key.
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<String>,
    /// Speak to registries without TLS.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) plain_http: Option<Switch>,
    /// Fetch what the chart depends on and does not have; its folder stays as it is.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) dependency_update: Option<Switch>,
    /// Verify the provenance file of the chart.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(super) verify: Option<Switch>,
    /// Public keys to verify with [default: ~/.gnupg/pubring.gpg].
    #[arg(long, value_name = "FILE")]
    pub(super) keyring: Option<PathBuf>,
    /// Names of repositories, as `helm repo add` writes them [default: Helm's own].
    #[arg(
        long,
        env = "HELM_REPOSITORY_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) repository_config: Option<PathBuf>,
    /// Logins at registries, as `helm registry login` writes them [default: Helm's own, else Docker's].
    #[arg(
        long,
        env = "HELM_REGISTRY_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) registry_config: Option<String>,
    /// Refused.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub(super) insecure_skip_tls_verify: Option<Switch>,
    /// Refused.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide = true)]
    pub(super) pass_credentials: Option<Switch>,
}

/// Whether a switch is on.
pub(super) fn on(switch: Option<Switch>) -> bool {
    switch.unwrap_or_default().0
}

impl Flags {
    /// What this program does not do, by choice, and logins that cannot be read, wherever the chart is from.
    ///
    /// # Errors
    ///
    /// When a flag asks for it, or names it.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if on(self.insecure_skip_tls_verify) {
            return Err(anyhow!(
                "--insecure-skip-tls-verify is not supported; hint: --ca-file FILE trusts the server's own certificates"
            ));
        }
        if on(self.pass_credentials) {
            return Err(anyhow!(
                "--pass-credentials is not supported: credentials go to the host that they are for, and to no other"
            ));
        }
        if let Some(file) = &self.registry_config {
            logins(Path::new(file))?;
        }
        Ok(())
    }

    /// The version that is wanted; empty for the latest.
    pub(super) fn wanted_version(&self) -> String {
        let version = self.version.as_deref().unwrap_or_default().trim();
        if version.is_empty() && on(self.devel) {
            ">0.0.0-0".to_owned()
        } else {
            version.to_owned()
        }
    }

    /// What opens the source.
    pub(super) fn credentials(&self) -> anyhow::Result<Credentials> {
        Ok(Credentials {
            docker_config: self.docker_config()?,
            ..self.given()?
        })
    }

    /// What opens it of what was given for it alone.
    pub(super) fn given(&self) -> anyhow::Result<Credentials> {
        let read = |file: &Option<String>| file.as_deref().map(text).transpose();
        let client = match (read(&self.cert_file)?, read(&self.key_file)?) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                return Err(anyhow!(
                    "--cert-file and --key-file go together; hint: one file may hold both"
                ));
            }
        };
        let name = self.username.clone().unwrap_or_default();
        let password = self.password.clone().unwrap_or_default();
        Ok(Credentials {
            basic: (!name.is_empty() || !password.is_empty()).then_some((name, password)),
            ca: read(&self.ca_file)?,
            client,
            ..Credentials::default()
        })
    }

    /// Logins at registries: those of `helm registry login`, else of `docker login`. Files that are not there open nothing.
    fn docker_config(&self) -> anyhow::Result<Option<String>> {
        let found = match &self.registry_config {
            Some(file) => logins(Path::new(file))?,
            None => logins(&settings().join("registry/config.json"))?,
        };
        let docker = folder("DOCKER_CONFIG").unwrap_or_else(|| home(".docker"));
        // As Helm has it: what is wrong with a file of another program is not told.
        Ok(found.or_else(|| std::fs::read_to_string(docker.join("config.json")).ok()))
    }

    /// A person asks: every source may be asked.
    pub(super) fn reach(&self) -> Reach {
        Reach::Anywhere {
            plain_http: on(self.plain_http),
        }
    }

    /// What has to be proven.
    pub(super) fn verification(&self) -> anyhow::Result<Vec<Verification>> {
        if !on(self.verify) {
            return Ok(Vec::new());
        }
        let path = match &self.keyring {
            Some(path) => path.clone(),
            None => default_keyring(),
        };
        let keyring = std::fs::read(&path).map_err(|error| {
            let words = go::path_error("open", &path.display().to_string(), &error);
            anyhow!("{words}; hint: --keyring names the public keys to verify with")
        })?;
        Ok(vec![Verification::Provenance { keyring }])
    }
}

fn text(file: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(file).map_err(|error| anyhow!(go::path_error("open", file, &error)))
}

fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn home(path: &str) -> PathBuf {
    folder("HOME").unwrap_or_default().join(path)
}

fn default_keyring() -> PathBuf {
    let gnupg = folder("GNUPGHOME").unwrap_or_else(|| home(".gnupg"));
    gnupg.join("pubring.gpg")
}

/// Helm's folder of settings.
pub(super) fn settings() -> PathBuf {
    folder("HELM_CONFIG_HOME").unwrap_or_else(|| {
        folder("XDG_CONFIG_HOME")
            .unwrap_or_else(|| home(".config"))
            .join("helm")
    })
}

/// Text of a file of logins, where there is one. An empty name names none.
fn logins(file: &Path) -> anyhow::Result<Option<String>> {
    let name = file.display();
    let words = |problem: String| {
        anyhow!(
            "failed to decode config file {name}: invalid config format: {problem}; hint: --registry-config names a file as \
             `helm registry login` writes it"
        )
    };
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(words(go::path_error("read", &name.to_string(), &error))),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text)
        .map_err(|error| words(error.to_string()))?;
    Ok(Some(text))
}
