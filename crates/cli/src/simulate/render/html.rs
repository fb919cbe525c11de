//! The timeline as one page that needs nothing else: no network, no scripts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::plot::plot;
use super::{ending, shown, state, step, tracks, verdict};
use crate::simulate::observation::clock;
use crate::simulate::timeline::{Finding, Timeline, What};

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(crate) fn html(timeline: &Timeline, title: &str) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escape(&ending(timeline))
    );
    summary(&mut page, timeline);
    let shown = shown(timeline);
    for (name, course) in &timeline.objects {
        let _ = writeln!(page, "<h2>{}</h2>", escape(&name.to_string()));
        page.push_str(&plot(timeline, name, course, shown));
    }
    table(&mut page, timeline);
    page.push_str("</body>\n</html>\n");
    page
}

fn summary(page: &mut String, timeline: &Timeline) {
    page.push_str("<ul>\n");
    for frame in timeline.last() {
        let _ = writeln!(page, "<li>{}</li>", escape(&state(frame)));
    }
    for found in &timeline.verdicts {
        let (word, what) = verdict(found);
        let class = match found.finding {
            Finding::Held => "good",
            Finding::Never { .. } | Finding::Violated { .. } => "bad",
        };
        let _ = writeln!(
            page,
            "<li><b class=\"{class}\">{word}</b> {}</li>",
            escape(&what)
        );
    }
    for remark in &timeline.remarks {
        let _ = writeln!(page, "<li>{}</li>", escape(remark));
    }
    page.push_str("</ul>\n");
}

fn table(page: &mut String, timeline: &Timeline) {
    page.push_str(
        "<h2>Timeline</h2>\n<table>\n<thead><tr><th>time</th><th>object</th><th>step</th><th>tracks</th><th>decision</th>\
         <th>why</th></tr></thead>\n<tbody>\n",
    );
    let mut last = BTreeMap::new();
    for line in &timeline.lines {
        let at = clock(line.at);
        let (class, object, text) = match &line.what {
            What::Frame(frame) => {
                let cells = [
                    frame.object.to_string(),
                    step(frame),
                    tracks(frame),
                    frame.decision.clone(),
                    frame.why.clone(),
                ];
                // What differs is not shown.
                if last.insert(&frame.object, cells.clone()).as_ref() == Some(&cells) {
                    continue;
                }
                let _ = write!(page, "<tr><td>{at}</td>");
                for cell in &cells {
                    let _ = write!(page, "<td>{}</td>", escape(cell));
                }
                page.push_str("</tr>\n");
                continue;
            }
            What::Gone(name) => ("event", name.to_string(), "gone".to_owned()),
            What::Done(kind, text) => (
                kind.word(),
                String::new(),
                format!("{}: {text}", kind.word()),
            ),
            What::Event(event) => {
                let class = if event.warning { "warning" } else { "event" };
                let text = format!("{}: {}", event.reason, event.note);
                (class, event.object.to_string(), text)
            }
            What::Violated(name, text) => {
                ("violation", name.to_string(), format!("violated: {text}"))
            }
        };
        let _ = writeln!(
            page,
            "<tr class=\"{class}\"><td>{at}</td><td>{}</td><td colspan=\"4\">{}</td></tr>",
            escape(&object),
            escape(&text)
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

/// Text for a page: nothing in it is markup.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
