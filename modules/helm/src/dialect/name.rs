//! Names of releases: what Helm takes, and what the dialects make of longer ones.

use sha2::{Digest, Sha256};

/// Letters that Helm takes (`maxReleaseNameLen`).
pub(super) const LONGEST: usize = 53;

/// Letters that Kubernetes takes for a namespace.
const NAMESPACE: usize = 63;

/// Letters of the hash that a shortened name ends with.
const HASH: usize = 12;

/// What is wrong with the name of a release, if anything is.
pub(super) fn fault(name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return Some(format!(
            "{name:?} has {} characters, and the name of a release has {LONGEST} at most",
            name.len()
        ));
    }
    (!name.split('.').all(is_label)).then(|| {
        format!(
            "{name:?} is no name of a release: lower-case letters, digits, - and . are, and a letter or digit at both ends"
        )
    })
}

/// What is wrong with the name of a namespace, if anything is.
pub(super) fn namespace_fault(name: &str) -> Option<String> {
    let ok = is_label(name) && name.len() <= NAMESPACE;
    (!ok).then(|| {
        format!(
            "{name:?} is no namespace: up to {NAMESPACE} lower-case letters, digits and - are, and a letter or digit at both ends"
        )
    })
}

/// RFC 1123, apart from the length.
fn is_label(part: &str) -> bool {
    part.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !part.is_empty()
        && !part.starts_with('-')
        && !part.ends_with('-')
}

/// The name as Flux shortens it: one that is too long keeps its beginning, and a hash of the whole.
pub(super) fn shortened(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let hash: String = Sha256::digest(name.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let start: String = name.chars().take(LONGEST - HASH - 1).collect();
    format!("{start}-{}", &hash[..HASH])
}

#[cfg(test)]
mod tests {
    use super::{fault, shortened};

    #[test]
    fn takes_what_helm_takes() {
        for good in ["a", "hub", "a.b-c", "0"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", "A", "a_b", "a.", &"a".repeat(54)] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }

    /// `printf %s NAME | sha256sum`.
    #[test]
    fn shortens_as_flux_does() {
        let name = "a-namespace-with-a-long-name-and-a-release-with-a-long-name";
        assert_eq!(
            shortened(String::from(name)),
            "a-namespace-with-a-long-name-and-a-relea-a39f3c983bb8"
        );
        let fits = "a".repeat(53);
        assert_eq!(shortened(fits.clone()), fits);
    }
}
