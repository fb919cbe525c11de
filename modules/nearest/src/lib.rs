//! The known name that somebody may have meant.

/// The nearest of `names`, where a third of its letters is wrong at most.
#[must_use]
pub fn of<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = written.to_lowercase().chars().collect();
    names
        .map(|name| (changes(&letters, &name.to_lowercase()), name))
        .filter(|(changes, name)| changes * 3 <= name.len().max(letters.len()) + 2)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

/// Whether they are the same letters in another order, as in `kye`.
fn same_letters(a: &[char], b: &str) -> bool {
    let mut a = a.to_vec();
    let mut b: Vec<char> = b.chars().collect();
    a.sort_unstable();
    b.sort_unstable();
    a == b
}

/// How many letters are to be inserted, removed or changed (Levenshtein); 1 where they are in another order.
fn changes(from: &[char], to: &str) -> usize {
    if same_letters(from, to) {
        return 1;
    }
    let mut above: Vec<usize> = (0..=from.len()).collect();
    for (row, letter) in to.chars().enumerate() {
        let mut line = Vec::with_capacity(above.len());
        line.push(row + 1);
        for (column, other) in from.iter().enumerate() {
            let changed = above[column] + usize::from(letter != *other);
            line.push(changed.min(above[column + 1] + 1).min(line[column] + 1));
        }
        above = line;
    }
    above[from.len()]
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn finds_what_was_meant() {
        let names = || ["releaseName", "maxHistory", "valuesFrom", "values"].into_iter();
        for (written, meant) in [
            ("releasename", Some("releaseName")),
            ("relaseName", Some("releaseName")),
            ("value", Some("values")),
            ("valueFrom", Some("valuesFrom")),
            ("historyMax", Some("maxHistory")),
            ("vlaues", Some("values")),
            ("x", None),
        ] {
            assert_eq!(of(written, names()), meant, "{written}");
        }
    }
}
