//! How many API calls the operator made, by its own metrics.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::Context as _;

/// Calls since the operator's start.
pub(crate) struct Calls {
    all: u64,
    writes: u64,
}

impl Calls {
    pub(crate) fn of(metrics: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(metrics).context("the operator serves metrics")?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let counted = |line: &str| line.rsplit_once(' ')?.1.parse::<f64>().ok();
        let (mut all, mut writes) = (0, 0);
        for line in text
            .lines()
            .filter(|line| line.starts_with("rest_client_requests_total{"))
        {
            let count = counted(line).with_context(|| format!("no count: {line}"))? as u64;
            all += count;
            if !line.contains("method=\"GET\"") {
                writes += count;
            }
        }
        anyhow::ensure!(all > 0, "the operator counts no API calls");
        Ok(Self { all, writes })
    }

    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            all: self.all - earlier.all,
            writes: self.writes - earlier.writes,
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.all
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
