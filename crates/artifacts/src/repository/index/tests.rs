#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use super::*;

const INDEX: &str = r#"
apiVersion: v1
generated: 2026-11-21T10:00:00Z
serverInfo: {contextPath: /org}
entries:
  web:
  - {name: web, version: 1.2.0, urls: [web-1.2.0.tgz], digest: abc, created: x, annotations: {a: "b"}}
  - name: web
    version: 2.0.0-rc.1
    urls:
    - web-2.tgz
  - {name: web, version: "1.10.0", urls: [a, b], type: application}
  - {name: web, version: latest, urls: [a]}
  - {name: "", version: 1.11.0, urls: [a]}
  - {name: web, version: 1.12.0, urls: [a], type: game}
  - {name: web, version: 1.13.0, urls: [a], dependencies: [{name: b, alias: "a b"}]}
  - {name: web, version: 1.14.0, urls: [a], dependencies: [null]}
  - null
  - {name: web, version: v1.9.0+b, urls: [], deprecated: true, removed: true}
  db:
  - {name: db, version: 0.1.0-a}
  empty: []
  nothing:
"#;

fn chosen<'a>(index: &'a Index, name: &str, version: &str) -> Result<&'a str, NotFound> {
    index
        .choose(name, version)
        .map(|entry| entry.version.as_str())
}

