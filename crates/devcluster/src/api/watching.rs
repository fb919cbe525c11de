//! watch: changes as a stream of JSON lines.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accept::Form;
use super::query::{WatchOptions, WatchStart};
use super::{Call, Reply, reading, table};
use crate::resource::{Resource, Version};
use crate::selector::Filter;
use crate::status::{Reason, Status};
use crate::store::{Change, ListOptions, RevisionMatch, Store, Watch};

/// How often a quiet watch says where it is, as the real server does.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How long before its end a watch says it a last time, so that the client resumes from there.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// The annotation of the bookmark that ends the initial state.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// How changes are shown.
struct View {
    store: Store,
    resource: Arc<Resource>,
    version: Version,
    namespace: Option<String>,
    filter: Filter,
    form: Form,
    include: table::Include,
    /// Whether a table was sent: only the first says what its columns are.
    told_columns: Cell<bool>,
}

/// A running watch.
struct Following {
    view: View,
    watch: Watch,
    lines: VecDeque<Bytes>,
    next_bookmark: Option<Instant>,
    deadline: Option<Instant>,
    stop: CancellationToken,
    over: bool,
}

impl Call<'_> {
    pub(super) fn watch(&self) -> Result<Reply, Status> {
        if self.target.name.is_some() && !self.is_scoped() {
            return Err(Status::no_such_path());
        }
        let mut options = self.message.query.watch_options()?;
        self.check_fields(&mut options.filter)?;
        let view = View {
            store: self.store.clone(),
            resource: Arc::clone(&self.resource),
            version: self.version.clone(),
            namespace: self.target.namespace.clone(),
            filter: options.filter.clone(),
            form: self.message.accept.form,
            include: self.include()?,
            told_columns: Cell::new(false),
        };
        match Following::start(view, &options, self.stop.clone()) {
            Ok(following) => Ok(Reply::lines(following.stream())),
            // Like the real one: the watch is accepted and its first event says that it is too late.
            Err(refusal) if refusal.reason == Reason::Expired => {
                let line = line("ERROR", &refusal.to_value());
                Ok(Reply::bytes(StatusCode::OK, "application/json", line))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

impl Following {
    fn start(view: View, options: &WatchOptions, stop: CancellationToken) -> Result<Self, Status> {
        let id = &view.resource.id;
        let mut lines = VecDeque::new();
        let watch = match options.start {
            WatchStart::After(0) => view.store.watch(Some(id), None)?,
            WatchStart::After(revision) => view.store.watch(Some(id), Some(revision))?,
            WatchStart::State | WatchStart::StateWithBookmark(_) => {
                let least = match options.start {
                    WatchStart::StateWithBookmark(revision) if revision > 0 => {
                        RevisionMatch::NotOlderThan(revision)
                    }
                    _ => RevisionMatch::Latest,
                };
                let wanted = ListOptions {
                    filter: view.filter.clone(),
                    revision: least,
                    ..ListOptions::default()
                };
                let listing = view.store.list(id, view.namespace.as_deref(), &wanted)?;
                lines.extend(
                    listing
                        .items
                        .iter()
                        .map(|object| view.event("ADDED", object)),
                );
                if matches!(options.start, WatchStart::StateWithBookmark(_)) {
                    lines.push_back(view.bookmark(listing.revision, true));
                }
                view.store.watch(Some(id), Some(listing.revision))?
            }
        };
        let now = Instant::now();
        Ok(Self {
            view,
            watch,
            lines,
            next_bookmark: options
                .bookmarks
                .then(|| next_bookmark(now, options.timeout.map(|timeout| now + timeout)))
                .flatten(),
            deadline: options.timeout.map(|timeout| now + timeout),
            stop,
            over: false,
        })
    }

    fn stream(self) -> impl Stream<Item = Bytes> + Send + 'static {
        futures_util::stream::unfold(self, |mut following| async move {
            let line = following.next().await?;
            Some((line, following))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                change = self.watch.next() => self.take(change),
                () = at(self.next_bookmark) => {
                    self.next_bookmark = next_bookmark(Instant::now(), self.deadline);
                    self.lines.push_back(self.view.bookmark(self.watch.delivered(), false));
                }
                () = at(self.deadline) => self.over = true,
            }
        }
    }

    fn take(&mut self, change: Option<Result<Arc<Change>, Status>>) {
        match change {
            None => self.over = true,
            Some(Ok(change)) => self.lines.extend(self.view.change(&change)),
            Some(Err(expired)) => {
                self.over = true;
                self.lines.push_back(line("ERROR", &expired.to_value()));
            }
        }
    }
}

/// When to say next where the watch is: regularly, and a last time shortly before its end.
fn next_bookmark(now: Instant, deadline: Option<Instant>) -> Option<Instant> {
    let regular = now + BOOKMARK_EVERY;
    let Some(deadline) = deadline else {
        return Some(regular);
    };
    let last = deadline.checked_sub(LAST_BOOKMARK)?;
    (last > now).then(|| regular.min(last))
}

/// Never, when there is no such moment.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl View {
    /// A change as watchers of this view see it: objects enter and leave by the selector.
    fn change(&self, change: &Change) -> Option<Bytes> {
        if self
            .namespace
            .as_ref()
            .is_some_and(|namespace| *namespace != change.key.namespace)
        {
            return None;
        }
        let before = change
            .previous
            .as_ref()
            .is_some_and(|object| self.filter.matches(object));
        let after = !change.removed && self.filter.matches(&change.object);
        match (before, after) {
            (false, false) => None,
            (false, true) => Some(self.event("ADDED", &change.object)),
            (true, true) => Some(self.event("MODIFIED", &change.object)),
            (true, false) if change.removed => Some(self.event("DELETED", &change.object)),
            (true, false) => {
                // It still exists and only left the selection: its last state in it, at this revision.
                let mut last = change.previous.as_deref().cloned().unwrap_or_default();
                last["metadata"]["resourceVersion"] = Value::from(change.revision.to_string());
                Some(self.event("DELETED", &Arc::new(last)))
            }
        }
    }

    fn event(&self, kind: &str, object: &Arc<Value>) -> Bytes {
        let object = self.resource.present(&self.version.name, object);
        match self.form {
            Form::Whole => line(kind, &object),
            Form::Metadata => line(kind, &reading::partial(&object)),
            Form::Table => {
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                line(kind, &self.table(&[object], metadata))
            }
        }
    }

    fn bookmark(&self, revision: u64, initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial {
            metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
        }
        let object = match self.form {
            Form::Table => self.table(&[], json!({"resourceVersion": revision.to_string()})),
            Form::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            }),
            Form::Whole => json!({
                "kind": self.resource.kind,
                "apiVersion": self.resource.api_version(&self.version.name),
                "metadata": metadata,
            }),
        };
        line("BOOKMARK", &object)
    }

    fn table(&self, objects: &[Arc<Value>], metadata: Value) -> Value {
        let now = self.store.clock().now();
        let mut table = table::render(
            &self.resource,
            &self.version,
            objects,
            metadata,
            self.include,
            now,
        );
        if self.told_columns.replace(true) {
            table["columnDefinitions"] = Value::Null;
        }
        table
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}
