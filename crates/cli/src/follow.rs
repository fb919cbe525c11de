//! A virtual clock in another process, followed.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use oarlock_devcluster::VirtualClock;
use oarlock_devcluster::clock::Reading;
use tokio_util::task::AbortOnDropHandle;

/// A line of the stream is far smaller; what is longer is no clock.
const MAX_LINE: usize = 4096;

/// A copy of the clock at `url`, such as `http://127.0.0.1:6443/clock`, and the task that keeps it.
pub(crate) async fn follow(url: &str) -> anyhow::Result<(VirtualClock, AbortOnDropHandle<()>)> {
    let url = format!("{}/watch", url.trim_end_matches('/'));
    let clock = VirtualClock::follower();
    let mut lines = open(&url).await?;
    lines.next(&clock).await?;
    let copy = clock.clone();
    let task = tokio::spawn(async move {
        loop {
            let lost = match lines.next(&copy).await {
                Ok(()) => continue,
                Err(error) => error,
            };
            tracing::warn!(%url, error = format!("{lost:#}"), "the clock is lost; trying again");
            lines = loop {
                // Real time: there is no other left.
                tokio::time::sleep(Duration::from_millis(200)).await;
                if let Ok(lines) = open(&url).await {
                    break lines;
                }
            };
        }
    });
    Ok((clock, AbortOnDropHandle::new(task)))
}

/// The stream of readings.
struct Lines {
    body: hyper::body::Incoming,
    buffer: Vec<u8>,
}

async fn open(url: &str) -> anyhow::Result<Lines> {
    let client: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let uri = url
        .parse()
        .with_context(|| format!("--clock {url} is no URL"))?;
    let response = client.get(uri).await.with_context(|| {
        format!("no clock at {url}; hint: `oarlock dev` prints the URL of its clock")
    })?;
    if !response.status().is_success() {
        bail!("no clock at {url}: it answers {}", response.status());
    }
    Ok(Lines {
        body: response.into_body(),
        buffer: Vec::new(),
    })
}

impl Lines {
    /// Sets `clock` to the next reading.
    async fn next(&mut self, clock: &VirtualClock) -> anyhow::Result<()> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let reading: Reading =
                    serde_json::from_slice(&line).context("no reading of a clock")?;
                clock.set(reading.now, reading.speed);
                return Ok(());
            }
            if self.buffer.len() > MAX_LINE {
                bail!("no reading of a clock: a line of more than {MAX_LINE} bytes");
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Some(data) = frame?.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                None => bail!("the clock's stream ended"),
            }
        }
    }
}
