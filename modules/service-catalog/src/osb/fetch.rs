//! What a broker says that is there: instances and bindings that are read back.
//!
//! Only where the catalog says `instances_retrievable` and `bindings_retrievable`. The credentials of a binding that was made
//! asynchronously come in no other way.

use serde_json::{Map, Value};

use super::answer::{Answer, Bound, Fault, Heard, InstanceMetadata, bound, instance_metadata};
use super::catalog::{MaintenanceInfo, maintenance_info};
use super::fields::{Fields, Misfit};
use super::moment::RetryAfter;

/// What became of reading something back.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched<T> {
    /// It is there.
    Is(T),
    /// It is not there, or not yet: 404 and 410.
    Missing(Fault),
    /// It may be read later: something is under way, or the broker is not well.
    Later {
        /// What was wrong.
        fault: Fault,
        /// Not to be asked earlier.
        retry_after: Option<RetryAfter>,
    },
    /// It cannot be read: the broker refuses, or what it says cannot be understood.
    Refused(Fault),
}

/// An instance as the broker has it.
#[derive(Clone, Default, PartialEq)]
pub struct Instance {
    /// Identifier of its service.
    pub service_id: Option<String>,
    /// Identifier of its plan.
    pub plan_id: Option<String>,
    /// Where people look after it.
    pub dashboard_url: Option<String>,
    /// What was wished; may be secret.
    pub parameters: Option<Map<String, Value>>,
    /// What it is maintained to.
    pub maintenance_info: Option<MaintenanceInfo>,
    /// Labels and attributes.
    pub metadata: InstanceMetadata,
    /// Fields of a wrong type that were passed over.
    pub odd: Vec<String>,
}

/// A binding as the broker has it.
#[derive(Clone, Default, PartialEq)]
pub struct Binding {
    /// What is in it.
    pub bound: Bound,
    /// What was wished; may be secret.
    pub parameters: Option<Map<String, Value>>,
}

/// What an answer to [`Fetch`](super::request::Fetch) of an instance says.
#[must_use]
pub fn instance(heard: &Heard) -> Fetched<Instance> {
    read(heard, |fields| {
        let parameters = fields.part("parameters").map(Fields::into_map);
        let mut read = Instance {
            service_id: fields.text("service_id")?,
            plan_id: fields.text("plan_id")?,
            dashboard_url: fields.shown("dashboard_url"),
            parameters,
            maintenance_info: maintenance_info(fields),
            metadata: instance_metadata(fields),
            odd: Vec::new(),
        };
        read.odd = fields.odd();
        Ok(read)
    })
}

/// What an answer to [`Fetch`](super::request::Fetch) of a binding says.
#[must_use]
pub fn binding(heard: &Heard) -> Fetched<Binding> {
    read(heard, |fields| {
        let parameters = fields.part("parameters").map(Fields::into_map);
        let bound = bound(fields)?;
        Ok(Binding { bound, parameters })
    })
}

fn read<T>(heard: &Heard, parse: impl Fn(&mut Fields) -> Result<T, Misfit>) -> Fetched<T> {
    let answer = match heard.answer() {
        Ok(answer) => answer,
        Err(fault) => {
            return Fetched::Later {
                fault,
                retry_after: None,
            };
        }
    };
    match answer.status {
        200 => match answer.object().and_then(|mut fields| parse(&mut fields)) {
            Ok(read) => Fetched::Is(read),
            Err(misfit) => Fetched::Refused(answer.misread(&misfit)),
        },
        404 | 410 => Fetched::Missing(answer.fault()),
        _ if passes(answer) => Fetched::Later {
            fault: answer.fault(),
            retry_after: answer.retry_after(),
        },
        _ => Fetched::Refused(answer.fault()),
    }
}

fn passes(answer: &Answer) -> bool {
    match answer.status {
        408 | 429 | 500.. => true,
        // Something is under way, which is no reason to give up.
        422 => answer.fault().code.as_deref() == Some("ConcurrencyError"),
        status => status < 200,
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("service_id", &self.service_id)
            .field("plan_id", &self.plan_id)
            .field("dashboard_url", &self.dashboard_url)
            .field("maintenance_info", &self.maintenance_info)
            .field("metadata", &self.metadata)
            .field("odd", &self.odd)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
