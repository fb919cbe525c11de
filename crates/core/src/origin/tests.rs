#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn grants() {
    // grant, url, object's namespace, opens?
    for (grant, url, namespace, opens) in [
        (
            "https://a.example.com",
            "https://a.example.com/x?y=1",
            Some("n"),
            true,
        ),
        (
            "https://a.example.com/",
            "HTTPS://A.Example.COM:443",
            Some("n"),
            true,
        ),
        (
            "https://a.example.com:443",
            "https://a.example.com",
            Some("n"),
            true,
        ),
        (
            "https://a.example.com",
            "http://a.example.com",
            Some("n"),
            false,
        ),
        (
            "https://a.example.com",
            "http://a.example.com:443",
            Some("n"),
            false,
        ),
        (
            "https://a.example.com",
            "https://a.example.com:8443",
            Some("n"),
            false,
        ),
        (
            "https://a.example.com",
            "https://a.example.com.",
            Some("n"),
            false,
        ),
        (
            "https://a.example.com.",
            "https://a.example.com.",
            Some("n"),
            true,
        ),
        (
            "https://a.example.com",
            "https://a.example.com.evil.org",
            Some("n"),
            false,
        ),
        (
            "https://xn--mnchen-3ya.de",
            "https://XN--MNCHEN-3YA.de/",
            Some("n"),
            true,
        ),
        (
            "http://prometheus.monitoring:9090",
            "http://prometheus.monitoring:9090/api",
            None,
            true,
        ),
        ("http://*.{namespace}", "http://web.n/hook", Some("n"), true),
        (
            "http://*.{namespace}",
            "http://web.n/hook",
            Some("other"),
            false,
        ),
        ("http://*.{namespace}", "http://web.n/hook", None, false),
        (
            "http://*.{namespace}",
            "http://a.web.n/hook",
            Some("n"),
            false,
        ),
        ("http://*.{namespace}", "http://n/", Some("n"), false),
        ("http://*.{namespace}", "http://web.n.", Some("n"), false),
        (
            "http://*.{namespace}.svc.cluster.local:8080",
            "http://w.n.svc.cluster.local:8080",
            Some("n"),
            true,
        ),
        ("http://{namespace}", "http://n", Some("n"), true),
        (
            "https://*.example.com",
            "https://a.b.example.com",
            None,
            false,
        ),
        ("https://*.example.com", "https://example.com", None, false),
        (
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/",
            None,
            true,
        ),
        ("http://*.0.0.1", "http://127.0.0.1", None, false),
        ("http://[::1]:8080", "http://[0:0::1]:8080/x", None, true),
        ("http://[::1]", "http://[::2]", None, false),
    ] {
        let origin = Origin::of(url).unwrap();
        let covers = OriginGrant::parse(grant)
            .unwrap()
            .covers(&origin, namespace);
        assert_eq!(covers, opens, "{grant} for {url} in {namespace:?}");
    }
}

