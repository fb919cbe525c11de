//! What a broker offers.
//!
//! A service or a plan that cannot be told apart makes the whole catalog unreadable: whoever left it out would take it for
//! withdrawn. What is only shown is passed over where it does not fit.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LARGEST_CATALOG;
use super::answer::{Answer, Fault, Heard};
use super::fields::{Fields, Misfit};
use super::moment::RetryAfter;

/// How many faults of a catalog are told.
const TOLD: usize = 5;

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
    let mut services = Vec::new();
    for (index, entry) in fields.array("services")?.into_iter().enumerate() {
        services.extend(reader.service(&format!("services[{index}]"), entry));
    }
    reader.twice(&services);
    if reader.faults.is_empty() {
        return Ok(Catalog {
            services,
            odd: reader.odd,
        });
    }
    let more = reader.faults.len().saturating_sub(TOLD);
    reader.faults.truncate(TOLD);
    let mut told = reader.faults.join("; ");
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    Err(Misfit::new(told))
}

/// What is found while a catalog is read.
#[derive(Default)]
struct Reader {
    faults: Vec<String>,
    odd: Vec<String>,
}

impl Reader {
    fn need<T: Default>(&mut self, at: &str, read: Result<T, Misfit>) -> T {
        read.unwrap_or_else(|misfit| {
            self.faults.push(format!("{at}.{misfit}"));
            T::default()
        })
    }

    fn fields(&mut self, at: &str, entry: Value) -> Option<Fields> {
        match entry {
            Value::Object(map) => Some(Fields::new(map)),
            _ => {
                self.faults.push(format!("{at} is not an object"));
                None
            }
        }
    }

    fn keep(&mut self, at: &str, mut fields: Fields) {
        let odd = fields.odd().into_iter();
        self.odd.extend(odd.map(|name| format!("{at}.{name}")));
    }

    fn service(&mut self, at: &str, entry: Value) -> Option<Service> {
        let mut fields = self.fields(at, entry)?;
        let plans = fields.array("plans");
        let entries = self.need(at, plans);
        let mut plans = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            plans.extend(self.plan(&format!("{at}.plans[{index}]"), entry));
        }
        let (id, name) = (fields.required("id"), fields.required("name"));
        // dashboard_client has a secret of the broker's single sign-on: it is not even kept.
        let service = Service {
            id: self.need(at, id),
            name: self.need(at, name),
            description: fields.shown("description").unwrap_or_default(),
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
        };
        self.keep(at, fields);
        Some(service)
    }

    fn plan(&mut self, at: &str, entry: Value) -> Option<Plan> {
        let mut fields = self.fields(at, entry)?;
        let (id, name) = (fields.required("id"), fields.required("name"));
        let plan = Plan {
            id: self.need(at, id),
            name: self.need(at, name),
            description: fields.shown("description").unwrap_or_default(),
            free: fields.flag("free").unwrap_or(true),
            bindable: fields.flag("bindable"),
            plan_updateable: fields.flag("plan_updateable"),
            binding_rotatable: fields.flag("binding_rotatable"),
            maximum_polling_duration: fields.number("maximum_polling_duration"),
            maintenance_info: maintenance_info(&mut fields),
            schemas: schemas(&mut fields),
            metadata: fields.map("metadata"),
        };
        self.keep(at, fields);
        Some(plan)
    }

    fn twice(&mut self, services: &[Service]) {
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for service in services {
            let mut plan_names = BTreeSet::new();
            self.unique("identifier", &service.id, &mut ids);
            self.unique("service name", &service.name, &mut names);
            for plan in &service.plans {
                self.unique("identifier", &plan.id, &mut ids);
                let what = format!("plan name of service {:?}", service.name);
                self.unique(&what, &plan.name, &mut plan_names);
            }
        }
    }

    fn unique<'a>(&mut self, what: &str, text: &'a str, seen: &mut BTreeSet<&'a str>) {
        // What is missing was told already.
        if !text.is_empty() && !seen.insert(text) {
            self.faults.push(format!("{what} {text:?} is there twice"));
        }
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
