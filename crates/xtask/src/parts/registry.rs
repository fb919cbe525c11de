//! A real registry of OCI artifacts: the reference implementation of the distribution specification.

use super::debian::Program;

/// What charts of registries are tested with.
pub(super) const REGISTRY: Program = Program {
    name: "docker-registry",
    choice: "OARLOCK_REGISTRY",
    untested: "charts from a real registry",
};

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let Found::Missing(line) = REGISTRY.missing("and there is no dpkg-deb to fetch it") else {
            panic!("found");
        };
        insta::assert_snapshot!(line, @"missing: docker-registry, not tested: charts from a real registry, and there is no dpkg-deb to fetch it; hint: install it, let OARLOCK_REGISTRY name one, or run apt-get update");
    }
}
