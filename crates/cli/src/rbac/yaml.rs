//! Objects as YAML for people: a reason above each rule.

use oarlock_config::rights::{Installation, RbacObject};
use serde_json::{Map, Value};

/// All of them, in one stream.
pub(super) fn document(
    objects: &[RbacObject],
    notes: &[String],
    installation: &Installation,
) -> String {
    let mut text = String::from(
        "# The least rights that the operator needs for its watches, made by `oarlock rbac`.\n",
    );
    let seen: Vec<&str> = installation.namespaces.iter().map(String::as_str).collect();
    if !seen.is_empty() {
        text.push_str(&format!("# For WATCH_NAMESPACE={}.\n", seen.join(",")));
    }
    for note in notes {
        text.push_str(&wrapped(note, "#   ", "# note: "));
    }
    for object in objects {
        text.push_str("---\n");
        if let Value::Object(fields) = &object.object {
            map(fields, "", &object.reasons, &mut text);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Longest line of a comment.
const WIDTH: usize = 110;

/// A comment over as many lines as it takes.
fn wrapped(text: &str, indent: &str, first: &str) -> String {
    let mut out = String::new();
    let mut line = first.to_owned();
    for word in text.split(' ') {
        if line.len() + word.len() > WIDTH && !line.trim_start_matches(['#', ' ']).is_empty() {
            out.push_str(line.trim_end());
            out.push('\n');
            line = indent.to_owned();
        }
        line.push_str(word);
        line.push(' ');
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

fn map(fields: &Map<String, Value>, indent: &str, reasons: &[String], text: &mut String) {
    for (key, value) in fields {
        match value {
            Value::Object(fields) if fields.is_empty() => {
                text.push_str(&format!("{indent}{key}: {{}}\n"));
            }
            Value::Object(fields) => {
                text.push_str(&format!("{indent}{key}:\n"));
                map(fields, &format!("{indent}  "), &[], text);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                text.push_str(&format!("{indent}{key}:\n"));
                list(
                    items,
                    indent,
                    if key == "rules" { reasons } else { &[] },
                    text,
                );
            }
            value => text.push_str(&format!("{indent}{key}: {}\n", flow(value))),
        }
    }
}

fn list(items: &[Value], indent: &str, reasons: &[String], text: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if let Some(reason) = reasons.get(index) {
            let comment = format!("{indent}# ");
            text.push_str(&wrapped(reason, &comment, &comment));
        }
        let Value::Object(fields) = item else {
            text.push_str(&format!("{indent}- {}\n", flow(item)));
            continue;
        };
        let mut block = String::new();
        map(fields, &format!("{indent}  "), &[], &mut block);
        // The first key stands beside the dash.
        text.push_str(&format!("{indent}- {}", block.trim_start()));
    }
}

/// A value within a line.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) if is_plain(text) => text.clone(),
        // JSON is YAML.
        other => other.to_string(),
    }
}

/// Whether YAML reads a text as it is, and as text.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/' | '_'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeSet;

    use oarlock_config::rights::{Subject, rights};
    use oarlock_config::{Env, parse};

    use super::*;

    #[test]
    fn what_is_printed_is_what_was_meant() {
        let text = "- group: example.com\n  version: v1\n  kind: Widget\n  module: a.wasm\n  serviceAccount: \"on\"\n  grants:\n    \
                    write: [{apiGroups: [\"\"], resources: [configmaps, \"*\"], namespaces: [web]}]\n";
        let parsed = parse("watches.yaml", text, &Env::empty());
        let subject = Subject {
            watch: &parsed.watches[0],
            manifest: None,
        };
        let installation = Installation {
            name: "oarlock".to_owned(),
            namespace: "oarlock-system".to_owned(),
            account: "oarlock".to_owned(),
            namespaces: BTreeSet::from(["web".to_owned()]),
            leader_election: true,
            sharding: false,
            install_crds: false,
            guarded_metrics: false,
        };
        let rights = rights(&[subject], &[], &installation);
        let objects = rights.objects(&installation);
        let text = document(&objects, &rights.notes, &installation);
        let read: Vec<Value> = text
            .split("\n---\n")
            .skip(1)
            .map(|part| serde_saphyr::from_str(part).unwrap())
            .collect();
        let meant: Vec<Value> = objects.into_iter().map(|object| object.object).collect();
        assert_eq!(read, meant, "{text}");
    }
}
