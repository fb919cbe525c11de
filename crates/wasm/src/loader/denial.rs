//! The host of a module that is being loaded: it hears what is logged, and grants nothing.

use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError, Selection,
};
use oarlock_core::reference::{KindInfo, ObjectRef};

const DENIAL: &str = "describe has no capability but log";

/// Denies everything.
pub(super) struct LoadHost;

fn denied<T: Send>() -> BoxFuture<'static, Result<T, ReadError>> {
    Box::pin(async { Err(ReadError::Denied(DENIAL.to_owned())) })
}

impl Host for LoadHost {
    fn get(
        &self,
        _target: ObjectRef,
        _act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        denied()
    }

    fn get_live(
        &self,
        _target: ObjectRef,
        _act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        denied()
    }

    fn query(&self, _selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        denied()
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        denied()
    }

    fn observe(
        &self,
        _targets: Vec<ObjectRef>,
    ) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        denied()
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        denied()
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        denied()
    }

    fn send(&self, _request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async { Err(HttpError::Denied(DENIAL.to_owned())) })
    }

    fn log(&self, line: LogLine) {
        tracing::debug!(message = line.message, fields = ?line.fields, "module said while it was loaded");
    }
}
