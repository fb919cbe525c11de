//! Panics. With `"silent"` in its settings nobody hears why.

use contract::{nothing, report_panics};

contract::module!("panics", |request| {
    if !request.settings.contains("silent") {
        report_panics();
    }
    let oars: Vec<u8> = Vec::new();
    let mut outcome = nothing();
    outcome.tag = oars[std::hint::black_box(7)].to_string();
    Ok(outcome)
});
