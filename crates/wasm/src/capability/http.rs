//! `oarlock:reconcile/http`: handed to the host of the run, which checks the grants, records, and fills in credentials.

use std::time::Duration;

use oarlock_core::reconciler::{HttpAuth, HttpError, HttpRequest, SecretKey};

use crate::bindings::oarlock::reconcile::http;
use crate::store::RunState;

impl http::Host for RunState {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::HttpError>> {
        let call = self.deadline.within(call(request));
        let answer = self.host.send(call).await;
        Ok(answer
            .map(|response| http::Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
            })
            .map_err(error))
    }
}

fn call(request: http::Request) -> HttpRequest {
    HttpRequest {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeout: (request.timeout_ms > 0)
            .then(|| Duration::from_millis(u64::from(request.timeout_ms))),
        ca_bundle: request.ca_bundle,
        insecure_skip_tls_verify: request.insecure_skip_tls_verify,
        auth: request.auth.map(auth),
        effect: request.effect,
    }
}

fn auth(auth: http::Auth) -> HttpAuth {
    match auth {
        http::Auth::Basic((user, password)) => {
            HttpAuth::Basic(secret_key(user), secret_key(password))
        }
        http::Auth::Bearer(token) => HttpAuth::Bearer(secret_key(token)),
    }
}

pub(super) fn secret_key(secret: http::SecretRef) -> SecretKey {
    SecretKey {
        namespace: secret.namespace,
        name: secret.name,
        key: secret.key,
    }
}

fn error(error: HttpError) -> http::HttpError {
    match error {
        HttpError::Denied(text) => http::HttpError::Denied(text),
        HttpError::TimedOut => http::HttpError::TimedOut,
        HttpError::Connect(text) => http::HttpError::Connect(text),
        HttpError::Tls(text) => http::HttpError::Tls(text),
        HttpError::TooLarge(limit) => http::HttpError::TooLarge(limit),
        HttpError::Other(text) => http::HttpError::Other(text),
    }
}
