#![expect(clippy::unwrap_used, reason = "tests")]

mod bindings;
mod chaos;
mod instances;
mod rows;
mod world;
