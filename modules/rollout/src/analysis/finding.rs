//! What was found, check by check.

use oarlock_sdk::Timestamp;

use crate::why::{Input, Verdict};

/// What all checks of a run found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assessment {
    /// One per check, in the order in which they were asked.
    pub findings: Vec<Finding>,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Name of the check, unique among those of a rollout.
    pub name: String,
    /// What it says to the decision, for `status.why`.
    pub input: Input,
    /// What it means.
    pub judgement: Judgement,
    /// A sentence for people; more lines are hints.
    pub message: String,
    /// What was accepted and is not followed, and what the server warned about.
    pub warnings: Vec<String>,
    /// When it is worth asking again, where that is known.
    pub wake: Option<Timestamp>,
    /// Asked and told, never counted.
    pub dry_run: bool,
    /// Nobody is alerted of it.
    pub muted: bool,
    /// Errors in a row that are no failed check yet.
    pub(crate) error_limit: u32,
}

/// What a finding means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// Go on.
    Pass,
    /// A failed check.
    Fail,
    /// Wait, and nothing is counted.
    Hold(Hold),
    /// Wait, and count: too many in a row are a failed check.
    Error,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    /// The step is younger than a query needs it to be.
    TooYoung,
    /// There are no data, and `noData: hold`.
    NoData,
    /// Neither the condition of success nor that of failure holds.
    Inconclusive,
    /// Somebody has to say yes.
    Gate,
    /// Something must be granted or created first, or the run had no time left.
    Blocked,
}

impl Assessment {
    /// Whether every check passed; also where there was none.
    pub fn passes(&self) -> bool {
        self.counted()
            .all(|finding| finding.judgement == Judgement::Pass)
    }

    /// Whether a check failed. Errors are counted by [`Tally`](super::Tally) only.
    pub fn fails(&self) -> bool {
        self.counted()
            .any(|finding| finding.judgement == Judgement::Fail)
    }

    /// For `status.why`.
    pub fn inputs(&self) -> Vec<Input> {
        self.findings
            .iter()
            .map(|finding| finding.input.clone())
            .collect()
    }

    /// What should be told as a warning, once per text.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        for warning in self.findings.iter().flat_map(|finding| &finding.warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        warnings
    }

    /// When it is worth asking again before the interval is over.
    pub fn wake(&self) -> Option<Timestamp> {
        self.counted().filter_map(|finding| finding.wake).min()
    }

    /// What stands in the way of passing, in the order in which it was asked: failures first.
    pub fn obstacles(&self) -> Vec<&Finding> {
        let rank = |finding: &&Finding| match finding.judgement {
            Judgement::Fail => 0,
            Judgement::Error => 1,
            Judgement::Hold(_) => 2,
            Judgement::Pass => 3,
        };
        let mut obstacles: Vec<_> = self
            .counted()
            .filter(|finding| finding.judgement != Judgement::Pass)
            .collect();
        obstacles.sort_by_key(rank);
        obstacles
    }

    fn counted(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.dry_run)
    }

    pub(crate) fn of(findings: Vec<Finding>) -> Self {
        Self { findings }
    }
}

impl Finding {
    /// `what` is `metric` or `webhook`, `value` what was found in a few words.
    pub(crate) fn new(
        what: &str,
        name: &str,
        judgement: Judgement,
        value: impl AsRef<str>,
        message: impl AsRef<str>,
    ) -> Self {
        let verdict = match judgement {
            Judgement::Pass => Verdict::Pass,
            Judgement::Fail => Verdict::Fail,
            Judgement::Hold(_) | Judgement::Error => Verdict::Hold,
        };
        // Hints are for messages.
        let value = value.as_ref().lines().next().unwrap_or_default();
        Self {
            name: name.into(),
            input: Input::new(format!("{what} {name}"), value, verdict),
            judgement,
            message: format!("{what} {name}: {}", message.as_ref()),
            warnings: Vec::new(),
            wake: None,
            dry_run: false,
            muted: false,
            error_limit: 0,
        }
    }

    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self {
            input: self.input.expected(expected),
            ..self
        }
    }

    /// Told only.
    pub(crate) fn dry(self, dry_run: bool) -> Self {
        if !dry_run {
            return self;
        }
        Self {
            message: sentence(&self.message, " (dryRun)"),
            input: Input {
                verdict: Verdict::Info,
                ..self.input
            },
            dry_run,
            ..self
        }
    }
}

/// A message with something more at the end of its first line: what follows are hints.
pub(crate) fn sentence(message: &str, end: &str) -> String {
    match message.split_once('\n') {
        Some((first, hints)) => format!("{first}{end}\n{hints}"),
        None => format!("{message}{end}"),
    }
}
