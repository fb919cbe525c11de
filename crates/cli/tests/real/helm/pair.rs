//! One command line, for both programs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Once;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::process::{self, PATIENCE, root};

pub(super) use super::yard::Yard;

/// Past the test harness, which keeps what passing tests print.
pub(super) fn say(text: &str) {
    std::io::stderr()
        .write_all(format!("helm: {text}\n").as_bytes())
        .unwrap();
}

/// The real one; `None`, said loudly, where it may be missing: wherever no real API server is, either.
pub(crate) fn helm() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let helm = root().join("target/oarlock/parts/helm");
    if helm.exists() {
        return Some(helm);
    }
    let set = |name| std::env::var_os(name).is_some();
    assert!(
        set("OARLOCK_ALLOW_MISSING") || !set("OARLOCK_REAL_KUBECONFIG"),
        "{} is not there; hint: cargo xtask parts",
        helm.display()
    );
    SAID.call_once(|| say("NOT RUN: there is no helm to compare with; hint: cargo xtask parts"));
    None
}

/// Which program.
pub(super) enum Program<'a> {
    Helm(&'a Path),
    Oarlock,
}

impl Program<'_> {
    /// Runs `template` with arguments. Nothing of the user's settings counts.
    pub(super) async fn run(&self, args: &[&str], directory: &Path, input: Option<&str>) -> Output {
        let mut command = match self {
            Self::Helm(file) => {
                let mut command = Command::new(file);
                command.arg("template");
                command
            }
            Self::Oarlock => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_oarlock"));
                command
                    .args(["helm", "template", "--engine"])
                    .arg(process::helm_engine().await);
                command.env("OARLOCK_CACHE_DIR", process::engine_cache());
                command
            }
        };
        let mut child = command
            .args(args)
            .current_dir(directory)
            .env_remove("KUBECONFIG")
            // Below the target directory: both programs leave caches at home.
            .env("HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("home"))
            .env_remove("HELM_CACHE_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Most do not read it.
        let _gone = stdin.write_all(input.unwrap_or_default().as_bytes()).await;
        drop(stdin);
        tokio::time::timeout(PATIENCE, child.wait_with_output())
            .await
            .unwrap_or_else(|_| panic!("{args:?} does not end"))
            .unwrap()
    }
}

/// One command line.
pub(super) struct Pair {
    pub(super) name: String,
    directory: PathBuf,
    args: Vec<String>,
    input: Option<String>,
    extent: Extent,
}

/// How much of it is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Everything that is printed, but our hints.
    All,
    /// But the words of what fails are ours: the rest is compared.
    OwnWords,
}

impl Pair {
    /// With a name for messages, and the folder that it runs in.
    pub(super) fn new(name: &str, directory: &Path, args: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            directory: directory.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            input: None,
            extent: Extent::All,
        }
    }

    /// With standard input.
    pub(super) fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// What fails fails in both, each in its own words: grammar, networks.
    pub(super) fn own_words(mut self) -> Self {
        self.extent = Extent::OwnWords;
        self
    }

    /// What is not equal.
    pub(super) async fn difference(&self, helm: &Path) -> Option<String> {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let input = self.input.as_deref();
        let programs = (Program::Helm(helm), Program::Oarlock);
        let (theirs, ours) = tokio::join!(
            programs.0.run(&args, &self.directory, input),
            programs.1.run(&args, &self.directory, input)
        );
        if self.extent == Extent::OwnWords {
            let failed = !theirs.status.success() && !ours.status.success();
            return (!failed || theirs.stdout != ours.stdout).then(|| {
                format!("expected both to fail alike\n  helm: {theirs:?}\n  ours: {ours:?}")
            });
        }
        let status = (theirs.status.code(), ours.status.code());
        if status.0 != status.1 {
            return Some(format!(
                "helm exits with {:?}, we with {:?}\n  helm: {}\n  ours: {}",
                status.0,
                status.1,
                text(&theirs.stderr),
                text(&ours.stderr)
            ));
        }
        first_difference(
            "standard output",
            &text(&theirs.stdout),
            &text(&ours.stdout),
        )
        .or_else(|| {
            (theirs.stdout != ours.stdout)
                .then(|| "standard output, in bytes that are no UTF-8".to_owned())
        })
        .or_else(|| first_difference("standard error", &said(&theirs.stderr), &said(&ours.stderr)))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What counts of what is said: not our hints, not what Helm logs for information and for debugging. Sorted, since Helm
/// lists violations of a schema in an order that changes each time.
fn said(stderr: &[u8]) -> String {
    let all = text(stderr);
    let extra = ["  hint: ", "level=INFO ", "level=DEBUG "];
    let mut lines: Vec<&str> = all
        .split_inclusive('\n')
        .filter(|line| !extra.iter().any(|start| line.starts_with(start)))
        .collect();
    lines.sort_unstable();
    lines.concat()
}

fn first_difference(what: &str, theirs: &str, ours: &str) -> Option<String> {
    if theirs == ours {
        return None;
    }
    let mut lines = theirs.split_inclusive('\n').zip(ours.split_inclusive('\n'));
    match lines.position(|(theirs, ours)| theirs != ours) {
        Some(number) => Some(format!(
            "{what}, line {}\n  helm: {:?}\n  ours: {:?}",
            number + 1,
            short(theirs, number),
            short(ours, number),
        )),
        None => Some(format!(
            "{what}: helm has {} bytes, we have {}; one begins with the other; the shorter is followed by {:?}",
            theirs.len(),
            ours.len(),
            theirs
                .get(ours.len()..)
                .or_else(|| ours.get(theirs.len()..))
                .map(|rest| short(rest, 0)),
        )),
    }
}

fn short(text: &str, line: usize) -> String {
    let line = text.split_inclusive('\n').nth(line).unwrap_or_default();
    line.chars().take(400).collect()
}

/// The files below a folder, and their texts.
pub(super) fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}
