//! `oarlock:reconcile/log`, and standard output and error of guests that have them: capped per run.

use std::sync::Arc;

use oarlock_core::reconciler::{Host, LogLevel, LogLine};
use parking_lot::Mutex;

use crate::bindings::oarlock::reconcile::log;
use crate::store::RunState;

/// What a line costs beside its text, so that empty lines are not free.
const LINE_COST: usize = 32;

/// Bytes of standard error that are kept to tell why a module trapped, and of a panic message.
const KEPT: usize = 4 << 10;

/// Where the log of one run goes.
pub(crate) struct LogSink {
    host: Arc<dyn Host>,
    limit: usize,
    state: Mutex<LogState>,
}

#[derive(Default)]
struct LogState {
    used: usize,
    cut: bool,
    panic: Option<String>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The end of standard error, whole lines.
    last_words: String,
}

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl LogSink {
    pub(crate) fn new(host: Arc<dyn Host>, limit: usize) -> Self {
        Self {
            host,
            limit,
            state: Mutex::default(),
        }
    }

    /// Hands a line over, or drops it where the run has logged enough.
    pub(crate) fn write(&self, line: LogLine) {
        let is_panic = line.level == LogLevel::Error
            && line
                .fields
                .iter()
                .any(|(name, value)| name == "panic" && value == "true");
        let mut state = self.state.lock();
        if is_panic {
            state.panic = Some(shortened(&line.message).to_owned());
        }
        let cost = line
            .fields
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            .saturating_add(line.message.len())
            .saturating_add(LINE_COST);
        if state.cut {
            return;
        }
        let used = state.used.saturating_add(cost);
        let line = if used > self.limit {
            state.cut = true;
            LogLine {
                level: LogLevel::Warn,
                message:
                    "the rest of this run's log is dropped; hint: raise limits.log of the watch"
                        .to_owned(),
                fields: vec![("limit".to_owned(), self.limit.to_string())],
            }
        } else {
            state.used = used;
            line
        };
        drop(state);
        self.host.log(line);
    }

    /// Takes bytes of a standard stream; whole lines become log lines.
    pub(crate) fn stream(&self, stream: Stream, bytes: &[u8]) {
        let mut lines = Vec::new();
        {
            let mut state = self.state.lock();
            if state.cut && stream == Stream::Stdout {
                return;
            }
            for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
                let partial = state.partial(stream);
                // A line without end is cut into pieces rather than kept.
                let full = partial.len() + piece.len() > self.limit.max(KEPT);
                partial.extend_from_slice(piece);
                if full || piece.ends_with(b"\n") {
                    lines.extend(state.finish(stream));
                }
            }
        }
        self.write_lines(stream, lines);
    }

    /// Writes what is left of lines that were not ended, when the run is over.
    pub(crate) fn flush(&self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = self.state.lock().finish(stream);
            self.write_lines(stream, line);
        }
    }

    fn write_lines(&self, stream: Stream, lines: impl IntoIterator<Item = String>) {
        let (level, name) = match stream {
            Stream::Stdout => (LogLevel::Info, "stdout"),
            Stream::Stderr => (LogLevel::Warn, "stderr"),
        };
        for message in lines {
            self.write(LogLine {
                level,
                message,
                fields: vec![("stream".to_owned(), name.to_owned())],
            });
        }
    }

    /// What the module said last before it trapped: the message of its panic, or what stands for one on standard error.
    pub(crate) fn panic_message(&self) -> Option<String> {
        let state = self.state.lock();
        state
            .panic
            .clone()
            .or_else(|| last_words(&state.last_words))
    }
}

impl LogState {
    const fn partial(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn finish(&mut self, stream: Stream) -> Option<String> {
        let bytes = std::mem::take(self.partial(stream));
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end();
        if line.is_empty() {
            return None;
        }
        if stream == Stream::Stderr && self.last_words.len() < KEPT {
            self.last_words.push_str(shortened(line));
            self.last_words.push('\n');
        }
        Some(line.to_owned())
    }
}

/// The line of a runtime's dying message that tells why: Rust's panic, Go's, or the end of a Python traceback.
fn last_words(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("thread ") && line.contains(" panicked at ") {
            return Some(match lines.next() {
                Some(message) => format!("{message} ({line})"),
                None => line.to_owned(),
            });
        }
        if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
            return Some(line.to_owned());
        }
    }
    stderr.lines().next_back().map(str::to_owned)
}

/// At most [`KEPT`] bytes of `text`.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(KEPT)]
}

impl log::Host for RunState {
    fn write(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.write(LogLine {
            level,
            message,
            fields,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runtime_says_before_it_dies() {
        let said = |text: &str| last_words(text).unwrap_or_default();
        assert_eq!(
            said(
                "hello\nthread 'main' panicked at src/lib.rs:1:1:\nboom\nnote: run with RUST_BACKTRACE\n"
            ),
            "boom (thread 'main' panicked at src/lib.rs:1:1:)"
        );
        assert_eq!(
            said("panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n"),
            "panic: boom"
        );
        assert_eq!(
            said("Traceback (most recent call last):\n  File \"app.py\"\nValueError: boom\n"),
            "ValueError: boom"
        );
        assert_eq!(last_words(""), None);
    }
}
