//! Charts in git repositories: one folder of one commit.
//!
//! The `git` binary speaks to the remote, isolated from everything that this machine's users have set up; a bare repository per
//! URL in the cache is fetched into. Nothing is ever checked out. A commit is the same for all, but who may see it is asked
//! with everybody's own credentials.

mod isolation;
mod location;
mod mirror;
mod objects;
mod process;
mod reference;
mod refusal;
mod remote;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{Credentials, FetchError, Reach, Source, Wanted};
use oarlock_core::reference::Digest;
use serde::{Deserialize, Serialize};

use crate::depot::Depot;
use crate::fetched::Fetched;
use crate::package::{Chart, Package};
use crate::question::{Kind, Question};
use oarlock_version::Version;
use remote::Remote;
use tree::Content;

/// What is remembered of a folder of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Packed {
    digest: String,
    name: String,
    version: String,
}

/// The chart in the folder `path` of the repository at `url`, at `reference`: branch, tag, commit, or nothing for its HEAD.
pub(crate) async fn fetch(
    depot: &Depot,
    wanted: &Wanted,
    url: &str,
    reference: &str,
    path: &str,
) -> Result<Fetched, FetchError> {
    let remote = Remote::open(depot, url, &wanted.credentials, &wanted.reach)?;
    let seen = remote.resolve(reference, wanted.max_age).await?;
    let source = Source::Git {
        url: url.to_owned(),
        reference: reference.to_owned(),
        path: path.to_owned(),
    };
    let fetched = |commit: String, chart: Chart, bytes: Arc<[u8]>| Fetched {
        bytes,
        name: chart.name,
        version: chart.version,
        revision: commit,
        origin: source.to_string(),
        provenance: None,
        manifest: None,
        signatures: Vec::new(),
    };
    let question = |commit: &str| remote.question(Kind::Tree, &[commit, path]);
    if let Some((chart, bytes)) = known(depot, &question(&seen.commit)).await {
        return Ok(fetched(seen.commit, chart, bytes));
    }
    let (seen, content) = remote.read(reference, &seen, path).await?;
    let bytes = match content {
        Content::Folder(files) => {
            let package = Package::of(files);
            depot.unpack(move || package.bytes()).await?
        }
        Content::File(bytes) => Arc::from(bytes),
    };
    let place = format!("{path} of {}", remote.origin(reference, &seen.commit));
    let chart = depot.inspect(&bytes, &place).await?;
    let digest = depot.cache().keep(Arc::clone(&bytes)).await?;
    let packed = Packed {
        digest: digest.as_str().to_owned(),
        name: chart.name.clone(),
        version: chart.version.clone(),
    };
    depot.cache().note(&question(&seen.commit), &packed).await;
    Ok(fetched(seen.commit, chart, bytes))
}

/// A folder that was packed before: a commit does not change.
async fn known(depot: &Depot, question: &Question) -> Option<(Chart, Arc<[u8]>)> {
    let packed = depot.cache().record::<Packed>(question).await?.answer;
    let digest: Digest = packed.digest.parse().ok()?;
    let bytes = depot.cache().blob(&digest).await?;
    let chart = Chart {
        name: packed.name,
        version: packed.version,
    };
    Some((chart, bytes))
}

/// What is remembered of a chart that has all that it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Whole {
    digest: String,
    origin: String,
}

/// `chart`, which was fetched for `wanted`, with what it depends on, where that was found in its commit before.
pub(crate) async fn completed(depot: &Depot, wanted: &Wanted, chart: &Fetched) -> Option<Fetched> {
    let question = umbrella(depot, wanted, chart)?;
    let whole = depot.cache().record::<Whole>(&question).await?.answer;
    let bytes = depot.cache().blob(&whole.digest.parse().ok()?).await?;
    Some(Fetched {
        bytes,
        origin: whole.origin,
        ..chart.clone()
    })
}

/// Remembers that `whole` is `chart` with what it depends on, all of it of the same commit.
pub(crate) async fn complete(
    depot: &Depot,
    wanted: &Wanted,
    chart: &Fetched,
    whole: &Fetched,
) -> Result<(), FetchError> {
    if let Some(question) = umbrella(depot, wanted, chart) {
        let digest = depot.cache().keep(Arc::clone(&whole.bytes)).await?;
        let remembered = Whole {
            digest: digest.as_str().to_owned(),
            origin: whole.origin.clone(),
        };
        depot.cache().note(&question, &remembered).await;
    }
    Ok(())
}

/// The question what a chart of a commit is with all that it depends on; `None` where it is of no commit.
fn umbrella(depot: &Depot, wanted: &Wanted, chart: &Fetched) -> Option<Question> {
    let Source::Git {
        url,
        reference,
        path,
    } = &wanted.source
    else {
        return None;
    };
    let remote = Remote::open(depot, url, &wanted.credentials, &wanted.reach).ok()?;
    Some(remote.question(Kind::Umbrella, &[&chart.revision, reference, path]))
}

/// The tags of the repository at `url` that are versions, newest first.
pub(crate) async fn versions(
    depot: &Depot,
    credentials: &Credentials,
    reach: &Reach,
    url: &str,
    max_age: Duration,
) -> Result<Vec<String>, FetchError> {
    let remote = Remote::open(depot, url, credentials, reach)?;
    let mut versions: Vec<(Version, String)> = remote
        .tags(max_age)
        .await?
        .into_iter()
        .filter_map(|tag| Some((Version::parse(&tag).ok()?, tag)))
        .collect();
    versions.sort_by(|(a, _), (b, _)| b.cmp(a));
    Ok(versions.into_iter().map(|(_, tag)| tag).collect())
}
