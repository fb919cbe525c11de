//! What documents say of tests: every test that they name is there.
//!
//! A test is named `path/to/file.rs::its_name` in backticks, the path from the top of the checkout. A list that names tests
//! which were renamed or taken out would promise what nobody checks.

use std::collections::BTreeMap;

use super::{Problem, Source};

const HINT: &str = "name the test that checks it now, or take the promise back";

pub(super) fn check(sources: &[Source]) -> Vec<Problem> {
    let files: BTreeMap<&str, &str> = sources
        .iter()
        .map(|source| (source.path.as_str(), source.text.as_str()))
        .collect();
    let documents = sources.iter().filter(|source| source.extension() == "md");
    documents
        .flat_map(|document| document_problems(document, &files))
        .collect()
}

fn document_problems(document: &Source, files: &BTreeMap<&str, &str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in document.text.lines().enumerate() {
        // Every second piece stands between backticks.
        for named in line.split('`').skip(1).step_by(2) {
            let Some((file, test)) = named.split_once(".rs::") else {
                continue;
            };
            let file = format!("{file}.rs");
            let what = match files.get(file.as_str()) {
                None => format!("`{named}`: there is no file {file}"),
                Some(text) if !has(text, test) => format!("`{named}`: {file} has no such test"),
                Some(_) => continue,
            };
            problems.push(Problem {
                place: document.at(index + 1),
                what,
                hint: HINT,
            });
        }
    }
    problems
}

/// Whether `text` has a function of that name; the modules before it are not looked at.
fn has(text: &str, test: &str) -> bool {
    let name = test.rsplit("::").next().unwrap_or(test);
    let start = format!("fn {name}");
    text.match_indices(&start).any(|(at, _)| {
        let next = text[at + start.len()..].chars().next();
        matches!(next, Some('(' | '<'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn tests_that_are_not_there_are_found() {
        let sources = [
            source("a/b.rs", "#[test]\nfn it_holds() {}\n"),
            source(
                "LIST.md",
                "| one | `a/b.rs::it_holds` |\n| two | `a/b.rs::it`, `a/b.rs::tests::it_holds` |\n| three | `a/c.rs::it_holds` |\n",
            ),
        ];
        let found: Vec<_> = check(&sources)
            .into_iter()
            .map(|problem| format!("{}: {}", problem.place, problem.what))
            .collect();
        assert_eq!(
            found,
            [
                "LIST.md:2: `a/b.rs::it`: a/b.rs has no such test",
                "LIST.md:3: `a/c.rs::it_holds`: there is no file a/c.rs",
            ]
        );
    }
}
