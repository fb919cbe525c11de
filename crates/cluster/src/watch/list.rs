//! Listing a kind by pages.

use std::sync::Arc;

use oarlock_core::cached::Cached;
use oarlock_core::object::ObjectError;
use oarlock_core::reference::{Gvk, KindInfo, ResourceVersion};
use oarlock_core::request::ApiError;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Sources;
use crate::path::{collection, query};
use crate::transport::{Answer, ApiCall};

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
struct PageMeta {
    #[serde(rename = "resourceVersion")]
    resource_version: String,
    #[serde(rename = "continue", default)]
    token: String,
}

/// Lists the kind: without a resource version, so that no lagging API server answers from its past.
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
    let base = collection(info, None)?;
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
        let meta = read_page(sources, &info.gvk, &answer, &mut objects)?;
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
    gvk: &Gvk,
    answer: &Answer,
    objects: &mut Vec<Arc<Cached>>,
) -> Result<PageMeta, ApiError> {
    let page: Page<'_> = answer.parse(&gvk.to_string())?;
    for raw in page.items.unwrap_or_default() {
        let item = serde_json::from_str(raw.get())
            .map_err(|error| ObjectError::Syntax(error.to_string()))
            .and_then(|value| typed(value, gvk));
        match item {
            Ok(new) => objects.push(shared(sources, new)),
            // One object that cannot be read must not hide the others.
            Err(error) => tracing::warn!(%gvk, %error, "an object in a list cannot be read"),
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
    Cached::from_live_of(gvk, value)
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
