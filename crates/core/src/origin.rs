//! Origins (scheme, host, port), and which of them a grant opens. Pure: nothing is resolved here.
//!
//! Hosts are compared as written, but for upper and lower case: a trailing dot makes another name, as it does to a
//! resolver. International names are written in their ASCII form (`xn--…`).

mod host;

use std::fmt;

use http::Uri;
use thiserror::Error;

pub use host::Host;

/// Where an HTTP call goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// With TLS.
    Https,
}

/// One entry of `grants.http`: an origin in whose host a label may be `*` (any one) or `{namespace}` (the object's own).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginGrant {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
}

/// Which hosts a grant opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    /// This one.
    Exact(Host),
    /// Names of as many labels.
    Labels(Vec<Label>),
}

/// One label of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Any,
    Namespace,
    Exact(String),
}

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?}: {problem}")]
pub struct ParseOrigin {
    /// The URL or grant; whatever stands before an `@` is left out, and the query.
    pub text: String,
    /// What is wrong with it.
    pub problem: OriginProblem,
}

/// What is wrong with an origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginProblem {
    /// Not a URL.
    #[error("not an absolute URL")]
    Syntax,
    /// Neither http nor https.
    #[error("expected http:// or https://")]
    Scheme,
    /// `user:password@`.
    #[error("a user name or password in the URL is refused; hint: name the credentials in `auth`")]
    UserInfo,
    /// Not ASCII.
    #[error("the host is not ASCII; hint: write its xn-- form")]
    NotAscii,
    /// Neither a DNS name nor an address.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    Host(String),
    /// A number that resolvers take for an IPv4 address.
    #[error("{0:?} is a number that some resolvers take for an address; hint: write it as a.b.c.d")]
    NumericHost(String),
    /// Not a port.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// A grant is of an origin, not of paths.
    #[error("a grant is an origin without path or query")]
    Path,
}

impl ParseOrigin {
    fn new(text: &str, problem: OriginProblem) -> Self {
        Self {
            text: without_query(&without_user(text)),
            problem,
        }
    }
}

/// A URL without what stands before an `@`: a password in it must not travel on in an error, since errors become conditions
/// and logs.
#[must_use]
pub fn without_user(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", &text[..scheme], &text[at..])
        }
        (None, Some(at)) => format!("…{}", &text[at..]),
        _ => text.to_owned(),
    }
}

/// A URL without its query and fragment, which hold keys and tokens at some.
#[must_use]
pub fn without_query(text: &str) -> String {
    match text.find(['?', '#']) {
        Some(at) => format!("{}…", &text[..=at]),
        None => text.to_owned(),
    }
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// Scheme, host and port as texts.
struct Parts<'a> {
    scheme: Scheme,
    host: &'a str,
    port: u16,
    rest: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, OriginProblem> {
    if !text.is_ascii() {
        return Err(OriginProblem::NotAscii);
    }
    let (scheme, after) = text.split_once("://").ok_or(OriginProblem::Syntax)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(OriginProblem::Scheme),
    };
    let end = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    if authority.contains('@') {
        return Err(OriginProblem::UserInfo);
    }
    let (host, port) = split_port(authority)?;
    let port = match port {
        None => scheme.default_port(),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err(OriginProblem::Port),
        },
        Some(_) => return Err(OriginProblem::Port),
    };
    Ok(Parts {
        scheme,
        host,
        port,
        rest,
    })
}

/// Host and port of an authority without user.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<&str>), OriginProblem> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(OriginProblem::Syntax)? + 1;
        let (host, rest) = authority.split_at(end);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(OriginProblem::Syntax),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

impl Origin {
    /// The origin of an absolute URL.
    ///
    /// # Errors
    /// When it is no http or https URL, or its host can be read in more than one way.
    pub fn of(url: &str) -> Result<Self, ParseOrigin> {
        Self::parse(url).map_err(|problem| ParseOrigin::new(url, problem))
    }

    pub(crate) fn parse(url: &str) -> Result<Self, OriginProblem> {
        let parts = split(url)?;
        let host = Host::parse(parts.host)?;
        // Two parsers must agree on where a call goes: the one that sends it is asked as well.
        let uri: Uri = url.parse().map_err(|_| OriginProblem::Syntax)?;
        if uri
            .host()
            .is_none_or(|h| !h.eq_ignore_ascii_case(parts.host))
        {
            return Err(OriginProblem::Syntax);
        }
        Ok(Self {
            scheme: parts.scheme,
            host,
            port: parts.port,
        })
    }

