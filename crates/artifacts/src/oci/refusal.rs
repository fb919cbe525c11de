//! What a registry says when it does not give what was asked for, as Helm tells it.

use std::fmt::Write as _;

use oarlock_core::artifact::FetchError;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::login::Login;
use crate::client::{Answer, shown};

/// Bytes of a message of a registry.
pub(super) const MESSAGE: u64 = 8 << 10;

/// What rustls says of a server that does not speak TLS.
const NOT_TLS: &str = "InvalidContentType";

/// What servers of Go say to a caller without TLS.
const TLS: &[u8] = b"HTTP request to an HTTPS server";

/// An answer other than 200.
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
    hint: Option<String>,
    code: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Refusal {
    /// Of an answer to a GET of `url`.
    pub(super) fn of(url: &Url, answer: &Answer, login: &Login) -> Self {
        let errors = serde_json::from_slice::<Body>(&answer.body)
            .map(|body| body.errors)
            .unwrap_or_default();
        let status = answer.status;
        let mut text = format!(
            "GET \"{}\": response status code {}: ",
            shown(url),
            status.as_u16()
        );
        if errors.is_empty() {
            text.push_str(status.canonical_reason().unwrap_or("unknown"));
        }
        for (number, Entry { code, message }) in errors.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            let code = code.replace('_', " ").to_ascii_lowercase();
            let colon = if message.is_empty() { "" } else { ": " };
            let _infallible = write!(text, "{separator}{code}{colon}{message}");
        }
        let code = errors.into_iter().next().map(|entry| entry.code);
        Self {
            status,
            text,
            hint: if answer.body.windows(TLS.len()).any(|part| part == TLS) {
                Some("the registry speaks TLS: do not ask for plain HTTP".to_owned())
            } else {
                hint(status, login)
            },
            code,
        }
    }
}

fn hint(status: StatusCode, login: &Login) -> Option<String> {
    let hint = match (status.as_u16(), login) {
        (401 | 403, Login::Elsewhere(what)) => {
            return Some(format!(
                "no credentials were sent: the Docker configuration has {what}, which is not used here: give user name and password; some registries say so too where there is no such repository"
            ));
        }
        (401 | 403, Login::Anonymous) => {
            "no credentials were sent: name a Secret with `username` and `password` or `.dockerconfigjson`; some registries say so too where there is no such repository"
        }
        (401 | 403, _) => {
            "the credentials are not taken: check user name, password and token, and whether they may pull this repository"
        }
        (404, _) => "check registry and path of the repository: is there such a chart?",
        (429, _) => {
            "the registry has enough for now; it passes, and credentials may raise the limit"
        }
        (500..=599, _) => "it may pass, try again later",
        _ => return None,
    };
    Some(hint.to_owned())
}

impl From<Refusal> for FetchError {
    fn from(refusal: Refusal) -> Self {
        let text = match refusal.hint {
            Some(hint) => format!("{}; hint: {hint}", refusal.text),
            None => refusal.text,
        };
        match (refusal.status, refusal.code.as_deref()) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _)
            | (_, Some("UNAUTHORIZED" | "DENIED")) => Self::Unauthorized(text),
            (StatusCode::NOT_FOUND, _)
            | (_, Some("NAME_UNKNOWN" | "MANIFEST_UNKNOWN" | "BLOB_UNKNOWN")) => {
                Self::NotFound(text)
            }
            _ => Self::Unavailable(text),
        }
    }
}

/// Says what TLS libraries say in words of their own.
pub(super) fn unreachable(url: &Url, error: FetchError) -> FetchError {
    match error {
        FetchError::Unavailable(text) if url.scheme() == "https" && text.contains(NOT_TLS) => {
            FetchError::Unavailable(format!(
                "Get \"{}\": http: server gave HTTP response to HTTPS client; hint: the registry does not speak TLS: say so (--plain-http on the command line, a grant http:// beside oci:// for a watch), if that is meant",
                shown(url)
            ))
        }
        FetchError::Unavailable(text) => {
            let url = shown(url);
            match text.strip_prefix(&format!("failed to fetch {url}: ")) {
                Some(cause) => FetchError::Unavailable(format!("Get \"{url}\": {cause}")),
                None => FetchError::Unavailable(text),
            }
        }
        other => other,
    }
}
