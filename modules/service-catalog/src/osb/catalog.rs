//! What a broker offers.
//!
//! A service or a plan that cannot be told apart is left out, with what it may have been before: whoever reads the catalog
//! must not take it for withdrawn. What is only shown is passed over where it does not fit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LARGEST_CATALOG;
use super::answer::{Answer, Fault, Heard};
use super::fields::{Fields, Misfit};
use super::moment::RetryAfter;

/// How long identifiers and names may be, in characters.
pub const LONGEST_NAME: usize = 253;

/// How much of a description is kept, in characters.
pub const LONGEST_TEXT: usize = 4_096;

/// What became of reading the catalog.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// It is what was read last.
    Unchanged,
    /// There is another.
    Changed {
        /// What is offered.
        catalog: Catalog,
        /// Sent when it is read again.
        marker: Marker,
    },
    /// It could not be read; what was read last stays as it is.
    Failed {
        /// What was wrong.
        fault: Fault,
        /// Whether it is the broker that does not talk to us: its address, our credentials or trust.
        denied: bool,
        /// Not to be asked earlier.
        retry_after: Option<RetryAfter>,
    },
}

/// Tells whether a catalog is what was read last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Marker {
    /// `ETag`, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// What a broker offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Services, in the broker's order. Identifiers and names are unique.
    pub services: Vec<Service>,
    /// Fields of a wrong type that were passed over.
    pub odd: Vec<String>,
    /// What cannot be offered.
    pub left_out: Vec<LeftOut>,
}

/// Something of a catalog that cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What is wrong, and where: `services[2].plans[0].id is missing`.
    pub why: String,
    /// What may be the same, of what was read before: nobody withdrew it.
    pub may_be: MayBe,
}

/// What it may be that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayBe {
    /// Any service.
    Any,
    /// The service of this identifier, and its plans.
    Service(String),
    /// Any plan of the service of this identifier.
    PlanOf(String),
    /// The plan of this identifier.
    Plan(String),
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its identifier: stays when its name changes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it is like.
    pub tags: Vec<String>,
    /// What it needs of the platform.
    pub requires: Vec<String>,
    /// Whether its instances can be bound to, where a plan does not say.
    pub bindable: bool,
    /// Whether instances can be fetched.
    pub instances_retrievable: bool,
    /// Whether bindings can be fetched.
    pub bindings_retrievable: bool,
    /// Whether an update may be made because the context changed.
    pub allow_context_updates: bool,
    /// Whether an instance can get another plan, where its plan does not say.
    pub plan_updateable: bool,
    /// Whether bindings can be rotated, where a plan does not say.
    pub binding_rotatable: bool,
    /// For people and their tools.
    pub metadata: Map<String, Value>,
    /// Its plans, in the broker's order. Identifiers are unique in the catalog, names in the service.
    pub plans: Vec<Plan>,
}

/// One plan of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it costs nothing; so it is where the broker does not say.
    pub free: bool,
    /// Whether instances of it can be bound to.
    pub bindable: Option<bool>,
    /// Whether its instances can get another plan.
    pub plan_updateable: Option<bool>,
    /// Whether bindings of it can be rotated.
    pub binding_rotatable: Option<bool>,
    /// How long an operation may be polled, in seconds.
    pub maximum_polling_duration: Option<u64>,
    /// What its instances are maintained to.
    pub maintenance_info: Option<MaintenanceInfo>,
    /// What parameters may be.
    pub schemas: Schemas,
    /// For people and their tools.
    pub metadata: Map<String, Value>,
}

/// What instances of a plan are maintained to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceInfo {
    /// A semantic version.
    pub version: String,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// JSON Schemas of parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schemas {
    /// To make an instance.
    pub instance_create: Option<Value>,
    /// To change an instance.
    pub instance_update: Option<Value>,
    /// To make a binding.
    pub binding_create: Option<Value>,
}

impl Service {
    /// Whether instances of a plan can be bound to.
    #[must_use]
    pub fn is_bindable(&self, plan: &Plan) -> bool {
        plan.bindable.unwrap_or(self.bindable)
    }

    /// Whether instances of a plan can get another one.
    #[must_use]
    pub fn is_plan_updateable(&self, plan: &Plan) -> bool {
        plan.plan_updateable.unwrap_or(self.plan_updateable)
    }

