//! `helm template` and `oarlock helm template`, side by side: the same arguments, the same bytes, the same words, the same status.
//!
//! The real one is `target/oarlock/parts/helm`. What Oarlock says beside Helm's words are its hints; everything else has to be
//! equal, and what is not stands in `differences.yaml`.

mod pair;
mod table;
mod variants;
mod yard;

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;

use pair::Pair;
pub(crate) use pair::helm;
use table::Table;

use crate::process::root;

/// Pairs of processes at a time.
const AT_A_TIME: usize = 2;

/// Our own charts.
fn charts() -> PathBuf {
    root().join("crates/helm/tests/charts")
}

/// Runs all pairs and fails with everything that is not equal.
async fn check(name: &str, pairs: Vec<Pair>) {
    let Some(helm) = helm() else { return };
    let table = Table::read();
    let count = pairs.len();
    assert!(count > 0, "nothing to compare");
    let results: Vec<(String, Option<String>)> = futures_util::stream::iter(pairs)
        .map(|pair| {
            let helm = helm.clone();
            async move {
                let difference = pair.difference(&helm).await;
                (pair.name, difference)
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let problems = table.judge(name, &results);
    let equal = results
        .iter()
        .filter(|(_, difference)| difference.is_none())
        .count();
    pair::say(&format!("{name}: {equal} of {count} pairs equal"));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Folders with a chart in them.
fn folders(parent: &Path) -> Vec<String> {
    let mut folders: Vec<String> = std::fs::read_dir(parent)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    folders
}

#[tokio::test]
async fn every_chart_of_our_own() {
    let mut pairs = Vec::new();
    // Those of `random` and `time` differ each time, those of `cluster` look things up.
    for group in ["functions", "features", "odd", "broken", "special"] {
        for folder in folders(&charts().join(group)) {
            let chart = format!("{group}/{folder}");
            pairs.push(Pair::new(
                &chart,
                &charts(),
                &["ferry", &chart, "-n", "harbour"],
            ));
        }
    }
    // NOTES.txt is not printed; what is no UTF-8 in it shows in CRDs alone.
    let latin = ["odd/latin", "--include-crds"];
    pairs.push(Pair::new(&latin.join(" "), &charts(), &latin));
    check("charts", pairs).await;
}

#[tokio::test]
async fn every_variant_of_them() {
    check("variants", variants::read(&charts())).await;
}

#[tokio::test]
async fn every_flag() {
    let directory = tempfile::tempdir().unwrap();
    let flags = pair::Yard::make(directory.path());
    check("flags", flags.flags()).await;
}

#[tokio::test]
async fn every_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let yard = pair::Yard::make(directory.path());
    check("bad input", yard.bad_input()).await;
}

/// Files are compared, not only what is printed.
#[tokio::test]
async fn output_directories() {
    let Some(helm) = helm() else { return };
    let directory = tempfile::tempdir().unwrap();
    for more in [&[][..], &["--release-name", "--include-crds"]] {
        let mut trees = Vec::new();
        for program in [pair::Program::Helm(&helm), pair::Program::Oarlock] {
            let out = directory.path().join("out");
            let chart = charts().join("features/hooks");
            let mut args = vec!["ferry", chart.to_str().unwrap(), "--output-dir", "out"];
            args.extend(more);
            let output = program.run(&args, directory.path(), None).await;
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            trees.push((String::from_utf8(output.stdout).unwrap(), pair::tree(&out)));
            std::fs::remove_dir_all(&out).unwrap();
        }
        let [first, second] = trees.as_slice() else {
            unreachable!()
        };
        assert_eq!(first, second);
    }
}
