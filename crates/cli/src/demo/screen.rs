//! The demo on the terminal: a history, and below it, where there is a terminal, the present.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use oarlock_core::timestamp::Timestamp;

use super::elapsed;
use super::frame::Frame;
use crate::operator::Sources;

/// Width of a bar of Pods.
const BAR: usize = 20;

/// What is on the terminal.
pub(super) struct Screen {
    start: Timestamp,
    live: bool,
    /// Lines of the present that are on the terminal.
    drawn: usize,
    last: Frame,
    history: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "it is a show")]
impl Screen {
    /// How often the present is drawn again.
    pub(super) const TICK: Duration = Duration::from_millis(100);

    /// An empty screen.
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            live: std::io::stdout().is_terminal(),
            drawn: 0,
            last: Frame::default(),
            history: Vec::new(),
        }
    }

    /// Says what is being prepared.
    pub(super) fn say(&mut self, what: &str) {
        self.clear();
        println!("       {what}");
    }

    /// Says what happened, and remembers it.
    pub(super) fn event(&mut self, now: Timestamp, what: &str) {
        self.clear();
        let line = format!("{}  {what}", elapsed(self.start, now));
        println!("{line}");
        self.history.push(line);
    }

    /// Shows the present; what is new in it goes into the history.
    pub(super) fn show(&mut self, now: Timestamp, frame: &Frame) {
        if !frame.step.is_empty()
            && (&frame.step, &frame.wait) != (&self.last.step, &self.last.wait)
        {
            let what = format!(
                "step {}: {}, {} ({})",
                frame.step,
                frame.percentage,
                frame.wait,
                frame.replicas()
            );
            self.event(now, &what);
        } else if !self.live
            && frame.deployments != self.last.deployments
            && !frame.deployments.is_empty()
        {
            println!("{}    {}", elapsed(self.start, now), frame.replicas());
        }
        if self.live {
            self.draw(now, frame);
        }
        self.last = frame.clone();
    }

    /// What happened when, and how to look around.
    pub(super) fn summary(&mut self, sources: &Sources, now: Timestamp) {
        self.clear();
        println!(
            "\nWhat happened, in the cluster's own time ({} in all):",
            elapsed(self.start, now)
        );
        for line in &self.history {
            println!("  {line}");
        }
        println!(
            "\nKeep such a cluster up:  oarlock dev --watches {} --modules {}",
            sources.watches.display(),
            sources.modules.display()
        );
        println!(
            "Look around in it:       KUBECONFIG=.oarlock/kubeconfig kubectl get deployers,deployments --watch"
        );
    }

    fn draw(&mut self, now: Timestamp, frame: &Frame) {
        self.clear();
        let mut lines = Vec::new();
        if let Some(at) = frame.next_step.filter(|at| *at > now) {
            lines.push(format!(
                "{}  {} s to go",
                elapsed(self.start, now),
                at.since(now).as_secs()
            ));
        } else {
            lines.push(format!("{}  {}", elapsed(self.start, now), frame.condition));
        }
        for (name, ready, wanted) in &frame.deployments {
            lines.push(format!(
                "       {name:16} {} {ready:3} of {wanted:3} Pods ready",
                bar(*ready, *wanted)
            ));
        }
        for line in &lines {
            println!("{line}");
        }
        self.drawn = lines.len();
        let _unwritable = std::io::stdout().flush();
    }

    /// Takes the present off the terminal.
    fn clear(&mut self) {
        if self.drawn > 0 {
            // Up so many lines, and everything below away.
            print!("\u{1b}[{}A\u{1b}[J", self.drawn);
            self.drawn = 0;
        }
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
