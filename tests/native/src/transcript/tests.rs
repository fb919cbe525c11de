//! A run that needs an answer begins anew with it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};

use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, LogLine, ReadError, Selection};
use oarlock_core::reference::KindInfo;

use super::*;

/// Answers at once what a cache has, and the rest when it is waited for. Counts its calls.
#[derive(Default)]
struct Counting {
    reads: AtomicUsize,
    calls: AtomicUsize,
}

impl Host for Counting {
    fn get(
        &self,
        target: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let json = Json::parse(&format!("{{\"name\":{:?}}}", target.name)).unwrap();
        Box::pin(async { Ok(Some(json)) })
    }

    fn get_live(
        &self,
        _: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        Box::pin(async { Ok(None) })
    }

    fn query(&self, _: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(async { Err(ReadError::Denied("no".to_owned())) })
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        // A cache that is being filled.
        Box::pin(std::future::pending())
    }

    fn observe(&self, _: Vec<ObjectRef>) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        Box::pin(async { Ok("v1.34.0".to_owned()) })
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let body = format!("{number} {}", request.url).into_bytes();
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(HttpResponse {
                status: 200,
                headers: Vec::new(),
                body,
            })
        })
    }

    fn log(&self, _: LogLine) {}
}

fn pass<T>(transcript: &mut Transcript, host: &Arc<Counting>, run: impl FnOnce(&Asking) -> T) -> T {
    transcript.rewind();
    let shared = Rc::new(RefCell::new(std::mem::take(transcript)));
    let told = run(&Asking::new(Arc::clone(host) as _, Rc::clone(&shared)));
    *transcript = shared.take();
    told
}

fn web() -> oarlock_sdk::ObjectRef {
    oarlock_sdk::ObjectRef::new("apps/v1", "Deployment", "web").in_namespace("default")
}

#[tokio::test]
async fn a_call_is_sent_once_however_often_the_run_begins() {
    let host = Arc::new(Counting::default());
    let mut transcript = Transcript::default();
    let run = |asking: &Asking| {
        let send = asking.http();
        let read = asking.get(&web(), None).unwrap().unwrap();
        let first = send(&Request::get("http://a")).ok()?;
        let second = send(&Request::get("http://b")).ok()?;
        Some(format!(
            "{read} {} {}",
            String::from_utf8(first.body).unwrap(),
            String::from_utf8(second.body).unwrap()
        ))
    };
    let mut passes = 0;
    let told = loop {
        passes += 1;
        let told = pass(&mut transcript, &host, run);
        match transcript.open() {
            Some(question) => {
                let answer = question.ask(&*host).await;
                transcript.answered(question, answer);
            }
            None => break told,
        }
    };
    assert_eq!(
        told.as_deref(),
        Some("{\"name\":\"web\"} 0 http://a 1 http://b")
    );
    assert_eq!(passes, 3);
    assert_eq!(host.calls.load(Ordering::Relaxed), 2);
    assert_eq!(host.reads.load(Ordering::Relaxed), 1);
    assert!(transcript.strayed().is_none());
}

#[test]
fn after_a_question_without_an_answer_nothing_more_is_asked() {
    let host = Arc::new(Counting::default());
    let mut transcript = Transcript::default();
    pass(&mut transcript, &host, |asking| {
        assert!(asking.children().is_err());
        assert!(asking.get(&web(), None).is_err());
    });
    assert_eq!(transcript.open(), Some(Question::Children));
    assert_eq!(host.reads.load(Ordering::Relaxed), 0);
}

#[test]
fn a_module_that_asks_something_else_the_second_time_is_found_out() {
    let host = Arc::new(Counting::default());
    let mut transcript = Transcript::default();
    let ask = |path: &'static str| {
        move |asking: &Asking| assert!(asking.http()(&Request::get(path)).is_err())
    };
    pass(&mut transcript, &host, ask("http://a"));
    let question = transcript.open().unwrap();
    let answer = Answer::Response(Err(HttpError::TimedOut));
    transcript.answered(question, answer);
    pass(&mut transcript, &host, ask("http://b"));
    assert_eq!(transcript.open(), None);
    let fault = transcript.strayed().unwrap().to_string();
    assert!(
        fault.contains("http://b") && fault.contains("http://a"),
        "{fault}"
    );
}
