//! The trait behind `#[module]`.

use crate::{Context, Failure, Manifest, Outcome, Subject};

/// A reconcile module. Implemented by [`module`](macro@crate::module) for a type with the function's name.
///
/// ```
/// # use oarlock_sdk::{Context, Failure, Module, Object, Outcome, Resource, World};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "example.com", version = "v1", kind = "Thing", plural = "things", cluster)]
/// # struct Thing {}
/// #[oarlock_sdk::module(
///     name = "things",
///     finalizer = "things.example.com/cleanup",
///     writes = [("apps", "deployments"), ("", "secrets", ["create"])],
///     http = ["https://broker.example.com"],
/// )]
/// fn reconcile(thing: Object<Thing>, cx: &Context) -> Result<Outcome, Failure> {
///     Ok(Outcome::new())
/// }
///
/// assert_eq!(reconcile::manifest().writes[1].verbs, ["create"]);
/// assert_eq!(reconcile::WORLD, World::External);
/// assert!(reconcile::HTTP && !reconcile::ARTIFACTS);
/// ```
///
/// One that fetches packages and calls nobody:
///
/// ```
/// # use oarlock_sdk::{Context, Failure, Module, Object, Outcome, Resource, World};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "example.com", version = "v1", kind = "Release", plural = "releases", namespaced)]
/// # struct Release {}
/// #[oarlock_sdk::module(name = "releases", artifacts)]
/// fn reconcile(release: Object<Release>, cx: &Context) -> Result<Outcome, Failure> {
///     Ok(Outcome::new())
/// }
///
/// assert_eq!(reconcile::WORLD, World::External);
/// assert!(reconcile::ARTIFACTS && !reconcile::HTTP);
/// ```
///
/// A module that says it reads nothing and asks for reads does not compile:
///
/// ```compile_fail
/// # use oarlock_sdk::{Context, Failure, Object, Outcome, Resource};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "example.com", version = "v1", kind = "Thing", plural = "things", cluster)]
/// # struct Thing {}
/// #[oarlock_sdk::module(name = "things", pure, reads = [("", "pods")])]
/// fn reconcile(thing: Object<Thing>, cx: &Context) -> Result<Outcome, Failure> {
///     Ok(Outcome::new())
/// }
/// ```
pub trait Module {
    /// What it can do at most.
    const WORLD: World;
    /// Whether it calls over HTTP. Said with `http = […]`, which may be empty where the watch alone knows the origins.
    const HTTP: bool = matches!(Self::WORLD, World::External);
    /// Whether it fetches packages. Said with `artifacts`; the watch grants the sources.
    const ARTIFACTS: bool = false;
    /// What it is for: an [`Object`](crate::Object) of one kind, or [`AnyObject`](crate::AnyObject).
    type Subject: Subject;

    /// What it brings and asks for.
    fn manifest() -> Manifest;

    /// One run for one object.
    ///
    /// # Errors
    ///
    /// A run that has no outcome.
    fn reconcile(object: Self::Subject, context: &Context) -> Result<Outcome, Failure>;
}

/// What a module imports: the component has no more than that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum World {
    /// A function of its arguments alone. Said with `pure`.
    Pure,
    /// And of the cluster.
    Reading,
    /// And of the world outside. Said with `http = […]`, or `artifacts`.
    External,
}
