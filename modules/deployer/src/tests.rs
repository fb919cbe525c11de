//! Whole rollouts in a world of plain values.

#![expect(clippy::unwrap_used, reason = "tests")]

mod changes;
mod faults;
mod object;
mod rollouts;
mod site;

use oarlock_sdk::Value;

/// The manifest that users have, in the default namespace.
pub(crate) fn demo() -> Value {
    let text = include_str!("../../../examples/deployer/deployer.yaml");
    let mut object: Value = serde_saphyr::from_str(text).unwrap();
    object["metadata"]["namespace"] = "default".into();
    object
}
