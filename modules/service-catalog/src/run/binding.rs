//! One run for a `ServiceBinding`.

mod secret;

use oarlock_sdk::{Child, Context, Failure, ObjectRef, Outcome};
use serde_json::{Map, Value};

use super::instance::{choice, context, instance_id, mistaken, offer};
use super::reading::{self, API_VERSION, text};
use super::subject::{self, Sent, Subject};
use super::talk::{Desk, Talk};
use super::{claim, settled, stock};
use crate::osb::answer::Bound;
use crate::osb::request::{Bind, Caller, Fetch, LastOperation, Unbind};
use crate::osb::{BindingId, Request};
use crate::resource::{self, BindingSpec};
use crate::situation::{self, Obstacle, Situation, Wish};
use crate::state::{Inputs, Place, Stand, State, Verb};
use crate::status;
use crate::turn::{Ask, Call, Effect};
use secret::Live;

/// One run.
///
/// # Errors
/// [`Failure::Invalid`] where fields of the object are wrong, and where what is remembered cannot be read.
pub(super) fn reconcile(object: &Value, cx: &Context) -> Result<Outcome, Failure> {
    let deleting = cx.deleting();
    let subject = Subject::read(object, deleting)?;
    let spec = subject.spec(resource::binding(object), deleting)?;
    let cluster = reading::cluster(cx);
    let live = Live::read(cx, &subject);
    let goes = subject
        .state
        .operation
        .as_ref()
        .is_some_and(|operation| operation.verb == Verb::Delete);
    let resolved = match (&cluster, &live, &spec) {
        (Err(obstacle), ..) | (_, Err(obstacle), _) => Err(obstacle.clone()),
        (Ok(_), Ok(_), Some(spec)) if !deleting && !goes => resolve(cx, &subject, spec),
        _ => Err(subject::unwanted()),
    };
    let obstacles = [
        cluster.as_ref().err(),
        live.as_ref().err(),
        resolved.as_ref().err(),
    ];
    let given_up = deleting && subject.abandons();
    let unseen = reading::unseen(cx, object, obstacles.into_iter().flatten());
    if let Some(outcome) = unseen.filter(|_| !given_up) {
        return outcome;
    }
    let live = live.unwrap_or_else(|_| Live::absent(&subject));
    let at = Situation {
        subject: situation::Subject::Binding,
        cluster: cluster.as_deref().unwrap_or_default(),
        uid: subject.uid,
        generation: subject.generation,
        given: spec
            .as_ref()
            .and_then(|spec| spec.external_id.as_deref())
            .filter(|id| !id.is_empty()),
        now: cx.now().as_millis(),
        deleting,
        policy: subject.leaving.policy,
        abandon: subject.annotation(resource::ABANDON),
        overlap: spec
            .as_ref()
            .and_then(BindingSpec::rotation)
            .map(|rotation| rotation.overlap),
        wish: resolved
            .as_ref()
            .map(|of| of.wish.clone())
            .map_err(Clone::clone),
        broker: cluster.as_ref().map(drop).map_err(Clone::clone),
        dependents: &[],
        secret: live.situation(subject.uid),
        report: settled::last(cx),
    };
    let desk = Binding {
        cx,
        subject: &subject,
        cluster: at.cluster,
        spec: spec.as_ref(),
        resolved: resolved.as_ref(),
        live: &live,
    };
    let talk = Talk {
        cx,
        desk: &desk,
        user: subject.leaving.user.as_ref(),
    };
    let said = talk.go(&subject.state, &at);
    let turn = said.turn;
    let withdraws = turn.effects.contains(&Effect::Withdraw);
    let lost = match at.secret {
        situation::Secret::Foreign(_) => true,
        situation::Secret::Absent => deleting,
        situation::Secret::Own(_) => false,
    };
    let stored = said.secret.is_some() || (live.is_own(subject.uid) && !withdraws);
    let before = &object["status"];
    let seen = status::Seen {
        generation: subject.generation,
        deleting,
        now: at.now,
        class: None,
        wanted: None,
        parameters: resolved.as_ref().ok().map(|of| &of.sent.parameters),
        user: subject.leaving.user.as_ref(),
        secret: Some(live.name()).filter(|_| stored),
    };
    let wanted = status::binding(before, &turn, &seen);
    let outcome = settled::outcome(&turn, before, wanted);
    let relists = settled::relists(&turn, subject.uid);
    // What was borrowed is given back in the next run.
    let lists = !relists.is_empty() || settled::borrowed(cx);
    Ok(match said.secret {
        Some(secret) => outcome.child(secret),
        // Nothing is left of it, whatever was listed before.
        None if withdraws => live
            .removal()
            .into_iter()
            .fold(outcome.children([]), Outcome::remove),
        // To keep it would be to write it again: over somebody else's, or into a namespace that ends.
        None if lost => outcome.children(relists),
        None if lists => outcome
            .children(live.as_it_is(subject.uid))
            .children(relists),
        None => outcome,
    })
}

