//! From text to watches.

use std::collections::BTreeMap;

use oarlock_core::reference::Gvk;

use crate::check::{self, Entry};
use crate::diagnostic::{Diagnostic, Severity};
use crate::environment::{self, Env};
use crate::key_path::KeyPath;
use crate::problem::{Problem, Report};
use crate::tree::{self, Content, Node, Place};
use crate::watch::Watch;

/// What a file says.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Whether the file as a whole could be read.
    pub reading: Reading,
    /// The good entries, in the order of the file.
    pub watches: Vec<Watch>,
    /// The bad entries, in the order of the file.
    pub rejected: Vec<Rejected>,
    /// All findings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Whether a file says anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is a list; what is not in it is not wanted any more.
    List,
    /// It cannot be read: empty, no YAML, or no list. Nothing can be said about what is wanted, so what runs keeps
    /// running.
    Unreadable,
}

/// A bad entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its kind, where that much could be read.
    pub gvk: Option<Gvk>,
    /// Its first line, counted from 1.
    pub line: u32,
    /// Why, in one line.
    pub reason: String,
}

impl Parsed {
    /// Whether there is any error, in whatever entry.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|d| d.severity == Severity::Error)
    }

    /// Rejected kinds that no good entry is about: those whose objects nobody takes care of. (The second of two entries
    /// for one kind is rejected too, but its objects are in good hands.)
    pub fn unserved(&self) -> impl Iterator<Item = (&Gvk, &Rejected)> {
        self.rejected
            .iter()
            .filter_map(|rejected| Some((rejected.gvk.as_ref()?, rejected)))
            .filter(|(gvk, _)| self.watches.iter().all(|w| w.gvk != **gvk))
    }
}

/// Reads the text of a watches.yaml. `file` is only for the messages.
#[must_use]
pub fn parse(file: &str, text: &str, env: &Env) -> Parsed {
    let mut report = Report::new(file, text);
    let Some(entries) = list(text, &mut report) else {
        return Parsed {
            reading: Reading::Unreadable,
            watches: Vec::new(),
            rejected: Vec::new(),
            diagnostics: report.into_diagnostics(),
        };
    };
    let mut watches = Vec::new();
    let mut rejected = Vec::new();
    let mut first_of: BTreeMap<Gvk, (usize, u32)> = BTreeMap::new();
    for (index, mut node) in entries.into_iter().enumerate() {
        let before = report.len();
        environment::expand(&mut node, &KeyPath::entry(), env, &mut report);
        let line = node.place.line;
        let Entry { gvk, watch } = check::entry(&node, env, &mut report);
        let first = gvk
            .as_ref()
            .map(|gvk| *first_of.entry(gvk.clone()).or_insert((index, line)));
        if let (Some(gvk), Some((first_index, first))) = (&gvk, first)
            && first_index != index
        {
            let problem = Problem::new(format!(
                "duplicate watch of {gvk} on line {line}: it is already watched on line {first}"
            ))
            .hint("an object has one module; keep one of the two entries");
            report.add(Severity::Error, node.place, &KeyPath::entry(), problem);
        }
        report.sort_since(before);
        let reasons: Vec<String> = report
            .since(before)
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .map(Diagnostic::summary)
            .collect();
        match (watch, reasons.split_first()) {
            (Some(watch), None) => watches.push(watch),
            (_, reasons) => rejected.push(Rejected {
                gvk,
                line,
                reason: match reasons {
                    None => "the entry is not valid".to_owned(),
                    Some((first, [])) => first.clone(),
                    Some((first, more)) => format!("{first} (and {} more)", more.len()),
                },
            }),
        }
    }
    Parsed {
        reading: Reading::List,
        watches,
        rejected,
        diagnostics: report.into_diagnostics(),
    }
}

const NOTHING_LOADED: &str = "nothing of this file is loaded; what runs keeps running";

fn list(text: &str, report: &mut Report<'_>) -> Option<Vec<Node>> {
    let mut whole = |place: Place, problem: Problem| {
        report.add(Severity::Error, place, &KeyPath::entry(), problem);
    };
    let node = match tree::read(text) {
        Ok(node) => node,
        Err(error) => {
            whole(
                error.place,
                Problem::new(format!("not valid YAML: {}", error.message)).hint(NOTHING_LOADED),
            );
            return None;
        }
    };
    let what = match node.content {
        Content::List(entries) => return Some(entries),
        Content::Null => {
            whole(
                Place::START,
                Problem::new("the file is empty")
                    .expected("a list of watches")
                    .hint(format!("{NOTHING_LOADED}; to watch nothing, write []")),
            );
            return None;
        }
        Content::Map(_) => "a mapping",
        Content::Text(_) => "text",
        Content::Bool(_) | Content::Number(_) => "a single value",
    };
    let problem = Problem::new(format!("the file is {what}")).expected("a list of watches");
    let begin = if what == "a mapping" {
        "begin each watch with \"- \"; "
    } else {
        ""
    };
    whole(node.place, problem.hint(format!("{begin}{NOTHING_LOADED}")));
    None
}
