//! What differs between two transcripts, place by place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pointer::escape;
use crate::transcript::{Answered, Transcript};

/// A place where the answers are not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The step.
    pub step: String,
    /// JSON pointer into the answer.
    pub at: String,
    /// What the transcript says; `None`: nothing is there.
    pub expected: Option<Value>,
    /// What was answered.
    pub got: Option<Value>,
}

/// Every place where the two differ.
#[must_use]
pub fn compare(expected: &Transcript, got: &Transcript) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let find = |transcript: &Transcript, step: &str| {
        let mut steps = transcript.steps.iter();
        steps
            .find(|answered| answered.step == step)
            .map(|answered: &Answered| answered.answer.clone())
    };
    let mut seen = BTreeSet::new();
    for answered in expected.steps.iter().chain(&got.steps) {
        if seen.insert(&answered.step) {
            let (expected, got) = (find(expected, &answered.step), find(got, &answered.step));
            let mut places = Places {
                step: &answered.step,
                out: &mut mismatches,
            };
            places.differ(String::new(), expected.as_ref(), got.as_ref());
        }
    }
    mismatches
}

struct Places<'a> {
    step: &'a str,
    out: &'a mut Vec<Mismatch>,
}

impl Places<'_> {
    fn differ(&mut self, at: String, expected: Option<&Value>, got: Option<&Value>) {
        match (expected, got) {
            (Some(Value::Object(expected)), Some(Value::Object(got))) => {
                let keys: BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
                for key in keys {
                    let at = format!("{at}/{}", escape(key));
                    self.differ(at, expected.get(key), got.get(key));
                }
            }
            (Some(Value::Array(expected)), Some(Value::Array(got))) => {
                for index in 0..expected.len().max(got.len()) {
                    let at = format!("{at}/{index}");
                    self.differ(at, expected.get(index), got.get(index));
                }
            }
            (expected, got) if expected == got => {}
            (expected, got) => self.out.push(Mismatch {
                step: String::from(self.step),
                at,
                expected: expected.cloned(),
                got: got.cloned(),
            }),
        }
    }
}
