//! The component: the module as the host calls it.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};

use crate::run;

/// One run for one object.
///
/// # Errors
/// See [`run::reconcile`].
#[oarlock_sdk::module(
    name = "service-catalog",
    finalizer = "servicecatalog.oarlock.dev/broker",
    writes = [("", "secrets"), ("servicecatalog.k8s.io", "*")],
    reads = [("", "secrets"), ("", "namespaces"), ("servicecatalog.k8s.io", "*")],
    http = [],
)]
pub fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    run::reconcile(&object, cx)
}
