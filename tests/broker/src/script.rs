//! How the broker behaves: as it should, or as a test wants.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;

/// What is asked of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `GET /v2/catalog`.
    Catalog,
    /// PUT of an instance.
    Provision,
    /// PATCH of an instance.
    Update,
    /// DELETE of an instance.
    Deprovision,
    /// PUT of a binding.
    Bind,
    /// DELETE of a binding.
    Unbind,
    /// GET of how an operation goes, of an instance or a binding.
    LastOperation,
    /// GET of an instance or a binding.
    Fetch,
}

/// How one request is treated.
///
/// The thirteen that other scripted brokers have bear their names there (`timeout`, `servererror`, … `neverfinishasync`). Where
/// one of them is a success of HTTP, what was asked is done; where it is none, nothing is: [`Behaviour::done`] does it all the
/// same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// As it should, at once.
    Well,
    /// As it should: 202, then this often `in progress`.
    Async {
        /// How often.
        polls: u32,
    },
    /// The same without a name of the operation.
    Nameless {
        /// How often.
        polls: u32,
    },
    /// As it should, and these are the credentials of the binding.
    Credentials(Value),

    /// Nothing is done and nothing answered.
    Timeout,
    /// 500.
    ServerError,
    /// 400.
    BadRequest,
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// 422 without a code.
    Unprocessable,
    /// 422 `ConcurrencyError`.
    ConcurrencyError,
    /// 422 `MaintenanceInfoConflict`.
    MaintenanceInfoConflict,
    /// 200 with a body that is no JSON.
    #[serde(rename = "200invalidjson")]
    OkInvalidJson,
    /// 201 with a body that is no JSON.
    #[serde(rename = "201invalidjson")]
    CreatedInvalidJson,
    /// 204.
    InvalidSuccessCode,
    /// 202, and the first poll says that it failed. A poll: it failed.
    FailAsync,
    /// 202, and `in progress` until [`Broker::finish`](crate::Broker::finish) or [`Broker::fail`](crate::Broker::fail). A
    /// poll: `in progress`.
    NeverFinishAsync,

    /// 202, this often `in progress`, then failed.
    Fails {
        /// How often.
        polls: u32,
        /// What is said of the instance.
        #[serde(default)]
        instance_usable: Option<bool>,
        /// What is said of the update.
        #[serde(default)]
        update_repeatable: Option<bool>,
    },
    /// It is done, and the connection ends without an answer: the broker dies after it accepted.
    CrashAfterAccept,
    /// Nothing is done, and the connection ends without an answer.
    CrashBeforeAccept,
    /// It is done, and no answer comes.
    AnswerLost,
    /// It is done, and half an answer comes.
    HalfAnswer,
    /// It is done, and what is answered is not HTTP: chunks that are none.
    GarbageChunks,
    /// It is done, and so many bytes of JSON are answered.
    HugeBody(usize),
    /// 302, to there.
    Redirect(String),
    /// This status with a code of the specification or without.
    Refuses {
        /// HTTP status code.
        status: u16,
        /// Such as `AsyncRequired`.
        #[serde(default)]
        error: Option<String>,
    },
    /// Nothing is done; this is the answer, whatever it is.
    Says {
        /// HTTP status code.
        status: u16,
        /// The body.
        body: String,
    },
    /// As that, and it is done.
    Done(Box<Self>),
    /// As that, with a `Retry-After`.
    RetryAfter(After, Box<Self>),
    /// As that, so many milliseconds later.
    Slow(u64, Box<Self>),
    /// As that, when the test lets it go: [`Broker::release`](crate::Broker::release).
    Held(Box<Self>),
}

/// What `Retry-After` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum After {
    /// Seconds.
    Seconds(u64),
    /// A date, as it is written.
    Date(String),
}

/// What comes next, for every operation.
#[derive(Debug, Default)]
pub(crate) struct Script {
    next: BTreeMap<Op, VecDeque<Behaviour>>,
    always: BTreeMap<Op, Behaviour>,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Catalog,
        Self::Provision,
        Self::Update,
        Self::Deprovision,
        Self::Bind,
        Self::Unbind,
        Self::LastOperation,
        Self::Fetch,
    ];

    /// Whether it changes something at the broker.
    #[must_use]
    pub const fn changes(self) -> bool {
        matches!(
            self,
            Self::Provision | Self::Update | Self::Deprovision | Self::Bind | Self::Unbind
        )
    }

    /// What is answered where it was done at once.
    pub(crate) const fn success(self) -> u16 {
        match self {
            Self::Provision | Self::Bind => 201,
            _ => 200,
        }
    }
}

