//! kubectl as a user runs it, in a home of its own.

use std::io;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::backend::Backend;
use crate::filling::Filling;
use crate::story::Command;

/// Names the program, when it is not the `kubectl` on PATH.
const PROGRAM: &str = "OARLOCK_KUBECTL";

/// Which kubectl; `None` when there is none on this machine.
pub(crate) fn program() -> Option<String> {
    let program = std::env::var(PROGRAM).unwrap_or_else(|_unset| String::from("kubectl"));
    let answer = std::process::Command::new(&program)
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    answer
        .is_ok_and(|status| status.success())
        .then_some(program)
}

/// Runs it to its end: exit code and the lines of its output.
pub(crate) async fn run(
    command: &Command,
    filling: &Filling,
    backend: &Backend,
    namespace: &str,
    directory: &Path,
) -> io::Result<Value> {
    for (name, content) in &command.files {
        tokio::fs::write(directory.join(name), filling.text(content)).await?;
    }
    let program = std::env::var(PROGRAM).unwrap_or_else(|_unset| String::from("kubectl"));
    let mut process = tokio::process::Command::new(program);
    process
        .arg("--namespace")
        .arg(namespace)
        .args(command.arguments.iter().map(|word| filling.text(word)))
        .env("KUBECONFIG", &backend.kubeconfig)
        .env("HOME", directory)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .envs(&command.environment)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = process.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = filling.text(&command.stdin);
        match stdin.write_all(input.as_bytes()).await {
            // Commands that read nothing close their end.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    let output = child.wait_with_output().await?;
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(String::from).collect()
    };
    let mut stdout = lines(&output.stdout);
    if let Some(tail) = command.tail {
        stdout.drain(..stdout.len().saturating_sub(tail));
    }
    Ok(json!({
        "exit": output.status.code(),
        "stdout": stdout,
        "stderr": lines(&output.stderr),
    }))
}
