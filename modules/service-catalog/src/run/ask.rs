//! One call to a broker: a request with the broker's address and our credentials, and what became of it.

#[cfg(test)]
mod tests;

use std::time::Duration;

use oarlock_sdk::Context;
use oarlock_sdk::http::{self, HttpError};

use super::access::Access;
use crate::osb::{Answer, Heard, Request};
use crate::situation::Obstacle;

/// How long a broker has for what has an effect, by the specification, and for its catalog. The host ends it earlier where the
/// run has less left.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long it has for what is asked again and again.
const SHORT: Duration = Duration::from_secs(10);

/// Asks a broker. `effect` is the key of what changes something there; none of what only reads.
///
/// # Errors
/// The host sends nothing there, or has no credentials for it: nothing was sent.
pub(crate) fn ask(
    cx: &Context,
    access: &Access,
    request: &Request,
    effect: Option<&str>,
) -> Result<Heard, Obstacle> {
    let sent = cx.send(&http::Request {
        method: request.method.as_str().to_owned(),
        url: format!("{}{}", access.url, request.target()),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        body: request.body.clone().unwrap_or_default(),
        timeout: Some(match effect.is_some() || request.path == "/v2/catalog" {
            true => TIMEOUT,
            false => SHORT,
        }),
        ca_bundle: access.ca_bundle.clone(),
        insecure_skip_tls_verify: access.insecure,
        auth: access.auth.clone(),
        effect: effect.map(str::to_owned),
    });
    match sent {
        Ok(response) => Ok(Heard::Answer(Answer {
            status: response.status,
            headers: response.headers,
            body: response.body,
        })),
        Err(HttpError::Denied(message)) => Err(denied(message)),
        Err(error @ (HttpError::Connect(_) | HttpError::Tls(_))) => Ok(Heard::Unsent {
            cause: error.to_string(),
        }),
        Err(error @ (HttpError::TimedOut | HttpError::TooLarge(_) | HttpError::Other(_))) => {
            Ok(Heard::Lost {
                cause: error.to_string(),
            })
        }
    }
}

/// The host says what is missing: a grant, a Secret or one of its entries. It calls again when that is there.
fn denied(message: String) -> Obstacle {
    let reason = match message.contains("Secret") {
        true => "ErrorGettingAuthCredentials",
        false => "BrokerNotGranted",
    };
    Obstacle {
        reason,
        message: format!("the broker cannot be asked: {message}"),
        retry: None,
    }
}
