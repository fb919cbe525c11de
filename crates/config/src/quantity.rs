//! Amounts of bytes in Kubernetes' notation: `64Mi`, `64M`, `67108864`, `1.5Gi`, `1e6`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A number of bytes, as `resource.Quantity` of Kubernetes reads it; parts of a byte are rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u64);

/// A text is no amount of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidQuantity {
    /// Nothing there.
    #[error("an empty text is no quantity")]
    Empty,
    /// `64MB`, `64mi`.
    #[error("unknown suffix {0:?}")]
    UnknownSuffix(String),
    /// `64m`: thousandths of a byte.
    #[error("{0:?} is in thousandths of a byte")]
    Milli(String),
    /// No number where one belongs.
    #[error("{0:?} is no quantity")]
    Malformed(String),
    /// `-1Mi`.
    #[error("{0:?} is negative")]
    Negative(String),
    /// More than 64 bits of bytes.
    #[error("{0:?} is too large")]
    TooLarge(String),
}

/// What a quantity looks like, for "expected".
pub(crate) const FORM: &str = "a quantity of bytes such as 64Mi, 64M or 67108864";

impl InvalidQuantity {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Milli(text) => Some(format!(
                "m is a thousandth; for mega write {0}M, for mebi {0}Mi",
                text.trim_end_matches('m')
            )),
            Self::UnknownSuffix(suffix) => {
                let bare = suffix.trim().trim_end_matches(['b', 'B']).to_lowercase();
                let meant = SUFFIXES
                    .iter()
                    .find(|(known, _)| !known.is_empty() && known.to_lowercase() == bare);
                Some(meant.map_or_else(
                    || {
                        "the suffixes are k, M, G, T, P, E (1000) and Ki, Mi, Gi, Ti, Pi, Ei (1024)"
                            .to_owned()
                    },
                    |(known, _)| format!("write {known}"),
                ))
            }
            _ => None,
        }
    }
}

const SUFFIXES: [(&str, u64); 13] = [
    ("", 1),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
];

impl Quantity {
    /// From bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Quantity {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let malformed = || InvalidQuantity::Malformed(text.to_owned());
        let too_large = || InvalidQuantity::TooLarge(text.to_owned());
        if text.is_empty() {
            return Err(InvalidQuantity::Empty);
        }
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (integer.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(malformed());
        }
        let scale = Scale::of(text, suffix)?;
        let digits = format!("{integer}{}", fraction.trim_end_matches('0'));
        let decimals = fraction.trim_end_matches('0').len();
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self(0));
        }
        if negative {
            return Err(InvalidQuantity::Negative(text.to_owned()));
        }
        let mantissa: u128 = digits.parse().map_err(|_| too_large())?;
        let decimals = u32::try_from(decimals).map_err(|_| too_large())?;
        let (factor, divisor) = match scale {
            Scale::Factor(factor) => (u128::from(factor), 10u128.checked_pow(decimals)),
            Scale::PowerOfTen(power) if power >= decimals => (
                10u128.checked_pow(power - decimals).ok_or_else(too_large)?,
                Some(1),
            ),
            Scale::PowerOfTen(power) => (1, 10u128.checked_pow(decimals - power)),
        };
        let bytes = mantissa
            .checked_mul(factor)
            .zip(divisor)
            .map(|(product, divisor)| product.div_ceil(divisor))
            .ok_or_else(too_large)?;
        u64::try_from(bytes).map(Self).map_err(|_| too_large())
    }
}

enum Scale {
    Factor(u64),
    PowerOfTen(u32),
}

impl Scale {
    fn of(text: &str, suffix: &str) -> Result<Self, InvalidQuantity> {
        if let Some((_, factor)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) {
            return Ok(Self::Factor(*factor));
        }
        if suffix == "m" {
            return Err(InvalidQuantity::Milli(text.to_owned()));
        }
        if let Some(exponent) = suffix.strip_prefix(['e', 'E']) {
            let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
            if !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit()) {
                return exponent
                    .parse()
                    .map(Self::PowerOfTen)
                    .map_err(|_| InvalidQuantity::TooLarge(text.to_owned()));
            }
        }
        Err(if suffix.contains(|c: char| c.is_ascii_digit()) {
            InvalidQuantity::Malformed(text.to_owned())
        } else {
            InvalidQuantity::UnknownSuffix(suffix.to_owned())
        })
    }
}

/// In the largest binary unit that divides it: `64Mi`, `1000`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (suffix, factor) = SUFFIXES[7..]
            .iter()
            .rev()
            .find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor))
            .copied()
            .unwrap_or(SUFFIXES[0]);
        write!(f, "{}{suffix}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests;