    /// Whether bindings of a plan can be rotated.
    #[must_use]
    pub fn is_rotatable(&self, plan: &Plan) -> bool {
        plan.binding_rotatable.unwrap_or(self.binding_rotatable)
    }
}

/// What an answer to a request for the catalog says.
#[must_use]
pub fn read(heard: &Heard) -> Reading {
    let answer = match heard.answer() {
        Ok(answer) => answer,
        Err(fault) => {
            return Reading::Failed {
                fault,
                denied: false,
                retry_after: None,
            };
        }
    };
    let failed = |fault, denied| Reading::Failed {
        fault,
        denied,
        retry_after: answer.retry_after(),
    };
    match answer.status {
        304 => Reading::Unchanged,
        200 => match parse(answer) {
            Ok(catalog) => Reading::Changed {
                catalog,
                marker: Marker {
                    etag: answer.header("ETag").map(str::to_owned),
                    last_modified: answer.header("Last-Modified").map(str::to_owned),
                },
            },
            Err(misfit) => failed(answer.misread(&misfit), false),
        },
        status => failed(
            answer.fault(),
            matches!(status, 300..=399 | 401 | 403 | 407 | 412),
        ),
    }
}

fn parse(answer: &Answer) -> Result<Catalog, Misfit> {
    let mut fields = answer.object_within(LARGEST_CATALOG)?;
    let mut reader = Reader::default();
    for (index, entry) in fields.array("services")?.into_iter().enumerate() {
        let at = format!("services[{index}]");
        if let Err((misfit, may_be)) = reader.service(&at, entry) {
            reader.leave_out(&misfit, may_be);
        }
    }
    Ok(reader.catalog)
}

/// Something cannot be offered.
type Unfit = (Misfit, MayBe);

/// What is found while a catalog is read.
#[derive(Default)]
struct Reader {
    catalog: Catalog,
    service_ids: BTreeMap<String, String>,
    service_names: BTreeMap<String, String>,
    plan_ids: BTreeMap<String, String>,
}

impl Reader {
    fn leave_out(&mut self, misfit: &Misfit, may_be: MayBe) {
        self.catalog.left_out.push(LeftOut {
            why: misfit.to_string(),
            may_be,
        });
    }

    fn pass_over(&mut self, at: &str, mut fields: Fields) {
        let odd = fields.odd().into_iter();
        let odd = odd.map(|name| format!("{at}.{name}"));
        self.catalog.odd.extend(odd);
    }

    fn service(&mut self, at: &str, entry: Value) -> Result<(), Unfit> {
        let mut fields = fields(at, entry).map_err(|misfit| (misfit, MayBe::Any))?;
        let id = named(at, "id", &mut fields).map_err(|misfit| (misfit, MayBe::Any))?;
        let unfit = |misfit| (misfit, MayBe::Service(id.clone()));
        let name = named(at, "name", &mut fields).map_err(unfit)?;
        unique(&format!("{at}.id"), &id, &mut self.service_ids).map_err(unfit)?;
        unique(&format!("{at}.name"), &name, &mut self.service_names).map_err(unfit)?;
        let entries = fields
            .array("plans")
            .map_err(|misfit| unfit(Misfit::new(format!("{at}.{misfit}"))))?;
        if entries.is_empty() {
            return Err(unfit(Misfit::new(format!("{at}.plans is empty"))));
        }
        let mut plans = Vec::new();
        let mut names = BTreeMap::new();
        for (index, entry) in entries.into_iter().enumerate() {
            match self.plan(&format!("{at}.plans[{index}]"), entry, &id, &mut names) {
                Ok(plan) => plans.push(plan),
                Err((misfit, may_be)) => self.leave_out(&misfit, may_be),
            }
        }
        if plans.is_empty() {
            let none = format!("{at}.plans has none that can be offered");
            return Err(unfit(Misfit::new(none)));
        }
        // dashboard_client has a secret of the broker's single sign-on: it is not even kept.
        let service = Service {
            name,
            description: description(&mut fields),
            tags: fields.strings("tags"),
            requires: fields.strings("requires"),
            bindable: fields.flag("bindable").unwrap_or(false),
            instances_retrievable: fields.flag("instances_retrievable").unwrap_or(false),
            bindings_retrievable: fields.flag("bindings_retrievable").unwrap_or(false),
            allow_context_updates: fields.flag("allow_context_updates").unwrap_or(false),
            plan_updateable: fields.flag("plan_updateable").unwrap_or(false),
            binding_rotatable: fields.flag("binding_rotatable").unwrap_or(false),
            metadata: fields.map("metadata"),
            plans,
            id,
        };
        self.pass_over(at, fields);
        self.catalog.services.push(service);
        Ok(())
    }

