//! A broker that others wrote: `openbrokerapi` from the Python package index, with the app of `openbrokerapi/app.py`.
//!
//! What it knows is in its process; it has no script. `cargo xtask parts` prepares it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};

/// Where `cargo xtask parts` leaves the interpreter, below the checkout.
const PART: &str = "target/oarlock/parts/openbrokerapi";

/// The program was not prepared.
#[derive(Debug, Error)]
#[error("{} is not there; hint: cargo xtask parts", .path.display())]
pub struct Missing {
    /// Where it should be.
    pub path: PathBuf,
}

/// A running one. It ends when it is dropped.
#[derive(Debug)]
pub struct OpenBrokerApi {
    /// Where it is, such as `http://127.0.0.1:4711`.
    pub url: String,
    /// It asks for this user.
    pub user: String,
    /// And this password.
    pub password: String,
    process: Child,
    /// It ends when this is closed, also where nobody could tell it.
    _alive: ChildStdin,
}

#[derive(Deserialize)]
struct Place {
    broker: String,
    user: String,
    password: String,
}

impl OpenBrokerApi {
    /// The interpreter that has it.
    ///
    /// # Errors
    /// Where it was not prepared.
    pub fn prepared() -> Result<PathBuf, Missing> {
        let path = checkout().join(PART).join("bin/python");
        if path.is_file() {
            Ok(path)
        } else {
            Err(Missing { path })
        }
    }

    /// Starts it on a port of its own, and waits until it listens.
    ///
    /// # Errors
    /// Where it was not prepared, or says something else than where it is.
    pub async fn start() -> anyhow::Result<Self> {
        let program = Self::prepared()?;
        let app = checkout().join("tests/broker/openbrokerapi/app.py");
        let mut process = Command::new(&program)
            // Nothing is left beside the sources.
            .arg("-B")
            .arg(&app)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let alive = process.stdin.take().context("it has no standard input")?;
        let output = process.stdout.take().context("it has no standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let place: Place = serde_json::from_str(&line)
            .with_context(|| format!("{} does not say where it is: {line:?}", app.display()))?;
        Ok(Self {
            url: place.broker,
            user: place.user,
            password: place.password,
            process,
            _alive: alive,
        })
    }

    /// What is there: `instances` and `bindings` by identifier, with plan, parameters, how often their PUT came, whether they are
    /// ready, and the operation that is under way.
    ///
    /// # Errors
    /// Where it has gone.
    pub async fn ledger(&self) -> anyhow::Result<Value> {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET /ledger HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        ensure!(head.contains(" 200 "), "the ledger cannot be read: {head}");
        Ok(serde_json::from_str(body)?)
    }

    /// Ends it, with all that it knows.
    ///
    /// # Errors
    /// Where the system does not let us.
    pub async fn kill(&mut self) -> std::io::Result<()> {
        self.process.kill().await
    }
}

fn checkout() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // It is two folders below.
    package.ancestors().nth(2).unwrap_or(package)
}
