//! Carrying out what is asked: reading, polling, removing.

use serde_json::{Value, json};

use super::make::{accepted, busy};
use super::{Order, Pace, State};
use crate::answer::Answer;
use crate::ledger::{Aim, Ended, Failure, Record, Stand};
use crate::script::Op;

impl State {
    pub(super) fn carry_out(
        &mut self,
        order: &Order<'_>,
        pace: &Pace,
        credentials: Option<Value>,
    ) -> Answer {
        match order.call.op {
            Op::Catalog => self.offer(order),
            Op::Provision | Op::Bind => self.make(order, pace, credentials),
            Op::Update => self.change(order, pace),
            Op::Deprovision | Op::Unbind => self.remove(order, pace),
            Op::LastOperation => self.poll(order),
            Op::Fetch => self.fetch(order),
        }
    }

    fn offer(&self, order: &Order<'_>) -> Answer {
        let etag = format!("\"catalog-{}\"", self.edition);
        if self.etags && order.asked.get("if-none-match") == Some(&etag) {
            return Answer {
                status: 304,
                headers: vec![("etag".to_owned(), etag)],
                body: Vec::new(),
            };
        }
        let answer = Answer::json(200, &json!(self.catalog));
        match self.etags {
            true => answer.header("etag", &etag),
            false => answer,
        }
    }

    /// DELETE.
    fn remove(&mut self, order: &Order<'_>, pace: &Pace) -> Answer {
        let key = &order.call.key;
        let Some(record) = self.ledger.there.get_mut(key) else {
            return Answer::raw(410, b"{}".to_vec());
        };
        record.deletes += 1;
        let named = |name| order.asked.parameter(name).unwrap_or_default();
        let is_right =
            record.service_id == named("service_id") && record.plans.contains(named("plan_id"));
        match (&record.work, record.stand) {
            (Some(work), Stand::Deleting) => return accepted(work, None),
            (Some(_), Stand::Updating) => return busy("it is being changed"),
            // One that is being made is halted.
            _ => {}
        }
        if !is_right {
            let what = "service or plan are not those that it was made with";
            return self.refuse(order, "query.plan_id", what);
        }
        if key.binding.is_none() && self.ledger.bindings_of(&key.instance) > 0 {
            return self.refuse(order, "path", "DELETE of an instance that has bindings");
        }
        let work = self.begin(Aim::Delete, pace);
        let Some(work) = work else {
            self.ledger.there.remove(key);
            self.ledger.graves.insert(key.clone(), None);
            return Answer::raw(200, b"{}".to_vec());
        };
        let answer = accepted(&work, None);
        if let Some(record) = self.ledger.there.get_mut(key) {
            record.stand = Stand::Deleting;
            record.ended = None;
            record.work = Some(work);
        }
        answer
    }

    /// A poll that is told that it failed, whatever would have been.
    pub(super) fn poll_fails(&mut self, order: &Order<'_>) -> Answer {
        let record = self.ledger.there.get_mut(&order.call.key);
        if let Some(work) = record.and_then(|record| record.work.as_mut()) {
            work.polls = Some(0);
            work.failure.get_or_insert_default();
        }
        self.poll(order)
    }

    fn poll(&mut self, order: &Order<'_>) -> Answer {
        let key = &order.call.key;
        let Some(record) = self.ledger.there.get(key) else {
            let Some(grave) = self.ledger.graves.get(key) else {
                let _refusal = self.refuse(order, "path", "poll of what was never there");
                return Answer::refusal(404, None, "it is not there");
            };
            let token = grave.as_ref().map(|ended| ended.token.clone());
            if let Some(token) = token {
                self.check_token(order, token);
            }
            return Answer::raw(410, b"{}".to_vec());
        };
        let token = match (&record.work, &record.ended) {
            (Some(work), _) => work.token.clone(),
            (None, Some(ended)) => ended.token.clone(),
            (None, None) => {
                return self.refuse(order, "path", "poll where nothing was ever under way");
            }
        };
        let wrong = wrong_offer(order, record);
        if let Some(place) = wrong {
            self.violate(order.asked, place, "is not what it was made with");
        }
        if !self.check_token(order, token) {
            return Answer::refusal(400, None, "there is no such operation");
        }
        self.advance(order)
    }

    /// One poll on.
    fn advance(&mut self, order: &Order<'_>) -> Answer {
        let key = &order.call.key;
        let record = self.ledger.there.get_mut(key);
        if let Some(work) = record.and_then(|record| record.work.as_mut()) {
            match &mut work.polls {
                Some(0) => {}
                Some(left) => {
                    *left -= 1;
                    return in_progress();
                }
                None => return in_progress(),
            }
        }
        self.ledger.end(key);
        let ended = match self.ledger.there.get(key) {
            Some(record) => record.ended.as_ref(),
            None => self.ledger.graves.get(key).and_then(Option::as_ref),
        };
        ended.map_or_else(in_progress, concluded)
    }

    /// Whether the operation is the one that was named.
    fn check_token(&mut self, order: &Order<'_>, token: Option<String>) -> bool {
        let sent = order.asked.parameter("operation").map(str::to_owned);
        if sent == token {
            return true;
        }
        let what = format!("is {sent:?}, and what was answered last is {token:?}");
        self.violate(order.asked, "query.operation", &what);
        false
    }

    fn fetch(&mut self, order: &Order<'_>) -> Answer {
        let key = &order.call.key;
        let absent = || Answer::refusal(404, None, "it is not there");
        let Some(record) = self.ledger.there.get(key) else {
            return absent();
        };
        let service = self.catalog.service(&record.service_id);
        let retrievable = service.is_none_or(|service| match key.binding {
            Some(_) => service.bindings_retrievable,
            None => service.instances_retrievable,
        });
        let wrong = wrong_offer(order, record);
        let answer = match record.stand {
            _ if !retrievable => {
                let what = "the catalog does not say that it can be fetched";
                let _refusal = self.refuse(order, "path", what);
                return absent();
            }
            Stand::Ready | Stand::Deleting => Answer::json(200, &record.shown(true)),
            Stand::Updating => busy("it is being changed"),
            Stand::Creating | Stand::Failed => absent(),
        };
        if let Some(place) = wrong {
            self.violate(order.asked, place, "is not what it was made with");
        }
        answer
    }
}

/// Which of the hints of a GET is wrong.
fn wrong_offer(order: &Order<'_>, record: &Record) -> Option<&'static str> {
    let named = |name| order.asked.parameter(name);
    if named("service_id").is_some_and(|id| id != record.service_id) {
        return Some("query.service_id");
    }
    named("plan_id")
        .is_some_and(|id| !record.plans.contains(id))
        .then_some("query.plan_id")
}

fn in_progress() -> Answer {
    Answer::json(
        200,
        &json!({"state": "in progress", "description": "working on it"}),
    )
}

fn concluded(ended: &Ended) -> Answer {
    let Some(Failure {
        instance_usable,
        update_repeatable,
    }) = ended.failure
    else {
        return Answer::json(200, &json!({"state": "succeeded"}));
    };
    let mut body = json!({"state": "failed", "description": "it could not be done"});
    for (name, said) in [
        ("instance_usable", instance_usable),
        ("update_repeatable", update_repeatable),
    ] {
        if let Some(said) = said {
            body[name] = said.into();
        }
    }
    Answer::json(200, &body)
}
