//! What git knows of the world: nothing of the user's and the machine's configuration, and of the secrets what one call needs.
//!
//! Secrets are in the environment of git (which the same user alone can read) or in files that are gone afterwards; never in
//! arguments.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_core::artifact::{Credentials, FetchError};
use oarlock_core::origin::Host;
use tokio::process::Command;

use super::location::{Location, Transport};

/// The port of ssh that known hosts are written without.
const SSH: u16 = 22;

/// Settings that hold for every call.
const SETTINGS: &[(&str, &str)] = &[
    ("advice.detachedHead", "false"),
    ("core.askPass", ""),
    // Larger objects are passed on in pieces, not held in memory.
    ("core.bigFileThreshold", "4m"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.logAllRefUpdates", "false"),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    // Packs stay packs: few files, and their size is that of what was sent.
    ("fetch.unpackLimit", "1"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    // Redirects are followed by us, or credentials would go along to any host.
    ("http.followRedirects", "false"),
    ("http.proxy", ""),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    ("protocol.version", "2"),
    ("submodule.recurse", "false"),
];

/// The program, its environment, and the files that it is given.
pub(super) struct Isolation {
    program: PathBuf,
    variables: Vec<(OsString, OsString)>,
    settings: Vec<(String, String)>,
    /// What must not be shown of what git says.
    secrets: Vec<String>,
    _files: Option<Files>,
}

/// A folder that is gone when this is dropped.
struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), error = %error, "cannot remove the credentials given to git");
        }
    }
}

/// Whom ssh speaks to.
struct Server<'a> {
    host: &'a Host,
    port: u16,
    /// Those that were checked.
    addresses: &'a [IpAddr],
}

impl Server<'_> {
    /// The address that was checked is the one that is opened; its key is still known by the host's name, written as ssh writes
    /// it.
    fn options(&self) -> Vec<String> {
        let (Host::Name(name), Some(address)) = (self.host, self.addresses.first()) else {
            return Vec::new();
        };
        let alias = match self.port {
            SSH => name.clone(),
            port => format!("[{name}]:{port}"),
        };
        vec![
            format!("HostName={address}"),
            format!("HostKeyAlias={alias}"),
        ]
    }
}

impl Isolation {
    /// For calls that stay within a repository of the cache.
    pub(super) fn local(program: &Path, path: &OsString) -> Self {
        let fixed = [
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("LC_ALL", "C"),
        ];
        let mut variables: Vec<(OsString, OsString)> = fixed
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        variables.push(("PATH".into(), path.clone()));
        Self {
            program: program.to_owned(),
            variables,
            settings: SETTINGS
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            secrets: Vec::new(),
            _files: None,
        }
    }

    /// For calls that ask the repository at `location`, whose host is at `addresses`. Files with secrets are put into the
    /// folder `secrets`, which is made.
    pub(super) fn remote(
        mut self,
        location: &Location,
        addresses: &[IpAddr],
        credentials: &Credentials,
        secrets: &Path,
        connect: Duration,
    ) -> Result<Self, FetchError> {
        let files = Files(secrets.to_owned());
        let written = self.open(location, addresses, credentials, &files, connect);
        self._files = Some(files);
        written?;
        self.variables
            .retain(|(name, _)| name != "GIT_ALLOW_PROTOCOL");
        self.variable("GIT_ALLOW_PROTOCOL", location.protocol());
        Ok(self)
    }

    fn open(
        &mut self,
        location: &Location,
        addresses: &[IpAddr],
        credentials: &Credentials,
        files: &Files,
        connect: Duration,
    ) -> Result<(), FetchError> {
        files.make().map_err(|error| files.unwritable(&error))?;
        match location.transport() {
            Transport::File => Ok(()),
            Transport::Web { host, port, .. } => {
                self.pin(host, *port, addresses);
                self.web(location, credentials, files)
            }
            Transport::Ssh { host, port } => {
                let server = Server {
                    host,
                    port: *port,
                    addresses,
                };
                self.ssh(location, &server, credentials, files, connect)
            }
        }
    }

    /// The addresses that were checked are those that are opened.
    fn pin(&mut self, host: &Host, port: u16, addresses: &[IpAddr]) {
        let Host::Name(name) = host else {
            return;
        };
        let list: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        if !list.is_empty() {
            let pinned = format!("{name}:{port}:{}", list.join(","));
            self.setting("http.curloptResolve", pinned);
        }
    }

