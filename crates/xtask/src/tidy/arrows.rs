//! Dependencies between the project's own packages run only along the arrows of `arrows.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::process::Call;
use crate::workspace::shown;

use super::Problem;

const LIST: &str = "arrows.txt";

/// Workspaces whose packages are rooms of the house.
const WORKSPACES: &[&str] = &[".", "modules", "tests/guests/rust", "tests/hostile-guests"];

/// Folders whose packages are one room together.
const ONE_ROOM: &[&str] = &["tests/hostile-guests"];

/// One package depends on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    /// Only tests, examples and benchmarks do.
    tests: bool,
}

impl Arrow {
    /// Whether this arrow of the list allows that dependency. `modules/*` stands for every module, and what the code
    /// may use, its tests may use.
    fn allows(&self, present: &Self) -> bool {
        let from = match self.from.strip_suffix('*') {
            Some(folder) => present.from.starts_with(folder),
            None => self.from == present.from,
        };
        from && self.to == present.to && (!self.tests || present.tests)
    }

    fn shown(&self) -> String {
        let Self { from, to, tests } = self;
        if *tests {
            format!("{from} (tests) -> {to}")
        } else {
            format!("{from} -> {to}")
        }
    }
}

pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Problem>> {
    let mut present = BTreeMap::new();
    for workspace in WORKSPACES {
        let manifest = root.join(workspace).join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let printed = Call::cargo()
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(&manifest)
            .capture()?;
        let metadata = serde_json::from_str(&printed).context("cargo metadata is not JSON")?;
        present.extend(arrows(root, &metadata));
    }
    let file = root.join(LIST);
    let list = fs::read_to_string(&file).with_context(|| format!("cannot read {LIST}"))?;
    Ok(compare(&present, &list))
}

/// The arrows of one workspace, each with the manifest that has it.
fn arrows(root: &Path, metadata: &Value) -> BTreeMap<Arrow, String> {
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(manifest) = package["manifest_path"].as_str().map(Path::new) else {
            continue;
        };
        let Some(from) = manifest.parent() else {
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(to) = dependency["path"].as_str() else {
                continue;
            };
            let arrow = Arrow {
                from: room(root, from),
                to: room(root, Path::new(to)),
                tests: dependency["kind"] == "dev",
            };
            if arrow.from == arrow.to {
                continue;
            }
            found.insert(arrow, shown(root, manifest));
        }
    }
    found
}

/// A package by its folder; the crates without `crates/`. A workspace of many small packages is one room.
fn room(root: &Path, dir: &Path) -> String {
    let dir = shown(root, dir);
    if let Some(room) = ONE_ROOM
        .iter()
        .find(|room| Path::new(&dir).starts_with(room))
    {
        return (*room).to_owned();
    }
    dir.strip_prefix("crates/")
        .map(str::to_owned)
        .unwrap_or(dir)
}

fn compare(present: &BTreeMap<Arrow, String>, list: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut listed = BTreeMap::new();
    for (index, line) in list.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            continue;
        }
        match parse(content) {
            Some(arrows) => listed.extend(arrows.into_iter().map(|arrow| (arrow, index + 1))),
            None => problems.push(Problem {
                place: format!("{LIST}:{}", index + 1),
                what: format!("cannot read `{content}`"),
                hint: "a line is `room: room, room` or `room (tests): room`",
            }),
        }
    }
    for (arrow, manifest) in present {
        if !listed.keys().any(|line: &Arrow| line.allows(arrow)) {
            problems.push(Problem {
                place: manifest.clone(),
                what: format!("{} is no arrow of {LIST}", arrow.shown()),
                hint: "take the dependency out, or argue for the new arrow in ARCHITECTURE.md and list it",
            });
        }
    }
    for (arrow, line) in &listed {
        // Tests alone keep no line alive that is meant for code.
        let is_used = |present: &Arrow| arrow.allows(present) && arrow.tests == present.tests;
        if !present.keys().any(is_used) {
            problems.push(Problem {
                place: format!("{LIST}:{line}"),
                what: format!("{} is used by no manifest", arrow.shown()),
                hint: "take the arrow off the list",
            });
        }
    }
    problems
}

