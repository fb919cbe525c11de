//! A relay before a cluster that notes what is asked.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A relay. Ends when dropped.
pub(crate) struct Tap {
    /// Where it listens.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Tap {
    /// Before the cluster at `url`, such as `http://127.0.0.1:6443`.
    pub(crate) async fn before(url: &str) -> Self {
        let target = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                connections.spawn(relay(client, server, Arc::clone(&notes)));
            }
        });
        Self {
            url: own,
            requests,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Writes a kubeconfig that leads through it.
    pub(crate) fn kubeconfig(&self, direct: &Path, url: &str, file: &Path) {
        let text = std::fs::read_to_string(direct).unwrap();
        assert!(text.contains(url), "{text}");
        std::fs::write(file, text.replace(url, &self.url)).unwrap();
    }

    /// Request lines up to now.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// HTTP/1.1 in clear text: request lines are lines of their own, and no body of these tests looks like one.
async fn relay(client: TcpStream, server: TcpStream, notes: Arc<Mutex<Vec<String>>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async move {
        let (mut buffer, mut line) = (vec![0; 16 << 10], Vec::new());
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            for byte in &buffer[..read] {
                if *byte != b'\n' {
                    line.push(*byte);
                    continue;
                }
                let text = String::from_utf8_lossy(&line);
                if let Some(request) = text.trim_end().strip_suffix(" HTTP/1.1") {
                    notes.lock().unwrap().push(request.to_owned());
                }
                line.clear();
            }
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async move {
        let _ended = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
