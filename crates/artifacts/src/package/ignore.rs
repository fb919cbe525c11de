//! `.helmignore`: which files of a folder are no part of its chart.
//!
//! Patterns are those of Go's `filepath.Match`, one in a line; `/` at the end means folders only, `/` elsewhere the whole path,
//! `!` what is *not* matched. The first pattern that decides wins. What Helm always adds is added.

mod glob;

use super::PackageError;
use glob::Glob;

const BOM: &str = "\u{feff}";

/// Hidden files of `templates/` are never part of a chart.
const ALWAYS: &str = "templates/.?*";

/// What `.helmignore` says.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    negated: bool,
    folders_only: bool,
    /// Against the whole path, or else against the last part of it.
    whole_path: bool,
    glob: Glob,
}

impl Rules {
    /// The rules of a folder without `.helmignore`.
    pub(crate) fn none() -> Self {
        Self {
            rules: Rule::parse(ALWAYS).ok().flatten().into_iter().collect(),
        }
    }

    /// From the text of a `.helmignore`.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, PackageError> {
        let text = String::from_utf8_lossy(text);
        let text = text.strip_prefix(BOM).unwrap_or(&text);
        let mut rules = Vec::new();
        for line in text.split('\n').chain([ALWAYS]) {
            rules.extend(Rule::parse(line)?);
        }
        Ok(Self { rules })
    }

    /// Whether the file or folder at `path` is left out, a folder with all that is in it.
    pub(crate) fn skips(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.rules {
            let matches = rule.matches(path);
            match (rule.negated, rule.folders_only && !is_folder) {
                // What a negated rule does not match is left out.
                (true, wrong_kind) if wrong_kind || !matches => return true,
                (false, false) if matches => return true,
                _ => {}
            }
        }
        false
    }
}

impl Rule {
    /// `None` for blank lines and comments.
    fn parse(line: &str) -> Result<Option<Self>, PackageError> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("**") {
            return Err(PackageError::Ignore(
                "double-star (**) syntax is not supported",
            ));
        }
        let wrong = || PackageError::Ignore("syntax error in pattern");
        // The whole line has to be a pattern, to Helm too.
        Glob::parse(line).ok_or_else(wrong)?;
        let pattern = line.strip_prefix('!');
        let (negated, pattern) = (pattern.is_some(), pattern.unwrap_or(line));
        let folder = pattern.strip_suffix('/');
        let (folders_only, pattern) = (folder.is_some(), folder.unwrap_or(pattern));
        let rooted = pattern.strip_prefix('/');
        let whole_path = rooted.is_some() || pattern.contains('/');
        Ok(Some(Self {
            negated,
            folders_only,
            whole_path,
            // One that is no pattern any more, such as after `!`, matches nothing.
            glob: Glob::parse(rooted.unwrap_or(pattern)).unwrap_or_default(),
        }))
    }

    fn matches(&self, path: &str) -> bool {
        let last = path.rsplit('/').next().unwrap_or(path);
        self.glob.matches(if self.whole_path { path } else { last })
    }
}

#[cfg(test)]
mod tests;
