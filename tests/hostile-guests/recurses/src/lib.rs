//! Overflows its stack.

#[expect(unconditional_recursion, reason = "that is the point")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    deeper(depth + 1) + frame[0]
}

contract::module!("recurses", |request| {
    let mut outcome = contract::nothing();
    outcome.tag = deeper(request.seed).to_string();
    Ok(outcome)
});
