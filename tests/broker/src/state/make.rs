//! Making and changing.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Order, Pace, State};
use crate::answer::Answer;
use crate::ledger::{Aim, Change, Key, Record, Stand, Work};
use crate::script::Op;
use crate::secrets;

/// What is wished of something new.
struct Wish {
    service_id: String,
    plan_id: String,
    parameters: Value,
    context: Value,
    maintenance: Option<String>,
    predecessor: Option<String>,
}

impl Wish {
    fn of(body: &Map<String, Value>) -> Self {
        Self {
            service_id: text(body, "service_id").unwrap_or_default(),
            plan_id: text(body, "plan_id").unwrap_or_default(),
            parameters: parameters(body).unwrap_or_default(),
            context: body.get("context").cloned().unwrap_or_default(),
            maintenance: version(body),
            predecessor: text(body, "predecessor_binding_id"),
        }
    }

    /// Whether that is what there is.
    fn is(&self, record: &Record) -> bool {
        // One that took the place of another has its parameters.
        let parameters = self.predecessor.is_some() || self.parameters == record.parameters;
        parameters
            && self.service_id == record.service_id
            && self.plan_id == record.plan_id
            && self.predecessor == record.predecessor
    }
}

impl State {
    /// PUT.
    pub(super) fn make(
        &mut self,
        order: &Order<'_>,
        pace: &Pace,
        credentials: Option<Value>,
    ) -> Answer {
        let key = &order.call.key;
        let mut wish = Wish::of(&order.body);
        if self.ledger.there.contains_key(key) {
            return self.make_again(order, &wish);
        }
        let refused = match order.call.op {
            Op::Bind => self.check_bind(order, &mut wish),
            _ => self.check_provision(order, &wish),
        };
        if let Err(refusal) = refused {
            return refusal;
        }
        self.ledger.graves.remove(key);
        let is_binding = key.binding.is_some();
        let credentials = match (is_binding, credentials) {
            (false, _) => Value::Null,
            (true, given) => {
                let credentials = given.unwrap_or_else(|| secrets::of(key.id()));
                self.given_away
                    .insert(key.id().to_owned(), credentials.clone());
                credentials
            }
        };
        let work = self.begin(Aim::Create, pace);
        let record = Record {
            id: key.id().to_owned(),
            instance: is_binding.then(|| key.instance.clone()),
            plans: BTreeSet::from([wish.plan_id.clone()]),
            service_id: wish.service_id,
            plan_id: wish.plan_id,
            parameters: wish.parameters,
            context: wish.context,
            maintenance: wish.maintenance,
            predecessor: wish.predecessor,
            credentials,
            lifetime: self.lifetime.clone().filter(|_| is_binding),
            stand: match &work {
                None => Stand::Ready,
                Some(_) => Stand::Creating,
            },
            puts: 1,
            patches: 0,
            deletes: 0,
            work: work.clone(),
            ended: None,
        };
        let answer = match &work {
            None => Answer::json(201, &record.shown(false)),
            Some(work) => accepted(work, (!is_binding).then(|| record.dashboard())),
        };
        self.ledger.there.insert(key.clone(), record);
        answer
    }

    /// PUT of what is there.
    fn make_again(&mut self, order: &Order<'_>, wish: &Wish) -> Answer {
        let key = &order.call.key;
        let Some(record) = self.ledger.there.get_mut(key) else {
            return Answer::refusal(404, None, "it is not there");
        };
        record.puts += 1;
        let is_same = wish.is(record);
        let conflict = || Answer::refusal(409, None, "it is there, and not like that");
        match (&record.work, record.stand) {
            (Some(work), Stand::Creating) if is_same => {
                let dashboard = key.binding.is_none().then(|| record.dashboard());
                accepted(work, dashboard)
            }
            (Some(_), Stand::Creating) => conflict(),
            (Some(_), Stand::Updating) => busy("it is being changed"),
            (Some(_), _) => {
                let what = format!("PUT of a {} that is being removed", key.noun());
                self.violate(order.asked, "path", &what);
                busy("it is being removed")
            }
            (None, Stand::Failed) => {
                let what = format!("PUT of a {} that failed, and was not deleted", key.noun());
                self.violate(order.asked, "path", &what);
                conflict()
            }
            (None, _) if is_same => Answer::json(200, &record.shown(false)),
            (None, _) => conflict(),
        }
    }

