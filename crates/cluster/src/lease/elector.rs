//! Carries an election out: calls, the fence, and the assignments that follow.

use std::time::Duration;

use oarlock_core::request::ApiError;
use oarlock_core::shard::Share;
use tokio_util::sync::CancellationToken;

use super::api::LeaseApi;
use super::election::{Answer, Election, Standing, Step};
use super::moment::Moment;
use super::post::wall;
use super::record::{self, Lease};
use super::roster::Roster;
use crate::fence::Fence;

/// A candidate at work.
pub(super) struct Elector {
    pub(super) api: LeaseApi,
    /// Name of the Lease.
    pub(super) name: String,
    pub(super) election: Election,
    pub(super) fence: Fence,
    pub(super) roster: Roster,
    /// The Lease as it was last seen.
    lease: Option<Lease>,
    told: Told,
}

/// What was told last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Leading,
    Follows(String),
    Failing,
}

impl Elector {
    pub(super) fn new(
        api: LeaseApi,
        name: String,
        election: Election,
        fence: Fence,
        roster: Roster,
    ) -> Self {
        Self {
            api,
            name,
            election,
            fence,
            roster,
            lease: None,
            told: Told::Nothing,
        }
    }

    /// Keeps asking for the lease, and keeps it, until `leave`; then gives it back.
    pub(super) async fn run(mut self, leave: CancellationToken) {
        let mut leading = false;
        while !leave.is_cancelled() {
            let step = self.election.step(Moment::now(), wall());
            leading = self.reflect(leading).await;
            if let Step::Wait(until) = step {
                let time = until.since(Moment::now());
                // Short enough that a machine that was suspended notices soon.
                let time = time.min(Duration::from_secs(1));
                tokio::select! {
                    () = tokio::time::sleep(time) => {}
                    () = leave.cancelled() => {}
                }
                continue;
            }
            let sent = Moment::now();
            let limit = match self.election.standing(sent) {
                Standing::Leading { until } => until.since(sent),
                Standing::Standby => Duration::MAX,
            };
            let answer = self.call(&step, limit).await;
            self.election.answered(sent, Moment::now(), answer);
            leading = self.reflect(leading).await;
        }
        self.release().await;
    }

    /// Brings fence and assignment to what the election says.
    async fn reflect(&mut self, was_leading: bool) -> bool {
        match self.election.standing(Moment::now()) {
            Standing::Leading { until } => {
                self.fence.open_until(until);
                if !was_leading {
                    tracing::info!(lease = %self.place(), "leading");
                    self.told = Told::Leading;
                    self.roster.assign(Share::Everything, false);
                }
                true
            }
            Standing::Standby => {
                if was_leading {
                    self.fence.close();
                    let dropped = self.roster.assign(Share::Nothing, true);
                    tracing::warn!(
                        lease = %self.place(),
                        "lost the lease: it was not renewed in time, or somebody took it; nothing is written any more"
                    );
                    // What began under this lease must have ended before the next one opens the fence again.
                    self.roster.settled(dropped).await;
                    self.told = Told::Nothing;
                }
                self.tell_who_leads();
                false
            }
        }
    }

    fn tell_who_leads(&mut self) {
        let Some(holder) = self.election.holder() else {
            return;
        };
        let told = Told::Follows(holder.to_owned());
        if self.told != told {
            tracing::info!(lease = %self.place(), holder, "standing by");
            self.told = told;
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.api.namespace(), self.name)
    }

    async fn call(&mut self, step: &Step, limit: Duration) -> Answer {
        let result = match step {
            Step::Wait(_) => return Answer::Failed,
            Step::Read => self.api.read(&self.name, limit).await,
            Step::Create(record) => {
                let object = record::new(&self.name, record);
                self.api.create(&object, limit).await
            }
            Step::Replace { version, record } => {
                match self
                    .lease
                    .as_ref()
                    .filter(|lease| lease.version == *version)
                {
                    Some(lease) => {
                        let object = lease.replaced(record, None);
                        self.api.replace(&self.name, &object, limit).await
                    }
                    None => return Answer::Refused,
                }
            }
        };
        self.answer(result)
    }

    fn answer(&mut self, result: Result<Lease, ApiError>) -> Answer {
        match result {
            Ok(lease) => {
                let answer = Answer::Stored {
                    version: lease.version.clone(),
                    record: lease.record.clone(),
                };
                self.lease = Some(lease);
                answer
            }
            Err(error) if error.code == 404 => Answer::Absent,
            Err(error) if error.code == 409 => Answer::Refused,
            Err(error) => {
                if self.told == Told::Failing {
                    tracing::debug!(lease = %self.place(), %error, "the lease is out of reach");
                } else {
                    tracing::warn!(lease = %self.place(), %error, "the lease is out of reach; it is tried again");
                }
                if !matches!(self.told, Told::Leading) {
                    self.told = Told::Failing;
                }
                Answer::Failed
            }
        }
    }

    /// Nothing is written after this process has said that another may begin.
    async fn release(&mut self) {
        self.fence.close();
        let limit = Duration::from_secs(2);
        for _ in 0..2 {
            let Some(step) = self.election.release(wall()) else {
                return;
            };
            match self.call(&step, limit).await {
                Answer::Stored { .. } => {
                    tracing::info!(lease = %self.place(), "released the lease");
                    return;
                }
                Answer::Refused => {
                    // A renewal whose answer was lost may have moved the version on.
                    let seen = self.call(&Step::Read, limit).await;
                    self.election.looked(Moment::now(), seen);
                }
                Answer::Absent | Answer::Failed => break,
            }
        }
        tracing::warn!(lease = %self.place(), "the lease was not released; it expires by itself");
    }
}
