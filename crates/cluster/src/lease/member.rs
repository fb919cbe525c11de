//! Carries a membership out: calls, the fence, and the assignments that follow.

use std::time::Duration;

use oarlock_core::request::ApiError;
use tokio_util::sync::CancellationToken;

use super::api::LeaseApi;
use super::membership::{Listed, Membership, Step, Stored};
use super::moment::Moment;
use super::post::wall;
use super::record::{Lease, new_member};
use super::roster::Roster;
use crate::fence::Fence;

/// A member at work.
pub(super) struct Worker {
    api: LeaseApi,
    /// The group's id.
    group: String,
    /// Name of the own Lease.
    name: String,
    membership: Membership,
    fence: Fence,
    roster: Roster,
    /// The own Lease as it was last seen.
    lease: Option<Lease>,
    /// Number of the last assignment.
    number: u64,
    failing: bool,
    members: usize,
}

impl Worker {
    pub(super) fn new(
        api: LeaseApi,
        group: String,
        name: String,
        membership: Membership,
        fence: Fence,
        roster: Roster,
    ) -> Self {
        Self {
            api,
            group,
            name,
            membership,
            fence,
            roster,
            lease: None,
            number: 0,
            failing: false,
            members: 0,
        }
    }

    /// Announces itself, and works on its share, until `leave`; then says that it has gone.
    pub(super) async fn run(mut self, leave: CancellationToken) {
        while !leave.is_cancelled() {
            self.reflect();
            match self.membership.step(Moment::now(), wall()) {
                Step::Settle => self.roster.settled(self.number).await,
                Step::Wait(until) => {
                    // Short enough that a machine that was suspended notices soon.
                    let time = until.since(Moment::now()).min(Duration::from_secs(1));
                    tokio::select! {
                        () = tokio::time::sleep(time) => {}
                        () = self.roster.changed() => {}
                        () = leave.cancelled() => {}
                    }
                }
                Step::List => self.list().await,
                Step::Store {
                    version,
                    record,
                    view,
                } => {
                    let sent = Moment::now();
                    let text = view.to_string();
                    let known = self.lease.as_ref();
                    let result = match (version, known) {
                        (Some(version), Some(lease)) if lease.version == version => {
                            let object = lease.replaced(&record, Some(&text));
                            self.api
                                .replace(&self.name, &object, self.limit(sent))
                                .await
                        }
                        _ => {
                            let object = new_member(&self.name, &self.group, &record, &text);
                            self.api.create(&object, self.limit(sent)).await
                        }
                    };
                    let answer = self.answer(result);
                    self.membership
                        .stored(sent, Moment::now(), &record, view, answer);
                }
                Step::Sweep { .. } => {}
            }
        }
        self.release().await;
    }

    fn limit(&self, now: Moment) -> Duration {
        let until = self.membership.until(now);
        until.map_or(Duration::MAX, |until| until.since(now))
    }

    /// Brings fence and assignment to what the membership says.
    fn reflect(&mut self) {
        if self.roster.done() >= self.number {
            self.membership.kept();
        }
        let now = Moment::now();
        let change = self.membership.change(now);
        match self.membership.until(now) {
            Some(until) => self.fence.open_until(until),
            None => self.fence.close(),
        }
        if let Some(change) = change {
            if change.abrupt {
                tracing::warn!(
                    lease = %self.place(),
                    "lost the lease: it was not renewed in time; nothing is written any more"
                );
            }
            self.number = self.roster.assign(change.share, change.abrupt);
        }
        let members = self.membership.members();
        if self.members != members {
            self.members = members;
            tracing::info!(lease = %self.place(), members, "members");
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.api.namespace(), self.name)
    }

    async fn list(&mut self) {
        let sent = Moment::now();
        let leases = match self.api.members(&self.group, self.limit(sent)).await {
            Ok(leases) => leases,
            Err(error) => {
                self.tell(&error);
                self.membership.unlisted(Moment::now());
                return;
            }
        };
        self.failing = false;
        let own = |lease: &Lease| lease.name == self.name;
        self.lease = leases.iter().find(|lease| own(lease)).cloned();
        let listed = leases.into_iter().map(|lease| Listed {
            own: own(&lease),
            lease: lease.name,
            version: lease.version,
            record: lease.record,
            view: lease.view,
        });
        let listed = listed.collect();
        let swept = self.membership.listed(sent, Moment::now(), listed);
        // Waiting for it must not delay what the list says.
        self.reflect();
        if let Some(Step::Sweep { lease, version }) = swept {
            let result = self.api.delete(&lease, &version, self.limit(sent)).await;
            match result {
                Ok(()) => tracing::info!(lease, "swept up the lease of a member that is gone"),
                Err(error) => tracing::debug!(lease, %error, "not swept up"),
            }
        }
    }

    fn answer(&mut self, result: Result<Lease, ApiError>) -> Stored {
        match result {
            Ok(lease) => {
                let version = lease.version.clone();
                self.lease = Some(lease);
                self.failing = false;
                Stored::Done { version }
            }
            Err(error) if error.code == 404 => Stored::Absent,
            Err(error) if error.code == 409 => Stored::Refused,
            Err(error) => {
                self.tell(&error);
                Stored::Failed
            }
        }
    }

    fn tell(&mut self, error: &ApiError) {
        let lease = self.place();
        if std::mem::replace(&mut self.failing, true) {
            tracing::debug!(lease, %error, "the members' leases are out of reach");
        } else {
            tracing::warn!(lease, %error, "the members' leases are out of reach; it is tried again");
        }
    }

    /// Nothing is written after this process has said that others may begin.
    async fn release(&mut self) {
        self.fence.close();
        let limit = Duration::from_secs(2);
        for _ in 0..2 {
            let released = self.membership.release(wall());
            let (Some((version, record)), Some(lease)) = (released, &self.lease) else {
                return;
            };
            if lease.version == version {
                let object = lease.replaced(&record, None);
                match self.api.replace(&self.name, &object, limit).await {
                    Ok(_) => {
                        tracing::info!(lease = %self.place(), "released the lease");
                        return;
                    }
                    Err(error) if error.code == 409 => {}
                    Err(_) => break,
                }
            }
            // A renewal whose answer was lost may have moved the version on.
            self.list().await;
        }
        tracing::warn!(lease = %self.place(), "the lease was not released; it expires by itself");
    }
}
