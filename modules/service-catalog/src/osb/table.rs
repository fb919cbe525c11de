//! What follows from an answer: one table for all calls.
//!
//! The table is data ([`rule`]); [`verdict`] finds the cell of an answer and gives what the rule needs with it. Its cells are
//! those of the specification's orphan mitigation, and more: `RESPONSES.md` is printed from here.

mod cells;

use serde::{Deserialize, Serialize};

use super::answer::{Accepted, Answer, Bound, Fault, Heard, Progress, Provisioned, Stage};
use super::fields::Misfit;
use super::moment::RetryAfter;
use super::{Operation, Orphan};

pub use cells::{CALLS, CELLS, rule};

/// A call that begins an operation, or asks how it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Call {
    /// Begins it, or removes an orphan.
    Begin(Operation),
    /// `last_operation` of it.
    Poll(Operation),
}

/// What kind of answer there was: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 200, and the body is as it should be. For a poll: that it succeeded.
    Ok,
    /// 200, and the body is not.
    OkUnreadable,
    /// 200 to a poll: it is not done.
    InProgress,
    /// 200 to a poll: it failed.
    Failed,
    /// 201, and the body is as it should be.
    Created,
    /// 201, and the body is not.
    CreatedUnreadable,
    /// 202, and the body is as it should be.
    Accepted,
    /// 202, and the body is not.
    AcceptedUnreadable,
    /// Another 2xx.
    OtherSuccess,
    /// 3xx: nobody goes there with credentials.
    Redirect,
    /// 400.
    BadRequest,
    /// 401, 403, 407 and 412: the broker does not talk to us as we are.
    Denied,
    /// 404, 409 and other 4xx; other 422.
    OtherRefusal,
    /// 408.
    RequestTimeout,
    /// 410.
    Gone,
    /// 422 `ConcurrencyError`.
    Concurrency,
    /// 422 `AsyncRequired`.
    AsyncRequired,
    /// 422 `RequiresApp`.
    RequiresApp,
    /// 422 `MaintenanceInfoConflict`.
    MaintenanceInfoConflict,
    /// 429.
    TooMany,
    /// 5xx.
    Server,
    /// No answer: a timeout, a lost connection.
    Lost,
    /// The request was never sent.
    Unsent,
    /// The operation was polled for as long as it may be.
    Expired,
}

/// What is done: a cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// It is there, or it is as wished.
    Done,
    /// It is not there any more.
    Gone,
    /// Ask how it goes.
    Poll,
    /// Go on asking.
    KeepPolling,
    /// The same again, after a back-off.
    Retry,
    /// The same again, when what is under way may have ended.
    Wait,
    /// The same again, slowly; what was wrong stays in the status.
    Slowly,
    /// Read the catalog, then the same with what it says.
    Refetch,
    /// Failed: nothing more until the wish changes.
    Fail,
    /// Refused: nothing more until the wish changes.
    Refused,
    /// Refused: nothing more until the wish, or how the broker is reached, changes.
    Denied,
    /// Failed: the same again after a back-off where the broker allows it, else nothing more until the wish changes.
    FailOrRetry,
    /// Failed: the orphan is removed, then nothing more until the wish changes.
    Mitigate,
    /// Failed: the orphan is removed, then another attempt is made.
    MitigateRetry,
    /// Cannot be: no such answer to this call.
    Never,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The operation succeeded.
    Done(Done),
    /// The broker works on it: it is asked how it goes.
    Poll(Accepted),
    /// It is asked again how it goes.
    KeepPolling(Pending),
    /// The same request again.
    Again(Again),
    /// The catalog is read again, then the same request is made with what it says.
    Refetch(Fault),
    /// It failed.
    Failed(Failed),
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// The instance is there, as wished.
    Instance(Provisioned),
    /// The binding is there, with its credentials.
    Binding(Bound),
    /// It is not there any more.
    Gone,
    /// A poll says so. Of a binding nothing more is known than that it is there: it is fetched.
    Later {
        /// What the broker says to people.
        description: Option<String>,
    },
}

