//! One run for a broker: what its catalog offers becomes classes and plans.
//!
//! What is fetched and when, and what follows from it, is decided by [`catalog`](crate::catalog). Where a catalog cannot be had,
//! all that was read before stays as it is.

mod hold;
mod leaving;
mod memory;
mod offer;
mod shelf;
mod sight;
#[cfg(test)]
mod tests;
mod usage;

use oarlock_sdk::{
    Context, Event, Failure, ObjectRef, Outcome, ReadError, Selection, Timestamp, merge_patch,
};
use serde_json::{Value, json};

use super::access::{self, Access, Broker, MOVED};
use super::ask;
use super::reading::{API_VERSION, text};
use super::settled::RELIST;
use crate::catalog::relist::{self, Relist, Wish};
use crate::catalog::{BrokerName, Filter};
use crate::osb::catalog::{Marker, Reading};
use crate::osb::{Answer, Caller, Fault, Heard, id, request};
use crate::resource;
use crate::situation::Obstacle;
use memory::{Failing, Memory, Said, Unheld};
use offer::Taken;
use sight::Sight;

/// One run.
///
/// # Errors
/// [`Failure::Invalid`] where fields of the object are wrong; where the cluster has no answer. Whatever else stands in the way is
/// an outcome: its conditions say so.
pub(super) fn reconcile(object: &Value, cx: &Context) -> Result<Outcome, Failure> {
    let Some(run) = Run::of(object, cx) else {
        return Err(Failure::terminal(
            "neither a ClusterServiceBroker nor a ServiceBroker",
        ));
    };
    if cx.deleting() {
        return leaving::leave(&run);
    }
    let spec = resource::broker(object).map_err(Failure::Invalid)?;
    let mut memory = Memory::of(object);
    let sight = Sight::read(&run)?;
    let wish = Wish {
        annotation: run.annotation(RELIST).map(str::to_owned),
        lost: sight.lacks(&memory) || run.is_freed(&memory)?,
        ..spec.wish(run.generation)
    };
    match relist::decide(&wish, &memory.relist, run.now) {
        Relist::Now { conditional, .. } => {
            let access = match access::of(&run.broker, object) {
                Ok(access) => access,
                Err(obstacle) => return run.blocked(&memory, &sight, &obstacle),
            };
            if let Some(moved) = run.moved(&memory, &access)? {
                return run.blocked(&memory, &sight, &moved);
            }
            memory.url = Some(access.url.clone());
            let fetch = Fetch {
                wish: &wish,
                filter: spec.filter(),
                conditional,
            };
            run.fetch(memory, &sight, &access, &fetch)
        }
        relist => {
            memory.forget_obstacle();
            let at = match relist {
                Relist::At(at) => Some(at),
                Relist::Now { .. } | Relist::OnRequest => None,
            };
            run.rest(memory, &sight, at)
        }
    }
}

/// What a run is about.
struct Run<'a> {
    cx: &'a Context,
    object: &'a Value,
    broker: Broker,
    name: BrokerName,
    uid: &'a str,
    generation: i64,
    now: u64,
}

/// How a catalog is fetched.
struct Fetch<'a> {
    wish: &'a Wish,
    filter: Filter,
    conditional: bool,
}

impl<'a> Run<'a> {
    fn of(object: &'a Value, cx: &'a Context) -> Option<Self> {
        let broker = Broker::of(object)?;
        Some(Self {
            cx,
            object,
            name: match &broker {
                Broker::Cluster(name) => BrokerName::Cluster(name.clone()),
                Broker::Namespaced { name, .. } => BrokerName::Namespaced(name.clone()),
            },
            broker,
            uid: text(object, "/metadata/uid").unwrap_or_default(),
            generation: object["metadata"]["generation"]
                .as_i64()
                .unwrap_or_default(),
            now: cx.now().as_millis(),
        })
    }

    /// Namespace of its classes and plans, and of all who use them.
    fn namespace(&self) -> Option<&str> {
        match &self.broker {
            Broker::Cluster(_) => None,
            Broker::Namespaced { namespace, .. } => Some(namespace),
        }
    }

    /// One of its classes or plans.
    fn target(&self, kind: &str, name: &str) -> ObjectRef {
        let target = ObjectRef::new(API_VERSION, kind, name);
        match self.namespace() {
            Some(namespace) => target.in_namespace(namespace),
            None => target,
        }
    }

    /// Objects of a kind, where its classes and plans are, or all who use them.
    fn query(
        &self,
        kind: &str,
        labels: Option<&str>,
        fields: &[&str],
    ) -> Result<Vec<Value>, ReadError> {
        self.cx.reads().query(&Selection {
            api_version: API_VERSION.to_owned(),
            kind: kind.to_owned(),
            namespace: self.namespace().map(str::to_owned),
            labels: labels.map(str::to_owned),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            act_as: None,
        })
    }