#[test]
fn versions_are_chosen_as_helm_chooses_them() {
    let index = Index::parse(INDEX.as_bytes()).unwrap();
    let versions: Vec<&str> = index.versions("web").unwrap().collect();
    assert_eq!(versions, ["2.0.0-rc.1", "1.10.0", "v1.9.0+b", "1.2.0"]);
    for (version, expected) in [
        ("", "1.10.0"),
        ("*", "1.10.0"),
        ("1.2.0", "1.2.0"),
        ("v1.2.0", "1.2.0"),
        ("~1.2", "1.2.0"),
        ("1", "1.10.0"),
        ("<1.10", "v1.9.0+b"),
        ("1.9.0", "v1.9.0+b"),
        (">=1-0", "2.0.0-rc.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
    ] {
        assert_eq!(chosen(&index, "web", version), Ok(expected), "{version}");
    }
    assert_eq!(chosen(&index, "web", "3"), Err(NotFound::Version));
    assert_eq!(chosen(&index, "web", "latest").ok(), None);
    assert_eq!(chosen(&index, "db", ""), Err(NotFound::Version));
    assert_eq!(chosen(&index, "empty", ""), Err(NotFound::Version));
    assert_eq!(chosen(&index, "nothing", ""), Err(NotFound::Version));
    assert_eq!(chosen(&index, "Web", ""), Err(NotFound::Chart));
    for (name, similar) in [
        ("Web", Some("web")),
        ("we-b", Some("web")),
        ("webs", Some("web")),
        ("wep", Some("web")),
        ("d", Some("db")),
        ("other", None),
    ] {
        assert_eq!(index.similar(name), similar, "{name}");
    }
}

#[test]
fn json_is_an_index_too() {
    let text =
        r#" {"apiVersion":"v1","entries":{"web":[{"name":"web","version":"1.0.0","urls":["a"]}]}}"#;
    let index = Index::parse(text.as_bytes()).unwrap();
    assert_eq!(chosen(&index, "web", ""), Ok("1.0.0"));
    // Not quite JSON, and so YAML.
    let text = "{apiVersion: v1, entries: {web: [{name: web, version: 1.0.0}]}}";
    let index = Index::parse(text.as_bytes()).unwrap();
    assert_eq!(chosen(&index, "web", ""), Ok("1.0.0"));
}

#[test]
fn a_broken_index_says_where() {
    let deep = format!("apiVersion: v1\nentries: {}", "[".repeat(100));
    let aliases = "apiVersion: v1\na: &a [1,2,3,4,5,6,7,8,9]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                   d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let texts: Vec<String> = [
        "",
        "entries: {}",
        "\n",
        "<html><body>Not found</body></html>",
        "apiVersion: v1\nentries:\n  web:\n  - name: web\n   version: 1\n",
        "apiVersion: v1\nentries:\n  web: 7\n",
        "apiVersion: v1\nentries: [web]\n",
        "apiVersion: v1\nentries:\n  web:\n  - name: [a]\n",
        "{\"apiVersion\": \"v1\", \"entries\": {\"web\": 7}}",
        "\u{0}\u{1}",
        &deep,
        aliases,
    ]
    .iter()
    .map(|text| match Index::parse(text.as_bytes()) {
        Ok(index) => format!("{text:?}: read with {} charts", index.len()),
        Err(error) => error.to_string(),
    })
    .collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    empty index.yaml file
    no API version specified; hint: an index begins with apiVersion: v1
    no API version specified; hint: an index begins with apiVersion: v1
    index.yaml is broken: expected mapping start at line 1, column 1; hint: `helm repo index` makes it
    index.yaml is broken: while parsing a block mapping, did not find expected key at line 5, column 4; hint: `helm repo index` makes it
    index.yaml is broken: expected sequence start at line 3, column 8; hint: `helm repo index` makes it
    index.yaml is broken: expected mapping start at line 2, column 10; hint: `helm repo index` makes it
    index.yaml is broken: expected string scalar at line 4, column 11; hint: `helm repo index` makes it
    index.yaml is broken: invalid type: integer `7`, expected a list of versions of a chart at line 1 column 41; hint: `helm repo index` makes it
    index.yaml is broken: unexpected character: `\u{0}' at line 1, column 1; hint: `helm repo index` makes it
    index.yaml is broken: expected mapping start at line 2, column 10; hint: `helm repo index` makes it
    index.yaml is broken: budget breached: Events { events: 230 } at line 2, column 24 (defined at line 3, column 7) (used at line 4, column 8); hint: `helm repo index` makes it
    ");
}

#[test]
fn a_digest_is_a_digest() {
    let index = |digest: &str| {
        let text = format!(
            "apiVersion: v1\nentries: {{web: [{{name: web, version: 1.0.0, digest: \"{digest}\"}}]}}"
        );
        let index = Index::parse(text.as_bytes()).unwrap();
        index.choose("web", "").unwrap().digest()
    };
    let hex = "0123456789abcdef".repeat(4);
    let digest = Some(format!("sha256:{hex}").parse().unwrap());
    assert_eq!(index(&hex), Ok(digest.clone()));
    assert_eq!(index(&format!("sha256:{hex}")), Ok(digest.clone()));
    assert_eq!(index(&hex.to_uppercase()), Ok(digest));
    assert_eq!(index(""), Ok(None));
    assert_eq!(
        index("abc"),
        Err("its digest \"abc\" is no SHA-256".to_owned())
    );
}

/// As large as the indexes of the largest public repositories are.
#[test]
fn a_large_index_is_read() {
    let description = "All that a chart could say of itself, and some more. ".repeat(8);
    let mut text = String::from("apiVersion: v1\nentries:\n");
    for chart in 0..100 {
        let _infallible = writeln!(text, "  chart-{chart}:");
        for version in 0..300 {
            let _infallible = writeln!(
                text,
                "  - apiVersion: v2\n    name: chart-{chart}\n    version: 1.{version}.0\n    description: {description}\n    \
                 annotations:\n      a: b\n    keywords: [a, b, c]\n    urls:\n    - https://charts.example/chart-{chart}-1.{version}.0.tgz"
            );
        }
    }
    assert!(text.len() > 18_000_000, "{}", text.len());
    let index = Index::parse(text.as_bytes()).unwrap();
    assert_eq!(index.len(), 100);
    assert_eq!(chosen(&index, "chart-99", ""), Ok("1.299.0"));
}
