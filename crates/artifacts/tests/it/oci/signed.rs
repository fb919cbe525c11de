//! Charts that are signed, and those that are not.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use oarlock_core::artifact::{Artifacts as _, FetchError, Verification, Wanted};
use oarlock_core::reference::Digest;
use serde_json::json;

use super::push::{CHART, CHART_CONFIG, IMAGE_CONFIG, PROVENANCE, Pusher, archive, layer};
use super::web::{Asked, Web, answer};
use super::{A_MINUTE, depot, open, wanted};

const ARCHIVE: &[u8] = include_bytes!("../../../src/verify/provenance/tests/web-1.2.3.tgz");
const GOOD: &[u8] = include_bytes!("../../../src/verify/provenance/tests/gpg.prov");
const RING: &[u8] = include_bytes!("../../../src/verify/provenance/tests/ring.gpg");
const STRANGER: &[u8] = include_bytes!("../../../src/verify/provenance/tests/stranger.asc");

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

#[tokio::test]
async fn provenance() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let layers = vec![layer(PROVENANCE, GOOD, &[]), layer(CHART, ARCHIVE, &[])];
    pusher
        .image("signed/web", "1.2.3", CHART_CONFIG, "{}", layers)
        .await;
    pusher.chart("plain/web", "1.2.3", ARCHIVE).await;
    let other = archive("web", "1.2.3");
    let layers = vec![layer(PROVENANCE, GOOD, &[]), layer(CHART, &other, &[])];
    pusher
        .image("other/web", "1.2.3", CHART_CONFIG, "{}", layers)
        .await;
    let depot = depot();
    let fetch = async |repository: &str, ring: &[u8]| {
        let wanted = Wanted {
            verify: vec![Verification::Provenance {
                keyring: ring.to_vec(),
            }],
            ..wanted(&server.address, repository, "1.2.3")
        };
        depot.fetch(wanted).await
    };
    let artifact = fetch("signed/web", RING).await.unwrap();
    assert_eq!(artifact.digest, Digest::of(ARCHIVE));
    // Once more, now that the archive is known.
    assert_eq!(fetch("signed/web", RING).await.unwrap(), artifact);
    let mut all = String::new();
    for (repository, ring) in [
        ("signed/web", STRANGER),
        ("plain/web", RING),
        ("other/web", RING),
    ] {
        let error = fetch(repository, ring).await.unwrap_err();
        assert!(matches!(error, FetchError::Mismatch(_)), "{error:?}");
        all.push_str(&error.to_string().replace(&server.address, "HOST"));
        all.push('\n');
    }
    let digest = Digest::of(&other);
    insta::assert_snapshot!(all.replace(digest.as_str(), "OTHER"));
}

/// Who signs as cosign does.
struct Signatory(EcdsaKeyPair);

impl Signatory {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn proof(&self) -> Verification {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        Verification::Cosign {
            key: format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"),
        }
    }

    fn sign(&self, message: &[u8]) -> String {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        BASE64_STANDARD.encode(signature.as_ref())
    }

    /// The older form: an image beside the manifest.
    async fn claim(&self, pusher: &Pusher, repository: &str, manifest: &str, claimed: &str) {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": format!("registry.example/{repository}")},
                "image": {"docker-manifest-digest": claimed},
                "type": "cosign container image signature",
            },
            "optional": null,
        })
        .to_string();
        let signature = self.sign(payload.as_bytes());
        let layers = vec![layer(
            "application/vnd.dev.cosign.simplesigning.v1+json",
            payload.as_bytes(),
            &[("dev.cosignproject.cosign/signature", &signature)],
        )];
        let tag = format!("{}.sig", manifest.replace(':', "-"));
        pusher
            .image(repository, &tag, IMAGE_CONFIG, "{}", layers)
            .await;
    }

    /// A bundle about a manifest.
    fn bundled(&self, manifest: &str) -> String {
        let hex = manifest.strip_prefix("sha256:").unwrap();
        let kind = "application/vnd.in-toto+json";
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": hex}}],
            "predicateType": "https://sigstore.dev/cosign/sign/v1",
            "predicate": {},
        })
        .to_string();
        let signed = format!(
            "DSSEv1 {} {kind} {} {statement}",
            kind.len(),
            statement.len()
        );
        let bundle = json!({
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": "x"}},
            "dsseEnvelope": {
                "payload": BASE64_STANDARD.encode(&statement),
                "payloadType": kind,
                "signatures": [{"sig": self.sign(signed.as_bytes())}],
            },
        });
        bundle.to_string()
    }

    /// The newer form: a bundle that refers to the manifest. This registry keeps no list, so a tag stands in for it.
    async fn bundle(&self, pusher: &Pusher, repository: &str, manifest: &str) {
        let bundle = self.bundled(manifest);
        let layers = vec![layer(BUNDLE, bundle.as_bytes(), &[])];
        let empty = "application/vnd.oci.empty.v1+json";
        let digest = pusher
            .image(repository, "bundle", empty, "{}", layers)
            .await;
        let size = pusher.raw(repository, "bundle").await.len();
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                // Some writers name the config's type instead of the bundle's.
                "artifactType": empty,
                "digest": digest,
                "size": size,
            }],
        });
        let tag = manifest.replace(':', "-");
        let media_type = "application/vnd.oci.image.index.v1+json";
        pusher
            .manifest(repository, &tag, media_type, index.to_string())
            .await;
    }
}

