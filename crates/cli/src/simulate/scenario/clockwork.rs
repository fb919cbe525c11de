//! What holds since when: a step function of time.

use std::time::Duration;

use oarlock_config::document::{KeyPath, Problem};

use super::{Reading, raw};

/// Values, each with the time since which it holds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Steps<T>(Vec<(Duration, T)>);

impl<T> Steps<T> {
    /// One value per interval.
    pub(super) fn every(interval: Duration, values: Vec<T>) -> Self {
        let at = |index: usize| interval.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
        let steps = values.into_iter().enumerate();
        Self(steps.map(|(index, value)| (at(index), value)).collect())
    }

    /// What holds at a time; nothing before the first value.
    pub(crate) fn at(&self, time: Duration) -> Option<&T> {
        let after = self.0.partition_point(|(since, _)| *since <= time);
        self.0.get(after.checked_sub(1)?).map(|(_, value)| value)
    }
}

impl Reading<'_> {
    /// A list of times and values; `word` parses a value.
    pub(super) fn steps<T>(
        &mut self,
        path: &KeyPath,
        key: &str,
        points: Vec<(Option<raw::Time>, Option<raw::Word>)>,
        word: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Steps<T>> {
        if points.is_empty() {
            let problem = Problem::new("an empty list").expected("at least one time and value");
            self.document.error(path, problem);
            return None;
        }
        let mut steps: Vec<(Duration, T)> = Vec::new();
        for (index, (at, value)) in points.into_iter().enumerate() {
            let path = path.index(index);
            // What is missing or of another type was told already.
            let (Some(at), Some(value)) = (at, value) else {
                continue;
            };
            let at = self.document.ok(&path.key("at"), at.duration());
            let value = self.document.ok(&path.key(key), word(&value.to_string()));
            let (Some(at), Some(value)) = (at, value) else {
                continue;
            };
            if steps.last().is_some_and(|(before, _)| *before >= at) {
                let problem = Problem::new("not after the one before").hint("put them in order");
                self.document.error(&path.key("at"), problem);
                continue;
            }
            steps.push((at, value));
        }
        Some(Steps(steps))
    }

    /// A text of words, each of which `word` parses.
    pub(super) fn words<T>(
        &mut self,
        path: &KeyPath,
        text: &str,
        word: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let mut values = Vec::new();
        let mut good = true;
        for part in text.split_whitespace() {
            match word(part) {
                Ok(value) => values.push(value),
                Err(problem) => {
                    good = false;
                    // A part of the same text: its place is known by its bytes.
                    let bytes = part.as_ptr() as usize - text.as_ptr() as usize;
                    let start = text[..bytes].chars().count();
                    let end = start + part.chars().count();
                    self.document.error_within(path, start..end, problem);
                }
            }
        }
        if good && values.is_empty() {
            let problem = Problem::new("an empty text").expected("values with spaces between them");
            self.document.error(path, problem);
            return None;
        }
        good.then_some(values)
    }
}
