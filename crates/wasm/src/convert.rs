//! Between the contract's types and core's: every string that must mean something is parsed here, and nowhere later.

pub(crate) mod manifest;
pub(crate) mod outcome;
pub(crate) mod reads;
pub(crate) mod request;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Such as `children[2].object`.
    pub(crate) place: String,
    /// Such as `expected a JSON object`.
    pub(crate) message: String,
}

impl Wrong {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

/// Converts a list, naming the place of the first element that is wrong: `place`, its index, and what the element's own
/// conversion says, such as `.object`.
pub(crate) fn each<T, U>(
    list: Vec<T>,
    place: &str,
    convert: impl Fn(T) -> Result<U, Wrong>,
) -> Result<Vec<U>, Wrong> {
    list.into_iter()
        .enumerate()
        .map(|(index, element)| {
            convert(element).map_err(|wrong| Wrong {
                place: format!("{place}[{index}]{}", wrong.place),
                message: wrong.message,
            })
        })
        .collect()
}

/// `text`, unless it is empty.
pub(crate) fn filled(text: String, place: &str) -> Result<String, Wrong> {
    if text.is_empty() {
        return Err(Wrong::new(place, "expected a non-empty string"));
    }
    Ok(text)
}
