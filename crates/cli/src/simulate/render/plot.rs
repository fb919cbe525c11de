//! One object over time, as SVG: Pods of every track, with steps and what happened.

use std::fmt::Write as _;
use std::time::Duration;

use super::html::escape;
use crate::simulate::observation::{Frame, Name, clock};
use crate::simulate::timeline::{Course, Line, Timeline, What};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 28.0;

/// Colours of tracks that the page has; more tracks begin again.
const COLOURS: usize = 6;

/// Marks of the axes, about.
const MARKS: u64 = 8;

/// Where things are.
struct Scale {
    length: f64,
    most: f64,
}

impl Scale {
    fn x(&self, at: Duration) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (at.as_secs_f64() / self.length).min(1.0)
    }

    fn y(&self, pods: u64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (pods as f64 / self.most)
    }
}

/// The plot of an object, from the beginning to `shown`.
pub(super) fn plot(timeline: &Timeline, name: &Name, course: &Course, shown: Duration) -> String {
    let frames = || course.iter().filter_map(|(_, frame)| frame.as_ref());
    let most = frames().map(tallest).max().unwrap_or(0).max(1);
    let scale = Scale {
        length: shown.as_secs_f64().max(1.0),
        most: most as f64,
    };
    let tracks = track_names(course);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Pods of {} over time\">\n",
        escape(&name.to_string())
    );
    axes(&mut svg, &scale, shown, most);
    marks(&mut svg, &scale, timeline, name);
    steps(&mut svg, &scale, course);
    wanted(&mut svg, &scale, course, shown);
    for (index, track) in tracks.iter().enumerate() {
        lines(&mut svg, &scale, course, track, index % COLOURS, shown);
    }
    svg.push_str("</svg>\n<p class=\"legend\">");
    for (index, track) in tracks.iter().enumerate() {
        let colour = index % COLOURS;
        let _ = write!(
            svg,
            "<span class=\"c{colour}\">&#9632;</span> {} ",
            escape(track)
        );
    }
    svg.push_str("<span class=\"quiet\">solid: available; dashed: desired; dotted: what the object wants</span></p>\n");
    svg
}

fn tallest(frame: &Frame) -> u64 {
    let highest = frame
        .tracks
        .iter()
        .map(|t| t.available.max(t.desired))
        .max();
    highest.unwrap_or(0).max(frame.desired)
}

/// Tracks in the order in which they came.
fn track_names(course: &Course) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for track in course
        .iter()
        .filter_map(|(_, f)| f.as_ref())
        .flat_map(|f| &f.tracks)
    {
        if !names.contains(&track.name) {
            names.push(track.name.clone());
        }
    }
    names
}

fn axes(svg: &mut String, scale: &Scale, shown: Duration, most: u64) {
    let every = most.div_ceil(MARKS).max(1);
    for pods in (0..=most).step_by(usize::try_from(every).unwrap_or(1)) {
        let y = scale.y(pods);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"axis\" x=\"{:.1}\" \
             y=\"{:.1}\" text-anchor=\"end\">{pods}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0
        );
    }
    let every = interval(shown.as_secs());
    let mut at = 0;
    while at <= shown.as_secs() {
        let time = Duration::from_secs(at);
        let _ = writeln!(
            svg,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            scale.x(time),
            HEIGHT - 8.0,
            clock(time)
        );
        at += every;
    }
}

/// A round number of seconds between marks.
fn interval(length: u64) -> u64 {
    let round = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200,
    ];
    let fits = round.into_iter().find(|every| length / every <= MARKS);
    fits.unwrap_or_else(|| length.div_ceil(MARKS).max(1))
}

/// What happened, as lines from top to bottom.
fn marks(svg: &mut String, scale: &Scale, timeline: &Timeline, name: &Name) {
    for Line { at, what } in &timeline.lines {
        let (class, text) = match what {
            What::Done(kind, text) => (kind.word(), format!("{}: {text}", kind.word())),
            What::Event(event) if event.object == *name => {
                let class = if event.warning { "warning" } else { "event" };
                (class, format!("{}: {}", event.reason, event.note))
            }
            What::Violated(object, text) if object == name => {
                ("violation", format!("violated: {text}"))
            }
            _ => continue,
        };
        let x = scale.x(*at);
        let _ = writeln!(
            svg,
            "<line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"><title>{} {}</title></line>",
            HEIGHT - BOTTOM,
            clock(*at),
            escape(&text)
        );
    }
}

/// Numbers of steps where they begin.
fn steps(svg: &mut String, scale: &Scale, course: &Course) {
    let mut last = None;
    for (at, frame) in course {
        let step = frame.as_ref().and_then(|frame| frame.step);
        if step != last {
            last = step;
            let Some(step) = step else { continue };
            let x = scale.x(*at);
            let _ = writeln!(
                svg,
                "<text class=\"step\" x=\"{x:.1}\" y=\"{:.1}\">{step}<title>step {step} at {}</title></text>",
                TOP - 8.0,
                clock(*at)
            );
        }
    }
}

/// Replicas that the object wants in all.
fn wanted(svg: &mut String, scale: &Scale, course: &Course, shown: Duration) {
    let path = stairs(scale, course, shown, |frame| Some(frame.desired));
    let _ = writeln!(svg, "<path class=\"wanted\" d=\"{path}\"/>");
}

fn lines(
    svg: &mut String,
    scale: &Scale,
    course: &Course,
    track: &str,
    colour: usize,
    shown: Duration,
) {
    let count = |frame: &Frame, of: fn(&crate::simulate::observation::Track) -> u64| {
        let mut found = frame.tracks.iter().filter(|t| t.name == track).peekable();
        found.peek()?;
        Some(found.map(of).sum())
    };
    let desired = stairs(scale, course, shown, |frame| count(frame, |t| t.desired));
    let available = stairs(scale, course, shown, |frame| count(frame, |t| t.available));
    let _ = writeln!(
        svg,
        "<path class=\"desired s{colour}\" d=\"{desired}\"/><path class=\"available s{colour}\" d=\"{available}\"><title>{}</title></path>",
        escape(track)
    );
}

/// A line that moves at each change, with gaps where there is nothing.
fn stairs(
    scale: &Scale,
    course: &Course,
    shown: Duration,
    value: impl Fn(&Frame) -> Option<u64>,
) -> String {
    let mut path = String::new();
    let mut last = None;
    for (at, frame) in course {
        let value = frame.as_ref().and_then(&value);
        if value == last {
            continue;
        }
        let x = scale.x(*at);
        let y = |value| scale.y(value);
        let _ = match (last, value) {
            (None, Some(value)) => write!(path, "M{x:.1} {:.1}", y(value)),
            (Some(_), Some(value)) => write!(path, "H{x:.1}V{:.1}", y(value)),
            (_, None) => write!(path, "H{x:.1}"),
        };
        last = value;
    }
    if last.is_some() {
        let _ = write!(path, "H{:.1}", scale.x(shown));
    }
    path
}
