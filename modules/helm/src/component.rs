//! The component: the module as the host calls it.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};

use crate::run;

/// One run for one object.
///
/// # Errors
/// See [`run::reconcile`].
#[oarlock_sdk::module(
    name = "helm",
    finalizer = "helm.oarlock.dev/release",
    writes = [("*", "*")],
    reads = [("*", "*")],
    http = [],
    artifacts,
)]
pub fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    #[cfg(target_arch = "wasm32")]
    let engine = run::engine::Imported;
    #[cfg(not(target_arch = "wasm32"))]
    let engine = run::engine::Nowhere;
    #[cfg(all(target_arch = "wasm32", feature = "hybrid"))]
    let steps: Option<&dyn run::hybrid::Steps> = Some(&run::hybrid::Imported);
    #[cfg(not(all(target_arch = "wasm32", feature = "hybrid")))]
    let steps = None;
    run::reconcile(&object, cx, &engine, steps)
}
