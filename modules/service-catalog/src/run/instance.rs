//! One run for a `ServiceInstance`.

use oarlock_sdk::{Context, Failure, ObjectRef, Outcome, ReadError, Selection};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::access::Broker;
use super::reading::{self, API_VERSION, text};
use super::subject::{self, Sent, Subject};
use super::talk::{Desk, Talk};
use super::{claim, settled, stock};
use crate::catalog::offer::{BrokerName, Class, Plan};
use crate::osb::answer::Bound;
use crate::osb::catalog::MaintenanceInfo;
use crate::osb::request::{self, Caller, Deprovision, LastOperation, Offer, Provision, Update};
use crate::osb::{InstanceId, Request};
use crate::parameters;
use crate::reference::{self, Choice};
use crate::resource::{self, InstanceSpec, Maintenance};
use crate::situation::{self, Obstacle, Secret, Situation, Wish};
use crate::state::{Holding, Inputs, Place, Stand};
use crate::status;
use crate::turn::{Ask, Call};

/// One run.
///
/// # Errors
/// [`Failure::Invalid`] where fields of the object are wrong, and where what is remembered cannot be read.
pub(super) fn reconcile(object: &Value, cx: &Context) -> Result<Outcome, Failure> {
    let deleting = cx.deleting();
    let subject = Subject::read(object, deleting)?;
    let spec = subject.spec(resource::instance(object), deleting)?;
    let cluster = reading::cluster(cx);
    let mut dependents = Vec::new();
    let given_up = deleting && subject.abandons();
    if deleting && !given_up {
        dependents = self::dependents(cx, &subject)?;
    }
    // Of what is being deleted nothing is wished for, unless it has to be brought to its end first.
    let wishes = subject.wishes() && (!deleting || !dependents.is_empty());
    let resolved = match (&cluster, &spec) {
        (Err(obstacle), _) => Err(obstacle.clone()),
        (Ok(_), Some(spec)) if wishes => resolve(cx, &subject, spec),
        _ => Err(subject::unwanted()),
    };
    let obstacles = cluster
        .as_ref()
        .err()
        .into_iter()
        .chain(resolved.as_ref().err());
    if let Some(outcome) = reading::unseen(cx, object, obstacles).filter(|_| !given_up) {
        return outcome;
    }
    let at = Situation {
        subject: situation::Subject::Instance,
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
        overlap: None,
        wish: resolved
            .as_ref()
            .map(|of| of.wish.clone())
            .map_err(Clone::clone),
        broker: cluster.as_ref().map(drop).map_err(Clone::clone),
        dependents: &dependents,
        secret: Secret::Absent,
        report: settled::last(cx),
    };
    let desk = Instance {
        cx,
        subject: &subject,
        cluster: at.cluster,
        spec: spec.as_ref(),
        resolved: resolved.as_ref(),
    };
    let talk = Talk {
        cx,
        desk: &desk,
        user: subject.leaving.user.as_ref(),
    };
    let turn = talk.go(&subject.state, &at).turn;
    let before = &object["status"];
    let seen = status::Seen {
        generation: subject.generation,
        deleting,
        now: at.now,
        class: resolved.as_ref().ok().map(Resolved::named),
        wanted: spec.as_ref().map(|spec| &spec.plan),
        parameters: resolved.as_ref().ok().map(|of| &of.sent.parameters),
        user: subject.leaving.user.as_ref(),
        secret: None,
    };
    let mut wanted = status::instance(before, &turn, &seen);
    if let Ok(resolved) = &resolved {
        wanted.extend(resolved.remembered());
    }
    let outcome = settled::outcome(&turn, before, wanted);
    Ok(outcome.children(settled::relists(&turn, subject.uid)))
}

