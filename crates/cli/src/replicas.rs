//! Several processes for one set of watches: one works and the others stand by, or each works on a share.
//!
//! Owned here: the flags, and that the engine keeps to what the lease's thread assigns. The rules are in
//! `oarlock_cluster::lease`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::ArgAction;
use oarlock_cluster::client::{Clients, ConnectError, Source, open_fenced};
use oarlock_cluster::fence::Fence;
use oarlock_cluster::lease::{Access, Assignment, Duty, Place, Post, Timing, identity};
use oarlock_core::shard::Share;
use oarlock_engine::Engine;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::arguments::duration;

/// Flags as client-go and controller-runtime have them.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Several replicas")]
#[group(skip)]
pub(crate) struct Args {
    /// One of several replicas works, elected by a Lease; the others stand by with warm caches.
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "true|false"
    )]
    leader_elect: bool,
    /// Every replica works on a share of the objects; members announce themselves by Leases.
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = false,
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "true|false"
    )]
    sharding: bool,
    /// Name of the Lease, or of the group of members.
    #[arg(long, default_value = "oarlock", value_name = "NAME")]
    leader_election_id: String,
    /// Namespace of the Leases [default: that of the Pod or of the kubeconfig's context].
    #[arg(long, value_name = "NAME")]
    leader_election_namespace: Option<String>,
    /// How long others wait for a replica that is not heard of any more. In whole seconds.
    #[arg(long, default_value = "15s", value_name = "DURATION", value_parser = duration)]
    leader_elect_lease_duration: Duration,
    /// How long a replica works without renewing its Lease.
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    leader_elect_renew_deadline: Duration,
    /// Time between two tries.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = duration)]
    leader_elect_retry_period: Duration,
}

/// What a replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// There is no other.
    Alone,
    /// It leads, or stands by.
    Candidate,
    /// It has a share.
    Member,
}

/// A replica that has not begun.
pub(crate) struct Replica {
    role: Role,
    place: Place,
    timing: Timing,
    fence: Fence,
    leads: Family<Vec<(String, String)>, Gauge>,
    members: Gauge,
}

/// A replica at work: its lease, and who keeps to what it assigns.
pub(crate) struct Attendance {
    post: Post,
    attending: AbortOnDropHandle<()>,
}

/// What is done once, by whoever leads.
pub(crate) type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Args {
    /// Checks that the flags go together.
    pub(crate) fn replica(&self, metrics: &mut Registry) -> anyhow::Result<Replica> {
        let role = match (self.leader_elect, self.sharding) {
            (false, false) => Role::Alone,
            (true, false) => Role::Candidate,
            (false, true) => Role::Member,
            (true, true) => bail!(
                "--leader-elect and --sharding exclude each other; hint: with --sharding every replica works, each on its \
                 share"
            ),
        };
        let timing = Timing {
            lease: self.leader_elect_lease_duration,
            renew_deadline: self.leader_elect_renew_deadline,
            retry: self.leader_elect_retry_period,
        };
        let replica = Replica {
            role,
            place: Place {
                namespace: self.leader_election_namespace.clone(),
                id: self.leader_election_id.clone(),
            },
            timing: timing.check()?,
            fence: match role {
                Role::Alone => Fence::open(),
                Role::Candidate | Role::Member => Fence::shut(),
            },
            leads: Family::default(),
            members: Gauge::default(),
        };
        replica.register(metrics);
        Ok(replica)
    }
}

impl Replica {
    fn register(&self, metrics: &mut Registry) {
        match self.role {
            Role::Alone => {}
            Role::Candidate => {
                self.leads.get_or_create(&self.labels()).set(0);
                metrics.register(
                    "leader_election_master_status",
                    "1: this replica leads; 0: it stands by",
                    self.leads.clone(),
                );
            }
            Role::Member => metrics.register(
                "oarlock_shard_members",
                "Replicas among which this one sees the objects split; 0 while it has no share",
                self.members.clone(),
            ),
        }
    }

    fn labels(&self) -> Vec<(String, String)> {
        vec![("name".to_owned(), self.place.id.clone())]
    }

