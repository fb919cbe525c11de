//! How a timeline is shown: as text, as JSON lines, as a page.
//!
//! Every form is a function of the timeline alone, so that equal simulations give equal bytes.

mod html;
mod json;
mod plot;
mod text;

pub(crate) use html::html;
pub(crate) use json::json;
pub(crate) use text::text;

use std::time::Duration;

use crate::simulate::course::{DoneKind, End};
use crate::simulate::observation::{Frame, Track, clock};
use crate::simulate::timeline::{Finding, Timeline, Verdict};

impl DoneKind {
    /// One word.
    const fn word(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Pods => "pods",
            Self::Crash => "crash",
            Self::Call => "call",
        }
    }
}

/// How it ended, in a sentence.
fn ending(timeline: &Timeline) -> String {
    let began = timeline.began;
    let length = clock(timeline.length);
    match timeline.end {
        End::Rest(since) => format!("at rest since {}", clock(since.since(began))),
        End::Waiting(since) => format!(
            "still waiting at {length}: the module asks again and again, and nothing has moved since {}",
            clock(since.since(began))
        ),
        End::Restless => {
            format!("still changing at {length}; --for says how long to look at that")
        }
        End::Time => format!("the time is over at {length}"),
        End::Interrupted => format!("interrupted at {length}"),
    }
}

/// One word for how it ended.
const fn end_word(end: End) -> &'static str {
    match end {
        End::Rest(_) => "rest",
        End::Waiting(_) => "waiting",
        End::Restless => "restless",
        End::Time => "time",
        End::Interrupted => "interrupted",
    }
}

/// What there is to show: until it came to rest, or all of it.
fn shown(timeline: &Timeline) -> Duration {
    match timeline.end {
        End::Rest(since) => since.since(timeline.began),
        _ => timeline.length,
    }
}

/// Such as `2 Scaling`.
fn step(frame: &Frame) -> String {
    let number = frame.step.map(|step| step.to_string());
    let words = [number.unwrap_or_default(), frame.phase.clone()];
    let words: Vec<String> = words.into_iter().filter(|w| !w.is_empty()).collect();
    words.join(" ")
}

/// Such as `stable nginx-1.7.7 9/9`.
fn track(track: &Track, frame: &Frame) -> String {
    let mut text = match track.role.as_str() {
        "" => track.name.clone(),
        role => format!("{role} {}", track.name),
    };
    text.push_str(&format!(" {}/{}", track.available, track.desired));
    // A weight that does not follow the replicas comes from a router.
    let share = |count: fn(&Track) -> u64| {
        let all: u64 = frame.tracks.iter().map(count).sum();
        (count(track) * 100).checked_div(all).unwrap_or(0)
    };
    let shares = [share(|t| t.desired), share(|t| t.available)];
    if shares.iter().all(|share| track.weight.abs_diff(*share) > 1) {
        text.push_str(&format!(" ({}%)", track.weight));
    }
    text
}

fn tracks(frame: &Frame) -> String {
    let each: Vec<String> = frame.tracks.iter().map(|t| track(t, frame)).collect();
    each.join("  ")
}

/// How an object is at the end.
fn state(frame: &Frame) -> String {
    let ready = match frame.ready {
        Some(true) => "ready",
        Some(false) => "not ready",
        None => "says nothing of being ready",
    };
    let mut text = format!("{}: {ready}", frame.object);
    for part in [&frame.phase, &frame.why] {
        if !part.is_empty() {
            text.push_str(", ");
            text.push_str(part);
        }
    }
    text
}

/// An invariant and what became of it: a word, and the rest.
fn verdict(verdict: &Verdict) -> (&'static str, String) {
    let mut what = verdict.text.clone();
    if !verdict.spare.is_zero() {
        what.push_str(&format!(" for {}", clock(verdict.spare)));
    }
    what.push_str(&format!("  {}", verdict.object));
    match &verdict.finding {
        Finding::Held => ("held", what),
        Finding::Never { values } => ("never held", format!("{what}: {values}")),
        Finding::Violated {
            first,
            lasted,
            open,
            values,
            times,
        } => {
            let until = if *open { ", to the end" } else { "" };
            let often = match times {
                1 => String::new(),
                times => format!("; {times} times in all"),
            };
            (
                "violated",
                format!(
                    "{what}: {values} at {}, for {}{until}{often}",
                    clock(*first),
                    clock(*lasted)
                ),
            )
        }
    }
}
