//! Whole lives of instances and bindings, through the module as the host calls it.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bindings;
mod instances;
mod site;
