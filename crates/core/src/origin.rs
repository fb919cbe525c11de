//! Origins of URLs, and the patterns that grant them.

use std::fmt;

use thiserror::Error;

/// Scheme, host and port: what an http grant names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// Why text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{text:?} is no http origin: {problem}; expected http://host, https://host or either with :port"
)]
pub struct OriginError {
    text: String,
    problem: &'static str,
}

impl Origin {
    /// The origin of an absolute URL.
    ///
    /// # Errors
    /// When it is not absolute, not http or https, has user information, or its host or port cannot be read.
    pub fn of_url(url: &str) -> Result<Self, OriginError> {
        Self::parse(url, false)
    }

    /// An origin as a grant writes it: nothing after the port; labels of the host may be `*` or `{namespace}`.
    ///
    /// # Errors
    /// When it is none.
    pub fn of_grant(pattern: &str) -> Result<Self, OriginError> {
        Self::parse(pattern, true)
    }

    fn parse(text: &str, grant: bool) -> Result<Self, OriginError> {
        let error = |problem| OriginError {
            text: text.to_owned(),
            problem,
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| error("it has no scheme"))?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(error("its scheme is not http or https")),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if grant && !matches!(path, "" | "/") {
            return Err(error("a grant ends with the port: paths cannot be granted"));
        }
        if authority.contains('@') {
            return Err(error("it holds user information"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| error("its port is no number"))?;
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let pattern = |c: char| grant && matches!(c, '*' | '{' | '}');
        let is_ipv6 = host.starts_with('[')
            && host[1..host.len().max(2) - 1]
                .parse::<std::net::Ipv6Addr>()
                .is_ok();
        if host.is_empty() || !(is_ipv6 || host.chars().all(|c| legal(c) || pattern(c))) {
            return Err(error(
                "its host is neither a DNS name (in ASCII) nor an address",
            ));
        }
        if grant && host.split('.').any(|label| !label_is_whole(label)) {
            return Err(error("`*` and `{namespace}` stand for a whole DNS label"));
        }
        Ok(Self {
            scheme,
            host,
            port: port.unwrap_or(default_port),
        })
    }

    /// The host: a name or an address, IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 80 or 443 where the URL has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether this grant covers `origin` for an object in `namespace`.
    #[must_use]
    pub fn covers(&self, origin: &Self, namespace: Option<&str>) -> bool {
        if self.scheme != origin.scheme || self.port != origin.port {
            return false;
        }
        if origin.host.starts_with('[') || origin.host.parse::<std::net::Ipv4Addr>().is_ok() {
            // A label of an address is no name: addresses are granted as they are or not at all.
            return self.host == origin.host;
        }
        let (mine, theirs) = (self.host.split('.'), origin.host.split('.'));
        mine.clone().count() == theirs.clone().count()
            && mine.zip(theirs).all(|(pattern, label)| match pattern {
                "*" => !label.is_empty(),
                "{namespace}" => namespace == Some(label),
                exact => exact == label,
            })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        match (self.scheme.as_str(), self.port) {
            ("http", 80) | ("https", 443) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

/// Whether one of `grants` covers `origin` for an object in `namespace`. A grant that cannot be read covers nothing.
#[must_use]
pub fn granted(origin: &Origin, grants: &[String], namespace: Option<&str>) -> bool {
    grants
        .iter()
        .filter_map(|grant| Origin::of_grant(grant).ok())
        .any(|grant| grant.covers(origin, namespace))
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_address = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[after_address..].rfind(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(after_address + colon);
            Some((host, Some(port[1..].parse().ok()?)))
        }
    }
}

fn label_is_whole(label: &str) -> bool {
    matches!(label, "*" | "{namespace}") || !label.contains(['*', '{', '}'])
}

#[cfg(test)]
mod tests {
    use super::{Origin, granted};

    #[test]
    fn grants_cover_whole_labels() {
        let check = |grant: &str, url: &str| {
            Origin::of_url(url)
                .is_ok_and(|origin| granted(&origin, &[grant.to_owned()], Some("web")))
        };
        for (grant, url, covered) in [
            (
                "http://prometheus.monitoring:9090",
                "http://prometheus.monitoring:9090/api?x",
                true,
            ),
            (
                "http://prometheus.monitoring:9090",
                "http://prometheus.monitoring/api",
                false,
            ),
            ("https://a.b", "https://A.B.:443/x", true),
            ("https://a.b", "http://a.b", false),
            ("http://*.{namespace}", "http://broker.web/v2/catalog", true),
            ("http://*.{namespace}", "http://broker.other", false),
            ("http://*.{namespace}", "http://a.broker.web", false),
            ("http://*.*.*.*", "http://169.254.169.254", false),
            ("http://10.0.0.1", "http://10.0.0.1", true),
            ("http://[::1]:80", "http://[::1]/", true),
            ("http://*", "http://evil@good", false),
            ("http://a", "http://a\\@b", true),
        ] {
            assert_eq!(check(grant, url), covered, "{grant} for {url}");
        }
    }

    #[test]
    fn what_is_no_origin() {
        for (text, problem) in [
            ("prometheus:9090", "no scheme"),
            ("ftp://a", "not http or https"),
            ("http://u:p@a", "user information"),
            ("http://a:x", "port is no number"),
            ("http://", "host is neither"),
            ("http://b\u{fc}cher.de", "host is neither"),
            ("http://a*.b", "whole DNS label"),
            ("http://a/path", "paths cannot be granted"),
        ] {
            let error = Origin::of_grant(text).map_err(|error| error.to_string());
            assert!(
                error.as_ref().is_err_and(|e| e.contains(problem)),
                "{text}: {error:?}"
            );
        }
    }
}
