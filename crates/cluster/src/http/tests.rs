#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read as _, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use oarlock_core::egress::Egress as _;

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        ca_bundle: None,
        insecure_skip_tls_verify: false,
        auth: None,
        effect: None,
    }
}

const LEFT: Duration = Duration::from_secs(20);

/// Answers one connection with `answer`, and returns what was asked.
async fn server(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&asked).contains("\r\n\r\n") {
            let read = stream.read(&mut buffer).await.unwrap();
            asked.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, task)
}

#[tokio::test]
async fn one_call_one_answer_and_redirects_are_answers() {
    let (url, task) = server(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\nx-a: b\r\ncontent-length: 2\r\n\r\nhi",
    )
    .await;
    let mut request = get(&format!("{url}/path?q=1"));
    request.headers.push(("X-Own".to_owned(), "1".to_owned()));
    let credentials = Credentials::Basic {
        user: b"user".to_vec(),
        password: b"secret\n".to_vec(),
    };
    let egress = Egress::new(EgressLimits::default());
    let response = egress.send(request, Some(credentials), LEFT).await.unwrap();
    assert_eq!(
        (response.status, response.body.as_slice()),
        (302, &b"hi"[..])
    );
    assert!(
        response
            .headers
            .contains(&("x-a".to_owned(), "b".to_owned()))
    );
    let asked = task.await.unwrap();
    assert!(asked.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("x-own: 1\r\n"), "{asked}");
    assert!(
        asked.contains("authorization: Basic dXNlcjpzZWNyZXQK\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn answers_are_bounded() {
    let (url, _task) = server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789").await;
    let egress = Egress::new(EgressLimits {
        response: 8,
        ..EgressLimits::default()
    });
    let result = egress.send(get(&url), None, LEFT).await;
    assert_eq!(result, Err(HttpError::TooLarge(8)));
}

#[tokio::test]
async fn some_addresses_are_never_opened() {
    let egress = Egress::new(EgressLimits::default());
    for url in [
        "http://169.254.169.254/latest",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0:8080/",
        "https://[fd00:ec2::254]/",
        "http://user@127.0.0.1/",
        "http://2130706433/",
    ] {
        let mut request = get(url);
        // Plain trust would need the machine's certificates.
        request.ca_bundle = url.starts_with("https").then(|| CERTIFICATE.to_owned());
        let result = egress.send(request.clone(), None, LEFT).await;
        assert!(
            matches!(result, Err(HttpError::Denied(_))),
            "{url}: {result:?}"
        );
    }
    let mut request = get("http://127.0.0.1:1/");
    request
        .headers
        .push(("Host".to_owned(), "other".to_owned()));
    let result = egress.send(request.clone(), None, LEFT).await;
    assert_eq!(
        result,
        Err(HttpError::Denied(
            "header host is set by the host".to_owned()
        ))
    );
}

#[tokio::test]
async fn failures_are_told_apart() {
    let egress = Egress::new(EgressLimits::default());
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let result = egress.send(get(&closed), None, LEFT).await;
    assert!(matches!(result, Err(HttpError::Connect(_))), "{result:?}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut request = get(&format!("http://{}", silent.local_addr().unwrap()));
    request.timeout = Some(Duration::from_millis(20));
    let result = egress.send(request.clone(), None, LEFT).await;
    assert_eq!(result, Err(HttpError::TimedOut));

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut request = get(&format!("https://{}", plain.local_addr().unwrap()));
    let _task = tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Not TLS\r\n\r\n")
            .await
            .unwrap();
        stream
    });
    request.ca_bundle = Some("no certificate".to_owned());
    let result = egress.send(request.clone(), None, LEFT).await;
    assert!(
        matches!(&result, Err(HttpError::Tls(text)) if text.contains("BEGIN CERTIFICATE")),
        "{result:?}"
    );
    request.ca_bundle = Some(CERTIFICATE.to_owned());
    let result = egress.send(request.clone(), None, LEFT).await;
    assert!(matches!(result, Err(HttpError::Tls(_))), "{result:?}");
}

/// Shows `certificate`, whether or not the key of `localhost` is its key.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn server_config(
    certificate: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tests/localhost.key.pem")).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shows = Shows(Arc::new(CertifiedKey::new(vec![certificate], key)));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shows));
    Arc::new(config)
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// Answers one TLS connection as `localhost`, with a certificate that `ca.pem` vouches for.
fn tls_server() -> (u16, std::thread::JoinHandle<()>) {
    serve(server_config(LOCALHOST, rustls::ALL_VERSIONS))
}

fn serve(config: Arc<ServerConfig>) -> (u16, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(config).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        // Ends when the client does not trust, or has its answer.
        let mut buffer = [0; 4096];
        if tls.read(&mut buffer).is_ok() {
            tls.write_all(ANSWER).unwrap();
            tls.conn.send_close_notify();
            tls.flush().unwrap();
        }
    });
    (port, thread)
}

