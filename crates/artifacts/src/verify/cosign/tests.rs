#![expect(clippy::unwrap_used, reason = "tests")]

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// Who signs as cosign does.
enum Signatory {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signatory {
    fn ecdsa() -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn all() -> [Self; 3] {
        [
            Self::ecdsa(),
            Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        ]
    }

    fn public(&self) -> String {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ecdsa(pair) => pair.public_key().as_der().unwrap(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap(),
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
        };
        pem("PUBLIC KEY", der.as_ref())
    }

    fn sign(&self, message: &[u8]) -> String {
        let random = SystemRandom::new();
        BASE64_STANDARD.encode(match self {
            Self::Ecdsa(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        })
    }

    fn claim(&self, payload: String) -> Signature {
        Signature::Claim {
            signature: self.sign(payload.as_bytes()),
            payload: payload.into_bytes(),
            keyless: false,
        }
    }

    fn bundle(&self, payload_type: &str, statement: &str) -> Signature {
        let signature = self.sign(&bundle::encoded(payload_type, statement.as_bytes()));
        let text = serde_json::json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": BASE64_STANDARD.encode(statement),
                "payloadType": payload_type,
                "signatures": [{"sig": signature}],
            },
        });
        Signature::Bundle(text.to_string().into_bytes())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn payload(manifest: &Digest, kind: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"registry.example/web"}},"image":{{"docker-manifest-digest":"{manifest}"}},"type":"{kind}"}},"optional":null}}"#
    )
}

fn statement(manifest: &Digest, predicate: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"{predicate}","predicate":{{}}}}"#,
        manifest.hex()
    )
}

const KIND: &str = "cosign container image signature";
const STATEMENT: &str = "application/vnd.in-toto+json";
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

fn manifest() -> Digest {
    Digest::of(b"manifest")
}

fn told(signatures: &[Signature], key: &str) -> String {
    match verify(&manifest(), signatures, key) {
        Ok(signer) => {
            assert!(signer.to_string().starts_with("key sha256:"), "{signer}");
            "signed".to_owned()
        }
        Err(unsigned) => unsigned.to_string(),
    }
}

#[test]
fn both_forms_by_all_kinds_of_keys() {
    for signatory in Signatory::all() {
        let key = signatory.public();
        for signature in [
            signatory.claim(payload(&manifest(), KIND)),
            signatory.bundle(STATEMENT, &statement(&manifest(), SIGNED)),
        ] {
            assert_eq!(told(std::slice::from_ref(&signature), &key), "signed");
            let other = Signatory::ecdsa();
            let answer = told(std::slice::from_ref(&signature), &other.public());
            assert!(
                answer.starts_with("no matching signatures: invalid signature"),
                "{answer}"
            );
            // Any of several keys, and any of several signatures.
            let both = format!("{}{key}", other.public());
            assert_eq!(told(std::slice::from_ref(&signature), &both), "signed");
            let stranger = other.claim(payload(&manifest(), KIND));
            assert_eq!(told(&[stranger, signature], &key), "signed");
        }
    }
}

#[test]
fn what_other_libraries_signed() {
    let key = include_str!("tests/cosign.pub");
    let claim = Signature::Claim {
        payload: include_bytes!("tests/payload.json").to_vec(),
        signature: include_str!("tests/payload.sig").to_owned(),
        keyless: false,
    };
    let bundle = Signature::Bundle(include_bytes!("tests/bundle.json").to_vec());
    assert_eq!(told(&[claim], key), "signed");
    assert_eq!(told(&[bundle], key), "signed");
}

#[test]
fn what_is_not_signed() {
    let signatory = Signatory::ecdsa();
    let key = signatory.public();
    let other = Digest::of(b"other");
    let keyless = Signature::Claim {
        payload: payload(&manifest(), KIND).into_bytes(),
        signature: String::new(),
        keyless: true,
    };
    let certificate = Signature::Bundle(
        br#"{"verificationMaterial": {"certificate": {"rawBytes": ""}}}"#.to_vec(),
    );
    let mut torn = signatory.claim(payload(&manifest(), KIND));
    if let Signature::Claim { payload, .. } = &mut torn {
        payload.push(b' ');
    }
    let mut all = String::new();
    for signatures in [
        vec![],
        vec![keyless.clone(), certificate],
        vec![torn],
        vec![signatory.claim(payload(&other, KIND))],
        vec![signatory.claim(payload(&manifest(), "something else"))],
        vec![signatory.claim("{}".to_owned())],
        vec![Signature::Claim {
            payload: Vec::new(),
            signature: "*".to_owned(),
            keyless: false,
        }],
        vec![signatory.bundle(STATEMENT, &statement(&other, SIGNED))],
        vec![signatory.bundle(
            STATEMENT,
            &statement(&manifest(), "https://slsa.dev/provenance/v1"),
        )],
        vec![signatory.bundle("text/plain", &statement(&manifest(), SIGNED))],
        vec![signatory.bundle(STATEMENT, "{}")],
        vec![Signature::Bundle(b"{}".to_vec())],
        vec![Signature::Bundle(b"nonsense".to_vec())],
        // What tells most is told.
        vec![
            Signature::Bundle(b"{}".to_vec()),
            signatory.claim(payload(&other, KIND)),
            Signatory::ecdsa().claim(payload(&manifest(), KIND)),
            keyless,
        ],
    ] {
        all.push_str(&told(&signatures, &key));
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_no_public_key() {
    let mut all = String::new();
    for key in [
        String::new(),
        "awskms:///alias/key".to_owned(),
        pem("ENCRYPTED COSIGN PRIVATE KEY", b"x"),
        pem("EC PRIVATE KEY", b"x"),
        pem("CERTIFICATE", b"x"),
        pem("OPENSSH KEY", b"x"),
        pem("PUBLIC KEY", b"nonsense"),
        "-----BEGIN PUBLIC KEY-----\n".to_owned(),
        "-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----\n".to_owned(),
    ] {
        all.push_str(&told(&[], &key));
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}
