//! What happened, for people: the states of the objects over time, what led to them, and what was violated.

mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::resource::ResourceId;
use serde_json::Value;

use crate::simulate::chronicle::{EVENTS, Entry};
use crate::simulate::course::{DoneKind, End, Record};
use crate::simulate::invariant::Invariant;
use crate::simulate::observation::{Frame, Name, State, readable};

pub(crate) use verdict::{Finding, Verdict};

/// A whole simulation.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) end: End,
    /// How long it was.
    pub(crate) length: Duration,
    /// In order.
    pub(crate) lines: Vec<Line>,
    pub(crate) objects: BTreeMap<Name, Course>,
    pub(crate) verdicts: Vec<Verdict>,
    /// What else people should know.
    pub(crate) remarks: Vec<String>,
    pub(crate) began: Timestamp,
}

/// An object over time: since when it is like that; nothing where it is gone.
pub(crate) type Course = Vec<(Duration, Option<Frame>)>;

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Since the beginning.
    pub(crate) at: Duration,
    pub(crate) what: What,
}

/// What a line tells. The order is that of lines of the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Somebody did something.
    Done(DoneKind, String),
    /// The operator said something of an object.
    Event(Event),
    /// An object is like this from now on.
    Frame(Frame),
    /// An object is gone.
    Gone(Name),
    /// What must hold does not.
    Violated(Name, String),
}

/// An Event of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) object: Name,
    pub(crate) warning: bool,
    pub(crate) reason: String,
    pub(crate) note: String,
}

impl What {
    const fn order(&self) -> u8 {
        match self {
            Self::Done(..) => 0,
            Self::Event(_) => 1,
            Self::Frame(_) | Self::Gone(_) => 2,
            Self::Violated(..) => 3,
        }
    }
}

impl Timeline {
    /// From what happened.
    pub(crate) fn of(record: &Record, invariants: &[Invariant]) -> Self {
        let length = record.ended.since(record.began);
        let mut lines: Vec<Line> = record
            .deeds
            .iter()
            .map(|done| Line {
                at: done.at.since(record.began),
                what: What::Done(done.kind, done.text.clone()),
            })
            .collect();
        lines.extend(events(record));
        let objects = courses(record);
        for (name, course) in &objects {
            lines.extend(course.iter().map(|(at, frame)| Line {
                at: *at,
                what: match frame {
                    Some(frame) => What::Frame(frame.clone()),
                    None => What::Gone(name.clone()),
                },
            }));
        }
        let mut verdicts = Vec::new();
        for invariant in invariants {
            let judged = objects
                .iter()
                .filter_map(|(name, course)| verdict::judge(invariant, name, course, length));
            let before = verdicts.len();
            verdicts.extend(judged);
            if verdicts.len() == before {
                verdicts.extend(verdict::of_nothing(invariant));
            }
        }
        for verdict in &verdicts {
            if let Finding::Violated { first, .. } = &verdict.finding {
                lines.push(Line {
                    at: *first,
                    what: What::Violated(verdict.object.clone(), verdict.text.clone()),
                });
            }
        }
        // Stable: what is of one time and kind stays in its order.
        lines.sort_by_key(|line| (line.at, line.what.order()));
        Self {
            end: record.end,
            length,
            lines,
            remarks: remarks(invariants, &objects),
            objects,
            verdicts,
            began: record.began,
        }
    }

    /// Whether anything that must hold did not.
    pub(crate) fn is_violated(&self) -> bool {
        let held = |verdict: &Verdict| matches!(verdict.finding, Finding::Held);
        !self.verdicts.iter().all(held)
    }

    /// The states in which the objects are at the end.
    pub(crate) fn last(&self) -> impl Iterator<Item = &Frame> {
        let courses = self.objects.values();
        courses.filter_map(|course| course.last()?.1.as_ref())
    }
}

/// What nobody would notice: an invariant of nothing.
fn remarks(invariants: &[Invariant], objects: &BTreeMap<Name, Course>) -> Vec<String> {
    let frames = || {
        let courses = objects.values().flatten();
        courses.filter_map(|(_, frame)| frame.as_ref())
    };
    let mut remarks = BTreeSet::new();
    for invariant in invariants {
        for name in invariant.tracks() {
            let known = |frame: &Frame| frame.tracks.iter().any(|track| track.is_called(&name));
            if !frames().any(known) {
                remarks.insert(format!(
                    "{:?} says little: there never was a track {name}",
                    invariant.text
                ));
            }
        }
    }
    remarks.into_iter().collect()
}

/// The objects that are reconciled, over time. Of what changes within one instant the end counts.
fn courses(record: &Record) -> BTreeMap<Name, Course> {
    let mut state = State::new();
    let mut courses: BTreeMap<Name, Course> = BTreeMap::new();
    let deployments = ResourceId::of("apps", "deployments");
    let relevant = |entry: &&Entry| {
        let resource = &entry.change.resource;
        *resource == deployments || record.kinds.contains_key(resource)
    };
    let mut entries = record.entries.iter().filter(relevant).peekable();
    while let Some(entry) = entries.next() {
        let change = &entry.change;
        let place = (change.resource.clone(), change.key.clone());
        if change.removed {
            state.remove(&place);
        } else {
            state.insert(place, std::sync::Arc::clone(&change.object));
        }
        if entries.peek().is_some_and(|next| next.at == entry.at) {
            continue;
        }
        let at = entry.at.since(record.began);
        let mut seen = BTreeSet::new();
        for frame in frames(record, &state) {
            seen.insert(frame.object.clone());
            let course = courses.entry(frame.object.clone()).or_default();
            if course
                .last()
                .is_none_or(|(_, last)| last.as_ref() != Some(&frame))
            {
                course.push((at, Some(frame)));
            }
        }
        for (name, course) in &mut courses {
            if !seen.contains(name) && course.last().is_some_and(|(_, last)| last.is_some()) {
                course.push((at, None));
            }
        }
    }
    courses
}

fn frames(record: &Record, state: &State) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (resource, kind) in &record.kinds {
        let from = (
            resource.clone(),
            oarlock_devcluster::store::Key::new("", ""),
        );
        let objects = state
            .range(from..)
            .take_while(|((of, _), _)| of == resource);
        frames.extend(objects.map(|(_, object)| Frame::of(kind, object, state, record.began)));
    }
    frames
}

/// Events about the objects that are reconciled, when they are first told.
fn events(record: &Record) -> impl Iterator<Item = Line> {
    let kinds: BTreeSet<&str> = record.kinds.values().map(String::as_str).collect();
    let new = |entry: &&Entry| entry.change.resource == EVENTS && entry.change.previous.is_none();
    record.entries.iter().filter(new).filter_map(move |entry| {
        let event = &entry.change.object;
        let text = |pointer: &str| {
            let text = event.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let kind = text("/involvedObject/kind");
        if !kinds.contains(kind.as_str()) {
            return None;
        }
        let event = Event {
            object: Name {
                kind,
                namespace: text("/involvedObject/namespace"),
                name: text("/involvedObject/name"),
            },
            warning: event["type"] == "Warning",
            reason: text("/reason"),
            note: readable(&text("/message"), record.began),
        };
        Some(Line {
            at: entry.at.since(record.began),
            what: What::Event(event),
        })
    })
}

#[cfg(test)]
mod tests;