    fn web(
        &mut self,
        location: &Location,
        credentials: &Credentials,
        files: &Files,
    ) -> Result<(), FetchError> {
        let header = if let Some((user, password)) = &credentials.basic {
            let pair = STANDARD.encode(format!("{user}:{password}"));
            self.secrets.extend([password.clone(), pair.clone()]);
            Some(format!("Authorization: Basic {pair}"))
        } else if let Some(token) = &credentials.bearer {
            self.secrets.push(token.clone());
            Some(format!("Authorization: Bearer {token}"))
        } else {
            None
        };
        if let Some(header) = header {
            if header.chars().any(char::is_control) {
                return Err(FetchError::Invalid(format!(
                    "{location}: the token has a line break or another control character in it; hint: store it without (echo -n)"
                )));
            }
            let name = format!("http.{}.extraHeader", location.url());
            self.setting(name, header);
        }
        let write = |name: &str, text: &str| {
            files
                .write(name, text)
                .map_err(|error| files.unwritable(&error))
        };
        if let Some(ca) = &credentials.ca {
            self.variable("GIT_SSL_CAINFO", write("ca.pem", ca)?);
        }
        if let Some((certificate, key)) = &credentials.client {
            self.variable("GIT_SSL_CERT", write("client.pem", certificate)?);
            self.variable("GIT_SSL_KEY", write("client-key.pem", key)?);
        }
        Ok(())
    }

    fn ssh(
        &mut self,
        location: &Location,
        server: &Server<'_>,
        credentials: &Credentials,
        files: &Files,
        connect: Duration,
    ) -> Result<(), FetchError> {
        let host = server.host;
        let Some(known_hosts) = &credentials.known_hosts else {
            return Err(FetchError::Unauthorized(format!(
                "{location}: the host key of {host} is not known; hint: put `known_hosts` into the Secret of `credentials` (ssh-keyscan {host} prints it; compare it with what the server's owner publishes)"
            )));
        };
        let Some(identity) = &credentials.identity else {
            return Err(FetchError::Unauthorized(format!(
                "{location}: ssh needs a key; hint: put the private key as `identity` into the Secret of `credentials`"
            )));
        };
        let write = |name: &str, text: &str| {
            files
                .write(name, &text.replace("\r\n", "\n"))
                .map_err(|error| files.unwritable(&error))
        };
        let identity = write("identity", identity)?;
        let known_hosts = write("known_hosts", known_hosts)?;
        let mut options = server.options();
        options.extend([
            "BatchMode=yes".to_owned(),
            "CheckHostIP=no".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            format!("ConnectTimeout={}", connect.as_secs().max(1)),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            format!("IdentityFile={}", option_path(&identity)),
            "LogLevel=ERROR".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "ServerAliveCountMax=2".to_owned(),
            "ServerAliveInterval=15".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            format!("UserKnownHostsFile={}", option_path(&known_hosts)),
        ]);
        let mut command = String::from("ssh -F /dev/null -a -x -T");
        for option in options {
            command.push_str(" -o ");
            command.push_str(&shell_word(&option));
        }
        self.variable("GIT_SSH_COMMAND", command);
        self.variable("GIT_SSH_VARIANT", "ssh");
        Ok(())
    }

    fn variable(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.push((name.into(), value.into()));
    }

    fn setting(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.settings.push((name.into(), value.into()));
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// The program in its environment. Nothing of ours is inherited.
    pub(super) fn command(&self, folder: &Path, repository: Option<&Path>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            // Where curl would look for .netrc, and git for its own.
            .env("HOME", folder)
            .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder))
            .current_dir(folder);
        if let Some(repository) = repository {
            command.env("GIT_DIR", repository);
        }
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (number, (name, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), name);
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command
    }

    /// `text` without what is secret: servers may repeat what they were sent.
    pub(super) fn masked(&self, text: &str) -> String {
        self.secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

impl Files {
    fn make(&self) -> io::Result<()> {
        // Left behind by one who was killed.
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&self.0)
    }

    /// Writes a file that we alone can read. Keys without a last line break are refused by ssh.
    fn write(&self, name: &str, text: &str) -> io::Result<String> {
        let path = self.0.join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        path.into_os_string()
            .into_string()
            .map_err(|_| io::Error::other("the path of the cache is not UTF-8"))
    }

    fn unwritable(&self, error: &io::Error) -> FetchError {
        FetchError::Unavailable(format!(
            "cannot write to {}: {error}; hint: it needs space, and has to be writable for whoever runs this",
            self.0.display()
        ))
    }
}

/// A path as ssh reads it in an option.
fn option_path(path: &str) -> String {
    let escaped = path.replace('%', "%%").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// One word of a shell.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
