//! What follows a failure.

use crate::machine::Run;
use crate::machine::ending::is_replaced;
use crate::record::Status;
use crate::state::{Inputs, Leaving, Verb};
use crate::storage::Entry;
use crate::turn::Turn;
use crate::wish::{Remediation, Strategy};

/// Remediations that may fail in a row.
const REMEDIATIONS: u32 = 5;

impl Run<'_> {
    /// The newest revision failed, or its tests did.
    pub(super) fn failed(self, newest: &Entry, inputs: Inputs) -> Turn {
        if self.is_forced() {
            return self.upgrade(inputs, "forced by annotation");
        }
        let Some(last) = &self.state.attempted else {
            return self.upgrade(inputs, "the newest revision failed");
        };
        let remedy = self.remedy();
        let count = match last.install {
            true => self.state.install_failures,
            false => self.state.upgrade_failures,
        };
        if count == 0 {
            return self.upgrade(inputs, "the newest revision failed");
        }
        let exhausted = remedy.retries.is_some_and(|most| count > most);
        if exhausted && (!remedy.last || self.only_retries()) {
            return self.exhausted();
        }
        if self.state.remediation_failures >= REMEDIATIONS {
            let message = format!(
                "Failed to remediate after {} attempt(s)\nhint: change the wish, or reset it (annotations \
                 reconcile.fluxcd.io/requestedAt and resetAt)",
                self.state.remediation_failures
            );
            return self.stall("RemediationFailed", message);
        }
        let install = last.install;
        match remedy.strategy {
            Strategy::Retry => self.upgrade(inputs, "retried"),
            Strategy::Rollback if !install => self.roll_back(newest),
            Strategy::Rollback | Strategy::Uninstall => {
                // Whatever the reason of a failed installation: what served once is not taken away for it.
                if install && self.ever_served(newest) {
                    return match exhausted {
                        true => self.exhausted(),
                        false => self
                            .upgrade(inputs, "retried: a release that served is not uninstalled"),
                    };
                }
                let leaving = Leaving::Remediation;
                let (revision, inputs) = (newest.version, self.inputs_of(newest.version));
                self.begin(Verb::Uninstall { leaving }, revision, inputs, "it failed")
            }
        }
    }

    /// What the wish says of a failure of the last attempt.
    pub(super) fn remedy(&self) -> &Remediation {
        let policy = &self.at.wish.policy;
        match self
            .state
            .attempted
            .as_ref()
            .is_some_and(|last| last.install)
        {
            true => &policy.install_remediation,
            false => &policy.upgrade_remediation,
        }
    }

    /// Whether nothing is done between two tries but waiting.
    pub(super) fn only_retries(&self) -> bool {
        self.remedy().strategy == Strategy::Retry
    }

    fn ever_served(&self, newest: &Entry) -> bool {
        let earlier = |entry: &Entry| {
            entry.version != newest.version
                && matches!(entry.status, Status::Deployed | Status::Superseded)
                && !is_replaced(&self.state, entry)
        };
        self.state.served || self.at.history.iter().any(earlier)
    }

    fn roll_back(self, newest: &Entry) -> Turn {
        let Some(to) = self.last_good(newest.version) else {
            let message = "Failed to perform remediation: missing target release for rollback: required to rollback\n\
                           hint: no revision before is known to be good; change the wish";
            return self.stall("MissingRollbackTarget", message.to_owned());
        };
        if let Some(unserved) = self.at.unserved.iter().find(|object| object.revision == to) {
            let message = format!(
                "Failed to perform remediation: revision {to} has objects of kinds that the API server does not serve any more: {}\n\
                 hint: change the wish; the objects that are there are left alone",
                unserved.object
            );
            return self.stall("MissingRollbackTarget", message);
        }
        let because = self
            .at
            .newest
            .as_ref()
            .map_or("", |header| &header.description)
            .to_owned();
        // Of what is not known any more nothing is in sync.
        let inputs = self
            .state
            .snapshot(to)
            .map(|known| known.inputs.clone())
            .unwrap_or_default();
        let revision = newest.version + 1;
        self.begin(Verb::Rollback { to }, revision, inputs, &because)
    }

    pub(super) fn exhausted(self) -> Turn {
        let install = self
            .state
            .attempted
            .as_ref()
            .is_some_and(|last| last.install);
        let (verb, count) = match install {
            true => ("install", self.state.install_failures),
            false => ("upgrade", self.state.upgrade_failures),
        };
        self.stall(
            "RetriesExceeded",
            format!(
                "Failed to {verb} after {count} attempt(s)\nhint: change the wish, or reset it (annotations \
                 reconcile.fluxcd.io/requestedAt and resetAt), or force one try more (requestedAt and forceAt)"
            ),
        )
    }
}
