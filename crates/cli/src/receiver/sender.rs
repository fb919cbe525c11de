//! Kinds of senders: how each proves who it is. Secrets are compared in constant time.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use schemars::JsonSchema;
use serde::Deserialize;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sender {
    /// GitHub: `X-Hub-Signature-256`.
    Github,
    /// GitLab: `X-Gitlab-Token`.
    Gitlab,
    /// Gitea: `X-Gitea-Signature` or `X-Hub-Signature-256`.
    Gitea,
    /// Forgejo: `X-Forgejo-Signature`, or Gitea's.
    Forgejo,
    /// Gogs: `X-Gogs-Signature`.
    Gogs,
    /// Bitbucket: `X-Hub-Signature`.
    Bitbucket,
    /// A registry's notifications: a token in `Authorization`.
    Registry,
    /// Harbor: the token in `Authorization`.
    Harbor,
    /// Docker Hub, which signs nothing: the token in the URL.
    Dockerhub,
    /// Whoever can send a token, whatever the payload: all sources of the receiver.
    Generic,
    /// Whoever can sign: `X-Signature`, whatever the payload: all sources of the receiver.
    GenericHmac,
}

/// How it proves who it is.
enum Proof {
    /// HMAC of the payload in one of these headers, in hexadecimal.
    Signature(&'static [&'static str]),
    /// The token in this header.
    Header(&'static str),
    /// The token as bearer or password, or at the end of the URL.
    Token,
}

impl Sender {
    const fn proof(self) -> Proof {
        match self {
            Self::Github => Proof::Signature(&["x-hub-signature-256"]),
            Self::Gitea => Proof::Signature(&["x-gitea-signature", "x-hub-signature-256"]),
            Self::Forgejo => Proof::Signature(&[
                "x-forgejo-signature",
                "x-gitea-signature",
                "x-hub-signature-256",
            ]),
            Self::Gogs => Proof::Signature(&["x-gogs-signature"]),
            Self::Bitbucket => Proof::Signature(&["x-hub-signature"]),
            Self::GenericHmac => Proof::Signature(&["x-signature"]),
            Self::Gitlab => Proof::Header("x-gitlab-token"),
            Self::Registry | Self::Harbor | Self::Dockerhub | Self::Generic => Proof::Token,
        }
    }

    /// Whether a request comes from somebody who knows `token`. `tail` is what follows the receiver's name in the URL.
    pub(super) fn is_genuine(
        self,
        token: &[u8],
        headers: &HeaderMap,
        tail: Option<&str>,
        body: &[u8],
    ) -> bool {
        match self.proof() {
            Proof::Signature(names) => {
                // The first that is there decides.
                let mut given = names.iter().filter_map(|name| headers.get(*name));
                given
                    .next()
                    .is_some_and(|value| signs(value.as_bytes(), token, body))
            }
            Proof::Header(name) => {
                let given = headers.get(name);
                given.is_some_and(|value| equal(value.as_bytes(), token))
            }
            Proof::Token => match headers.get(AUTHORIZATION) {
                Some(value) => {
                    presented(value.as_bytes()).is_some_and(|given| equal(&given, token))
                }
                None => tail.is_some_and(|tail| equal(tail.as_bytes(), token)),
            },
        }
    }

    /// Whether the secret may stand in the URL.
    pub(super) const fn takes_token_in_url(self) -> bool {
        matches!(self.proof(), Proof::Token)
    }

    /// Whether the event that the headers name may mean something new. Senders that name none mean it always.
    pub(super) fn is_news(self, headers: &HeaderMap) -> bool {
        let (names, news): (&[&str], &[&str]) = match self {
            Self::Github => (
                &["x-github-event"],
                &["push", "create", "release", "package", "registry_package"],
            ),
            Self::Gitea | Self::Forgejo | Self::Gogs => (
                &["x-forgejo-event", "x-gitea-event", "x-gogs-event"],
                &["push", "create", "release", "package"],
            ),
            Self::Gitlab => (
                &["x-gitlab-event"],
                &["Push Hook", "Tag Push Hook", "Release Hook", "System Hook"],
            ),
            Self::Bitbucket => (&["x-event-key"], &["repo:push", "repo:refs_changed"]),
            Self::Registry | Self::Harbor | Self::Dockerhub | Self::Generic | Self::GenericHmac => {
                return true;
            }
        };
        let mut named = names.iter().filter_map(|name| headers.get(*name));
        let event = named.next().and_then(|event| event.to_str().ok());
        event.is_none_or(|event| news.contains(&event))
    }
}

/// The token of an `Authorization` header: a bearer's, a password, or the header itself.
fn presented(value: &[u8]) -> Option<Vec<u8>> {
    let after = |scheme: &str| {
        let (head, rest) = value.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
    };
    if let Some(token) = after("Bearer ") {
        return Some(token.to_owned());
    }
    if let Some(pair) = after("Basic ") {
        let pair = STANDARD.decode(pair).ok()?;
        let colon = pair.iter().position(|b| *b == b':')?;
        return Some(pair[colon + 1..].to_owned());
    }
    Some(value.to_owned())
}

/// Whether a header is the HMAC of `body`: hexadecimal, with or without `sha256=` or `sha512=`.
fn signs(value: &[u8], token: &[u8], body: &[u8]) -> bool {
    let (algorithm, code) = match value.iter().position(|b| *b == b'=') {
        None => (hmac::HMAC_SHA256, value),
        Some(at) => match &value[..at] {
            b"sha256" => (hmac::HMAC_SHA256, &value[at + 1..]),
            b"sha512" => (hmac::HMAC_SHA512, &value[at + 1..]),
            _ => return false,
        },
    };
    let Some(code) = from_hex(code) else {
        return false;
    };
    hmac::verify(&hmac::Key::new(algorithm, token), body, &code).is_ok()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    text.chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// Whether both are the same, which takes as long as it takes whatever they are: not even their lengths show.
fn equal(given: &[u8], token: &[u8]) -> bool {
    let hash = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
    constant_time::verify_slices_are_equal(hash(given).as_ref(), hash(token).as_ref()).is_ok()
}

#[cfg(test)]
mod tests;
