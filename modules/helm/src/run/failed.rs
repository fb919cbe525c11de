//! What cannot be had or rendered, as obstacles: in the words of whoever failed, and what to do.

use oarlock_sdk::artifacts::FetchError;

use super::engine::Failure;
use crate::situation::Obstacle;

/// Whatever is of the chart.
pub(super) const ARTIFACT: &str = "ArtifactFailed";
/// Whatever is of the values.
pub(super) const VALUES: &str = "ValuesFailed";
/// Encrypted values that cannot be opened.
pub(super) const DECRYPTION: &str = "DecryptionFailed";
/// Templates, and what came out of them.
pub(super) const RENDER: &str = "RenderFailed";

/// Milliseconds after which a source that did not answer is asked again.
const AGAIN: u64 = 30_000;

/// Milliseconds after which a source is asked again for what it did not have: nobody tells of a source that changes.
const LATER: u64 = 300_000;

/// Bytes of output that a message shows.
const SHOWN: usize = 400;

/// Of a source.
pub(super) fn fetch(error: &FetchError) -> Obstacle {
    let (hint, retry) = match error {
        FetchError::Denied(_) => ("", None),
        FetchError::Unavailable(_) => ("", Some(AGAIN)),
        FetchError::NotFound(_) | FetchError::Mismatch(_) | FetchError::Invalid(_) => {
            ("", Some(LATER))
        }
        FetchError::Unauthorized(_) => (
            "\nhint: name a Secret of the object's namespace that opens the source",
            Some(LATER),
        ),
    };
    let mut message = error.to_string();
    if !message.contains("hint:") {
        message.push_str(hint);
    }
    Obstacle {
        reason: ARTIFACT,
        message,
        retry,
    }
}

/// Of the engine.
pub(super) fn engine(failure: &Failure) -> Obstacle {
    let (reason, hint, retry) = match failure {
        Failure::Chart(_) => (
            ARTIFACT,
            "hint: the chart is as its source has it; what runs is untouched until there is one that loads",
            None,
        ),
        Failure::Dependencies(_) => (
            ARTIFACT,
            "hint: package the chart with its dependencies, or let them be fetched",
            None,
        ),
        Failure::Values(_) => (
            VALUES,
            "hint: correct the values; what runs is untouched until then",
            None,
        ),
        Failure::Incompatible(_) => (
            RENDER,
            "hint: take a version of the chart for this cluster",
            None,
        ),
        Failure::Template(_) | Failure::Output { .. } => (
            RENDER,
            "hint: correct the values or the chart; what runs is untouched until then",
            None,
        ),
        Failure::Lookup(_) => (RENDER, "hint: it is tried again", Some(AGAIN)),
    };
    let mut message = failure.to_string();
    if let Failure::Output {
        message: why,
        output,
    } = failure
        && let Some(shown) = around(output, why)
    {
        message = format!("{message}\n{shown}");
    }
    Obstacle {
        reason,
        message: format!("{message}\n{hint}"),
        retry,
    }
}

/// The keys around the line that a YAML error names, which counts those of one document of one file. Values are left out, and all of a
/// Secret: what is shown goes to whoever may read the object.
fn around(output: &str, why: &str) -> Option<String> {
    let source = why
        .split_once("YAML parse error on ")
        .and_then(|(_, rest)| rest.split_once(": "))
        .map(|(source, _)| source)?;
    let line: usize = why
        .split_once("yaml: line ")
        .and_then(|(_, rest)| rest.split_once(':'))
        .and_then(|(line, _)| line.parse().ok())?;
    let head = format!("# Source: {source}\n");
    let (_, text) = output.split_once(&head)?;
    let file = text.split("\n---\n# Source: ").next().unwrap_or_default();
    let document: Vec<&str> = file.trim_start_matches("---\n").lines().collect();
    // Of several documents nobody knows which.
    if document.iter().any(|line| line.starts_with("---")) {
        return None;
    }
    let is_secret = |line: &&str| line.trim().replace(['"', '\''], "") == "kind: Secret";
    if document.iter().any(is_secret) {
        return None;
    }
    let first = line.saturating_sub(2).max(1);
    let mut shown = String::new();
    for (place, text) in document
        .into_iter()
        .enumerate()
        .skip(first - 1)
        .take(line + 2 - first)
    {
        let row = format!("{:>4} | {}\n", place + 1, key_of(text));
        if shown.len() + row.len() > SHOWN {
            break;
        }
        shown.push_str(&row);
    }
    (!shown.is_empty()).then(|| shown.trim_end().to_owned())
}

