//! HTTP/1.1, by hand: what a test wants to see on the wire is not always HTTP.

use std::io;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};

use crate::answer::{Answer, Reply};
use crate::asked::Asked;

/// A body larger than this is not read.
const LARGEST: usize = 16 << 20;
/// More than this is no head.
const LONGEST_HEAD: u64 = 1 << 20;

/// One connection.
pub(crate) struct Connection<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The next request; none where the other side has gone.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Asked>> {
        let Some(first) = self.line().await? else {
            return Ok(None);
        };
        let mut parts = first.split(' ');
        let (Some(method), Some(target), Some("HTTP/1.1")) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(io::Error::other(format!("no request: {first:?}")));
        };
        let mut asked = Asked::new(method, target);
        while let Some(line) = self.line().await?.filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                return Err(io::Error::other(format!("no header: {line:?}")));
            };
            asked
                .headers
                .push((name.to_owned(), value.trim().to_owned()));
        }
        let chunked = asked
            .get("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let length = asked.get("content-length").map(str::parse::<usize>);
        asked.body = match length {
            _ if chunked => self.chunks().await?,
            None => Vec::new(),
            Some(Ok(length)) => self.exactly(length).await?,
            Some(Err(error)) => return Err(io::Error::other(error)),
        };
        Ok(Some(asked))
    }

    /// A line without its end.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let mut head = (&mut self.stream).take(LONGEST_HEAD);
        if head.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(Some(line.to_owned())),
            None => Err(io::Error::other("a line without an end")),
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > LARGEST {
            return Err(io::Error::other(format!("a body of {length} bytes")));
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = self.line().await?.unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            body.extend(self.exactly(size).await?);
            let end = self.line().await?;
            if size == 0 || body.len() > LARGEST || end.as_deref() != Some("") {
                return Ok(body);
            }
        }
    }

    /// Writes an answer, and says whether the connection goes on.
    pub(crate) async fn write(&mut self, reply: &Reply) -> io::Result<bool> {
        match reply {
            Reply::Answer(answer) => {
                let head = head(answer);
                self.stream.write_all(head.as_bytes()).await?;
                self.stream.write_all(&answer.body).await?;
                self.stream.flush().await?;
                return Ok(true);
            }
            Reply::Half(answer) => {
                let head = head(answer);
                self.stream.write_all(head.as_bytes()).await?;
                let half = answer.body.len() / 2;
                self.stream.write_all(&answer.body[..half]).await?;
            }
            Reply::Garbage => {
                let garbage = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                               transfer-encoding: chunked\r\n\r\nno number\r\n{}\r\n";
                self.stream.write_all(garbage.as_bytes()).await?;
            }
            Reply::Cut => {}
            Reply::Silence => {
                // Until the other side goes.
                let mut rest = [0; 1024];
                while self.stream.read(&mut rest).await? > 0 {}
            }
        }
        self.stream.flush().await?;
        self.stream.shutdown().await?;
        Ok(false)
    }
}

fn head(answer: &Answer) -> String {
    let mut head = format!("HTTP/1.1 {} Said\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !matches!(answer.status, 204 | 304) {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    head.push_str("\r\n");
    head
}
