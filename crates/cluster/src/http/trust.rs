//! Whose certificates are trusted.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use oarlock_core::reconciler::HttpError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};

/// The machine's own trust; `needed` says whether a machine without any is an error.
pub(super) fn native(needed: bool) -> Result<ClientConfig, HttpError> {
    if !needed {
        let nobody = RootCertStore::empty();
        return Ok(builder()?
            .with_root_certificates(nobody)
            .with_no_client_auth());
    }
    let trusting = builder()?.with_native_roots().map_err(|error| {
        HttpError::Tls(format!(
            "this machine trusts no certificate authority: {error}; hint: install its CA certificates, or pass a CA bundle"
        ))
    })?;
    Ok(trusting.with_no_client_auth())
}

/// Trust in the certificates of a PEM text, and in no others.
pub(super) fn bundle(pem: &str) -> Result<ClientConfig, HttpError> {
    let wrong = |error: &dyn std::fmt::Display| HttpError::Tls(format!("CA bundle: {error}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(
            &"it holds no certificate; hint: PEM blocks that begin with -----BEGIN CERTIFICATE-----",
        ));
    }
    Ok(builder()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Any certificate will do. That the other side holds the key of the one that it shows is still checked: else the
/// connection would not even be with one and the same stranger.
pub(super) fn anybody() -> Result<ClientConfig, HttpError> {
    let provider = aws_lc_rs::default_provider();
    let anybody = Anybody(provider.signature_verification_algorithms);
    Ok(builder()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody))
        .with_no_client_auth())
}

/// Looks at no certificate, only at what is signed with its key.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, HttpError> {
    // Named, so that no process-wide default is needed.
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Tls(error.to_string()))
}
