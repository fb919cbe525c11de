//! The known name that somebody may have meant.

/// The nearest of `names`, where it is near: a third of the letters wrong at most.
pub(super) fn of(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    names
        .map(|known| (distance(&name.to_lowercase(), &known.to_lowercase()), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= known.len().max(name.len()).div_ceil(3))
        .map(|(_, known)| known)
}

/// Letters to insert, remove or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, of};

    #[test]
    fn finds_what_was_meant() {
        let names = || ["stepWeight", "stepWeights", "maxWeight", "interval"].into_iter();
        for (written, meant) in [
            ("stepweight", Some("stepWeight")),
            ("stepWeigth", Some("stepWeight")),
            ("intervall", Some("interval")),
            ("maximumWeight", Some("maxWeight")),
            ("heaviness", None),
            ("x", None),
        ] {
            assert_eq!(of(written, names()), meant, "{written}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
