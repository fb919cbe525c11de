//! Every function that Helm's templates can call is called by a template of ours; `FUNCTIONS.md` says by which.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::cases::{charts, folders, text};
use super::names::called;

/// Draw on the seed.
const RANDOM: [&str; 18] = [
    "bcrypt",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "htpasswd",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randInt",
    "randNumeric",
    "shuffle",
    "uuidv4",
];

/// Ask for the time.
const TIME: [&str; 2] = ["ago", "now"];

/// Ask the cluster.
const CLUSTER: [&str; 1] = ["lookup"];

/// Folders of charts with expected output.
const GOLDEN: [&str; 3] = ["functions", "features", "odd"];

const HEAD: &str = "\
# Functions of templates

All that a template of this version of Helm can call: its own functions, sprig's and those of `text/template`. Each is called
by a chart below `tests/charts`, and what the engine makes of that chart is compared with what the real Helm makes of it
(deterministic), or judged by its form and by the seed, the time or the objects that it is from (random, time, cluster).

This file is generated: `UPDATE=1 cargo test --package oarlock-helm table` writes it. The names are from
`modules/helm/native/functions`.

";

/// Names, as the real Helm has them.
fn names() -> BTreeSet<String> {
    let lines = text("names.txt");
    let names: BTreeSet<_> = lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 200, "only {} names", names.len());
    names
}

/// Paths of templates below a group, by the functions that they call.
fn callers(group: &str) -> BTreeMap<String, Vec<String>> {
    let mut callers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for chart in folders(&charts().join(group)) {
        let mut templates = Vec::new();
        files(&charts().join(group).join(&chart), &mut templates);
        for path in templates {
            let Ok(template) = fs::read_to_string(&path) else {
                continue;
            };
            let place = path.strip_prefix(charts()).unwrap().display().to_string();
            for name in called(&template) {
                callers.entry(name).or_default().push(place.clone());
            }
        }
    }
    callers
}

/// Files in folders called `templates`, in order.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path
            .components()
            .any(|part| part.as_os_str() == "templates")
        {
            found.push(path);
        }
    }
}

fn class(name: &str) -> &'static str {
    match name {
        name if RANDOM.contains(&name) => "random",
        name if TIME.contains(&name) => "time",
        name if CLUSTER.contains(&name) => "cluster",
        _ => "deterministic",
    }
}

/// Folders whose charts judge functions of a class, the best first.
fn groups(class: &str) -> &'static [&'static str] {
    match class {
        "random" => &["random"],
        "time" => &["time"],
        "cluster" => &["cluster"],
        // `fail` and `call` only ever fail.
        _ => &["functions", "features", "odd", "broken"],
    }
}

fn table() -> String {
    let by_group: BTreeMap<_, _> = [
        "functions",
        "features",
        "odd",
        "broken",
        "random",
        "time",
        "cluster",
    ]
    .map(|group| (group, callers(group)))
    .into();
    let mut table = HEAD.to_owned();
    table.push_str("| function | judged as | by |\n|---|---|---|\n");
    for name in names() {
        let class = class(&name);
        let caller = groups(class)
            .iter()
            .find_map(|group| by_group[group].get(&name)?.first())
            .unwrap_or_else(|| panic!("no template calls {name}, which is {class}"));
        let place = caller.replacen("/templates/", ", ", 1);
        writeln!(table, "| `{name}` | {class} | {place} |").unwrap();
    }
    table
}

#[test]
fn every_function_is_called_and_the_table_says_where() {
    let table = table();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FUNCTIONS.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == table,
        "FUNCTIONS.md is not current; hint: UPDATE=1 writes it"
    );
}

/// Expected output would be luck.
#[test]
fn charts_with_expected_output_are_not_random() {
    for group in GOLDEN {
        let callers = callers(group);
        for name in RANDOM.iter().chain(&TIME) {
            assert_eq!(callers.get(*name), None, "{name} in a chart of {group}");
        }
    }
}

/// A new version of Helm brings new names.
#[test]
fn the_names_are_of_the_version_that_is_built() {
    let required = |manifest: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../modules/helm")
            .join(manifest);
        let text = fs::read_to_string(&path).unwrap();
        let mut words = text
            .split_whitespace()
            .skip_while(|word| *word != "helm.sh/helm/v4");
        words.nth(1).unwrap().to_owned()
    };
    let listed = text("names.txt");
    let listed = listed
        .lines()
        .next()
        .and_then(|line| line.split(' ').nth(2));
    assert_eq!(listed, Some(required("native/go.mod").as_str()));
    assert_eq!(listed, Some(required("engine/go.mod").as_str()));
}
