//! A thread that keeps a lease, apart from everything else that the process does.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use oarlock_core::reference::Digest;
use oarlock_core::shard::Member;
use oarlock_core::timestamp::Timestamp;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::Place;
use super::api::{Access, LeaseApi};
use super::election::Election;
use super::elector::Elector;
use super::member::Worker;
use super::membership::Membership;
use super::roster::{Duty, Roster, roster};
use super::timing::Timing;
use crate::client::ConnectError;
use crate::fence::Fence;

/// Why no lease is kept.
#[derive(Debug, Error)]
pub enum StartLease {
    /// There is no way to the API server.
    #[error("cannot reach the API server for the lease {0:?}")]
    Connect(String, #[source] Box<ConnectError>),
    /// The system gave no thread.
    #[error("cannot start the thread that keeps the lease")]
    Spawn(#[source] std::io::Error),
    /// The identity cannot be published.
    #[error("{0:?} is no identity; hint: it must not be empty, and have no comma")]
    Identity(String),
}

/// The thread that keeps a lease.
///
/// Dropped, it lets the lease expire; [`Self::leave`] gives it back.
#[derive(Debug)]
pub struct Post {
    leave: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Post {
    /// Stands for election as the one that works: assigned is everything, or nothing.
    ///
    /// `fence` is open while this process leads, and shuts by itself at the renew deadline.
    ///
    /// # Errors
    /// See [`StartLease`]. Whether the API server answers is not waited for.
    pub fn elect(
        access: Access,
        place: Place,
        identity: String,
        timing: Timing,
        fence: Fence,
    ) -> Result<(Self, Duty), StartLease> {
        let (roster, duty) = roster();
        let election = Election::new(identity, timing);
        let name = place.id.clone();
        let run = move |api: LeaseApi, roster: Roster, leave: CancellationToken| {
            Elector::new(api, name, election, fence, roster).run(leave)
        };
        Ok((Self::start(access, place, timing, roster, run)?, duty))
    }

    /// Joins those that split the objects among them: assigned are parts.
    ///
    /// `fence` is open while the own Lease holds, and shuts by itself at the renew deadline.
    ///
    /// # Errors
    /// See [`StartLease`]. Whether the API server answers is not waited for.
    pub fn join(
        access: Access,
        place: Place,
        identity: &str,
        timing: Timing,
        fence: Fence,
    ) -> Result<(Self, Duty), StartLease> {
        let me = Member::new(identity).ok_or_else(|| StartLease::Identity(identity.to_owned()))?;
        let (roster, duty) = roster();
        // Whatever the identity is made of, this is a name.
        let digest = Digest::of(identity.as_bytes());
        let name = format!("{}-{}", place.id, &digest.hex()[..12]);
        let group = place.id.clone();
        let membership = Membership::new(me, timing);
        let run = move |api: LeaseApi, roster: Roster, leave: CancellationToken| {
            Worker::new(api, group, name, membership, fence, roster).run(leave)
        };
        Ok((Self::start(access, place, timing, roster, run)?, duty))
    }

    fn start<F: Future<Output = ()>>(
        access: Access,
        place: Place,
        timing: Timing,
        roster: Roster,
        run: impl FnOnce(LeaseApi, Roster, CancellationToken) -> F + Send + 'static,
    ) -> Result<Self, StartLease> {
        let leave = CancellationToken::new();
        let token = leave.clone();
        let id = place.id.clone();
        let (tell, told) = mpsc::sync_channel(1);
        let body = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime,
                Err(error) => {
                    // Nobody listens only where the starter is gone.
                    let _gone = tell.send(Err(StartLease::Spawn(error)));
                    return;
                }
            };
            runtime.block_on(async move {
                // A client lives on the runtime that made it: this one has no other work.
                match LeaseApi::new(access, &place, timing.call()).await {
                    Ok(api) => {
                        if tell.send(Ok(())).is_ok() {
                            run(api, roster, token).await;
                        }
                    }
                    Err(error) => {
                        let _gone = tell.send(Err(StartLease::Connect(place.id, Box::new(error))));
                    }
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("lease".to_owned())
            .spawn(body)
            .map_err(StartLease::Spawn)?;
        match told.recv() {
            Ok(result) => result?,
            Err(_) => {
                let ended = std::io::Error::other("it ended at once");
                tracing::error!(lease = id, "the thread that keeps the lease ended at once");
                return Err(StartLease::Spawn(ended));
            }
        }
        Ok(Self {
            leave,
            thread: Some(thread),
        })
    }

    /// Gives the lease back, so that others need not wait for it to expire. To be called when nothing is worked on any more: the
    /// fence is shut first. Blocks for as long as one or two calls take, some seconds at most.
    pub fn leave(mut self) {
        self.leave.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that kept the lease panicked");
        }
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.leave.cancel();
    }
}

/// What people read in a Lease.
pub(super) fn wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
