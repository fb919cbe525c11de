#![expect(clippy::unwrap_used, reason = "tests")]

use http::{HeaderName, HeaderValue};

use super::*;

/// The secret of GitHub's and Bitbucket's documentation.
const SECRET: &[u8] = b"It's a Secret to Everybody";

/// GitHub's: of `Hello, World!`.
const OF_GITHUB: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// Bitbucket's: of `Hello World!`.
const OF_BITBUCKET: &str = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    };
    pairs.iter().map(header).collect()
}

fn is_genuine(
    sender: Sender,
    pairs: &[(&'static str, &str)],
    tail: Option<&str>,
    body: &str,
) -> bool {
    sender.is_genuine(SECRET, &headers(pairs), tail, body.as_bytes())
}

#[test]
fn signatures_of_the_vendors_documentation() {
    let with = |prefix: &str, code: &str| format!("{prefix}{code}");
    let body = "Hello, World!";
    for (sender, header, value, body) in [
        (
            Sender::Github,
            "x-hub-signature-256",
            with("sha256=", OF_GITHUB),
            body,
        ),
        (
            Sender::Gitea,
            "x-gitea-signature",
            with("", OF_GITHUB),
            body,
        ),
        (
            Sender::Gitea,
            "x-hub-signature-256",
            with("sha256=", OF_GITHUB),
            body,
        ),
        (
            Sender::Forgejo,
            "x-forgejo-signature",
            with("", OF_GITHUB),
            body,
        ),
        (Sender::Gogs, "x-gogs-signature", with("", OF_GITHUB), body),
        (
            Sender::Bitbucket,
            "x-hub-signature",
            with("sha256=", OF_BITBUCKET),
            "Hello World!",
        ),
        (
            Sender::GenericHmac,
            "x-signature",
            with("sha256=", &OF_GITHUB.to_uppercase()),
            body,
        ),
    ] {
        let is_genuine =
            |value: &str, body: &str| is_genuine(sender, &[(header, value)], None, body);
        assert!(is_genuine(&value, body), "{sender:?}");
        assert!(!is_genuine(&value, "Hello, World?"), "{sender:?}");
        let last = value.len() - 1;
        assert!(!is_genuine(&value[..last], body), "{sender:?}");
        assert!(!is_genuine(&value.replace('7', "8"), body), "{sender:?}");
        for junk in ["", "sha256=", "sha1=00", "=", "sha256=zz", "ä"] {
            assert!(!is_genuine(junk, body), "{sender:?} {junk:?}");
        }
        assert!(!sender.is_genuine(SECRET, &HeaderMap::new(), None, body.as_bytes()));
        assert!(!sender.is_genuine(
            SECRET,
            &HeaderMap::new(),
            Some("It's a Secret to Everybody"),
            b""
        ));
    }
    let sha512 = "sha512=11ed355a617e98134e842012a7944ccf59c10256cb182357bd7e3a42013ff07c376f8c14cf5cc1923da20b51d64256b2fb8ebbf100aa67a61326f61fea8111bc";
    assert!(is_genuine(
        Sender::GenericHmac,
        &[("x-signature", sha512)],
        None,
        body
    ));
}

#[test]
fn the_first_signature_that_is_there_decides() {
    let good = format!("sha256={OF_GITHUB}");
    let pairs = [
        ("x-gitea-signature", "00"),
        ("x-hub-signature-256", good.as_str()),
    ];
    assert!(!is_genuine(Sender::Gitea, &pairs, None, "Hello, World!"));
}

#[test]
fn tokens_are_where_each_vendor_puts_them() {
    let secret = "It's a Secret to Everybody";
    assert!(is_genuine(
        Sender::Gitlab,
        &[("x-gitlab-token", secret)],
        None,
        "{}"
    ));
    assert!(!is_genuine(
        Sender::Gitlab,
        &[("x-gitlab-token", "other")],
        None,
        "{}"
    ));
    assert!(!is_genuine(Sender::Gitlab, &[], Some(secret), "{}"));
    let bearer = format!("bearer {secret}");
    let basic = format!("Basic {}", STANDARD.encode(format!("robot:{secret}")));
    for sender in [
        Sender::Registry,
        Sender::Harbor,
        Sender::Dockerhub,
        Sender::Generic,
    ] {
        for value in [bearer.as_str(), basic.as_str(), secret] {
            assert!(
                is_genuine(sender, &[("authorization", value)], None, ""),
                "{value}"
            );
        }
        assert!(is_genuine(sender, &[], Some(secret), ""));
        // A wrong header is not made good by the URL.
        let wrong = [("authorization", "Bearer other")];
        assert!(!is_genuine(sender, &wrong, Some(secret), ""));
        for junk in [
            "",
            "Basic",
            "Basic !",
            "Bearer ",
            "It's a Secret to Everybody ",
        ] {
            assert!(
                !is_genuine(sender, &[("authorization", junk)], None, ""),
                "{junk:?}"
            );
        }
        assert!(!is_genuine(sender, &[], None, ""));
        assert!(!is_genuine(sender, &[], Some(""), ""));
    }
}

#[test]
fn events_that_say_nothing_new_are_passed_over() {
    let news = |sender: Sender, name, event| sender.is_news(&headers(&[(name, event)]));
    assert!(news(Sender::Github, "x-github-event", "push"));
    assert!(!news(Sender::Github, "x-github-event", "ping"));
    assert!(!news(Sender::Github, "x-github-event", "issues"));
    assert!(news(Sender::Gitlab, "x-gitlab-event", "Tag Push Hook"));
    assert!(!news(Sender::Gitlab, "x-gitlab-event", "Issue Hook"));
    assert!(news(Sender::Gogs, "x-gogs-event", "push"));
    assert!(!news(Sender::Bitbucket, "x-event-key", "diagnostics:ping"));
    assert!(Sender::Github.is_news(&HeaderMap::new()));
    assert!(Sender::Registry.is_news(&HeaderMap::new()));
}
