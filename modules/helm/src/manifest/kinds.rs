//! Which kinds a cluster serves, and where objects of them stand.

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

use super::{Object, inner};

/// Whether objects of a kind stand in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
}

/// What a cluster serves.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    /// By group and kind: the scope, and the versions.
    served: BTreeMap<(String, String), (Scope, Vec<String>)>,
}

/// Names one object of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// API group: empty for the core.
    pub group: String,
    /// Version that it was written in; says nothing about which object it is.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; none for what stands in none.
    pub namespace: Option<String>,
    /// Name; empty where the server makes one.
    pub name: String,
}

/// An object, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Which object it is.
    pub id: Id,
    /// What it says; with its namespace where it has one.
    pub object: Object,
}

/// Objects of a revision, as far as the cluster knows their kinds.
#[derive(Debug, Default)]
pub struct Placement {
    /// Those of kinds that it serves, in their order.
    pub placed: Vec<Placed>,
    /// The others.
    pub unserved: Vec<Unserved>,
}

/// An object of a kind that the cluster does not serve.
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "resource mapping not found for name: {:?} namespace: {:?} from {:?}: no matches for kind {:?} in version {:?}{}",
    object.name(), object.namespace().unwrap_or_default(), object.source, object.kind(), object.api_version(), self.hint()
)]
pub struct Unserved {
    /// The object.
    pub object: Object,
    /// Versions of the same group and kind that are served.
    pub served: Vec<String>,
    /// `GROUP/VERSION` that the kind has moved to, where the cluster serves it there.
    pub moved: Option<String>,
}

/// Kinds that went to other groups: the objects are the same ones.
const MOVED: &[(&str, &str, &str)] = &[
    ("extensions", "DaemonSet", "apps"),
    ("extensions", "Deployment", "apps"),
    ("extensions", "Ingress", "networking.k8s.io"),
    ("extensions", "NetworkPolicy", "networking.k8s.io"),
    ("extensions", "PodSecurityPolicy", "policy"),
    ("extensions", "ReplicaSet", "apps"),
];

impl Kinds {
    /// Adds a kind that is served.
    pub fn add(&mut self, group: &str, version: &str, kind: &str, scope: Scope) {
        let entry = self
            .served
            .entry((group.to_owned(), kind.to_owned()))
            .or_insert((scope, Vec::new()));
        entry.0 = scope;
        if !entry.1.iter().any(|known| known == version) {
            entry.1.push(version.to_owned());
        }
    }

    /// Adds what a CustomResourceDefinition will serve; nothing for other objects.
    pub fn learn(&mut self, object: &Object) {
        if object.kind() != "CustomResourceDefinition" {
            return;
        }
        let spec = object.content.get("spec");
        let at = |pointer: &str| spec.and_then(|spec| spec.pointer(pointer));
        let text = |pointer: &str| at(pointer).and_then(Value::as_str);
        let (Some(group), Some(kind)) = (text("/group"), text("/names/kind")) else {
            return;
        };
        let scope = match text("/scope") {
            Some("Cluster") => Scope::Cluster,
            _ => Scope::Namespaced,
        };
        let versions = at("/versions").and_then(Value::as_array);
        for version in versions.into_iter().flatten() {
            let served = version.get("served").and_then(Value::as_bool);
            if let Some(name) = version.get("name").and_then(Value::as_str)
                && served != Some(false)
            {
                self.add(group, name, kind, scope);
            }
        }
        // One version, as the first betas had it.
        if let Some(version) = text("/version") {
            self.add(group, version, kind, scope);
        }
    }

    /// Scope of a kind; none where it is not served.
    #[must_use]
    pub fn scope(&self, group: &str, version: &str, kind: &str) -> Option<Scope> {
        let (scope, versions) = self.served(group, kind)?;
        versions
            .iter()
            .any(|served| served == version)
            .then_some(scope)
    }

    /// Puts objects where they belong: those of namespaced kinds that name no namespace into `namespace`.
    #[must_use]
    pub fn place(&self, objects: Vec<Object>, namespace: &str) -> Placement {
        let mut placement = Placement::default();
        for object in objects {
            match self.scope(object.group(), object.version(), object.kind()) {
                Some(scope) => placement.placed.push(placed(object, scope, namespace)),
                None => placement.unserved.push(self.unserved(object)),
            }
        }
        placement
    }

    fn unserved(&self, object: Object) -> Unserved {
        let served = self.served(object.group(), object.kind());
        let group = group_now(object.group(), object.kind());
        let moved = (group != object.group())
            .then(|| self.served(group, object.kind()))
            .flatten()
            .and_then(|(_, versions)| versions.first())
            .map(|version| format!("{group}/{version}"));
        Unserved {
            served: served.map_or_else(Vec::new, |(_, versions)| versions.to_vec()),
            moved,
            object,
        }
    }

    fn served(&self, group: &str, kind: &str) -> Option<(Scope, &[String])> {
        self.served
            .get(&(group.to_owned(), kind.to_owned()))
            .map(|(scope, versions)| (*scope, versions.as_slice()))
    }
}

fn placed(mut object: Object, scope: Scope, namespace: &str) -> Placed {
    let namespace = match scope {
        Scope::Namespaced => {
            let namespace = object.namespace().unwrap_or(namespace).to_owned();
            inner(&mut object.content, "metadata")
                .insert(String::from("namespace"), Value::from(namespace.as_str()));
            Some(namespace)
        }
        Scope::Cluster => {
            inner(&mut object.content, "metadata").remove("namespace");
            None
        }
    };
    Placed {
        id: Id {
            group: object.group().to_owned(),
            version: object.version().to_owned(),
            kind: object.kind().to_owned(),
            namespace,
            name: object.name().to_owned(),
        },
        object,
    }
}

impl Id {
    /// Whether both name one object: the version does not matter, and kinds that moved to another group are the same ones there.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// What [`Id::is_same`] compares; orders nothing in particular.
    #[must_use]
    pub fn key(&self) -> (&str, &str, Option<&str>, &str) {
        (
            group_now(&self.group, &self.kind),
            &self.kind,
            self.namespace.as_deref(),
            &self.name,
        )
    }
}

/// Group of a kind today.
fn group_now<'a>(group: &'a str, kind: &str) -> &'a str {
    MOVED
        .iter()
        .find(|(old, moved, _)| *old == group && *moved == kind)
        .map_or(group, |(_, _, new)| new)
}

/// As Helm says it: `Service "web" in namespace "shop"`.
impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        write!(
            f,
            "{} {:?} in namespace {namespace:?}",
            self.kind, self.name
        )
    }
}

impl Unserved {
    fn hint(&self) -> String {
        let group = self.object.group();
        match (&self.moved, self.served.as_slice()) {
            (Some(moved), _) => format!("\nhint: the cluster serves this kind as {moved}"),
            (None, []) => String::from("\nensure CRDs are installed first"),
            (None, versions) => format!(
                "\nhint: the cluster serves this kind as {}",
                versions
                    .iter()
                    .map(|version| if group.is_empty() {
                        version.clone()
                    } else {
                        format!("{group}/{version}")
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }
}
