//! The certificate of an HTTPS endpoint, read again when its files differ: who issues it renews it in time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use oarlock_core::reference::Digest;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A certificate and its key, in files.
pub(super) struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<(Digest, Arc<ServerConfig>)>,
}

/// What the files hold.
struct Pem {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

impl Certificates {
    /// Reads them for the first time.
    pub(super) fn read(certificate: PathBuf, key: PathBuf) -> anyhow::Result<Self> {
        let pem = Pem::read(&certificate, &key)?;
        let current = (pem.digest(), pem.configure(&certificate, &key)?);
        Ok(Self {
            certificate,
            key,
            current: Mutex::new(current),
        })
    }

    /// Answers a client's hello.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let accepting = TlsAcceptor::from(self.current()).accept(stream);
        match tokio::time::timeout(PATIENCE, accepting).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
    }

    /// What the files hold; what they held before where they cannot be used. They are small, and scrapes are rare.
    fn current(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock();
        if let Err(error) = self.refresh(&mut current) {
            tracing::warn!("{error:#}; the certificate before is used");
        }
        Arc::clone(&current.1)
    }

    fn refresh(&self, current: &mut (Digest, Arc<ServerConfig>)) -> anyhow::Result<()> {
        let pem = Pem::read(&self.certificate, &self.key)?;
        let digest = pem.digest();
        if current.0 != digest {
            *current = (digest, pem.configure(&self.certificate, &self.key)?);
        }
        Ok(())
    }
}

impl Pem {
    fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let read =
            |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        Ok(Self {
            certificates: read(certificate)?,
            key: read(key)?,
        })
    }

    fn digest(&self) -> Digest {
        Digest::of(&[&self.certificates[..], &self.key[..]].concat())
    }

    fn configure(&self, certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificates)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{} holds no certificates in PEM", certificate.display()))?;
        let secret = PrivateKeyDer::from_pem_slice(&self.key)
            .with_context(|| format!("{} holds no private key in PEM", key.display()))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .with_context(|| {
                format!(
                    "{} and {} cannot be used together",
                    certificate.display(),
                    key.display()
                )
            })?;
        Ok(Arc::new(config))
    }
}
