//! Real charts, rendered in this process and compared with what the real Helm made of them.
//!
//! `OARLOCK_CHART_CORPUS` names a folder with `cases.jsonl`, charts and expected output; none of it is part of the project. Where it
//! is not set nothing is compared, which is said. What is not equal stands in `differences.yaml` with its reason, or fails; what
//! stands there and is equal fails too.

mod case;
mod mask;
mod table;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt as _;

use case::{Case, Kind, Output};
use table::Table;

use crate::helm_room::Room;

const CORPUS: &str = "OARLOCK_CHART_CORPUS";

/// Renders at a time.
const AT_A_TIME: usize = 2;

/// Seeds of the renders of a chart that is random. What is equal in all of them is taken for not random.
const SEEDS: [&str; 3] = ["first", "second", "third"];

/// Past the test harness, which keeps what passing tests print.
fn say(text: &str) {
    std::io::stderr()
        .write_all(format!("corpus: {text}\n").as_bytes())
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_chart_of_the_corpus_is_rendered_as_by_helm() {
    let Some(corpus) = std::env::var_os(CORPUS).map(PathBuf::from) else {
        say(&format!(
            "NOT RUN: {CORPUS} names no folder with cases.jsonl"
        ));
        return;
    };
    let cases = case::read(&corpus);
    let table = Table::read();
    let room = Arc::new(Room::open().await);
    let results: Vec<(String, Vec<String>)> = futures_util::stream::iter(cases)
        .map(|case| {
            let (room, corpus) = (Arc::clone(&room), corpus.clone());
            tokio::spawn(async move {
                let differences = differences(&case, &room, &corpus).await;
                (case.id, differences)
            })
        })
        .buffer_unordered(AT_A_TIME)
        .map(|joined| joined.unwrap())
        .collect()
        .await;
    let equal = results.iter().filter(|(_, found)| found.is_empty()).count();
    say(&format!("{equal} of {} equal", results.len()));
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (id, found) in &results {
        if found.is_empty() {
            continue;
        }
        match table.reason(id) {
            Some(reason) => {
                used.insert(id.as_str());
                say(&format!("{id} is known to differ: {reason}"));
            }
            None => problems.push(format!("{id}:\n{}", found.join("\n"))),
        }
    }
    for id in table.ids().filter(|id| !used.contains(id)) {
        problems.push(format!(
            "{id} stands in differences.yaml, and does not differ or is no case; hint: take it out"
        ));
    }
    problems.sort();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// A part of the output, and its name.
type Part = (&'static str, fn(&Output) -> &str);

/// What is not as Helm made it.
async fn differences(case: &Case, room: &Room, corpus: &std::path::Path) -> Vec<String> {
    let mut runs = Vec::new();
    let seeds = match case.kind {
        Kind::Nondeterministic => &SEEDS[..],
        Kind::Exact | Kind::Error => &SEEDS[..1],
    };
    for seed in seeds {
        match case.render(room, corpus, seed).await {
            Ok(output) => runs.push(output),
            Err(error) if case.kind == Kind::Error => {
                return case::compare_error(case, corpus, &error);
            }
            Err(error) => return vec![format!("  fails: {error}")],
        }
    }
    if case.kind == Kind::Error {
        return vec!["  renders, and should fail".to_owned()];
    }
    let expected = case.expected(corpus);
    let mut found = Vec::new();
    let parts: [Part; 2] = [
        ("manifest", |output| &output.manifest),
        ("notes", |output| &output.notes),
    ];
    for (name, part) in parts {
        let texts: Vec<&str> = runs.iter().map(part).collect();
        found.extend(mask::difference(&texts, part(&expected)).map(|d| format!("  {name}: {d}")));
    }
    found
}
