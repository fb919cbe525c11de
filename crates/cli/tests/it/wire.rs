//! The wire between one process and a cluster: it notes what is sent and when, and can be cut.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// When it came to the wire.
    pub(crate) at: Instant,
    /// Such as `PATCH`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    /// Whether it got any further.
    pub(crate) passed: bool,
}

impl Sent {
    /// Whether it changes something, leases aside.
    pub(crate) fn writes(&self) -> bool {
        self.method != "GET" && !self.is_lease()
    }

    pub(crate) fn is_lease(&self) -> bool {
        self.path.contains("/leases")
    }

    /// Whether it lists a collection.
    pub(crate) fn lists(&self) -> bool {
        self.method == "GET"
            && !self.is_lease()
            && (self.path.contains("limit=") || self.path.contains("sendInitialEvents="))
    }
}

/// A relay. Ends when dropped.
pub(crate) struct Wire {
    /// A kubeconfig that leads through it.
    pub(crate) kubeconfig: PathBuf,
    log: Arc<Mutex<Vec<Sent>>>,
    /// Odd while it is cut. A connection that was there at a change never carries anything again.
    cuts: watch::Sender<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Wire {
    /// Before the cluster at `url`, which the kubeconfig `direct` leads to; `file` leads through the wire.
    pub(crate) async fn before(url: &str, direct: &Path, file: PathBuf) -> Self {
        let target = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let text = std::fs::read_to_string(direct).unwrap();
        assert!(text.contains(url), "{text}");
        std::fs::write(&file, text.replace(url, &own)).unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let cuts = watch::Sender::new(0);
        let (notes, state) = (Arc::clone(&log), cuts.clone());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                connections.spawn(relay(client, server, Arc::clone(&notes), state.subscribe()));
            }
        });
        Self {
            kubeconfig: file,
            log,
            cuts,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// From now on nothing gets through, in neither direction, and nobody is told.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts |= 1);
    }

    /// From now on new connections work.
    pub(crate) fn heal(&self) {
        self.cuts.send_modify(|cuts| *cuts += *cuts & 1);
    }

    /// What was sent up to now.
    pub(crate) fn log(&self) -> Vec<Sent> {
        self.log.lock().unwrap().clone()
    }

    /// What was sent since, that changes something.
    pub(crate) fn writes_since(&self, since: Instant) -> Vec<Sent> {
        let mut log = self.log();
        log.retain(|sent| sent.at >= since && sent.writes());
        log
    }
}

/// The method and the path of a request line, which may stand behind the body of the request before.
fn request_of(line: &str) -> Option<(&str, &str)> {
    let request = line.trim_end().strip_suffix(" HTTP/1.1")?;
    let (before, path) = request.rsplit_once(' ')?;
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let method = methods.iter().find(|method| before.ends_with(*method))?;
    Some((method, path))
}

/// HTTP/1.1 in clear text: a request line ends a line, and no body of these tests ends like one.
async fn relay(
    client: TcpStream,
    server: TcpStream,
    notes: Arc<Mutex<Vec<Sent>>>,
    mut cuts: watch::Receiver<u64>,
) {
    let born = *cuts.borrow_and_update();
    let is_cut = move |cuts: &watch::Receiver<u64>| *cuts.borrow() != born || born % 2 == 1;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (up_cuts, down_cuts) = (cuts.clone(), cuts.clone());
    let up = async move {
        let (mut buffer, mut line) = (vec![0; 16 << 10], Vec::new());
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let passed = !is_cut(&up_cuts);
            for byte in &buffer[..read] {
                if *byte != b'\n' {
                    line.push(*byte);
                    continue;
                }
                let text = String::from_utf8_lossy(&line);
                if let Some((method, path)) = request_of(&text) {
                    notes.lock().unwrap().push(Sent {
                        at: Instant::now(),
                        method: method.to_owned(),
                        path: path.to_owned(),
                        passed,
                    });
                }
                line.clear();
            }
            if passed && to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async move {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if !is_cut(&down_cuts) && to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
        if is_cut(&down_cuts) {
            std::future::pending::<()>().await;
        }
    };
    // A cut connection says nothing until the wire is healed, and breaks then.
    let broken = async move {
        while let Ok(()) = cuts.changed().await {
            if (*cuts.borrow()).is_multiple_of(2) {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = broken => {}
    }
}
