//! Indexes, asked for once and read once.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{Credentials, FetchError, Reach};
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use reqwest::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::Repository;
use super::index::Index;
use crate::cache::Record;
use crate::client::{self, Call};
use crate::depot::{AfterPush, Depot};
use crate::flight::Flights;
use crate::question::{Kind, Question};

/// Indexes that stay read. A large one has some ten thousand entries, of which some megabytes are kept.
const MOST: usize = 16;

/// Indexes under way, and those that were read last.
pub(crate) struct Indexes {
    under_way: Flights<AfterPush, Arc<Index>>,
    /// The one used last is the last one.
    read: Mutex<Vec<(Digest, Arc<Index>)>>,
}

/// What a server said of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
}

/// The index at `url`, no older than `max_age`. Who asks for the same at the same time gets the same.
pub(super) async fn index(
    repository: &Repository<'_>,
    url: &Url,
    max_age: Duration,
) -> Result<Arc<Index>, FetchError> {
    let Repository {
        depot,
        credentials,
        reach,
        ..
    } = *repository;
    let question = Question::new(Kind::Index, url.as_str(), credentials).within(reach);
    let record = depot.cache().record::<Seen>(&question).await;
    let fresh = record.as_ref().filter(|record| record.is_fresh(max_age));
    if let Some(record) = fresh
        && let Some(index) = kept(depot, record).await
    {
        return Ok(index);
    }
    let (own, url) = (depot.within(), url.clone());
    let (credentials, reach, asked) = (credentials.clone(), reach.clone(), question.clone());
    let push = depot.cache().push_before(&question);
    depot
        .indexes()
        .under_way
        .join((push, question), || {
            Box::pin(async move { ask(&own, &url, &credentials, &reach, &asked, record).await })
        })
        .await
}

/// The index of a record, from memory or from disk.
async fn kept(depot: &Depot, record: &Record<Seen>) -> Option<Arc<Index>> {
    let digest: Digest = record.answer.digest.parse().ok()?;
    if let Some(index) = depot.indexes().find(&digest) {
        return Some(index);
    }
    let bytes = depot.cache().blob(&digest).await?;
    let index = depot.work(move || Index::parse(&bytes).ok()).await.ok()??;
    Some(depot.indexes().remember(digest, index))
}

async fn ask(
    depot: &Depot,
    url: &Url,
    credentials: &Credentials,
    reach: &Reach,
    question: &Question,
    record: Option<Record<Seen>>,
) -> Result<Arc<Index>, FetchError> {
    let known = match &record {
        Some(record) => kept(depot, record).await,
        None => None,
    };
    let limit = depot.options().limits.index;
    let mut call = Call::get(url.clone(), credentials, reach, limit)?;
    if let (Some(record), Some(_)) = (&record, &known) {
        if let Some(etag) = &record.answer.etag {
            call = call.with(IF_NONE_MATCH, etag);
        } else if let Some(date) = &record.answer.last_modified {
            call = call.with(IF_MODIFIED_SINCE, date);
        }
    }
    let answer = depot.client().send(call).await?;
    match (answer.status, record, known) {
        (StatusCode::OK, _, _) => {}
        (StatusCode::NOT_MODIFIED, Some(record), Some(index)) => {
            depot.cache().note(question, &record.answer).await;
            return Ok(index);
        }
        (status, _, _) => return Err(client::refused(url, status, credentials)),
    }
    let bytes: Arc<[u8]> = Arc::from(&answer.body[..]);
    let text = Arc::clone(&bytes);
    let index = depot
        .work(move || Index::parse(&text))
        .await?
        .map_err(|error| FetchError::Invalid(format!("{}: {error}", client::shown(url))))?;
    let digest = depot.cache().keep(bytes).await?;
    let seen = Seen {
        digest: digest.as_str().to_owned(),
        etag: answer.header(&ETAG),
        last_modified: answer.header(&LAST_MODIFIED),
    };
    depot.cache().note(question, &seen).await;
    Ok(depot.indexes().remember(digest, index))
}

impl Indexes {
    pub(crate) fn new(end: &CancellationToken) -> Self {
        Self {
            under_way: Flights::new(end, Duration::ZERO),
            read: Mutex::default(),
        }
    }

    fn find(&self, digest: &Digest) -> Option<Arc<Index>> {
        let mut read = self.read.lock();
        let at = read.iter().position(|(known, _)| known == digest)?;
        let found = read.remove(at);
        let index = Arc::clone(&found.1);
        read.push(found);
        Some(index)
    }

    fn remember(&self, digest: Digest, index: Index) -> Arc<Index> {
        let index = Arc::new(index);
        let mut read = self.read.lock();
        read.retain(|(known, _)| *known != digest);
        if read.len() == MOST {
            read.remove(0);
        }
        read.push((digest, Arc::clone(&index)));
        index
    }
}
