//! Files that are the same in two places because a toolchain cannot reach the first.

use super::{Problem, Source};

/// Original and copy.
const COPIES: &[(&str, &str)] = &[(
    "tests/guests/greeting-crd.json",
    "tests/guests/go/greeting/greeting-crd.json",
)];

pub(super) fn check(sources: &[Source]) -> Vec<Problem> {
    let text = |path: &str| {
        sources
            .iter()
            .find(|source| source.path == path)
            .map(|s| s.text.as_str())
    };
    COPIES
        .iter()
        .filter(|(original, copy)| text(original) != text(copy))
        .map(|(original, copy)| Problem {
            place: (*copy).to_owned(),
            what: format!("is not the same as {original}"),
            hint: "copy the original over it",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_copy_is_a_problem() {
        let (original, copy) = COPIES[0];
        let file = |path: &str, text: &str| Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(check(&[file(original, "a"), file(copy, "a")]), []);
        assert_eq!(check(&[file(original, "a"), file(copy, "b")]).len(), 1);
        assert_eq!(check(&[file(original, "a")]).len(), 1);
    }
}
