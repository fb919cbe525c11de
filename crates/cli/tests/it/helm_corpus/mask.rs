//! Comparing output that is random in places: several renders with other seeds tell where.

/// The first line that differs where it must not. With one render, all must be equal.
pub(crate) fn difference(renders: &[&str], expected: &str) -> Option<String> {
    if let [render] = renders
        && *render == expected
    {
        return None;
    }
    let runs: Vec<Vec<&str>> = renders.iter().map(|text| lines(text)).collect();
    let expected = lines(expected);
    let lengths: Vec<usize> = runs.iter().map(Vec::len).collect();
    let shortest = *lengths.iter().min().unwrap();
    for (number, expected) in expected.iter().enumerate().take(shortest) {
        let found: Vec<&str> = runs.iter().map(|run| run[number]).collect();
        if !fits(&found, expected) {
            return Some(format!(
                "line {}:\n    expected: {expected:?}\n    found:    {}",
                number + 1,
                found
                    .iter()
                    .map(|f| format!("{f:?}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
    }
    lengths
        .iter()
        .any(|length| *length != expected.len())
        .then(|| format!("expected {} lines, found {lengths:?}", expected.len()))
}

/// With their ends, so that a missing one at the end of the text counts.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Whether a line is what the renders agree on, with something else where they do not. Where they disagree on text of one
/// length, it has that length.
fn fits(found: &[&str], expected: &str) -> bool {
    let [first, others @ ..] = found else {
        return false;
    };
    if others.iter().all(|other| other == first) {
        return *first == expected;
    }
    let all = || others.iter();
    let prefix = all().map(|o| common(first.chars(), o.chars())).min();
    let prefix: usize = prefix.unwrap_or_default();
    let rest = |line: &str| -> Vec<char> { line.chars().skip(prefix).collect() };
    let first = rest(first);
    let others: Vec<Vec<char>> = all().map(|o| rest(o)).collect();
    let suffix = others
        .iter()
        .map(|o| common(first.iter().rev(), o.iter().rev()))
        .min()
        .unwrap_or_default();
    let whole: Vec<char> = expected.chars().collect();
    let start: Vec<char> = found
        .first()
        .map(|f| f.chars().take(prefix).collect())
        .unwrap_or_default();
    let end = &first[first.len() - suffix..];
    let one_length = others.iter().all(|o| o.len() == first.len());
    whole.len() >= prefix + suffix
        && whole.starts_with(&start)
        && whole.ends_with(end)
        && (!one_length || whole.len() == prefix + first.len())
}

/// Letters that two texts begin with.
fn common<T: PartialEq>(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_render_is_compared_whole() {
        assert_eq!(difference(&["a\nb\n"], "a\nb\n"), None);
        insta::assert_snapshot!(difference(&["a\nb\n"], "a\nc\n").unwrap(), @r#"
        line 2:
            expected: "c\n"
            found:    "b\n"
        "#);
        insta::assert_snapshot!(difference(&["a\n"], "a\nb\n").unwrap(), @"expected 2 lines, found [1]");
        assert!(difference(&["a"], "a\n").is_some());
    }

    #[test]
    fn what_is_random_may_be_anything_of_its_length() {
        let renders = [
            "k: \"abcd\" # x\n",
            "k: \"efgh\" # x\n",
            "k: \"abzz\" # x\n",
        ];
        assert_eq!(difference(&renders, "k: \"9999\" # x\n"), None);
        for wrong in [
            "k: \"999\" # x\n",
            "k: '9999' # x\n",
            "l: \"9999\" # x\n",
            "k: \"9999\" # y\n",
        ] {
            assert!(difference(&renders, wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn what_has_several_lengths_may_have_any() {
        let renders = ["k: ab\n", "k: c\n"];
        assert_eq!(difference(&renders, "k: xyz\n"), None);
        assert!(difference(&renders, "j: xyz\n").is_some());
    }
}
