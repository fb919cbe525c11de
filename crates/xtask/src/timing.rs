//! How long each step took, as a table.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Steps in the order in which they ran.
#[derive(Default)]
pub(crate) struct Timing {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    took: Duration,
    ok: bool,
}

impl Timing {
    /// Runs one step and notes how long it took, whether it succeeds or not.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        run: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = run();
        self.note(name, start.elapsed(), result.is_ok());
        result
    }

    fn note(&mut self, name: &str, took: Duration, ok: bool) {
        self.rows.push(Row {
            name: name.to_owned(),
            took,
            ok,
        });
    }

    /// One line per step, and the sum.
    pub(crate) fn table(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or(0)
            .max("total".len());
        let mut table = String::new();
        for row in &self.rows {
            let mark = if row.ok { "" } else { "  FAILED" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "{:width$}  {:>7.1} s{mark}",
                row.name,
                row.took.as_secs_f64()
            );
        }
        let total: Duration = self.rows.iter().map(|row| row.took).sum();
        let _ = write!(table, "{:width$}  {:>7.1} s", "total", total.as_secs_f64());
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_lines_up_and_marks_the_failed_step() {
        let mut timing = Timing::default();
        timing.note("modules", Duration::from_millis(1_250), true);
        timing.note("cargo test", Duration::from_millis(90_000), false);
        insta::assert_snapshot!(timing.table(), @r"
        modules         1.2 s
        cargo test     90.0 s  FAILED
        total          91.2 s
        ");
    }
}
