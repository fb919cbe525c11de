//! Values of Secrets that a run met, and texts without them.
//!
//! Whatever is told of a run goes through here on its way out: the module's log lines, Events, conditions, and the host's
//! own messages, which repeat what modules and the API server say; and what the API server said of an outcome, on its way back
//! to the module. What is masked are the values of Secrets that the run
//! read or wants to write, as they are, as base64, and as they look within quotes. Whatever the module itself puts into
//! the object's status or into other objects is the module's word, and stays.
//!
//! The credentials that the host fills into calls are known to no module. Who was asked may repeat them: they are masked in
//! answers that refuse (400 and above; others may be content that has to arrive as it is), and in the object's status, where
//! they are by mistake.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_core::cached::Cached;
use oarlock_core::egress::Credentials;
use oarlock_core::outcome::{Children, Condition, Event, Outcome};
use oarlock_core::reconciler::HttpResponse;
use oarlock_core::reference::Gvk;
use oarlock_core::request::{RemovalStatus, Report, WriteStatus};
use parking_lot::Mutex;
use serde_json::{Map, Value};

/// What stands in the place of a value.
const MASK: &str = "[redacted]";

/// Shorter values are words such as `true`, `admin` or `5432`: to mask them would hide everything and protect nothing.
const SHORTEST: usize = 6;

/// Lines of a value that stand alone in a log, such as those of a key, are masked from this length on.
const SHORTEST_LINE: usize = 16;

/// Entries that say what a Secret is for, by servicebinding.io's Well-known Secret Entries. To mask `postgresql` wherever it occurs
/// would hide names and identifiers that people need.
const PLAIN: [&str; 2] = ["type", "provider"];

/// What a run knows of Secrets.
#[derive(Default)]
pub(crate) struct Redaction {
    values: Mutex<Values>,
    /// Those of credentials that were filled into calls.
    filled_in: Mutex<Values>,
}

/// The longest first: a value may be a part of another.
#[derive(Default)]
struct Values(BTreeSet<(Reverse<usize>, String)>);

impl Values {
    fn learn(&mut self, found: Vec<String>) {
        for value in found {
            if value.len() >= SHORTEST {
                self.0.insert((Reverse(value.len()), value));
            }
        }
    }

    fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for (_, value) in &self.0 {
            if masked.contains(value.as_str()) {
                masked = Cow::Owned(masked.replace(value.as_str(), MASK));
            }
        }
        masked
    }
}

impl Redaction {
    /// Learns the values of an object that was read, if it is a Secret.
    pub(crate) fn learn(&self, live: &Cached) {
        if is_secret(live.gvk())
            && let Ok(object) = live.object()
        {
            self.learn_content(object.content());
        }
    }

    /// Learns the values of Secrets that an outcome wants written.
    pub(crate) fn learn_outcome(&self, outcome: &Outcome) {
        let Children::Exactly(children) = &outcome.children else {
            return;
        };
        for child in children {
            if is_secret(&child.object.target().gvk) {
                self.learn_content(child.object.content());
            }
        }
    }

    fn learn_content(&self, content: &Map<String, Value>) {
        let texts = |field: &str| {
            let map = content.get(field).and_then(Value::as_object);
            map.into_iter()
                .flatten()
                .filter(|(key, _)| !PLAIN.contains(&key.as_str()))
                .filter_map(|(_, value)| value.as_str())
        };
        let mut found = Vec::new();
        for encoded in texts("data") {
            found.push(encoded.to_owned());
            if let Ok(Ok(plain)) = STANDARD.decode(encoded).map(String::from_utf8) {
                plain_forms(&plain, &mut found);
            }
        }
        for plain in texts("stringData") {
            found.push(STANDARD.encode(plain));
            plain_forms(plain, &mut found);
        }
        self.values.lock().learn(found);
    }

    /// Learns what was filled into a call.
    pub(crate) fn learn_credentials(&self, credentials: &Credentials) {
        let mut found = Vec::new();
        let secret = match credentials {
            Credentials::Basic { user, password } => {
                let pair = [user.as_slice(), b":", password].concat();
                found.push(STANDARD.encode(pair));
                password
            }
            Credentials::Bearer { token } => token,
        };
        found.push(STANDARD.encode(secret));
        if let Ok(plain) = std::str::from_utf8(secret) {
            plain_forms(plain, &mut found);
        }
        self.values.lock().learn(found.clone());
        self.filled_in.lock().learn(found);
    }

