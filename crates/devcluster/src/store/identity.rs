//! uids and generated names: random enough for clients, the same for the same seed.

/// A small deterministic generator (splitmix64).
pub(super) struct Identity {
    state: u64,
}

/// The alphabet of generated names: no vowels and no look-alikes, as apimachinery has it.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Longest prefix of a generated name: 63 less the suffix.
const MAX_PREFIX: usize = 58;

impl Identity {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A version 4 UUID.
    pub(super) fn uid(&mut self) -> String {
        let high = (self.next() & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (self.next() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        let hex = format!("{high:016x}{low:016x}");
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }

    /// `prefix` and five characters.
    pub(super) fn name(&mut self, prefix: &str) -> String {
        let prefix: String = prefix.chars().take(MAX_PREFIX).collect();
        let mut bits = self.next();
        let suffix: String = (0..5)
            .map(|_| {
                let letter = ALPHABET[(bits % 27) as usize];
                bits /= 27;
                char::from(letter)
            })
            .collect();
        format!("{prefix}{suffix}")
    }

    /// An unused-looking number below `bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (self.next() % u64::from(bound)) as u32
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
