//! The demo on the terminal: a history, and below it, where there is a terminal, the present.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;

use super::elapsed;
use super::frame::Frame;
use crate::operator::Sources;
use crate::output;

/// Width of a bar of Pods.
const BAR: usize = 20;

/// Characters of a line on the narrowest terminal that is of any use.
const NARROWEST: usize = 80;

/// What is on the terminal.
pub(super) struct Screen {
    start: Timestamp,
    live: bool,
    /// Lines of the present that are on the terminal.
    drawn: usize,
    last: Frame,
    history: Vec<String>,
}

impl Screen {
    /// How often the present is drawn again.
    pub(super) const TICK: Duration = Duration::from_millis(100);

    /// An empty screen.
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            live: io::stdout().is_terminal(),
            drawn: 0,
            last: Frame::default(),
            history: Vec::new(),
        }
    }

    /// The story begins: times are counted from here.
    pub(super) const fn begin(&mut self, now: Timestamp) {
        self.start = now;
    }

    /// Says what is being prepared.
    pub(super) fn say(&mut self, what: &str) -> io::Result<()> {
        self.clear()?;
        output::line(format!("       {what}"))
    }

    /// Says what happened, and remembers it.
    pub(super) fn event(&mut self, now: Timestamp, what: &str) -> io::Result<()> {
        self.clear()?;
        let line = format!("{}  {what}", elapsed(self.start, now));
        output::line(&line)?;
        self.history.push(line);
        Ok(())
    }

    /// Shows the present; what is new in it goes into the history.
    pub(super) fn show(&mut self, now: Timestamp, frame: &Frame) -> io::Result<()> {
        if !frame.step.is_empty()
            && (&frame.step, &frame.wait) != (&self.last.step, &self.last.wait)
        {
            let mut what = format!("step {}: {}", frame.step, frame.percentage);
            // The last step waits for nothing.
            if !frame.wait.is_empty() && !frame.wait.starts_with("0s") {
                what.push_str(", ");
                what.push_str(&frame.wait);
            }
            self.event(now, &what)?;
        } else if !self.live
            && frame.deployments != self.last.deployments
            && !frame.deployments.is_empty()
        {
            output::line(format!(
                "{}    {}",
                elapsed(self.start, now),
                frame.replicas()
            ))?;
        }
        if self.live {
            self.draw(now, frame)?;
        }
        self.last = frame.clone();
        Ok(())
    }

    /// What happened when, and how to look around.
    pub(super) fn summary(&mut self, sources: &Sources, now: Timestamp) -> io::Result<()> {
        self.clear()?;
        output::line(format!(
            "\nWhat happened, in the cluster's own time ({} in all):",
            elapsed(self.start, now)
        ))?;
        for line in &self.history {
            output::line(format!("  {line}"))?;
        }
        output::line(format!(
            "\nKeep such a cluster up:  oarlock dev --watches {} --modules {}\n\
             Look around in it:       KUBECONFIG=.oarlock/kubeconfig kubectl get deployers,deployments --watch",
            sources.watches.display(),
            sources.modules.display()
        ))
    }

    fn draw(&mut self, now: Timestamp, frame: &Frame) -> io::Result<()> {
        self.clear()?;
        let now_at = elapsed(self.start, now);
        let mut lines = vec![match frame.next_step.filter(|at| *at > now) {
            Some(at) => format!("{now_at}  next step in {} s", at.since(now).as_secs()),
            None => format!("{now_at}  {}", frame.condition),
        }];
        let width = frame.deployments.iter().map(|(name, ..)| name.len()).max();
        let width = width.unwrap_or_default();
        for (name, ready, wanted) in &frame.deployments {
            lines.push(format!(
                "       {name:width$}  {} {ready:3} of {wanted:3} Pods ready",
                bar(*ready, *wanted)
            ));
        }
        // A line that wraps would take two, and the next `clear` would miss one.
        for line in &mut lines {
            *line = line.chars().take(NARROWEST).collect();
        }
        output::line(lines.join("\n"))?;
        self.drawn = lines.len();
        Ok(())
    }

    /// Takes the present off the terminal.
    fn clear(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            let mut stdout = io::stdout().lock();
            // To the line's begin (a terminal echoes ^C), up so many lines, and everything below away.
            write!(stdout, "\r\u{1b}[{}A\u{1b}[J", self.drawn)?;
            stdout.flush()?;
            self.drawn = 0;
        }
        Ok(())
    }
}

fn bar(ready: i64, wanted: i64) -> String {
    let share = |pods: i64| usize::try_from(pods).unwrap_or(0).min(BAR);
    let (ready, wanted) = (share(ready), share(wanted.max(ready)));
    format!(
        "{}{}{}",
        "#".repeat(ready),
        ".".repeat(wanted - ready),
        " ".repeat(BAR - wanted)
    )
}
