//! How many API calls the operator made, by its own metrics.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Compiling the modules takes longest.
const PATIENCE: Duration = Duration::from_secs(600);

/// Calls since the operator's start.
pub(crate) struct Calls {
    all: u64,
    writes: u64,
}

impl Calls {
    pub(crate) fn of(metrics: SocketAddr) -> anyhow::Result<Self> {
        let text = get(metrics, "/metrics").context("the operator serves metrics")?;
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

/// Waits until the operator can work: its modules are compiled, and what it watches is listed.
pub(crate) async fn until_ready(operator: SocketAddr) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        // Nobody listens at first.
        let answer = get(operator, "/readyz").unwrap_or_default();
        let status = answer.lines().next().unwrap_or_default();
        if status.contains(" 200 ") {
            return Ok(());
        }
        anyhow::ensure!(
            start.elapsed() < PATIENCE,
            "the operator is not ready: {answer}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
