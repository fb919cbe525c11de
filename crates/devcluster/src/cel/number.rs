//! Quantities of the Kubernetes API: exact decimal numbers with suffixes.

use std::cmp::Ordering;

/// An exact number: thousandths of millionths of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity {
    nano: i128,
}

const ONE: i128 = 1_000_000_000;

/// Suffixes with their factors, longest first.
const SUFFIXES: [(&str, i128); 16] = [
    ("Ki", ONE << 10),
    ("Mi", ONE << 20),
    ("Gi", ONE << 30),
    ("Ti", ONE << 40),
    ("Pi", ONE << 50),
    ("Ei", ONE << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", ONE * 1_000),
    ("M", ONE * 1_000_000),
    ("G", ONE * 1_000_000_000),
    ("T", ONE * 1_000_000_000_000),
    ("P", ONE * 1_000_000_000_000_000),
    ("E", ONE * 1_000_000_000_000_000_000),
    ("", ONE),
];

impl Quantity {
    /// Reads `1.5Gi`, `100m`, `2e3`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (digits, suffix) = text.split_at(end);
        let factor = match SUFFIXES.iter().find(|(name, _)| *name == suffix) {
            Some((_, factor)) => *factor,
            None => {
                let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
                let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
                if exponent < 0 {
                    ONE.checked_div(power)?
                } else {
                    ONE.checked_mul(power)?
                }
            }
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let number: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        // Rounded up, away from zero, as the API does with what is finer than a billionth.
        let product = number.checked_mul(factor)?;
        let nano = product.checked_add(scale - 1)? / scale;
        Some(Self { nano: sign * nano })
    }

    pub(super) fn of(number: i64) -> Self {
        Self {
            nano: i128::from(number) * ONE,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            nano: self.nano.saturating_add(other.nano),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            nano: self.nano.saturating_sub(other.nano),
        }
    }

    pub(super) fn sign(self) -> i64 {
        match self.nano.cmp(&0) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
    }

    /// The whole number that it is, if it is one.
    pub(super) fn whole(self) -> Option<i64> {
        (self.nano % ONE == 0)
            .then(|| i64::try_from(self.nano / ONE).ok())
            .flatten()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "an approximation is what is asked for"
    )]
    pub(super) fn approximate(self) -> f64 {
        self.nano as f64 / ONE as f64
    }
}
