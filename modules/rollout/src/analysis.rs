//! Checks between two steps: metrics, webhooks, and what they come to. Alerts, too.
//!
//! The rooms: `spec` is what people write, `Check`, `Webhooks` and `Alerts` the same, parsed, with every wrong field located.
//! An `Inquiry` asks; what it finds is an `Assessment` of `Finding`s; a `Tally` counts those and rules. Nothing here knows which
//! kind of object is checked, what a step is, or when the next check is due: that is the caller's, and so are the tally and
//! the time of the last check, which stand in its status.

pub mod alert;
mod answer;
mod builtin;
mod caller;
mod check;
mod condition;
mod draft;
pub mod duration;
mod excerpt;
mod finding;
mod inquiry;
mod metric;
mod metric_template;
mod prometheus;
mod rule;
mod scope;
mod settings;
pub mod spec;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod url;
mod web;
mod webhook;
mod window;

pub use alert::{Alerts, News};
pub use check::Check;
pub use finding::{Assessment, Finding, Hold, Judgement};
pub use inquiry::Inquiry;
pub use scope::Scope;
pub use settings::{Monitoring, Series, Settings};
pub use spec::{Occasion, Severity};
pub use tally::{Decision, Ruling, Tally};
pub use webhook::Webhooks;
