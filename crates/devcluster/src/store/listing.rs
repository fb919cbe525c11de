//! Lists: paging over one consistent state, and states of the past.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use super::state::State;
use super::{Key, Revision};
use crate::resource::Resource;
use crate::selector::Filter;
use crate::status::Status;

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Which objects.
    pub filter: Filter,
    /// Page size; `None` for everything.
    pub limit: Option<usize>,
    /// The token of the page before.
    pub continue_token: Option<String>,
    /// Which state.
    pub revision: RevisionMatch,
}

/// `resourceVersion` and `resourceVersionMatch` of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevisionMatch {
    /// The present state.
    #[default]
    Latest,
    /// The present state, if it is at least this new.
    NotOlderThan(Revision),
    /// Exactly the state of this revision.
    Exact(Revision),
}

/// A page of objects.
#[derive(Clone, Debug)]
pub struct Listing {
    /// In the form they are kept in.
    pub items: Vec<Arc<Value>>,
    /// The state they belong to: `metadata.resourceVersion` of the list, where a watch goes on.
    pub revision: Revision,
    /// The token of the next page.
    pub continue_token: Option<String>,
    /// How many objects follow; unknown for filtered lists, as in the real server.
    pub remaining: Option<usize>,
}

/// Where a page starts.
struct Page {
    /// `None`: whatever the state is now (a list that gave up on consistency).
    revision: Option<Revision>,
    after: Key,
}

type Objects = BTreeMap<Key, Arc<Value>>;

pub(super) fn list(
    state: &State,
    resource: &Resource,
    namespace: Option<&str>,
    options: &ListOptions,
) -> Result<Listing, Status> {
    let page = options
        .continue_token
        .as_deref()
        .map(Page::parse)
        .transpose()?;
    let (revision, objects) = match &page {
        Some(page) => page_state(state, resource, page)?,
        None => wanted_state(state, resource, options.revision)?,
    };
    let start = page.map_or(Bound::Unbounded, |page| Bound::Excluded(page.after));
    let start = match (start, namespace) {
        (Bound::Unbounded, Some(namespace)) => Bound::Included(Key::new(namespace, "")),
        (start, _) => start,
    };
    let mut candidates = objects
        .range((start, Bound::Unbounded))
        .take_while(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
        .filter(|(_, object)| options.filter.matches(object));
    let limit = options.limit.unwrap_or(usize::MAX);
    let mut items = Vec::new();
    let mut last = None;
    for (key, object) in candidates.by_ref().take(limit) {
        items.push(Arc::clone(object));
        last = Some(key);
    }
    let remaining = candidates.count();
    let continue_token = last
        .filter(|_| remaining > 0)
        .map(|key| Page::token(Some(revision), key));
    let remaining = (remaining > 0 && options.filter.is_empty()).then_some(remaining);
    Ok(Listing {
        items,
        revision,
        continue_token,
        remaining,
    })
}

fn wanted_state<'a>(
    state: &'a State,
    resource: &Resource,
    wanted: RevisionMatch,
) -> Result<(Revision, Cow<'a, Objects>), Status> {
    let present = state.revision();
    let asked = match wanted {
        RevisionMatch::Latest => return Ok((present, Cow::Borrowed(state.objects(resource)))),
        RevisionMatch::NotOlderThan(revision) | RevisionMatch::Exact(revision) => revision,
    };
    if asked > present {
        return Err(Status::too_large(asked, present));
    }
    match wanted {
        RevisionMatch::Exact(revision) => past(state, resource, revision)
            .map(|objects| (revision, objects))
            .ok_or_else(|| {
                Status::expired(format!(
                    "The resourceVersion for the provided list is too old: {revision} ({present})"
                ))
            }),
        RevisionMatch::Latest | RevisionMatch::NotOlderThan(_) => {
            Ok((present, Cow::Borrowed(state.objects(resource))))
        }
    }
}

fn page_state<'a>(
    state: &'a State,
    resource: &Resource,
    page: &Page,
) -> Result<(Revision, Cow<'a, Objects>), Status> {
    let Some(revision) = page.revision else {
        return Ok((state.revision(), Cow::Borrowed(state.objects(resource))));
    };
    if let Some(objects) = past(state, resource, revision) {
        return Ok((revision, objects));
    }
    let mut expired = Status::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of \
         the results. Continuing with the provided token results in an inconsistent list - objects that were \
         created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    expired.continue_token = Some(Page::token(None, &page.after));
    Err(expired)
}

/// The table as it was: the changes since then taken back, newest first.
fn past<'a>(state: &'a State, resource: &Resource, revision: Revision) -> Option<Cow<'a, Objects>> {
    let history = state.history(Some(&resource.storage))?;
    let present = state.objects(resource);
    let mut undo = history.after(revision).rev().peekable();
    if undo.peek().is_none() && history.reaches(revision) {
        return Some(Cow::Borrowed(present));
    }
    if !history.reaches(revision) {
        return None;
    }
    let mut objects = present.clone();
    for change in undo {
        match &change.previous {
            Some(previous) => objects.insert(change.key.clone(), Arc::clone(previous)),
            None => objects.remove(&change.key),
        };
    }
    Some(Cow::Owned(objects))
}

impl Page {
    fn token(revision: Option<Revision>, after: &Key) -> String {
        let revision = revision.map_or_else(|| String::from("-1"), |revision| revision.to_string());
        format!("v1:{revision}:{}/{}", after.namespace, after.name)
    }

    fn parse(token: &str) -> Result<Self, Status> {
        let refused = || {
            Status::bad_request(
                "invalid continue token: continue key is not valid: unrecognized token",
            )
        };
        let mut parts = token.splitn(3, ':');
        let (Some("v1"), Some(revision), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(refused());
        };
        let (namespace, name) = key.split_once('/').ok_or_else(refused)?;
        let revision = match revision {
            "-1" => None,
            digits => Some(digits.parse().map_err(|_not_a_number| refused())?),
        };
        Ok(Self {
            revision,
            after: Key::new(namespace, name),
        })
    }
}
