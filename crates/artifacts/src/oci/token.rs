//! Tokens: a registry may leave it to another server who its callers are (distribution's token authentication).

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oarlock_core::artifact::{Credentials, FetchError, Reach};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use super::login::Login;
use super::refusal::Refusal;
use crate::client::{Call, Client, NamedBy, shown};

/// Bytes of an answer with a token in it.
const LIMIT: u64 = 1 << 20;

/// Where tokens are, as a registry says.
pub(super) struct Office<'a> {
    pub(super) realm: &'a str,
    pub(super) service: Option<&'a str>,
    /// What the registry wants the token to allow, beside what is asked for anyway.
    pub(super) scope: Option<&'a str>,
    /// Servers that may be asked, wherever they are.
    pub(super) reach: &'a Reach,
    /// Whether the registry has a private address itself.
    pub(super) private: bool,
}

#[derive(Deserialize)]
struct Issued {
    token: Option<String>,
    access_token: Option<String>,
}

impl Office<'_> {
    /// A token for `scope` as an `Authorization`. Without a login one is asked for nonetheless: that is how public repositories
    /// are read.
    pub(super) async fn token(
        &self,
        client: &Client,
        asked: &Url,
        scope: &str,
        login: &Login,
        credentials: &Credentials,
    ) -> Result<HeaderValue, FetchError> {
        let mut url = realm(self.realm, asked)?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", scope);
            for other in self.scope.into_iter().flat_map(str::split_whitespace) {
                if other != scope {
                    query.append_pair("scope", other);
                }
            }
            if let Login::Basic { user, .. } = login {
                query.append_pair("account", user);
            }
        }
        let mut headers = HeaderMap::new();
        if let Login::Basic { user, password } = login {
            headers.insert(AUTHORIZATION, basic(user, password)?);
        }
        // The certificate of a client is for the registry.
        let trust = Credentials {
            ca: credentials.ca.clone(),
            client: credentials
                .client
                .clone()
                .filter(|_| url.origin() == asked.origin()),
            ..Credentials::default()
        };
        let named_by = if url.origin() == asked.origin() {
            NamedBy::Caller
        } else {
            NamedBy::Server {
                private: self.private,
            }
        };
        let answer = client
            .send(Call {
                method: Method::GET,
                url: url.clone(),
                headers,
                credentials: &trust,
                reach: self.reach,
                named_by,
                limit: LIMIT,
            })
            .await?;
        if answer.status != StatusCode::OK {
            return Err(Refusal::of(&url, &answer, login).into());
        }
        let issued: Issued = serde_json::from_slice(&answer.body).map_err(|_says_nothing| {
            FetchError::Unavailable(format!(
                "GET \"{}\": the answer has no token in it; hint: the registry sends its callers there to get one",
                shown(&url)
            ))
        })?;
        let token = issued
            .token
            .filter(|token| !token.is_empty())
            .or(issued.access_token)
            .unwrap_or_default();
        bearer(&token)
    }
}

/// Where tokens are, unless a registry that means no good would have credentials carried somewhere with it.
fn realm(realm: &str, asked: &Url) -> Result<Url, FetchError> {
    let refused = |problem: &str| {
        FetchError::Denied(format!(
            "GET \"{}\": bearer realm {realm:?} {problem}; hint: the registry says where tokens are, and that is no place for credentials",
            shown(asked)
        ))
    };
    let url = Url::parse(realm).map_err(|_| refused("is no URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if asked.scheme() == "http" => {}
        "http" => return Err(refused("uses http but registry was contacted over https")),
        _ => return Err(refused("uses unsupported scheme")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("has a user name in it"));
    }
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    if address.is_some_and(is_inside) && url.host_str() != asked.host_str() {
        return Err(refused(
            "host is a loopback, link-local, private, or unspecified address",
        ));
    }
    Ok(url)
}

/// Addresses that mean something else on every network.
const fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_link_local()
                || address.is_private()
                || address.is_unspecified()
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => is_inside(IpAddr::V4(inner)),
            None => {
                address.is_loopback()
                    || address.is_unicast_link_local()
                    || address.is_unique_local()
                    || address.is_unspecified()
            }
        },
    }
}

/// User name and password as an `Authorization`.
pub(super) fn basic(user: &str, password: &str) -> Result<HeaderValue, FetchError> {
    if user.contains(':') {
        return Err(FetchError::Unauthorized(
            "the user name contains a colon, which HTTP has no way to say".to_owned(),
        ));
    }
    let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
    header(&format!("Basic {both}"))
}

/// A token as an `Authorization`.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, FetchError> {
    if token.is_empty() {
        return Err(FetchError::Unauthorized(
            "the token is empty; hint: the registry's token server gave none".to_owned(),
        ));
    }
    header(&format!("Bearer {token}"))
}

fn header(text: &str) -> Result<HeaderValue, FetchError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        FetchError::Unauthorized(
            "the token is no header value; hint: it has line breaks or control characters in it"
                .to_owned(),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::options::{Limits, Timeouts};

    #[test]
    fn realms() {
        let mut told = String::new();
        for (asked, realms) in [
            (
                "https://r.example/v2/",
                [
                    "https://auth.example/token",
                    "https://10.0.0.1/token",
                    "http://auth.example/token",
                    "https://169.254.169.254/token",
                    "https://[::ffff:127.0.0.1]/token",
                    "https://u:p@auth.example/",
                    "file:///etc",
                    "token",
                ],
            ),
            (
                "http://127.0.0.1:5000/v2/",
                [
                    "http://127.0.0.1:5001/token",
                    "http://127.0.0.2/token",
                    "https://auth.example/token",
                    "http://auth.example/token",
                    "http://192.168.0.1/",
                    "http://[::1]/",
                    "http://0.0.0.0/",
                    "ftp://x/",
                ],
            ),
        ] {
            for realm_text in realms {
                let outcome = match realm(realm_text, &asked.parse().unwrap()) {
                    Ok(url) => format!("{url} is asked"),
                    Err(error) => error.to_string(),
                };
                told.push_str(outcome.split("; hint").next().unwrap());
                told.push('\n');
            }
        }
        insta::assert_snapshot!(told);
    }

    #[tokio::test]
    async fn a_registry_on_the_internet_has_no_realm_inside() {
        let client = Client::new(Timeouts::default(), &Limits::default());
        let nothing = Reach::Granted {
            grants: Vec::new(),
            namespace: None,
        };
        let asked = "http://registry.example/v2/".parse().unwrap();
        for (private, reach, is_denied) in [
            (false, &nothing, true),
            // Nobody listens there.
            (true, &nothing, false),
            (false, &Reach::Anywhere { plain_http: false }, false),
        ] {
            let office = Office {
                realm: "http://localhost:1/token",
                service: None,
                scope: None,
                reach,
                private,
            };
            let credentials = Credentials::default();
            let token = office
                .token(&client, &asked, "scope", &Login::Anonymous, &credentials)
                .await;
            let error = token.unwrap_err();
            assert_eq!(matches!(error, FetchError::Denied(_)), is_denied, "{error}");
        }
    }

    #[test]
    fn authorizations() {
        assert_eq!(basic("a", "b").unwrap(), "Basic YTpi");
        assert!(basic("a", "b").unwrap().is_sensitive());
        assert_eq!(bearer("t").unwrap(), "Bearer t");
        assert!(basic("a:b", "c").is_err());
        assert!(bearer("").is_err());
        assert!(bearer("a\nb").is_err());
    }
}
