//! What somebody outside answers when.

use std::fmt;
use std::time::Duration;

use oarlock_config::document::{KeyPath, Problem};

use super::clockwork::Steps;
use super::{Reading, raw};

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A status.
    Status(u16),
    /// None at all.
    Timeout,
    /// Nobody listens.
    Refused,
}

/// Answers to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One per call; the last one stays.
    ByCall(Vec<Answer>),
    /// By the time of the call; 200 before the first.
    ByTime(Steps<Answer>),
}

impl Answers {
    /// The answer to the call of this number, counted from 0, at this time.
    pub(crate) fn answer(&self, call: usize, time: Duration) -> Answer {
        let known = match self {
            Self::ByCall(answers) => answers.get(call).or(answers.last()),
            Self::ByTime(steps) => steps.at(time),
        };
        known.copied().unwrap_or(Answer::Status(200))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Timeout => f.write_str("no answer"),
            Self::Refused => f.write_str("connection refused"),
        }
    }
}

fn answer(word: &str) -> Result<Answer, Problem> {
    match word {
        "timeout" => Ok(Answer::Timeout),
        "refused" => Ok(Answer::Refused),
        number => match number.parse() {
            Ok(status) if (100..=599).contains(&status) => Ok(Answer::Status(status)),
            _ => Err(Problem::new(format!("{word:?} is no answer"))
                .expected("a status from 100 to 599, timeout or refused")),
        },
    }
}

impl Reading<'_> {
    pub(super) fn answers(&mut self, path: &KeyPath, raw: raw::RawAnswers) -> Option<Answers> {
        Some(match raw {
            raw::RawAnswers::Number(number) => {
                let only = self.document.ok(path, answer(&number.to_string()))?;
                Answers::ByCall(vec![only])
            }
            raw::RawAnswers::Text(text) => Answers::ByCall(self.words(path, &text, answer)?),
            raw::RawAnswers::Points(points) => {
                let points = points.into_iter().map(|p| (p.at, p.answer)).collect();
                Answers::ByTime(self.steps(path, "answer", points, answer)?)
            }
        })
    }
}
