//! One run of the module for one object: what is read becomes a situation, the machine decides, the broker is asked, and what
//! comes of it is an outcome.
//!
//! The only room that knows the SDK. Nothing is decided here.

use oarlock_sdk::{AnyObject, Context, Failure, Outcome};
use serde_json::Value;

mod access;
mod ask;
mod binding;
mod broker;
mod claim;
mod instance;
mod reading;
mod settled;
mod stock;
mod subject;
mod talk;
#[cfg(test)]
mod tests;
mod veil;

/// One run.
///
/// # Errors
/// [`Failure::Invalid`] where fields of the object are wrong. Whatever else stands in the way is an outcome: its conditions say
/// so.
pub fn reconcile(object: &AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let whole: Value = serde_json::from_str(object.text()).map_err(Failure::terminal)?;
    match object.kind() {
        "ClusterServiceBroker" | "ServiceBroker" => broker::reconcile(&whole, cx),
        "ServiceInstance" => instance::reconcile(&whole, cx),
        "ServiceBinding" => binding::reconcile(&whole, cx),
        other => Err(Failure::terminal(format!(
            "kind {other} is not served by this module\n\
             hint: watch ClusterServiceBroker, ServiceBroker, ServiceInstance and ServiceBinding with it"
        ))),
    }
}
