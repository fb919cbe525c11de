//! A real Prometheus.

use super::debian::Program;

/// What analysis is tested with.
pub(super) const PROMETHEUS: Program = Program {
    name: "prometheus",
    choice: "OARLOCK_PROMETHEUS",
    untested: "analysis with a real one",
};

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let Found::Missing(line) = PROMETHEUS.missing("and there is no apt-get to fetch it") else {
            panic!("found");
        };
        insta::assert_snapshot!(line, @"missing: prometheus, not tested: analysis with a real one, and there is no apt-get to fetch it; hint: install it, let OARLOCK_PROMETHEUS name one, or run apt-get update");
    }
}
