//! One call of the `git` binary: its own process group, limits on what it says, on what it stores, and on its time.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::isolation::Isolation;

/// What is kept of what git says to people.
const WORDS: u64 = 16 << 10;
/// How often the size of what git stores is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// One call.
pub(super) struct Call<'a> {
    pub(super) isolation: &'a Isolation,
    /// Where it runs, and the repository where there is one.
    pub(super) folder: &'a Path,
    pub(super) repository: Option<&'a Path>,
    pub(super) arguments: Vec<OsString>,
    /// Most bytes that it may print.
    pub(super) output: u64,
    /// Most bytes that may be in a folder while it runs.
    pub(super) store: Option<(PathBuf, u64)>,
    pub(super) time: Duration,
}

/// Why a call gave nothing.
#[derive(Debug, Error)]
pub(super) enum CallGit {
    /// There is no such program, or it cannot be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long, and was ended with all that it had started.
    #[error("no answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// What it fetched is too large.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// What it printed is too large.
    #[error("an answer of more than {0} bytes")]
    TooLong(u64),
    /// It ended with an error; its own words.
    #[error("{0}")]
    Failed(String),
    /// The pipe to it broke.
    #[error("cannot talk to git")]
    Talk(#[source] io::Error),
}

/// A process with all that it starts, ended when this is dropped.
pub(super) struct Running {
    // Before the child: its id is surely its own as long as nobody has waited for it.
    group: Group,
    pub(super) child: Child,
}

struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Whoever is gone already needs no end.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Running {
    pub(super) fn start(mut command: Command, program: &Path) -> Result<Self, CallGit> {
        let child = command
            .process_group(0)
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| CallGit::Start {
                program: program.display().to_string(),
                source,
            })?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Self {
            group: Group(group),
            child,
        })
    }

    /// Waits for the end of a process that has nothing more to say.
    pub(super) async fn ended(&mut self) -> Result<bool, CallGit> {
        let status = self.child.wait().await.map_err(CallGit::Talk)?;
        self.group.0 = None;
        Ok(status.success())
    }
}

impl Call<'_> {
    /// What git prints.
    pub(super) async fn output(self) -> Result<Vec<u8>, CallGit> {
        let time = self.time;
        // Dropping the future ends the process group.
        timeout(time, self.run())
            .await
            .unwrap_or(Err(CallGit::TimedOut(time)))
    }

    async fn run(self) -> Result<Vec<u8>, CallGit> {
        let mut command = self.isolation.command(self.folder, self.repository);
        command.args(&self.arguments).stdin(Stdio::null());
        let mut running = Running::start(command, self.isolation.program())?;
        let (Some(stdout), Some(stderr)) =
            (running.child.stdout.take(), running.child.stderr.take())
        else {
            return Err(CallGit::Talk(io::ErrorKind::BrokenPipe.into()));
        };
        let limit = self.output;
        let talk = async {
            let (printed, said) = tokio::join!(within(stdout, limit), words(stderr));
            let printed = printed?;
            if running.ended().await? {
                Ok(printed)
            } else {
                Err(CallGit::Failed(said))
            }
        };
        let Some((store, most)) = self.store else {
            return talk.await;
        };
        tokio::select! {
            told = talk => {
                // A fast one may have gone over between two looks.
                if told.is_ok() { check_size(&store, most).await?; }
                told
            }
            error = outgrown(&store, most) => Err(error),
        }
    }
}

/// All of `pipe`, at most `limit` bytes.
async fn within(pipe: impl AsyncRead + Unpin, limit: u64) -> Result<Vec<u8>, CallGit> {
    let mut bytes = Vec::new();
    let mut pipe = pipe.take(limit + 1);
    pipe.read_to_end(&mut bytes).await.map_err(CallGit::Talk)?;
    if bytes.len() as u64 > limit {
        return Err(CallGit::TooLong(limit));
    }
    Ok(bytes)
}

/// The beginning of what is said; the rest is read too, so that nobody waits for us.
pub(super) async fn words(pipe: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let mut first = pipe.take(WORDS);
    // What was said before the pipe broke is all that there is.
    let _so_far = first.read_to_end(&mut bytes).await;
    let _rest = tokio::io::copy(&mut first.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ends when the folder is larger than it may be.
async fn outgrown(store: &Path, most: u64) -> CallGit {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(error) = check_size(store, most).await {
            return error;
        }
    }
}

async fn check_size(store: &Path, most: u64) -> Result<(), CallGit> {
    if size(store).await > most {
        Err(CallGit::TooLarge(most))
    } else {
        Ok(())
    }
}

/// Bytes of all files below a folder; what vanishes meanwhile has none.
pub(super) async fn size(folder: &Path) -> u64 {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || super::mirror::bytes(&folder))
        .await
        .unwrap_or_default()
}