    fn check_provision(&mut self, order: &Order<'_>, wish: &Wish) -> Result<(), Answer> {
        let Some((_, plan)) = self.catalog.find(&wish.service_id, &wish.plan_id) else {
            return Err(self.refuse(
                order,
                "body.plan_id",
                "no such service and plan are on offer",
            ));
        };
        let current = plan.maintenance_info.as_ref().map(|info| &info.version);
        match &wish.maintenance {
            Some(version) if Some(version) != current => Err(stale()),
            _ => Ok(()),
        }
    }

    fn check_bind(&mut self, order: &Order<'_>, wish: &mut Wish) -> Result<(), Answer> {
        let parent = order.call.key.parent();
        let Some(instance) = self.ledger.there.get(&parent) else {
            let _refusal = self.refuse(order, "path", "the instance is not there");
            return Err(Answer::refusal(404, None, "there is no such instance"));
        };
        let fits = instance.service_id == wish.service_id && instance.plans.contains(&wish.plan_id);
        match instance.stand {
            Stand::Ready => {}
            Stand::Updating => return Err(busy("the instance is being changed")),
            Stand::Creating | Stand::Deleting => {
                let what = "bind to an instance that is being made or removed";
                self.violate(order.asked, "path", what);
                return Err(busy("the instance is being made or removed"));
            }
            Stand::Failed => {
                return Err(self.refuse(order, "path", "bind to an instance that failed"));
            }
        }
        if !fits {
            return Err(self.refuse(order, "body.plan_id", "the instance is of another plan"));
        }
        // What is not on offer any more is as it was.
        let (bindable, rotatable) = match self.catalog.find(&wish.service_id, &wish.plan_id) {
            Some((service, plan)) => (
                plan.bindable.unwrap_or(service.bindable),
                plan.binding_rotatable.unwrap_or(service.binding_rotatable),
            ),
            None => (true, true),
        };
        if !bindable {
            return Err(self.refuse(order, "body.plan_id", "the plan is not bindable"));
        }
        let Some(predecessor) = &wish.predecessor else {
            return Ok(());
        };
        let place = "body.predecessor_binding_id";
        if !rotatable {
            return Err(self.refuse(order, place, "bindings of the plan are not rotated"));
        }
        let key = Key {
            binding: Some(predecessor.clone()),
            ..parent
        };
        match self.ledger.there.get(&key) {
            Some(record) if record.stand == Stand::Ready => {
                wish.parameters = record.parameters.clone();
                Ok(())
            }
            _ => Err(self.refuse(order, place, "there is no such binding of the instance")),
        }
    }

    /// PATCH.
    pub(super) fn change(&mut self, order: &Order<'_>, pace: &Pace) -> Answer {
        let key = &order.call.key;
        let Some(record) = self.ledger.there.get_mut(key) else {
            let _refusal = self.refuse(order, "path", "the instance is not there");
            return Answer::refusal(404, None, "there is no such instance");
        };
        record.patches += 1;
        let change = Change {
            plan_id: text(&order.body, "plan_id"),
            parameters: parameters(&order.body),
            maintenance: version(&order.body),
            context: order.body.get("context").cloned().unwrap_or_default(),
        };
        match (&record.work, record.stand) {
            (None, Stand::Failed) => {
                return self.refuse(order, "path", "PATCH of an instance that failed");
            }
            (None, _) => {}
            (Some(work), Stand::Updating) if work.aim == Aim::Update(change.clone()) => {
                return accepted(work, Some(record.dashboard()));
            }
            (Some(_), Stand::Updating) => return busy("it is being changed"),
            (Some(_), _) => {
                let what = "PATCH of an instance that is being made or removed";
                self.violate(order.asked, "path", what);
                return busy("it is being made or removed");
            }
        }
        if let Err(refusal) = self.check_update(order, &change) {
            return refusal;
        }
        let work = self.begin(Aim::Update(change.clone()), pace);
        let Some(record) = self.ledger.there.get_mut(key) else {
            return Answer::refusal(404, None, "there is no such instance");
        };
        record.plans.extend(change.plan_id.clone());
        record.ended = None;
        match work {
            None => {
                record.apply(change);
                Answer::json(200, &json!({ "dashboard_url": record.dashboard() }))
            }
            Some(work) => {
                record.stand = Stand::Updating;
                let answer = accepted(&work, Some(record.dashboard()));
                record.work = Some(work);
                answer
            }
        }
    }

