//! What findings come to, run by run: pure counting.

use std::collections::BTreeMap;

use oarlock_sdk::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::{Assessment, Finding, Hold, Judgement, sentence};
use crate::why::{Input, Verdict};

/// What was counted so far in a rollout. It stands in the status; a new rollout begins with an empty one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Tally {
    /// Failed checks. Several that fail at the same time are one.
    pub failed_checks: u32,
    /// Errors in a row, by name of the check.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u32>,
}

/// What an assessment comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// What to do.
    pub decision: Decision,
    /// A sentence for people; more lines are hints.
    pub because: String,
    /// For `status.why`: one per check, and the count where something failed.
    pub inputs: Vec<Input>,
    /// When it is worth asking again before the interval is over.
    pub wake: Option<Timestamp>,
    /// Nobody is alerted of it: all that is in the way is `muteAlert`.
    pub muted: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The next step.
    Advance,
    /// Wait: nothing is known that is bad.
    Hold,
    /// Wait: a check failed, and more may.
    Failed,
    /// As many checks failed as may.
    GiveUp,
}

impl Tally {
    /// Counts an assessment. `threshold` failed checks give the rollout up; 0 is taken for 1.
    ///
    /// To be called once per interval: a run that is repeated before its status is written starts from the same tally.
    #[must_use]
    pub fn count(&self, assessment: &Assessment, threshold: u32) -> (Self, Ruling) {
        let threshold = threshold.max(1);
        let mut next = self.clone();
        let mut failures = Vec::new();
        let mut holds = Vec::new();
        let mut inputs = Vec::new();
        for finding in &assessment.findings {
            let (input, message) = next.note(finding);
            match input.verdict {
                _ if finding.dry_run => {}
                Verdict::Fail => failures.push((message, finding.muted)),
                Verdict::Hold => holds.push((message, finding.muted)),
                Verdict::Pass | Verdict::Info => {}
            }
            inputs.push(input);
        }
        if !failures.is_empty() {
            next.failed_checks = next.failed_checks.saturating_add(1);
        }
        let count = next.failed_checks;
        let decision = match (failures.is_empty(), holds.is_empty()) {
            (false, _) if count >= threshold => Decision::GiveUp,
            (false, _) => Decision::Failed,
            (true, false) => Decision::Hold,
            (true, true) => Decision::Advance,
        };
        if count > 0 {
            let verdict = match decision {
                Decision::GiveUp => Verdict::Fail,
                Decision::Advance | Decision::Hold | Decision::Failed => Verdict::Info,
            };
            inputs.push(
                Input::new("failed checks", count.to_string(), verdict)
                    .expected(format!("< {threshold}")),
            );
        }
        let told = if failures.is_empty() {
            &holds
        } else {
            &failures
        };
        let because = match told.as_slice() {
            [] if assessment.findings.is_empty() => String::from("there is nothing to check"),
            [] => String::from("all checks passed"),
            [(first, _), rest @ ..] => {
                let counted = match failures.is_empty() {
                    true => String::new(),
                    false => format!(" (failed check {count} of {threshold})"),
                };
                let more = match rest.len() {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                sentence(first, &format!("{more}{counted}"))
            }
        };
        let ruling = Ruling {
            decision,
            because,
            inputs,
            wake: assessment.wake(),
            muted: !told.is_empty() && told.iter().all(|(_, muted)| *muted),
        };
        (next, ruling)
    }

    /// Counts the errors of one check, and what it says with them.
    fn note(&mut self, finding: &Finding) -> (Input, String) {
        let mut input = finding.input.clone();
        let mut message = finding.message.clone();
        match finding.judgement {
            Judgement::Error => {
                let before = self.errors.get(&finding.name).copied().unwrap_or_default();
                let errors = before.saturating_add(1);
                self.errors.insert(finding.name.clone(), errors);
                let limit = finding.error_limit;
                if limit > 0 {
                    let count = format!(" (error {errors} in a row, at most {limit})");
                    input.value += &count;
                    message = sentence(&message, &count);
                }
                if errors > limit && !finding.dry_run {
                    input.verdict = Verdict::Fail;
                }
            }
            // What was not asked says nothing.
            Judgement::Hold(Hold::TooYoung | Hold::Blocked) => {}
            Judgement::Pass | Judgement::Fail | Judgement::Hold(_) => {
                self.errors.remove(&finding.name);
            }
        }
        (input, message)
    }
}

#[cfg(test)]
mod tests;