/// Bindings that may have something at the broker of this instance, as `namespace/name`.
fn dependents(cx: &Context, subject: &Subject<'_>) -> Result<Vec<String>, ReadError> {
    let selection = Selection {
        api_version: API_VERSION.to_owned(),
        kind: "ServiceBinding".to_owned(),
        namespace: Some(subject.namespace.to_owned()),
        fields: vec![
            "/spec/instanceRef/name".to_owned(),
            "/status/lifecycle/holdings".to_owned(),
        ],
        ..Selection::default()
    };
    let found = match cx.reads().query(&selection) {
        Err(ReadError::UnknownKind(_)) => return Ok(Vec::new()),
        found => found?,
    };
    let ids: Vec<&str> = subject
        .state
        .holdings
        .iter()
        .map(|holding| holding.id.as_str())
        .collect();
    let is_of = |binding: &&Value| {
        let holdings = binding.pointer("/status/lifecycle/holdings");
        let holdings = holdings.and_then(|of| Vec::<Holding>::deserialize(of).ok());
        // Its name alone says nothing: another instance may have had it before.
        holdings.into_iter().flatten().any(|holding| {
            let of = holding.inputs.place.instance;
            of.is_some_and(|of| ids.contains(&of.as_str()))
        })
    };
    let name = |binding: &Value| {
        let name = text(binding, "/metadata/name").unwrap_or_default();
        format!("{}/{name}", subject.namespace)
    };
    Ok(found.iter().filter(is_of).map(name).collect())
}

/// Class, plan and parameters that are wished for.
struct Resolved {
    choice: Choice,
    plan: Plan,
    defaults: Map<String, Value>,
    sent: Sent,
    wish: Wish,
}

impl Resolved {
    fn named(&self) -> status::Named<'_> {
        status::Named {
            plan_name: &self.plan.spec.external_name,
            plan_id: &self.plan.spec.external_id,
            maintenance: self.plan.spec.maintenance_info.as_ref(),
        }
    }

    /// What has to be there in the next run.
    fn remembered(&self) -> [(String, Value); 2] {
        let choice = serde_json::to_value(&self.choice).unwrap_or_default();
        let defaults = match self.defaults.is_empty() {
            true => Value::Null,
            false => Value::Object(self.defaults.clone()),
        };
        [
            ("choice".to_owned(), choice),
            ("defaultProvisionParameters".to_owned(), defaults),
        ]
    }
}

/// The object of its broker, as places name it.
pub(super) fn broker(name: &BrokerName, namespace: &str) -> Broker {
    match name {
        BrokerName::Cluster(name) => Broker::Cluster(name.clone()),
        BrokerName::Namespaced(name) => Broker::Namespaced {
            namespace: namespace.to_owned(),
            name: name.clone(),
        },
    }
}

/// What was chosen the last time.
pub(super) fn choice(object: &Value) -> Option<Choice> {
    let choice = object.pointer("/status/choice")?;
    // Without it the name is looked up again.
    Choice::deserialize(choice).ok()
}

