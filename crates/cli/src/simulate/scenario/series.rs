//! What a metric was when.

use std::time::Duration;

use oarlock_config::document::{KeyPath, Problem};

use super::clockwork::Steps;
use super::{Reading, raw};

/// The interval of a series that does not say.
pub(super) const EVERY: Duration = Duration::from_secs(60);

/// What Prometheus says when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    /// A value, as Prometheus writes it.
    Value(String),
    /// An empty result.
    Nothing,
    /// 503.
    Error,
    /// No answer.
    Timeout,
}

/// Samples over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series(Steps<Sample>);

impl Series {
    /// What there is at a time. Before the first sample there is nothing.
    pub(crate) fn at(&self, time: Duration) -> Sample {
        self.0.at(time).cloned().unwrap_or(Sample::Nothing)
    }
}

fn sample(word: &str) -> Result<Sample, Problem> {
    Ok(match word {
        "none" => Sample::Nothing,
        "error" => Sample::Error,
        "timeout" => Sample::Timeout,
        "NaN" | ".nan" | ".NaN" | ".NAN" => Sample::Value("NaN".to_owned()),
        "+Inf" | "-Inf" => Sample::Value(word.to_owned()),
        number if number.parse::<f64>().is_ok_and(f64::is_finite) => {
            Sample::Value(number.to_owned())
        }
        _ => {
            return Err(Problem::new(format!("{word:?} is no value of a metric"))
                .expected("a number, NaN, none, error or timeout"));
        }
    })
}

impl Reading<'_> {
    pub(super) fn series(
        &mut self,
        path: &KeyPath,
        raw: raw::RawSeries,
        every: Duration,
    ) -> Option<Series> {
        let steps = match raw {
            raw::RawSeries::Number(number) => {
                Steps::every(every, vec![Sample::Value(number.to_string())])
            }
            raw::RawSeries::Text(text) => Steps::every(every, self.words(path, &text, sample)?),
            raw::RawSeries::Points(points) => {
                let points = points.into_iter().map(|p| (p.at, p.value)).collect();
                self.steps(path, "value", points, sample)?
            }
        };
        Some(Series(steps))
    }
}