/// An operation is not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// What the broker says to people.
    pub description: Option<String>,
    /// Not to be asked earlier.
    pub retry_after: Option<RetryAfter>,
    /// What was wrong with the answer, where it was not an answer to the question.
    pub fault: Option<Fault>,
}

/// The same request is made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// How soon.
    pub pace: Pace,
    /// Not earlier than this.
    pub retry_after: Option<RetryAfter>,
    /// What was wrong.
    pub fault: Fault,
}

/// How soon the same request is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pace {
    /// By the ordinary back-off.
    Ordinary,
    /// When what is under way at the broker may have ended: it counts for nothing.
    Waiting,
    /// By the longest back-off: nobody expects anything of it, but a deletion is never given up.
    Slow,
}

/// An operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What is removed at the broker before anything else.
    pub mitigate: Option<Orphan>,
    /// What comes then.
    pub next: Next,
    /// Not earlier than this.
    pub retry_after: Option<RetryAfter>,
    /// What was wrong.
    pub fault: Fault,
}

/// What comes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Next {
    /// Another attempt, after a back-off.
    Attempt,
    /// Nothing, until the wish changes.
    Wish,
    /// Nothing, until the wish changes or how the broker is reached: its address, credentials or trust.
    Access,
}

/// What was read of an answer while its column was found.
enum Reading {
    Instance(Provisioned),
    Binding(Bound),
    Accepted(Accepted),
    Progress(Progress),
    Nothing,
}

/// What follows from what became of a call.
#[must_use]
pub fn verdict(call: Call, heard: &Heard) -> Verdict {
    let (class, reading, fault, retry_after) = match heard {
        Heard::Answer(answer) => {
            let (class, reading, fault) = classify(call, answer);
            (class, reading, fault, answer.retry_after())
        }
        Heard::Lost { cause } => (Class::Lost, Reading::Nothing, Fault::lost(cause), None),
        Heard::Unsent { cause } => (Class::Unsent, Reading::Nothing, Fault::unsent(cause), None),
    };
    apply(call, rule(call, class), reading, fault, retry_after)
}

/// What follows where an operation was polled for as long as it may be: `maximum_polling_duration` of its plan, or what
/// the operator allows. The cause is all that is told.
#[must_use]
pub fn expired(operation: Operation, cause: &str) -> Verdict {
    let call = Call::Poll(operation);
    apply(
        call,
        rule(call, Class::Expired),
        Reading::Nothing,
        Fault::told(cause),
        None,
    )
}

/// The column of an answer to a call.
#[must_use]
pub fn class(call: Call, answer: &Answer) -> Class {
    classify(call, answer).0
}

fn classify(call: Call, answer: &Answer) -> (Class, Reading, Fault) {
    let read = match (answer.status, call) {
        (200, Call::Poll(operation)) => return progress(operation, answer),
        (200 | 201, Call::Begin(Operation::Provision | Operation::Update)) => {
            answer.provisioned().map(Reading::Instance)
        }
        (200 | 201, Call::Begin(Operation::Bind)) => answer.bound().map(Reading::Binding),
        (200 | 201, _) => answer.removed().map(|()| Reading::Nothing),
        (202, _) => answer.accepted().map(Reading::Accepted),
        (status, _) => return (refusal(status, answer), Reading::Nothing, answer.fault()),
    };
    let (fine, unreadable) = match answer.status {
        200 => (Class::Ok, Class::OkUnreadable),
        201 => (Class::Created, Class::CreatedUnreadable),
        _ => (Class::Accepted, Class::AcceptedUnreadable),
    };
    match read {
        Ok(reading) => (fine, reading, unexpected(answer)),
        Err(misfit) => (unreadable, Reading::Nothing, answer.misread(&misfit)),
    }
}

/// What is told where a readable answer is none to this call, such as 201 to an update.
fn unexpected(answer: &Answer) -> Fault {
    answer.misread(&Misfit::new("this status does not answer the request"))
}