fn resolve(cx: &Context, subject: &Subject<'_>, spec: &InstanceSpec) -> Result<Resolved, Obstacle> {
    let refused = |error: &reference::Resolve| Obstacle {
        reason: error.reason(),
        message: error.to_string(),
        retry: None,
    };
    let wanted = spec.plan.read().map_err(|error| refused(&error))?;
    if let Some(id) = spec
        .external_id
        .as_deref()
        .filter(|_| subject.state.holdings.is_empty())
    {
        claim::is_free(cx, subject, "ServiceInstance", None, id)?;
    }
    let before = choice(subject.object);
    let stock = stock::read(cx, subject.namespace, &wanted, before.as_ref())?;
    let has = subject
        .state
        .holdings
        .iter()
        .rev()
        .find(|holding| matches!(holding.stand, Stand::Asked | Stand::Held | Stand::Unsure));
    let has = has.map(|holding| &holding.inputs);
    let current = has.and_then(|has| {
        let is = |plan: &&Plan| plan.spec.external_id == has.place.plan;
        stock.plans.iter().find(is).map(|plan| plan.name.as_str())
    });
    let found = reference::resolve(
        &wanted,
        before.as_ref(),
        current,
        &stock.classes,
        &stock.plans,
    )
    .map_err(|error| refused(&error))?;
    let (class, plan) = (found.class.clone(), found.plan.clone());
    stock::belongs(&class, &plan)?;
    let defaults = defaults(subject, &class, &plan);
    let sent = subject::parameters(
        cx,
        subject.namespace,
        &defaults,
        spec.parameters.as_ref(),
        &spec.parameters_from,
    )?;
    let mut inputs = Inputs {
        place: Place {
            broker: broker(&class.spec.broker, subject.namespace).to_string(),
            service: class.spec.external_id.clone(),
            plan: plan.spec.external_id.clone(),
            instance: None,
        },
        parameters: sent.parameters.checksum().unwrap_or_default(),
        requests: spec.update_requests,
        maintenance: has.and_then(|has| has.maintenance.clone()),
    };
    // What runs under an instance is not replaced because its plan has a newer version: somebody has to want that.
    if spec.maintenance == Maintenance::Automatic || has.is_none_or(|has| *has != inputs) {
        let info = plan.spec.maintenance_info.as_ref();
        inputs.maintenance = info.map(|info| info.version.clone());
    }
    let seconds = plan.spec.maximum_polling_duration;
    let held = subject.state.current();
    let wish = Wish {
        inputs,
        polling: seconds.map(|seconds| seconds.saturating_mul(1_000)),
        plan_updateable: updatable(&stock, held, &class, &plan),
        ..Wish::default()
    };
    Ok(Resolved {
        choice: found.choice,
        plan,
        defaults,
        sent,
        wish,
    })
}

/// Whether the plan that an instance has may be left. Where it is not known any more, the class decides.
fn updatable(stock: &stock::Stock, held: Option<&Holding>, class: &Class, wanted: &Plan) -> bool {
    let id = held.map(|held| held.inputs.place.plan.as_str());
    let plan = stock
        .plans
        .iter()
        .find(|plan| Some(plan.spec.external_id.as_str()) == id);
    match plan {
        Some(plan) => plan.is_updatable(class),
        None if id == Some(wanted.spec.external_id.as_str()) => wanted.is_updatable(class),
        None => class.spec.plan_updatable,
    }
}

/// Defaults are taken when an instance is made, and stay: another default is no reason to change what is there.
fn defaults(subject: &Subject<'_>, class: &Class, plan: &Plan) -> Map<String, Value> {
    if subject.state.holdings.is_empty() {
        return parameters::defaults(
            class.spec.default_provision_parameters.as_ref(),
            plan.spec.default_provision_parameters.as_ref(),
        );
    }
    let taken = subject.object.pointer("/status/defaultProvisionParameters");
    taken
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// Fills in the calls of an instance.
struct Instance<'a> {
    cx: &'a Context,
    subject: &'a Subject<'a>,
    cluster: &'a str,
    spec: Option<&'a InstanceSpec>,
    resolved: Result<&'a Resolved, &'a Obstacle>,
}