/// What is wished for, with the instance that it is of.
struct Resolved {
    instance: Value,
    sent: Sent,
    wish: Wish,
    /// Entry `type` of the Secret.
    kind: String,
    /// Entry `provider` of the Secret.
    provider: Option<String>,
}

fn instance(cx: &Context, namespace: &str, name: &str, live: bool) -> Result<Value, Obstacle> {
    let target = ObjectRef::new(API_VERSION, "ServiceInstance", name).in_namespace(namespace);
    let reads = match live {
        true => cx.reads().live(),
        false => cx.reads(),
    };
    let found = reads
        .get_raw(&target)
        .map_err(|error| reading::unread(&format!("ServiceInstance {name:?}"), &error))?;
    found.ok_or_else(|| Obstacle {
        reason: "ReferencesNonexistentInstance",
        message: format!(
            "spec.instanceRef names ServiceInstance {name:?}, which does not exist\nhint: create it; nothing else has to be done then"
        ),
        retry: None,
    })
}

fn blocked(reason: &'static str, message: String) -> Obstacle {
    Obstacle {
        reason,
        message,
        retry: None,
    }
}

/// What stands in the way of any other binding of an instance.
fn leaving(instance: &Value, name: &str) -> Option<Obstacle> {
    let message = || format!("ServiceInstance {name:?} is being deleted; it gets no binding");
    let at = text(instance, "/metadata/deletionTimestamp");
    at.map(|_| blocked("InstanceBeingDeleted", message()))
}

/// What stands in the way of the first binding of an instance.
fn unready(instance: &Value, name: &str) -> Option<Obstacle> {
    let conditions = instance.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array);
    let said = |kind: &str| {
        let mut all = conditions.into_iter().flatten();
        all.find(|condition| condition["type"] == kind)
    };
    let why = |condition: &Value| {
        let of = |pointer| text(condition, pointer).unwrap_or_default().to_owned();
        (of("/reason"), of("/message"))
    };
    if let Some(failed) = said("Failed").filter(|failed| failed["status"] == "True") {
        let (reason, message) = why(failed);
        let message = format!("ServiceInstance {name:?} failed ({reason}): {message}");
        return Some(blocked("InstanceFailed", message));
    }
    match said("Ready") {
        Some(ready) if ready["status"] == "True" => None,
        Some(ready) => {
            let (reason, _) = why(ready);
            let message = format!("ServiceInstance {name:?} is not ready yet ({reason})");
            Some(blocked("ErrorInstanceNotReady", message))
        }
        None => Some(blocked(
            "ErrorInstanceNotReady",
            format!("ServiceInstance {name:?} is not ready yet"),
        )),
    }
}

