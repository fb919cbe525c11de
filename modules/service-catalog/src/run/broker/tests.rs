#![expect(clippy::unwrap_used, reason = "tests")]

mod catalogs;
mod faults;
mod holding;
mod leaving;
mod relisting;
mod site;
mod withdrawn;
