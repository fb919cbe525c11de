//! `limits:`.

use std::time::Duration;

use oarlock_core::limits::Limits;

use super::Check;
use crate::key_path::KeyPath;
use crate::problem::Problem;
use crate::quantity::{self, Quantity};
use crate::raw::{DurationText, QuantityText, RawLimits};

impl Check<'_, '_> {
    pub(super) fn limits(&mut self, raw: Option<RawLimits>) -> Limits {
        let mut limits = Limits::default();
        let Some(raw) = raw else { return limits };
        let path = KeyPath::entry().key("limits");
        self.time(&path.key("cpu"), raw.cpu, &mut limits.cpu);
        self.time(&path.key("deadline"), raw.deadline, &mut limits.deadline);
        self.size(&path.key("memory"), raw.memory, &mut limits.memory);
        self.size(&path.key("output"), raw.output, &mut limits.output);
        self.size(&path.key("log"), raw.log, &mut limits.log);
        if limits.cpu > limits.deadline && !self.has_errors() {
            let problem = Problem::new("more than limits.deadline, which ends the call first")
                .hint("raise limits.deadline too");
            self.warn(&path.key("cpu"), problem);
        }
        limits
    }

    fn time(&mut self, path: &KeyPath, text: Option<DurationText>, limit: &mut Duration) {
        let Some(given) = text.and_then(|text| self.duration(path, &text.0)) else {
            return;
        };
        if given.is_zero() {
            self.error(path, nothing("a call needs some time"));
        } else {
            *limit = given;
        }
    }

    fn size(&mut self, path: &KeyPath, text: Option<QuantityText>, limit: &mut usize) {
        let Some(text) = text.map(|text| text.0.to_string()) else {
            return;
        };
        let parsed = text.parse::<Quantity>().map_err(|error| {
            Problem::new(error.to_string())
                .expected(quantity::FORM)
                .maybe_hint(error.hint())
        });
        let bytes = parsed.and_then(|quantity| {
            usize::try_from(quantity.bytes()).map_err(|_| {
                Problem::new(format!("{text:?} is more than this machine can address"))
            })
        });
        match self.ok(path, bytes) {
            Some(0) => self.error(path, nothing("a call needs some room")),
            Some(bytes) => *limit = bytes,
            None => {}
        }
    }
}

fn nothing(why: &str) -> Problem {
    Problem::new("a limit of zero")
        .expected("more than zero")
        .hint(format!("{why}; leave the key out for the default"))
}
