//! The calls of one run. A run has a deadline and no clock: calls that had no answer in time are what is known of how much of
//! it is left.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use oarlock_sdk::Context;
use oarlock_sdk::http::{HttpError, Request, Response};

use super::answer::Trouble;
use super::duration::GoDuration;
use super::settings::Credentials;
use super::url::Url;

/// Calls without an answer may take so long altogether. A watch's deadline is 30 s by default.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends what one run asks.
pub(crate) struct Caller<'a> {
    pub(crate) cx: &'a Context,
    waited: Cell<Duration>,
    /// Origins that had no answer in time: a second call would have none either.
    silent: RefCell<BTreeSet<String>>,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(cx: &'a Context) -> Self {
        Self {
            cx,
            waited: Cell::default(),
            silent: RefCell::default(),
        }
    }

    /// One call, with whichever of the Secret's credentials it has.
    pub(crate) fn send(
        &self,
        request: Request,
        url: &Url,
        credentials: Option<&Credentials>,
        limit: GoDuration,
    ) -> Result<Response, Trouble> {
        let origin = url.origin();
        let spent = self.waited.get() > Duration::ZERO && self.waited.get() + limit.0 > PATIENCE;
        if spent || self.silent.borrow().contains(origin) {
            let silent = self.silent.borrow();
            let known = silent.get(origin).or_else(|| silent.first());
            return Err(Trouble::NotAsked {
                origin: known.cloned().unwrap_or_default(),
            });
        }
        let request = request.timeout(limit.0);
        let answer = match credentials {
            None => self.cx.send(&request),
            Some(credentials) => self.with_credentials(&request, credentials),
        };
        answer.map_err(|error| {
            if error == HttpError::TimedOut {
                self.waited.set(self.waited.get() + limit.0);
                self.silent.borrow_mut().insert(origin.into());
            }
            Trouble::of(error, limit)
        })
    }

    fn with_credentials(
        &self,
        request: &Request,
        credentials: &Credentials,
    ) -> Result<Response, HttpError> {
        let [first, second] = credentials.ways();
        match self.cx.send(&request.clone().auth(first)) {
            Err(HttpError::Denied(first)) => match self.cx.send(&request.clone().auth(second)) {
                Err(HttpError::Denied(second)) if second != first => {
                    Err(HttpError::Denied(format!("{first}; {second}")))
                }
                other => other,
            },
            other => other,
        }
    }
}
