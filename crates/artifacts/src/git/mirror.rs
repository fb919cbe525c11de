//! The bare repository of one URL in the cache: held by one at a time, among all processes, and thrown away when it is damaged.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use oarlock_core::artifact::FetchError;
use tokio::time::{Instant, sleep};

use super::isolation::Isolation;
use super::location::Location;
use super::process::{Call, CallGit, size};
use super::reference::Found;

/// How often a lock that another process holds is tried.
const RETRY: Duration = Duration::from_millis(50);
/// Fetches into one repository; then it is begun anew, since nothing in it is ever cleaned up.
const PACKS: usize = 50;
/// What git prints when it is quiet.
const QUIET: u64 = 64 << 10;

/// A repository of the cache. Nobody else has it while this lives.
pub(super) struct Mirror {
    folder: PathBuf,
    _lock: File,
}

/// How fetches are bounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of a repository.
    pub(super) repository: u64,
    /// Bytes of all repositories.
    pub(super) all: u64,
    pub(super) time: Duration,
}

impl Mirror {
    /// Waits for the repository of `location`, which is in a folder of its own below `home`.
    pub(super) async fn hold(
        home: &Path,
        location: &Location,
        time: Duration,
    ) -> Result<Self, FetchError> {
        let name = oarlock_core::reference::Digest::of(location.url().as_bytes());
        let folder = home.join(name.hex());
        let until = Instant::now() + time;
        loop {
            match lock(&folder) {
                Ok(lock) => {
                    return Ok(Self {
                        folder,
                        _lock: lock,
                    });
                }
                Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(RETRY).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(FetchError::Unavailable(format!(
                        "{location}: another process has been fetching it for {} s",
                        time.as_secs()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(unwritable(&folder, &error)),
            }
        }
    }

    /// The bare repository, whether it is there or not.
    pub(super) fn repository(&self) -> PathBuf {
        self.folder.join("repository")
    }

    /// For files with secrets, which are gone when the call is over.
    pub(super) fn secrets(&self) -> PathBuf {
        self.folder.join("secrets")
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// There while somebody writes to the repository: found later, whoever wrote did not live to see the end.
    fn writing(&self) -> PathBuf {
        self.folder.join("writing")
    }

    /// Whether there is a repository that nobody died writing to.
    fn is_sound(&self) -> bool {
        !self.writing().exists() && self.repository().join("HEAD").exists()
    }

    /// Removes the repository.
    pub(super) async fn discard(&self) -> Result<(), FetchError> {
        let (repository, writing) = (self.repository(), self.writing());
        let gone = |removed: io::Result<()>| match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let removed = tokio::task::spawn_blocking(move || {
            gone(fs::remove_dir_all(repository)).and_then(|()| gone(fs::remove_file(writing)))
        })
        .await
        .unwrap_or_else(|_ending| Err(io::ErrorKind::Interrupted.into()));
        removed.map_err(|error| unwritable(&self.folder, &error))
    }

    /// Whether it has the whole commit.
    pub(super) async fn has(&self, isolation: &Isolation, commit: &str) -> bool {
        if !self.is_sound() {
            return false;
        }
        let name = format!("{commit}^{{commit}}");
        self.run(
            isolation,
            &["cat-file", "-e", &name],
            None,
            Duration::from_secs(30),
        )
        .await
        .is_ok()
    }

    /// Fetches one state of the remote, without what was before it.
    pub(super) async fn fetch(
        &self,
        remote: &Isolation,
        location: &Location,
        slot: &str,
        found: &Found,
        bounds: Bounds,
    ) -> Result<(), CallGit> {
        self.prepare(remote, &found.want, bounds).await?;
        let refspec = format!("+{}:refs/oarlock/{slot}", found.want);
        let shallow = ["--depth=1", "--", location.url(), refspec.as_str()];
        match self.transfer(remote, &shallow, bounds).await {
            Err(CallGit::Failed(words)) if is_unadvertised(&words) => {}
            told => return told,
        }
        // Servers of old give what a branch or tag points at, and nothing else: all of them are fetched, with all that was
        // before them, and the commit is hopefully there.
        let all = [
            "+refs/heads/*:refs/oarlock/heads/*",
            "+refs/tags/*:refs/oarlock/tags/*",
        ];
        let mut arguments = vec!["--", location.url()];
        if self.repository().join("shallow").exists() {
            arguments.insert(0, "--unshallow");
        }
        arguments.extend(all);
        self.transfer(remote, &arguments, bounds).await
    }

    /// Makes the repository where there is none, or none that is of use.
    async fn prepare(
        &self,
        isolation: &Isolation,
        want: &str,
        bounds: Bounds,
    ) -> Result<(), CallGit> {
        let repository = self.repository();
        let packs = fs::read_dir(repository.join("objects/pack")).map_or(0, Iterator::count);
        let full = packs > 2 * PACKS || size(&repository).await > bounds.repository / 2;
        if self.is_sound() && !full {
            return Ok(());
        }
        let broken = |error: FetchError| CallGit::Failed(error.to_string());
        self.discard().await.map_err(broken)?;
        let format = if want.len() == 64 { "sha256" } else { "sha1" };
        let mut arguments: Vec<OsString> = ["init", "--bare", "--quiet", "--template="]
            .map(OsString::from)
            .to_vec();
        arguments.push(format!("--object-format={format}").into());
        arguments.push("--".into());
        arguments.push(repository.into_os_string());
        self.note_writing()?;
        let call = Call {
            isolation,
            folder: &self.folder,
            repository: None,
            arguments,
            output: QUIET,
            store: None,
            time: bounds.time,
        };
        call.output().await?;
        self.wrote()
    }

    async fn transfer(
        &self,
        remote: &Isolation,
        what: &[&str],
        bounds: Bounds,
    ) -> Result<(), CallGit> {
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--force",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
        ];
        arguments.extend(what);
        self.note_writing()?;
        let store = Some((self.repository(), bounds.repository));
        let told = self.run(remote, &arguments, store, bounds.time).await;
        // Git that came to its own end leaves what was there before; one that was ended may not.
        if matches!(
            told,
            Ok(_) | Err(CallGit::Failed(_) | CallGit::Start { .. })
        ) {
            self.wrote()?;
        }
        told.map(drop)
    }

    fn note_writing(&self) -> Result<(), CallGit> {
        File::create(self.writing())
            .map(drop)
            .map_err(|error| CallGit::Failed(unwritable(&self.folder, &error).to_string()))
    }

    fn wrote(&self) -> Result<(), CallGit> {
        fs::remove_file(self.writing())
            .map_err(|error| CallGit::Failed(unwritable(&self.folder, &error).to_string()))
    }

    async fn run(
        &self,
        isolation: &Isolation,
        arguments: &[&str],
        store: Option<(PathBuf, u64)>,
        time: Duration,
    ) -> Result<Vec<u8>, CallGit> {
        let repository = self.repository();
        let call = Call {
            isolation,
            folder: &self.folder,
            repository: Some(&repository),
            arguments: arguments.iter().map(OsString::from).collect(),
            output: QUIET,
            store,
            time,
        };
        call.output().await
    }

    /// Notes that the repository was used, and removes those of other URLs that were not for the longest time, until the rest
    /// fits.
    pub(super) async fn used(&self, all: u64) {
        let folder = self.folder.clone();
        let pruned = tokio::task::spawn_blocking(move || prune(&folder, all)).await;
        if let Ok(Err(error)) = pruned {
            tracing::warn!(error = %error, "cannot remove old repositories of the chart cache");
        }
    }
}

/// Takes the lock of `folder`, which is made where it is missing. Only whoever holds it writes below it.
fn lock(folder: &Path) -> Result<File, TryLockError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(TryLockError::Error)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join("lock"))
        .map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// Removes the credentials that one who was killed left behind, wherever nobody is at work.
pub(super) fn sweep(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let secrets = entry.path().join("secrets");
        if secrets.exists()
            && let Ok(_lock) = lock(&entry.path())
            && let Err(error) = fs::remove_dir_all(&secrets)
        {
            tracing::warn!(folder = %secrets.display(), error = %error, "cannot remove the credentials given to git");
        }
    }
}

/// The lock's file stays with its folder: who waits for it must not hold one that nobody else sees.
fn prune(used: &Path, most: u64) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(used.join("lock"))?
        .set_modified(SystemTime::now())?;
    let Some(home) = used.parent() else {
        return Ok(());
    };
    let mut all = Vec::new();
    for entry in fs::read_dir(home)? {
        let folder = entry?.path();
        let Ok(metadata) = fs::metadata(folder.join("lock")) else {
            continue;
        };
        all.push((
            metadata.modified()?,
            bytes(&folder.join("repository")),
            folder,
        ));
    }
    all.sort();
    let mut left: u64 = all.iter().map(|(_, size, _)| size).sum();
    for (_, size, folder) in all {
        if left <= most {
            break;
        }
        if folder == used || size == 0 {
            continue;
        }
        if let Ok(_lock) = lock(&folder) {
            fs::remove_dir_all(folder.join("repository"))?;
            left -= size;
        }
    }
    Ok(())
}