#[tokio::test]
async fn cosign() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let (signatory, stranger) = (Signatory::new(), Signatory::new());
    let bytes = archive("web", "1.2.3");
    let other = Digest::of(b"other");
    let mut manifest = String::new();
    for repository in ["plain", "older", "newer", "both", "copied"] {
        manifest = pusher
            .chart(&format!("{repository}/web"), "1.2.3", &bytes)
            .await;
    }
    signatory
        .claim(&pusher, "older/web", &manifest, &manifest)
        .await;
    signatory.bundle(&pusher, "newer/web", &manifest).await;
    stranger
        .claim(&pusher, "both/web", &manifest, &manifest)
        .await;
    signatory.bundle(&pusher, "both/web", &manifest).await;
    signatory
        .claim(&pusher, "copied/web", &manifest, other.as_str())
        .await;
    let depot = depot();
    let fetch = async |repository: &str, by: &Signatory| {
        let wanted = Wanted {
            verify: vec![by.proof()],
            ..wanted(&server.address, repository, "^1")
        };
        depot.fetch(wanted).await
    };
    for repository in ["older/web", "newer/web", "both/web"] {
        let artifact = fetch(repository, &signatory).await.unwrap();
        assert_eq!(artifact.revision, manifest);
    }
    assert!(fetch("both/web", &stranger).await.is_ok());
    let mut all = String::new();
    for (repository, by) in [
        ("plain/web", &signatory),
        ("older/web", &stranger),
        ("newer/web", &stranger),
        ("copied/web", &signatory),
    ] {
        let error = fetch(repository, by).await.unwrap_err();
        assert!(matches!(error, FetchError::Mismatch(_)), "{error:?}");
        all.push_str(&error.to_string());
        all.push('\n');
    }
    let all = all
        .replace(&server.address, "HOST")
        .replace(&manifest, "MANIFEST")
        .replace(other.as_str(), "OTHER");
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn a_signature_that_comes_later_counts_at_once() {
    let Some((mut server, pusher)) = open().await else {
        return;
    };
    let signatory = Signatory::new();
    let bytes = archive("web", "1.2.3");
    let manifest = pusher.chart("web", "1.2.3", &bytes).await;
    let depot = depot();
    let ask = |max_age: Duration| Wanted {
        verify: vec![signatory.proof()],
        max_age,
        ..wanted(&server.address, "web", "1.2.3")
    };
    let (now, later) = (ask(Duration::ZERO), ask(A_MINUTE));
    let error = depot.fetch(later.clone()).await.unwrap_err();
    assert!(error.to_string().contains("no signatures found"), "{error}");
    signatory.claim(&pusher, "web", &manifest, &manifest).await;
    assert!(depot.fetch(later.clone()).await.is_ok());
    // And then it is known.
    server.stop().await;
    assert!(depot.fetch(later).await.is_ok());
    assert!(depot.fetch(now).await.is_err());
}

