//! Credentials that are recognised wherever they turn up.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Everything secret begins so.
const MARK: &str = "planted";

/// Credentials of a binding: strings, a number, nested. The same for the same binding.
pub(crate) fn of(binding: &str) -> Value {
    let secret = |part: &str| {
        let digest = Sha256::digest(format!("{part} of {binding}"));
        let hex: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("{MARK}-{part}-{hex}")
    };
    let (user, password) = (secret("user"), secret("password"));
    json!({
        "uri": format!("postgres://{user}:{password}@db.example:5432/app"),
        "username": user,
        "password": password,
        "host": "db.example",
        "port": 5432,
        "tls": {"key": secret("key"), "chain": [secret("chain")]},
    })
}

/// Every secret text in credentials: strings of at least eight characters that begin with the mark, and the rest of those that
/// hold one.
pub(crate) fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains(MARK) => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|value| texts(value, found)),
        Value::Object(all) => all.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}
