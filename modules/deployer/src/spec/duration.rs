//! A time in whole seconds.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// Seconds, or a text such as `90s`, `1m` or `1h30m`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seconds(pub u32);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(u64::from(seconds.0))
    }
}

/// Hours, minutes and seconds in this order, each at most once.
fn parse(text: &str) -> Option<u32> {
    let (mut rest, mut total, mut smaller_than) = (text, 0_u32, u32::MAX);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u32 = rest[..digits].parse().ok()?;
        let mut unit = rest[digits..].chars();
        let size = match unit.next()? {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        if size >= smaller_than {
            return None;
        }
        smaller_than = size;
        total = total.checked_add(number.checked_mul(size)?)?;
        rest = unit.as_str();
    }
    (smaller_than < u32::MAX).then_some(total)
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds, or a time such as 90s, 1m or 1h30m")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
                u32::try_from(seconds)
                    .map(Seconds)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                parse(text)
                    .map(Seconds)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "x-kubernetes-int-or-string": true,
            "minimum": 0,
            "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_hours_minutes_and_seconds() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("1m", Some(60)),
            ("1h30m", Some(5400)),
            ("1h1m1s", Some(3661)),
            ("0s", Some(0)),
            ("", None),
            ("30", None),
            ("1m1h", None),
            ("1m1m", None),
            ("s", None),
            ("1d", None),
            ("9999999h", None),
        ] {
            assert_eq!(parse(text), seconds, "{text:?}");
        }
    }
}
