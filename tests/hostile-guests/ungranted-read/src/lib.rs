//! Reads what it was not granted, and dies of the refusal.

use contract::{cluster, nothing, report_panics, secret};

contract::module!("ungranted-read", |_request| {
    report_panics();
    let mut outcome = nothing();
    outcome.tag = format!("{:?}", cluster::get(&secret("root"), None).unwrap());
    Ok(outcome)
});
