//! Normal form: whatever differs from run to run is replaced by a name that keeps what matters of it.
//!
//! | what | becomes | keeps |
//! |---|---|---|
//! | uid | `<uid-1>` | identity |
//! | resourceVersion of an object | `<version-1>`, `<version-1, past>` | identity; past: older than one that was seen before |
//! | resourceVersion of a list or bookmark | `<revision>` | that it is not older than any object seen |
//! | a time within a day of now | `<time>`, `<micro-time>` | precision |
//! | the generated end of a name | `<random-1>` | identity |
//! | the hash of a template | `<hash-1>` | identity |
//! | addresses, node names, node ports | `<ip-1>`, `<node-1>`, `<port-1>` | identity |
//! | the story's namespace, its directory | `<namespace>`, `<dir>` | all |
//! | ages in tables and in kubectl's output | `<age>` | that it is one |
//! | continue tokens | `<continue>` | that there is one |
//!
//! `managedFields` are ordered by manager, since the server's order depends on the second of each write.
//!
//! Numbers are given in the order of appearance in the transcript.

use serde_json::Value;

use crate::pointer::keep_only;
use crate::story::View;
use crate::transcript::{Answered, Transcript};

mod names;
mod text;
mod walk;

use self::names::Names;
use self::walk::Walk;

/// What a story was surrounded by.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Its namespace.
    pub namespace: String,
    /// Its directory.
    pub directory: String,
}

/// What of an answer goes into the transcript. Patterns are relative to the body, of events: to the array.
fn view(view: &View, mut answer: Value) -> Value {
    if let Some(value) = content(&mut answer) {
        if !view.show.is_empty() {
            keep_only(&view.show, value);
        }
        for pattern in &view.hide {
            pattern.remove(value);
        }
    }
    answer
}

fn content(answer: &mut Value) -> Option<&mut Value> {
    let key = ["body", "events"]
        .into_iter()
        .find(|key| answer.get(key).is_some())?;
    answer.get_mut(key)
}

/// The transcript in normal form, as far as the views of its steps go. Names are learned from all of it.
#[must_use]
pub fn normalise(
    transcript: Transcript,
    surroundings: &Surroundings,
    views: impl Fn(&str) -> View,
) -> Transcript {
    let mut names = Names::new(surroundings);
    for answered in &transcript.steps {
        names.learn(&answered.answer);
    }
    let mut walk = Walk::new(names);
    let steps = transcript
        .steps
        .into_iter()
        .map(|mut answered| {
            let looked = views(&answered.step);
            answered.answer = view(&looked, answered.answer);
            if let Some(value) = content(&mut answered.answer) {
                for pattern in &looked.sorted {
                    pattern.each(value, &mut |array| sort(array, &walk));
                }
            }
            Answered {
                answer: walk.answer(answered.answer),
                step: answered.step,
            }
        })
        .collect();
    Transcript { steps }
}

/// Sorts by what is the same in each run.
fn sort(array: &mut Value, walk: &Walk) {
    if let Value::Array(items) = array {
        items.sort_by_cached_key(|item| walk.masked(item));
    }
}

#[cfg(test)]
mod tests;
