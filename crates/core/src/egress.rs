//! The port to the world outside the cluster.

use std::time::Duration;

use crate::future::BoxFuture;
use crate::reconciler::{HttpError, HttpRequest, HttpResponse};

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
    /// One call, answered or failed within `limit` (real time: a network does not get faster under a virtual clock).
    ///
    /// # Errors
    /// See [`HttpError`].
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;
}
