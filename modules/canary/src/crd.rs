//! The CustomResourceDefinitions that the component brings: those of the project's own group.
//!
//! They are made of the types in [`spec`](crate::spec) and [`status`](crate::status). `crds/*.yaml` are the same for kubectl.
//! Those of `flagger.app` in `crds/flagger.app` are applied by hand where somebody wants them: beside a Flagger that runs they
//! would have two masters.

#[cfg(test)]
mod definitions;
#[cfg(test)]
mod tests;

/// `canaries.canary.oarlock.dev`, as JSON.
pub(crate) const CANARY: &str = include_str!("../crds/component/canaries.json");
/// `metrictemplates.canary.oarlock.dev`, as JSON.
pub(crate) const METRIC_TEMPLATE: &str = include_str!("../crds/component/metrictemplates.json");
/// `alertproviders.canary.oarlock.dev`, as JSON.
pub(crate) const ALERT_PROVIDER: &str = include_str!("../crds/component/alertproviders.json");
