//! A server of tokens, as distribution's token authentication has it: everybody may pull `public/…`, and `user` with the
//! password `secret` may do anything.

use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::web::{Asked, Web, answer};

/// `Basic` of user:secret.
pub(crate) const USER: &str = "Basic dXNlcjpzZWNyZXQ=";

pub(crate) async fn server() -> Web {
    Web::new(|asked| match asked.authorization.as_deref() {
        None | Some(USER) => {
            let body = json!({"token": token(asked)});
            answer(200, &[("content-type", "application/json")], body.to_string())
        }
        Some(_) => answer(
            401,
            &[],
            r#"{"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]}"#,
        ),
    })
    .await
}

/// A token for what is asked for and allowed.
fn token(asked: &Asked) -> String {
    let all = asked.authorization.is_some();
    let access: Vec<_> = asked
        .target
        .split(['?', '&'])
        .filter_map(|part| part.strip_prefix("scope="))
        .map(|scope| {
            scope
                .replace("%3A", ":")
                .replace("%2F", "/")
                .replace("%2C", ",")
        })
        .filter_map(|scope| {
            let mut parts = scope.splitn(3, ':').map(str::to_owned);
            let (kind, name, actions) = (parts.next()?, parts.next()?, parts.next()?);
            let actions: Vec<String> = actions
                .split(',')
                .filter(|action| all || (*action == "pull" && name.starts_with("public/")))
                .map(str::to_owned)
                .collect();
            Some(json!({"type": kind, "name": name, "actions": actions}))
        })
        .collect();
    signed(&json!(access))
}

/// A token that allows this.
pub(crate) fn signed(access: &serde_json::Value) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let header =
        json!({"typ": "JWT", "alg": "ES256", "x5c": [der(include_str!("tls/tokens.pem"))]});
    let claims = json!({
        "iss": "tokens", "aud": "registry", "sub": "user", "jti": "1",
        "iat": now, "nbf": now - 10, "exp": now + 600, "access": access,
    });
    let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let key = BASE64_STANDARD
        .decode(der(include_str!("tls/tokens.key.pem")))
        .unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key).unwrap();
    let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!(
        "{text}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref())
    )
}

/// What is between the lines of a PEM block: Base64 of DER.
fn der(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}