#[test]
fn refusals() {
    let mut report: Vec<String> = [
        "example.com",
        "ftp://example.com",
        "https://user:secret@example.com",
        "https://good.com@evil.org",
        "https://good.com\\@evil.org",
        "https://münchen.de",
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://0177.0.0.1",
        "http://a.1",
        "http://",
        "http://a..b",
        "http://-a.b",
        "http://a:0",
        "http://a:65536",
        "http://a:+80",
        "http://a:",
        "http://[::1",
        "http://[fe80::1%eth0]",
        "http://a b",
        "http://*.n",
        "//a",
        "file:///etc/passwd",
    ]
    .into_iter()
    .map(|url| Origin::of(url).unwrap_err().to_string())
    .collect();
    report.extend(
        [
            "https://a/path",
            "https://a?b",
            "https://*a.b",
            "https://{name}.b",
            "*",
            "https://a.*:x",
        ]
        .into_iter()
        .map(|grant| OriginGrant::parse(grant).unwrap_err().to_string()),
    );
    insta::assert_snapshot!(report.join("\n"), @r#"
    "example.com": not an absolute URL
    "ftp://example.com": expected http:// or https://
    "https://…@example.com": a user name or password in the URL is refused; hint: name the credentials in `auth`
    "https://…@evil.org": a user name or password in the URL is refused; hint: name the credentials in `auth`
    "https://…@evil.org": not an absolute URL
    "https://münchen.de": the host is not ASCII; hint: write its xn-- form
    "http://127.1": "127.1" is a number that some resolvers take for an address; hint: write it as a.b.c.d
    "http://2130706433": "2130706433" is a number that some resolvers take for an address; hint: write it as a.b.c.d
    "http://0x7f.0.0.1": "0x7f.0.0.1" is a number that some resolvers take for an address; hint: write it as a.b.c.d
    "http://0177.0.0.1": "0177.0.0.1" is a number that some resolvers take for an address; hint: write it as a.b.c.d
    "http://a.1": "a.1" is a number that some resolvers take for an address; hint: write it as a.b.c.d
    "http://": "" is neither a DNS name nor an IP address
    "http://a..b": "a..b" is neither a DNS name nor an IP address
    "http://-a.b": "-a.b" is neither a DNS name nor an IP address
    "http://a:0": the port is not a number from 1 to 65535
    "http://a:65536": the port is not a number from 1 to 65535
    "http://a:+80": the port is not a number from 1 to 65535
    "http://a:": the port is not a number from 1 to 65535
    "http://[::1": not an absolute URL
    "http://[fe80::1%eth0]": "[fe80::1%eth0]" is neither a DNS name nor an IP address
    "http://a b": "a b" is neither a DNS name nor an IP address
    "http://*.n": "*.n" is neither a DNS name nor an IP address
    "//a": not an absolute URL
    "file:///etc/passwd": expected http:// or https://
    "https://a/path": a grant is an origin without path or query
    "https://a?…": a grant is an origin without path or query
    "https://*a.b": "*a.b" is neither a DNS name nor an IP address
    "https://{name}.b": "{name}.b" is neither a DNS name nor an IP address
    "*": not an absolute URL
    "https://a.*:x": the port is not a number from 1 to 65535
    "#);
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

#[test]
fn grants_meet_where_one_origin_is_of_both() {
    let grant = |text| OriginGrant::parse(text).unwrap();
    for (one, another, meet) in [
        ("https://a.b", "https://a.b:443", true),
        ("https://a.b", "http://a.b:443", false),
        ("https://a.b", "https://a.b:8443", false),
        ("https://a.b", "https://*.b", true),
        ("https://a.b", "https://{namespace}.b", true),
        ("https://a.b.c", "https://*.c", false),
        ("https://a.b", "https://*.c", false),
        ("https://*.b", "https://a.{namespace}", true),
        ("https://*.b", "https://a.c", false),
        ("https://10.0.0.1", "https://*.*.*.*", false),
        ("https://10.0.0.1", "https://10.0.0.1", true),
    ] {
        let (one, another) = (grant(one), grant(another));
        assert_eq!(one.meets(&another), meet, "{one:?} {another:?}");
        assert_eq!(another.meets(&one), meet, "{another:?} {one:?}");
    }
}

#[test]
fn what_is_told_of_a_url_has_no_query() {
    for (url, told) in [
        (
            "ftp://a.b/c?token=hunter22",
            r#""ftp://a.b/c?…": expected http:// or https://"#,
        ),
        (
            "https://me:hunter22@a.b/c?key=hunter22",
            r#""https://…@a.b/c?…": a user name or password in the URL is refused; hint: name the credentials in `auth`"#,
        ),
        ("a.b#hunter22", r#""a.b#…": not an absolute URL"#),
    ] {
        assert_eq!(Origin::of(url).unwrap_err().to_string(), told);
    }
}
