//! The table that is printed: figure, target, verdict.

use std::fmt;

/// Rows in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    figure: String,
    target: Option<String>,
    met: Option<bool>,
}

impl Table {
    /// A figure to compare others with.
    pub(crate) fn note(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        self.0.push(Row {
            what: what.into(),
            figure: figure.into(),
            target: None,
            met: None,
        });
    }

    /// A figure with a target.
    pub(crate) fn check(
        &mut self,
        what: impl Into<String>,
        figure: impl Into<String>,
        target: impl Into<String>,
        met: bool,
    ) {
        self.0.push(Row {
            what: what.into(),
            figure: figure.into(),
            target: Some(target.into()),
            met: Some(met),
        });
    }
}

impl Row {
    fn cells(&self) -> [&str; 4] {
        let verdict = match self.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        };
        [
            &self.what,
            &self.figure,
            self.target.as_deref().unwrap_or_default(),
            verdict,
        ]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "measured", "target", ""];
        let rows: Vec<_> = std::iter::once(head)
            .chain(self.0.iter().map(Row::cells))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..head.len()).map(|c| width(c).unwrap_or(0)).collect();
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(&format!("{cell:width$}  "));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
