//! Reads objects of a repository: one `git cat-file --batch` for all of them.
//!
//! Objects are what was committed. There is no checkout, and so no attribute, filter or line end that would change a file.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout_at};

use super::isolation::Isolation;
use super::process::{CallGit, Running};

/// Longest line that tells of an object.
const LINE: u64 = 4096;

/// An open repository. The process ends when this is dropped.
pub(super) struct Objects {
    _running: Running,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
    deadline: Instant,
    time: Duration,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder.
    Tree,
    /// A file.
    Blob,
}

/// Why an object cannot be read.
#[derive(Debug, Error)]
pub(super) enum ReadObject {
    /// The repository is damaged, or git is not what it should be.
    #[error("the repository is damaged: {0}")]
    Damaged(String),
    /// The object is larger than what is left.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// Git cannot be talked to.
    #[error(transparent)]
    Call(#[from] CallGit),
}

impl From<io::Error> for ReadObject {
    fn from(error: io::Error) -> Self {
        Self::Damaged(format!("git ended early: {error}"))
    }
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

impl Objects {
    /// Opens `repository`, for as long as `time`.
    pub(super) fn open(
        isolation: &Isolation,
        repository: &Path,
        time: Duration,
    ) -> Result<Self, CallGit> {
        let mut command = isolation.command(repository, Some(repository));
        command.args(["cat-file", "--batch"]).stdin(Stdio::piped());
        let mut running = Running::start(command, isolation.program())?;
        // What it would say of damage it says in its answers too.
        drop(running.child.stderr.take());
        let (Some(ask), Some(answers)) = (running.child.stdin.take(), running.child.stdout.take())
        else {
            return Err(CallGit::Talk(io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self {
            _running: running,
            ask,
            answers: BufReader::new(answers),
            deadline: Instant::now() + time,
            time,
        })
    }

    /// The bytes of `object`, which git also finds by expressions such as `COMMIT^{tree}`; at most `most` of them.
    pub(super) async fn read(
        &mut self,
        object: &str,
        kind: Kind,
        most: u64,
    ) -> Result<Vec<u8>, ReadObject> {
        let (deadline, time) = (self.deadline, self.time);
        timeout_at(deadline, self.answer(object, kind, most))
            .await
            .unwrap_or(Err(ReadObject::Call(CallGit::TimedOut(time))))
    }

    async fn answer(&mut self, object: &str, kind: Kind, most: u64) -> Result<Vec<u8>, ReadObject> {
        self.ask.write_all(format!("{object}\n").as_bytes()).await?;
        self.ask.flush().await?;
        let mut line = Vec::new();
        (&mut self.answers)
            .take(LINE)
            .read_until(b'\n', &mut line)
            .await?;
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let damaged = || ReadObject::Damaged(format!("{object}: {line}"));
        let mut words = line.rsplit(' ');
        let size: u64 = words
            .next()
            .and_then(|size| size.parse().ok())
            .ok_or_else(damaged)?;
        if words.next() != Some(kind.as_str()) {
            return Err(damaged());
        }
        // The rest of its bytes stays in the pipe: nothing can be asked any more, and nobody does.
        if size > most {
            return Err(ReadObject::TooLarge(most));
        }
        let mut bytes = Vec::new();
        (&mut self.answers)
            .take(size)
            .read_to_end(&mut bytes)
            .await?;
        let end = self.answers.read_u8().await?;
        if bytes.len() as u64 != size || end != b'\n' {
            return Err(damaged());
        }
        Ok(bytes)
    }
}
