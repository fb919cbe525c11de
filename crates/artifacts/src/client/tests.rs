#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn credentials_become_one_header() {
    let basic = |user: &str, password: &str| Credentials {
        basic: Some((user.to_owned(), password.to_owned())),
        bearer: Some("not this one".to_owned()),
        ..Credentials::default()
    };
    let bearer = |token: &str| Credentials {
        bearer: Some(token.to_owned()),
        ..Credentials::default()
    };
    let said = |credentials: &Credentials| match authorization(credentials) {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(value)) => {
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        }
        Err(error) => error.to_string(),
    };
    let texts = [
        said(&Credentials::default()),
        said(&basic("me", "secret")),
        said(&basic("", "ü:\n")),
        said(&basic("me:you", "secret")),
        said(&bearer("token\n")),
        said(&bearer("to\nken")),
    ];
    insta::assert_snapshot!(texts.join("\n"), @r"
    nothing
    Basic bWU6c2VjcmV0
    Basic OsO8Ogo=
    the user name contains a colon, which HTTP has no way to say
    Bearer token
    the token is no header value; hint: it has line breaks or control characters in it
    ");
}

#[test]
fn what_is_secret_stays() {
    let credentials = Credentials {
        bearer: Some("token".to_owned()),
        ..Credentials::default()
    };
    let url = parse("https://charts.example/a.tgz?sig=secret#part").unwrap();
    assert_eq!(shown(&url), "https://charts.example/a.tgz");
    let mut secret = HeaderValue::from_static("key");
    secret.set_sensitive(true);
    let mut call = Call::get(url, &credentials, 1)
        .unwrap()
        .with(reqwest::header::ACCEPT, "a/b")
        // What a server gave as a tag may be no header value.
        .with(reqwest::header::IF_NONE_MATCH, "\n");
    call.headers.insert("x-key", secret);
    assert_eq!(call.headers.len(), 3);
    let public = public(&call.headers);
    assert_eq!(public.len(), 1);
    assert_eq!(public["accept"], "a/b");
}

#[test]
fn numbers_are_addresses() {
    for url in [
        "http://2852039166/latest",
        "http://0xa9.254.169.254/",
        "http://169.254.43518/",
        "http://[::ffff:169.254.169.254]/",
    ] {
        let refused = check(&parse(url).unwrap());
        assert!(matches!(refused, Err(FetchError::Denied(_))), "{url}");
    }
    assert_eq!(check(&parse("http://127.0.0.1:8080/").unwrap()), Ok(()));
}