fn resolve(cx: &Context, subject: &Subject<'_>, spec: &BindingSpec) -> Result<Resolved, Obstacle> {
    let name = spec.instance_ref.name.as_str();
    if let Some(id) = spec
        .external_id
        .as_deref()
        .filter(|_| subject.state.holdings.is_empty())
    {
        // An ID of a binding is one of its instance's, which is of this namespace.
        claim::is_free(cx, subject, "ServiceBinding", Some(subject.namespace), id)?;
    }
    let instance = instance(cx, subject.namespace, name, false)?;
    let leaving = leaving(&instance, name);
    let of = subject::state(&instance).map_err(|error| Obstacle {
        reason: "ErrorInstanceNotReady",
        message: format!("ServiceInstance {name:?}: {error}"),
        retry: None,
    })?;
    let Some(at) = of.current() else {
        let otherwise = || {
            let message = format!("ServiceInstance {name:?} is not at its broker yet");
            blocked("ErrorInstanceNotReady", message)
        };
        let unready = leaving.or_else(|| unready(&instance, name));
        return Err(unready.unwrap_or_else(otherwise));
    };
    let is_of = |inputs: &&Inputs| inputs.place.instance.as_deref() == Some(at.id.as_str());
    let mut holdings = subject.state.holdings.iter().rev();
    let has = holdings
        .find(|has| matches!(has.stand, Stand::Asked | Stand::Held | Stand::Unsure))
        .map(|has| &has.inputs)
        .filter(is_of);
    let held = subject.state.current().filter(|held| is_of(&&held.inputs));
    let offered = match choice(&instance) {
        Some(choice) => stock::chosen(cx, subject.namespace, &choice)?,
        None => None,
    };
    let sent = subject::parameters(
        cx,
        subject.namespace,
        &Map::new(),
        spec.parameters.as_ref(),
        &spec.parameters_from,
    )?;
    let inputs = Inputs {
        place: Place {
            // A binding is of the plan that the instance had when it was made.
            plan: has.map_or_else(
                || at.inputs.place.plan.clone(),
                |has| has.place.plan.clone(),
            ),
            instance: Some(at.id.clone()),
            ..at.inputs.place.clone()
        },
        parameters: sent.parameters.checksum().unwrap_or_default(),
        ..Inputs::default()
    };
    let settled = held.is_some_and(|held| held.inputs == inputs);
    if !settled {
        // What could not be stored is not asked for.
        secret::sources(cx, subject.namespace, spec)?;
    }
    let mut wish = Wish {
        inputs,
        polling: held.and_then(|held| held.polling),
        retrievable: held.is_some_and(|held| held.retrievable),
        rotation: spec.rotation(),
        rotate: subject.annotation(resource::ROTATE).map(str::to_owned),
        ..Wish::default()
    };
    let (mut kind, mut provider) = (String::new(), None);
    match &offered {
        Some((class, plan)) => {
            if !settled && !plan.is_bindable(class) {
                return Err(Obstacle {
                    reason: "ErrorNonbindableServiceClass",
                    message: format!(
                        "instances of class {:?}, plan {:?} have no bindings",
                        class.spec.external_name, plan.spec.external_name
                    ),
                    retry: None,
                });
            }
            let seconds = plan.spec.maximum_polling_duration;
            wish.polling = seconds.map(|seconds| seconds.saturating_mul(1_000));
            wish.retrievable = class.spec.binding_retrievable;
            wish.rotatable = plan.spec.binding_rotatable;
            kind.clone_from(&class.spec.external_name);
            provider = Some(at.inputs.place.broker.clone());
        }
        None if held.is_some() => {}
        None => {
            return Err(Obstacle {
                reason: "ErrorInstanceRefsUnresolved",
                message: format!("class and plan of ServiceInstance {name:?} are not there"),
                retry: None,
            });
        }
    }
    if let Some(leaving) = leaving {
        if !settled {
            return Err(leaving);
        }
        // What is there stays, but no other is made.
        wish.rotation = None;
        wish.rotate.clone_from(&subject.state.rotated);
    }
    if held.is_none()
        && let Some(unready) = unready(&instance, name)
    {
        return Err(unready);
    }
    let provider = provider.and_then(|place| place.rsplit('/').next().map(str::to_owned));
    Ok(Resolved {
        instance,
        sent,
        wish,
        kind: spec.kind.clone().unwrap_or(kind),
        provider: spec.provider.clone().or(provider),
    })
}

/// Fills in the calls of a binding.
struct Binding<'a> {
    cx: &'a Context,
    subject: &'a Subject<'a>,
    cluster: &'a str,
    spec: Option<&'a BindingSpec>,
    resolved: Result<&'a Resolved, &'a Obstacle>,
    live: &'a Live<'a>,
}

