//! Wants a child of a kind that it was not granted, and asks for no grant.

use contract::{Children, child, nothing};

contract::module!("ungranted-write", |_request| {
    let mut outcome = nothing();
    outcome.children = Children::Exactly(vec![child(
        r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"root"},"rules":[]}"#,
    )]);
    Ok(outcome)
});
