//! One run of the module for one object: what is read becomes a situation, the machine decides, the broker is asked, and what
//! comes of it is an outcome.
//!
//! The only room that knows the SDK. Nothing is decided here.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};

/// One run.
///
/// # Errors
/// [`Failure::Invalid`] where fields of the object are wrong. Whatever else stands in the way is an outcome: its conditions say
/// so.
pub fn reconcile(_object: &AnyObject, _cx: &Context) -> Result<Outcome, Failure> {
    Err(Failure::terminal("not yet"))
}
