//! Patterns of files, with the meaning of Go's `filepath.Match`.

/// A part of a pattern.
enum Part {
    /// `*`: any letters of one folder or file name.
    Star,
    /// `?`: one such letter.
    Any,
    /// Itself.
    Letter(char),
    /// `[a-z]`, or `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Star | Self::Any => letter != '/',
            Self::Letter(own) => *own == letter,
            Self::Class { negated, ranges } => {
                let within = |(low, high): &(char, char)| (*low..=*high).contains(&letter);
                ranges.iter().any(within) != *negated
            }
        }
    }
}

/// Whether a pattern fits a whole path. One that cannot be read fits nothing.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    parse(pattern).is_some_and(|parts| fit(&parts, &path))
}

fn parse(pattern: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        parts.push(match letter {
            '*' => Part::Star,
            '?' => Part::Any,
            '[' => {
                let negated = letters.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                // The first letter belongs to the class, even where it would end it: then it is no class.
                while ranges.is_empty() || letters.next_if_eq(&']').is_none() {
                    let low = bound(&mut letters)?;
                    let high = match letters.next_if_eq(&'-') {
                        Some(_) => bound(&mut letters)?,
                        None => low,
                    };
                    ranges.push((low, high));
                }
                Part::Class { negated, ranges }
            }
            '\\' => Part::Letter(letters.next()?),
            letter => Part::Letter(letter),
        });
    }
    Some(parts)
}

/// One end of a range.
fn bound(letters: &mut impl Iterator<Item = char>) -> Option<char> {
    match letters.next()? {
        '-' | ']' => None,
        '\\' => letters.next(),
        letter => Some(letter),
    }
}

fn fit(mut parts: &[Part], mut path: &[char]) -> bool {
    // Where the last star may take one letter more.
    let mut retry: Option<(&[Part], &[char])> = None;
    loop {
        match (parts, path) {
            ([], []) => return true,
            ([Part::Star, after @ ..], _) => {
                retry = Some((after, path));
                parts = after;
                continue;
            }
            ([part, after @ ..], [letter, rest @ ..]) if part.takes(*letter) => {
                (parts, path) = (after, rest);
                continue;
            }
            _ => {}
        }
        match retry {
            Some((after, [taken, rest @ ..])) if Part::Star.takes(*taken) => {
                retry = Some((after, rest));
                (parts, path) = (after, rest);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_go() {
        for (pattern, path, expected) in [
            ("templates/a.yaml", "templates/a.yaml", true),
            ("templates/a.yaml", "templates/b.yaml", false),
            ("templates/*", "templates/a.yaml", true),
            ("templates/*", "templates/x/a.yaml", false),
            ("*/*/*.yaml", "charts/a/b.yaml", true),
            ("*", "a/b", false),
            ("**", "ab", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("a[/]c", "a/c", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            (r"[\]]", "]", true),
            ("[]a]", "]", false),
            ("[", "[", false),
            ("a[", "a", false),
            ("[-]", "-", false),
            (r"a\", "a", false),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
