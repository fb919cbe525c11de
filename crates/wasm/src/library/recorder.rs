//! The host of a library: its caller's host, with what was read written down.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::artifact::{Artifact, FetchError, Source};
use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    ArtifactRequest, Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError,
    Selection, Waiting,
};
use oarlock_core::reference::{Digest, KindInfo, ObjectRef};
use parking_lot::Mutex;

use crate::capability::log::LogSink;
use crate::library::reads::{Prepared, Read, Sum};
use crate::run::Deadline;

/// Reads of one call that are remembered. An answer that took more is not kept.
const MAX_READS: usize = 10_000;
/// Bytes of them, likewise.
const MAX_BYTES: usize = 1 << 20;

/// Passes everything on.
pub(super) struct Recorder {
    library: String,
    host: Arc<dyn Host>,
    /// Of the caller's run, so that its limit holds for its libraries too.
    log: Arc<LogSink>,
    /// Of the caller's run, which ends the library's.
    deadline: Arc<Deadline>,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    reads: Vec<(Read, Sum)>,
    bytes: usize,
    /// What was read already, while the answers that are kept were looked through. A library that does not know of them asks
    /// the same in the same order.
    prepared: VecDeque<(Read, Prepared)>,
    /// It did what no record can repeat.
    lost: bool,
}

impl Recorder {
    pub(super) fn new(
        library: &str,
        host: Arc<dyn Host>,
        log: Arc<LogSink>,
        deadline: Arc<Deadline>,
        prepared: VecDeque<(Read, Prepared)>,
    ) -> Self {
        Self {
            library: library.to_owned(),
            host,
            log,
            deadline,
            record: Mutex::new(Record {
                prepared,
                ..Record::default()
            }),
        }
    }

    /// What was read, in its order; `None` where repeating it would not be the same.
    pub(super) fn reads(&self) -> Option<Vec<(Read, Sum)>> {
        let mut record = self.record.lock();
        let reads = std::mem::take(&mut record.reads);
        (!record.lost).then_some(reads)
    }

    async fn ask<'a, T: fmt::Debug + Send + 'static>(
        &'a self,
        read: Read,
        sum: fn(&T) -> Sum,
        ask: impl FnOnce(&'a dyn Host) -> BoxFuture<'a, T> + Send,
    ) -> T {
        let known = self.record.lock().known(&read);
        let answer = match known {
            Some(answer) => answer,
            None => ask(&*self.host).await,
        };
        self.record.lock().note(read, sum(&answer));
        answer
    }
}

impl Record {
    fn known<T: Any>(&mut self, read: &Read) -> Option<T> {
        if self.prepared.front().is_some_and(|(next, _)| next == read) {
            let (_, answer) = self.prepared.pop_front()?;
            return Some(*answer.downcast().ok()?);
        }
        self.prepared.clear();
        None
    }

    fn note(&mut self, read: Read, sum: Sum) {
        if self.lost {
            return;
        }
        self.bytes += read.size();
        self.reads.push((read, sum));
        if self.reads.len() > MAX_READS || self.bytes > MAX_BYTES {
            self.lost = true;
            self.reads = Vec::new();
        }
    }
}

impl Host for Recorder {
    fn get(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        let read = Read::Get(target.clone(), act_as.clone());
        Box::pin(self.ask(read, Sum::of, |host| host.get(target, act_as)))
    }

    fn get_live(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        let read = Read::GetLive(target.clone(), act_as.clone());
        Box::pin(self.ask(read, Sum::of, |host| host.get_live(target, act_as)))
    }

    fn query(&self, selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        let read = Read::Query(selection.clone());
        Box::pin(self.ask(read, Sum::of, |host| host.query(selection)))
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(self.ask(Read::Children, Sum::of, |host| host.children()))
    }

    fn observe(
        &self,
        targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        let read = Read::Observe(targets.clone());
        Box::pin(self.ask(read, Sum::of, |host| host.observe(targets)))
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        Box::pin(self.ask(Read::Kinds, Sum::of, |host| host.kinds()))
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        Box::pin(self.ask(Read::ServerVersion, Sum::of, |host| host.server_version()))
    }

    fn fetch(&self, request: ArtifactRequest) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        let read = Read::Fetch(Box::new(request.clone()));
        Box::pin(self.ask(read, Sum::of, |host| host.fetch(request)))
    }

    fn versions(
        &self,
        source: Source,
        credentials: Option<String>,
        max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        let read = Read::Versions(source.clone(), credentials.clone(), max_age);
        Box::pin(self.ask(read, Sum::of, move |host| {
            host.versions(source, credentials, max_age)
        }))
    }

    fn artifact(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        let read = Read::Artifact(digest.clone());
        Box::pin(self.ask(read, Sum::of_permission, |host| host.artifact(digest)))
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        // Asked again it may do it again.
        self.record.lock().lost = true;
        self.host.send(self.deadline.within(request))
    }

    fn log(&self, mut line: LogLine) {
        line.fields
            .push(("library".to_owned(), self.library.clone()));
        self.log.write(line);
    }

    fn waiting(&self) -> Waiting<'_> {
        self.host.waiting()
    }
}
