//! Randomness by place: what is drawn depends on the seed and on what it is drawn for, not on what was drawn before.

use std::time::Duration;

/// Where draws come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    seed: u64,
}

/// The draws for one place: SplitMix64.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The draws for `place`. The same in every build, so that a seed means the same tomorrow.
    pub(crate) fn at(self, place: &str) -> Draw {
        // FNV-1a.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in place.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Draw(hash)
    }
}

impl Draw {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True so many times in a thousand.
    pub(crate) const fn permille(&mut self, rate: u32) -> bool {
        self.below(1000) < rate as u64
    }

    /// Below `most`, in whole milliseconds.
    pub(crate) fn time(&mut self, most: Duration) -> Duration {
        let millis = u64::try_from(most.as_millis()).unwrap();
        Duration::from_millis(self.below(millis.max(1)))
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len() as u64);
        &of[usize::try_from(index).unwrap()]
    }
}

#[test]
fn places_are_independent_and_draws_repeat() {
    let chance = Chance::new(7);
    assert_eq!(chance.at("a").next(), chance.at("a").next());
    assert_ne!(chance.at("a").next(), chance.at("b").next());
    assert_ne!(chance.at("a").next(), Chance::new(8).at("a").next());
    let hits = (0..10_000)
        .filter(|number| chance.at(&number.to_string()).permille(100))
        .count();
    assert!((900..1100).contains(&hits), "{hits} of 1000");
}