/// A line without its value.
fn key_of(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let (indent, text) = line.split_at(indent);
    let (dash, text) = match text.strip_prefix("- ") {
        Some(rest) => ("- ", rest),
        None => ("", text),
    };
    let is_key = |key: &str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        !key.is_empty() && key.chars().all(legal)
    };
    match text.split_once(':') {
        Some((key, value)) if is_key(key) && (value.is_empty() || value.starts_with(' ')) => {
            let value = if value.trim().is_empty() { "" } else { " …" };
            format!("{indent}{dash}{key}:{value}")
        }
        _ if text.is_empty() => String::new(),
        _ => format!("{indent}{dash}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_output_is_shown_where_it_is_broken() {
        let failure = Failure::Output {
            message: String::from(
                "YAML parse error on web/templates/deployment.yaml: error converting YAML to JSON: yaml: line 3: mapping values are not allowed",
            ),
            output: String::from(
                "---\n# Source: web/templates/deployment.yaml\nkind: Deployment\nmetadata:\n  name: a: b\nspec: {}\nx: y\n",
            ),
        };
        let obstacle = engine(&failure);
        assert_eq!(obstacle.reason, "RenderFailed");
        assert_eq!(
            obstacle.message,
            "YAML parse error on web/templates/deployment.yaml: error converting YAML to JSON: yaml: line 3: mapping values are not allowed\n   \
             1 | kind: …\n   2 | metadata:\n   3 |   name: …\n   4 | spec: …\n\
             hint: correct the values or the chart; what runs is untouched until then"
        );
    }

    #[test]
    fn values_are_shown_nowhere() {
        let shown = |line: usize, output: &str| {
            let why = format!(
                "YAML parse error on web/a.yaml: error converting YAML to JSON: yaml: line {line}: x"
            );
            around(&format!("---\n# Source: web/a.yaml\n{output}"), &why)
        };
        let plain =
            "kind: ConfigMap\ndata:\n  - name: a: b\n    hunter2: \n  hunter2\n  pass:word\n";
        assert_eq!(
            shown(4, plain).as_deref(),
            Some("   2 | data:\n   3 |   - name: …\n   4 |     hunter2:\n   5 |   …")
        );
        assert_eq!(shown(2, "kind: \"Secret\"\nstringData:\n  a: b: c\n"), None);
        assert_eq!(
            shown(2, "---\nkind: Secret\nstringData:\n  a: b: c\n"),
            None
        );
        // Whose line it is cannot be told.
        assert_eq!(
            shown(2, "kind: ConfigMap\na: b: c\n---\nkind: Secret\n"),
            None
        );
        let next = "kind: ConfigMap\na: b: c\n---\n# Source: web/b.yaml\nkind: Secret\n";
        assert_eq!(
            shown(2, next).as_deref(),
            Some("   1 | kind: …\n   2 | a: …")
        );
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let unavailable = FetchError::Unavailable(String::from("connection refused"));
        assert_eq!(fetch(&unavailable).retry, Some(AGAIN));
        let denied = FetchError::Denied(String::from("not granted"));
        assert_eq!(fetch(&denied).retry, None);
        assert_eq!(engine(&Failure::Lookup(String::new())).retry, Some(AGAIN));
        assert_eq!(engine(&Failure::Template(String::new())).retry, None);
    }
}
