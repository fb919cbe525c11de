//! Follows the directory: looks, compares, publishes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::scan::{Scanner, Sight};
use crate::sentry::Sentry;
use crate::snapshot::Snapshot;

/// How soon changes are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// After an event, wait until nothing more happens for this long.
    pub quiet: Duration,
    /// But never wait longer than this: a file that is written for ever must not hide the others.
    pub at_most: Duration,
    /// How often to look where the system tells of no events.
    pub poll: Duration,
    /// How often to look although the system tells of events: network file systems do not tell of everything.
    pub backstop: Duration,
    /// Whether to ask the system for events at all.
    pub events: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(100),
            at_most: Duration::from_millis(500),
            poll: Duration::from_secs(2),
            backstop: Duration::from_secs(30),
            events: true,
        }
    }
}

/// A watches file and a directory of modules.
///
/// Neither needs to exist: what is missing is a state, and is noticed when it appears. Nothing is followed unless
/// [`Self::run`] runs.
#[derive(Debug)]
pub struct Directory {
    watches: PathBuf,
    modules: PathBuf,
    pace: Pace,
    scanner: Arc<Mutex<Scanner>>,
    published: watch::Sender<Arc<Snapshot>>,
}

impl Directory {
    /// Looks at both for the first time. Blocks for as long as it takes to read all modules once.
    #[must_use]
    pub fn open(watches: impl Into<PathBuf>, modules: impl Into<PathBuf>) -> Self {
        Self::open_at(watches, modules, Pace::default())
    }

    /// As [`Self::open`], at another pace.
    #[must_use]
    pub fn open_at(watches: impl Into<PathBuf>, modules: impl Into<PathBuf>, pace: Pace) -> Self {
        let (watches, modules) = (watches.into(), modules.into());
        let mut scanner = Scanner::new(watches.clone(), modules.clone());
        let sight = scanner.look();
        let (published, _) = watch::channel(Arc::new(Snapshot {
            generation: 1,
            watches: sight.watches,
            modules: sight.modules,
        }));
        Self {
            watches,
            modules,
            pace,
            scanner: Arc::new(Mutex::new(scanner)),
            published,
        }
    }

    /// The watches file's path.
    #[must_use]
    pub fn watches_path(&self) -> &Path {
        &self.watches
    }

    /// The modules directory's path.
    #[must_use]
    pub fn modules_path(&self) -> &Path {
        &self.modules
    }

    /// What was published last.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.borrow().clone()
    }

    /// The latest snapshot, now and whenever there is a new one. Ends with the directory.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.published.subscribe()
    }

    /// Looks now, and publishes what is new. `true` if there was something.
    pub async fn refresh(&self) -> bool {
        self.look().await.published
    }

    /// Follows both until the future is dropped. One caller owns it; it never ends by itself.
    pub async fn run(&self) {
        let mut fallback_told = false;
        loop {
            // Room for one: see `Sentry::new`.
            let (alarm, alarms) = mpsc::channel(1);
            let sentry = self.station(alarm).await;
            match sentry {
                Ok(Some(sentry)) => {
                    fallback_told = false;
                    let error = self.follow(sentry, alarms).await;
                    tracing::debug!(%error, "watches on directories were lost and are set again");
                }
                Ok(None) => self.poll_once().await,
                Err(error) => {
                    if !fallback_told {
                        fallback_told = true;
                        tracing::warn!(
                            %error,
                            modules = %self.modules.display(),
                            watches = %self.watches.display(),
                            every = ?self.pace.poll,
                            "cannot ask the system for file events and looks at the files instead; \
                             hint: raise fs.inotify.max_user_watches and fs.inotify.max_user_instances"
                        );
                    }
                    self.poll_once().await;
                }
            }
        }
    }

    async fn poll_once(&self) {
        self.look().await;
        tokio::time::sleep(self.pace.poll).await;
    }

    /// `None` where no events are wanted.
    async fn station(&self, alarm: mpsc::Sender<()>) -> Result<Option<Sentry>, notify::Error> {
        if !self.pace.events {
            return Ok(None);
        }
        let (watches, modules) = (self.watches.clone(), self.modules.clone());
        blocking(move || {
            let mut sentry = Sentry::new(&watches, &modules, alarm)?;
            sentry.man()?;
            Ok(Some(sentry))
        })
        .await
    }

    /// Looks at every alarm, until the watches cannot be set any more.
    async fn follow(&self, mut sentry: Sentry, mut alarms: mpsc::Receiver<()>) -> notify::Error {
        loop {
            let settled = self.look().await.settled;
            let (returned, manned) = blocking(move || {
                let manned = sentry.man();
                (sentry, manned)
            })
            .await;
            sentry = returned;
            match manned {
                // What happened before the new watch was set has to be looked for.
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => return error,
            }
            let next = if settled {
                self.pace.backstop
            } else {
                self.pace.quiet
            };
            match timeout_at(Instant::now() + next, alarms.recv()).await {
                Ok(Some(())) => self.calm(&mut alarms).await,
                Ok(None) => return notify::Error::generic("the watcher has ended"),
                Err(_) => {}
            }
        }
    }

    /// Waits until there are no more alarms for a while.
    async fn calm(&self, alarms: &mut mpsc::Receiver<()>) {
        let last = Instant::now() + self.pace.at_most;
        loop {
            let quiet = (Instant::now() + self.pace.quiet).min(last);
            match timeout_at(quiet, alarms.recv()).await {
                Ok(Some(())) if Instant::now() < last => {}
                Ok(Some(()) | None) | Err(_) => return,
            }
        }
    }

    async fn look(&self) -> Look {
        let scanner = Arc::clone(&self.scanner);
        let published = self.published.clone();
        blocking(move || {
            // Published while nobody else can look: an older sight must never follow a newer one. A look that panicked
            // leaves nothing behind but fewer remembered digests.
            let mut scanner = scanner.lock().unwrap_or_else(PoisonError::into_inner);
            let sight = scanner.look();
            Look {
                settled: sight.settled,
                published: publish(&published, sight),
            }
        })
        .await
    }
}

fn publish(published: &watch::Sender<Arc<Snapshot>>, sight: Sight) -> bool {
    published.send_if_modified(|current| {
        let next = Snapshot {
            generation: current.generation + 1,
            watches: sight.watches,
            modules: sight.modules,
        };
        let new = !next.same_content(current);
        if new {
            tracing::debug!(generation = next.generation, "files changed");
            *current = Arc::new(next);
        }
        new
    })
}

struct Look {
    published: bool,
    settled: bool,
}

/// Runs `work` where blocking is fine. A panic in it goes on here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: whoever waits for this is about to be dropped.
            Err(_) => std::future::pending().await,
        },
    }
}
