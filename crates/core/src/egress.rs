//! The port to the world outside the cluster.

use crate::future::BoxFuture;
use crate::reconciler::{HttpError, HttpRequest, HttpResponse};
use crate::timestamp::Timestamp;

/// Credentials with their values, resolved by the engine from what the request names.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
}

/// Sends what a watch has granted. Knows addresses that are never opened, whatever is granted.
pub trait Egress: Send + Sync + 'static {
    /// One call, answered or failed by `deadline`.
    ///
    /// # Errors
    /// See [`HttpError`].
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        deadline: Timestamp,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;
}
