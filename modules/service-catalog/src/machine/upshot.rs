//! What a broker's answer means for the lifecycle: the decisions of the response table, without HTTP.

use crate::osb::Operation;
use crate::osb::answer::{Bound, Fault, cut};
use crate::osb::fetch::{Binding, Fetched};
use crate::osb::moment::RetryAfter;
use crate::osb::table::{self, Done, Failed, Next, Pace, Verdict};
use crate::state::Facts;

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upshot {
    /// What it means.
    pub came: Came,
    /// The broker's words for people, or what was wrong with its answer. No secret is in it.
    pub message: String,
    /// `Retry-After` in milliseconds.
    pub retry_after: Option<u64>,
    /// The broker does not talk to us as we are: with other credentials, or at another address, it may.
    pub denied: bool,
    /// By its own word (2xx) it did it, or works at it.
    pub heard: bool,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is done.
    Done(Facts),
    /// It is done; what it came to has to be read.
    Later,
    /// The broker works at it (202).
    Begun {
        /// What it calls it.
        operation: Option<String>,
        /// `dashboard_url`, where it says it already.
        dashboard: Option<String>,
    },
    /// It is still at it, or could not be asked.
    Working,
    /// There is nothing under the ID any more.
    Gone,
    /// A DELETE says that there is nothing such (404), which is not how it says that it is gone.
    Unknown,
    /// Nothing ended; the same again later: no answer to what can be repeated, 408, `ConcurrencyError`, 429; of a DELETE
    /// also what is refused.
    Again {
        /// Only something else, such as other credentials, will probably help.
        slow: bool,
    },
    /// The plan is not what it was (`MaintenanceInfoConflict`): the catalog is read again, then the same.
    Stale,
    /// Refused for good; nothing was made or changed.
    Refused,
    /// A creation is refused since something is there under its ID that was made with something else (409).
    Taken,
    /// It went wrong, and something may be there that nobody knows of: orphan mitigation.
    Orphan {
        /// Whether the same is tried again after it.
        again: bool,
    },
    /// It went wrong; nothing is there that was not there before.
    Failed {
        /// The instance cannot be used any more (`instance_usable: false`).
        unusable: bool,
        /// The same may be tried again (`update_repeatable`, or no word of it where that is safe).
        again: bool,
    },
}

impl Upshot {
    /// Without words of the broker.
    #[must_use]
    pub const fn new(came: Came) -> Self {
        Self {
            came,
            message: String::new(),
            retry_after: None,
            denied: false,
            heard: false,
        }
    }
}

/// What a verdict of the response table means. Credentials stay where they are.
#[must_use]
pub fn of(call: table::Call, verdict: &Verdict, now: u64) -> Upshot {
    let (table::Call::Begin(operation) | table::Call::Poll(operation)) = call;
    let wait = |after: Option<RetryAfter>| after.map(|after| after.wait_ms(now));
    let fault = |came, fault: &Fault, after| Upshot {
        came,
        message: cut(&fault.to_string()),
        retry_after: wait(after),
        denied: is_denied(fault),
        heard: fault
            .status
            .is_some_and(|status| (200..300).contains(&status)),
    };
    match verdict {
        Verdict::Done(done) => Upshot {
            heard: true,
            ..Upshot::new(of_done(operation, done))
        },
        Verdict::Poll(accepted) => Upshot {
            retry_after: wait(accepted.retry_after),
            heard: true,
            ..Upshot::new(Came::Begun {
                operation: accepted.operation.clone(),
                dashboard: accepted.dashboard_url.clone(),
            })
        },
        Verdict::KeepPolling(pending) => Upshot {
            message: match (&pending.description, &pending.fault) {
                (Some(description), _) => cut(description),
                (None, Some(fault)) => cut(&fault.to_string()),
                (None, None) => String::new(),
            },
            retry_after: wait(pending.retry_after),
            ..Upshot::new(Came::Working)
        },
        // To the table it is slow, as whatever is refused of a DELETE: most brokers that say so mean that it is gone.
        Verdict::Again(again) if operation.removes() && again.fault.status == Some(404) => {
            fault(Came::Unknown, &again.fault, again.retry_after)
        }
        Verdict::Again(again) => {
            let slow = again.pace == Pace::Slow;
            fault(Came::Again { slow }, &again.fault, again.retry_after)
        }
        Verdict::Refetch(why) => fault(Came::Stale, why, None),
        Verdict::Failed(failed) => fault(
            of_failed(operation, failed),
            &failed.fault,
            failed.retry_after,
        ),
    }
}