    /// `text` without the values.
    pub(crate) fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.values.lock().mask(text)
    }

    /// Masks in a refusal what was filled into the call.
    pub(crate) fn clean_answer(&self, answer: &mut HttpResponse) {
        if answer.status < 400 {
            return;
        }
        let known = self.filled_in.lock();
        for (_, value) in &mut answer.headers {
            if let Cow::Owned(masked) = known.mask(value) {
                *value = masked;
            }
        }
        if let Cow::Owned(masked) = known.mask(&String::from_utf8_lossy(&answer.body)) {
            answer.body = masked.into_bytes();
        }
    }

    /// Masks in what a status says what was filled into calls: texts of several words. Others are what a module remembers, such as
    /// identifiers and URLs, and would be another one's with a part of them masked.
    pub(crate) fn clean_status(&self, status: &mut Map<String, Value>) {
        let known = self.filled_in.lock();
        if !known.0.is_empty() {
            status.values_mut().for_each(|value| clean(value, &known));
        }
    }

    /// Masks a text in its place.
    pub(crate) fn clean(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.mask(text) {
            *text = masked;
        }
    }

    /// Masks what conditions say.
    pub(crate) fn clean_conditions(&self, conditions: &mut [Condition]) {
        for condition in conditions {
            self.clean(&mut condition.message);
            self.clean(&mut condition.reason);
        }
    }

    /// Masks what became of an outcome: its module may remember the words in the status.
    pub(crate) fn clean_report(&self, report: &mut Report) {
        for result in &mut report.writes {
            if let WriteStatus::Refused(error) = &mut result.status {
                self.clean(&mut error.message);
            }
        }
        for result in &mut report.removals {
            if let RemovalStatus::Refused(error) = &mut result.status {
                self.clean(&mut error.message);
            }
        }
    }

    /// An Event without the values.
    pub(crate) fn event(&self, event: &Event) -> Event {
        Event {
            message: self.mask(&event.message).into_owned(),
            reason: self.mask(&event.reason).into_owned(),
            ..event.clone()
        }
    }
}

