//! Signed claims: "simple signing" payloads, layers of the image `sha256-<digest>.sig`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oarlock_core::reference::Digest;
use serde::Deserialize;

use super::Wrong;
use super::key::Keys;
use crate::verify::Signer;

/// What cosign calls what it signs.
const TYPE: &str = "cosign container image signature";

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    r#type: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    manifest: String,
}

/// Whether `payload` claims `manifest` and `signature` (Base64) is of one of the keys. The repository that the claim names is
/// not compared: a chart that was copied to another registry stays signed, as cosign has it.
pub(super) fn verify(
    keys: &Keys,
    manifest: &Digest,
    payload: &[u8],
    signature: &str,
) -> Result<Signer, Wrong> {
    let signature = BASE64_STANDARD
        .decode(signature.trim())
        .map_err(|error| Wrong::Form(format!("the signature is not Base64: {error}")))?;
    let signer = keys.signer(payload, &signature).ok_or(Wrong::Signature)?;
    let Payload { critical } = serde_json::from_slice(payload)
        .map_err(|error| Wrong::Claim(format!("the signed claim cannot be read: {error}")))?;
    if critical.r#type != TYPE {
        return Err(Wrong::Claim(format!(
            "the signed claim is a {:?}, expected {TYPE:?}",
            critical.r#type
        )));
    }
    if critical.image.manifest != manifest.as_str() {
        return Err(Wrong::Claim(format!(
            "invalid or missing digest in claim: {}",
            critical.image.manifest
        )));
    }
    Ok(signer)
}