impl Behaviour {
    /// The thirteen of other scripted brokers.
    pub const THIRTEEN: [Self; 13] = [
        Self::Timeout,
        Self::ServerError,
        Self::BadRequest,
        Self::NotFound,
        Self::Gone,
        Self::Unprocessable,
        Self::ConcurrencyError,
        Self::MaintenanceInfoConflict,
        Self::OkInvalidJson,
        Self::CreatedInvalidJson,
        Self::InvalidSuccessCode,
        Self::FailAsync,
        Self::NeverFinishAsync,
    ];

    /// As this, and what was asked is done.
    #[must_use]
    pub fn done(self) -> Self {
        Self::Done(Box::new(self))
    }

    /// As this, with a `Retry-After` of seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self::RetryAfter(After::Seconds(seconds), Box::new(self))
    }

    /// As this, with a `Retry-After` of an instant: seconds since 1970.
    #[must_use]
    pub fn retry_at(self, seconds: i64) -> Self {
        Self::RetryAfter(After::at(seconds), Box::new(self))
    }

    /// As this, later.
    #[must_use]
    pub fn slow(self, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::Slow(millis, Box::new(self))
    }

    /// As this, when the test lets it go.
    #[must_use]
    pub fn held(self) -> Self {
        Self::Held(Box::new(self))
    }

    /// A status, without a body that says more.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Refuses {
            status,
            error: None,
        }
    }

    /// 422 with a code of the specification.
    #[must_use]
    pub fn code(error: &str) -> Self {
        Self::Refuses {
            status: 422,
            error: Some(error.to_owned()),
        }
    }

    /// The answer of those that need not look at what is there.
    pub(crate) fn canned(&self) -> Option<Answer> {
        let refusal = |status, code| Answer::refusal(status, code, "the script says so");
        Some(match self {
            Self::ServerError => refusal(500, None),
            Self::BadRequest => refusal(400, None),
            Self::NotFound => refusal(404, None),
            Self::Gone => Answer::raw(410, b"{}".to_vec()),
            Self::Unprocessable => refusal(422, None),
            Self::ConcurrencyError => refusal(422, Some("ConcurrencyError")),
            Self::MaintenanceInfoConflict => refusal(422, Some("MaintenanceInfoConflict")),
            Self::OkInvalidJson => Answer::raw(200, b"{ \"invalid\": ".to_vec()),
            Self::CreatedInvalidJson => Answer::raw(201, b"{ \"invalid\": ".to_vec()),
            Self::InvalidSuccessCode => Answer {
                status: 204,
                headers: Vec::new(),
                body: Vec::new(),
            },
            Self::Redirect(to) => refusal(302, None).header("location", to),
            Self::Refuses { status, error } => refusal(*status, error.as_deref()),
            Self::Says { status, body } => Answer::raw(*status, body.clone().into_bytes()),
            _ => return None,
        })
    }
}

impl After {
    /// An instant: seconds since 1970.
    #[must_use]
    pub fn at(seconds: i64) -> Self {
        let instant = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let printed = DateTimePrinter::new().timestamp_to_rfc9110_string(&instant);
        Self::Date(printed.unwrap_or_default())
    }

    pub(crate) fn value(&self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Date(date) => date.clone(),
        }
    }
}

impl Script {
    /// Once, after those that were added before.
    pub(crate) fn next(&mut self, op: Op, times: usize, behaviour: &Behaviour) {
        let queue = self.next.entry(op).or_default();
        queue.extend(std::iter::repeat_n(behaviour.clone(), times));
    }

    pub(crate) fn always(&mut self, op: Op, behaviour: Behaviour) {
        self.always.insert(op, behaviour);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many were not needed yet.
    pub(crate) fn left(&self) -> usize {
        self.next.values().map(VecDeque::len).sum()
    }

    pub(crate) fn take(&mut self, op: Op) -> Behaviour {
        let next = self.next.get_mut(&op).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(&op).cloned())
            .unwrap_or(Behaviour::Well)
    }
}
