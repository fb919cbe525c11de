//! The component: the module as the host calls it.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};

use crate::{crd, run};

/// One run for one `ServiceBinding` of servicebinding.io.
///
/// # Errors
///
/// [`Failure::Invalid`] for what contradicts itself.
#[oarlock_sdk::module(
    name = "projector",
    finalizer = "servicebinding.oarlock.dev/projection",
    crds = [crd::SERVICE_BINDING, crd::MAPPING],
    writes = [("*", "*")],
    reads = [("*", "*")],
)]
pub fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    run::reconcile(object, cx)
}
