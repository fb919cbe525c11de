//! The component: the module as the host calls it.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};

use crate::resource::definitions;
use crate::run;

/// One run for one object.
///
/// # Errors
/// See [`run::reconcile`].
#[oarlock_sdk::module(
    name = "service-catalog",
    finalizer = "servicecatalog.oarlock.dev/broker",
    crds = [
        definitions::CLUSTER_SERVICE_BROKER,
        definitions::SERVICE_BROKER,
        definitions::CLUSTER_SERVICE_CLASS,
        definitions::SERVICE_CLASS,
        definitions::CLUSTER_SERVICE_PLAN,
        definitions::SERVICE_PLAN,
        definitions::SERVICE_INSTANCE,
        definitions::SERVICE_BINDING,
    ],
    writes = [("", "secrets"), ("servicecatalog.k8s.io", "*")],
    reads = [("", "secrets"), ("", "namespaces"), ("servicecatalog.k8s.io", "*")],
    http = [],
)]
pub fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    run::reconcile(&object, cx)
}