#[tokio::test]
async fn a_ca_bundle_is_trusted_and_no_other() {
    let egress = Egress::new(EgressLimits::default());
    for (host, bundle, trusted) in [
        ("localhost", include_str!("tests/ca.pem"), true),
        ("localhost", CERTIFICATE, false),
        // Not a name in the certificate.
        ("127.0.0.1", include_str!("tests/ca.pem"), false),
    ] {
        let (port, thread) = tls_server();
        let mut request = get(&format!("https://{host}:{port}/"));
        request.ca_bundle = Some(bundle.to_owned());
        let result = egress.send(request.clone(), None, LEFT).await;
        if trusted {
            assert_eq!(result.map(|response| response.body), Ok(b"hi".to_vec()));
        } else {
            assert!(
                matches!(result, Err(HttpError::Tls(_))),
                "{host}: {result:?}"
            );
        }
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn any_certificate_will_do_where_that_is_asked_for() {
    for (host, shown, bundle) in [
        ("localhost", LOCALHOST, None),
        // Not a name in the certificate.
        ("127.0.0.1", LOCALHOST, None),
        // Neither are bundles looked at.
        ("localhost", LOCALHOST, Some(CERTIFICATE)),
        ("localhost", LOCALHOST, Some("no certificate")),
    ] {
        let egress = Egress::new(EgressLimits::default());
        let (port, thread) = serve(server_config(shown, rustls::ALL_VERSIONS));
        let mut request = get(&format!("https://{host}:{port}/"));
        request.ca_bundle = bundle.map(str::to_owned);
        request.insecure_skip_tls_verify = true;
        let answer = egress.send(request, None, LEFT).await;
        assert_eq!(answer.map(|answer| answer.body), Ok(b"hi".to_vec()));
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn but_its_key_has_to_be_there() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (certificate, good) in [(LOCALHOST, true), (CERTIFICATE, false)] {
            let egress = Egress::new(EgressLimits::default());
            let (port, thread) = serve(server_config(certificate, &[version]));
            let mut request = get(&format!("https://localhost:{port}/"));
            request.insecure_skip_tls_verify = true;
            let answer = egress.send(request, None, LEFT).await;
            match good {
                true => assert_eq!(answer.map(|answer| answer.status), Ok(200)),
                false => assert_eq!(
                    answer,
                    Err(HttpError::Tls(
                        "invalid peer certificate: BadSignature".to_owned()
                    ))
                ),
            }
            thread.join().unwrap();
        }
    }
}

/// Answers so many TLS connections, each as long as its client keeps it.
fn patient_tls_server(connections: usize) -> (u16, std::thread::JoinHandle<()>) {
    let config = server_config(LOCALHOST, rustls::ALL_VERSIONS);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |mut stream: std::net::TcpStream| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        let mut buffer = [0; 4096];
        while tls.read(&mut buffer).is_ok_and(|read| read > 0) {
            tls.write_all(ANSWER).unwrap();
        }
    };
    let thread = std::thread::spawn(move || {
        std::thread::scope(|scope| {
            for _ in 0..connections {
                let (stream, _) = listener.accept().unwrap();
                scope.spawn(|| answer(stream));
            }
        });
    });
    (port, thread)
}

#[tokio::test]
async fn unchecked_connections_carry_no_call_that_wants_them_checked() {
    let egress = Egress::new(EgressLimits::default());
    let (port, thread) = patient_tls_server(3);
    let to = |bundle: Option<&str>| HttpRequest {
        ca_bundle: bundle.map(str::to_owned),
        insecure_skip_tls_verify: bundle.is_none(),
        ..get(&format!("https://localhost:{port}/"))
    };
    let unchecked = egress.send(to(None), None, LEFT).await;
    assert_eq!(unchecked.map(|answer| answer.status), Ok(200));
    let mistrusted = egress.send(to(Some(CERTIFICATE)), None, LEFT).await;
    assert!(
        matches!(mistrusted, Err(HttpError::Tls(_))),
        "{mistrusted:?}"
    );
    let trusted = egress
        .send(to(Some(include_str!("tests/ca.pem"))), None, LEFT)
        .await;
    assert_eq!(trusted.map(|answer| answer.status), Ok(200));
    drop(egress);
    tokio::task::spawn_blocking(|| thread.join())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_was_not_sent_is_told_apart_from_what_was_not_answered() {
    let egress = Egress::new(EgressLimits {
        connect: Duration::from_millis(20),
        ..EgressLimits::default()
    });
    // Takes connections, says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut request = get(&format!("https://127.0.0.1:{port}/"));
    request.insecure_skip_tls_verify = true;
    let result = egress.send(request, None, LEFT).await;
    assert_eq!(
        result,
        Err(HttpError::Connect(
            "no connection to 127.0.0.1 within 20ms".to_owned()
        ))
    );
    let mut request = get(&format!("http://127.0.0.1:{port}/"));
    request.timeout = Some(Duration::from_millis(50));
    let result = egress.send(request, None, LEFT).await;
    assert_eq!(result, Err(HttpError::TimedOut));

    let bad = |user: &[u8], password: &[u8]| Credentials::Basic {
        user: user.to_vec(),
        password: password.to_vec(),
    };
    let with = |change: &dyn Fn(&mut HttpRequest)| {
        let mut request = get("http://127.0.0.1:1/?token=hunter22");
        change(&mut request);
        request
    };
    let plain = || with(&|_| {});
    let token = |token: &[u8]| Credentials::Bearer {
        token: token.to_vec(),
    };
    let mut told = Vec::new();
    for (request, credentials) in [
        (plain(), Some(bad(b"hunter22:a", b"hunter22"))),
        (plain(), Some(token(b"hunter22\nx: y"))),
        (with(&|request| request.method = "G T".to_owned()), None),
        (with(&|request| request.method = "TRACE".to_owned()), None),
        (
            with(&|request| {
                request.url = "http://127.0.0.1:1/a b?token=hunter22".to_owned();
            }),
            None,
        ),
        (
            with(&|request| request.url = "127.0.0.1:1?token=hunter22".to_owned()),
            None,
        ),
        (
            with(&|request| {
                let header = ("x-key".to_owned(), "hunter22\n".to_owned());
                request.headers.push(header);
            }),
            None,
        ),
        (
            with(&|request| request.headers.push(("a b".to_owned(), String::new()))),
            None,
        ),
    ] {
        match egress.send(request, credentials, LEFT).await {
            Err(HttpError::Denied(message)) => told.push(message),
            other => panic!("{other:?}"),
        }
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    the user name contains a colon
    the credentials are no header value
    "G T" is no HTTP method
    method TRACE is not for modules
    "http://127.0.0.1:1/a b?…": not an absolute URL
    "127.0.0.1:1?…": not an absolute URL
    header x-key: not a header value
    "a b" is no header name
    "#);
}

/// What is logged at the most talkative level, by this crate and by those below it.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<u8>>>);

impl Write for Journal {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_tells_what_was_said() {
    let journal = Journal::default();
    let writer = journal.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    tracing::trace!("a line of its own");

    let (url, _task) =
        server("HTTP/1.1 200 OK\r\nx-answer: hunter22\r\ncontent-length: 8\r\n\r\nhunter22").await;
    let (port, thread) = tls_server();
    let egress = Egress::new(EgressLimits::default());
    for url in [url, format!("https://localhost:{port}")] {
        let request = HttpRequest {
            method: "PUT".to_owned(),
            headers: vec![("x-key".to_owned(), "hunter22".to_owned())],
            body: b"hunter22".to_vec(),
            insecure_skip_tls_verify: true,
            ..get(&format!("{url}/?token=hunter22"))
        };
        let credentials = Credentials::Basic {
            user: b"hunter22".to_vec(),
            password: b"hunter22".to_vec(),
        };
        let answer = egress.send(request, Some(credentials), LEFT).await;
        assert_eq!(answer.map(|answer| answer.status), Ok(200));
    }
    thread.join().unwrap();
    let journal = String::from_utf8(journal.0.lock().clone()).unwrap();
    assert!(journal.contains("a line of its own"), "{journal}");
    // As it is, and as Base64 has it.
    for secret in ["hunter22", "aHVudGVyMjI"] {
        assert!(!journal.contains(secret), "{journal}");
    }
}

const LOCALHOST: &str = include_str!("tests/localhost.pem");

/// A self-signed certificate whose key nobody has kept.
const CERTIFICATE: &str = include_str!("tests/nobody.pem");
