//! Who one is to a registry.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oarlock_core::artifact::{Credentials, FetchError};
use serde::Deserialize;

use super::reference::Place;

/// What opens one registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// Nobody.
    Anonymous,
    /// User name and password, or a token in its place.
    Basic {
        /// The user.
        user: String,
        /// Its password.
        password: String,
    },
    /// What would otherwise be got for user name and password.
    Token(String),
    /// Docker's configuration leaves it to a program, which is not run here.
    Elsewhere(&'static str),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// `config.json` of Docker, as far as it is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl Login {
    /// What `credentials` have for the registry of `place`.
    pub(super) fn of(place: &Place, credentials: &Credentials) -> Result<Self, FetchError> {
        if let Some((user, password)) = &credentials.basic {
            return Ok(Self::Basic {
                user: user.clone(),
                password: password.clone(),
            });
        }
        if let Some(token) = &credentials.bearer {
            return Ok(Self::Token(token.trim_end().to_owned()));
        }
        match &credentials.docker_config {
            Some(text) => Self::of_docker(place, text),
            None => Ok(Self::Anonymous),
        }
    }

    fn of_docker(place: &Place, text: &str) -> Result<Self, FetchError> {
        let registry = &place.registry;
        let invalid = |problem: &str| {
            FetchError::Unauthorized(format!(
                "the Docker configuration cannot be read: {problem}; hint: `.dockerconfigjson` holds {{\"auths\": {{\"{registry}\": {{\"username\": …, \"password\": …}}}}}}"
            ))
        };
        // The parser's message may quote what is secret: it only tells the place.
        let config: DockerConfig = serde_json::from_str(text).map_err(|error| {
            invalid(&format!("line {}, column {}", error.line(), error.column()))
        })?;
        let found = entry(&config.auths, place);
        let login = match found {
            Some(auth) => auth.login().map_err(invalid)?,
            None => Self::Anonymous,
        };
        let helped = config.cred_helpers.contains_key(registry) || config.creds_store.is_some();
        if login == Self::Anonymous && helped {
            return Ok(Self::Elsewhere("a credential helper"));
        }
        Ok(login)
    }
}

impl Auth {
    fn login(&self) -> Result<Login, &'static str> {
        if !self.registrytoken.is_empty() {
            return Ok(Login::Token(self.registrytoken.clone()));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Login::Elsewhere("an identity token"));
        }
        let (user, password) = if self.auth.is_empty() {
            (self.username.clone(), self.password.clone())
        } else {
            let decoded = BASE64_STANDARD
                .decode(self.auth.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or("`auth` is not Base64 of a text")?;
            let (user, password) = decoded
                .split_once(':')
                .ok_or("`auth` is not Base64 of user:password")?;
            // Docker pads passwords of fixed length with zeros.
            (user.to_owned(), password.trim_end_matches('\0').to_owned())
        };
        if user.is_empty() && password.is_empty() {
            return Ok(Login::Anonymous);
        }
        Ok(Login::Basic { user, password })
    }
}

