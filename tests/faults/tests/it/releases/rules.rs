//! What must hold of a release at any time.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;

use super::story::BROKEN;
use super::{RELEASES, SECRETS};
use crate::oracle;
use crate::play::{Record, all};

/// What was broken.
pub(super) fn broken(record: &Record<'_>) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(history(record));
    broken.extend(end(record));
    if !BROKEN.contains(&record.story.name.as_str()) {
        broken.extend(needless_failure(record));
    }
    broken.extend(strange_writes(record));
    broken.extend(oracle::broken(record, &RELEASES));
    broken
}

/// Revision of a Secret's name.
fn revision(name: &str) -> Option<u64> {
    name.strip_prefix("sh.helm.release.v1.web.v")?.parse().ok()
}

/// Revisions follow one another, only the newest is open, and what was deployed is never open again.
fn history(record: &Record<'_>) -> Option<String> {
    let mut there = BTreeMap::<u64, String>::new();
    let mut ended = BTreeSet::<String>::new();
    for entry in record.entries {
        let change = &entry.change;
        if change.resource != SECRETS {
            continue;
        }
        let Some(number) = revision(&change.key.name) else {
            continue;
        };
        let uid = change.object["metadata"]["uid"].to_string();
        if change.removed {
            there.remove(&number);
        } else {
            let status = &change.object["metadata"]["labels"]["status"];
            let status = status.as_str().unwrap_or("?").to_owned();
            let is_open = status.starts_with("pending-");
            if is_open && ended.contains(&uid) {
                return Some(format!("v{number} is {status} again"));
            }
            if !is_open {
                ended.insert(uid);
            }
            there.insert(number, status);
        }
        // What is beyond the history's limit goes, but for the one that is deployed.
        let kept = there
            .iter()
            .next()
            .filter(|(_, status)| *status == "deployed");
        let rest = there.keys().copied().skip(usize::from(kept.is_some()));
        let rest: Vec<u64> = rest.collect();
        if rest.windows(2).any(|pair| pair[0] + 1 != pair[1]) {
            return Some(format!("revision {}: a gap: {there:?}", change.revision));
        }
        let last = there.keys().next_back().copied();
        let open = there
            .iter()
            .find(|(number, status)| status.starts_with("pending-") && Some(**number) != last);
        if let Some((number, status)) = open {
            return Some(format!(
                "v{number} is {status}, and not the newest: {there:?}"
            ));
        }
    }
    None
}

/// One is deployed and none is open, where there is a release; nothing is left, where there is none.
fn end(record: &Record<'_>) -> Option<String> {
    let statuses: Vec<String> = all(record.store, &SECRETS)
        .iter()
        .filter(|secret| secret["type"] == "helm.sh/release.v1")
        .map(|secret| secret["metadata"]["labels"]["status"].to_string())
        .collect();
    let is_there = !all(record.store, &RELEASES).is_empty();
    let deployed = statuses
        .iter()
        .filter(|status| *status == "\"deployed\"")
        .count();
    let is_open = |status: &String| status.contains("pending") || status.contains("uninstalling");
    let wanted = usize::from(is_there);
    let is_wrong =
        deployed != wanted || statuses.iter().any(is_open) || !is_there && !statuses.is_empty();
    is_wrong.then(|| format!("in the end the revisions are {statuses:?}"))
}

/// Whatever goes wrong between the operator and the API server is no failure of the release.
fn needless_failure(record: &Record<'_>) -> Option<String> {
    record.entries.iter().find_map(|entry| {
        let secret = &entry.change.object;
        if secret["metadata"]["labels"]["status"] != "failed" {
            return None;
        }
        let revision = super::record(secret);
        let why = revision["info"]["description"].as_str()?;
        let is_called_off = why.ends_with("context canceled");
        (!is_called_off).then(|| format!("v{} failed: {why}", revision["version"]))
    })
}

/// Nothing is written but what belongs to the release.
fn strange_writes(record: &Record<'_>) -> Option<String> {
    let ours = [
        "/apis/helm.toolkit.fluxcd.io/v2/namespaces/default/helmreleases/web",
        "/api/v1/namespaces/default/secrets",
        "/api/v1/namespaces/default/configmaps",
        "/api/v1/namespaces/default/services",
        "/api/v1/namespaces/default/pods",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/batch/v1/namespaces/default/jobs",
        "/apis/events.k8s.io/v1/namespaces/default/events",
    ];
    record
        .requests
        .iter()
        .filter(|request| request.method != Method::GET)
        .find(|request| !ours.iter().any(|path| request.path.starts_with(path)))
        .map(|request| format!("a strange write: {} {}", request.method, request.path))
}
