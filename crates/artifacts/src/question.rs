//! What a source is asked, and by whom.

use std::fmt;

use oarlock_core::artifact::{Credentials, Reach, without_query};
use oarlock_core::reference::Digest;

/// What kind of thing is asked for. Each has records of its own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// An archive by its URL.
    Archive,
    /// The index of a repository.
    Index,
    /// The tags of a repository of a registry.
    Tags,
    /// A manifest of a registry, by tag or digest.
    Manifest,
    /// The refs of a git repository.
    Refs,
    /// A folder of a commit.
    Tree,
    /// A folder of a commit, with what it depends on.
    Umbrella,
    /// All that one caller wants of one package.
    Package,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Index => "index",
            Self::Tags => "tags",
            Self::Manifest => "manifest",
            Self::Refs => "refs",
            Self::Tree => "tree",
            Self::Umbrella => "umbrella",
            Self::Package => "package",
        }
    }
}

/// One question to one source. Who asks with other credentials asks another question, so that nobody gets an answer that was
/// meant for somebody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Question {
    kind: Kind,
    address: String,
    digest: Digest,
}

impl Question {
    /// About `address`, which has no credentials in it.
    pub(crate) fn new(kind: Kind, address: impl Into<String>, credentials: &Credentials) -> Self {
        let address = address.into();
        let mut bytes = Vec::new();
        let mut part = |part: Option<&str>| match part {
            Some(text) => {
                bytes.extend_from_slice(&(text.len() as u64 + 1).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
            None => bytes.extend_from_slice(&0_u64.to_le_bytes()),
        };
        part(Some(kind.as_str()));
        part(Some(&address));
        let Credentials {
            basic,
            bearer,
            docker_config,
            identity,
            known_hosts,
            ca,
            client,
        } = credentials;
        part(basic.as_ref().map(|(user, _)| user.as_str()));
        part(basic.as_ref().map(|(_, password)| password.as_str()));
        part(client.as_ref().map(|(certificate, _)| certificate.as_str()));
        part(client.as_ref().map(|(_, key)| key.as_str()));
        for secret in [bearer, docker_config, identity, known_hosts, ca] {
            part(secret.as_deref());
        }
        Self {
            kind,
            address,
            digest: Digest::of(&bytes),
        }
    }

    /// The same, by who may ask the servers of `reach`: a redirect may lead one of them where it leads no other.
    pub(crate) fn within(mut self, reach: &Reach) -> Self {
        let reach = match reach {
            Reach::Anywhere { plain_http } => format!("anywhere {plain_http}"),
            Reach::Granted { grants, namespace } => {
                let namespace = namespace
                    .as_ref()
                    .filter(|_| grants.iter().any(|grant| grant.contains("{namespace}")));
                let mut grants: Vec<&str> = grants.iter().map(String::as_str).collect();
                grants.sort_unstable();
                grants.dedup();
                format!("{grants:?} {namespace:?}")
            }
        };
        self.digest = Digest::of(format!("{} {reach}", self.digest).as_bytes());
        self
    }

    /// What it is about.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Of all that it is about.
    pub(crate) const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Names the question among all others; fit for a file name.
    pub(crate) fn hex(&self) -> &str {
        self.digest.hex()
    }
}

/// For people: without what may be a signature.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), without_query(&self.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_credentials_are_another_question() {
        let basic = |user: &str, password: &str| Credentials {
            basic: Some((user.to_owned(), password.to_owned())),
            ..Credentials::default()
        };
        let bearer = Credentials {
            bearer: Some("a".to_owned()),
            ..Credentials::default()
        };
        let questions = [
            Question::new(Kind::Index, "a", &Credentials::default()),
            Question::new(Kind::Archive, "a", &Credentials::default()),
            Question::new(Kind::Index, "b", &Credentials::default()),
            Question::new(Kind::Index, "a", &basic("a", "bc")),
            Question::new(Kind::Index, "a", &basic("ab", "c")),
            Question::new(Kind::Index, "a", &basic("", "")),
            Question::new(Kind::Index, "a", &bearer),
        ];
        let mut names: Vec<&str> = questions.iter().map(Question::hex).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), questions.len());
        assert_eq!(
            questions[3],
            Question::new(Kind::Index, "a", &basic("a", "bc"))
        );
        assert_eq!(questions[3].to_string(), "index a");
    }

    #[test]
    fn what_may_be_a_signature_is_asked_and_not_shown() {
        let about = |url| Question::new(Kind::Archive, url, &Credentials::default());
        let signed = about("https://charts.example/a.tgz?sig=secret#part");
        assert_eq!(signed.to_string(), "archive https://charts.example/a.tgz");
        assert_ne!(signed.hex(), about("https://charts.example/a.tgz").hex());
    }

    #[test]
    fn who_may_ask_others_asks_another_question() {
        let within = |grants: &[&str], namespace: &str| {
            let reach = Reach::Granted {
                grants: grants.iter().copied().map(str::to_owned).collect(),
                namespace: Some(namespace.to_owned()),
            };
            Question::new(Kind::Index, "a", &Credentials::default()).within(&reach)
        };
        let one = within(&["https://a", "https://b"], "x");
        assert_eq!(one, within(&["https://b", "https://a", "https://b"], "y"));
        assert_ne!(one, within(&["https://a"], "x"));
        let own = |namespace| within(&["https://a.{namespace}"], namespace);
        assert_eq!(own("x"), own("x"));
        assert_ne!(own("x"), own("y"));
    }
}
