//! Structured log lines. They carry the object and the module by themselves.

/// How much a line matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Every step.
    Trace,
    /// For the author of the module.
    Debug,
    /// For who runs it.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// One line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// Best a constant.
    pub message: String,
    /// What varies.
    pub fields: Vec<(String, String)>,
}
