//! What a run has to tell beside what the machine and the dialect say.

use serde_json::Value;

use crate::state::{Is, Note};
use crate::storage::Entry;
use crate::turn::Condition;

/// Condition of a release whose newest record is spread over several Secrets.
const CHUNKED: &str = "Chunked";

/// The one thing that the `helm` command cannot read of ours; false once it was true.
pub(crate) fn chunked(object: &Value, newest: Option<&Entry>) -> Option<Condition> {
    let parts = newest.map_or(0, |entry| entry.parts.len());
    let note = match (newest, parts) {
        (Some(entry), 1..) => Note::new(
            Is::True,
            "RecordTooLarge",
            format!(
                "the record of revision {} is larger than 1 MiB, and spread over {} Secrets: the helm command passes the revision over\n\
                 hint: nothing else is different; a smaller chart (files that templates do not read, notes) makes it whole again",
                entry.version,
                parts + 1
            ),
        ),
        _ => {
            let conditions = object.pointer("/status/conditions")?.as_array()?;
            let told = conditions.iter().any(|one| one["type"] == CHUNKED);
            if !told {
                return None;
            }
            Note::new(Is::False, "RecordWhole", "The newest record is one Secret")
        }
    };
    Some(Condition {
        kind: CHUNKED,
        note,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::Status;

    fn entry(parts: usize) -> Entry {
        Entry {
            secret: String::from("s"),
            uid: String::new(),
            resource_version: String::from("1"),
            version: 3,
            status: Status::Deployed,
            labels: Default::default(),
            parts: (0..parts).map(|part| format!("s.{part}")).collect(),
            touched: None,
        }
    }

    #[test]
    fn it_is_told_and_taken_back() {
        let quiet = json!({"status": {}});
        assert_eq!(chunked(&quiet, Some(&entry(0))), None);
        assert_eq!(chunked(&quiet, None), None);
        let told = chunked(&quiet, Some(&entry(2))).map(|told| told.note);
        let told = told.unwrap_or_else(|| Note::new(Is::Unknown, "", ""));
        assert_eq!(told.is, Is::True);
        assert!(told.message.starts_with(
            "the record of revision 3 is larger than 1 MiB, and spread over 3 Secrets"
        ));
        let loud = json!({"status": {"conditions": [{"type": "Chunked", "status": "True"}]}});
        let over = chunked(&loud, Some(&entry(0))).map(|told| told.note.is);
        assert_eq!(over, Some(Is::False));
    }
}
