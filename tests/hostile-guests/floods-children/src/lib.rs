//! 100,000 children.

use contract::{Children, child, nothing};

contract::module!("floods-children", |_request| {
    let mut outcome = nothing();
    let one = |number: u32| {
        child(format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"flood-{number}","namespace":"default"}}}}"#
        ))
    };
    outcome.children = Children::Exactly((0..100_000).map(one).collect());
    Ok(outcome)
});