    fn plan(
        &mut self,
        at: &str,
        entry: Value,
        service: &str,
        names: &mut BTreeMap<String, String>,
    ) -> Result<Plan, Unfit> {
        let any = |misfit| (misfit, MayBe::PlanOf(service.to_owned()));
        let mut fields = fields(at, entry).map_err(any)?;
        let id = named(at, "id", &mut fields).map_err(any)?;
        let unfit = |misfit| (misfit, MayBe::Plan(id.clone()));
        let name = named(at, "name", &mut fields).map_err(unfit)?;
        unique(&format!("{at}.id"), &id, &mut self.plan_ids).map_err(unfit)?;
        unique(&format!("{at}.name"), &name, names).map_err(unfit)?;
        let plan = Plan {
            name,
            description: description(&mut fields),
            free: fields.flag("free").unwrap_or(true),
            bindable: fields.flag("bindable"),
            plan_updateable: fields.flag("plan_updateable"),
            binding_rotatable: fields.flag("binding_rotatable"),
            // Those who write zero mean that they have nothing to say.
            maximum_polling_duration: fields
                .number("maximum_polling_duration")
                .filter(|seconds| *seconds > 0),
            maintenance_info: maintenance_info(&mut fields),
            schemas: schemas(&mut fields),
            metadata: fields.map("metadata"),
            id,
        };
        self.pass_over(at, fields);
        Ok(plan)
    }
}

fn fields(at: &str, entry: Value) -> Result<Fields, Misfit> {
    match entry {
        Value::Object(map) => Ok(Fields::new(map)),
        _ => Err(Misfit::new(format!("{at} is not an object"))),
    }
}

/// An identifier or a name: what it is told apart by.
fn named(at: &str, field: &str, fields: &mut Fields) -> Result<String, Misfit> {
    let told = |what: &str| Misfit::new(format!("{at}.{field} {what}"));
    let text = fields
        .required(field)
        .map_err(|misfit| Misfit::new(format!("{at}.{misfit}")))?;
    if text.chars().any(char::is_control) {
        return Err(told("has control characters"));
    }
    let length = text.chars().count();
    if length > LONGEST_NAME {
        return Err(told(&format!(
            "has {length} characters, {LONGEST_NAME} are allowed"
        )));
    }
    Ok(text)
}

/// The first one of a name has it.
fn unique(at: &str, text: &str, seen: &mut BTreeMap<String, String>) -> Result<(), Misfit> {
    if let Some(first) = seen.get(text) {
        return Err(Misfit::new(format!("{at} {text:?} is that of {first}")));
    }
    let place = at.rsplit_once('.').map_or(at, |(place, _)| place);
    seen.insert(text.to_owned(), place.to_owned());
    Ok(())
}

fn description(fields: &mut Fields) -> String {
    let text = fields.shown("description").unwrap_or_default();
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `maintenance_info` of a plan or an instance.
pub(super) fn maintenance_info(fields: &mut Fields) -> Option<MaintenanceInfo> {
    let mut part = fields.part("maintenance_info")?;
    let (version, description) = (part.shown("version"), part.shown("description"));
    if version.is_none() {
        part.pass_over::<()>("version");
    }
    fields.adopt("maintenance_info", part);
    Some(MaintenanceInfo {
        version: version?,
        description,
    })
}

fn schemas(fields: &mut Fields) -> Schemas {
    let Some(mut part) = fields.part("schemas") else {
        return Schemas::default();
    };
    let read = Schemas {
        instance_create: schema(&mut part, "service_instance", "create"),
        instance_update: schema(&mut part, "service_instance", "update"),
        binding_create: schema(&mut part, "service_binding", "create"),
    };
    fields.adopt("schemas", part);
    read
}

fn schema(schemas: &mut Fields, of: &str, to: &str) -> Option<Value> {
    let path = [of, to, "parameters"];
    match schemas.look(&path)? {
        schema @ (Value::Object(_) | Value::Bool(_)) => Some(schema),
        _ => schemas.pass_over(&path.join(".")),
    }
}

#[cfg(test)]
mod tests;
