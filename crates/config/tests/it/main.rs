//! Whole files in, everything that is said about them out.
//!
//! Every file of `tests/cases` has a snapshot in `tests/it/snapshots`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use oarlock_config::{Env, Parsed, Reading, Severity, parse};
use proptest::prelude::*;

fn env() -> Env {
    [
        ("VERSION", "v1"),
        ("DIR", "team"),
        ("WORKERS", "3"),
        ("YES", "true"),
        ("PERIOD", "5m"),
        ("TAG", "1.2"),
    ]
    .into_iter()
    .collect()
}

fn render(text: &str, parsed: &Parsed) -> String {
    let mut out = format!("{text}\n=> {:?}\n", parsed.reading);
    for watch in &parsed.watches {
        writeln!(
            out,
            "watch {} (line {}) by {}",
            watch.gvk, watch.line, watch.module
        )
        .unwrap();
    }
    for rejected in &parsed.rejected {
        let gvk = rejected
            .gvk
            .as_ref()
            .map_or("?".to_owned(), ToString::to_string);
        writeln!(
            out,
            "no watch {gvk} (line {}): {}",
            rejected.line, rejected.reason
        )
        .unwrap();
    }
    for diagnostic in &parsed.diagnostics {
        writeln!(out, "\n{diagnostic}").unwrap();
    }
    out
}

#[test]
fn cases() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = std::fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = parse("watches.yaml", &text, &env());
        let name = path.file_stem().unwrap().to_str().unwrap();
        insta::assert_snapshot!(name, render(&text, &parsed));
    }
}

fn case(name: &str) -> Parsed {
    let path = format!("{}/tests/cases/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    parse(
        "watches.yaml",
        &std::fs::read_to_string(path).unwrap(),
        &env(),
    )
}

#[test]
fn values_of_a_full_watch() {
    let parsed = case("everything");
    assert_eq!(parsed.diagnostics, []);
    insta::assert_debug_snapshot!("values_of_a_full_watch", parsed.watches);
}

#[test]
fn values_of_a_short_watch_are_the_defaults() {
    let parsed = case("defaults");
    assert_eq!(parsed.diagnostics, []);
    insta::assert_debug_snapshot!("values_of_a_short_watch", parsed.watches);
}

