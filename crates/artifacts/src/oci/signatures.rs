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

/// Signatures of one manifest that are fetched: anybody who may push can add more.
const MOST: usize = 32;

/// The signatures of `manifest`, of both forms.
pub(super) async fn of(
    registry: &Registry<'_>,
    manifest: &Digest,
    limit: u64,
) -> Result<Vec<Signature>, FetchError> {
    let mut signatures = claims(registry, manifest, limit).await?;
    bundles(registry, manifest, limit, &mut signatures).await?;
    Ok(signatures)
}

/// The older form: layers of the image with the tag `sha256-<digest>.sig`.
async fn claims(
    registry: &Registry<'_>,
    manifest: &Digest,
    limit: u64,
) -> Result<Vec<Signature>, FetchError> {
    let tag = format!("sha256-{}.sig", manifest.hex());
    let Some(image) = registry.manifest(&tag).await? else {
        return Ok(Vec::new());
    };
    let Content::Image(image) = image.content else {
        return Ok(Vec::new());
    };
    let mut signatures = Vec::new();
    for layer in &image.layers {
        let Some(signature) = layer.annotations.get(SIGNATURE) else {
            continue;
        };
        if layer.media_type != CLAIM {
            continue;
        }
        if signatures.len() >= MOST {
            break;
        }
        let payload = registry.blob(layer, "signed claim", limit).await?;
        signatures.push(Signature::Claim {
            payload: payload.to_vec(),
            signature: signature.clone(),
            keyless: layer.annotations.contains_key(CERTIFICATE),
        });
    }
    Ok(signatures)
}

/// The newer form: images that refer to the manifest and have a bundle for a layer.
async fn bundles(
    registry: &Registry<'_>,
    manifest: &Digest,
    limit: u64,
    signatures: &mut Vec<Signature>,
) -> Result<(), FetchError> {
    let referrers = registry.referrers(manifest).await?;
    for referrer in &referrers {
        if signatures.len() >= MOST {
            break;
        }
        if !may_sign(referrer) {
            continue;
        }
        let Some(image) = registry.manifest(&referrer.digest).await? else {
            continue;
        };
        let Content::Image(image) = image.content else {
            continue;
        };
        for layer in &image.layers {
            if layer.media_type.starts_with(BUNDLE) && signatures.len() < MOST {
                let bundle = registry.blob(layer, "signature bundle", limit).await?;
                signatures.push(Signature::Bundle(bundle.to_vec()));
            }
        }
    }
    Ok(())
}

/// Registries that know of no artifact types leave them out, and so it takes a look.
fn may_sign(referrer: &Descriptor) -> bool {
    let kind = referrer.artifact_type.as_deref();
    kind.is_none_or(|kind| kind.is_empty() || kind.starts_with(BUNDLE))
}
