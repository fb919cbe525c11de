//! `--set-file`: a line of `key=path` pairs, and the texts of the files.

use anyhow::{anyhow, bail};

use super::go;

/// What Helm says before whatever is wrong.
const FAILED: &str = "failed parsing --set-file data";

/// A key as it is written, escapes and all, and what becomes of it.
pub(super) type Pair = (String, Content);

/// What becomes of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The text of the file that has this path.
    File(String),
    /// An empty text: the line ends behind the `=`.
    Nothing,
    /// A list, whatever was there. The pairs that follow have its items, at least one.
    List,
}

/// The pairs of a line, in its order.
///
/// # Errors
///
/// As Helm words them.
pub(super) fn pairs(line: &str) -> anyhow::Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let Some(end) = find(rest, &['=', ',']) else {
            bail!("{FAILED}: key {} has no value", last_name(rest));
        };
        let (key, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            bail!(
                "{FAILED}: key {} has no value (cannot end with ,)",
                last_name(key)
            );
        };
        rest = match value.strip_prefix('{') {
            Some(list) => paths(key, list, &mut pairs)?,
            None if value.is_empty() => {
                pairs.push((key.to_owned(), Content::Nothing));
                ""
            }
            None => {
                let (path, after) = until_comma(value);
                pairs.push((key.to_owned(), Content::File(unescaped(path))));
                after
            }
        };
    }
    Ok(pairs)
}

/// `{a,b}`: a list of files. What follows it.
fn paths<'a>(key: &str, list: &'a str, pairs: &mut Vec<Pair>) -> anyhow::Result<&'a str> {
    let end =
        find(list, &['}']).ok_or_else(|| anyhow!("{FAILED}: list must terminate with '}}'"))?;
    let (mut inside, after) = list.split_at(end);
    pairs.push((key.to_owned(), Content::List));
    let mut index = 0;
    while index == 0 || !inside.is_empty() {
        let (path, more) = until_comma(inside);
        let file = Content::File(unescaped(path));
        pairs.push((format!("{key}[{index}]"), file));
        index += 1;
        inside = more;
    }
    let after = after.get(1..).unwrap_or_default();
    Ok(after.strip_prefix(',').unwrap_or(after))
}

/// Up to a comma, and what follows it.
fn until_comma(text: &str) -> (&str, &str) {
    match find(text, &[',']) {
        Some(end) => (
            text.get(..end).unwrap_or_default(),
            text.get(end + 1..).unwrap_or_default(),
        ),
        None => (text, ""),
    }
}

/// The first of some letters that no backslash stands before.
fn find(text: &str, wanted: &[char]) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let found = !escaped && wanted.contains(&letter);
        escaped = !escaped && letter == '\\';
        found.then_some(at)
    })
}

/// The last part of a key, in quotes.
fn last_name(key: &str) -> String {
    let mut name = key;
    while let Some(dot) = find(name, &['.']) {
        name = name.get(dot + 1..).unwrap_or_default();
    }
    go::quoted(&unescaped(name))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next()),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn lines_of_pairs() {
        let check = |line: &str, expected: &[(&str, &str)]| {
            let pairs = pairs(line).unwrap();
            let pairs: Vec<(&str, &str)> = pairs
                .iter()
                .map(|(key, content)| match content {
                    Content::File(path) => (&**key, &**path),
                    Content::Nothing => (&**key, "nothing"),
                    Content::List => (&**key, "a list"),
                })
                .collect();
            assert_eq!(pairs, expected, "{line}");
        };
        check("a=x", &[("a", "x")]);
        check("a=x,b.c[0]=y", &[("a", "x"), ("b.c[0]", "y")]);
        check(r"a\.b=x\,y", &[(r"a\.b", "x,y")]);
        check(
            "a={x,y},b=z",
            &[("a", "a list"), ("a[0]", "x"), ("a[1]", "y"), ("b", "z")],
        );
        check("a=x=y", &[("a", "x=y")]);
        check("a=", &[("a", "nothing")]);
        check("a=x,", &[("a", "x")]);
        check("a={}", &[("a", "a list"), ("a[0]", "")]);
        check("", &[]);
    }

    #[test]
    fn errors_are_helm_s() {
        let error = |line: &str| pairs(line).unwrap_err().to_string();
        assert_eq!(
            error("a.b"),
            "failed parsing --set-file data: key \"b\" has no value"
        );
        assert_eq!(
            error("a,b=x"),
            "failed parsing --set-file data: key \"a\" has no value (cannot end with ,)"
        );
        assert_eq!(
            error("a={x"),
            "failed parsing --set-file data: list must terminate with '}'"
        );
    }
}
