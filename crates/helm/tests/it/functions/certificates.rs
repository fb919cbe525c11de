//! Certificates and keys: what is made is valid, for whom and for how long it was asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_helm::{Engine, Options};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

use super::cases::{Case, NOW};
use super::goldens::printed;
use super::sandbox::package;
use super::secrets::{data, rendered};
use crate::bench::{LOADER, bytes, engine, host};

const CERTIFICATES: &str = "random/certificates";
const DAY: u64 = 86_400;

struct Pairs(BTreeMap<String, Vec<u8>>);

impl Pairs {
    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(&self.0[&format!("{name}.crt")]).unwrap()
    }

    fn key(&self, name: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(&self.0[&format!("{name}.key")]).unwrap()
    }

    /// Whether a client that trusts `root` alone takes `name` for `host`, so many seconds from now.
    fn is_taken(&self, name: &str, root: &str, host: &str, later: u64) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate(root)).unwrap();
        let provider = Arc::new(default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
            .build()
            .unwrap();
        let host = ServerName::try_from(host.to_owned()).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(NOW / 1000 + later));
        verifier
            .verify_server_cert(&self.certificate(name), &[], &host, &[], time)
            .is_ok()
    }
}

async fn pairs() -> Pairs {
    let rendered = rendered(&Case::plain(CERTIFICATES), |_| {}).await;
    assert!(rendered.random && rendered.timed, "both is said");
    Pairs(data(&rendered, "certificates.yaml"))
}

#[tokio::test]
async fn signed_certificates_verify_against_their_authority() {
    let pairs = pairs().await;
    for (name, root) in [("signed", "ca"), ("signed-with-key", "ca-with-key")] {
        for host in ["ferry.harbour.svc", "web.harbour.example.com"] {
            assert!(pairs.is_taken(name, root, host, 60), "{name} for {host}");
        }
        assert!(
            !pairs.is_taken(name, root, "tug.harbour.svc", 60),
            "{name} for another host"
        );
        assert!(
            pairs.is_taken(name, root, "ferry.harbour.svc", 20 * DAY - 60),
            "{name} to the end"
        );
        assert!(
            !pairs.is_taken(name, root, "ferry.harbour.svc", 20 * DAY + 60),
            "{name} afterwards"
        );
    }
    assert!(pairs.is_taken("signed", "ca", "10.0.0.1", 60));
    assert!(
        !pairs.is_taken("signed", "ca-with-key", "ferry.harbour.svc", 60),
        "another authority"
    );
}

#[tokio::test]
async fn self_signed_certificates_verify_against_themselves() {
    let pairs = pairs().await;
    for name in ["self", "self-with-key"] {
        assert!(
            pairs.is_taken(name, name, "ferry.harbour.svc", 10 * DAY - 60),
            "{name}"
        );
        assert!(
            !pairs.is_taken(name, name, "ferry.harbour.svc", 10 * DAY + 60),
            "{name}"
        );
    }
}

#[tokio::test]
async fn keys_are_those_of_their_certificates() {
    let pairs = pairs().await;
    for name in [
        "ca",
        "ca-with-key",
        "signed",
        "signed-with-key",
        "self",
        "self-with-key",
    ] {
        let chain = vec![pairs.certificate(name)];
        CertifiedKey::from_der(chain, pairs.key(name), &default_provider())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["ca-with-key", "self-with-key"] {
        assert_eq!(
            pairs.0[&format!("{name}.key")],
            pairs.0["key"],
            "{name}: the key that was given"
        );
    }
}

#[tokio::test]
async fn keys_of_every_type_parse() {
    let rendered = rendered(&Case::plain("random/keys"), |_| {}).await;
    for (name, pem) in data(&rendered, "keys.yaml") {
        let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
        default_provider()
            .key_provider
            .load_private_key(key)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// 4096 bits of RSA take many seconds, how many is a matter of luck: with limits of its own.
#[tokio::test]
async fn slow_keys_are_made_too() {
    // Compiled by now.
    let _engine = engine().await;
    let mut options = Options::default();
    options.limits.cpu = Duration::from_secs(120);
    options.deadline = Duration::from_secs(300);
    let patient = Engine::load(&LOADER, bytes(), options).await.unwrap();
    let case = Case::plain("random/keys").set("types={rsa}");
    let (package, digest) = package(&case.folder()).await.unwrap();
    let request = case.request(digest.as_str().to_owned());
    let rendered = patient.render(&request, host(&package)).await.unwrap();
    let rsa = data(&rendered, "keys.yaml");
    let key = PrivateKeyDer::from_pem_slice(&rsa["rsa"]).unwrap();
    default_provider()
        .key_provider
        .load_private_key(key)
        .unwrap();
}

#[tokio::test]
async fn certificates_are_the_same_for_an_equal_seed_and_time() {
    let case = Case::plain(CERTIFICATES);
    let one = rendered(&case, |_| {}).await;
    let same = rendered(&case, |_| {}).await;
    assert_eq!(printed(&one, false), printed(&same, false));
    let other = rendered(&case, |request| request.seed.push('!')).await;
    let (one, other) = (
        data(&one, "certificates.yaml"),
        data(&other, "certificates.yaml"),
    );
    assert!(one.iter().all(|(key, value)| other[key] != *value));
}
