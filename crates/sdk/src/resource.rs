//! What is known of a kind at compile time.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Object, ObjectRef};

/// A Kubernetes kind, implemented for the type of its `spec`.
///
/// Derived, for kinds of one's own and for those that a module only reads:
///
/// ```
/// use oarlock_sdk::Resource;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Resource, Deserialize)]
/// #[resource(group = "apps", version = "v1", kind = "Deployment", plural = "deployments", namespaced)]
/// #[resource(status = DeploymentStatus)]
/// struct Deployment {
///     replicas: Option<u32>,
/// }
///
/// #[derive(Default, Deserialize, Serialize)]
/// #[serde(rename_all = "camelCase", default)]
/// struct DeploymentStatus {
///     available_replicas: u32,
/// }
///
/// assert_eq!(Deployment::api_version(), "apps/v1");
/// assert_eq!(Deployment::at("default", "web").to_string(), "apps/v1 Deployment default/web");
/// ```
///
/// The keys of `#[resource(…)]` are `group` (`""` for the core group), `version`, `kind`, `plural`, one of `namespaced`
/// and `cluster`, and, where the status matters, `status` with its type. What is missing does not compile:
///
/// ```compile_fail
/// #[derive(oarlock_sdk::Resource, serde::Deserialize)]
/// #[resource(group = "apps", version = "v1", kind = "Deployment", plural = "deployments")]
/// struct Deployment {} // namespaced or cluster?
/// ```
pub trait Resource: DeserializeOwned {
    /// API group; `""` for the core group.
    const GROUP: &'static str;
    /// API version, such as `v1alpha1`.
    const VERSION: &'static str;
    /// Kind, such as `Deployer`.
    const KIND: &'static str;
    /// The resource's name in paths and grants, such as `deployers`.
    const PLURAL: &'static str;
    /// Whether its objects live in namespaces.
    const NAMESPACED: bool;
    /// The type of `status`.
    type Status: DeserializeOwned + Serialize + Default;

    /// `v1`, or `group/version`.
    fn api_version() -> String {
        match Self::GROUP {
            "" => String::from(Self::VERSION),
            group => format!("{group}/{}", Self::VERSION),
        }
    }

    /// Points at one object of this kind. The namespace is dropped for a cluster-scoped kind.
    fn at(namespace: &str, name: &str) -> ObjectRef {
        ObjectRef {
            api_version: Self::api_version(),
            kind: String::from(Self::KIND),
            namespace: Self::NAMESPACED.then(|| String::from(namespace)),
            name: String::from(name),
        }
    }

    /// Points at an object that was read.
    fn reference(object: &Object<Self>) -> ObjectRef {
        Self::at(object.namespace(), object.name())
    }
}

/// The status of a kind whose status does not matter to the module.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct NoStatus {}
