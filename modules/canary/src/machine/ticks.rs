//! What is asked, and what was said.

use oarlock_sdk::Timestamp;
use rollout::analysis::Tally;
use rollout::why::Input;

/// What is to be asked before it can be decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Question {
    /// May the rollout begin?
    ConfirmRollout,
    /// May it get requests?
    PreRollout,
    /// How does the new revision do? `onward`: the next step gives it more.
    Checks { onward: bool },
    /// May it be promoted?
    ConfirmPromotion,
    /// It is done.
    PostRollout,
}

/// What was said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) said: Said,
    /// A sentence for people.
    pub(crate) because: String,
    pub(crate) inputs: Vec<Input>,
    pub(crate) warnings: Vec<String>,
    /// Nothing is in the way but that the step is too young to be judged.
    pub(crate) young: bool,
    /// When it is worth to ask again, before the interval is over.
    pub(crate) wake: Option<Timestamp>,
    /// What was counted since the rollout began, with this.
    pub(crate) tally: Tally,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    /// Go on.
    Pass,
    /// Wait.
    Hold,
    /// A check failed, and may fail again.
    Fail,
    /// Enough of them failed.
    GiveUp,
    /// Somebody asks for it to be given up, whatever else was said.
    RollBack,
}
