//! What is there of Services and routes.

use std::collections::BTreeMap;

use oarlock_sdk::{Context, ObjectRef, ReadError, Value};

use super::Labels;
use crate::plan::{Plan, Routing};

/// Of an HTTPRoute.
pub(crate) const ROUTE: (&str, &str) = ("gateway.networking.k8s.io/v1", "HTTPRoute");

/// What is there of Services and routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    pub(super) services: BTreeMap<String, Found>,
    pub(super) route: Lookup,
}

/// Whether there is an HTTPRoute.
#[derive(Clone, Debug, Default)]
pub(super) enum Lookup {
    #[default]
    Absent,
    /// The API server does not know the kind.
    Unserved,
    Found(Box<Found>),
}

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) live: Value,
    pub(super) whose: Whose,
}

/// Whose an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whose {
    /// The Canary's.
    Own,
    /// Made by a Flagger that is to be taken over from: becomes the Canary's.
    Flaggers,
    /// Its user's.
    Foreign,
}

impl Observed {
    /// The `pod-template-hash` by which a Service selects its Pods now.
    pub(crate) fn hash(&self, service: &str) -> Option<String> {
        self.services.get(service)?.selector().remove(super::HASH)
    }

    /// Looks at what there is.
    ///
    /// # Errors
    ///
    /// Where the host has no answer. A kind that is not served is one.
    pub(crate) fn of(cx: &Context, plan: &Plan) -> Result<Self, ReadError> {
        let Some(names) = plan.services() else {
            return Ok(Self::default());
        };
        let children = cx.reads().children()?;
        let own = |kind: &str, name: &str| {
            children
                .iter()
                .any(|child| child["kind"] == kind && child["metadata"]["name"] == name)
        };
        let find = |target: ObjectRef| -> Result<Option<Found>, ReadError> {
            let live = cx.get_raw(&target)?;
            Ok(live.map(|live| Found {
                whose: match own(&target.kind, &target.name) {
                    true => Whose::Own,
                    false if is_flaggers(&live, plan) => Whose::Flaggers,
                    false => Whose::Foreign,
                },
                live,
            }))
        };
        let mut services = BTreeMap::new();
        for name in names.all() {
            let target = ObjectRef::new("v1", "Service", name).in_namespace(&plan.namespace);
            if let Some(found) = find(target)? {
                services.insert(String::from(name), found);
            }
        }
        let route = match plan.routing {
            Routing::Replicas | Routing::Services => Lookup::Absent,
            Routing::Gateway => {
                let (version, kind) = ROUTE;
                let target =
                    ObjectRef::new(version, kind, &names.apex).in_namespace(&plan.namespace);
                match find(target) {
                    Err(ReadError::UnknownKind(_)) => Lookup::Unserved,
                    found => found?.map_or(Lookup::Absent, |found| Lookup::Found(Box::new(found))),
                }
            }
        };
        Ok(Self { services, route })
    }
}

impl Observed {
    /// Whether an object of this kind and name is the Canary's.
    pub(crate) fn is_own(&self, kind: &str, name: &str) -> bool {
        let found = match (kind, &self.route) {
            ("Service", _) => self.services.get(name),
            (_, Lookup::Found(route)) => Some(&**route),
            _ => None,
        };
        found.is_some_and(|found| found.whose == Whose::Own)
    }

    /// Whether a Service still sends its requests to Flagger's Pods. Flagger owns its Services by the Canary, so that they are
    /// among the Canary's own where the object is the same.
    pub(crate) fn is_turned(&self, service: &str, plan: &Plan) -> bool {
        let found = self.services.get(service);
        found.is_some_and(|found| is_turned(&found.live, plan))
    }
}

/// Flagger owns what it makes by the Canary itself, which is this one where its kind is Flagger's. Where it was another one, it
/// was deleted without what it owned, and the new one's author says that it is to be taken over.
fn is_flaggers(live: &Value, plan: &Plan) -> bool {
    // Flagger makes a route of gateways only: any other is its user's.
    let gateways = plan
        .service
        .as_ref()
        .is_some_and(|service| !service.gateway_refs.is_empty());
    if live["kind"] == "HTTPRoute" && !gateways {
        return false;
    }
    let owners = live["metadata"]["ownerReferences"].as_array();
    let owners = owners.map(Vec::as_slice).unwrap_or_default();
    let name = live["metadata"]["name"].as_str().unwrap_or_default();
    let made = name.ends_with("-primary") || name.ends_with("-canary") || is_turned(live, plan);
    owners.iter().any(|owner| owner["uid"] == *plan.uid)
        || plan.takeover && owners.is_empty() && made
}

/// Whether a Service or a route has been turned to Flagger's Pods.
fn is_turned(live: &Value, plan: &Plan) -> bool {
    let primary = format!("{}-primary", plan.target);
    let selector = live["spec"]["selector"].as_object();
    let selects = selector
        .into_iter()
        .flatten()
        .any(|(_, value)| *value == *primary);
    selects || live["kind"] == "HTTPRoute"
}

impl Found {
    /// `spec.selector` of a Service.
    pub(super) fn selector(&self) -> Labels {
        let fields = self.live["spec"]["selector"].as_object();
        fields
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    pub(super) fn uid(&self) -> String {
        self.text("uid")
    }

    pub(super) fn version(&self) -> String {
        self.text("resourceVersion")
    }

    fn text(&self, name: &str) -> String {
        let text = self.live["metadata"][name].as_str();
        text.unwrap_or_default().to_owned()
    }

    /// What was there before fields were borrowed; none where none are.
    pub(super) fn restore(&self, plan: &Plan) -> Option<Value> {
        let key = format!("share.oarlock.dev/{}", plan.uid);
        let text = self.live["metadata"]["annotations"][key.as_str()].as_str()?;
        let mark: Value = serde_json::from_str(text).ok()?;
        mark.get("restore").cloned()
    }
}
