//! Where packages are, as grants name it, and which of it is granted. Pure: nothing is resolved here.

use std::fmt;

use thiserror::Error;

use super::{FetchError, Source, without_query};
use crate::origin::{self, Host, HostPattern, Origin, OriginProblem};

/// What one may fetch from. Dependencies of a chart, and archives that an index names on other servers, are fetched only where
/// this covers them too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every source: a person at a command line asks.
    Anywhere {
        /// Whether registries are spoken to without TLS.
        plain_http: bool,
    },
    /// What a watch grants.
    Granted {
        /// Its `grants.artifacts`. One that cannot be read covers nothing.
        grants: Vec<String>,
        /// Namespace of the module's object, which `{namespace}` stands for; `None` for a cluster-scoped object.
        namespace: Option<String>,
    },
}

/// How a server of packages is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `http://`: archives, repositories and git.
    Http,
    /// `https://`: archives, repositories and git.
    Https,
    /// `oci://`: a registry.
    Oci,
    /// `ssh://`: git.
    Ssh,
}

/// Where a source is: what a grant names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The host's chart folder.
    Local,
    /// A server.
    Server {
        /// How it is spoken to.
        protocol: Protocol,
        /// Whom SSH logs in as.
        user: Option<String>,
        /// Its name or address.
        host: Host,
        /// Its port, the protocol's own where none is written.
        port: u16,
    },
}

/// One entry of `grants.artifacts`: `local`, or a server in whose host a label may be `*` (any one) or `{namespace}` (the
/// object's own). Without a user it opens `ssh://` for every user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteGrant(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Local,
    Server {
        protocol: Protocol,
        user: Option<String>,
        host: HostPattern,
        port: u16,
    },
}

/// Why a text names no place of packages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?}: {problem}")]
pub struct ParseSite {
    /// The URL or grant, without what may be a password.
    pub text: String,
    /// What is wrong with it.
    pub problem: SiteProblem,
}

/// What is wrong with a place of packages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SiteProblem {
    /// Not a URL.
    #[error("not an absolute URL")]
    Syntax,
    /// Git's short form, which is no URL.
    #[error("not an absolute URL; hint: write ssh://USER@HOST/PATH")]
    Short,
    /// A scheme that such a source does not have.
    #[error("expected {0}")]
    Scheme(&'static str),
    /// `user:password@`.
    #[error(
        "a user name or password in the URL is refused; hint: put them into a Secret and name it in `credentials`"
    )]
    UserInfo,
    /// Not a user that SSH would log in as.
    #[error("the user has other characters than letters, digits, . _ and -")]
    User,
    /// Host, port or path.
    #[error(transparent)]
    Origin(OriginProblem),
}

impl From<OriginProblem> for SiteProblem {
    fn from(problem: OriginProblem) -> Self {
        match problem {
            OriginProblem::UserInfo => Self::UserInfo,
            OriginProblem::Syntax => Self::Syntax,
            problem => Self::Origin(problem),
        }
    }
}

impl Protocol {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https | Self::Oci => 443,
            Self::Ssh => 22,
        }
    }

    const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Oci => "oci",
            Self::Ssh => "ssh",
        }
    }

    fn of(scheme: &str) -> Option<Self> {
        [Self::Http, Self::Https, Self::Oci, Self::Ssh]
            .into_iter()
            .find(|protocol| scheme.eq_ignore_ascii_case(protocol.scheme()))
    }
}

impl fmt::Display for Site {
    /// As a grant has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Server {
            protocol,
            user,
            host,
            port,
        } = self
        else {
            return f.write_str("local");
        };
        write!(f, "{}://", protocol.scheme())?;
        if let Some(user) = user {
            write!(f, "{user}@")?;
        }
        write!(f, "{host}")?;
        if *port != protocol.default_port() {
            write!(f, ":{port}")?;
        }
        Ok(())
    }
}

/// A text with `scheme://` and perhaps a user in front.
struct Parts<'t> {
    protocol: Protocol,
    user: Option<&'t str>,
    /// Host, port and all that follows.
    rest: &'t str,
}

/// Takes a URL or a grant apart. Only SSH has users.
fn split(text: &str) -> Result<Parts<'_>, SiteProblem> {
    let Some((scheme, rest)) = text.split_once("://") else {
        let short = text
            .split_once(':')
            .is_some_and(|(host, path)| host.contains('@') && !path.is_empty());
        return Err(if short {
            SiteProblem::Short
        } else {
            SiteProblem::Syntax
        });
    };
    let protocol =
        Protocol::of(scheme).ok_or(SiteProblem::Scheme("http://, https://, oci:// or ssh://"))?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let Some((user, _)) = rest[..end].rsplit_once('@') else {
        return Ok(Parts {
            protocol,
            user: None,
            rest,
        });
    };
    if protocol != Protocol::Ssh || user.contains(':') {
        return Err(SiteProblem::UserInfo);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    // One that begins with `-` is an option to programs that get it as an argument.
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(plain) {
        return Err(SiteProblem::User);
    }
    Ok(Parts {
        protocol,
        user: Some(user),
        rest: &rest[user.len() + 1..],
    })
}

