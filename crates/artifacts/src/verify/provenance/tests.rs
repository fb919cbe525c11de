#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use super::*;

const ARCHIVE: &[u8] = include_bytes!("tests/web-1.2.3.tgz");
const RING: &[u8] = include_bytes!("tests/ring.gpg");
const ARMORED: &[u8] = include_bytes!("tests/ring.asc");
const STRANGER: &[u8] = include_bytes!("tests/stranger.asc");
const HELM: &[u8] = include_bytes!("tests/helm.prov");
const GPG: &[u8] = include_bytes!("tests/gpg.prov");

/// 2027-01-15, after all that is in the files.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn told(text: &[u8], ring: &[u8], now: SystemTime) -> String {
    match verify(ARCHIVE, "web-1.2.3.tgz", text, ring, now) {
        Ok(signer) => format!("signed by {signer}"),
        Err(unproven) => unproven.to_string(),
    }
}

/// Each with the words of `helm verify`, but for the last one, which Helm takes.
#[test]
fn what_proves_and_what_does_not() {
    let mut all = String::new();
    for (name, text) in [
        ("helm", HELM),
        ("gpg", GPG),
        ("subkey", include_bytes!("tests/subkey.prov")),
        ("stranger", include_bytes!("tests/stranger.prov")),
        ("expired", include_bytes!("tests/expired.prov")),
        ("revoked", include_bytes!("tests/revoked.prov")),
        ("gone", include_bytes!("tests/gone.prov")),
        ("short", include_bytes!("tests/short.prov")),
        ("other-file", include_bytes!("tests/other-file.prov")),
        ("other-sum", include_bytes!("tests/other-sum.prov")),
        ("no-sums", include_bytes!("tests/no-sums.prov")),
        ("unsigned", include_bytes!("tests/unsigned.prov")),
        ("weak", include_bytes!("tests/weak.prov")),
    ] {
        all.push_str(&format!("{name}: {}\n", told(text, RING, now())));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn keyrings_may_be_armored() {
    assert_eq!(told(GPG, ARMORED, now()), told(GPG, RING, now()));
    assert_eq!(
        told(include_bytes!("tests/subkey.prov"), ARMORED, now()),
        told(include_bytes!("tests/subkey.prov"), RING, now())
    );
    assert_eq!(
        told(GPG, STRANGER, now()),
        "openpgp: signature made by unknown entity"
    );
}

#[test]
fn what_is_no_keyring() {
    let mut all = String::new();
    for ring in [&b""[..], b"nonsense", ARCHIVE, HELM, &RING[..20]] {
        all.push_str(&told(GPG, ring, now()));
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn only_what_is_signed_is_read() {
    let text = std::str::from_utf8(GPG).unwrap();
    let good = told(GPG, RING, now());
    assert!(good.starts_with("signed by signer"), "{good}");
    for harmless in [
        text.replace('\n', "\r\n"),
        format!("Some text before.\n{text}And after.\n"),
        text.replace("name: web\n", "name: web  \t\n"),
    ] {
        assert_eq!(told(harmless.as_bytes(), RING, now()), good);
    }
    let mut all = String::new();
    for changed in [
        text.replace("name: web\n", "name: wab\n"),
        text.replace("version:", "a: b\nversion:"),
        text.replace("Hash: SHA512", "Comment: SHA512"),
        text.replace("-----END PGP SIGNATURE-----", ""),
        text.replace("-----BEGIN PGP SIGNATURE-----", ""),
        format!("x{text}"),
    ] {
        let told = told(changed.as_bytes(), RING, now());
        assert!(!told.starts_with("signed"), "{changed}");
        all.push_str(&told);
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn time() {
    let day = Duration::from_secs(24 * 3600);
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_153_600);
    let short = include_bytes!("tests/short.prov");
    let expired = include_bytes!("tests/expired.prov");
    assert!(told(short, RING, made + day).starts_with("signed by signer"));
    assert_eq!(
        told(short, RING, made + 3 * day),
        "openpgp: signature expired"
    );
    assert!(told(expired, RING, made + day).starts_with("signed by expired"));
    assert_eq!(told(expired, RING, made + 60 * day), "openpgp: key expired");
    // From the future.
    assert_eq!(
        told(GPG, RING, made - day / 2),
        "openpgp: signature expired"
    );
    assert_eq!(told(GPG, RING, made - 30 * day), "openpgp: key expired");
}
