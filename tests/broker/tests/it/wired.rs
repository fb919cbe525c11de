//! The same over a wire, and in front of an engine.

use std::time::Duration;

use oarlock_broker::{Access, Behaviour, Broker, Catalog, Op, Outside, Server, Tls};
use oarlock_core::egress::{Credentials, Egress as _};
use oarlock_core::reconciler::{HttpError, HttpRequest};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::asking::{bind, provision};

fn broker() -> Broker {
    Broker::new(Catalog::demo())
}

/// Writes requests and reads all that comes until the connection ends.
async fn exchange(server: &Server, requests: &str) -> String {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    let (mut reading, mut writing) = stream.split();
    writing.shutdown().await.unwrap();
    reading.read_to_string(&mut answers).await.unwrap();
    answers
}

const HEADERS: &str = "Host: broker\r\nX-Broker-API-Version: 2.17\r\n\
    X-Broker-API-Request-Identity: 3f1c6c52-0000-5000-8000-000000000001\r\n";

fn put(id: &str) -> String {
    let body = crate::asking::provision_body().to_string();
    let length = body.len();
    format!(
        "PUT /v2/service_instances/{id}?accepts_incomplete=true HTTP/1.1\r\n{HEADERS}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn catalog() -> String {
    format!("GET /v2/catalog HTTP/1.1\r\n{HEADERS}\r\n")
}

#[tokio::test]
async fn one_connection_many_requests() {
    let server = Server::start(broker()).await.unwrap();
    let answers = exchange(&server, &(catalog() + &put("a%20b") + &put("a%20b"))).await;
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["200", "201", "200"]);
    assert_eq!(server.broker.instances()[0].id, "a b");
    let journal = server.broker.journal();
    assert_eq!(journal[1].path, "/v2/service_instances/a%20b");
    assert_eq!(journal[1].header("host"), Some("broker"));
    assert_eq!(journal[1].body["plan_id"], "plan-small");
    assert_eq!(server.broker.violations(), []);
}

#[tokio::test]
async fn what_is_not_http_is_on_the_wire() {
    let server = Server::start(broker()).await.unwrap();
    let cases = [
        (Behaviour::CrashAfterAccept, ""),
        (Behaviour::GarbageChunks, "no number\r\n{}\r\n"),
    ];
    for (behaviour, end) in cases {
        server.broker.next(Op::Provision, behaviour);
        // What comes after it is never read.
        let answer = exchange(&server, &(put("i") + &catalog())).await;
        assert!(
            answer.ends_with(end) && answer.is_empty() == end.is_empty(),
            "{answer}"
        );
    }
    server.broker.next(Op::Catalog, Behaviour::HalfAnswer);
    let answer = exchange(&server, &catalog()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.split("content-length: ").nth(1).unwrap();
    assert_eq!(length.parse::<usize>().unwrap() / 2, body.len());
    assert_eq!(
        server.broker.calls(),
        ["provision cut", "provision garbage", "catalog half of 200"]
    );
}

#[tokio::test]
async fn silence_lasts_until_the_platform_goes() {
    let server = Server::start(broker()).await.unwrap();
    server.broker.next(Op::Provision, Behaviour::AnswerLost);
    assert_eq!(exchange(&server, &put("i")).await, "");
    assert_eq!(server.broker.instances().len(), 1);
}

#[tokio::test]
async fn a_broker_goes_and_comes_back() {
    let server = Server::start(broker()).await.unwrap();
    assert!(
        exchange(&server, &put("i"))
            .await
            .starts_with("HTTP/1.1 201")
    );
    server.stop().await;
    let address = server.url.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    server.restart().await.unwrap();
    assert!(
        exchange(&server, &put("i"))
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(server.shows(Tls::FIRST).is_err());

    server.broker.next(Op::Catalog, Behaviour::Well.held());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(catalog().as_bytes()).await.unwrap();
    server.broker.until(|broker| broker.held() == 1).await;
    server.stop().await;
    // Nobody waits for it any more.
    server.broker.until(|broker| broker.held() == 0).await;
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).await.unwrap_or(0), 0);
}

/// What a client says that trusts one authority.
async fn trusting(server: &Server, tls: Tls) -> Result<(), String> {
    use std::sync::Arc;

    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(tls.ca().as_bytes()).unwrap())
        .unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let address = server.url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connected = connector.connect(name, stream).await;
    let mut stream = connected.map_err(|error| error.to_string())?;
    stream.write_all(catalog().as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    Ok(())
}

#[tokio::test]
async fn trust_can_change() {
    let server = Server::start_tls(broker(), Tls::FIRST).await.unwrap();
    assert_eq!(trusting(&server, Tls::FIRST).await, Ok(()));
    assert!(trusting(&server, Tls::SECOND).await.is_err());
    server.shows(Tls::SECOND).unwrap();
    assert!(trusting(&server, Tls::FIRST).await.is_err());
    assert_eq!(trusting(&server, Tls::SECOND).await, Ok(()));
}

fn request(asked: oarlock_broker::Asked, url: &str) -> HttpRequest {
    HttpRequest {
        method: asked.method,
        url: format!("{url}{}?accepts_incomplete=true", asked.path),
        headers: asked.headers,
        body: asked.body,
        timeout: None,
        ca_bundle: None,
        insecure_skip_tls_verify: false,
        auth: None,
        effect: None,
    }
}

#[tokio::test]
async fn in_front_of_an_engine_nothing_takes_time() {
    let limit = Duration::from_secs(30);
    let url = "https://broker.example";
    let broker = broker();
    let outside = Outside::new().at(url, broker.clone());
    let send = |request: HttpRequest| outside.send(request, None, limit);
    let put = || request(provision("i"), url);
    assert_eq!(send(put()).await.unwrap().status, 201);
    for (behaviour, expected) in [
        (Behaviour::Timeout, HttpError::TimedOut),
        (Behaviour::Well.slow(limit), HttpError::TimedOut),
        (Behaviour::HugeBody(9 << 20), HttpError::TooLarge(8 << 20)),
    ] {
        broker.next(Op::Provision, behaviour);
        assert_eq!(send(put()).await, Err(expected));
    }
    broker.next(Op::Provision, Behaviour::CrashAfterAccept);
    assert!(matches!(send(put()).await, Err(HttpError::Other(_))));

    broker.access(Access::Basic("user".to_owned(), "pass".to_owned()));
    assert_eq!(send(put()).await.unwrap().status, 401);
    let credentials = Credentials::Basic {
        user: b"user".to_vec(),
        password: b"pass".to_vec(),
    };
    let bound = request(bind("i", "b"), url);
    let bound = outside.send(bound, Some(credentials), limit).await.unwrap();
    let body: Value = serde_json::from_slice(&bound.body).unwrap();
    assert_eq!(
        Some(body["credentials"].clone()),
        broker.credentials_of("b")
    );

    outside.vouch(url, Some(Tls::FIRST.ca()));
    assert!(matches!(send(put()).await, Err(HttpError::Tls(_))));
    let mut trusting = put();
    trusting.ca_bundle = Some(Tls::FIRST.ca().to_owned());
    assert_eq!(send(trusting).await.unwrap().status, 401);
    let mut careless = put();
    careless.insecure_skip_tls_verify = true;
    assert_eq!(send(careless).await.unwrap().status, 401);
    outside.take(url);
    assert!(matches!(send(put()).await, Err(HttpError::Connect(_))));
    assert_eq!(broker.violations(), []);
}
