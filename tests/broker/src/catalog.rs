//! What is offered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a broker offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// Services.
    pub services: Vec<Service>,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it is like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What it needs of the platform.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// Whether there are bindings.
    pub bindable: bool,
    /// Whether instances can be fetched.
    pub instances_retrievable: bool,
    /// Whether bindings can be fetched.
    pub bindings_retrievable: bool,
    /// Whether an update may be for the context alone.
    pub allow_context_updates: bool,
    /// Whether an instance can get another plan.
    pub plan_updateable: bool,
    /// Whether bindings can be rotated.
    pub binding_rotatable: bool,
    /// For people and their tools.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Its plans.
    pub plans: Vec<Plan>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Its identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it costs nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<bool>,
    /// Whether there are bindings, where it is not as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bindable: Option<bool>,
    /// Whether an instance can get another plan, where it is not as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_updateable: Option<bool>,
    /// Whether bindings can be rotated, where it is not as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_rotatable: Option<bool>,
    /// How long an operation may be polled, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_polling_duration: Option<u64>,
    /// What its instances are maintained to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_info: Option<MaintenanceInfo>,
    /// Schemas of parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Value>,
    /// For people and their tools.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What instances of a plan are maintained to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceInfo {
    /// A semantic version.
    pub version: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Catalog {
    /// Service `postgres` (`service-postgres`) with plans `small` (`plan-small`) and `large` (`plan-large`), with all that
    /// there is; service `mail` (`service-mail`) with one plan, `default` (`plan-mail`), and nothing.
    #[must_use]
    pub fn demo() -> Self {
        let version = |version: &str| {
            Some(MaintenanceInfo {
                version: version.to_owned(),
                description: Some("System updates.".to_owned()),
            })
        };
        let schema = json!({
            "$schema": "http://json-schema.org/draft-04/schema#",
            "type": "object",
            "properties": {"size": {"type": "integer"}},
        });
        let postgres = Service {
            tags: vec!["database".to_owned(), "postgresql".to_owned()],
            bindable: true,
            instances_retrievable: true,
            bindings_retrievable: true,
            plan_updateable: true,
            binding_rotatable: true,
            metadata: Map::from_iter([("displayName".to_owned(), json!("PostgreSQL"))]),
            plans: vec![
                Plan {
                    free: Some(true),
                    maintenance_info: version("1.0.0"),
                    schemas: Some(json!({"service_instance": {"create": {"parameters": schema}}})),
                    ..Plan::new("plan-small", "small")
                },
                Plan {
                    free: Some(false),
                    maintenance_info: version("1.0.0"),
                    ..Plan::new("plan-large", "large")
                },
            ],
            ..Service::new("service-postgres", "postgres")
        };
        let mail = Service {
            plans: vec![Plan::new("plan-mail", "default")],
            ..Service::new("service-mail", "mail")
        };
        Self {
            services: vec![postgres, mail],
        }
    }

    /// A service and one of its plans.
    #[must_use]
    pub fn find(&self, service: &str, plan: &str) -> Option<(&Service, &Plan)> {
        let service = self.service(service)?;
        let plan = service.plans.iter().find(|known| known.id == plan)?;
        Some((service, plan))
    }

    /// A service.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// A service, to be changed.
    pub fn service_mut(&mut self, id: &str) -> Option<&mut Service> {
        self.services.iter_mut().find(|service| service.id == id)
    }

    /// A plan, to be changed.
    pub fn plan_mut(&mut self, id: &str) -> Option<&mut Plan> {
        let mut plans = self.services.iter_mut().flat_map(|all| &mut all.plans);
        plans.find(|plan| plan.id == id)
    }
}

impl Service {
    /// With nothing but names.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            description: format!("The service {name}"),
            ..Self::default()
        }
    }
}

impl Plan {
    /// With nothing but names.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            description: format!("The plan {name}"),
            ..Self::default()
        }
    }
}
