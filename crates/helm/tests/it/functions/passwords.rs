//! Random functions: their form, and that the seed alone decides.

use super::bcrypt;
use super::cases::Case;
use super::goldens::printed;
use super::secrets::{data, rendered, texts};

const PASSWORDS: &str = "random/passwords";

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text
            .chars()
            .all(|c| c == '-' || c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
        && &text[14..15] == "4"
        && "89ab".contains(&text[19..20])
}

fn sorted(text: &str) -> String {
    let mut letters: Vec<_> = text.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

#[tokio::test]
async fn passwords_have_their_form() {
    let rendered = rendered(&Case::plain(PASSWORDS), |_| {}).await;
    assert!(rendered.random, "the engine says that the output is random");
    let bytes = data(&rendered, "passwords.yaml");
    assert_eq!(bytes["randBytes"].len(), 16);
    let encrypted = &bytes["encryptAES"];
    assert_eq!(
        encrypted.len(),
        32,
        "an initial vector and one padded block"
    );

    let mut bytes = bytes.clone();
    bytes.retain(|key, _| key != "randBytes" && key != "encryptAES");
    let text = |key: &str| String::from_utf8(bytes[key].clone()).unwrap();
    let all = |key: &str, length: usize, allowed: fn(char) -> bool| {
        let text = text(key);
        assert_eq!(text.chars().count(), length, "{key}");
        assert!(text.chars().all(allowed), "{key}: {text:?}");
    };
    all("randAlphaNum", 32, |c| c.is_ascii_alphanumeric());
    all("randAlphaNum-again", 32, |c| c.is_ascii_alphanumeric());
    all("randAlpha", 32, |c| c.is_ascii_alphabetic());
    all("randAscii", 64, |c| c.is_ascii_graphic() || c == ' ');
    all("randNumeric", 12, |c| c.is_ascii_digit());
    all("randAlphaNum-none", 0, |_| true);
    assert_ne!(text("randAlphaNum"), text("randAlphaNum-again"));
    let number: u32 = text("randInt").parse().unwrap();
    assert!((10..20).contains(&number), "{number}");
    assert_eq!(sorted(&text("shuffle")), "abcdefghijklmnop");
    assert_ne!(text("shuffle"), "abcdefghijklmnop");
    assert!(is_uuid(&text("uuidv4")), "{}", text("uuidv4"));
    assert!(is_uuid(&text("uuidv4-again")), "{}", text("uuidv4-again"));
    assert_ne!(text("uuidv4"), text("uuidv4-again"));
    assert!(bcrypt::verifies(&text("bcrypt"), "open sesame"));
    assert!(!bcrypt::verifies(&text("bcrypt"), "open barley"));
    let htpasswd = text("htpasswd");
    assert!(bcrypt::verifies(
        htpasswd.strip_prefix("jo:").unwrap(),
        "open sesame"
    ));
    assert_ne!(text("bcrypt"), htpasswd["jo:".len()..]);
    assert_eq!(text("htpasswd-wrong"), "invalid username: j:o");
    assert_eq!(text("decryptAES"), "plaintext");

    let mut range: Vec<_> = texts(&rendered, "range.yaml").into_values().collect();
    range.sort();
    range.dedup();
    assert_eq!(
        range.len(),
        8,
        "one place in a template gives other passwords each time"
    );
}

#[tokio::test]
async fn equal_seeds_give_equal_bytes() {
    for chart in [PASSWORDS, "random/keys", "random/order"] {
        let case = Case::plain(chart);
        let first = rendered(&case, |_| {}).await;
        let second = rendered(&case, |_| {}).await;
        assert_eq!(printed(&first, false), printed(&second, false), "{chart}");
        let another = rendered(&case, |request| request.seed.push('!')).await;
        if chart != "random/order" {
            assert_ne!(printed(&first, false), printed(&another, false), "{chart}");
        }
    }
}

/// All but what is the same for every seed.
#[tokio::test]
async fn another_seed_gives_other_values() {
    let case = Case::plain(PASSWORDS);
    let one = data(&rendered(&case, |_| {}).await, "passwords.yaml");
    let other = data(
        &rendered(&case, |request| request.seed = "other".to_owned()).await,
        "passwords.yaml",
    );
    let same: Vec<_> = one.keys().filter(|key| one[*key] == other[*key]).collect();
    let constant = ["decryptAES", "htpasswd-wrong", "randAlphaNum-none"];
    let small = ["randInt"];
    assert!(
        same.iter()
            .all(|key| constant.contains(&key.as_str()) || small.contains(&key.as_str())),
        "{same:?}"
    );
}

/// A release keeps its passwords when its chart gets another one.
#[tokio::test]
async fn a_call_more_changes_no_other() {
    let few = rendered(&Case::plain(PASSWORDS), |_| {}).await;
    let many = rendered(&Case::plain(PASSWORDS).set("more=true"), |_| {}).await;
    assert_eq!(many.documents.len(), few.documents.len() + 1);
    for template in ["passwords.yaml", "range.yaml"] {
        assert_eq!(data(&few, template), data(&many, template), "{template}");
    }
}

/// What does not come from the seed may not move with the time, or every reconcile would make a revision.
#[tokio::test]
async fn time_changes_no_password() {
    let early = rendered(&Case::plain(PASSWORDS), |_| {}).await;
    let late = rendered(&Case::plain(PASSWORDS), |request| request.now += 86_400_000).await;
    assert_eq!(printed(&early, false), printed(&late, false));
}

/// Maps have no order in Go, so their keys come in any; but always in the same.
#[tokio::test]
async fn keys_of_a_map_come_in_a_stable_order() {
    let case = Case::plain("random/order");
    let one = rendered(&case, |_| {}).await;
    for _ in 0..3 {
        assert_eq!(
            printed(&one, false),
            printed(&rendered(&case, |_| {}).await, false)
        );
    }
    let order = texts(&one, "order.yaml");
    let mut keys: Vec<_> = order["keys"].split(' ').collect();
    keys.sort_unstable();
    assert_eq!(keys.concat(), "abcdefghijkl");
}
