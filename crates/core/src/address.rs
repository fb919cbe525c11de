//! Addresses that no grant opens, whoever connects: calls of modules, and fetches of packages; and those that mean something
//! else on every network. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is never opened; `None` when it may be.
///
/// Link-local and metadata addresses hand out the machine's own credentials; the others are no hosts at all. Private and
/// loopback addresses are not among them: they are where a cluster's services are, and each origin is granted one by one.
#[must_use]
pub fn never_opened(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => never_v4(address),
        IpAddr::V6(address) => never_v6(address),
    }
}

/// Whether an address is of this machine or of the network that it is in (RFC 1918, 4193, 6598, 2544), and so another host
/// elsewhere.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| {
        let [a, b, ..] = address.octets();
        address.is_private()
            || address.is_loopback()
            || (a == 100 && b & 0xc0 == 64)
            || (a == 198 && b & 0xfe == 18)
    };
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => v4(inner),
            None => address.is_loopback() || address.is_unique_local(),
        },
    }
}

fn never_v4(address: Ipv4Addr) -> Option<&'static str> {
    let octets = address.octets();
    if octets[0] == 0 {
        Some("not a host address")
    } else if address.is_link_local() {
        Some("link-local")
    } else if address.is_multicast() {
        Some("multicast")
    } else if address.is_broadcast() || octets[0] >= 240 {
        Some("broadcast or reserved")
    } else if octets == [100, 100, 100, 200]
        || octets == [192, 0, 0, 192]
        || octets == [168, 63, 129, 16]
    {
        // Clouds whose metadata is not link-local.
        Some("instance metadata")
    } else {
        None
    }
}

fn never_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded(address) {
        return never_v4(inner);
    }
    let segments = address.segments();
    if address.is_unspecified() {
        Some("not a host address")
    } else if address.is_unicast_link_local() || segments[0] & 0xffc0 == 0xfec0 {
        Some("link-local")
    } else if address.is_multicast() {
        Some("multicast")
    } else if segments == [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254]
        || segments == [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254]
    {
        Some("instance metadata")
    } else {
        None
    }
}

/// The IPv4 address within: mapped, compatible, NAT64 (well known and local prefix), 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(v4(high, low)),
        // ::1 and :: are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(v4(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(v4(high, low)),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x0064, 0xff9b, 1, _, _, _, high, low] => {
            Some(v4(high, low))
        }
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn private_addresses() {
        for (address, private) in [
            ("10.0.0.1", true),
            ("172.16.0.1", true),
            ("192.168.1.1", true),
            ("127.0.0.1", true),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("198.19.0.1", true),
            ("::1", true),
            ("fd00::1", true),
            ("::ffff:10.0.0.1", true),
            ("64:ff9b::a00:1", true),
            ("1.1.1.1", false),
            ("172.32.0.1", false),
            ("100.128.0.1", false),
            ("198.20.0.1", false),
            ("2606:4700::1111", false),
            ("::ffff:1.1.1.1", false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }

    #[test]
    fn addresses() {
        for (address, why) in [
            ("1.1.1.1", None),
            ("10.0.0.1", None),
            ("127.0.0.1", None),
            ("192.168.1.1", None),
            ("100.64.0.1", None),
            ("::1", None),
            ("2606:4700::1111", None),
            ("fd00::1", None),
            ("::ffff:10.0.0.1", None),
            ("169.254.169.254", Some("link-local")),
            ("169.254.0.1", Some("link-local")),
            ("::ffff:169.254.169.254", Some("link-local")),
            ("::169.254.169.254", Some("link-local")),
            ("::ffff:0:169.254.169.254", Some("link-local")),
            ("64:ff9b::a9fe:a9fe", Some("link-local")),
            ("64:ff9b:1::a9fe:a9fe", Some("link-local")),
            ("2002:a9fe:a9fe::", Some("link-local")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("link-local")),
            ("fd00:ec2::254", Some("instance metadata")),
            ("fd20:ce::254", Some("instance metadata")),
            ("100.100.100.200", Some("instance metadata")),
            ("0.0.0.0", Some("not a host address")),
            ("0.1.2.3", Some("not a host address")),
            ("::", Some("not a host address")),
            ("::ffff:0.0.0.0", Some("not a host address")),
            ("224.0.0.1", Some("multicast")),
            ("ff02::1", Some("multicast")),
            ("255.255.255.255", Some("broadcast or reserved")),
            ("250.0.0.1", Some("broadcast or reserved")),
        ] {
            assert_eq!(never_opened(address.parse().unwrap()), why, "{address}");
        }
    }
}
