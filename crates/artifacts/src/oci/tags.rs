//! Tags and versions.

use oarlock_core::artifact::FetchError;

use super::reference::as_version;
use oarlock_version::Constraint;
use oarlock_version::Version;

/// The tags that are versions, as versions, newest first. Others, such as `latest` or signatures, are no versions of a chart.
pub(super) fn versions(tags: &[String]) -> Vec<String> {
    let mut versions: Vec<Version> = tags
        .iter()
        .filter_map(|tag| Version::parse_strict(&as_version(tag)).ok())
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.iter().map(ToString::to_string).collect()
}

/// All tags: those that are versions first, newest first, then the others from the last to the first.
pub(super) fn all(tags: Vec<String>) -> Vec<String> {
    let mut tags: Vec<(Option<Version>, String)> = tags
        .into_iter()
        .map(|tag| (Version::parse(&tag).ok(), tag))
        .collect();
    tags.sort_by(|a, b| b.cmp(a));
    tags.into_iter().map(|(_, tag)| tag).collect()
}

/// The newest of `versions` that `wanted` has: the very one, else the newest in the range. The words are Helm's.
pub(super) fn matching(
    name: &str,
    versions: &[String],
    wanted: &str,
) -> Result<String, FetchError> {
    if versions.is_empty() {
        return Err(FetchError::NotFound(format!(
            "unable to locate any tags in provided repository: {name}; hint: none of its tags is a version such as 1.2.3"
        )));
    }
    if versions.iter().any(|version| version == wanted) {
        return Ok(wanted.to_owned());
    }
    let range = match wanted {
        "" => Ok(Constraint::any()),
        wanted => wanted.parse::<Constraint>(),
    };
    let range = range.map_err(|error| {
        FetchError::Invalid(format!(
            "{name}: {error}; hint: expected a version such as 1.2.3, or a range such as ^1.2 or >=1.2.0 <2"
        ))
    })?;
    let found = versions
        .iter()
        .find(|version| Version::parse(version).is_ok_and(|version| range.allows(&version)));
    found.cloned().ok_or_else(|| {
        let newest = versions
            .iter()
            .take(5)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        FetchError::NotFound(format!(
            "{name}: could not locate a version matching provided version string {}; hint: the newest are {newest}; a pre-release is only taken where it is named",
            if wanted.is_empty() { "\"\"" } else { wanted }
        ))
    })
}
