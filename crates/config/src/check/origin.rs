//! Origins that a module may call: `http://prometheus.monitoring:9090`, `https://*.{namespace}`.

use std::net::{Ipv4Addr, Ipv6Addr};

use oarlock_core::origin::without_user;

use super::names;
use crate::problem::Problem;

/// `scheme://host[:port]` where labels of the host may be `*` or `{namespace}`.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    // A password must not turn up in the conditions of the objects.
    let shown = without_user(text);
    let wrong = |why: &str| {
        Problem::new(format!("{shown:?} is no origin: {why}")).expected(
            "http or https, a host and perhaps a port, such as http://prometheus.monitoring:9090",
        )
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(wrong("it has no scheme").hint(format!("did you mean \"https://{shown}\"?")));
    };
    if !matches!(scheme, "http" | "https") {
        return Err(wrong(&format!("{scheme:?} is neither http nor https")));
    }
    if let Some((origin, _)) = rest.split_once(['/', '?', '#']) {
        return Err(wrong("it has a path").hint(format!(
            "calls are granted for a whole origin; write {scheme}://{origin}"
        )));
    }
    if rest.contains('@') {
        return Err(wrong("it names a user").hint("credentials are named by the call, as Secrets"));
    }
    server(rest).map_err(|why| wrong(&why))
}

/// `host[:port]` where labels of the host may be `*` or `{namespace}`; else what is wrong with it.
pub(super) fn server(text: &str) -> Result<(), String> {
    let (host, port) = split_port(text);
    if let Some(port) = port
        && !port.parse::<u16>().is_ok_and(|number| number > 0)
    {
        return Err(format!("{port:?} is no port"));
    }
    host_problem(host).map_or(Ok(()), Err)
}

/// An IPv6 address is in brackets, so that its colons are none of a port.
fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    }
}

fn host_problem(host: &str) -> Option<String> {
    if host.is_empty() {
        return Some("it has no host".to_owned());
    }
    if let Some(address) = host.strip_prefix('[') {
        let good = address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
        return (!good).then(|| format!("{host:?} is no IPv6 address"));
    }
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return host
            .parse::<Ipv4Addr>()
            .is_err()
            .then(|| format!("{host:?} is no IPv4 address"));
    }
    host.split('.').find_map(|label| {
        let good = matches!(label, "*" | "{namespace}") || names::is_label(label);
        let why = match label {
            "" => "the host has an empty label".to_owned(),
            _ if label.contains('*') => {
                format!("* stands for a whole label, not for a part of {label:?}")
            }
            _ if label.contains(['{', '}']) => {
                format!("{{namespace}} is the only placeholder and a whole label, unlike {label:?}")
            }
            _ if label.bytes().any(|b| b.is_ascii_uppercase()) => {
                format!("host names are written in lower case, unlike {label:?}")
            }
            _ => format!("{label:?} is no label of a host name"),
        };
        (!good).then_some(why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_origins() {
        for text in [
            "http://prometheus.monitoring:9090",
            "http://*.{namespace}",
            "https://*.{namespace}.svc.cluster.local:8443",
            "https://example.com",
            "http://localhost",
            "http://10.0.0.1:80",
            "http://[::1]:8080",
            "http://[fd00::1]",
            "http://{namespace}",
            "https://*",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn malformed_origins() {
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "HTTP://example.com",
            "http://",
            "http://:80",
            "http://example.com/",
            "http://example.com/path",
            "http://example.com?x",
            "http://user@example.com",
            "http://example.com:0",
            "http://example.com:99999",
            "http://example.com:http",
            "http://example.com:",
            "http://a..b",
            "http://a*.b",
            "http://x-{namespace}",
            "http://{name}",
            "http://Example.com",
            "http://-a.b",
            "http://300.1.1.1",
            "http://[::1",
            "http://[zz]",
            "http://a b",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
