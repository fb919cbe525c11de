//! The patterns of Go's `filepath.Match`.

/// A pattern. The default one matches nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Glob(Option<Vec<Part>>);

#[derive(Clone, Debug)]
enum Part {
    /// `*`: any characters but `/`.
    Star,
    /// `?`: one character but `/`.
    One,
    /// Itself.
    Literal(char),
    /// `[a-z]`: one character of these, or none of these. A `/` may be among them.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// `None` where it is malformed.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = pattern.chars();
        while let Some(c) = rest.next() {
            parts.push(match c {
                '*' => Part::Star,
                '?' => Part::One,
                '\\' => Part::Literal(rest.next()?),
                '[' => class(&mut rest)?,
                c => Part::Literal(c),
            });
        }
        Some(Self(Some(parts)))
    }

    /// Whether all of `text` matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(parts) = &self.0 else {
            return false;
        };
        let text: Vec<char> = text.chars().collect();
        // Where the text may have got to after the parts so far: so no pattern takes long.
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for part in parts {
            let mut next = vec![false; text.len() + 1];
            for at in 0..=text.len() {
                if matches!(part, Part::Star) {
                    let goes_on = at > 0 && next[at - 1] && text[at - 1] != '/';
                    next[at] = reached[at] || goes_on;
                } else if reached[at] && text.get(at).is_some_and(|&c| part.takes(c)) {
                    next[at + 1] = true;
                }
            }
            reached = next;
        }
        reached[text.len()]
    }
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::One => c != '/',
            Self::Literal(own) => *own == c,
            Self::Class { negated, ranges } => {
                let within = ranges.iter().any(|&(low, high)| (low..=high).contains(&c));
                within != *negated
            }
        }
    }
}

/// After its `[`.
fn class(rest: &mut std::str::Chars<'_>) -> Option<Part> {
    let mut ahead = rest.clone();
    let negated = ahead.next() == Some('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let mut ahead = rest.clone();
        if ahead.next() == Some(']') && !ranges.is_empty() {
            rest.next();
            return Some(Part::Class { negated, ranges });
        }
        let low = end(rest)?;
        let mut ahead = rest.clone();
        let high = if ahead.next() == Some('-') {
            rest.next();
            end(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// One end of a range, and something has to follow it.
fn end(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let c = match rest.next()? {
        '-' | ']' => return None,
        '\\' => rest.next()?,
        c => c,
    };
    (!rest.as_str().is_empty()).then_some(c)
}
