//! HTTP in a world: a function answers, and what was asked is remembered.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::Timestamp;
use crate::http::{HttpError, Request, Response};

type Answer = dyn Fn(&Request, Timestamp) -> Result<Response, HttpError>;

/// Shared between a world and its clones: a clone is the same world going another way.
#[derive(Clone, Default)]
pub(super) struct Answers {
    answer: Option<Rc<Answer>>,
    sent: Rc<RefCell<Vec<Request>>>,
}

impl Answers {
    pub(super) fn set(
        &mut self,
        answer: impl Fn(&Request, Timestamp) -> Result<Response, HttpError> + 'static,
    ) {
        self.answer = Some(Rc::new(answer));
    }

    /// What answers the calls of a run at `now`.
    pub(super) fn at(
        &self,
        now: Timestamp,
    ) -> Option<impl Fn(&Request) -> Result<Response, HttpError> + 'static> {
        let (answer, sent) = (self.answer.clone()?, Rc::clone(&self.sent));
        Some(move |request: &Request| {
            sent.borrow_mut().push(request.clone());
            answer(request, now)
        })
    }

    pub(super) fn sent(&self) -> Vec<Request> {
        self.sent.borrow().clone()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