    /// Its scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Its port, the scheme's own where none is written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl OriginGrant {
    /// Reads a grant, such as `https://broker.example.com` or `http://*.{namespace}:8080`.
    ///
    /// # Errors
    /// When it is no origin.
    pub fn parse(text: &str) -> Result<Self, ParseOrigin> {
        Self::read(text).map_err(|problem| ParseOrigin::new(text, problem))
    }

    fn read(text: &str) -> Result<Self, OriginProblem> {
        let scheme = split(text)?.scheme;
        let (host, port) = pattern(text)?;
        Ok(Self { scheme, host, port })
    }

    /// Whether it opens `origin` to a module whose object is in `namespace` (`None`: a cluster-scoped object, for which
    /// `{namespace}` stands for nothing). A wildcard never stands for an address.
    #[must_use]
    pub fn covers(&self, origin: &Origin, namespace: Option<&str>) -> bool {
        self.scheme == origin.scheme
            && self.port == origin.port
            && self.host.covers(&origin.host, namespace)
    }

    /// Its scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether there is an origin that both cover, for an object in some namespace.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.port == other.port && self.host.meets(&other.host)
    }
}

/// Host and port of a grant, an origin with patterns in its host.
pub(crate) fn pattern(text: &str) -> Result<(HostPattern, u16), OriginProblem> {
    let parts = split(text)?;
    if !matches!(parts.rest, "" | "/") {
        return Err(OriginProblem::Path);
    }
    let host = if parts.host.contains(['*', '{', '}']) {
        let labels = parts.host.split('.').map(|label| match label {
            "*" => Ok(Label::Any),
            "{namespace}" => Ok(Label::Namespace),
            exact if host::is_label(exact) => Ok(Label::Exact(exact.to_ascii_lowercase())),
            _ => Err(OriginProblem::Host(parts.host.to_owned())),
        });
        HostPattern::Labels(labels.collect::<Result<_, _>>()?)
    } else {
        HostPattern::Exact(Host::parse(parts.host)?)
    };
    Ok((host, parts.port))
}

impl HostPattern {
    /// Whether it stands for `host`, seen from an object in `namespace`. A wildcard never stands for an address.
    pub(crate) fn covers(&self, host: &Host, namespace: Option<&str>) -> bool {
        match (self, host) {
            (Self::Exact(granted), host) => granted == host,
            (Self::Labels(_), Host::Address(_)) => false,
            (Self::Labels(labels), Host::Name(name)) => {
                let parts: Vec<&str> = name.split('.').collect();
                parts.len() == labels.len()
                    && labels.iter().zip(parts).all(|(label, part)| match label {
                        Label::Any => !part.is_empty(),
                        Label::Namespace => namespace == Some(part),
                        Label::Exact(exact) => exact == part,
                    })
            }
        }
    }

    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(one), Self::Exact(another)) => one == another,
            (Self::Labels(one), Self::Labels(another)) => {
                one.len() == another.len()
                    && one.iter().zip(another).all(|pair| match pair {
                        (Label::Exact(one), Label::Exact(another)) => one == another,
                        _ => true,
                    })
            }
            (Self::Exact(Host::Address(_)), Self::Labels(_))
            | (Self::Labels(_), Self::Exact(Host::Address(_))) => false,
            (Self::Exact(Host::Name(name)), Self::Labels(labels))
            | (Self::Labels(labels), Self::Exact(Host::Name(name))) => {
                let parts: Vec<&str> = name.split('.').collect();
                parts.len() == labels.len()
                    && labels.iter().zip(parts).all(|(label, part)| match label {
                        Label::Any | Label::Namespace => true,
                        Label::Exact(exact) => exact == part,
                    })
            }
        }
    }
}

/// Whether one of `grants` covers `origin` for an object in `namespace`. A grant that cannot be read covers nothing.
#[must_use]
pub fn granted(origin: &Origin, grants: &[String], namespace: Option<&str>) -> bool {
    grants
        .iter()
        .filter_map(|grant| OriginGrant::parse(grant).ok())
        .any(|grant| grant.covers(origin, namespace))
}

#[cfg(test)]
mod tests;
