//! What is not opened, and what people are told.

use serde_json::{Value, json};

use super::{anna, file, identities, refusal};
use crate::{
    DecryptSops, Format, Identities, ReadIdentities, decrypt, decrypt_value, is_encrypted,
};

#[test]
fn without_an_identity_the_recipients_are_named() {
    let error = refusal(&file("recipients.yaml"), &Identities::default());
    let [anna, berta, carl] = ["anna", "berta", "carl"].map(recipient);
    assert_eq!(
        error.to_string(),
        format!(
            "there is no age identity to open it with\nhint: give the identity of one of the recipients {}",
            sorted([&anna, &berta, &carl])
        )
    );
}

#[test]
fn with_another_identity_both_sides_are_named() {
    let error = refusal(&file("others.yaml"), &identities(&["anna", "carl"]));
    assert_eq!(
        error.to_string(),
        format!(
            "encrypted to {}; the age identities are of {}, {}\nhint: give the identity of a recipient, or make one of these a \
             recipient with `sops updatekeys`",
            recipient("berta"),
            recipient("anna"),
            recipient("carl")
        )
    );
}

#[test]
fn keys_that_age_has_but_we_do_not_are_no_match() {
    for name in ["ssh.yaml", "quantum.yaml"] {
        let error = refusal(&file(name), &anna());
        assert!(matches!(&error, DecryptSops::NoMatch { .. }), "{error}");
    }
    let error = refusal(&file("ssh.yaml"), &anna()).to_string();
    assert!(error.contains("encrypted to ssh-ed25519 AAAA"), "{error}");
}

#[test]
fn a_document_for_openpgp_alone_says_so() {
    let error = refusal(&file("pgp.yaml"), &anna());
    let DecryptSops::NotToAge { recipients } = &error else {
        panic!("{error}");
    };
    assert_eq!(recipients.len(), 1);
    assert_eq!(
        error.to_string(),
        format!(
            "encrypted to pgp {}; only age is supported here\nhint: add an age recipient to .sops.yaml and run `sops updatekeys`",
            recipients[0].name
        )
    );
}

#[test]
fn a_document_for_clouds_names_their_keys() {
    let text = "a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops:\n  kms: [{arn: 'arn:aws:kms:eu:1:key/2', enc: x}]\n  \
                gcp_kms: [{resource_id: projects/p, enc: x}]\n  azure_kv: [{vault_url: 'https://v', enc: x}]\n  \
                hc_vault: [{vault_address: 'https://h', enc: x}]\n  lastmodified: '2026-01-01T00:00:00Z'\n  mac: ''\n";
    let error = refusal(text, &anna()).to_string();
    assert_eq!(
        error.lines().next(),
        Some(
            "encrypted to azure_kv https://v, gcp_kms projects/p, hc_vault https://h, kms arn:aws:kms:eu:1:key/2; only age is \
             supported here"
        )
    );
}

