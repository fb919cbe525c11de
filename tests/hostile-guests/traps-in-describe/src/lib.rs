//! Panics before it has said what it is.

use contract::{nothing, report_panics};

fn describe() -> contract::Manifest {
    report_panics();
    panic!("no CRD in the box");
}

contract::module!(describe(); |_request| Ok(nothing()));
