//! Randomness that a number repeats.

/// SplitMix64.
#[derive(Clone, Debug)]
pub(in crate::lease) struct Chance(u64);

impl Chance {
    pub(in crate::lease) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(in crate::lease) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(in crate::lease) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Once in so many times.
    pub(in crate::lease) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