impl Parts<'_> {
    /// As an http URL, whose rules for hosts and ports hold for all protocols.
    fn as_http(&self) -> String {
        let scheme = match self.protocol {
            Protocol::Http => "http",
            Protocol::Https | Protocol::Oci | Protocol::Ssh => "https",
        };
        format!("{scheme}://{}", self.rest)
    }

    fn has_port(&self) -> bool {
        let end = self
            .rest
            .find(['/', '?', '#', '\\'])
            .unwrap_or(self.rest.len());
        matches!(origin::split_port(&self.rest[..end]), Ok((_, Some(_))))
    }

    fn port(&self, read: u16) -> u16 {
        if self.has_port() {
            read
        } else {
            self.protocol.default_port()
        }
    }

    fn site(&self) -> Result<Site, SiteProblem> {
        let origin = Origin::parse(&self.as_http())?;
        Ok(Site::Server {
            protocol: self.protocol,
            user: self.user.map(str::to_owned),
            host: origin.host().clone(),
            port: self.port(origin.port()),
        })
    }
}

impl Site {
    /// Where a source is.
    ///
    /// # Errors
    /// When its URL is none, has a scheme that such a source does not have, has a password in it, or a host that can be read
    /// in more than one way.
    pub fn of(source: &Source) -> Result<Self, ParseSite> {
        const WEB: &[Protocol] = &[Protocol::Https, Protocol::Http];
        let (url, protocols, expected) = match source {
            Source::Local(_) => return Ok(Self::Local),
            Source::Archive(url) | Source::Repository { url, .. } => {
                (url, WEB, "http:// or https://")
            }
            Source::Oci { repository, .. } => (repository, [Protocol::Oci].as_slice(), "oci://"),
            Source::Git { url, .. } if url.starts_with("file://") => return Ok(Self::Local),
            Source::Git { url, .. } => (
                url,
                [Protocol::Https, Protocol::Http, Protocol::Ssh].as_slice(),
                "https://, ssh:// or file://",
            ),
        };
        let read = || {
            let parts = split(url).map_err(|problem| match problem {
                SiteProblem::Scheme(_) => SiteProblem::Scheme(expected),
                problem => problem,
            })?;
            if !protocols.contains(&parts.protocol) {
                return Err(SiteProblem::Scheme(expected));
            }
            parts.site()
        };
        read().map_err(|problem| ParseSite::new(without_query(url), problem))
    }
}

impl ParseSite {
    fn new(text: &str, problem: SiteProblem) -> Self {
        Self {
            text: origin::without_user(text),
            problem,
        }
    }
}

impl SiteGrant {
    /// Reads a grant, such as `local`, `https://charts.example.com` or `ssh://git@*.{namespace}:2222`.
    ///
    /// # Errors
    /// When it is neither `local` nor a server.
    pub fn parse(text: &str) -> Result<Self, ParseSite> {
        Self::read(text)
            .map(Self)
            .map_err(|problem| ParseSite::new(text, problem))
    }

    fn read(text: &str) -> Result<Pattern, SiteProblem> {
        if text == "local" {
            return Ok(Pattern::Local);
        }
        let parts = split(text)?;
        let (host, port) = origin::pattern(&parts.as_http())?;
        Ok(Pattern::Server {
            protocol: parts.protocol,
            user: parts.user.map(str::to_owned),
            host,
            port: parts.port(port),
        })
    }

    /// Whether it opens `site` to a module whose object is in `namespace`. A wildcard never stands for an address.
    #[must_use]
    pub fn covers(&self, site: &Site, namespace: Option<&str>) -> bool {
        match (&self.0, site) {
            (Pattern::Local, Site::Local) => true,
            (
                Pattern::Server {
                    protocol,
                    user,
                    host,
                    port,
                },
                Site::Server {
                    protocol: of_site,
                    user: as_user,
                    host: at,
                    port: at_port,
                },
            ) => {
                protocol == of_site
                    && port == at_port
                    && (user.is_none() || user == as_user)
                    && host.covers(at, namespace)
            }
            (Pattern::Local | Pattern::Server { .. }, _) => false,
        }
    }
}

impl Reach {
    /// Whether a source may be fetched from.
    ///
    /// # Errors
    /// [`FetchError::Denied`] with the missing grant, [`FetchError::Invalid`] where the source names no place.
    pub fn check(&self, source: &Source) -> Result<(), FetchError> {
        let site = Site::of(source).map_err(|error| FetchError::Invalid(error.to_string()))?;
        if self.covers(&site) {
            return Ok(());
        }
        Err(FetchError::Denied(format!(
            "no grant for {site}; hint: add to the watch: grants: {{artifacts: [\"{site}\"]}}"
        )))
    }

    /// Whether a site may be fetched from.
    #[must_use]
    pub fn covers(&self, site: &Site) -> bool {
        match self {
            Self::Anywhere { .. } => true,
            Self::Granted { grants, namespace } => grants
                .iter()
                .filter_map(|grant| SiteGrant::parse(grant).ok())
                .any(|grant| grant.covers(site, namespace.as_deref())),
        }
    }

    /// Whether the registry of an `oci` source is spoken to without TLS: where a watch grants its host and port as `http://`
    /// too. `false` for all other sources, whose URL tells.
    #[must_use]
    pub fn plain_http(&self, source: &Source) -> bool {
        let Source::Oci { repository, .. } = source else {
            return false;
        };
        match self {
            Self::Anywhere { plain_http } => *plain_http,
            Self::Granted { .. } => split(repository)
                .and_then(|parts| {
                    Parts {
                        protocol: Protocol::Http,
                        ..parts
                    }
                    .site()
                })
                .is_ok_and(|site| self.covers(&site)),
        }
    }
}

#[cfg(test)]
mod tests;
