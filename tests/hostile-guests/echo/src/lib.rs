//! Behaves: answers with what it was asked.

use contract::{Children, Requeue, child, log, nothing};

contract::module!("echo", |request| {
    log::write(
        log::Level::Info,
        "echo",
        &[("attempt".to_owned(), request.attempt.to_string())],
    );
    let mut outcome = nothing();
    outcome.tag = format!(
        "now={} seed={} deleting={} last={}",
        request.now,
        request.seed,
        request.deleting,
        request
            .last
            .map_or_else(|| "none".to_owned(), |last| format!("{last:?}")),
    );
    outcome.children = Children::Exactly(vec![child(request.object)]);
    outcome.status = Some(request.settings);
    outcome.requeue = Requeue::After(1_000);
    Ok(outcome)
});
