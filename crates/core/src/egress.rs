//! The port to the world outside the cluster.

use std::time::Duration;

use crate::future::BoxFuture;
use crate::reconciler::{HttpError, HttpRequest, HttpResponse};

/// Credentials, with their values, resolved by the engine from what a request names; never seen by a module.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password.
    Basic {
        /// User name; without a colon.
        user: Vec<u8>,
        /// Password.
        password: Vec<u8>,
    },
    /// A bearer token.
    Bearer {
        /// The token.
        token: Vec<u8>,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer { .. } => "Bearer(…)",
        })
    }
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
