//! The CustomResourceDefinitions that the component brings, with the fields of the specification.
//!
//! `crds/*.yaml` are for kubectl and are what is edited; `crds/component/*.json` are the same for the component.

#[cfg(test)]
mod tests;

/// `servicebindings.servicebinding.io`, as JSON.
pub(crate) const SERVICE_BINDING: &str = include_str!("../crds/component/servicebindings.json");
/// `clusterworkloadresourcemappings.servicebinding.io`, as JSON.
pub(crate) const MAPPING: &str =
    include_str!("../crds/component/clusterworkloadresourcemappings.json");
