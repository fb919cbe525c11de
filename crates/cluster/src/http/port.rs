//! The way out, as the engine wants it.

use std::time::Duration;

use oarlock_core::egress;
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};

use super::{Credentials, Egress};

impl egress::Egress for Egress {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<egress::Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let credentials = credentials.map(|credentials| match credentials {
            egress::Credentials::Basic(user, password) => Credentials::Basic {
                user: user.into_bytes(),
                password: password.into_bytes(),
            },
            egress::Credentials::Bearer(token) => Credentials::Bearer {
                token: token.into_bytes(),
            },
        });
        // Grants of origins are the engine's; addresses that are never opened are checked by the connector.
        Box::pin(async move {
            self.send(&request, credentials.as_ref(), &|_| Ok(()), limit)
                .await
        })
    }
}
