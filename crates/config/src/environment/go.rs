//! Variables by the rules of Go's `os.Expand`, as the Helm operator has them in `overrideValues`.

use std::collections::BTreeSet;

use super::Env;

/// A text in which variables are replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ByGo {
    pub(crate) text: String,
    /// Variables that are not there; they stand for nothing.
    pub(crate) unset: BTreeSet<String>,
}

impl ByGo {
    pub(crate) fn of(text: &str, env: &Env) -> Self {
        let mut all = Self::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            all.text.push_str(before);
            let (reference, tail) = Reference::of(after);
            rest = tail;
            match reference {
                Reference::None => all.text.push('$'),
                Reference::Broken => {}
                Reference::To(name) => match env.get(name) {
                    Some(value) => all.text.push_str(value),
                    None => drop(all.unset.insert(name.to_owned())),
                },
            }
        }
        all.text.push_str(rest);
        all
    }
}

/// What follows a `$`.
enum Reference<'a> {
    /// No name: the `$` is one.
    None,
    /// Braces that are empty or do not close: they vanish.
    Broken,
    To(&'a str),
}

/// Names of one character that a shell has; digits are such, too.
const SPECIAL: &str = "*#$@!?-0123456789";

impl<'a> Reference<'a> {
    /// The reference, and what comes after it.
    fn of(text: &'a str) -> (Self, &'a str) {
        if let Some(inner) = text.strip_prefix('{') {
            return match inner.split_once('}') {
                Some(("", tail)) => (Self::Broken, tail),
                Some((name, tail)) => (Self::To(name), tail),
                None => (Self::Broken, inner),
            };
        }
        if text.starts_with(|first| SPECIAL.contains(first)) {
            let (name, tail) = text.split_at(1);
            return (Self::To(name), tail);
        }
        let of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        match text.find(|letter| !of_name(letter)).unwrap_or(text.len()) {
            0 => (Self::None, text),
            end => (Self::To(&text[..end]), &text[end..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_as_go_does() {
        let env: Env = [("TAG", "1.2"), ("A_1", "x"), ("ODD", "a$TAG")]
            .into_iter()
            .collect();
        for (text, expanded, unset) in [
            ("plain", "plain", &[][..]),
            ("$TAG", "1.2", &[]),
            ("v${TAG}-alpine", "v1.2-alpine", &[]),
            ("$A_1.$A_1", "x.x", &[]),
            ("$NONE", "", &["NONE"]),
            ("a${NONE}b", "ab", &["NONE"]),
            ("costs 5$", "costs 5$", &[]),
            ("$ 5", "$ 5", &[]),
            ("${}x", "x", &[]),
            ("${TAG", "TAG", &[]),
            ("$$TAG", "TAG", &["$"]),
            ("$1x", "x", &["1"]),
            ("ä$TAG", "ä1.2", &[]),
            // What a variable holds is not read again.
            ("$ODD", "a$TAG", &[]),
        ] {
            let found = ByGo::of(text, &env);
            assert_eq!(found.text, expanded, "{text}");
            assert!(found.unset.iter().eq(unset), "{text}: {:?}", found.unset);
        }
    }
}
