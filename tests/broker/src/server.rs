//! The broker behind a socket of loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::broker::Broker;
use crate::tls::Tls;
use crate::wire::Connection;

/// A broker that is served. It ends when it is dropped, and everybody is cut off.
#[derive(Debug)]
pub struct Server {
    /// Such as `http://127.0.0.1:4711`, without a slash at the end.
    pub url: String,
    /// The broker.
    pub broker: Broker,
    address: SocketAddr,
    tls: Option<Arc<Mutex<Keys>>>,
    serving: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// What is shown to those who connect now.
struct Keys(TlsAcceptor);

impl Server {
    /// By HTTP, on a port of its own.
    ///
    /// # Errors
    /// Where there is no port.
    pub async fn start(broker: Broker) -> anyhow::Result<Self> {
        Self::serve(broker, None, 0).await
    }

    /// By HTTP, or HTTPS where there are certificates, on this port; 0 is one of its own.
    ///
    /// # Errors
    /// Where somebody else has the port.
    pub async fn start_at(broker: Broker, tls: Option<Tls>, port: u16) -> anyhow::Result<Self> {
        Self::serve(broker, tls, port).await
    }

    /// By HTTPS.
    ///
    /// # Errors
    /// Where there is no port.
    pub async fn start_tls(broker: Broker, tls: Tls) -> anyhow::Result<Self> {
        Self::serve(broker, Some(tls), 0).await
    }

    async fn serve(broker: Broker, tls: Option<Tls>, port: u16) -> anyhow::Result<Self> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let keys = tls.map(|tls| tls.acceptor()).transpose()?.map(Keys);
        let listener = bind((Ipv4Addr::LOCALHOST, port).into()).await?;
        let address = listener.local_addr()?;
        let server = Self {
            url: format!("{scheme}://{address}"),
            broker,
            address,
            tls: keys.map(Mutex::new).map(Arc::new),
            serving: Mutex::new(None),
        };
        server.listen(listener);
        Ok(server)
    }

    fn listen(&self, listener: TcpListener) {
        let (broker, tls) = (self.broker.clone(), self.tls.clone());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let tls = tls.as_ref().map(|keys| keys.lock().0.clone());
                connections.spawn(connect(stream, tls, broker.clone()));
            }
        });
        *self.serving.lock() = Some(AbortOnDropHandle::new(task));
    }

    /// Goes away: whoever is connected is cut off, and nobody can connect. What is there stays.
    pub async fn stop(&self) {
        let serving = self.serving.lock().take();
        if let Some(serving) = serving {
            serving.abort();
            let _aborted = serving.await;
        }
    }

    /// Comes back, at the same address.
    ///
    /// # Errors
    /// Where somebody else has the port now.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.stop().await;
        let listener = bind(self.address).await?;
        self.listen(listener);
        Ok(())
    }

    /// Whoever connects from now on is shown another certificate.
    ///
    /// # Errors
    /// Where there was none before.
    pub fn shows(&self, tls: Tls) -> anyhow::Result<()> {
        let keys = self.tls.as_ref().context("the broker speaks HTTP")?;
        keys.lock().0 = tls.acceptor()?;
        Ok(())
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {address}"))
}

/// Serves one who connected. A client that goes, or that trusts nobody, is a part of some tests.
async fn connect(stream: TcpStream, tls: Option<TlsAcceptor>, broker: Broker) {
    match tls {
        None => converse(stream, broker).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                converse(stream, broker).await;
            }
        }
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, broker: Broker) {
    let mut connection = Connection::new(stream);
    while let Ok(Some(asked)) = connection.read().await {
        let reply = broker.serve(&asked).await;
        if !connection.write(&reply).await.unwrap_or(false) {
            return;
        }
    }
}

/// Serves whatever answers requests of JSON, until told to stop: the control of the program.
pub(crate) async fn serve_with(
    listener: TcpListener,
    stop: CancellationToken,
    answers: impl Fn(&crate::Asked) -> crate::Answer + Clone + Send + 'static,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { return };
        while connections.try_join_next().is_some() {}
        let answers = answers.clone();
        connections.spawn(async move {
            let mut connection = Connection::new(stream);
            while let Ok(Some(asked)) = connection.read().await {
                let reply = crate::Reply::Answer(answers(&asked));
                if !connection.write(&reply).await.unwrap_or(false) {
                    return;
                }
            }
        });
    }
}