    fn annotation(&self, key: &str) -> Option<&'a str> {
        self.object["metadata"]["annotations"][key].as_str()
    }

    /// Whether a name that another broker had when it was last looked at is another's no more.
    fn is_freed(&self, memory: &Memory) -> Result<bool, Failure> {
        for clash in &memory.clashes {
            if !shelf::is_taken(self, clash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stands in the way where the object names another broker than the one at which somebody has something: nobody could be asked
    /// for that any more.
    fn moved(&self, memory: &Memory, access: &Access) -> Result<Option<Obstacle>, Failure> {
        let Some(before) = memory.url.as_ref().filter(|before| **before != access.url) else {
            return Ok(None);
        };
        if self.annotation(MOVED).map(|to| to.trim_end_matches('/')) == Some(&access.url) {
            return Ok(None);
        }
        let holders = usage::holders(self)?;
        if holders.is_empty() {
            return Ok(None);
        }
        Ok(Some(Obstacle {
            reason: "BrokerChanged",
            message: format!(
                "spec.url is another address than {before}, where somebody has something: {}\nhint: set it back; where the same \
                 broker is at the new address, annotate this object with `{MOVED}: {}`; of another broker, make another object",
                usage::named(&holders),
                access.url
            ),
            retry: None,
        }))
    }

    /// Nothing is fetched. What was flagged and is used no more goes.
    fn rest(&self, memory: Memory, sight: &Sight, at: Option<u64>) -> Result<Outcome, Failure> {
        let mut memory = memory;
        let spent = sight.spent(self)?;
        // By what is there: whoever was killed after they went has not said so.
        memory.flagged = sight.flagged() - spent.count();
        let said = memory.said(self.now);
        let outcome = spent.removed_from(Outcome::new());
        self.told(outcome, memory, &said, at)
    }

    /// Nothing was sent: something is missing without which the broker cannot be asked.
    fn blocked(
        &self,
        memory: &Memory,
        sight: &Sight,
        obstacle: &Obstacle,
    ) -> Result<Outcome, Failure> {
        let at = obstacle.retry.map(|wait| self.now.saturating_add(wait));
        let mut memory = memory.clone();
        memory.failing = Some(Failing {
            reason: obstacle.reason.to_owned(),
            message: obstacle.message.clone(),
        });
        memory.relist.failing_since = memory.relist.failing_since.or(Some(self.now));
        let event = Event::warning(
            format!("blocked-{}-{}", self.generation, obstacle.message),
            obstacle.reason,
            obstacle.message.clone(),
        );
        Ok(self.rest(memory, sight, at)?.event(event))
    }

    fn fetch(
        &self,
        memory: Memory,
        sight: &Sight,
        access: &Access,
        fetch: &Fetch<'_>,
    ) -> Result<Outcome, Failure> {
        let marker = match fetch.conditional {
            true => memory.relist.marker.clone(),
            false => Marker::default(),
        };
        let caller = Caller {
            identity: None,
            request: id::look(self.uid, self.now),
        };
        let heard = match ask::ask(self.cx, access, &request::catalog(&caller, &marker), None) {
            Ok(heard) => heard,
            Err(obstacle) => return self.blocked(&memory, sight, &obstacle),
        };
        let reading = crate::osb::catalog::read(&heard);
        match reading {
            Reading::Unchanged if fetch.conditional => {
                let memory = memory.unchanged(fetch.wish, self.now);
                let at = relist::next(fetch.wish, &memory.relist, self.now);
                self.rest(memory, sight, at)
            }
            Reading::Unchanged => {
                let fault = Fault {
                    status: Some(304),
                    description: String::from(
                        "nothing has changed, though it was not asked whether anything has",
                    ),
                    ..Fault::default()
                };
                self.failed(
                    memory,
                    sight,
                    fetch,
                    &Unread::of(&heard, &fault, false, None),
                )
            }
            Reading::Failed {
                fault,
                denied,
                retry_after,
            } => {
                let wait = retry_after.map(|after| after.wait_ms(self.now));
                self.failed(
                    memory,
                    sight,
                    fetch,
                    &Unread::of(&heard, &fault, denied, wait),
                )
            }
            Reading::Changed { catalog, marker } => {
                drop(heard);
                match offer::take(self, &catalog, &fetch.filter)? {
                    Ok(taken) => self.taken(memory, fetch, marker, taken),
                    Err(oversized) => {
                        let unread = Unread {
                            reason: "ErrorSyncingCatalog",
                            message: oversized.to_string(),
                            denied: false,
                            wait: None,
                        };
                        self.failed(memory, sight, fetch, &unread)
                    }
                }
            }
        }
    }

    /// No catalog was had: all stays as it is.
    fn failed(
        &self,
        memory: Memory,
        sight: &Sight,
        fetch: &Fetch<'_>,
        unread: &Unread,
    ) -> Result<Outcome, Failure> {
        let memory = Memory {
            relist: memory
                .relist
                .failed(fetch.wish, self.now, unread.denied, unread.wait),
            failing: Some(Failing {
                reason: unread.reason.to_owned(),
                message: unread.message.clone(),
            }),
            ..memory
        };
        // Once per series: the next one begins after something went well.
        let series = memory.relist.retrieved_at.unwrap_or_default();
        let event = Event::warning(
            format!("unread-{series}-{}", unread.message),
            unread.reason,
            unread.message.clone(),
        );
        let at = relist::next(fetch.wish, &memory.relist, self.now);
        Ok(self.rest(memory, sight, at)?.event(event))
    }

    fn taken(
        &self,
        memory: Memory,
        fetch: &Fetch<'_>,
        marker: Marker,
        taken: Taken,
    ) -> Result<Outcome, Failure> {
        let memory = memory.read(fetch.wish, self.now, marker, &taken);
        let at = relist::next(fetch.wish, &memory.relist, self.now);
        let said = memory.said(self.now);
        let events = taken.events(memory.fetches);
        let outcome = taken.outcome().events(events);
        self.told(outcome, memory, &said, at)
    }

    /// The outcome with conditions and status.
    fn told(
        &self,
        outcome: Outcome,
        mut memory: Memory,
        said: &Said,
        at: Option<u64>,
    ) -> Result<Outcome, Failure> {
        let (outcome, until) = self.holding(outcome, &mut memory)?;
        let at = match (at, until) {
            (Some(at), Some(until)) => Some(at.min(until)),
            (at, until) => at.or(until),
        };
        let status = memory.status(self.generation, said, at);
        let before = &self.object["status"];
        let mut wanted = before.clone();
        if !wanted.is_object() {
            wanted = json!({});
        }
        for (key, value) in status {
            wanted[key] = value;
        }
        let mut outcome = outcome.condition(said.ready.clone());
        if let Some(failed) = said.failed(before) {
            outcome = outcome.condition(failed);
        }
        if let Some(patch) = merge_patch::between(before, &wanted) {
            outcome = outcome.patch_status(patch);
        }
        Ok(match at {
            Some(at) => outcome.requeue_at(Timestamp::from_millis(at)),
            None => outcome,
        })
    }

    /// The outcome with a hold on the Secret with our credentials, and when that one ends.
    fn holding(
        &self,
        outcome: Outcome,
        memory: &mut Memory,
    ) -> Result<(Outcome, Option<u64>), Failure> {
        let hold = hold::wanted(self, memory)?;
        let is_listed = outcome.exactly().is_some();
        // What is removed by name must not be listed.
        if hold.differs && !is_listed && !outcome.removals().is_empty() {
            return Ok((outcome, hold.until));
        }
        memory.held = hold.held;
        memory.unheld = hold.refused.map(|message| Unheld {
            generation: self.generation,
            message,
        });
        let outcome = match &memory.unheld {
            Some(unheld) => outcome.event(Event::warning(
                format!("not-held-{}-{}", self.generation, unheld.message),
                "AuthSecretNotHeld",
                format!(
                    "the Secret with the credentials may go before what is at the broker: {}",
                    unheld.message
                ),
            )),
            None => outcome,
        };
        let outcome = match (is_listed, hold.differs) {
            (true, _) => outcome.children(hold.child),
            (false, true) => outcome
                .children(offer::as_it_is(self)?)
                .children(hold.child),
            (false, false) => outcome,
        };
        Ok((outcome, hold.until))
    }
}

/// Why there is no catalog.
struct Unread {
    reason: &'static str,
    message: String,
    /// The broker does not talk to us.
    denied: bool,
    /// Milliseconds that it wants to be left alone.
    wait: Option<u64>,
}

impl Unread {
    fn of(heard: &Heard, fault: &Fault, denied: bool, wait: Option<u64>) -> Self {
        let hint = match heard {
            Heard::Answer(answer) => hint(answer),
            Heard::Unsent { .. } => Some(String::from(
                "is spec.url right, and are its certificates trusted by spec.caBundle?",
            )),
            Heard::Lost { .. } => None,
        };
        let mut message = format!("the catalog cannot be read: {fault}");
        if let Some(hint) = hint {
            message.push_str(&format!("\nhint: {hint}"));
        }
        Self {
            reason: "ErrorFetchingCatalog",
            message,
            denied: denied || matches!(heard, Heard::Unsent { .. }),
            wait,
        }
    }
}

/// What to do where a broker answers so.
fn hint(answer: &Answer) -> Option<String> {
    Some(match answer.status {
        301..=303 | 307 | 308 => {
            let elsewhere = answer.header("Location").and_then(|to| {
                let to = to.split(['?', '#']).next().unwrap_or_default();
                // Whoever redirects may put credentials there.
                (!to.is_empty() && !to.contains('@')).then(|| format!(" to {to}"))
            });
            format!(
                "the broker redirects{}, and redirects are not followed: set spec.url to where its `/v2` is",
                elsewhere.unwrap_or_default()
            )
        }
        401 | 403 | 407 => String::from(
            "the broker does not take our credentials: look at the Secret that spec.authInfo names; it is read at every call",
        ),
        404 => String::from("is `/v2/catalog` below spec.url?"),
        412 => format!(
            "the broker does not speak version {} of the Open Service Broker API",
            crate::osb::VERSION
        ),
        _ => return None,
    })
}
