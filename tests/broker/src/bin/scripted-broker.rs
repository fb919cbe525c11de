//! The scripted broker in a process of its own. It says where it is in one line of JSON on standard output,
//! `{"broker": "http://127.0.0.1:…", "control": "http://127.0.0.1:…"}`, and ends when its standard input does.

use std::io::Write as _;

use oarlock_broker::{Broker, Catalog, Server, Tls, control};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = Broker::new(Catalog::demo());
    let server = match std::env::args().nth(1).as_deref() {
        None => Server::start(broker).await?,
        Some("--tls") => Server::start_tls(broker, Tls::FIRST).await?,
        Some(other) => anyhow::bail!("{other} is no argument; hint: there is only --tls"),
    };
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
    let mut rest = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        () = driven => {}
        ended = stdin.read_to_end(&mut rest) => drop(ended?),
    }
    stop.cancel();
    server.stop().await;
    Ok(())
}
