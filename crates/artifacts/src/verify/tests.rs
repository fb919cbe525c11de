#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use oarlock_core::reference::Digest;

use super::*;
use crate::fetched::Provenance;

const ARCHIVE: &[u8] = include_bytes!("provenance/tests/web-1.2.3.tgz");
const RING: &[u8] = include_bytes!("provenance/tests/ring.gpg");

fn fetched(provenance: Option<&[u8]>, manifest: Option<Digest>) -> Fetched {
    Fetched {
        bytes: Arc::from(ARCHIVE),
        name: "web".to_owned(),
        version: "1.2.3".to_owned(),
        revision: "r".to_owned(),
        origin: "oci://registry.example/web".to_owned(),
        provenance: provenance.map(|text| Provenance {
            file: "web-1.2.3.tgz".to_owned(),
            text: text.to_vec(),
        }),
        manifest,
        signatures: Vec::new(),
    }
}

fn keyring(bytes: &[u8]) -> Verification {
    Verification::Provenance {
        keyring: bytes.to_vec(),
    }
}

#[test]
fn all_proofs_have_to_hold() {
    let good = fetched(Some(include_bytes!("provenance/tests/gpg.prov")), None);
    assert_eq!(verify(&good, &[]), Ok(()));
    assert_eq!(verify(&good, &[keyring(RING)]), Ok(()));
    let unknown = keyring(include_bytes!("provenance/tests/stranger.asc"));
    assert!(verify(&good, &[keyring(RING), unknown]).is_err());
}

#[test]
fn what_is_not_proven_is_told_with_what_to_do() {
    let cosign = || Verification::Cosign {
        key: String::from("nonsense"),
    };
    let prov = |text| fetched(Some(text), None);
    let manifest = Some(Digest::of(b""));
    let mut all = String::new();
    for (fetched, proof) in [
        (fetched(None, None), keyring(RING)),
        (
            prov(include_bytes!("provenance/tests/gpg.prov")),
            keyring(b"x"),
        ),
        (
            prov(include_bytes!("provenance/tests/unsigned.prov")),
            keyring(RING),
        ),
        (
            prov(include_bytes!("provenance/tests/stranger.prov")),
            keyring(RING),
        ),
        (
            prov(include_bytes!("provenance/tests/expired.prov")),
            keyring(RING),
        ),
        (
            prov(include_bytes!("provenance/tests/other-file.prov")),
            keyring(RING),
        ),
        (
            prov(include_bytes!("provenance/tests/other-sum.prov")),
            keyring(RING),
        ),
        (
            prov(include_bytes!("provenance/tests/weak.prov")),
            keyring(RING),
        ),
        (fetched(None, None), cosign()),
        (fetched(None, manifest), cosign()),
    ] {
        let error = verify(&fetched, &[proof]).unwrap_err();
        let kind = format!("{error:?}");
        let kind = kind.split('(').next().unwrap();
        all.push_str(&format!("{kind}: {error}\n"));
    }
    insta::assert_snapshot!(all);
}
