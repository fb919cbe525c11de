//! Listing a kind: as a watch that begins with everything, or by pages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oarlock_core::cached::Cached;
use oarlock_core::object::ObjectError;
use oarlock_core::reference::{Gvk, KindInfo, ResourceVersion};
use oarlock_core::request::ApiError;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Sources;
use super::stream::{Event, EventStream, Start, StreamEnd};
use crate::path::{collection, query};
use crate::transport::{Answer, ApiCall, JSON, METADATA_LIST, unreachable_error};

/// A kind's objects as of one version.
pub(super) struct Listed {
    pub(super) objects: Vec<Arc<Cached>>,
    pub(super) version: ResourceVersion,
}

#[derive(Deserialize)]
struct Page<'a> {
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Head {
    metadata: PageMeta,
}

#[derive(Deserialize)]
struct PageMeta {
    #[serde(rename = "resourceVersion")]
    resource_version: String,
    #[serde(rename = "continue", default)]
    token: String,
}

/// Lists the kind as a watch that begins with everything, and goes on as one: one request in place of two, and no more than one
/// object's text in memory. `None` when the server does not know how; then nobody asks again.
pub(super) async fn streamed(
    sources: &Sources,
    info: &KindInfo,
    timeout: Duration,
) -> Result<Option<(Listed, EventStream)>, ApiError> {
    let path = collection(info, sources.scope.namespace())?;
    let opened = EventStream::open(&sources.transport, &path, Start::Everything, timeout, JSON);
    let mut stream = match opened.await {
        Ok(stream) => stream,
        // "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled".
        Err(error) if matches!(error.code, 400 | 422) => {
            tracing::debug!(gvk = %info.gvk, %error, "the server streams no lists; pages are asked for");
            sources.streamed_lists.store(false, Ordering::Relaxed);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut objects = BTreeMap::new();
    loop {
        let next = sources.transport.limit(async { Ok(stream.next().await) });
        match next.await? {
            Ok(Event::Applied(value)) => match typed(value, &info.gvk) {
                Ok(new) => {
                    let new = shared(sources, new);
                    objects.insert(key(&new), new);
                }
                Err(error) => unreadable(info, &error),
            },
            Ok(Event::Deleted(value)) => match typed(value, &info.gvk) {
                Ok(last) => {
                    objects.remove(&key(&last));
                }
                Err(error) => unreadable(info, &error),
            },
            Ok(Event::Bookmark(_)) => {}
            Ok(Event::Complete(version)) => {
                let listed = Listed {
                    objects: objects.into_values().collect(),
                    version,
                };
                return Ok(Some((listed, stream)));
            }
            Err(StreamEnd::Closed) => {
                return Err(unreachable_error("the streamed list ended before its end"));
            }
            Err(StreamEnd::Gone) => {
                return Err(ApiError::new(410, "Expired", "the streamed list expired"));
            }
            Err(StreamEnd::Failed(error)) => return Err(error),
        }
    }
}

fn key(object: &Cached) -> (Option<String>, String) {
    let namespace = object.namespace().map(str::to_owned);
    (namespace, object.name().to_owned())
}

/// One object that cannot be read must not hide the others.
fn unreadable(info: &KindInfo, error: &ObjectError) {
    tracing::warn!(gvk = %info.gvk, %error, "an object in a list cannot be read");
}

/// The version that the kind is at, for the price of one object's metadata.
pub(super) async fn head(sources: &Sources, info: &KindInfo) -> Result<ResourceVersion, ApiError> {
    let mut path = collection(info, sources.scope.namespace())?;
    query(&mut path, "limit", "1");
    let call = ApiCall::get(path).accept(METADATA_LIST);
    let head: Head = sources.transport.send(&call).await?.parse(&call.path)?;
    Ok(ResourceVersion(head.metadata.resource_version))
}

/// Lists the kind by pages: without a resource version, so that no lagging API server answers from its past.
///
/// When the token of a later page has expired (410), the whole is fetched in one piece, as client-go's pager does:
/// beginning anew would expire again.
pub(super) async fn list(sources: &Sources, info: &KindInfo) -> Result<Listed, ApiError> {
    match pages(sources, info, Some(sources.page_size)).await {
        Err(error) if error.code == 410 => pages(sources, info, None).await,
        result => result,
    }
}

async fn pages(sources: &Sources, info: &KindInfo, limit: Option<u32>) -> Result<Listed, ApiError> {
    let base = collection(info, sources.scope.namespace())?;
    let mut objects = Vec::new();
    let mut token = String::new();
    loop {
        let mut path = base.clone();
        if let Some(limit) = limit {
            query(&mut path, "limit", &limit.to_string());
        }
        if !token.is_empty() {
            query(&mut path, "continue", &token);
        }
        let answer = sources.transport.send(&ApiCall::get(path)).await?;
        let meta = read_page(sources, info, &answer, &mut objects)?;
        if meta.token.is_empty() {
            return Ok(Listed {
                objects,
                version: ResourceVersion(meta.resource_version),
            });
        }
        token = meta.token;
        // A page takes milliseconds to parse; others may want the thread.
        tokio::task::yield_now().await;
    }
}

fn read_page(
    sources: &Sources,
    info: &KindInfo,
    answer: &Answer,
    objects: &mut Vec<Arc<Cached>>,
) -> Result<PageMeta, ApiError> {
    let gvk = &info.gvk;
    let page: Page<'_> = answer.parse(&gvk.to_string())?;
    for raw in page.items.unwrap_or_default() {
        let item = serde_json::from_str(raw.get())
            .map_err(|error| ObjectError::Syntax(error.to_string()))
            .and_then(|value| typed(value, gvk));
        match item {
            Ok(new) => objects.push(shared(sources, new)),
            Err(error) => unreadable(info, &error),
        }
    }
    Ok(page.metadata)
}

/// Items of lists may lack kind and apiVersion.
pub(super) fn typed(mut value: Value, gvk: &Gvk) -> Result<Cached, ObjectError> {
    if let Some(object) = value.as_object_mut() {
        object.insert("apiVersion".to_owned(), gvk.api_version().into());
        object.insert("kind".to_owned(), gvk.kind.clone().into());
    }
    Cached::abridged_of(gvk, value)
}

/// While a list is under way both it and the old cache are in memory: what has not changed is there once.
fn shared(sources: &Sources, new: Cached) -> Arc<Cached> {
    match sources.store.get(&new.target()) {
        Some(old)
            if old.is_same_object(&new) && old.resource_version() == new.resource_version() =>
        {
            old
        }
        _ => Arc::new(new),
    }
}
