//! Certificates of the broker: two authorities, so that trust can change.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// An authority, and the broker's certificate by it: for `localhost` and `127.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    ca: &'static str,
    certificate: &'static str,
    key: &'static str,
}

impl Tls {
    /// By the first authority.
    pub const FIRST: Self = Self {
        ca: include_str!("../tls/first/ca.pem"),
        certificate: include_str!("../tls/first/server.pem"),
        key: include_str!("../tls/first/server.key.pem"),
    };

    /// By the second one.
    pub const SECOND: Self = Self {
        ca: include_str!("../tls/second/ca.pem"),
        certificate: include_str!("../tls/second/server.pem"),
        key: include_str!("../tls/second/server.key.pem"),
    };

    /// Whom to trust, as PEM.
    #[must_use]
    pub const fn ca(&self) -> &'static str {
        self.ca
    }

    pub(crate) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(self.certificate.as_bytes())?],
                PrivateKeyDer::from_pem_slice(self.key.as_bytes())?,
            )?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
