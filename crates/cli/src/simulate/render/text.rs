//! The timeline for people at a terminal.

use super::{ending, state, step, tracks, verdict};
use crate::simulate::observation::{Frame, Name, clock};
use crate::simulate::timeline::{Line, Timeline, What};

/// Columns of a line about an object.
const COLUMNS: usize = 6;

const HEADINGS: [&str; COLUMNS] = ["time", "object", "step", "tracks", "decision", "why"];

/// Wider columns are not aligned with: one long name must not push all others away.
const WIDEST: usize = 64;

/// The whole timeline, with a line break at its end.
pub(crate) fn text(timeline: &Timeline) -> String {
    let mut before: Vec<(Name, [String; COLUMNS])> = Vec::new();
    let rows: Vec<Row> = timeline
        .lines
        .iter()
        .filter(|line| !is_said_below(line, timeline))
        .filter_map(|line| row(line, &mut before))
        .collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        if let Row::Cells(cells) = row {
            for (width, cell) in widths.iter_mut().zip(cells) {
                let length = cell.chars().count();
                if length <= WIDEST {
                    *width = (*width).max(length);
                }
            }
        }
    }
    let mut text = String::new();
    push(&mut text, &HEADINGS.map(str::to_owned), &widths);
    for row in &rows {
        match row {
            Row::Cells(cells) => push(&mut text, cells, &widths),
            Row::Note(at, note) => text.push_str(&format!("{at:<0$}  -- {note}\n", widths[0])),
        }
    }
    text.push('\n');
    text.push_str(&summary(timeline));
    text
}

enum Row {
    Cells([String; COLUMNS]),
    Note(String, String),
}

/// Whether an Event only says what the object says of itself at the same time.
fn is_said_below(line: &Line, timeline: &Timeline) -> bool {
    let What::Event(event) = &line.what else {
        return false;
    };
    let course = timeline.objects.get(&event.object).into_iter().flatten();
    let mut now = course.filter(|(at, _)| *at == line.at);
    now.any(|(_, frame)| {
        let same = |frame: &Frame| frame.decision == event.reason && frame.why == event.note;
        frame.as_ref().is_some_and(same)
    })
}

/// What a line looks like; nothing where it looks like the one before of the same object.
fn row(line: &Line, before: &mut Vec<(Name, [String; COLUMNS])>) -> Option<Row> {
    let at = clock(line.at);
    Some(match &line.what {
        What::Frame(frame) => {
            let cells = cells(at, frame);
            let shown = match before.iter_mut().find(|(name, _)| *name == frame.object) {
                Some((_, last)) if last[1..] == cells[1..] => return None,
                Some((_, last)) => {
                    let shown = unlike(&cells, last);
                    *last = cells;
                    shown
                }
                None => {
                    before.push((frame.object.clone(), cells.clone()));
                    cells
                }
            };
            Row::Cells(shown)
        }
        What::Gone(name) => Row::Note(at, format!("{name} is gone")),
        What::Done(kind, text) => Row::Note(at, format!("{}: {text}", kind.word())),
        What::Event(event) => {
            let warning = if event.warning { "Warning " } else { "" };
            let (object, reason, note) = (&event.object, &event.reason, &event.note);
            Row::Note(at, format!("{warning}{reason} {object}: {note}"))
        }
        What::Violated(name, text) => Row::Note(at, format!("VIOLATED {name}: {text}")),
    })
}

fn cells(at: String, frame: &Frame) -> [String; COLUMNS] {
    [
        at,
        frame.object.to_string(),
        step(frame),
        tracks(frame),
        frame.decision.clone(),
        frame.why.clone(),
    ]
}

/// The same decision is not repeated as long as it stands.
fn unlike(cells: &[String; COLUMNS], last: &[String; COLUMNS]) -> [String; COLUMNS] {
    let mut shown = cells.clone();
    if cells[4..] == last[4..] {
        shown[4].clear();
        shown[5].clear();
    }
    shown
}

fn push(text: &mut String, cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&format!("{cell:<width$}  "));
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// How it ended, and what became of the invariants.
fn summary(timeline: &Timeline) -> String {
    let mut text = format!("{}\n", ending(timeline));
    for frame in timeline.last() {
        text.push_str(&format!("{}\n", state(frame)));
    }
    for found in &timeline.verdicts {
        let (word, what) = verdict(found);
        text.push_str(&format!("{word:<10}  {what}\n"));
    }
    for remark in &timeline.remarks {
        text.push_str(&format!("note        {remark}\n"));
    }
    text
}
