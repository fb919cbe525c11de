//! The canary module compiled natively, behind the same port as a component: the same logic without a sandbox, for
//! thousands of runs under faults, and to compare with.
//!
//! A run is synchronous, its host is not. What a component waits for in an import, the native module gets by being called
//! again: a run that needs an answer that is not there yet is thrown away, the answer is waited for, and the run begins
//! anew with all the answers that it had ([`transcript`]). A module is a pure function of them, so that it comes to the
//! same place. Nothing here needs a thread, and under a paused clock the same run is the same history.

mod manifest;
mod outcome;
mod request;
mod transcript;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest;
use oarlock_core::outcome::Outcome;
use oarlock_core::reconciler::{Fault, Host, LogLevel, LogLine, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use oarlock_sdk::{AnyObject, Context, Module as _, Subject as _, Timestamp};

use transcript::{Asking, Transcript};

/// The canary: both of its kinds.
#[derive(Debug)]
pub struct Native {
    manifest: Manifest,
    digest: Digest,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            manifest: manifest::manifest(&canary::reconcile::manifest()),
            digest: Digest::of(b"native"),
        }
    }
}

impl Reconciler for Native {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        limits: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        Box::pin(async move {
            let run = reconcile(request, host);
            match tokio::time::timeout(limits.deadline, run).await {
                Ok(answer) => answer,
                Err(_elapsed) => Err(RunError::Fault(Fault::DeadlineExceeded {
                    limit: limits.deadline,
                })),
            }
        })
    }
}

async fn reconcile(request: &Request, host: Arc<dyn Host>) -> Result<Outcome, RunError> {
    let mut transcript = Transcript::default();
    loop {
        let (answer, lines) = pass(request, &host, &mut transcript);
        if let Some(question) = transcript.open() {
            let answer = question.ask(&*host).await;
            transcript.answered(question, answer);
            continue;
        }
        if let Some(fault) = transcript.strayed() {
            return Err(fault.into());
        }
        for line in lines {
            host.log(line);
        }
        return answer;
    }
}

/// One call of the module with the answers that there are.
fn pass(
    request: &Request,
    host: &Arc<dyn Host>,
    transcript: &mut Transcript,
) -> (Result<Outcome, RunError>, Vec<LogLine>) {
    transcript.rewind();
    let shared = Rc::new(RefCell::new(std::mem::take(transcript)));
    let asking = Asking::new(Arc::clone(host), Rc::clone(&shared));
    let context = Context::builder()
        .now(Timestamp::from_millis(request.now.as_millis()))
        .seed(request.seed)
        .attempt(request.attempt)
        .deleting(request.deleting)
        .settings(request.settings.to_value())
        .last(request.last.as_ref().map(request::report))
        .http(asking.http())
        .cluster(asking)
        .build();
    let answer = AnyObject::from_json(request.object.as_str().to_owned())
        .and_then(|object| canary::reconcile::reconcile(object, &context))
        .and_then(oarlock_sdk::Outcome::checked);
    let lines = context.logged().into_iter().map(line).collect();
    drop(context);
    *transcript = shared.take();
    let answer = match answer {
        Ok(answer) => outcome::outcome(&answer).map_err(RunError::from),
        Err(failure) => Err(outcome::failure(failure).into()),
    };
    (answer, lines)
}

fn line(line: oarlock_sdk::log::Line) -> LogLine {
    use oarlock_sdk::log::Level;
    LogLine {
        level: match line.level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        },
        message: line.message,
        fields: line.fields,
    }
}