/// What the answer to the GET of a binding means.
#[must_use]
pub fn fetched(fetched: &Fetched<Binding>, now: u64) -> Upshot {
    let upshot = |came, fault: &Fault, after: Option<RetryAfter>| Upshot {
        came,
        message: cut(&fault.to_string()),
        retry_after: after.map(|after| after.wait_ms(now)),
        denied: is_denied(fault),
        heard: fault
            .status
            .is_some_and(|status| (200..300).contains(&status)),
    };
    match fetched {
        Fetched::Is(binding) => Upshot::new(Came::Done(bound_facts(&binding.bound))),
        Fetched::Missing(fault) => upshot(Came::Gone, fault, None),
        Fetched::Later { fault, retry_after } => {
            upshot(Came::Again { slow: false }, fault, *retry_after)
        }
        Fetched::Refused(fault) => upshot(Came::Again { slow: true }, fault, None),
    }
}

/// What it means that an operation was polled for as long as it may be. `last` is what the broker said of it last.
pub(super) fn expired(operation: Operation, waited: u64, last: &str, now: u64) -> Upshot {
    let seconds = waited / 1000;
    let mut cause = format!("the broker did not come to an end within {seconds} s");
    if !last.is_empty() {
        cause = format!("{cause}: {last}");
    }
    let verdict = table::expired(operation, &cause);
    of(table::Call::Poll(operation), &verdict, now)
}

fn of_done(operation: Operation, done: &Done) -> Came {
    match done {
        Done::Instance(provisioned) => Came::Done(Facts {
            dashboard: provisioned.dashboard_url.clone(),
            ..Facts::default()
        }),
        Done::Binding(bound) => Came::Done(bound_facts(bound)),
        Done::Gone => Came::Gone,
        Done::Later { .. } if operation == Operation::Bind => Came::Later,
        Done::Later { .. } => Came::Done(Facts::default()),
    }
}

fn bound_facts(bound: &Bound) -> Facts {
    Facts {
        expires_at: bound.metadata.expires_at,
        renew_before: bound.metadata.renew_before,
        ..Facts::default()
    }
}

fn of_failed(operation: Operation, failed: &Failed) -> Came {
    let again = failed.next == Next::Attempt;
    let makes = matches!(operation, Operation::Provision | Operation::Bind);
    match failed.mitigate {
        Some(_) => Came::Orphan { again },
        // Who is not let in at all is let in by other credentials.
        None if failed.next == Next::Access => Came::Again { slow: true },
        None if makes && failed.fault.status == Some(409) && !again => Came::Taken,
        // 409 says that it is there, made with something else.
        None if is_refusal(&failed.fault) && failed.fault.usable() && !again => Came::Refused,
        None => Came::Failed {
            unusable: !failed.fault.usable(),
            again,
        },
    }
}

/// Whether the broker talks to nobody like us, or from elsewhere.
fn is_denied(fault: &Fault) -> bool {
    let refuses = |status| matches!(status, 300..=399 | 401 | 403 | 407 | 412);
    fault.status.is_some_and(refuses)
}

/// Whether the broker refused what it understood, and did nothing.
fn is_refusal(fault: &Fault) -> bool {
    fault.status.is_some_and(|status| {
        (400..500).contains(&status) && !matches!(status, 401 | 403 | 407 | 408 | 409 | 412 | 429)
    }) && fault.code.as_deref() != Some("ConcurrencyError")
}

#[cfg(test)]
mod tests;
