//! Against tables that the Go library itself wrote: `tests/golden` of `artifacts`.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;

#[derive(Deserialize)]
struct Reading {
    #[serde(default)]
    version: String,
    #[serde(default)]
    error: String,
}

fn rows<T: DeserializeOwned>(table: &str) -> Vec<T> {
    table
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn said(read: Result<Version, ParseVersion>) -> (String, String) {
    match read {
        Ok(version) => (version.to_string(), String::new()),
        Err(error) => (String::new(), error.to_string()),
    }
}

#[test]
fn versions_as_the_go_library_reads_them() {
    #[derive(Deserialize)]
    struct Row {
        text: String,
        loose: Reading,
        strict: Reading,
    }
    let rows: Vec<Row> = rows(include_str!("../../artifacts/tests/golden/versions.jsonl"));
    assert!(rows.len() > 100);
    let mut wrong = Vec::new();
    for Row {
        text,
        loose,
        strict,
    } in rows
    {
        let reads = [
            ("loose", Version::parse(&text), loose),
            ("strict", Version::parse_strict(&text), strict),
        ];
        for (how, read, expected) in reads {
            let found = said(read);
            let expected = (expected.version, expected.error);
            if found != expected {
                wrong.push(format!("{how} {text:?}: {found:?}, expected {expected:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn order_as_the_go_library_has_it() {
    #[derive(Deserialize)]
    struct Row {
        version: String,
        is: String,
    }
    let rows: Vec<Row> = rows(include_str!("../../artifacts/tests/golden/order.jsonl"));
    let versions: Vec<Version> = rows
        .iter()
        .map(|row| Version::parse(&row.version).unwrap())
        .collect();
    for (row, version) in rows.iter().zip(&versions) {
        let sign = |other: &Version| match version.cmp(other) {
            Ordering::Less => '<',
            Ordering::Equal => '=',
            Ordering::Greater => '>',
        };
        let is: String = versions.iter().map(sign).collect();
        assert_eq!(is, row.is, "{}", row.version);
    }
}

#[test]
fn ranges_as_the_go_library_reads_them() {
    #[derive(Deserialize)]
    struct Head {
        versions: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Row {
        constraint: String,
        #[serde(default)]
        error: String,
        #[serde(default)]
        allows: Vec<String>,
    }
    let table = include_str!("../../artifacts/tests/golden/constraints.jsonl");
    let (head, table) = table.split_once('\n').unwrap();
    let head: Head = serde_json::from_str(head).unwrap();
    let rows: Vec<Row> = rows(table);
    assert!(rows.len() > 500);
    let mut wrong = Vec::new();
    for Row {
        constraint,
        error,
        allows,
    } in rows
    {
        let (found, said) = match constraint.parse::<Constraint>() {
            Err(error) => (Vec::new(), error.to_string()),
            Ok(range) => {
                let allowed = |version: &&String| range.allows(&Version::parse(version).unwrap());
                let found = head.versions.iter().filter(allowed).cloned().collect();
                (found, String::new())
            }
        };
        if said != error {
            wrong.push(format!("{constraint:?}: {said:?}, expected {error:?}"));
        } else if found != allows {
            wrong.push(format!("{constraint:?}: {found:?}, expected {allows:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_newest_comes_first_and_what_is_no_version_last() {
    let mut versions = ["1.2", "latest", "v1.10.0", "1.9", "2.0.0-rc.1", "", "2.0.0"];
    sort_newest_first(&mut versions, |version| version);
    assert_eq!(
        versions,
        ["2.0.0", "2.0.0-rc.1", "v1.10.0", "1.9", "1.2", "latest", ""]
    );
}