/// Registries that keep a list of what refers to a manifest are asked for it.
#[tokio::test]
async fn a_registry_that_lists_what_refers() {
    let signatory = Signatory::new();
    let bytes = archive("web", "1.2.3");
    let chart = json!({
        "schemaVersion": 2,
        "config": {"mediaType": CHART_CONFIG, "digest": "sha256:0", "size": 2},
        "layers": [{"mediaType": CHART, "digest": Digest::of(&bytes).as_str(), "size": bytes.len()}],
    })
    .to_string();
    let manifest = Digest::of(chart.as_bytes());
    let bundle = signatory.bundled(manifest.as_str());
    let signature = json!({
        "schemaVersion": 2,
        "artifactType": BUNDLE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:0", "size": 2},
        "layers": [{"mediaType": BUNDLE, "digest": Digest::of(bundle.as_bytes()).as_str(), "size": bundle.len()}],
    })
    .to_string();
    let entry = |kind: &str, digest: &str| json!({"mediaType": "x", "artifactType": kind, "digest": digest, "size": 1});
    let referrers = json!({"schemaVersion": 2, "manifests": [
        entry("application/spdx+json", "sha256:1"),
        entry(BUNDLE, Digest::of(signature.as_bytes()).as_str()),
    ]})
    .to_string();
    let all: Vec<(String, Vec<u8>)> = vec![
        ("manifests/1.2.3".to_owned(), chart.clone().into()),
        (format!("manifests/{manifest}"), chart.into()),
        (format!("blobs/{}", Digest::of(&bytes)), bytes),
        (format!("referrers/{manifest}"), referrers.into()),
        (
            format!("manifests/{}", Digest::of(signature.as_bytes())),
            signature.clone().into(),
        ),
        (
            format!("blobs/{}", Digest::of(bundle.as_bytes())),
            bundle.into(),
        ),
    ];
    let web = Web::new(move |asked| {
        match all
            .iter()
            .find(|(name, _)| asked.target == format!("/v2/web/{name}"))
        {
            Some((_, body)) => answer(200, &[], body.clone()),
            None => answer(404, &[], ""),
        }
    })
    .await;
    let wanted = Wanted {
        verify: vec![signatory.proof()],
        ..wanted(web.address(), "web", "1.2.3")
    };
    let artifact = depot().fetch(wanted.clone()).await.unwrap();
    assert_eq!(artifact.revision, manifest.as_str());
    // What is no signature is not looked at.
    let asked = web.asked();
    let looked_at = |asked: &Asked| asked.target == "/v2/web/manifests/sha256:1";
    assert!(!asked.iter().any(looked_at), "{asked:?}");
    let other = Wanted {
        verify: vec![Signatory::new().proof()],
        ..wanted
    };
    assert!(matches!(
        depot().fetch(other).await,
        Err(FetchError::Mismatch(_))
    ));
}

#[tokio::test]
async fn an_old_chart_is_no_proof_of_a_new_version() {
    let Some((server, pusher)) = open().await else {
        return;
    };
    let signatory = Signatory::new();
    // Both are signed, and then given as another version, and as another chart.
    let mut manifest = String::new();
    for (repository, tag) in [("web", "1.2.3"), ("web", "2.0.0"), ("api", "1.2.3")] {
        let layers = vec![layer(PROVENANCE, GOOD, &[]), layer(CHART, ARCHIVE, &[])];
        manifest = pusher
            .image(repository, tag, CHART_CONFIG, "{}", layers)
            .await;
        signatory
            .claim(&pusher, repository, &manifest, &manifest)
            .await;
    }
    let ring = Verification::Provenance {
        keyring: RING.to_vec(),
    };
    let depot = depot();
    let mut all = String::new();
    for proof in [ring, signatory.proof()] {
        let fetch = async |repository: &str, version: &str| {
            let wanted = Wanted {
                verify: vec![proof.clone()],
                ..wanted(&server.address, repository, version)
            };
            depot.fetch(wanted).await
        };
        assert!(fetch("web", "1.2.3").await.is_ok());
        // Who names the manifest has chosen it.
        assert!(fetch("web", &manifest).await.is_ok());
        for (repository, version) in [("web", "2.0.0"), ("web", ">1.2.3"), ("api", "1.2.3")] {
            let error = fetch(repository, version).await.unwrap_err();
            assert!(matches!(error, FetchError::Mismatch(_)), "{error:?}");
            all.push_str(&error.to_string().replace(&server.address, "HOST"));
            all.push('\n');
        }
    }
    insta::assert_snapshot!(all, @"
    oci://HOST/web: the chart is web 1.2.3, expected web 2.0.0; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one
    oci://HOST/web: the chart is web 1.2.3, expected web 2.0.0; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one
    oci://HOST/api: the chart is web 1.2.3, expected api 1.2.3; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one
    oci://HOST/web: the chart is web 1.2.3, expected web 2.0.0; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one
    oci://HOST/web: the chart is web 1.2.3, expected web 2.0.0; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one
    oci://HOST/api: the chart is web 1.2.3, expected api 1.2.3; hint: a signature proves what the chart itself says that it is: do not use it before its owner has said why it is given as another one
    ");
}