impl Desk for Binding<'_> {
    fn request(&self, call: &Call, _: &State, caller: &Caller) -> Result<Request, Obstacle> {
        let place = &call.place;
        let instance = place.instance.as_deref().unwrap_or_default();
        let instance = &instance_id(instance)?;
        let binding = &binding_id(&call.id)?;
        let offer = &offer(place);
        Ok(match &call.ask {
            Ask::Bind { predecessor } => {
                let resolved = self.resolved.map_err(Clone::clone)?;
                let predecessor = predecessor.as_deref().map(binding_id).transpose()?;
                let parameters = resolved.sent.parameters.values();
                self.is_wanted(resolved)?;
                Bind {
                    instance,
                    binding,
                    offer,
                    context: &context(
                        self.cx,
                        self.cluster,
                        self.subject.namespace,
                        &resolved.instance,
                    )?,
                    parameters: Some(parameters).filter(|of| !of.is_empty()),
                    predecessor: predecessor.as_ref(),
                }
                .request(caller)
            }
            Ask::Unbind => Unbind {
                instance,
                binding,
                offer,
            }
            .request(caller),
            Ask::FetchBinding => Fetch {
                instance,
                binding: Some(binding),
                offer,
            }
            .request(caller),
            Ask::Poll { operation, .. } => LastOperation {
                instance,
                binding: Some(binding),
                offer,
                operation: operation.as_deref(),
            }
            .request(caller),
            Ask::Provision | Ask::Update { .. } | Ask::Deprovision => {
                return Err(mistaken("a binding is not provisioned"));
            }
        })
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.live.secrets();
        match (self.resolved, self.spec) {
            (Ok(resolved), _) => secrets.extend(resolved.sent.secrets.iter().cloned()),
            (Err(_), Some(spec)) => {
                let from = &spec.parameters_from;
                secrets.extend(subject::secrets(self.cx, self.subject.namespace, from));
            }
            (Err(_), None) => {}
        }
        secrets
    }

    fn store(&self, id: &str, bound: &Bound) -> Result<Child, String> {
        let Some(spec) = self.spec else {
            return Err("the Secret is not written while spec cannot be read".to_owned());
        };
        // What is wished for now may not be known: what these credentials are of is.
        let (kind, provider) = match self.resolved {
            Ok(resolved) => (resolved.kind.clone(), resolved.provider.clone()),
            Err(_) => self.named(spec, id)?,
        };
        let named = (kind.as_str(), provider.as_deref());
        self.live
            .written(self.cx, self.subject, spec, named, (id, bound))
    }
}

impl Binding<'_> {
    /// Entries `type` and `provider` of the binding `id`: of what its instance was found to be.
    ///
    /// # Errors
    /// Its class is not known: a Secret without a type is of no use to those who look for one.
    fn named(&self, spec: &BindingSpec, id: &str) -> Result<(String, Option<String>), String> {
        let holding = self.subject.state.holding(id);
        let broker = holding.and_then(|of| of.inputs.place.broker.rsplit('/').next());
        let provider = spec.provider.clone().or(broker.map(str::to_owned));
        if let Some(kind) = &spec.kind {
            return Ok((kind.clone(), provider));
        }
        let (cx, namespace) = (self.cx, self.subject.namespace);
        let told = |obstacle: Obstacle| obstacle.message;
        let of = instance(cx, namespace, &spec.instance_ref.name, false).map_err(told)?;
        let class = match choice(&of) {
            Some(choice) => stock::chosen(cx, namespace, &choice).map_err(told)?,
            None => None,
        };
        match class {
            Some((class, _)) => Ok((class.spec.external_name, provider)),
            None => Err(
                "the class of its instance, whose name is the entry `type`, is not there\nhint: spec.type says it, too"
                    .to_owned(),
            ),
        }
    }

    /// The cache may be a moment old, and an instance that is being deleted looks for its bindings but once.
    fn is_wanted(&self, resolved: &Resolved) -> Result<(), Obstacle> {
        let name = text(&resolved.instance, "/metadata/name").unwrap_or_default();
        let now = instance(self.cx, self.subject.namespace, name, true)?;
        leaving(&now, name).map_or(Ok(()), Err)
    }
}

fn binding_id(id: &str) -> Result<BindingId, Obstacle> {
    BindingId::chosen(id).map_err(|error| mistaken(&error.to_string()))
}