    fn check_update(&mut self, order: &Order<'_>, change: &Change) -> Result<(), Answer> {
        let Some(record) = self.ledger.there.get(&order.call.key) else {
            return Err(Answer::refusal(404, None, "there is no such instance"));
        };
        let service_id = text(&order.body, "service_id").unwrap_or_default();
        if service_id != record.service_id {
            return Err(self.refuse(order, "body.service_id", "is not the instance's"));
        }
        let previous = order.body.get("previous_values");
        let previous = previous.and_then(|values| values.get("plan_id")?.as_str());
        let is_right = previous.is_none_or(|plan| record.plans.contains(plan));
        // Of a plan that is not on offer any more: as its service says.
        let service = self.catalog.service(&record.service_id);
        let updateable = service.is_some_and(|service| {
            let plan = service.plans.iter().find(|plan| plan.id == record.plan_id);
            plan.and_then(|plan| plan.plan_updateable)
                .unwrap_or(service.plan_updateable)
        });
        let moves = change
            .plan_id
            .as_ref()
            .is_some_and(|plan| *plan != record.plan_id);
        let target = change.plan_id.as_ref().unwrap_or(&record.plan_id);
        let offered = self.catalog.find(&record.service_id, target);
        let current = offered.map(|(_, plan)| plan.maintenance_info.clone());
        if !is_right {
            self.violate(
                order.asked,
                "body.previous_values.plan_id",
                "is not the instance's",
            );
        }
        match current {
            None if moves => Err(self.refuse(order, "body.plan_id", "no such plan is on offer")),
            _ if moves && !updateable => {
                let what = "the plan does not let its instances have another one";
                Err(self.refuse(order, "body.plan_id", what))
            }
            Some(info) => match &change.maintenance {
                Some(version) if Some(version) != info.as_ref().map(|info| &info.version) => {
                    Err(stale())
                }
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// A violation, and 400.
    pub(super) fn refuse(&mut self, order: &Order<'_>, place: &str, what: &str) -> Answer {
        self.violate(order.asked, place, what);
        Answer::refusal(400, None, &format!("{place}: {what}"))
    }

    /// The operation, where it takes time.
    pub(super) fn begin(&mut self, aim: Aim, pace: &Pace) -> Option<Work> {
        match pace {
            Pace::AtOnce => None,
            Pace::Takes {
                named,
                polls,
                failure,
            } => Some(Work {
                token: named.then(|| self.ledger.token(&aim)),
                aim,
                polls: *polls,
                failure: *failure,
            }),
        }
    }
}

/// 202.
pub(super) fn accepted(work: &Work, dashboard: Option<String>) -> Answer {
    let mut body = Map::new();
    if let Some(token) = &work.token {
        body.insert("operation".to_owned(), token.as_str().into());
    }
    if let Some(url) = dashboard {
        body.insert("dashboard_url".to_owned(), url.into());
    }
    Answer::json(202, &Value::Object(body))
}

/// 422 `ConcurrencyError`.
pub(super) fn busy(why: &str) -> Answer {
    Answer::refusal(422, Some("ConcurrencyError"), why)
}

fn stale() -> Answer {
    let code = Some("MaintenanceInfoConflict");
    Answer::refusal(422, code, "the plan is maintained to another version")
}

fn text(body: &Map<String, Value>, name: &str) -> Option<String> {
    body.get(name)?.as_str().map(str::to_owned)
}

/// None where nothing is said; nothing and no parameters are the same.
fn parameters(body: &Map<String, Value>) -> Option<Value> {
    let parameters = body.get("parameters")?;
    let is_empty = parameters.as_object().is_some_and(Map::is_empty);
    Some(if is_empty {
        Value::Null
    } else {
        parameters.clone()
    })
}

fn version(body: &Map<String, Value>) -> Option<String> {
    let version = body.get("maintenance_info")?.get("version")?;
    version.as_str().map(str::to_owned)
}
