#![expect(clippy::unwrap_used, reason = "tests")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

const ANYWHERE: Reach = Reach::Anywhere { plain_http: false };

/// Servers on addresses of this machine, of which 127.0.0.2 counts as private and 127.0.0.1 as one on the internet.
#[derive(Default)]
struct Web(JoinSet<()>);

impl Web {
    /// A server that redirects to `to`, or is the end.
    async fn server(&mut self, address: &str, to: Option<&str>) -> String {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = match to {
            Some(to) => {
                format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            }
            None => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_owned(),
        };
        self.0.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    asked.push(stream.read_u8().await.unwrap());
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        url
    }
}

fn client() -> Client {
    Client::new(Timeouts::default(), &Limits::default())
        .with_private(|address| address.to_string() == "127.0.0.2")
}

async fn follow(
    client: &Client,
    url: &str,
    named_by: NamedBy,
    reach: &Reach,
) -> Result<(bool, bool), FetchError> {
    let credentials = Credentials::default();
    let call = Call {
        named_by,
        ..Call::get(parse(url).unwrap(), &credentials, reach, 10).unwrap()
    };
    let answer = client.send(call).await?;
    assert_eq!(&answer.body[..], b"hi");
    Ok((answer.may_be_private, answer.is_private))
}

#[tokio::test]
async fn a_server_on_the_internet_leads_to_no_private_one() {
    let mut web = Web::default();
    let private = web.server("127.0.0.2", None).await;
    let public = web.server("127.0.0.1", None).await;
    let from_private = web.server("127.0.0.2", Some(&private)).await;
    let from_public = web.server("127.0.0.1", Some(&private)).await;
    let there_and_back = web.server("127.0.0.2", Some(&from_public)).await;
    let public_only = web.server("127.0.0.1", Some(&public)).await;
    let client = client();
    let nothing = Reach::Granted {
        grants: Vec::new(),
        namespace: None,
    };
    let granted = Reach::Granted {
        grants: vec![private.clone()],
        namespace: None,
    };
    let caller = NamedBy::Caller;
    let elsewhere = NamedBy::Server { private: false };
    let beside = NamedBy::Server { private: true };
    for (url, named_by, reach, expected) in [
        (&private, caller, &nothing, Some((true, true))),
        (&from_private, caller, &nothing, Some((true, true))),
        (&public_only, caller, &nothing, Some((false, false))),
        (&from_public, caller, &nothing, None),
        (&there_and_back, caller, &nothing, None),
        (&from_public, caller, &granted, Some((true, false))),
        (&from_public, caller, &ANYWHERE, Some((true, false))),
        (&private, elsewhere, &nothing, None),
        (&private, elsewhere, &granted, Some((true, false))),
        (&private, beside, &nothing, Some((true, true))),
        (&public, elsewhere, &nothing, Some((false, false))),
    ] {
        let case = format!("{url} {named_by:?} {reach:?}");
        match (follow(&client, url, named_by, reach).await, expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, expected, "{case}"),
            (Err(FetchError::Denied(_)), None) => {}
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn a_name_is_looked_at_after_it_was_resolved() {
    let mut web = Web::default();
    let server = web.server("127.0.0.1", None).await;
    let name = server.replace("127.0.0.1", "localhost");
    let client = Client::new(Timeouts::default(), &Limits::default());
    let nothing = Reach::Granted {
        grants: Vec::new(),
        namespace: None,
    };
    let chosen = follow(&client, &name, NamedBy::Caller, &nothing).await;
    assert_eq!(chosen, Ok((true, true)));
    let led = NamedBy::Server { private: false };
    let error = follow(&client, &name, led, &nothing).await.unwrap_err();
    assert!(
        matches!(&error, FetchError::Denied(text) if text.contains("localhost leads to")),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_turn_for_ever() {
    let limits = Limits {
        calls: 1,
        ..Limits::default()
    };
    let client = Client::new(Timeouts::default(), &limits);
    let url = parse("http://127.0.0.1:1/a.tgz?sig=secret").unwrap();
    let _busy = client.turn(&url).await;
    let credentials = Credentials::default();
    let call = Call::get(url, &credentials, &ANYWHERE, 1).unwrap();
    let error = client.send(call).await.unwrap_err();
    insta::assert_snapshot!(error, @"failed to fetch http://127.0.0.1:1/a.tgz: none of the 1 calls that its server may have at a time came to an end within 120s; hint: the server is slow, or too much is asked of it");
}

#[test]
fn an_address_that_is_none_is_shown_without_what_may_be_a_signature() {
    let error = parse("htp://charts.example/a.tgz?sig=secret#part").unwrap_err();
    insta::assert_snapshot!(error, @"invalid chart URL format: htp://charts.example/a.tgz: expected http:// or https:// and a host");
    let error = parse("https://me:secret@charts.example?sig=secret@x").unwrap_err();
    insta::assert_snapshot!(error, @"invalid chart URL format: https://…@charts.example: a user name or password in the URL is refused; hint: name the credentials in `credentials`");
}

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
    let mut call = Call::get(url, &credentials, &ANYWHERE, 1)
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
        let refused = check(&parse(url).unwrap(), None);
        assert!(matches!(refused, Err(FetchError::Denied(_))), "{url}");
    }
    let own = parse("http://127.0.0.1:8080/").unwrap();
    assert_eq!(check(&own, None), Ok(()));
    let error = check(&own, Some(is_private)).unwrap_err();
    insta::assert_snapshot!(error, @"failed to fetch http://127.0.0.1:8080/: 127.0.0.1, a private address, and a server elsewhere has sent us there; hint: where that is meant, grant this server too (`grants.artifacts` of the watch)");
}
