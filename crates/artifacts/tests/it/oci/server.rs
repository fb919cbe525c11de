//! A real registry: the reference implementation, on loopback.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Once;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// For what takes milliseconds on a machine that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const CA: &str = include_str!("tls/ca.pem");

/// `user` and `secret`, as bcrypt has it.
const PASSWORDS: &str = "user:$2b$04$kJIbZ1W6eS3lNhY6oNjAq.13gG9BtKcCVdtGNbF7K59mAcWYXItXm\n";

/// Whom a registry lets in.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// The user `user` with the password `secret`.
    Password,
    /// Whoever has a token from there.
    Tokens(String),
}

/// A registry. Killed when dropped.
pub(crate) struct Server {
    process: Child,
    _logs: JoinSet<()>,
    directory: TempDir,
    /// Host and port.
    pub(crate) address: String,
}

impl Server {
    /// Starts one; `None`, said loudly, where there is none and that is allowed.
    pub(crate) async fn start(access: Access, tls: bool) -> Option<Self> {
        let program = program()?;
        let directory = TempDir::new().unwrap();
        let configuration = configuration(directory.path(), &access, tls);
        let file = directory.path().join("config.yml");
        std::fs::write(&file, configuration).unwrap();
        let mut process = Command::new(&program)
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut logs = JoinSet::new();
        logs.spawn(drained(process.stdout.take().unwrap()));
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    let end = rest.find([',', '"', ' ']).unwrap_or(rest.len());
                    return Some(rest[..end].to_owned());
                }
                said.push(line);
            }
            None
        };
        let address = tokio::time::timeout(PATIENCE, listening)
            .await
            .ok()
            .flatten();
        let Some(address) = address else {
            panic!("the registry does not listen:\n{}", said.join("\n"));
        };
        logs.spawn(drained(lines.into_inner()));
        Some(Self {
            process,
            _logs: logs,
            directory,
            // Certificates have names.
            address: address.replace("127.0.0.1", "localhost"),
        })
    }

    /// Ends it.
    pub(crate) async fn stop(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Adds a tag where the registry keeps them: so many are not pushed one by one.
    pub(crate) fn tag(&self, repository: &str, tag: &str, digest: &str) {
        let folder = self
            .directory
            .path()
            .join("data/docker/registry/v2/repositories")
            .join(repository)
            .join("_manifests/tags")
            .join(tag)
            .join("current");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("link"), digest).unwrap();
    }

    /// The file that the bytes of a digest are in.
    pub(crate) fn file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.directory
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(hex)
            .join("data")
    }
}

fn configuration(directory: &Path, access: &Access, tls: bool) -> String {
    let at = |name: &str, content: &str| {
        let file = directory.join(name);
        std::fs::write(&file, content).unwrap();
        file.display().to_string()
    };
    let mut text = format!(
        "version: 0.1\n\
         log: {{level: info, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}}}\n\
         http:\n  addr: 127.0.0.1:0\n  secret: x\n",
        directory.join("data").display()
    );
    if tls {
        let certificate = at("server.pem", include_str!("tls/server.pem"));
        let key = at("server.key.pem", include_str!("tls/server.key.pem"));
        writeln!(text, "  tls: {{certificate: {certificate}, key: {key}}}").unwrap();
    }
    match access {
        Access::Open => {}
        Access::Password => {
            let passwords = at("htpasswd", PASSWORDS);
            writeln!(text, "auth: {{htpasswd: {{realm: r, path: {passwords}}}}}").unwrap();
        }
        Access::Tokens(realm) => {
            let trusted = at("tokens.pem", include_str!("tls/tokens.pem"));
            writeln!(
                text,
                "auth: {{token: {{realm: {realm:?}, service: registry, issuer: tokens, rootcertbundle: {trusted}}}}}"
            )
            .unwrap();
        }
    }
    text
}

async fn drained(log: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(_)) = lines.next_line().await {}
}

/// The program; `None`, said past the test harness, where tests may go on without.
fn program() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let program = root.unwrap().join("target/oarlock/parts/docker-registry");
    if program.is_file() {
        return Some(program);
    }
    assert!(
        std::env::var_os("OARLOCK_ALLOW_MISSING").is_some(),
        "{} is not there; hint: cargo xtask parts",
        program.display()
    );
    SAID.call_once(|| {
        let text = b"NOT RUN: no chart was fetched from a real registry; hint: cargo xtask parts\n";
        std::io::stderr().write_all(text).unwrap();
    });
    None
}
