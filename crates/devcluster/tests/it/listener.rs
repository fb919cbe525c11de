//! The listener, by plain HTTP over a socket.

use std::net::SocketAddr;

use oarlock_devcluster::DevCluster;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::conversation::Conversation;

pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn start(cluster: &DevCluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (cluster, token) = (cluster.clone(), stop.clone());
        let task = tokio::spawn(async move { cluster.serve(listener, token).await });
        Self {
            address,
            stop,
            task,
        }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    async fn exchange(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = self.send(method, path, body, "close").await;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let code = text.split(' ').nth(1).unwrap().parse().unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        (
            code,
            serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)),
        )
    }

    async fn send(&self, method: &str, path: &str, body: &str, connection: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

#[tokio::test]
async fn the_clock_is_read_set_and_advanced() {
    let cluster = Conversation::new();
    let start = crate::conversation::START;
    let served = Served::start(&cluster.cluster).await;
    for (method, path, body, code, expected) in [
        (
            "GET",
            "/clock",
            "",
            200,
            json!({"now": start, "speed": 0.0}),
        ),
        (
            "POST",
            "/clock/advance",
            "{\"by\":1500}",
            200,
            json!({"now": start + 1500, "speed": 0.0}),
        ),
        (
            "POST",
            "/clock/advance",
            &format!("{{\"to\":{}}}", start + 9000),
            200,
            json!({"now": start + 9000, "speed": 0.0}),
        ),
    ] {
        assert_eq!(
            served.exchange(method, path, body).await,
            (code, expected),
            "{method} {path}"
        );
    }
    let (code, refused) = served.exchange("PUT", "/clock", "{\"speed\":-1}").await;
    assert_eq!(
        (code, &refused["message"]),
        (400, &json!("speed -1: expected a number not below 0"))
    );
    let (code, refused) = served
        .exchange("POST", "/clock/advance", "{\"bye\":1}")
        .await;
    assert_eq!(code, 400);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("expected {\"by\": 60000}"),
        "{refused}"
    );
    assert_eq!(
        served.exchange("GET", "/healthz", "").await,
        (200, json!("ok"))
    );
    served.end().await;
}

#[tokio::test]
async fn the_clock_is_watched() {
    let cluster = Conversation::new();
    let served = Served::start(&cluster.cluster).await;
    let stream = served.send("GET", "/clock/watch", "", "keep-alive").await;
    let mut lines = BufReader::new(stream).lines();
    let mut reading = async || loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.starts_with('{') {
            return serde_json::from_str::<Value>(&line).unwrap();
        }
    };
    assert_eq!(reading().await["now"], crate::conversation::START);
    cluster.clock.advance_by(std::time::Duration::from_secs(1));
    assert_eq!(reading().await["now"], crate::conversation::START + 1000);
    cluster.cluster.shutdown().await;
    served.end().await;
}

#[tokio::test]
async fn only_loopback_is_served() {
    let cluster = Conversation::new();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = cluster
        .cluster
        .serve(listener, CancellationToken::new())
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("is not a loopback address; hint: "),
        "{refused}"
    );
}