#[test]
fn peers_keys_end_up_in_the_watch() {
    let parsed = case("from_the_ansible_operator");
    let [watch] = parsed.watches.as_slice() else {
        panic!("{:?}", parsed.diagnostics)
    };
    assert_eq!(watch.settings.as_str(), r#"{"vars":{"state":"present"}}"#);
    assert_eq!(
        watch.finalizer.as_deref(),
        Some("cache.example.com/finalizer")
    );
    assert!(!watch.manage_status && !watch.dependents && watch.cluster_scoped_dependents);
    assert_eq!(watch.blacklist[0].to_string(), "v1 Secret");
    let parsed = case("from_the_helm_operator");
    let settings = |index: usize| parsed.watches[index].settings.as_str();
    assert_eq!(
        settings(0),
        r#"{"chart":"helm-charts/nginx","overrideValues":{"image.tag":"1.2"}}"#
    );
    assert_eq!(
        settings(1),
        r#"{"overrideValues":{"image.tag":"1.2","replicas":""}}"#
    );
}

/// What makes the releases, what of and with what: what a `chart:` stands for.
#[test]
fn charts_are_made_by_helms_module() {
    let parsed = case("charts");
    let mut out = String::new();
    for watch in &parsed.watches {
        writeln!(out, "{} by {}", watch.gvk.kind, watch.module).unwrap();
        for (interface, library) in &watch.libraries {
            writeln!(out, "  {interface}: {library}").unwrap();
        }
        writeln!(out, "  settings {}", watch.settings.as_str()).unwrap();
        let grants = &watch.grants;
        for (side, rules) in [("write", &grants.write), ("read", &grants.read)] {
            for rule in rules {
                let (groups, kinds) = (rule.api_groups.join(" "), rule.resources.join(" "));
                let names = rule.resource_names.join(" ");
                writeln!(out, "  {side} [{groups}] [{kinds}] [{names}]").unwrap();
                assert!(rule.namespaces.is_empty() && rule.verbs.is_empty());
            }
        }
        writeln!(out, "  artifacts {}", grants.artifacts.join(" ")).unwrap();
    }
    insta::assert_snapshot!("what_a_chart_stands_for", out);
}

#[test]
fn variables_take_the_type_that_is_wanted() {
    let parsed = case("variables");
    let watch = &parsed.watches[0];
    assert_eq!(watch.workers.unwrap().get(), 3);
    assert!(watch.dependents);
    assert_eq!(watch.period.as_secs(), 300);
    assert_eq!(
        watch.settings.as_str(),
        r#"{"literal":"${VERSION}","text":"3","unset":"${NOWHERE}"}"#
    );
}

#[test]
fn the_second_of_two_is_rejected_but_its_objects_are_served() {
    let parsed = case("duplicate_watch");
    assert_eq!(parsed.rejected.len(), 1);
    assert_eq!(parsed.unserved().count(), 0);
    assert_eq!(case("bad_duration").unserved().count(), 5);
}

#[test]
fn two_of_one_line_are_two() {
    let parsed = parse(
        "w",
        "[{version: v1, kind: A, module: a.wasm}, {version: v1, kind: A, module: a.wasm}]",
        &Env::empty(),
    );
    assert_eq!((parsed.watches.len(), parsed.rejected.len()), (1, 1));
}

#[test]
fn a_moved_watch_is_the_same() {
    let text = "- {version: v1, kind: A, module: a.wasm}";
    let watch = |text: &str| parse("w", text, &Env::empty()).watches.remove(0);
    let (first, moved) = (watch(text), watch(&format!("\n\n{text}")));
    assert_ne!(first, moved);
    assert!(first.same_as(&moved));
    assert!(!first.same_as(&watch("- {version: v1, kind: A, module: b.wasm}")));
}

/// A line of YAML as people get it wrong.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "group", "version", "kind", "module", "grants", "write", "limits", "selector", "<<", "x",
    ]);
    let value = prop::sample::select(vec![
        "", "v1", "A", "a.wasm", "[", "{", "[]", "{}", "&a", "*a", "\"", "|", "1", "yes", "${X}",
        "~", "# c", "- x",
    ]);
    let indent = prop::sample::select(vec!["", "- ", "  ", "    ", "    - ", "\t"]);
    (indent, key, value).prop_map(|(indent, key, value)| format!("{indent}{key}: {value}"))
}

proptest! {
    #[test]
    fn any_text_is_an_answer(text in "\\PC{0,200}") {
        check_any(&text);
    }

    /// Where both have something to say, the checks of values say it better than a pattern does.
    #[test]
    fn the_schema_never_speaks_for_the_checks(
        period in "[-+]?[0-9.]{0,3}(ns|ms|s|m|h|d)?[0-9]{0,2}[smh]?",
        memory in "[-+]?[0-9.]{0,3}([eE][+-]?[0-9]?|[kKMGTPEim]{0,2})",
    ) {
        let text = format!(
            "- {{version: v1, kind: A, module: a.wasm, reconcilePeriod: \"{period}\", limits: {{memory: \"{memory}\"}}}}"
        );
        for diagnostic in parse("w", &text, &Env::empty()).diagnostics {
            prop_assert!(!diagnostic.message.contains("does not match"), "{diagnostic}");
        }
    }

    #[test]
    fn any_lines_are_an_answer(lines in prop::collection::vec(line(), 0..12)) {
        check_any(&lines.join("\n"));
    }
}

/// Whatever is not used is explained, and every place exists.
fn check_any(text: &str) {
    let parsed = parse("watches.yaml", text, &Env::empty());
    let errors = parsed
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    let failed = parsed.reading == Reading::Unreadable || !parsed.rejected.is_empty();
    assert_eq!(failed, errors > 0, "{text:?}: {parsed:?}");
    for diagnostic in &parsed.diagnostics {
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
    }
}
