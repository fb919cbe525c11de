//! Names say what a thing is; some say nothing.

use std::collections::BTreeSet;

use super::Problem;

const EMPTY_NAMES: &[&str] = &["utils", "common", "helpers", "manager", "misc"];

pub(super) fn check<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for path in paths {
        let parts: Vec<_> = path.split('/').collect();
        for (depth, part) in parts.iter().enumerate() {
            let place = parts[..=depth].join("/");
            let is_file = depth + 1 == parts.len();
            if is_file && *part == "mod.rs" {
                problems.push(Problem {
                    place,
                    what: "mod.rs hides the name of its module".to_owned(),
                    hint: "write `foo.rs` beside `foo/`",
                });
                continue;
            }
            let stem = part.split('.').next().unwrap_or(part);
            if EMPTY_NAMES.contains(&stem) && seen.insert(place.clone()) {
                problems.push(Problem {
                    place,
                    what: format!("`{stem}` says nothing about what is inside"),
                    hint: "name it for the noun that it holds",
                });
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_found_once_each() {
        let paths = [
            "crates/common/src/a.rs",
            "crates/common/src/b.rs",
            "x/utils.go",
            "x/mod.rs",
            "x/commons.rs",
        ];
        let places: Vec<_> = check(paths.into_iter())
            .into_iter()
            .map(|problem| problem.place)
            .collect();
        assert_eq!(places, ["crates/common", "x/utils.go", "x/mod.rs"]);
    }
}