/// Bytes of all files below a folder; what vanishes meanwhile has none.
pub(super) fn bytes(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// What servers say of an object that they have but do not give, or do not have.
fn is_unadvertised(words: &str) -> bool {
    ["unadvertised object", "not our ref"]
        .iter()
        .any(|sign| words.contains(sign))
}

fn unwritable(folder: &Path, error: &io::Error) -> FetchError {
    FetchError::Unavailable(format!(
        "cannot write to {}: {error}; hint: it needs space, and has to be writable for whoever runs this",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn at(url: &str) -> Location {
        Location::parse(url, None).unwrap()
    }

    #[tokio::test]
    async fn one_at_a_time_holds_a_repository() {
        let home = tempfile::tempdir().unwrap();
        let location = at("https://git.example/a");
        let hold = |time| Mirror::hold(home.path(), &location, time);
        let first = hold(Duration::ZERO).await.unwrap();
        let error = hold(Duration::ZERO).await.err().unwrap();
        insta::assert_snapshot!(error, @"https://git.example/a: another process has been fetching it for 0 s");
        let other = at("https://git.example/b");
        Mirror::hold(home.path(), &other, Duration::ZERO)
            .await
            .unwrap();
        let waiting = hold(Duration::from_secs(60));
        let (second, ()) = tokio::join!(waiting, async { drop(first) });
        second.unwrap();
    }

    #[tokio::test]
    async fn repositories_that_were_not_used_for_longest_go_first() {
        let home = tempfile::tempdir().unwrap();
        let mut folders = Vec::new();
        for (minutes, name) in [(3, "a"), (1, "b"), (2, "c")] {
            let location = at(&format!("https://git.example/{name}"));
            let mirror = Mirror::hold(home.path(), &location, Duration::ZERO).await;
            let mirror = mirror.unwrap();
            fs::create_dir(mirror.repository()).unwrap();
            fs::write(mirror.repository().join("HEAD"), [0; 100]).unwrap();
            let used = SystemTime::now() - Duration::from_secs(60 * minutes);
            mirror._lock.set_modified(used).unwrap();
            folders.push(mirror.repository());
        }
        let location = at("https://git.example/b");
        let mirror = Mirror::hold(home.path(), &location, Duration::ZERO).await;
        mirror.unwrap().used(200).await;
        let left: Vec<bool> = folders.iter().map(|folder| folder.exists()).collect();
        assert_eq!(left, [false, true, true]);
    }

    #[tokio::test]
    async fn what_was_left_behind_is_swept_where_nobody_is_at_work() {
        let home = tempfile::tempdir().unwrap();
        let (a, b) = (at("https://git.example/a"), at("https://git.example/b"));
        let busy = Mirror::hold(home.path(), &a, Duration::ZERO).await.unwrap();
        fs::create_dir(busy.secrets()).unwrap();
        let gone = Mirror::hold(home.path(), &b, Duration::ZERO).await.unwrap();
        fs::create_dir(gone.secrets()).unwrap();
        let left = gone.secrets();
        drop(gone);
        sweep(home.path());
        assert!(busy.secrets().exists());
        assert!(!left.exists());
    }
}
