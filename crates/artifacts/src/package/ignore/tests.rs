//! Against tables that Go and Helm themselves wrote: `tests/golden`.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;

use super::*;

#[test]
fn patterns_as_go_matches_them() {
    #[derive(Deserialize)]
    struct Head {
        names: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Row {
        pattern: String,
        #[serde(default)]
        bad: bool,
        #[serde(default)]
        matches: Vec<String>,
    }
    let table = include_str!("../../../tests/golden/globs.jsonl");
    let (head, table) = table.split_once('\n').unwrap();
    let head: Head = serde_json::from_str(head).unwrap();
    for line in table.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let glob = Glob::parse(&row.pattern);
        assert_eq!(glob.is_none(), row.bad, "{:?}", row.pattern);
        let matches = |name: &&String| glob.as_ref().is_some_and(|glob| glob.matches(name));
        let found: Vec<_> = head.names.iter().filter(matches).collect();
        assert_eq!(
            found,
            row.matches.iter().collect::<Vec<_>>(),
            "{:?}",
            row.pattern
        );
    }
}

#[test]
fn rules_as_helm_reads_them() {
    #[derive(Deserialize)]
    struct Head {
        paths: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Row {
        rules: String,
        #[serde(default)]
        error: String,
        #[serde(default)]
        ignored: Vec<String>,
    }
    let table = include_str!("../../../tests/golden/ignored.jsonl");
    let (head, table) = table.split_once('\n').unwrap();
    let head: Head = serde_json::from_str(head).unwrap();
    for line in table.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let (found, error) = match Rules::parse(row.rules.as_bytes()) {
            Err(PackageError::Ignore(text)) => (Vec::new(), text.to_owned()),
            Err(error) => (Vec::new(), format!("another error: {error}")),
            Ok(rules) => {
                let skipped = |path: &&String| {
                    let plain = path.strip_suffix('/').unwrap_or(path);
                    // Nobody asks about the folder itself.
                    !matches!(plain, "" | ".") && rules.skips(plain, path.ends_with('/'))
                };
                (
                    head.paths.iter().filter(skipped).cloned().collect(),
                    String::new(),
                )
            }
        };
        assert_eq!((found, error), (row.ignored, row.error), "{:?}", row.rules);
    }
}

#[test]
fn a_long_pattern_takes_no_long_time() {
    let glob = Glob::parse(&"*a".repeat(200)).unwrap();
    assert!(!glob.matches(&"a".repeat(199)));
    assert!(glob.matches(&"a".repeat(2000)));
}