    /// What shuts when this replica may not write.
    pub(crate) fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Where this replica reads and writes: what may have to be stopped on its way has connections of its own.
    pub(crate) async fn clients(
        &self,
        source: &Source,
        agent: &str,
        client: kube::Client,
    ) -> Result<Clients, ConnectError> {
        if self.role == Role::Alone {
            return Ok(client.into());
        }
        let patience = self.timing.renew_deadline;
        let writes = open_fenced(source, agent, self.fence.clone(), patience).await?;
        Ok(Clients {
            reads: client,
            writes,
        })
    }

    /// Whether only one of several works.
    pub(crate) const fn is_candidate(&self) -> bool {
        matches!(self.role, Role::Candidate)
    }

    /// Whether several work, each on a share.
    pub(crate) const fn is_member(&self) -> bool {
        matches!(self.role, Role::Member)
    }

    /// Begins. From now on `engine` works on what is assigned only, at first on nothing. `errand` is done when this replica leads for
    /// the first time. `stop` is cancelled when the lease is kept no longer. `None` for a replica that is alone: it has everything.
    pub(crate) fn begin(
        self,
        source: Source,
        agent: &str,
        engine: &Arc<Engine>,
        errand: Option<Errand>,
        stop: CancellationToken,
    ) -> anyhow::Result<Option<Attendance>> {
        let access = Access::Configured(source, format!("{agent} (lease)"));
        let identity = identity();
        let (place, fence) = (self.place.clone(), self.fence.clone());
        let (post, duty) = match self.role {
            Role::Alone => return Ok(None),
            Role::Candidate => Post::elect(access, place, identity.clone(), self.timing, fence)?,
            Role::Member => Post::join(access, place, &identity, self.timing, fence)?,
        };
        tracing::info!(identity, id = self.place.id, "one of several replicas");
        // Nothing is going on yet: there is nothing to wait for.
        drop(engine.own(Share::Nothing, true));
        let attending = tokio::spawn(self.attend(duty, Arc::clone(engine), errand, stop));
        Ok(Some(Attendance {
            post,
            attending: AbortOnDropHandle::new(attending),
        }))
    }

    /// Has the engine keep to what is assigned, and says when it does. A newer assignment supersedes one that is not kept yet.
    async fn attend(
        self,
        mut duty: Duty,
        engine: Arc<Engine>,
        mut errand: Option<Errand>,
        stop: CancellationToken,
    ) {
        let mut errands = tokio::task::JoinSet::new();
        let mut keeping = None;
        loop {
            let kept = async {
                match &mut keeping {
                    Some((number, kept)) => {
                        Pin::new(kept).await;
                        *number
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                assignment = duty.next() => {
                    let Some(assignment) = assignment else {
                        // Alive, ready, and unable to write: nobody would start another in its place.
                        tracing::error!("the thread that keeps the lease has ended; stopping");
                        stop.cancel();
                        return;
                    };
                    self.tell(&assignment);
                    if assignment.share == Share::Everything
                        && let Some(errand) = errand.take()
                    {
                        errands.spawn(errand);
                    }
                    let Assignment { number, share, abrupt } = assignment;
                    keeping = Some((number, Box::pin(engine.own(share, abrupt))));
                }
                number = kept => {
                    keeping = None;
                    duty.done(number);
                }
            }
        }
    }

    fn tell(&self, assignment: &Assignment) {
        let members = match &assignment.share {
            Share::Part(part) => part.views.last().map_or(0, |view| view.members().len()),
            Share::Everything | Share::Nothing => 0,
        };
        self.members.set(i64::try_from(members).unwrap_or(i64::MAX));
        if self.is_candidate() {
            let leads = assignment.share == Share::Everything;
            self.leads
                .get_or_create(&self.labels())
                .set(i64::from(leads));
        }
        match &assignment.share {
            Share::Everything => tracing::info!("reconciling all objects"),
            Share::Nothing => tracing::info!("reconciling nothing"),
            Share::Part(part) if part.is_settled() => {
                tracing::info!(members, "reconciling a share of the objects");
            }
            Share::Part(_) => tracing::info!(members, "handing objects over"),
        }
    }
}

impl Attendance {
    /// Gives the lease back. Nothing may be worked on any more.
    pub(crate) async fn leave(self) {
        let Self { post, attending } = self;
        // Before the thread waits for somebody who does not work any more.
        drop(attending);
        if let Err(error) = tokio::task::spawn_blocking(move || post.leave()).await {
            tracing::error!(%error, "the lease was not given back");
        }
    }
}
