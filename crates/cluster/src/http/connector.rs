//! Opens connections to checked addresses, in so much time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpStream, lookup_host};
use tower::BoxError;

use oarlock_core::address::never_opened;
use oarlock_core::origin::{Host, Origin};

/// Resolves, checks, then connects to what was checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked;

/// Connects by `connector`, TLS included, within a time. Nothing was sent where it is over.
#[derive(Clone, Debug)]
pub(super) struct Within<C> {
    connector: C,
    timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum Refused {
    /// The name has no address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// One of the addresses is never opened.
    #[error("{host} is {address}, which is never opened: {why}")]
    NeverOpened {
        /// As it is in the URL.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What it is.
        why: &'static str,
    },
    /// No address answered.
    #[error("cannot connect to {host}")]
    Connect {
        /// As it is in the URL.
        host: String,
        /// Why, for the last of its addresses.
        source: io::Error,
    },
    /// It took too long.
    #[error("no connection to {host} within {timeout:?}")]
    TimedOut {
        /// As it is in the URL.
        host: String,
        /// So long.
        timeout: Duration,
    },
}

impl<C> Within<C> {
    pub(super) const fn new(connector: C, timeout: Duration) -> Self {
        Self { connector, timeout }
    }
}

impl<C> tower::Service<Uri> for Within<C>
where
    C: tower::Service<Uri, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let timeout = self.timeout;
        let host = uri.host().unwrap_or_default().to_owned();
        let connecting = self.connector.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(result) => result.map_err(Into::into),
                Err(_elapsed) => Err(Refused::TimedOut { host, timeout }.into()),
            }
        })
    }
}

impl tower::Service<Uri> for Checked {
    type Response = TokioIo<TcpStream>;
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Refused>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move { connect(&uri).await })
    }
}

async fn connect(uri: &Uri) -> Result<TokioIo<TcpStream>, Refused> {
    let resolve = |source| Refused::Resolve {
        host: uri.to_string(),
        source,
    };
    // The same reading of the URL as when it was granted.
    let origin = Origin::of(&uri.to_string()).map_err(|error| resolve(io::Error::other(error)))?;
    let host = origin.host().to_string();
    let addresses: Vec<SocketAddr> = match origin.host() {
        Host::Address(address) => vec![SocketAddr::new(*address, origin.port())],
        Host::Name(name) => match lookup_host((name.as_str(), origin.port())).await {
            Ok(addresses) => addresses.collect(),
            Err(source) => return Err(Refused::Resolve { host, source }),
        },
    };
    if let Some((address, why)) = refused(&addresses) {
        return Err(Refused::NeverOpened { host, address, why });
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Small requests shall not wait for an acknowledgement; without it they are slower, not wrong.
                let _best_effort = stream.set_nodelay(true);
                return Ok(TokioIo::new(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(Refused::Connect { host, source: last })
}

/// One bad address spoils a name: whoever mixes them means to have the bad one picked some day.
fn refused(addresses: &[SocketAddr]) -> Option<(IpAddr, &'static str)> {
    addresses
        .iter()
        .find_map(|address| Some((address.ip(), never_opened(address.ip())?)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_bad_address_spoils_a_name() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|a| a.parse().unwrap()).collect()
        };
        assert!(refused(&addresses(&["10.0.0.1:80", "1.1.1.1:80"])).is_none());
        let (address, _) = refused(&addresses(&["1.1.1.1:80", "169.254.169.254:80"])).unwrap();
        assert_eq!(address.to_string(), "169.254.169.254");
    }
}
