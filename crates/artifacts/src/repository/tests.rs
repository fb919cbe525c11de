#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn references_start_from_the_repository() {
    for (base, reference, expected) in [
        (
            "https://charts.example",
            "index.yaml",
            "https://charts.example/index.yaml",
        ),
        (
            "https://charts.example/",
            "index.yaml",
            "https://charts.example/index.yaml",
        ),
        (
            "https://charts.example/a/b",
            "c.tgz",
            "https://charts.example/a/b/c.tgz",
        ),
        (
            "https://charts.example/a/b/",
            "../c.tgz",
            "https://charts.example/a/c.tgz",
        ),
        (
            "https://charts.example/a/b",
            "/c.tgz",
            "https://charts.example/c.tgz",
        ),
        (
            "https://charts.example/a",
            "charts/c-1.0.0+x.tgz",
            "https://charts.example/a/charts/c-1.0.0+x.tgz",
        ),
        (
            "https://charts.example/a?token=1",
            "index.yaml",
            "https://charts.example/a/index.yaml?token=1",
        ),
        (
            "https://charts.example/a?token=1",
            "c.tgz?x=2",
            "https://charts.example/a/c.tgz?token=1",
        ),
        (
            "https://charts.example/a",
            "c.tgz?x=2",
            "https://charts.example/a/c.tgz?x=2",
        ),
        (
            "https://charts.example/a",
            "//other.example/c.tgz",
            "https://other.example/c.tgz",
        ),
        (
            "https://charts.example/a?token=1",
            "http://other.example/c.tgz?x",
            "http://other.example/c.tgz?x",
        ),
        (
            "https://charts.example/%7Ea/",
            "c d.tgz",
            "https://charts.example/%7Ea/c%20d.tgz",
        ),
    ] {
        let base = client::parse(base).unwrap();
        assert_eq!(resolve(&base, reference).unwrap().as_str(), expected);
    }
    let base = client::parse("https://charts.example").unwrap();
    let refused: Vec<String> = [
        "ftp://a/b",
        "file:///etc/passwd",
        "https://me:secret@other.example/c.tgz",
        "http://[x",
    ]
    .into_iter()
    .map(|reference| resolve(&base, reference).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(refused.join("\n"), @r#"
    invalid chart URL format: ftp://a/b: expected http:// or https:// and a host
    invalid chart URL format: file:///etc/passwd: expected http:// or https:// and a host
    invalid chart URL format: https://…@other.example/c.tgz: a user name or password in the URL is refused; hint: name the credentials in `credentials`
    failed to make chart URL absolute: "http://[x" of https://charts.example/: invalid IPv6 address
    "#);
}