/// Masks the texts within a value. Names of fields are left.
fn clean(value: &mut Value, known: &Values) {
    match value {
        Value::String(text) if text.contains(char::is_whitespace) => {
            if let Cow::Owned(masked) = known.mask(text) {
                *text = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, known)),
        Value::Object(fields) => fields.values_mut().for_each(|field| clean(field, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The forms in which a plain value may turn up.
fn plain_forms(plain: &str, found: &mut Vec<String>) {
    let trimmed = plain.trim();
    if !trimmed.is_empty() {
        found.push(trimmed.to_owned());
        // As it is within quotes, in JSON and in `{:?}`.
        let quoted = Value::from(trimmed).to_string();
        found.push(quoted[1..quoted.len() - 1].to_owned());
    }
    let lines = trimmed.lines().map(str::trim);
    found.extend(
        lines
            .filter(|l| l.len() >= SHORTEST_LINE)
            .map(str::to_owned),
    );
    // A document, such as a registry's credentials: what is in it is as secret as the whole.
    if let Ok(document @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(trimmed) {
        leaves(&document, found);
    }
}

fn leaves(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(value, found);
                // As registries have them in `.dockerconfigjson`.
                if name == "auth" {
                    found.extend(value.as_str().and_then(password));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The password of `user:password` in base64.
fn password(encoded: &str) -> Option<String> {
    let plain = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    plain
        .split_once(':')
        .map(|(_, password)| password.to_owned())
}

/// Whether objects of a kind are Secrets.
pub(crate) fn is_secret(gvk: &Gvk) -> bool {
    gvk.group.is_empty() && gvk.kind == "Secret"
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn knowing(secret: Value) -> Redaction {
        let mut secret = secret;
        secret["apiVersion"] = json!("v1");
        secret["kind"] = json!("Secret");
        secret["metadata"] =
            json!({"name": "s", "namespace": "n", "uid": "u", "resourceVersion": "1"});
        let redaction = Redaction::default();
        redaction.learn(&Cached::from_live(secret).unwrap());
        redaction
    }

    #[test]
    fn values_are_masked_in_every_form() {
        let known = knowing(json!({
            "data": {"password": STANDARD.encode("hunter2\n"), "port": STANDARD.encode("5432")},
            "stringData": {"quoted": "say \"friend\""},
        }));
        for (text, masked) in [
            ("password hunter2 refused", "password [redacted] refused"),
            ("data: aHVudGVyMgo=!", "data: [redacted]!"),
            ("they say \"friend\" to me", "they [redacted] to me"),
            (r#"{"q":"say \"friend\""}"#, r#"{"q":"[redacted]"}"#),
            // Too short to be a secret of its own.
            ("port 5432", "port 5432"),
        ] {
            assert_eq!(known.mask(text), masked);
        }
    }

    #[test]
    fn what_a_binding_is_of_is_no_secret() {
        let known = knowing(json!({
            "data": {"type": STANDARD.encode("postgresql"), "password": STANDARD.encode("hunter2")},
            "stringData": {"provider": "main-broker"},
        }));
        assert_eq!(
            known.mask("main-broker has service-postgresql, hunter2"),
            "main-broker has service-postgresql, [redacted]"
        );
    }

    #[test]
    fn parts_of_keys_and_documents_are_masked() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nshort\n-----END KEY-----\n";
        let config = json!({"auths": {"registry": {"auth": "dXNlcjpodW50ZXIy"}}}).to_string();
        let known = knowing(json!({
            "data": {"tls.key": STANDARD.encode(key), ".dockerconfigjson": STANDARD.encode(config)},
        }));
        assert_eq!(
            known.mask("line MIIEvQIBADANBgkqhkiG9w0 is bad"),
            "line [redacted] is bad"
        );
        assert_eq!(known.mask("auth dXNlcjpodW50ZXIy"), "auth [redacted]");
        assert_eq!(
            known.mask("user:hunter2 refused"),
            "user:[redacted] refused"
        );
    }

    #[test]
    fn a_value_within_another_leaves_nothing_of_it() {
        let known = knowing(json!({"stringData": {"a": "secret", "b": "secret-and-more"}}));
        assert_eq!(
            known.mask("secret-and-more, secret"),
            "[redacted], [redacted]"
        );
    }

    #[test]
    fn who_refuses_gives_nothing_of_the_account_away() {
        let known = Redaction::default();
        known.learn_credentials(&Credentials::Basic {
            user: b"platform".to_vec(),
            password: b"open-sesame".to_vec(),
        });
        let pair = STANDARD.encode("platform:open-sesame");
        let answer = |status| HttpResponse {
            status,
            headers: vec![("x-told".to_owned(), format!("Basic {pair}"))],
            body: b"platform/open-sesame is wrong".to_vec(),
        };
        let mut refusal = answer(401);
        known.clean_answer(&mut refusal);
        assert_eq!(refusal.body, b"platform/[redacted] is wrong");
        assert_eq!(refusal.headers[0].1, "Basic [redacted]");
        // What is content arrives as it is.
        let mut content = answer(200);
        known.clean_answer(&mut content);
        assert_eq!(content, answer(200));
        let mut status = json!({"failure": {"said": [format!("open-sesame, {pair}")]}, "operation": "open-sesame-7"});
        known.clean_status(status.as_object_mut().unwrap());
        // What is remembered is left: it is asked with again.
        let clean =
            json!({"failure": {"said": ["[redacted], [redacted]"]}, "operation": "open-sesame-7"});
        assert_eq!(status, clean);
        assert_eq!(known.mask("open-sesame"), MASK);
    }

    #[test]
    fn what_a_module_read_itself_may_be_in_its_status() {
        let known = knowing(json!({"stringData": {"name": "visible-name"}}));
        let mut status = json!({"name": "visible-name"});
        known.clean_status(status.as_object_mut().unwrap());
        assert_eq!(status, json!({"name": "visible-name"}));
    }

    #[test]
    fn other_kinds_are_no_secrets() {
        let redaction = Redaction::default();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n", "uid": "u",
            "resourceVersion": "1"}, "data": {"k": "visible"}});
        redaction.learn(&Cached::from_live(map).unwrap());
        assert_eq!(redaction.mask("visible"), "visible");
    }
}
