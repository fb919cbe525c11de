//! Calls a host that may not answer, and says what became of the call.

use contract::{http, nothing};

contract::module!("sleeps-in-import", |_request| {
    let call = http::Request {
        method: "GET".to_owned(),
        url: "http://slow.example.com/".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: 0,
        ca_bundle: None,
        insecure_skip_tls_verify: false,
        auth: None,
        effect: None,
    };
    let mut outcome = nothing();
    outcome.tag = format!("{:?}", http::send(&call));
    Ok(outcome)
});
