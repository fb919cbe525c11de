//! Addresses, and texts that stand in them and in headers.

use std::fmt;

/// An absolute `http` or `https` URL without credentials in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Url(String);

impl Url {
    /// Checks what would go wrong on any host.
    ///
    /// # Errors
    ///
    /// What is wrong, for the field that it stands in.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = ["http://", "https://"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .ok_or_else(|| format!("{text:?} is not a URL that begins with http:// or https://"))?;
        let authority = authority(rest);
        if authority.is_empty() || authority.starts_with(':') {
            return Err(format!("{text:?} names no host"));
        }
        if authority.contains('@') {
            return Err(String::from(
                "has a user name or a password in it, which everybody who reads the object could read",
            ));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("{text:?} contains white space"));
        }
        Ok(Self(text.into()))
    }

    /// The address of a server that paths are put behind: without query, fragment and the last slash.
    ///
    /// # Errors
    ///
    /// As [`Url::parse`].
    pub(crate) fn server(text: &str) -> Result<Self, String> {
        if text.contains(['?', '#']) {
            return Err(format!(
                "{text:?} has a query or a fragment, expected a server's address"
            ));
        }
        Self::parse(text.trim_end_matches('/'))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port: what a grant is for.
    pub(crate) fn origin(&self) -> &str {
        let scheme = self.0.find("://").map_or(0, |at| at + 3);
        &self.0[..scheme + authority(&self.0[scheme..]).len()]
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text as the value of a parameter (RFC 3986: all but the unreserved).
pub(crate) fn parameter(text: &str) -> String {
    encoded(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    })
}

/// A text as the value of a header: what is not printable ASCII is percent-encoded.
pub(crate) fn header(text: &str) -> String {
    encoded(text, |byte| (b' '..=b'~').contains(&byte) && byte != b'%')
}

fn encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{Url, header, parameter};

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, origin) in [
            ("http://prometheus:9090", "http://prometheus:9090"),
            ("https://e.com/a?b#c", "https://e.com"),
            ("http://e.com?b=/c", "http://e.com"),
        ] {
            assert_eq!(Url::parse(url).unwrap().origin(), origin);
        }
        assert_eq!(
            Url::server("http://p/prefix/").unwrap().as_str(),
            "http://p/prefix"
        );
    }

    #[test]
    fn refuses_what_no_host_could_call() {
        for (url, message) in [
            (
                "prometheus:9090",
                "\"prometheus:9090\" is not a URL that begins with http:// or https://",
            ),
            ("", "\"\" is not a URL that begins with http:// or https://"),
            ("http://", "\"http://\" names no host"),
            ("http://:80/", "\"http://:80/\" names no host"),
            (
                "http://me:secret@e.com/",
                "has a user name or a password in it, which everybody who reads the object could read",
            ),
            (
                "http://e.com/a b",
                "\"http://e.com/a b\" contains white space",
            ),
        ] {
            assert_eq!(Url::parse(url).unwrap_err(), message);
        }
        assert_eq!(
            Url::server("http://e.com/?a").unwrap_err(),
            "\"http://e.com/?a\" has a query or a fragment, expected a server's address"
        );
    }

    #[test]
    fn encodes_what_is_not_plain() {
        assert_eq!(
            parameter("sum(rate(x{a=\"b\"}[1m]))"),
            "sum%28rate%28x%7Ba%3D%22b%22%7D%5B1m%5D%29%29"
        );
        assert_eq!(parameter("a+b é"), "a%2Bb%20%C3%A9");
        assert_eq!(header("load test é%"), "load test %C3%A9%25");
    }
}
