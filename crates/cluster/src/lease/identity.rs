//! Who this process is.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// `<host name>_<uuid>`, as client-go's users name themselves: in a Pod the host name is the Pod's, and the rest tells two
/// starts of one Pod apart.
#[must_use]
pub fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        // A comma separates members in what they publish.
        .map(|name| name.trim().replace(',', "-"))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "oarlock".to_owned());
    format!("{host}_{}", uuid(random(), random()))
}

/// Hash keys come from the system's randomness.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Version 4 (RFC 9562 5.4) of 122 of these bits.
fn uuid(high: u64, low: u64) -> String {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            uuid(u64::MAX, u64::MAX),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
    }

    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (identity(), identity());
        assert_ne!(one, other);
        assert!(one.contains('_') && !one.contains(','), "{one}");
    }
}
