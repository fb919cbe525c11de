//! What is said about a place in the file.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The entry works, but perhaps not as meant.
    Warning,
    /// The entry (or the whole file) is not used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding, with its place.
///
/// Its `Display` is what people read, without a final line break:
///
/// ```text
/// watches.yaml:7:5: error: grants.wirte: unknown key; expected one of: http, read, write
///    7 |     wirte: []
///      |     ^^^^^
///   hint: did you mean "write"?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name, as given to [`crate::parse()`].
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// The key within its entry, such as `grants.write[0].verbs`; empty for an entry or the file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What would be right, in the form that fits behind "expected".
    pub expected: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The line of the source; `None` where the file has no such line.
    pub snippet: Option<Snippet>,
}

/// A line of the file and what to underline in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The line without its line break.
    pub source: String,
    /// How many characters to underline, from the diagnostic's column on.
    pub width: u32,
}

/// Longer lines are not repeated: a snippet is to be seen at a glance.
const LONGEST_SNIPPET: usize = 160;

impl Diagnostic {
    /// Key, message and expectation in one line, without place and hint: fit for a condition's message.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        if !self.key.is_empty() {
            text.push_str(&self.key);
            text.push_str(": ");
        }
        text.push_str(&self.message);
        if let Some(expected) = &self.expected {
            text.push_str("; expected ");
            text.push_str(expected);
        }
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line, column, severity) = (&self.file, self.line, self.column, self.severity);
        write!(f, "{file}:{line}:{column}: {severity}: {}", self.summary())?;
        if let Some(snippet) = &self.snippet
            && snippet.source.chars().count() <= LONGEST_SNIPPET
        {
            // A tab is kept as it is, so that the underline stays below the text at any tab width.
            let indent: String = snippet
                .source
                .chars()
                .take(column.saturating_sub(1) as usize)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let carets = "^".repeat(snippet.width.max(1) as usize);
            write!(
                f,
                "\n{line:>4} | {}\n     | {indent}{carets}",
                snippet.source
            )?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}
