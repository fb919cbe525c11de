//! A broker in a process of its own, driven over its control.

use std::process::Stdio;

use oarlock_broker::{Asked, Broker, Catalog, control};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::asking::{provision, provision_body, said, status};

fn command(broker: &Broker, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = control::answer(broker, &Asked::new(method, path).json(body));
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[test]
fn every_command() {
    let broker = Broker::new(Catalog::demo());
    let post = |path: &str, body: Value| command(&broker, "POST", path, &body).0;
    for behaviour in [
        json!("201invalidjson"),
        json!({"retryafter": [{"seconds": 5}, "concurrencyerror"]}),
    ] {
        let body = json!({"op": "provision", "behaviour": behaviour});
        assert_eq!(post("/script", body), 200);
    }
    let endless = json!({"op": "deprovision", "behaviour": "neverfinishasync", "always": true});
    assert_eq!(post("/script", endless), 200);
    let told = [
        status(&broker, &provision("i")),
        status(&broker, &provision("j")),
    ];
    assert_eq!(told, [201, 422]);
    assert_eq!(said(&broker, &crate::asking::deprovision("i")).0, 202);
    assert_eq!(post("/finish", json!({"id": "i"})), 200);
    assert_eq!(post("/fail", json!({"id": "none"})), 404);
    assert_eq!(post("/vanish", json!({"id": "i"})), 404);
    assert_eq!(status(&broker, &provision("i")), 201);
    assert_eq!(post("/vanish", json!({"id": "i"})), 200);
    for path in ["/release", "/well"] {
        assert_eq!(post(path, Value::Null), 200);
    }
    let put = |path: &str, body: Value| command(&broker, "PUT", path, &body).0;
    assert_eq!(
        put("/lifetime", json!({"expires_at": "2027-01-01T00:00:00Z"})),
        200
    );
    assert_eq!(put("/access", json!({"bearer": "planted-token"})), 200);
    assert_eq!(put("/catalog", json!({"services": []})), 200);
    let get = |path: &str| command(&broker, "GET", path, &Value::Null).1;
    assert_eq!(get("/secrets"), json!(["planted-token"]));
    assert_eq!(get("/journal")[0]["answered"], "201");
    assert_eq!(get("/report")["removed"], json!(["i"]));
    assert_eq!(get("/report")["violations"], json!([]));
    assert_eq!(post("/reset", Value::Null), 200);
    assert_eq!(get("/journal"), json!([]));

    assert_eq!(post("/nothing", Value::Null), 404);
    let (status, body) = command(
        &broker,
        "POST",
        "/script",
        &json!({"op": "provision", "behaviour": "odd"}),
    );
    assert_eq!(status, 400);
    assert!(
        body["description"]
            .as_str()
            .unwrap()
            .contains("unknown variant `odd`"),
        "{body}"
    );
}

async fn send(url: &str, method: &str, path: &str, headers: &str, body: &Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let body = body.to_string();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn the_program_says_where_it_is_and_ends_with_its_input() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_scripted-broker"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let place: Value = serde_json::from_str(&line).unwrap();
    let (broker, control) = (
        place["broker"].as_str().unwrap(),
        place["control"].as_str().unwrap(),
    );
    let script = json!({"op": "provision", "behaviour": {"async": {"polls": 0}}});
    assert_eq!(send(control, "POST", "/script", "", &script).await.0, 200);
    let headers = "X-Broker-API-Version: 2.17\r\nX-Broker-API-Request-Identity: 3f1c6c52-0000-5000-8000-000000000001\r\n";
    let path = "/v2/service_instances/i?accepts_incomplete=true";
    let (status, _) = send(broker, "PUT", path, headers, &provision_body()).await;
    assert_eq!(status, 202);
    let (_, report) = send(control, "GET", "/report", "", &Value::Null).await;
    assert_eq!(report["instances"][0]["stand"], "creating");
    assert_eq!(report["violations"], json!([]));
    drop(process.stdin.take());
    assert!(process.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_port_that_somebody_chose_is_refused_where_it_is_taken() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scripted-broker"));
        command
            .args(["--port", &port])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    };
    let refused = start().output().await.unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains(&format!("cannot listen at 127.0.0.1:{port}")),
        "{told}"
    );
    drop(taken);
    let mut process = start().spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.contains(&format!("http://127.0.0.1:{port}")), "{line}");
    // Its standard input has ended, and it is there.
    let url = format!("http://127.0.0.1:{port}");
    let headers = "X-Broker-API-Version: 2.17\r\n";
    let (status, catalog) = send(&url, "GET", "/v2/catalog", headers, &Value::Null).await;
    assert_eq!(status, 200);
    assert_eq!(catalog["services"][0]["name"], "postgres");
    process.kill().await.unwrap();
}
