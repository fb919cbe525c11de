//! Whole lives of instances and bindings, through the module as the host calls it.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bindings;
mod chaos;
mod instances;
mod killed;
mod site;
