//! Files stay small enough to be read at one sitting.

use super::{Problem, Source};

/// Lines that no file exceeds.
const MOST: usize = 800;
/// Lines that half of the files do not exceed.
const MEDIAN: usize = 200;

/// Languages that are written by hand.
const LANGUAGES: &[&str] = &["rs", "go", "ts", "py"];
/// Folders of generated code and of data.
const GENERATED: &[&str] = &["bindings", "data", "testdata"];

pub(super) struct Sizes {
    pub(super) problems: Vec<Problem>,
    pub(super) median: usize,
    pub(super) warning: Option<String>,
}

pub(super) fn check(sources: &[Source]) -> Sizes {
    let mut problems = Vec::new();
    let mut lines = Vec::new();
    for source in sources {
        let is_generated = GENERATED.iter().any(|folder| source.is_below(folder));
        if is_generated || !LANGUAGES.contains(&source.extension()) {
            continue;
        }
        let count = source.text.lines().count();
        lines.push(count);
        if count > MOST {
            problems.push(Problem {
                place: source.path.clone(),
                what: format!("{count} lines, at most {MOST}"),
                hint: "split it by noun",
            });
        }
    }
    lines.sort_unstable();
    let median = lines.get(lines.len() / 2).copied().unwrap_or(0);
    let warning = (median > MEDIAN)
        .then(|| format!("the median source file has {median} lines, aim at {MEDIAN}"));
    Sizes {
        problems,
        median,
        warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> Source {
        Source {
            path: path.to_owned(),
            text: "x\n".repeat(lines),
        }
    }

    #[test]
    fn long_files_are_problems_unless_generated() {
        let sizes = check(&[
            file("crates/a/src/a.rs", 801),
            file("crates/a/src/b.rs", 800),
            file("crates/sdk/src/bindings/world.rs", 4_000),
            file("docs/book.md", 4_000),
        ]);
        let places: Vec<_> = sizes
            .problems
            .iter()
            .map(|problem| problem.place.as_str())
            .collect();
        assert_eq!(places, ["crates/a/src/a.rs"]);
        assert!(sizes.warning.is_some());
    }

    #[test]
    fn median_is_of_code_alone() {
        let sizes = check(&[
            file("a.rs", 10),
            file("b.go", 150),
            file("c.ts", 300),
            file("d.md", 9_000),
        ]);
        assert_eq!(sizes.median, 150);
        assert_eq!(sizes.warning, None);
    }
}
