#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

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

/// Answers one TLS connection as `localhost`, with a certificate that `ca.pem` vouches for.
fn tls_server() -> (u16, std::thread::JoinHandle<()>) {
    use std::io::{Read as _, Write as _};

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("tests/localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tests/localhost.key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        // Ends when the client does not trust, or has its answer.
        let mut buffer = [0; 4096];
        if tls.read(&mut buffer).is_ok() {
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
                .unwrap();
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

/// A self-signed certificate whose key nobody has kept.
const CERTIFICATE: &str = include_str!("tests/nobody.pem");
