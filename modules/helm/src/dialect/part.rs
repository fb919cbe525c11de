//! Parts of an object that was checked against its table: what is not there, or is nothing, is none.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::duration;

/// A part of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a>(pub(super) &'a Value);

impl<'a> Part<'a> {
    /// What is at a path such as `chart.spec.sourceRef`.
    pub(super) fn at(self, path: &str) -> Self {
        Self(path.split('.').fold(self.0, |value, name| &value[name]))
    }

    /// Whether it is there.
    pub(super) fn is_given(self) -> bool {
        !self.0.is_null()
    }

    /// A text that is not empty.
    pub(super) fn text(self) -> Option<&'a str> {
        self.0.as_str().filter(|text| !text.is_empty())
    }

    /// The text, or none of it.
    pub(super) fn string(self) -> String {
        self.text().unwrap_or_default().to_owned()
    }

    pub(super) fn owned(self) -> Option<String> {
        self.text().map(String::from)
    }

    pub(super) fn flag(self) -> Option<bool> {
        self.0.as_bool()
    }

    /// Whether it is true.
    pub(super) fn is_set(self) -> bool {
        self.flag() == Some(true)
    }

    pub(super) fn whole(self) -> Option<i64> {
        self.0.as_i64()
    }

    pub(super) fn duration(self) -> Option<Duration> {
        self.text().and_then(duration::of)
    }

    pub(super) fn list(self) -> impl Iterator<Item = Part<'a>> {
        self.0.as_array().into_iter().flatten().map(Part)
    }

    pub(super) fn texts(self) -> BTreeMap<String, String> {
        let fields = self.0.as_object().into_iter().flatten();
        fields
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    pub(super) fn fields(self) -> Option<&'a Map<String, Value>> {
        self.0.as_object().filter(|fields| !fields.is_empty())
    }
}