#[test]
fn too_few_groups_are_counted() {
    let error = refusal(&file("two-of-three.yaml"), &anna());
    let [anna, berta, carl] = ["anna", "berta", "carl"].map(recipient);
    assert_eq!(
        error.to_string(),
        format!(
            "its key is split among groups: 2 of them are needed, the identities open 1\nhint: give identities of further groups: {}",
            sorted([&anna, &berta, &carl])
        )
    );
    let error = refusal(
        &file("three-of-three.json"),
        &identities(&["anna", "berta"]),
    );
    assert!(
        matches!(
            error,
            DecryptSops::TooFewGroups {
                opened: 2,
                needed: 3,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn what_is_no_document_of_sops_is_told() {
    for text in ["a: 1\n", "- sops\n", "sops: true\n", "", "just text"] {
        assert_eq!(refusal(text, &anna()), DecryptSops::NotEncrypted, "{text}");
    }
    insta("a: [1\nsops: {}\n", "YAML");
    insta("{\"a\": }", "JSON");
    let shown = |text| refusal(text, &anna()).to_string();
    assert_eq!(
        shown("a: &x 1\nb: *x\nsops: {}\n"),
        "no YAML that SOPS wrote: line 2, column 4: an alias: SOPS writes none"
    );
    assert_eq!(
        shown("a: 1\na: 2\nsops: {}\n"),
        "no YAML that SOPS wrote: line 4, column 1: the key \"a\" stands twice"
    );
    assert_eq!(
        shown("1: 1\nsops: {}\n"),
        "no YAML that SOPS wrote: line 1, column 1: a key that is no text; quote it"
    );
    assert_eq!(
        shown("a: !env X\nsops: {}\n"),
        "no YAML that SOPS wrote: line 1, column 9: the tag !env: SOPS writes none"
    );
    assert_eq!(
        shown("a: 1\n---\nb: 1\n"),
        "no YAML that SOPS wrote: line 2, column 1: a second document begins; one is read"
    );
}

fn insta(text: &str, format: &str) {
    let form = match format {
        "JSON" => Format::Json,
        _ => Format::Yaml,
    };
    let error = decrypt(text, form, &anna()).unwrap_err().to_string();
    let start = format!("no {format} that SOPS wrote: line ");
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn metadata_that_is_broken_is_named_by_its_path() {
    let whole = file("encrypted-regex.yaml");
    let check = |from: &str, to: &str, expected: &str| {
        let text = whole.replace(from, to);
        assert_ne!(text, whole);
        assert_eq!(
            refusal(&text, &anna()).to_string(),
            format!("{expected}\nhint: encrypt the document anew")
        );
    };
    check(
        "    lastmodified: ",
        "    modified: ",
        "sops.lastmodified: it is missing",
    );
    check(
        "    lastmodified: \"2",
        "    lastmodified: \"x",
        "sops.lastmodified: no time as in RFC 3339",
    );
    check(
        "    encrypted_regex: ^(data",
        "    encrypted_regex: ^((data",
        "sops.encrypted_regex: no regular expression that is understood here",
    );
    check(
        "    encrypted_regex: ",
        "    encrypted_suffix: x\n    encrypted_regex: ",
        "sops.encrypted_regex: a document has at most one rule of what is encrypted, and there is another",
    );
    check(
        "    version: ",
        "    mac_only_encrypted: maybe\n    version: ",
        "sops.mac_only_encrypted: true or false is expected, not a text",
    );
    check(
        "        - enc: |",
        "        - ink: |",
        "sops.age[0].enc: a text is expected",
    );
    check(
        "    age:",
        "    aged:",
        "encrypted to nobody: its list of keys is empty",
    );
    check(
        "            -----BEGIN AGE",
        "            -----BEGIN",
        &format!(
            "the key for {} is broken: no age file in armor: its first line is missing",
            recipient("anna")
        ),
    );
}

#[test]
fn numbers_that_json_has_not_are_named() {
    assert_eq!(
        refusal(&file("infinite.yaml"), &anna()).to_string(),
        "a.b: decrypted, but not a number that JSON can tell\nhint: change encrypted documents with `sops edit` only"
    );
}

#[test]
fn a_merge_key_without_a_map_is_named() {
    let text = file("odd.yaml");
    let changed = text.replace("    !!merge <<:\n        a: 1\n", "    !!merge <<: 5\n");
    assert_ne!(changed, text);
    assert_eq!(
        refusal(&changed, &anna()).to_string(),
        "open[\"<<\"]: not as SOPS writes it: a merge key has a map, or a list of maps\nhint: change encrypted documents with \
         `sops edit` only"
    );
}

#[test]
fn a_document_in_an_object_whose_keys_were_not_sorted_says_what_to_do() {
    let object: Value = serde_json::from_str(&file("values.json")).unwrap();
    assert_eq!(
        decrypt_value(&object, &anna()).unwrap_err().to_string(),
        "its MAC does not match: values were changed after it was encrypted, or its keys were not sorted then; in an object, \
         Kubernetes sorts them\nhint: keep the document as a text, in a Secret or a ConfigMap"
    );
}

#[test]
fn encrypted_documents_are_told_from_plain_ones() {
    for plain in [
        json!(null),
        json!("sops"),
        json!({"sops": "ops"}),
        json!({"sops": {"replicas": 2}}),
        json!({"sops": {"age": ["age1x"], "mac": 5}}),
        json!({"operator": {"sops": {"mac": "ENC"}}}),
    ] {
        assert!(!is_encrypted(&plain), "{plain}");
    }
    for encrypted in [
        json!({"sops": {"mac": "ENC[…]"}}),
        json!({"sops": {"lastmodified": "2026-01-01T00:00:00Z"}}),
        json!({"sops": {"age": [{"recipient": "age1", "enc": ""}]}}),
        json!({"sops": {"pgp": [{"fp": "00", "enc": ""}]}}),
        json!({"sops": {"key_groups": []}}),
    ] {
        assert!(is_encrypted(&encrypted), "{encrypted}");
    }
}

#[test]
fn identities_are_read_as_age_keygen_writes_them() {
    let both = file("keys/anna.agekey") + "\r\n\n  # by hand\n" + &file("keys/berta.agekey");
    let read = Identities::read(&both).unwrap();
    let names: Vec<_> = read.recipients().collect();
    assert_eq!(names, [recipient("anna"), recipient("berta")]);
}

#[test]
fn what_is_no_identity_is_told_without_showing_it() {
    let secret = file("keys/anna.agekey").lines().last().unwrap().to_owned();
    let mistyped = secret.replace('Q', "P");
    let check = |text: &str, problem: &str| {
        let error = Identities::read(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "line 2: {problem}\nhint: a line is empty, a comment (#), or an identity as `age-keygen` writes it: AGE-SECRET-KEY-1…"
            )
        );
        assert!(!format!("{error:?}").contains("KEY-1Q"), "{error:?}");
    };
    check(
        &format!("#\n{mistyped}"),
        "no identity, or one that was mistyped: its checksum is wrong",
    );
    check(
        &format!("#\n{}", secret.to_lowercase()),
        "no identity of age's",
    );
    check(
        &format!("#\n{}", recipient("anna")),
        "a public key; the secret one is needed",
    );
    check(
        "#\n-----BEGIN OPENSSH PRIVATE KEY-----",
        "a key of SSH or a file in armor, which are not supported",
    );
    check(
        "#\nAGE-PLUGIN-YUBIKEY-1X",
        "an identity of a plugin, which is not supported",
    );
    let quantum = file("keys/quantum.agekey");
    check(
        &format!("#\n{}", quantum.lines().last().unwrap()),
        "a post-quantum identity, which is not supported",
    );
    assert_eq!(
        Identities::read("# none\n").unwrap_err(),
        ReadIdentities::Empty
    );
}

#[test]
fn fields_of_a_secret_are_found_by_their_names() {
    let [anna, berta] = ["anna", "berta"].map(|name| file(&format!("keys/{name}.agekey")));
    let fields = [
        ("age.agekey", anna.as_bytes()),
        ("keys.txt", berta.as_bytes()),
        ("sops.asc", b"-----BEGIN PGP" as &[u8]),
    ];
    let read = Identities::of_secret(fields).unwrap();
    assert_eq!(read.recipients().count(), 2);
    assert_eq!(
        Identities::of_secret([fields[2]]).unwrap_err().to_string(),
        "it has no age identity: its fields are sops.asc (OpenPGP is not supported)\nhint: put what `age-keygen` writes into a \
         field keys.txt or one whose name ends in .agekey"
    );
    let none: [(&str, &[u8]); 0] = [];
    assert!(Identities::of_secret(none).is_err());
    let error = Identities::of_secret([("a.agekey", b"\xff" as &[u8])]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("a.agekey: line 1: it is no text")
    );
}

#[test]
fn nothing_shows_a_secret() {
    let shown = format!("{:?}", identities(&["anna", "berta"]));
    assert_eq!(
        shown,
        format!(
            "Identities[{:?}, {:?}]",
            recipient("anna"),
            recipient("berta")
        )
    );
}

fn recipient(person: &str) -> String {
    let text = file(&format!("keys/{person}.agekey"));
    let line = text.lines().find(|line| line.contains("public key: "));
    line.unwrap().replace("# public key: ", "")
}

fn sorted(names: [&String; 3]) -> String {
    let mut names = names.map(String::as_str);
    names.sort_unstable();
    names.join(", ")
}
