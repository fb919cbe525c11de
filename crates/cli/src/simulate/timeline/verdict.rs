//! Whether what must hold held.
//!
//! An invariant counts from the first instant at which it holds: before a workload is installed nothing is available, and
//! that is no violation. One that never holds is one.

use std::time::Duration;

use super::Course;
use crate::simulate::invariant::Invariant;
use crate::simulate::observation::Name;

/// What became of an invariant for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The invariant, as it was written.
    pub(crate) text: String,
    /// How long it may be violated.
    pub(crate) spare: Duration,
    pub(crate) object: Name,
    pub(crate) finding: Finding,
}

/// Whether it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Always, or never for longer than it may be.
    Held,
    /// At no time.
    Never {
        /// The numbers at the end.
        values: String,
    },
    /// Not always.
    Violated {
        /// When for the first time.
        first: Duration,
        /// For how long then.
        lasted: Duration,
        /// Whether it was still violated at the end.
        open: bool,
        /// The numbers at that instant.
        values: String,
        /// How often in all.
        times: usize,
    },
}

/// A stretch of time in which an invariant does not hold.
struct Stretch {
    first: Duration,
    end: Option<Duration>,
    values: String,
}

/// What became of `invariant` for the object of `course`; nothing where it is not about it.
pub(super) fn judge(
    invariant: &Invariant,
    name: &Name,
    course: &Course,
    length: Duration,
) -> Option<Verdict> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut held = false;
    let mut last = None;
    for (at, frame) in course {
        let Some(frame) = frame else {
            close(&mut stretches, *at);
            continue;
        };
        if !invariant.is_about(frame) {
            return None;
        }
        last = Some(frame);
        if invariant.holds(frame) {
            held = true;
            close(&mut stretches, *at);
        } else if held && stretches.last().is_none_or(|s| s.end.is_some()) {
            stretches.push(Stretch {
                first: *at,
                end: None,
                values: invariant.values(frame),
            });
        }
    }
    let last = last?;
    let lasted = |stretch: &Stretch| stretch.end.unwrap_or(length).saturating_sub(stretch.first);
    stretches.retain(|stretch| {
        lasted(stretch) > invariant.spare || stretch.end.is_none() && invariant.spare.is_zero()
    });
    let finding = match stretches.first() {
        _ if !held => Finding::Never {
            values: invariant.values(last),
        },
        None => Finding::Held,
        Some(stretch) => Finding::Violated {
            first: stretch.first,
            lasted: lasted(stretch),
            open: stretch.end.is_none(),
            values: stretch.values.clone(),
            times: stretches.len(),
        },
    };
    Some(Verdict {
        text: invariant.text.clone(),
        spare: invariant.spare,
        object: name.clone(),
        finding,
    })
}

/// What became of an invariant about an object that never was: what nobody looked at did not hold.
pub(super) fn of_nothing(invariant: &Invariant) -> Option<Verdict> {
    let object = Name::parse(invariant.object.as_deref()?)?;
    Some(Verdict {
        text: invariant.text.clone(),
        spare: invariant.spare,
        object,
        finding: Finding::Never {
            values: "there never was such an object".to_owned(),
        },
    })
}

fn close(stretches: &mut [Stretch], at: Duration) {
    if let Some(stretch) = stretches.last_mut() {
        stretch.end.get_or_insert(at);
    }
}
