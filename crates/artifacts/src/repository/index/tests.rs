#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use super::*;

/// Read by Helm too: `tests/golden`.
const INDEX: &[u8] = include_bytes!("../../../tests/golden/index.yaml");

fn chosen<'a>(index: &'a Index, name: &str, version: &str) -> Result<&'a str, NotFound> {
    index
        .choose(name, version)
        .map(|entry| entry.version.as_str())
}

#[test]
fn versions_are_chosen_as_helm_chooses_them() {
    #[derive(Deserialize)]
    struct Row {
        chart: String,
        version: String,
        #[serde(default)]
        chosen: String,
        #[serde(default)]
        urls: Vec<String>,
        #[serde(default)]
        error: String,
    }
    let index = Index::parse(INDEX).unwrap();
    for line in include_str!("../../../tests/golden/index.jsonl").lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let (chosen, urls, error) = match index.choose(&row.chart, &row.version) {
            Ok(entry) => (entry.version.clone(), entry.urls.clone(), String::new()),
            Err(NotFound::Chart) => Default::default(),
            Err(NotFound::Range(error)) => (String::new(), Vec::new(), error.to_string()),
            Err(NotFound::Version) => Default::default(),
        };
        assert_eq!((chosen, urls), (row.chosen, row.urls), "{line}");
        if row.error.starts_with("improper") || !error.is_empty() {
            assert_eq!(error, row.error, "{line}");
        }
        let missing = index.versions(&row.chart).is_err();
        assert_eq!(missing, row.error == "no chart name found", "{line}");
    }
}

#[test]
fn a_chart_that_was_perhaps_meant() {
    let index = Index::parse(INDEX).unwrap();
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
        Err("has the digest \"abc\", which is no SHA-256".to_owned())
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
