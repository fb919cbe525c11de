//! Whose certificates are trusted.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use oarlock_core::reconciler::HttpError;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

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

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, HttpError> {
    // Named, so that no process-wide default is needed.
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Tls(error.to_string()))
}
