//! Values of the command line and of the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use oarlock_config::{Env, GoDuration, Quantity};

/// The variables that a watches file may name. One that is no text is none.
pub(crate) fn environment() -> Env {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Where a service listens, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    /// `0`.
    Nowhere,
    /// Such as `127.0.0.1:8080`.
    At(SocketAddr),
}

/// `0`, `host:port` with an IP address as host, or `:port` for all addresses, as controller-runtime's options have it.
pub(crate) fn bind(text: &str) -> Result<Bind, String> {
    if text == "0" {
        return Ok(Bind::Nowhere);
    }
    let address = match text.strip_prefix(':') {
        Some(port) => port
            .parse()
            .map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
            .ok(),
        None => text.parse().ok(),
    };
    address.map(Bind::At).ok_or_else(|| {
        "expected an IP address and a port such as 127.0.0.1:8080, a port on all addresses such as :8080, or 0 for nowhere"
            .to_owned()
    })
}

/// The speed of a clock, which may stand.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed: &f64| speed.is_finite() && *speed >= 0.0)
        .ok_or_else(|| {
            "expected a number, 0 or more: 1 is real time, 60 a minute per second, 0 stands still"
                .to_owned()
        })
}

/// The speed of a clock that somebody waits for.
pub(crate) fn running_speed(text: &str) -> Result<f64, String> {
    match speed(text)? {
        0.0 => Err("at 0 time stands still and nothing would ever end; expected more".to_owned()),
        speed => Ok(speed),
    }
}

/// Seconds, with a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected seconds, 0 or more, such as 2 or 0.5".to_owned())
}

/// A duration of Go, such as 25s.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<GoDuration>()
        .map(GoDuration::get)
        .map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        })
}

/// A size on disk as Kubernetes writes it, such as 512Mi.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 1 << 20;
    let size = text.parse::<Quantity>().map_err(|e| e.to_string())?;
    if size.bytes() < LEAST {
        return Err("expected 1Mi or more, such as 512Mi or 1Gi".to_owned());
    }
    Ok(size.bytes())
}

/// Requests per second; 0 or less for no limit, as Kubernetes' own programs have it.
pub(crate) fn per_second(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite())
        .ok_or_else(|| {
            "expected requests per second, such as 20; 0 or less for no limit".to_owned()
        })
}

/// One namespace of a list, or nothing: an empty list names all of them.
pub(crate) fn namespace(text: &str) -> Result<String, String> {
    let name = text.trim();
    let label = name.len() <= 63
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if label {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "{name:?} is no namespace: expected lower-case letters, digits and -, and commas between several"
        ))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn addresses() {
        let at = |text: &str| Bind::At(text.parse().unwrap_or_else(|_| panic!("{text}")));
        assert_eq!(bind("0"), Ok(Bind::Nowhere));
        assert_eq!(bind(":8080"), Ok(at("0.0.0.0:8080")));
        assert_eq!(bind("127.0.0.1:0"), Ok(at("127.0.0.1:0")));
        assert_eq!(bind("[::1]:9"), Ok(at("[::1]:9")));
        for wrong in ["", "8080", ":", ":x", ":99999", "localhost:8080"] {
            assert!(bind(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn namespaces() {
        assert_eq!(namespace(" team-a "), Ok("team-a".to_owned()));
        assert_eq!(namespace(""), Ok(String::new()));
        for wrong in ["Team", "a.b", "-a", "a-", "a/b", "*", &"a".repeat(64)] {
            assert!(namespace(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("512Mi"), Ok(512 << 20));
        assert_eq!(size("1G"), Ok(1_000_000_000));
        for wrong in ["", "0", "1000", "-1Gi", "1GB", "much"] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(speed("0"), Ok(0.0));
        assert_eq!(running_speed("2.5"), Ok(2.5));
        for wrong in ["-1", "nan", "inf", "", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong:?}");
            assert!(seconds(wrong).is_err(), "{wrong:?}");
        }
        assert!(running_speed("0").is_err());
        assert_eq!(per_second("-1"), Ok(-1.0));
        assert_eq!(per_second("20"), Ok(20.0));
        assert!(per_second("inf").is_err());
        assert_eq!(duration("1m5s"), Ok(Duration::from_secs(65)));
        assert_eq!(
            duration("25").unwrap_err(),
            "\"25\" has no unit; write 25s for seconds; the units are ns, us, ms, s, m, h"
        );
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
