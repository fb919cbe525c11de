#![expect(clippy::unwrap_used, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// As Helm 3 wrote it: empty times, null lists, and a field that nobody knows.
const OLD: &str = r#"{
  "name": "web", "namespace": "shop", "version": 3,
  "info": {"first_deployed": "2019-06-01T10:00:00Z", "last_deployed": "2019-06-02T10:00:00Z", "deleted": "",
           "description": "Upgrade complete", "status": "deployed", "mood": "good"},
  "chart": {"metadata": {"name": "web", "version": "1.0.0"}, "values": {"big": 12345678901234567890}},
  "config": null, "manifest": "---\nkind: Service\n",
  "hooks": [{"name": "migrate", "kind": "Job", "path": "web/templates/job.yaml", "manifest": "kind: Job\n",
             "events": ["pre-upgrade"], "last_run": {"started_at": "", "completed_at": "", "phase": ""},
             "delete_policies": null}],
  "epoch": 7
}"#;

fn read(json: &str) -> Record {
    Record::decode(STANDARD.encode(json).as_bytes()).unwrap()
}

fn value(record: &Record) -> Value {
    serde_json::from_slice(&record.to_json().unwrap()).unwrap()
}

#[test]
fn what_is_not_known_is_kept() {
    let record = read(OLD);
    let again = Record::decode(record.encode().unwrap().as_bytes()).unwrap();
    assert_eq!(value(&record), value(&again));
    let written = value(&record);
    assert_eq!(written["epoch"], 7);
    assert_eq!(written["info"]["mood"], "good");
    assert_eq!(
        written["chart"]["values"]["big"].to_string(),
        "12345678901234567890"
    );
}

#[test]
fn old_records_are_read() {
    let record = read(OLD);
    assert_eq!(record.info.deleted, None);
    assert_eq!(record.info.status, Status::Deployed);
    assert_eq!(record.apply_method, ApplyMethod::ClientSide);
    assert!(record.config.is_empty());
    let hook = &record.hooks[0];
    assert_eq!(hook.events, ["pre-upgrade"]);
    assert_eq!(hook.last_run, Execution::default());
    assert!(hook.delete_policies.is_empty());
}

#[test]
fn helm_reads_a_hook_that_never_ran() {
    let hook = value(&read(OLD))["hooks"][0].clone();
    assert_eq!(hook["last_run"], serde_json::json!({"phase": ""}));
}

#[test]
fn states_are_named_as_helm_names_them() {
    for status in [
        Status::Unknown,
        Status::Deployed,
        Status::Uninstalled,
        Status::Superseded,
        Status::Failed,
        Status::Uninstalling,
        Status::PendingInstall,
        Status::PendingUpgrade,
        Status::PendingRollback,
    ] {
        assert_eq!(serde_json::to_value(&status).unwrap(), status.as_str());
    }
}

#[test]
fn words_of_newer_versions_stay() {
    let newer = OLD
        .replace("\"deployed\"", "\"melting\"")
        .replace(
            "\"phase\": \"\"",
            "\"phase\": \"Frozen\", \"by\": \"frost\"",
        )
        .replace("\"epoch\"", "\"apply_method\": \"tea\", \"epoch\"");
    let written = value(&read(&newer));
    assert_eq!(written["info"]["status"], "melting");
    assert_eq!(written["apply_method"], "tea");
    let run = &written["hooks"][0]["last_run"];
    assert_eq!(*run, serde_json::json!({"phase": "Frozen", "by": "frost"}));
}

#[test]
fn a_hook_that_was_lost_is_not_one_that_never_ran() {
    for phase in ["", "Unknown", "Running", "Succeeded", "Failed"] {
        let record = read(&OLD.replace("\"phase\": \"\"", &format!("\"phase\": \"{phase}\"")));
        assert_eq!(value(&record)["hooks"][0]["last_run"]["phase"], phase);
    }
}

#[test]
fn what_is_no_record_is_said_to_be_none() {
    let said = |data: &[u8]| Record::decode(data).unwrap_err().to_string();
    assert_eq!(said(b"?"), "the release record is not base64");
    let cut = STANDARD.encode([0x1f, 0x8b, 0x08, 0]);
    assert_eq!(said(cut.as_bytes()), "the release record does not unpack");
    let list = STANDARD.encode("[]");
    assert_eq!(
        said(list.as_bytes()),
        "the release record is not a release of Helm"
    );
}
