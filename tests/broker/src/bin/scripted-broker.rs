//! The scripted broker in a process of its own. It says where it is in one line of JSON on standard output,
//! `{"broker": "http://127.0.0.1:…", "control": "http://127.0.0.1:…"}`. On a port of its own it is somebody's child, and ends when
//! its standard input does; on one that was chosen it stays until it is interrupted.

use std::io::Write as _;

use clap::Parser;
use oarlock_broker::{Broker, Catalog, Server, Tls, control};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A broker of services for tests, on loopback, that anybody may ask.
#[derive(Parser)]
struct Arguments {
    /// Port of the broker; without it one that is free, and it ends with its standard input.
    #[arg(long)]
    port: Option<u16>,
    /// HTTPS, by the first of the certificates for tests.
    #[arg(long)]
    tls: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let broker = Broker::new(Catalog::demo());
    let tls = arguments.tls.then_some(Tls::FIRST);
    let server = Server::start_at(broker, tls, arguments.port.unwrap_or(0)).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let place = json!({
        "broker": server.url,
        "control": format!("http://{}", listener.local_addr()?),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{place}")?;
    out.flush()?;
    let stop = CancellationToken::new();
    let driven = control::serve(server.broker.clone(), listener, stop.clone());
    tokio::select! {
        () = driven => {}
        ended = end(arguments.port.is_some()) => ended?,
    }
    stop.cancel();
    server.stop().await;
    Ok(())
}

/// Waits until it is over.
async fn end(stays: bool) -> std::io::Result<()> {
    if stays {
        return tokio::signal::ctrl_c().await;
    }
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await.map(drop)
}
