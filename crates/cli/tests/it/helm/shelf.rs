//! A server of files, on loopback: a repository of charts, and a registry that wants a login.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What the registry wants to see: `me` and `correct-horse`.
pub(super) const LOGIN: &str = "bWU6Y29ycmVjdC1ob3JzZQ==";

/// A file, and its type.
type File = (&'static str, Vec<u8>);

/// The server. It ends when it is dropped.
pub(super) struct Shelf {
    /// Host and port.
    pub(super) host: String,
    _serving: AbortOnDropHandle<()>,
}

impl Shelf {
    /// Serves files by their paths.
    pub(super) async fn open(files: impl IntoIterator<Item = (String, File)>) -> Self {
        let files: Arc<BTreeMap<String, File>> = Arc::new(files.into_iter().collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &files).await;
            }
        });
        Self {
            host,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    /// URL of a file.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }
}

/// Answers one request and closes.
async fn answer(stream: TcpStream, files: &BTreeMap<String, File>) {
    let mut stream = BufReader::new(stream);
    let (mut asked, mut login) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if asked.is_empty() {
            let whole = line.split(' ').nth(1).unwrap_or_default();
            asked = whole.split('?').next().unwrap_or_default().to_owned();
        }
        login |= line.trim_end().ends_with(LOGIN);
    }
    let (status, more, kind, body) = match files.get(&asked) {
        _ if asked.starts_with("/v2/") && !login => {
            let more = "www-authenticate: Basic realm=\"shelf\"\r\n";
            ("401 Unauthorized", more, "text/plain", &[][..])
        }
        Some((kind, body)) => ("200 OK", "", *kind, body.as_slice()),
        None => ("404 Not Found", "", "text/plain", &[][..]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}content-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _gone = stream.write_all(&[head.as_bytes(), body].concat()).await;
}
