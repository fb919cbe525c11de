//! What a run tells: Events and notices.

use oarlock_core::cluster::{EventRecord, ServiceAccount, Writer};
use oarlock_core::manifest::{Access, missing_grant};
use oarlock_core::outcome::{Event, Notice};
use oarlock_core::reference::ObjectRef;

use super::Run;
use crate::plan;

impl Run<'_> {
    /// Records Events that were not told before.
    pub(super) async fn tell(&mut self, events: &[Event], reporter: &str) {
        for event in events {
            if !self.memory.tell(&event.key) {
                continue;
            }
            match &event.about {
                Some(about) if let Err(missing) = self.may_tell_of(about) => {
                    let refused = Event {
                        key: format!("GrantMissing-{}", event.key),
                        warning: true,
                        reason: "GrantMissing".to_owned(),
                        message: format!(
                            "an Event {} about {about} was not recorded: {missing}",
                            event.reason
                        ),
                        about: None,
                    };
                    self.record(&refused, reporter).await;
                }
                _ => self.record(event, reporter).await,
            }
        }
    }

    async fn record(&self, event: &Event, reporter: &str) {
        let event = self.redaction.event(event);
        let record = EventRecord {
            about: event.about.clone().unwrap_or_else(|| self.live.target()),
            uid: event.about.is_none().then(|| self.live.uid()),
            key: event.key.clone(),
            warning: event.warning,
            reason: event.reason.clone(),
            message: event.message.clone(),
            reporter: reporter.to_owned(),
            now: self.now,
        };
        if let Err(error) = self.ports.cluster.record(record).await {
            // An Event is a courtesy: the object's conditions say the same.
            tracing::warn!(object = %self.live.target(), reason = event.reason, %error, "an Event was not recorded");
        }
    }

    /// An Event is a write beside what it is about: only what a module has to do with can be told of.
    fn may_tell_of(&self, about: &ObjectRef) -> Result<(), String> {
        if *about == self.live.target() {
            return Ok(());
        }
        let Some(kind) = self.ports.cluster.kind(&about.gvk) else {
            return Err(format!("{} is not served by the API server", about.gvk));
        };
        let live = self.ports.cluster.cached(about);
        let child =
            live.is_some_and(|live| live.made_by_host() && live.is_owned_by(&self.live.uid()));
        if child || plan::reaches(&self.entry.grants, &kind, about, self.live.namespace()) {
            return Ok(());
        }
        let access = Access {
            verb: "get",
            group: &kind.gvk.group,
            resource: &kind.plural,
            namespace: about.namespace.as_deref(),
            name: Some(&about.name),
            all_namespaces: false,
        };
        Err(missing_grant("read", &access))
    }

    pub(super) fn notify(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            if self.memory.tell(&format!("notice {}", notice.key)) {
                self.ports
                    .notices
                    .post(notice, &self.entry.grants, &self.live.target());
            }
        }
    }

    /// Before a repair that may be one too many: finds out who makes it necessary. Afterwards the fields are the module's again,
    /// and nothing tells of the other.
    pub(super) async fn note_rival(
        &mut self,
        target: &ObjectRef,
        manager: &str,
        account: Option<&ServiceAccount>,
    ) {
        if !self.memory.contests.is_near(target, self.now) {
            return;
        }
        let of_status = *target == self.live.target();
        let is_rival = |writer: &Writer| {
            writer.manager != manager
                && (writer.subresource.as_deref() == Some("status")) == of_status
        };
        let rival = match self.ports.cluster.writers(target, account).await {
            Ok(writers) => writers
                .into_iter()
                .find(is_rival)
                .map(|writer| writer.manager),
            Err(error) => {
                tracing::warn!(object = %self.live.target(), %target, %error, "who else writes an object was not found out");
                None
            }
        };
        let (object, who) = (self.live.target(), rival.as_deref().unwrap_or("somebody"));
        tracing::warn!(%object, contested = %target, who, "somebody keeps changing it back; it is left alone for a while");
        self.memory.contests.against(target, rival);
    }
}