/// `from: to, to` or `from (tests): to`.
fn parse(line: &str) -> Option<Vec<Arrow>> {
    let (from, rooms) = line.split_once(':')?;
    let from = from.trim();
    let (from, tests) = match from.strip_suffix("(tests)") {
        Some(from) => (from.trim(), true),
        None => (from, false),
    };
    let is_room = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    let rooms: Vec<_> = rooms.split(',').map(str::trim).collect();
    if !is_room(from) || !rooms.iter().copied().all(is_room) {
        return None;
    }
    Some(
        rooms
            .into_iter()
            .map(|to| Arrow {
                from: from.to_owned(),
                to: to.to_owned(),
                tests,
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(from: &str, to: &str, tests: bool) -> (Arrow, String) {
        let manifest = format!("crates/{from}/Cargo.toml");
        (
            Arrow {
                from: from.to_owned(),
                to: to.to_owned(),
                tests,
            },
            manifest,
        )
    }

    fn lines(problems: &[Problem]) -> String {
        problems
            .iter()
            .map(|p| format!("{}: {}", p.place, p.what))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn listed_arrows_are_fine_and_cover_tests() {
        let present = BTreeMap::from([
            arrow("engine", "core", false),
            arrow("engine", "core", true),
        ]);
        assert_eq!(compare(&present, "# rooms\nengine: core # the nouns\n"), []);
    }

    #[test]
    fn test_arrow_does_not_cover_code() {
        let present = BTreeMap::from([arrow("engine", "devcluster", false)]);
        insta::assert_snapshot!(lines(&compare(&present, "engine (tests): devcluster")), @r"
        crates/engine/Cargo.toml: engine -> devcluster is no arrow of arrows.txt
        arrows.txt:1: engine (tests) -> devcluster is used by no manifest
        ");
    }

    #[test]
    fn star_stands_for_every_room_of_a_folder() {
        let present = BTreeMap::from([
            arrow("modules/canary", "sdk", false),
            arrow("modules/helm", "sdk", false),
            arrow("modules/helm", "core", false),
        ]);
        insta::assert_snapshot!(lines(&compare(&present, "modules/*: sdk")), @"crates/modules/helm/Cargo.toml: modules/helm -> core is no arrow of arrows.txt");
    }

    #[test]
    fn stale_and_unreadable_lines_are_told() {
        let problems = compare(
            &BTreeMap::new(),
            "engine: core, config\nengine core\n: core\n",
        );
        insta::assert_snapshot!(lines(&problems), @r"
        arrows.txt:2: cannot read `engine core`
        arrows.txt:3: cannot read `: core`
        arrows.txt:1: engine -> config is used by no manifest
        arrows.txt:1: engine -> core is used by no manifest
        ");
    }

    #[test]
    fn rooms_come_from_folders() {
        let root = Path::new("/checkout");
        let metadata = serde_json::json!({"packages": [{
            "manifest_path": "/checkout/modules/canary/Cargo.toml",
            "dependencies": [
                {"name": "oarlock-sdk", "path": "/checkout/crates/sdk", "kind": null},
                {"name": "serde", "kind": null},
            ],
        }]});
        let found: Vec<_> = arrows(root, &metadata)
            .into_keys()
            .map(|a| a.shown())
            .collect();
        assert_eq!(found, ["modules/canary -> sdk"]);
    }

    #[test]
    fn many_small_packages_are_one_room() {
        let root = Path::new("/checkout");
        let metadata = serde_json::json!({"packages": [{
            "manifest_path": "/checkout/tests/hostile-guests/loops/Cargo.toml",
            "dependencies": [{"path": "/checkout/tests/hostile-guests/contract", "kind": null}],
        }]});
        assert_eq!(arrows(root, &metadata), BTreeMap::new());
    }
}
