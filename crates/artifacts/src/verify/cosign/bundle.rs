//! Sigstore bundles: a signed in-toto statement about the manifest, in a DSSE envelope.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oarlock_core::reference::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Wrong;
use super::key::Keys;
use crate::verify::Signer;

const STATEMENT: &str = "application/vnd.in-toto+json";
/// The predicate of a plain signature. Others (provenance of a build, scans) attest something, which is no consent to use it.
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    #[serde(default)]
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Option<IgnoredAny>,
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    form: String,
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// Who signed that `manifest` may be used; nobody where the bundle is by a certificate instead of a key.
pub(super) fn verify(
    keys: &Keys,
    manifest: &Digest,
    bundle: &[u8],
) -> Result<Option<Signer>, Wrong> {
    let form = |what: String| Wrong::Form(what);
    let bundle: Bundle = serde_json::from_slice(bundle)
        .map_err(|error| form(format!("the bundle cannot be read: {error}")))?;
    let material = bundle.verification_material;
    if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
        return Ok(None);
    }
    let envelope = bundle
        .dsse_envelope
        .ok_or_else(|| form("the bundle has no DSSE envelope".to_owned()))?;
    let payload = BASE64_STANDARD
        .decode(&envelope.payload)
        .map_err(|error| form(format!("the bundle's payload is not Base64: {error}")))?;
    let signed = encoded(&envelope.payload_type, &payload);
    let signer = envelope
        .signatures
        .iter()
        .filter_map(|signature| BASE64_STANDARD.decode(&signature.sig).ok())
        .find_map(|signature| keys.signer(&signed, &signature))
        .ok_or(Wrong::Signature)?;
    claimed(manifest, &envelope.payload_type, &payload)?;
    Ok(Some(signer))
}

/// Whether a signed statement is the consent to use `manifest`.
fn claimed(manifest: &Digest, payload_type: &str, payload: &[u8]) -> Result<(), Wrong> {
    if payload_type != STATEMENT {
        return Err(Wrong::Claim(format!(
            "the signed payload is a {payload_type:?}, expected {STATEMENT:?}"
        )));
    }
    let statement: Statement = serde_json::from_slice(payload)
        .map_err(|error| Wrong::Claim(format!("the signed statement cannot be read: {error}")))?;
    if !statement.form.starts_with("https://in-toto.io/Statement/") {
        return Err(Wrong::Claim(format!(
            "the signed statement is a {:?}",
            statement.form
        )));
    }
    if statement.predicate_type != SIGNED {
        return Err(Wrong::Claim(format!(
            "the signed statement attests {:?}, which is no signature",
            statement.predicate_type
        )));
    }
    let named = |subject: &Subject| {
        subject
            .digest
            .get("sha256")
            .is_some_and(|digest| digest == manifest.hex())
    };
    if statement.subject.iter().any(named) {
        return Ok(());
    }
    let other = statement
        .subject
        .iter()
        .find_map(|subject| subject.digest.get("sha256"))
        .map_or_else(String::new, |digest| format!("sha256:{digest}"));
    Err(Wrong::Claim(format!(
        "invalid or missing digest in claim: {other}"
    )))
}

/// What is signed of an envelope: type and payload with their lengths (DSSE 1.0, "PAE").
pub(super) fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    text.extend_from_slice(payload);
    text
}
