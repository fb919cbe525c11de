//! The timeline for programs: one JSON object per line.
//!
//! Lines with `object` and `tracks` are states, each from `t` (seconds since the beginning) on; `inputs` is what was looked at
//! for the decision, as `status.why` has it. Lines with `event` are what
//! happened besides. The last line has `end`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{end_word, ending};
use crate::simulate::observation::{Frame, Name};
use crate::simulate::timeline::{Finding, Timeline, Verdict, What};

/// The whole timeline, with a line break at its end.
pub(crate) fn json(timeline: &Timeline) -> String {
    let mut text = String::new();
    for line in &timeline.lines {
        let t = seconds(line.at);
        let value = match &line.what {
            What::Frame(frame) => state(t, frame),
            What::Gone(name) => event(t, Some(name), "gone", "", &format!("{name} is gone")),
            What::Done(kind, text) => event(t, None, kind.word(), "", text),
            What::Event(told) => {
                let kind = if told.warning { "warning" } else { "normal" };
                event(t, Some(&told.object), kind, &told.reason, &told.note)
            }
            What::Violated(name, text) => event(t, Some(name), "violation", "", text),
        };
        text.push_str(&format!("{value}\n"));
    }
    let invariants: Vec<Value> = timeline.verdicts.iter().map(verdict).collect();
    let objects: Vec<Value> = timeline
        .last()
        .map(|frame| json!({"object": frame.object.whole(), "phase": frame.phase, "ready": frame.ready}))
        .collect();
    let end = json!({
        "t": seconds(timeline.length),
        "end": {
            "reason": end_word(timeline.end),
            "message": ending(timeline),
            "objects": objects,
            "invariants": invariants,
            "remarks": timeline.remarks,
        },
    });
    text.push_str(&format!("{end}\n"));
    text
}

fn state(t: Value, frame: &Frame) -> Value {
    let tracks: Vec<Value> = frame
        .tracks
        .iter()
        .map(|track| {
            json!({
                "name": track.name,
                "role": track.role,
                "revision": track.revision,
                "desired": track.desired,
                "total": track.total,
                "ready": track.ready,
                "available": track.available,
                "weight": track.weight,
            })
        })
        .collect();
    json!({
        "t": t,
        "object": frame.object.whole(),
        "step": frame.step,
        "phase": frame.phase,
        "desired": frame.desired,
        "tracks": tracks,
        "decision": frame.decision,
        "why": frame.why,
        "inputs": frame.inputs,
    })
}

fn event(t: Value, object: Option<&Name>, kind: &str, reason: &str, message: &str) -> Value {
    let mut event = json!({"kind": kind, "message": message});
    if !reason.is_empty() {
        event["reason"] = json!(reason);
    }
    let mut line = json!({"t": t, "event": event});
    if let Some(object) = object {
        line["object"] = json!(object.whole());
    }
    line
}

fn verdict(verdict: &Verdict) -> Value {
    let mut value = json!({
        "expr": verdict.text,
        "for": seconds(verdict.spare),
        "object": verdict.object.whole(),
        "held": matches!(verdict.finding, Finding::Held),
    });
    match &verdict.finding {
        Finding::Held => {}
        Finding::Never { values } => value["values"] = json!(values),
        Finding::Violated {
            first,
            lasted,
            open,
            values,
            times,
        } => {
            value["first"] = seconds(*first);
            value["lasted"] = seconds(*lasted);
            value["open"] = json!(open);
            value["values"] = json!(values);
            value["times"] = json!(times);
        }
    }
    value
}

/// Whole seconds as an integer, others with their milliseconds.
fn seconds(time: Duration) -> Value {
    match time.subsec_millis() {
        0 => json!(time.as_secs()),
        _ => json!(time.as_millis() as f64 / 1000.0),
    }
}
