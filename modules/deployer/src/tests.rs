//! Whole rollouts in a world of plain values.

#![expect(clippy::unwrap_used, reason = "tests")]

mod blue_green;
mod changes;
mod checks;
mod control;
mod deadlines;
mod defects;
mod drift;
mod faults;
mod history;
mod object;
mod recreate;
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
