//! How people steer a rollout: `spec.control`.
//!
//! Every wish names the revision that it is for (`status.currentRevision`), so that it stays in Git without ever meaning
//! the next rollout, and may be applied any number of times.

use serde::{Deserialize, Serialize};

/// `spec.control`. Wishes for another revision than the current one are without effect.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "camelCase", default)]
pub struct Control {
    /// Revision to give up: the stable one serves again, and this one is not tried again without a `retry`.
    pub abort: Option<String>,
    /// `REVISION/N`: past step N, without waiting for it. `REVISION/full`, or `REVISION` alone: past all of them.
    pub promote: Option<String>,
    /// Any text. Another one than `status.handledRetry` takes the rejection of the current revision back.
    pub retry: Option<String>,
    /// Revision to hold where it is, until this is taken away or the revision is promoted.
    pub pause: Option<String>,
}

/// How far a rollout may go without waiting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Promotion {
    /// Past this step, counted from 1.
    Step(u32),
    /// To the end.
    Full,
}

impl Control {
    /// Whether this revision is to be given up.
    pub fn aborts(&self, revision: &str) -> bool {
        self.abort.as_deref() == Some(revision)
    }

    /// Whether this revision is to be held.
    pub fn pauses(&self, revision: &str) -> bool {
        self.pause.as_deref() == Some(revision)
    }

    /// How far this revision may go without waiting.
    ///
    /// # Errors
    ///
    /// The text after the slash, where it is neither a step's number nor `full`.
    pub fn promotes(&self, revision: &str) -> Result<Option<Promotion>, &str> {
        let Some(wish) = self.promote.as_deref() else {
            return Ok(None);
        };
        let (wanted, far) = wish.split_once('/').unwrap_or((wish, "full"));
        let promotion = match far {
            "full" => Promotion::Full,
            number => match number.parse() {
                Ok(step) if step > 0 => Promotion::Step(step),
                _ => return Err(far),
            },
        };
        Ok((wanted == revision).then_some(promotion))
    }

    /// The retry that was not handled yet.
    pub fn retries(&self, handled: Option<&str>) -> Option<&str> {
        self.retry
            .as_deref()
            .filter(|token| Some(*token) != handled)
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, Promotion};

    fn promote(wish: &str) -> Control {
        Control {
            promote: Some(wish.into()),
            ..Control::default()
        }
    }

    #[test]
    fn a_promotion_is_for_one_revision() {
        assert_eq!(promote("abc").promotes("abc"), Ok(Some(Promotion::Full)));
        assert_eq!(
            promote("abc/full").promotes("abc"),
            Ok(Some(Promotion::Full))
        );
        assert_eq!(
            promote("abc/2").promotes("abc"),
            Ok(Some(Promotion::Step(2)))
        );
        assert_eq!(promote("abc/2").promotes("def"), Ok(None));
        assert_eq!(Control::default().promotes("abc"), Ok(None));
    }

    #[test]
    fn a_promotion_that_says_nothing_is_an_error() {
        assert_eq!(promote("abc/0").promotes("abc"), Err("0"));
        assert_eq!(promote("abc/fulll").promotes("def"), Err("fulll"));
    }

    #[test]
    fn a_retry_counts_once() {
        let control = Control {
            retry: Some("second".into()),
            ..Control::default()
        };
        assert_eq!(control.retries(Some("first")), Some("second"));
        assert_eq!(control.retries(None), Some("second"));
        assert_eq!(control.retries(Some("second")), None);
    }
}
