//! Webhooks: a push somewhere outside makes the objects run that fetched from there.
//!
//! Owned here: where it is listened, who may speak for which sources, and what senders are told. What a push leads to is the engine's;
//! nothing is ever fetched, called or forwarded because of what a payload says, and a payload names no more than the receiver may
//! speak for.

mod configuration;
mod desk;
mod mailbox;
mod payload;
mod sender;
mod sources;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use oarlock_core::artifact::Upstream;
use oarlock_engine::Engine;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::arguments::{Bind, bind};
use configuration::Configuration;
use desk::Desk;
use mailbox::Mailbox;

/// Connections at a time, each with a payload in memory at most.
const MAX_CONNECTIONS: usize = 16;

/// How long one may take, all in all.
const CONNECTION: Duration = Duration::from_secs(30);

/// Where webhooks come in.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Webhooks")]
pub(crate) struct Args {
    /// Where /hook/NAME is, such as :9292; 0 for nowhere. Plain HTTP: TLS ends before it.
    #[arg(long, default_value = "0", value_name = "ADDRESS", value_parser = bind)]
    webhook_receiver_bind_address: Bind,
    /// Who may send webhooks, and what for: receivers with name, type, tokenFile and sources.
    #[arg(long, value_name = "FILE")]
    webhook_receivers: Option<PathBuf>,
}

/// Who runs objects again.
pub(crate) trait Recipient: Send + Sync + 'static {
    /// Whether it may: a replica that stands by does not.
    fn is_on_duty(&self) -> bool;

    /// All that something was fetched from.
    fn upstreams(&self) -> Vec<Upstream>;

    /// There is something new at these. Gives how many objects run because of it.
    fn pushed(&self, upstreams: &[Upstream]) -> usize;
}

impl Recipient for Engine {
    fn is_on_duty(&self) -> bool {
        Self::is_on_duty(self)
    }

    fn upstreams(&self) -> Vec<Upstream> {
        Self::upstreams(self)
    }

    fn pushed(&self, upstreams: &[Upstream]) -> usize {
        Self::pushed(self, upstreams)
    }
}

/// A receiver that listens, and does not answer yet.
pub(crate) struct Receiver {
    listener: TcpListener,
    configuration: Configuration,
    metrics: desk::Metrics,
}

impl Args {
    /// Reads who may send, and listens. A mistake is told before anything else begins. `shares`: others work on a part of the
    /// objects.
    pub(crate) async fn listen(
        &self,
        shares: bool,
        metrics: &mut Registry,
    ) -> anyhow::Result<Option<Receiver>> {
        let Bind::At(address) = self.webhook_receiver_bind_address else {
            if self.webhook_receivers.is_some() {
                bail!(
                    "--webhook-receivers is given and nothing listens; hint: add --webhook-receiver-bind-address, such as :9292"
                );
            }
            return Ok(None);
        };
        if shares {
            bail!(
                "with --sharding a webhook reaches one replica, and the objects of the others would not hear of it; hint: use \
                 --leader-elect, or leave --webhook-receiver-bind-address out and have sources polled"
            );
        }
        let Some(file) = &self.webhook_receivers else {
            bail!(
                "--webhook-receiver-bind-address is given and nobody may send; hint: --webhook-receivers names a file with \
                 receivers: [{{name: git, type: github, tokenFile: /etc/oarlock/git-token, sources: [\"https://github.com/ORG/*\"]}}]"
            );
        };
        let configuration = Configuration::read(file)?;
        let metrics = desk::Metrics::registered(metrics);
        Ok(Some(Receiver {
            listener: listen(address).await?,
            configuration,
            metrics,
        }))
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address} for webhooks; hint: --webhook-receiver-bind-address sets it, 0 turns it off"
        )
    })
}

impl Receiver {
    /// Answers until `services` is shut down.
    pub(crate) fn serve(
        self,
        recipient: Arc<dyn Recipient>,
        services: &mut JoinSet<()>,
    ) -> anyhow::Result<()> {
        tracing::info!(
            address = %self.listener.local_addr()?,
            receivers = self.configuration.names().join(","),
            "webhooks"
        );
        let mailbox = Arc::new(Mailbox::default());
        let postman = Arc::clone(&mailbox);
        let (runs, to) = (self.metrics.runs(), Arc::clone(&recipient));
        services.spawn(async move { postman.deliver(&*to, &runs).await });
        let desk = Desk::new(self.configuration, recipient, mailbox, self.metrics);
        services.spawn(accept(self.listener, Arc::new(desk)));
        Ok(())
    }
}

/// After a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(converse(stream, Arc::clone(&desk)));
                    }
                    // Such as too many open files: it does not end by being asked again at once.
                    Err(error) => {
                        tracing::warn!(%error, "a webhook cannot be taken");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
    }
}

/// One request.
async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    let connection = http
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a sender's connection ended"),
        Err(_) => tracing::debug!("a sender took too long"),
    }
}
