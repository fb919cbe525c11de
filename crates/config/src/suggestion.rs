//! Which known word somebody meant.

/// The candidate that `word` is most likely a slip of: at most one error in three characters.
pub(crate) fn suggest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = fold(word);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| {
            let longest = word.chars().count().max(candidate.chars().count());
            *distance <= (longest / 3).max(1) && *distance < longest
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and separators are never the point: `service_account` means `serviceAccount`.
fn fold(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
}

/// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours cost one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let keys = ["write", "read", "http", "serviceAccount", "reconcilePeriod"];
        for (word, meant) in [
            ("wirte", Some("write")),
            ("writes", Some("write")),
            ("Read", Some("read")),
            ("service_account", Some("serviceAccount")),
            ("reconcilePeroid", Some("reconcilePeriod")),
            ("https", Some("http")),
            ("x", None),
            ("volumes", None),
        ] {
            assert_eq!(suggest(word, keys), meant, "{word}");
        }
    }
}
