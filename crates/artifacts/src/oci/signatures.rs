//! What cosign left beside a manifest: fetched here, judged in [`crate::verify`].

use oarlock_core::artifact::FetchError;
use oarlock_core::reference::Digest;

use super::manifest::{Content, Descriptor};
use super::registry::Registry;
use crate::fetched::Signature;

/// A signed claim.
const CLAIM: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// What all versions of Sigstore's bundles are called.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// What images of claims are called where they refer to the manifest.
const CLAIMS: &str = "application/vnd.dev.cosign.artifact.sig.";
/// The config of what has none.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Signatures of one manifest that are fetched: anybody who may push can add more.
const MOST: usize = 32;

/// The signatures of `manifest`: layers of the image with the tag `sha256-<digest>.sig`, which is the older way, and of the images
/// that refer to the manifest.
pub(super) async fn of(
    registry: &Registry<'_>,
    manifest: &Digest,
    limit: u64,
) -> Result<Vec<Signature>, FetchError> {
    let mut signatures = Vec::new();
    let tag = format!("sha256-{}.sig", manifest.hex());
    collect(registry, &tag, limit, &mut signatures).await?;
    for referrer in registry.referrers(manifest).await? {
        if may_sign(&referrer) {
            collect(registry, &referrer.digest, limit, &mut signatures).await?;
        }
    }
    Ok(signatures)
}

/// Adds the signatures of one image, if it is there.
async fn collect(
    registry: &Registry<'_>,
    reference: &str,
    limit: u64,
    signatures: &mut Vec<Signature>,
) -> Result<(), FetchError> {
    if signatures.len() >= MOST {
        return Ok(());
    }
    let Some(image) = registry.manifest(reference).await? else {
        return Ok(());
    };
    let Content::Image(image) = image.content else {
        return Ok(());
    };
    for layer in &image.layers {
        if signatures.len() >= MOST {
            break;
        }
        if layer.media_type.starts_with(BUNDLE) {
            let bundle = registry.blob(layer, "signature bundle", limit).await?;
            signatures.push(Signature::Bundle(bundle.to_vec()));
        } else if layer.media_type == CLAIM
            && let Some(signature) = layer.annotations.get(SIGNATURE)
        {
            let payload = registry.blob(layer, "signed claim", limit).await?;
            signatures.push(Signature::Claim {
                payload: payload.to_vec(),
                signature: signature.clone(),
                keyless: layer.annotations.contains_key(CERTIFICATE),
            });
        }
    }
    Ok(())
}

/// Registries that know of no artifact types leave them out or name that of the config instead, and so it takes a look.
fn may_sign(referrer: &Descriptor) -> bool {
    match referrer.artifact_type.as_deref() {
        None | Some("" | EMPTY) => true,
        Some(kind) => kind.starts_with(BUNDLE) || kind.starts_with(CLAIMS),
    }
}
