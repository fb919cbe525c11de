//! The account of a rollout as people read it.

use oarlock_core::timestamp::Timestamp;

use super::account::{Account, Told};
use super::moment::relative;

/// Between two columns.
const GAP: usize = 2;

/// The account in lines, blocks of which are apart.
pub(super) fn render(account: &Account) -> String {
    let mut blocks = vec![head(account), why(account)];
    blocks.extend(inputs(account));
    blocks.extend(tracks(account));
    blocks.extend(conditions(account));
    blocks.extend(events(account));
    let mut text = blocks.join("\n\n");
    text.push('\n');
    text
}

/// Which object, and where it is.
fn head(account: &Account) -> String {
    let progress = &account.progress;
    let mut first = account.title.clone();
    if let Some(phase) = &progress.phase {
        first.push_str(&format!(": {phase}"));
    }
    if let Some(step) = progress.current_step.filter(|step| *step > 0) {
        first.push_str(&format!(", step {step}"));
    }
    let mut lines = vec![first];
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some(current) = &progress.current_revision {
        let rejected = progress.rejected_revisions.contains(current);
        let told = match &progress.stable_revision {
            Some(stable) if stable == current => current.clone(),
            Some(stable) if rejected => format!("{current}, given up; {stable} is stable"),
            Some(stable) => format!("{current}; {stable} is stable"),
            None => format!("{current}, the first"),
        };
        facts.push(("revision", told));
    }
    for (name, at) in [
        ("step began", &progress.step_started_at),
        ("step ends", &progress.step_ends_at),
    ] {
        if let Some(at) = at {
            facts.push((name, moment(at, account.now)));
        }
    }
    for (field, value) in &account.wishes {
        facts.push(("asked for", format!("{field}: {value}")));
    }
    if account.behind {
        facts.push((
            "behind",
            "the operator has not looked at the newest spec yet".to_owned(),
        ));
    }
    lines.extend(
        facts
            .iter()
            .map(|(name, told)| format!("  {name:<12}{told}")),
    );
    lines.join("\n")
}

/// The decision, and when there is another.
fn why(account: &Account) -> String {
    let Some(why) = &account.why else {
        let kind = &account.kind;
        return if account.looked_at {
            format!(
                "No status.why: the module that serves {kind} does not tell why. What else is known of it:"
            )
        } else {
            format!(
                "No status: no operator has looked at it yet. Is one running that serves {kind}?"
            )
        };
    };
    let next = match &why.next_wake_up {
        Some(at) => format!(
            "decided again {}, or when something changes",
            moment(at, account.now)
        ),
        None => "decided again when something changes".to_owned(),
    };
    format!("{}: {}\n  {next}", why.decision, line(&why.because))
}

fn inputs(account: &Account) -> Option<String> {
    let inputs = &account.why.as_ref()?.inputs;
    let rows = inputs.iter().map(|input| {
        let expected = input.expected.as_deref().unwrap_or("-");
        vec![
            line(&input.name),
            line(&input.value),
            line(expected),
            input.verdict.clone(),
        ]
    });
    table(&["INPUT", "VALUE", "EXPECTED", "VERDICT"], rows.collect())
}

fn tracks(account: &Account) -> Option<String> {
    let rows = account.tracks.iter().map(|track| {
        vec![
            track.name.clone(),
            track.role.clone(),
            track.revision.clone(),
            format!("{}%", track.weight),
            track.desired.to_string(),
            track.ready.to_string(),
            track.available.to_string(),
        ]
    });
    let head = [
        "TRACK",
        "ROLE",
        "REVISION",
        "WEIGHT",
        "DESIRED",
        "READY",
        "AVAILABLE",
    ];
    table(&head, rows.collect())
}

fn conditions(account: &Account) -> Option<String> {
    let rows = account.failing.iter().map(|condition| {
        let since = condition.last_transition_time.as_deref();
        let since = since.and_then(Timestamp::parse_rfc3339);
        vec![
            format!("{}={}", condition.kind, condition.status),
            condition.reason.clone(),
            since.map_or_else(|| "-".to_owned(), |since| relative(since, account.now)),
            line(&condition.message),
        ]
    });
    table(&["CONDITION", "REASON", "SINCE", "MESSAGE"], rows.collect())
}

fn events(account: &Account) -> Option<String> {
    if let Some(problem) = &account.events_unknown {
        return Some(format!("Its Events cannot be read: {}", line(problem)));
    }
    let row = |event: &Told| {
        let last = event.last.as_deref().and_then(Timestamp::parse_rfc3339);
        let mut message = line(&event.message);
        if event.count > 1 {
            message.push_str(&format!(" (x{})", event.count));
        }
        vec![
            last.map_or_else(|| "-".to_owned(), |last| relative(last, account.now)),
            event.severity.clone(),
            event.reason.clone(),
            message,
        ]
    };
    let rows = account.events.iter().map(row).collect();
    table(&["EVENT", "TYPE", "REASON", "MESSAGE"], rows)
}

/// Absolute and relative.
fn moment(at: &str, now: Timestamp) -> String {
    match Timestamp::parse_rfc3339(at) {
        Some(then) => format!("{} ({})", relative(then, now), then.rfc3339()),
        None => at.to_owned(),
    }
}

/// On one line and without control characters, whatever a module or a webhook wrote.
fn line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// Columns as wide as their widest cell; none without rows.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let mut all = vec![head.iter().map(|&cell| cell.to_owned()).collect()];
    all.extend(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = all.iter().filter_map(|row: &Vec<String>| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let told = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let text: String = cells
            .map(|(cell, &width)| format!("{cell:<0$}", width + GAP))
            .collect();
        text.trim_end().to_owned()
    };
    Some(all.iter().map(told).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests;
