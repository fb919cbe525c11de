#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn grants() {
    // grant, url, object's namespace, opens?
    for (grant, url, namespace, opens) in [
        ("https://a.example.com", "https://a.example.com/x?y=1", Some("n"), true),
        ("https://a.example.com/", "HTTPS://A.Example.COM:443", Some("n"), true),
        ("https://a.example.com:443", "https://a.example.com", Some("n"), true),
        ("https://a.example.com", "http://a.example.com", Some("n"), false),
        ("https://a.example.com", "http://a.example.com:443", Some("n"), false),
        ("https://a.example.com", "https://a.example.com:8443", Some("n"), false),
        ("https://a.example.com", "https://a.example.com.", Some("n"), false),
        ("https://a.example.com.", "https://a.example.com.", Some("n"), true),
        ("https://a.example.com", "https://a.example.com.evil.org", Some("n"), false),
        ("https://xn--mnchen-3ya.de", "https://XN--MNCHEN-3YA.de/", Some("n"), true),
        ("http://prometheus.monitoring:9090", "http://prometheus.monitoring:9090/api", None, true),
        ("http://*.{namespace}", "http://web.n/hook", Some("n"), true),
        ("http://*.{namespace}", "http://web.n/hook", Some("other"), false),
        ("http://*.{namespace}", "http://web.n/hook", None, false),
        ("http://*.{namespace}", "http://a.web.n/hook", Some("n"), false),
        ("http://*.{namespace}", "http://n/", Some("n"), false),
        ("http://*.{namespace}", "http://web.n.", Some("n"), false),
        ("http://*.{namespace}.svc.cluster.local:8080", "http://w.n.svc.cluster.local:8080", Some("n"), true),
        ("http://{namespace}", "http://n", Some("n"), true),
        ("https://*.example.com", "https://a.b.example.com", None, false),
        ("https://*.example.com", "https://example.com", None, false),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/", None, true),
        ("http://*.0.0.1", "http://127.0.0.1", None, false),
        ("http://[::1]:8080", "http://[0:0::1]:8080/x", None, true),
        ("http://[::1]", "http://[::2]", None, false),
    ] {
        let origin = Origin::of(url).unwrap();
        let covers = OriginGrant::parse(grant).unwrap().covers(&origin, namespace);
        assert_eq!(covers, opens, "{grant} for {url} in {namespace:?}");
    }
}

#[test]
fn refusals() {
    let mut report: Vec<String> = [
        "example.com", "ftp://example.com", "https://user:secret@example.com", "https://good.com@evil.org",
        "https://good.com\\@evil.org", "https://münchen.de", "http://127.1", "http://2130706433",
        "http://0x7f.0.0.1", "http://0177.0.0.1", "http://a.1", "http://", "http://a..b", "http://-a.b",
        "http://a:0", "http://a:65536", "http://a:+80", "http://a:", "http://[::1", "http://[fe80::1%eth0]", "http://a b",
        "http://*.n", "//a", "file:///etc/passwd",
    ]
    .into_iter()
    .map(|url| Origin::of(url).unwrap_err().to_string())
    .collect();
    report.extend(
        ["https://a/path", "https://a?b", "https://*a.b", "https://{name}.b", "*", "https://a.*:x"]
            .into_iter()
            .map(|grant| OriginGrant::parse(grant).unwrap_err().to_string()),
    );
    insta::assert_snapshot!(report.join("\n"), @"");
}

#[test]
fn shown_as_written_in_a_grant() {
    for (url, shown) in [
        ("HTTP://A.b:80/x", "http://a.b"),
        ("https://a.b:8443", "https://a.b:8443"),
        ("http://[::1]:80", "http://[::1]"),
    ] {
        let origin = Origin::of(url).unwrap().to_string();
        assert_eq!(origin, shown);
        OriginGrant::parse(&origin).unwrap();
    }
}