fn progress(operation: Operation, answer: &Answer) -> (Class, Reading, Fault) {
    match answer.progress() {
        Ok(progress) => {
            let class = match progress.state {
                Stage::InProgress => Class::InProgress,
                Stage::Succeeded => Class::Ok,
                Stage::Failed => Class::Failed,
            };
            let fault = operation.failure(progress.clone());
            (class, Reading::Progress(progress), fault)
        }
        Err(misfit) => (
            Class::OkUnreadable,
            Reading::Nothing,
            answer.misread(&misfit),
        ),
    }
}

fn refusal(status: u16, answer: &Answer) -> Class {
    match status {
        200..=299 => Class::OtherSuccess,
        300..=399 => Class::Redirect,
        400 => Class::BadRequest,
        401 | 403 | 407 | 412 => Class::Denied,
        408 => Class::RequestTimeout,
        410 => Class::Gone,
        422 => match answer.fault().code.as_deref() {
            Some("ConcurrencyError") => Class::Concurrency,
            Some("AsyncRequired") => Class::AsyncRequired,
            Some("RequiresApp") => Class::RequiresApp,
            Some("MaintenanceInfoConflict") => Class::MaintenanceInfoConflict,
            _ => Class::OtherRefusal,
        },
        429 => Class::TooMany,
        _ if (400..500).contains(&status) => Class::OtherRefusal,
        500.. => Class::Server,
        // Not an answer in the sense of HTTP: what became of the request is not known.
        _ => Class::Lost,
    }
}

fn apply(
    call: Call,
    rule: Rule,
    reading: Reading,
    fault: Fault,
    retry_after: Option<RetryAfter>,
) -> Verdict {
    let (Call::Begin(operation) | Call::Poll(operation)) = call;
    let again = |pace, fault| {
        Verdict::Again(Again {
            pace,
            retry_after,
            fault,
        })
    };
    let failed = |mitigate, next, fault| {
        Verdict::Failed(Failed {
            mitigate,
            next,
            retry_after,
            fault,
        })
    };
    match rule {
        Rule::Done => Verdict::Done(done(reading)),
        Rule::Gone => Verdict::Done(Done::Gone),
        Rule::Poll => Verdict::Poll(match reading {
            Reading::Accepted(accepted) => accepted,
            _ => Accepted {
                retry_after,
                ..Accepted::default()
            },
        }),
        Rule::KeepPolling => Verdict::KeepPolling(match reading {
            Reading::Progress(progress) => Pending {
                description: progress.description,
                retry_after,
                fault: None,
            },
            _ => Pending {
                description: None,
                retry_after,
                fault: Some(fault),
            },
        }),
        Rule::Retry => again(Pace::Ordinary, fault),
        Rule::Wait => again(Pace::Waiting, fault),
        // A cell that cannot be is taken for the most cautious that there is.
        Rule::Slowly | Rule::Never => again(Pace::Slow, fault),
        Rule::Refetch => Verdict::Refetch(fault),
        Rule::Fail | Rule::Refused => failed(None, Next::Wish, fault),
        Rule::Denied => failed(None, Next::Access, fault),
        Rule::FailOrRetry => {
            let next = if fault.repeatable() {
                Next::Attempt
            } else {
                Next::Wish
            };
            failed(None, next, fault)
        }
        Rule::Mitigate => failed(operation.orphan(), Next::Wish, fault),
        Rule::MitigateRetry => failed(operation.orphan(), Next::Attempt, fault),
    }
}

fn done(reading: Reading) -> Done {
    match reading {
        Reading::Instance(provisioned) => Done::Instance(provisioned),
        Reading::Binding(bound) => Done::Binding(bound),
        Reading::Progress(progress) => Done::Later {
            description: progress.description,
        },
        Reading::Accepted(_) | Reading::Nothing => Done::Later { description: None },
    }
}

#[cfg(test)]
mod tests;
