//! `--flag`, `--flag=true` and `--flag=false`.

use std::str::FromStr;

use super::go;

/// Value of a flag that is on or off, as Helm's are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Switch(pub(super) bool);

impl FromStr for Switch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        go::boolean(text)
            .map(Self)
            .ok_or_else(|| "expected true or false".to_owned())
    }
}
