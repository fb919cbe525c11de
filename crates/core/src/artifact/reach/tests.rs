#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn repository(url: &str) -> Source {
    Source::Repository {
        url: url.to_owned(),
        chart: "web".to_owned(),
        version: String::new(),
    }
}

fn oci(repository: &str) -> Source {
    Source::Oci {
        repository: repository.to_owned(),
        version: String::new(),
    }
}

fn git(url: &str) -> Source {
    Source::Git {
        url: url.to_owned(),
        reference: String::new(),
        path: String::new(),
    }
}

fn granted(grants: &[&str]) -> Reach {
    Reach::Granted {
        grants: grants.iter().map(|g| (*g).to_owned()).collect(),
        namespace: Some("web".to_owned()),
    }
}

#[test]
fn a_source_is_where_its_url_says() {
    for (source, site) in [
        (Source::Local("charts/web".to_owned()), "local"),
        (git("file:///srv/charts.git"), "local"),
        (
            Source::Archive("https://a.example/x/web-1.tgz?y=1".to_owned()),
            "https://a.example",
        ),
        (
            repository("HTTPS://Charts.Example:443/stable/"),
            "https://charts.example",
        ),
        (repository("http://charts:8080"), "http://charts:8080"),
        (
            oci("oci://registry.example/team/web"),
            "oci://registry.example",
        ),
        (oci("oci://[::1]:5000/web"), "oci://[::1]:5000"),
        (
            git("ssh://git@git.example/team/charts.git"),
            "ssh://git@git.example",
        ),
        (git("ssh://git.example:22/charts"), "ssh://git.example"),
        (git("ssh://git.example:443/charts"), "ssh://git.example:443"),
        (git("https://git.example/charts.git"), "https://git.example"),
    ] {
        assert_eq!(Site::of(&source).unwrap().to_string(), site, "{source}");
    }
}

#[test]
fn what_can_be_read_in_more_than_one_way_is_refused() {
    let problems: Vec<String> = [
        repository("charts.example"),
        repository("oci://charts.example"),
        repository("https://user:hunter22@charts.example/x"),
        repository("https://good.example\\@evil.example/"),
        repository("https://0x7f.1/"),
        oci("https://registry.example/web"),
        oci("registry.example/web"),
        git("git@git.example:team/charts.git"),
        git("ssh://git:hunter22@git.example/charts"),
        git("ssh://-oProxyCommand=x/charts"),
        git("ssh://-l@git.example/charts"),
        git("ssh://a b@git.example/charts"),
        git("ext::sh -c x"),
        git("git://git.example/charts"),
    ]
    .iter()
    .map(|source| Site::of(source).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(problems.join("\n"), @r#"
    "charts.example": not an absolute URL
    "oci://charts.example": expected http:// or https://
    "https://…@charts.example/x": a user name or password in the URL is refused; hint: put them into a Secret and name it in `credentials`
    "https://…@evil.example/": not an absolute URL
    "https://0x7f.1/": "0x7f.1" is a number that some resolvers take for an address; hint: write it as a.b.c.d
    "https://registry.example/web": expected oci://
    "registry.example/web": not an absolute URL
    "…@git.example:team/charts.git": not an absolute URL; hint: write ssh://USER@HOST/PATH
    "ssh://…@git.example/charts": a user name or password in the URL is refused; hint: put them into a Secret and name it in `credentials`
    "ssh://-oProxyCommand=x/charts": "-oProxyCommand=x" is neither a DNS name nor an IP address
    "ssh://…@git.example/charts": the user has other characters than letters, digits, . _ and -
    "ssh://…@git.example/charts": the user has other characters than letters, digits, . _ and -
    "ext::sh -c x": not an absolute URL
    "git://git.example/charts": expected https://, ssh:// or file://
    "#);
}

#[test]
fn a_grant_opens_its_server_alone() {
    let reach = granted(&[
        "https://charts.example",
        "oci://registry.example:5000",
        "ssh://git@git.example",
        "http://*.{namespace}.svc",
    ]);
    for (source, open) in [
        (repository("https://charts.example/stable"), true),
        (git("https://charts.example/charts.git"), true),
        (repository("http://charts.example/stable"), false),
        (repository("https://charts.example:8443"), false),
        (repository("https://other.charts.example"), false),
        (oci("oci://registry.example:5000/web"), true),
        (oci("oci://registry.example/web"), false),
        (repository("https://registry.example:5000"), false),
        (git("ssh://git@git.example/charts"), true),
        (git("ssh://root@git.example/charts"), false),
        (git("ssh://git.example/charts"), false),
        (repository("http://museum.web.svc"), true),
        (repository("http://museum.other.svc"), false),
        (Source::Local("web".to_owned()), false),
        (git("file:///srv/charts"), false),
    ] {
        assert_eq!(reach.check(&source).is_ok(), open, "{source}");
    }
    assert!(
        granted(&["local"])
            .check(&Source::Local("web".to_owned()))
            .is_ok()
    );
    assert!(
        granted(&["ssh://git.example"])
            .check(&git("ssh://any@git.example/x"))
            .is_ok()
    );
    assert!(
        Reach::Anywhere { plain_http: false }
            .check(&oci("oci://any/x"))
            .is_ok()
    );
}

#[test]
fn the_missing_grant_is_spelt_out() {
    let said: Vec<String> = [
        repository("https://charts.example:8443/stable"),
        git("ssh://git@git.example/charts"),
        Source::Local("web".to_owned()),
    ]
    .iter()
    .map(|source| {
        granted(&["ftp://broken"])
            .check(source)
            .unwrap_err()
            .to_string()
    })
    .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    no grant for https://charts.example:8443; hint: add to the watch: grants: {artifacts: ["https://charts.example:8443"]}
    no grant for ssh://git@git.example; hint: add to the watch: grants: {artifacts: ["ssh://git@git.example"]}
    no grant for local; hint: add to the watch: grants: {artifacts: ["local"]}
    "#);
}

#[test]
fn a_registry_without_tls_is_granted_twice() {
    let source = oci("oci://registry.web:5000/web");
    assert!(!granted(&["oci://registry.web:5000"]).plain_http(&source));
    assert!(granted(&["oci://*.{namespace}:5000", "http://registry.web:5000"]).plain_http(&source));
    assert!(granted(&["http://registry.web"]).plain_http(&oci("oci://registry.web/web")));
    assert!(!granted(&["http://registry.web"]).plain_http(&repository("https://registry.web")));
    assert!(Reach::Anywhere { plain_http: true }.plain_http(&source));
}

#[test]
fn grants_that_name_no_server_are_refused() {
    for text in [
        "",
        "Local",
        "charts.example",
        "ftp://charts.example",
        "https://charts.example/stable",
        "https://user@charts.example",
        "https://a*.example",
        "https://{name}",
        "ssh://git:x@git.example",
        "ssh://@git.example",
        "oci://registry:0",
        "oci://",
    ] {
        assert!(SiteGrant::parse(text).is_err(), "{text}");
    }
    for text in [
        "local",
        "https://*.example/",
        "ssh://git@*",
        "oci://[::1]:5000",
        "http://{namespace}",
    ] {
        assert!(SiteGrant::parse(text).is_ok(), "{text}");
    }
}