/// The entry of a place: of the longest path that it is below, as Kubernetes has it; else of the registry, as Docker has it,
/// whatever scheme and version of its interface the entry has.
fn entry<'a>(auths: &'a BTreeMap<String, Auth>, place: &Place) -> Option<&'a Auth> {
    let Place {
        registry,
        repository,
    } = place;
    let registry = match registry.as_str() {
        "docker.io" | "registry-1.docker.io" => "index.docker.io",
        registry => registry,
    };
    let mut best: Option<(usize, &Auth)> = None;
    for (key, auth) in auths {
        let key = key
            .strip_prefix("https://")
            .or_else(|| key.strip_prefix("http://"))
            .unwrap_or(key);
        let (host, path) = key.split_once('/').unwrap_or((key, ""));
        let path = match path.trim_end_matches('/') {
            "v1" | "v2" => "",
            path => path,
        };
        let below = repository
            .strip_prefix(path)
            .is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/'));
        let host = if host == "docker.io" {
            "index.docker.io"
        } else {
            host
        };
        if host == registry && below && best.is_none_or(|(length, _)| length < path.len()) {
            best = Some((path.len(), auth));
        }
    }
    // The very name goes before other ways to write it.
    match (best, auths.get(&place.registry)) {
        (Some((0, _)) | None, Some(auth)) => Some(auth),
        (best, _) => best.map(|(_, auth)| auth),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// `registry`, or a path of it.
    fn place(text: &str) -> Place {
        let (registry, repository) = text.split_once('/').unwrap_or((text, "web"));
        Place {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
        }
    }

    fn of(registry: &str, config: &str) -> Login {
        let credentials = Credentials {
            docker_config: Some(config.to_owned()),
            ..Credentials::default()
        };
        Login::of(&place(registry), &credentials).unwrap()
    }

    fn basic(user: &str, password: &str) -> Login {
        Login::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn registries_of_a_docker_configuration() {
        let config = r#"{"auths": {
            "r.example": {"username": "a", "password": "b"},
            "r.example:5000": {"auth": "YzpkOmU="},
            "https://old.example/v1/": {"username": "f", "password": "g"},
            "https://index.docker.io/v1/": {"username": "h", "password": "i"},
            "token.example": {"registrytoken": "t"},
            "identity.example": {"auth": "eDp5", "identitytoken": "t"},
            "empty.example": {},
            "path.example/team": {"username": "j", "password": "k"},
            "path.example/team/web": {"username": "l", "password": "m"},
            "both.example": {"username": "n", "password": "o"},
            "https://both.example/v2/": {"username": "p", "password": "q"}
        }}"#;
        for (registry, login) in [
            ("r.example", basic("a", "b")),
            ("r.example:5000", basic("c", "d:e")),
            ("old.example", basic("f", "g")),
            ("docker.io", basic("h", "i")),
            ("registry-1.docker.io", basic("h", "i")),
            ("token.example", Login::Token("t".to_owned())),
            ("identity.example", Login::Elsewhere("an identity token")),
            ("empty.example", Login::Anonymous),
            ("path.example/team/api", basic("j", "k")),
            ("path.example/team/web", basic("l", "m")),
            ("path.example/teams/web", Login::Anonymous),
            ("both.example", basic("n", "o")),
            ("other.example", Login::Anonymous),
            ("sub.r.example", Login::Anonymous),
        ] {
            assert!(of(registry, config) == login, "{registry}");
        }
    }

    #[test]
    fn helpers_are_not_run() {
        let config =
            r#"{"auths": {"a": {}, "b": {"auth": "YzpkOmU="}}, "credHelpers": {"a": "x"}}"#;
        assert!(of("a", config) == Login::Elsewhere("a credential helper"));
        assert!(of("b", config) == basic("c", "d:e"));
        assert!(of("c", config) == Login::Anonymous);
        assert!(of("c", r#"{"credsStore": "x"}"#) == Login::Elsewhere("a credential helper"));
    }

    #[test]
    fn what_is_broken_is_told_without_secrets() {
        let mut told = String::new();
        for text in [
            "",
            "{\"auths\": {\"r\": {\"password\": 7}}}",
            "{\"auths\": {\"r\": {\"auth\": \"c2VjcmV0\"}}}",
            "{\"auths\": {\"r\": {\"auth\": \"secret!\"}}}",
        ] {
            let credentials = Credentials {
                docker_config: Some(text.to_owned()),
                ..Credentials::default()
            };
            let error = Login::of(&place("r"), &credentials).unwrap_err();
            told.push_str(&error.to_string());
            told.push('\n');
        }
        assert!(!told.contains("secret"));
        insta::assert_snapshot!(told);
    }

    #[test]
    fn what_is_said_goes_before_a_file() {
        let credentials = Credentials {
            basic: Some(("a".to_owned(), "b".to_owned())),
            bearer: Some("t\n".to_owned()),
            docker_config: Some("nonsense".to_owned()),
            ..Credentials::default()
        };
        assert!(Login::of(&place("r"), &credentials).unwrap() == basic("a", "b"));
        let credentials = Credentials {
            basic: None,
            ..credentials
        };
        assert!(Login::of(&place("r"), &credentials).unwrap() == Login::Token("t".to_owned()));
    }
}
