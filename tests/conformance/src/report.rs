//! What came of it, for people.

use crate::suite::Suite;

/// Says something beside the test's result.
#[expect(
    clippy::print_stderr,
    reason = "the test harness has no other way to say what was not run"
)]
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// Says what was told and what was not; fails with all findings.
///
/// # Panics
///
/// When there are findings: this is the end of a test.
pub fn settle(suite: &Suite, findings: &[String]) {
    for story in &suite.not_told {
        say(&format!("NOT RUN: {story}"));
    }
    let steps: usize = suite.stories.iter().map(|story| story.steps.len()).sum();
    say(&format!(
        "{} stories of {steps} steps, {} findings",
        suite.stories.len(),
        findings.len()
    ));
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}
