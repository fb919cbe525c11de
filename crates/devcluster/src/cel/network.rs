//! Addresses and URLs.

use std::net::IpAddr;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    pub(super) address: IpAddr,
    pub(super) bits: u8,
}

/// An absolute URL or an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
}

/// An address as the API takes it: no zones, no IPv4 inside IPv6.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    match address {
        IpAddr::V6(inner) if inner.to_ipv4_mapped().is_some() => None,
        other => Some(other),
    }
}

impl Cidr {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits) = (ip(address)?, bits.parse().ok()?);
        (bits <= length(address)).then_some(Self { address, bits })
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        length(self.address) == length(address)
            && masked(address, self.bits) == masked(self.address, self.bits)
    }

    pub(super) fn contains_range(self, other: Self) -> bool {
        other.bits >= self.bits && self.contains(other.address)
    }

    /// Whether no bit is set beyond the prefix.
    pub(super) fn is_masked(self) -> bool {
        masked(self.address, self.bits) == number(self.address)
    }
}

fn length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn masked(address: IpAddr, bits: u8) -> u128 {
    let rest = u32::from(length(address) - bits);
    number(address)
        .checked_shr(rest)
        .map_or(0, |kept| kept.checked_shl(rest).unwrap_or(0))
}

impl Url {
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.is_empty() || text.contains(|c: char| c.is_control() || c == ' ') {
            return None;
        }
        let (text, _fragment) = text.split_once('#').unwrap_or((text, ""));
        let (text, query) = text.split_once('?').unwrap_or((text, ""));
        let (scheme, host, path) = match text.split_once("://") {
            Some((scheme, rest)) => {
                let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
                if !is_scheme {
                    return None;
                }
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at(end);
                let host = authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host);
                (scheme, host, path)
            }
            None if text.starts_with('/') => ("", "", text),
            None => return None,
        };
        Some(Self {
            scheme: scheme.to_lowercase(),
            host: String::from(host),
            path: String::from(path),
            query: String::from(query),
        })
    }

    /// The host without its port and brackets.
    pub(super) fn hostname(&self) -> &str {
        match self.host.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
            None => self
                .host
                .split_once(':')
                .map_or(&self.host, |(host, _)| host),
        }
    }

    pub(super) fn port(&self) -> &str {
        let after = self
            .host
            .rsplit_once(']')
            .map_or(self.host.as_str(), |(_, rest)| rest);
        after.rsplit_once(':').map_or("", |(_, port)| port)
    }
}
