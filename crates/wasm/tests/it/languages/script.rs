//! A host that expects certain reads in a certain order.

use std::collections::VecDeque;

use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    Host, HttpError, HttpRequest, HttpResponse, LogLevel, LogLine, ObservedState, ReadError,
    Selection,
};
use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::Request;
use parking_lot::Mutex;
use serde_json::Value;

use crate::languages::report::{target, text, variant};

/// The reads of one case.
pub(super) struct Script {
    expected: Mutex<VecDeque<Value>>,
    /// What was read besides, or otherwise.
    surprises: Mutex<Vec<String>>,
    lines: Mutex<Vec<LogLine>>,
}

impl Script {
    pub(super) fn new(reads: &Value) -> Self {
        let reads = reads.as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            expected: Mutex::new(reads.iter().cloned().collect()),
            surprises: Mutex::default(),
            lines: Mutex::default(),
        }
    }

    /// All reads were made, no others, and there is the one line of log that every run has.
    pub(super) fn check(&self, request: &Request, case: &str) {
        assert_eq!(
            *self.surprises.lock(),
            Vec::<String>::new(),
            "{case}: reads"
        );
        assert_eq!(
            *self.expected.lock(),
            VecDeque::<Value>::new(),
            "{case}: reads left"
        );
        let name = request.object.to_value()["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        let line = LogLine {
            level: LogLevel::Info,
            message: "reconciling".to_owned(),
            fields: vec![("name".to_owned(), name)],
        };
        assert_eq!(*self.lines.lock(), vec![line], "{case}: log");
    }

    /// The answer to a read, where it is the next one.
    fn next<T>(
        &self,
        what: &str,
        is_expected: impl FnOnce(&Value) -> bool,
        found: impl FnOnce(&Value) -> T,
    ) -> Result<T, ReadError> {
        match self.expected.lock().pop_front() {
            Some(read) if is_expected(&read) => match variant(&read["answer"]) {
                ("denied", why) => Err(ReadError::Denied(text(why))),
                ("unavailable", why) => Err(ReadError::Unavailable(text(why))),
                ("unknown-kind", kind) => Err(ReadError::UnknownKind(text(kind))),
                ("found" | "absent", answer) => Ok(found(answer)),
                (other, _) => panic!("cases.json: unknown answer {other}"),
            },
            other => {
                let surprise = format!("{what}, expected {other:?}");
                self.surprises.lock().push(surprise.clone());
                Err(ReadError::Denied(surprise))
            }
        }
    }

    fn surprise<T: Send + 'static>(&self, what: &str) -> BoxFuture<'_, Result<T, ReadError>> {
        self.surprises.lock().push(what.to_owned());
        let what = what.to_owned();
        Box::pin(async { Err(ReadError::Denied(what)) })
    }
}

impl Host for Script {
    fn get(
        &self,
        wanted: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        let answer = self.next(
            &format!("get {wanted:?} as {act_as:?}"),
            |read| !read["get"].is_null() && target(&read["get"]) == wanted && act_as.is_none(),
            |found| (!found.is_null() && !found.is_boolean()).then(|| Json::from_value(found)),
        );
        Box::pin(async { answer })
    }

    fn get_live(
        &self,
        _target: ObjectRef,
        _act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        self.surprise("get-live")
    }

    fn query(&self, _selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        self.surprise("query")
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        let answer = self.next(
            "children",
            |read| read["children"] == Value::Bool(true),
            |found| {
                found
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(Json::from_value)
                    .collect()
            },
        );
        Box::pin(async { answer })
    }

    fn observe(
        &self,
        _targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        self.surprise("observe")
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        self.surprise("kinds")
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        self.surprise("server-version")
    }

    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        self.surprises.lock().push("send".to_owned());
        Box::pin(async { Err(HttpError::Denied("not in the case".to_owned())) })
    }

    fn log(&self, line: LogLine) {
        self.lines.lock().push(line);
    }
}
