//! The component: the module as the host calls it.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};

/// One run for one ServiceBinding of servicebinding.io.
///
/// # Errors
/// [`Failure::Terminal`]: nothing is projected yet.
#[oarlock_sdk::module(
    name = "projector",
    finalizer = "servicebinding.oarlock.dev/projection",
    writes = [("*", "*")],
    reads = [("*", "*")],
    http = [],
)]
pub fn reconcile(_object: AnyObject, _cx: &Context) -> Result<Outcome, Failure> {
    Err(Failure::terminal("not yet"))
}
