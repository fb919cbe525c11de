//! An answer of 100 MB; with `"aliased"` in its settings, one that refers to the same megabyte 100,000 times; with
//! `"argument"`, 100 MB as the argument of an import.

use contract::{Children, child, cluster, nothing, secret};

contract::module!("returns-100mb", |request| {
    let mut outcome = nothing();
    if request.settings.contains("aliased") {
        let megabyte: &'static mut [u8] = Vec::leak(vec![b' '; 1 << 20]);
        let start = megabyte.as_mut_ptr();
        let again = |_| {
            // SAFETY: the bytes are leaked and valid UTF-8, and a string with a capacity of 0 frees nothing.
            child(unsafe { String::from_raw_parts(start, 1 << 20, 0) })
        };
        outcome.children = Children::Exactly((0..10_000).map(again).collect());
        return Ok(outcome);
    }
    let large = " ".repeat(100 << 20);
    if request.settings.contains("argument") {
        outcome.tag = format!("{:?}", cluster::get(&secret(&large), None));
        return Ok(outcome);
    }
    outcome.tag = large;
    Ok(outcome)
});
