//! Names of interfaces, such as `oarlock:helm/engine@0.1.0`.

/// Splits a name into the interface and its version.
pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}

/// Whether `given` serves where `wanted` is asked for: the same interface, in a version that may differ where semantic
/// versioning says that nothing breaks. The types are compared all the same. No version fits every version.
pub(crate) fn serves(given: &str, wanted: &str) -> bool {
    let ((given, given_version), (wanted, wanted_version)) = (split(given), split(wanted));
    given == wanted
        && match (given_version, wanted_version) {
            (Some(given), Some(wanted)) => given == wanted || track(given) == track(wanted),
            _ => true,
        }
}

/// What has to be equal: the leftmost number that is not zero, and those before it. All of it for pre-releases.
fn track(version: &str) -> &str {
    if version.contains('-') {
        return version;
    }
    let version = version.split('+').next().unwrap_or(version);
    let mut end = 0;
    for part in version.split('.') {
        end += part.len();
        if part != "0" {
            return &version[..end];
        }
        end += 1;
    }
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_serve() {
        let serves =
            |given: &str, wanted: &str| serves(&format!("a:b/c{given}"), &format!("a:b/c{wanted}"));
        for (given, wanted) in [
            ("", ""),
            ("@0.1.0", ""),
            ("", "@0.1.0"),
            ("@0.1.0", "@0.1.3"),
            ("@1.2.0", "@1.0.0"),
            ("@0.0.1", "@0.0.1"),
            ("@0.0.0", "@0.0.0"),
            ("@1.0.0-rc.1", "@1.0.0-rc.1"),
            ("@1.0.0+x", "@1.0.0"),
        ] {
            assert!(serves(given, wanted), "{given} {wanted}");
        }
        for (given, wanted) in [
            ("@0.1.0", "@0.2.0"),
            ("@1.0.0", "@2.0.0"),
            ("@0.0.1", "@0.0.2"),
            ("@1.0.0-rc.1", "@1.0.0"),
            ("@1.0.0", "@10.0.0"),
        ] {
            assert!(!serves(given, wanted), "{given} {wanted}");
        }
        assert!(!super::serves("a:b/c@1.0.0", "a:b/d@1.0.0"));
    }
}