impl Desk for Instance<'_> {
    fn request(
        &self,
        call: &Call,
        state: &crate::state::State,
        caller: &Caller,
    ) -> Result<Request, Obstacle> {
        let instance = &instance_id(&call.id)?;
        let offer = &offer(&call.place);
        Ok(match &call.ask {
            Ask::Provision => {
                let inputs = state.holding(&call.id).map(|holding| &holding.inputs);
                let maintenance = inputs.and_then(maintenance);
                let parameters = self.parameters()?;
                Provision {
                    instance,
                    offer,
                    context: &self.context()?,
                    parameters: Some(parameters).filter(|of| !of.is_empty()),
                    maintenance_info: maintenance.as_ref(),
                }
                .request(caller)
            }
            Ask::Update { former, whole } => {
                let operation = state.operation.as_ref();
                let inputs = operation.and_then(|operation| operation.update.as_ref());
                let inputs = inputs.unwrap_or(former);
                let parameters = self.parameters()?;
                let plan = *whole || inputs.place.plan != former.place.plan;
                let sends = *whole
                    || inputs.parameters != former.parameters
                    || inputs.requests != former.requests;
                let nothing = parameters.is_empty() && former.parameters.is_empty();
                let upgrades = plan || inputs.maintenance != former.maintenance;
                Update {
                    instance,
                    service_id: &offer.service_id,
                    plan_id: Some(offer.plan_id.as_str()).filter(|_| plan),
                    context: &self.context()?,
                    parameters: Some(parameters).filter(|_| sends && !nothing),
                    previous_plan_id: Some(&former.place.plan),
                    previous_maintenance_info: maintenance(former).as_ref(),
                    maintenance_info: maintenance(inputs).filter(|_| upgrades).as_ref(),
                }
                .request(caller)
            }
            Ask::Deprovision => Deprovision { instance, offer }.request(caller),
            Ask::Poll { operation, .. } => LastOperation {
                instance,
                binding: None,
                offer,
                operation: operation.as_deref(),
            }
            .request(caller),
            Ask::Bind { .. } | Ask::Unbind | Ask::FetchBinding => {
                return Err(mistaken("an instance is not bound"));
            }
        })
    }

    fn secrets(&self) -> Vec<String> {
        match (self.resolved, self.spec) {
            (Ok(resolved), _) => resolved.sent.secrets.clone(),
            (Err(_), Some(spec)) => {
                subject::secrets(self.cx, self.subject.namespace, &spec.parameters_from)
            }
            (Err(_), None) => Vec::new(),
        }
    }

    fn store(&self, _id: &str, _bound: &Bound) -> Result<oarlock_sdk::Child, String> {
        Err("an instance has no credentials".to_owned())
    }
}

impl Instance<'_> {
    fn parameters(&self) -> Result<&Map<String, Value>, Obstacle> {
        match self.resolved {
            Ok(resolved) => Ok(resolved.sent.parameters.values()),
            Err(obstacle) => Err(obstacle.clone()),
        }
    }

    fn context(&self) -> Result<request::Context, Obstacle> {
        context(
            self.cx,
            self.cluster,
            self.subject.namespace,
            self.subject.object,
        )
    }
}

/// Where an instance is, with the annotations of its namespace.
pub(super) fn context(
    cx: &Context,
    cluster: &str,
    namespace: &str,
    instance: &Value,
) -> Result<request::Context, Obstacle> {
    let target = ObjectRef::new("v1", "Namespace", namespace);
    let found = cx.get_raw(&target).map_err(|error| {
        reading::unread(
            &format!("Namespace {namespace:?}, whose annotations brokers are told,"),
            &error,
        )
    })?;
    let annotations = |object: &Value| {
        let all = object.pointer("/metadata/annotations");
        let all = all.and_then(Value::as_object).into_iter().flatten();
        all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    };
    Ok(request::Context {
        cluster: cluster.to_owned(),
        namespace: namespace.to_owned(),
        namespace_annotations: found.as_ref().map(annotations).unwrap_or_default(),
        instance_name: text(instance, "/metadata/name")
            .unwrap_or_default()
            .to_owned(),
        instance_annotations: annotations(instance),
    })
}

fn maintenance(inputs: &Inputs) -> Option<MaintenanceInfo> {
    inputs.maintenance.as_ref().map(|version| MaintenanceInfo {
        version: version.clone(),
        description: None,
    })
}

pub(super) fn offer(place: &Place) -> Offer {
    Offer {
        service_id: place.service.clone(),
        plan_id: place.plan.clone(),
    }
}

pub(super) fn instance_id(id: &str) -> Result<InstanceId, Obstacle> {
    InstanceId::chosen(id).map_err(|error| mistaken(&error.to_string()))
}

/// What is remembered cannot be sent.
pub(super) fn mistaken(what: &str) -> Obstacle {
    Obstacle {
        reason: "CannotBeAsked",
        message: format!("status.lifecycle cannot be carried out: {what}"),
        retry: None,
    }
}
