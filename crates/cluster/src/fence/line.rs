//! Connections of their own for what is written: nothing leaves them once the fence is shut.
//!
//! A request that passed the [`Fence`] may still be far from the network: a connection is being made, the process is stopped, the
//! bytes wait in the kernel for somebody to take them. So the fence is asked once more right before each write to the
//! socket; a connection that ends behind a fence that is shut is reset, with which the kernel throws away what it has not
//! sent; and what nobody has acknowledged for a while is thrown away by the kernel alone, also where this process is stopped.
//!
//! What is read, watches above all, has connections without a fence.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use tokio::net::TcpStream;
use tower::{BoxError, Service, ServiceBuilder};

use super::Fence;

/// A client of what `config` leads to, for writes only. `patience`: how long bytes may wait for somebody to acknowledge them.
pub(crate) fn client(
    config: &Config,
    fence: Fence,
    patience: Duration,
) -> Result<kube::Client, kube::Error> {
    let mut inner = HttpConnector::new();
    inner.enforce_http(false);
    inner.set_nodelay(true);
    inner.set_connect_timeout(config.connect_timeout);
    #[cfg(target_os = "linux")]
    inner.set_tcp_user_timeout(Some(patience));
    #[cfg(not(target_os = "linux"))]
    let _ = patience;
    let connector = config.rustls_https_connector_with_connector(Connector { inner, fence })?;
    let http: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}

/// Makes [`Line`]s.
#[derive(Clone)]
struct Connector {
    inner: HttpConnector,
    fence: Fence,
}

impl Service<Uri> for Connector {
    type Response = Line;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let fence = self.fence.clone();
        Box::pin(async move {
            Ok(Line {
                inner: connecting.await?,
                fence,
            })
        })
    }
}

/// A connection behind a fence.
struct Line {
    inner: TokioIo<TcpStream>,
    fence: Fence,
}

impl Line {
    fn check(&self) -> io::Result<()> {
        if self.fence.remaining().is_some() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the lease of this process has ended",
        ))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.fence.remaining().is_none() {
            // It only fails where the connection is gone already.
            let _gone = self.inner.inner().set_zero_linger();
        }
    }
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fence.remaining().is_none() {
            // A farewell would be sent behind what waits in the kernel.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::lease::Moment;

    /// What reaches the other end of a connection, to its end.
    async fn received(listener: &TcpListener, head: usize) -> (TcpStream, Vec<u8>) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; head];
        stream.read_exact(&mut bytes).await.unwrap();
        (stream, bytes)
    }

    fn post(client: &kube::Client) -> impl Future<Output = bool> + Send + use<> {
        let request = http::Request::post("/apis/v1/x").body(Body::from(b"{}".to_vec()));
        let client = client.clone();
        async move { client.send(request.unwrap()).await.is_ok() }
    }

    fn config(listener: &TcpListener) -> Config {
        let _tls = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Config::new(url.parse().unwrap())
    }

    #[tokio::test]
    async fn what_comes_to_the_socket_too_late_is_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fence = Fence::open();
        let client = client(&config(&listener), fence.clone(), Duration::from_secs(9)).unwrap();
        let first = tokio::spawn(post(&client));
        let (mut stream, head) = received(&listener, 4).await;
        assert_eq!(head, b"POST");
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        assert!(first.await.unwrap());
        // The connection is kept, and the fence shuts behind whoever has asked it before.
        fence.close();
        assert!(!post(&client).await);
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest).await;
        let text = String::from_utf8(rest).unwrap();
        assert_eq!(text.matches("POST").count(), 0, "{text}");
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_write_that_is_given_up_is_taken_back_from_the_kernel() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fence = Fence::shut();
        fence.open_until(Moment::now().after(Duration::from_secs(60)));
        let client = client(&config(&listener), fence.clone(), Duration::from_secs(9)).unwrap();
        let write = tokio::spawn(post(&client));
        let (mut stream, _) = received(&listener, 4).await;
        fence.close();
        write.abort();
        assert!(write.await.is_err());
        let mut rest = Vec::new();
        // A reset, not an end: what was not read yet is void.
        let end = stream.read_to_end(&mut rest).await;
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
