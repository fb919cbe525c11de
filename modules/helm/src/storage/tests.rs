#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::value::to_raw_value;

use super::*;

fn release() -> Record {
    let mut record = Record::new("web", "shop", 4);
    record.info.status = Status::PendingUpgrade;
    record.manifest = "---\nkind: Service\n".to_owned();
    record
}

/// Does not compress.
fn noise(bytes: usize) -> String {
    let mut state = 1_u64;
    let mut noise = String::with_capacity(bytes);
    while noise.len() < bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push_str(&format!("{:08x}", state >> 32));
    }
    noise
}

fn texts(secrets: &[Value]) -> Vec<String> {
    secrets.iter().map(Value::to_string).collect()
}

#[test]
fn a_record_is_a_secret_as_helm_makes_it() {
    let labels = BTreeMap::from([
        ("team".to_owned(), "blue".to_owned()),
        ("status".to_owned(), "mine".to_owned()),
    ]);
    let mut secrets = secrets(&release(), &labels, Moment::Created(1_700_000_000)).unwrap();
    assert_eq!(secrets.len(), 1);
    secrets[0]["data"] = Value::Null;
    assert_eq!(
        secrets[0],
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "data": null,
            "metadata": {
                "name": "sh.helm.release.v1.web.v4", "namespace": "shop",
                "labels": {"name": "web", "owner": "helm", "status": "pending-upgrade", "version": "4",
                           "createdAt": "1700000000", "team": "blue"},
            },
        })
    );
}

#[test]
fn what_was_written_is_read() {
    let secrets = secrets(&release(), &BTreeMap::new(), Moment::Modified(1)).unwrap();
    let text = secrets[0].to_string();
    let entry = entry(&text).unwrap().unwrap();
    assert_eq!((entry.version, entry.status), (4, Status::PendingUpgrade));
    assert!(entry.parts.is_empty() && entry.labels.is_empty());
    let read = record(&text, |_| None).unwrap();
    assert_eq!(read.manifest, release().manifest);
}

#[test]
fn a_large_record_is_spread_and_put_together() {
    let mut large = release();
    large.chart = Some(to_raw_value(&noise(4_000_000)).unwrap());
    let secrets = secrets(&large, &BTreeMap::new(), Moment::Created(1)).unwrap();
    assert!(secrets.len() > 2);
    let texts = texts(&secrets);
    assert!(texts.iter().all(|text| text.len() < 1_450_000));
    let first = texts.last().unwrap();
    let named: BTreeMap<&str, &str> = secrets
        .iter()
        .zip(&texts)
        .map(|(secret, text)| (secret["metadata"]["name"].as_str().unwrap(), text.as_str()))
        .collect();
    let read = record(first, |name| named.get(name).copied()).unwrap();
    assert_eq!(read.chart.unwrap().get(), large.chart.unwrap().get());

    let without = record(first, |_| None).unwrap_err().to_string();
    let digest = secrets[0]["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        without,
        format!(
            "sh.helm.release.v1.web.v4: part {digest} is missing; the revision cannot be read or rolled back to"
        )
    );
}

#[test]
fn a_record_that_is_written_anew_leaves_the_parts_of_the_old_one_alone() {
    let mut large = release();
    large.chart = Some(to_raw_value(&noise(3_000_000)).unwrap());
    let names = |record: &Record| -> Vec<String> {
        let secrets = secrets(record, &BTreeMap::new(), Moment::Modified(1)).unwrap();
        let name = |secret: &Value| secret["metadata"]["name"].as_str().unwrap().to_owned();
        secrets.iter().map(name).collect()
    };
    let before = names(&large);
    large.info.status = Status::Deployed;
    let after = names(&large);
    assert_eq!(before.last(), after.last());
    assert!(
        after[..after.len() - 1]
            .iter()
            .all(|name| !before.contains(name))
    );
}

#[test]
fn an_annotation_that_names_no_parts_is_refused() {
    for annotation in ["9999999999/abc", "2", "2/", "x/abc", "2/../etc"] {
        let secret = json!({"metadata": {
            "name": "sh.helm.release.v1.web.v4", "labels": {"name": "web", "version": "4"},
            "annotations": {PARTS_ANNOTATION: annotation},
        }});
        let error = entry(&secret.to_string()).unwrap_err();
        assert!(matches!(error, ReadSecret::Parts { .. }), "{error}");
    }
}

#[test]
fn other_secrets_are_no_revisions() {
    let other = r#"{"metadata": {"name": "password", "labels": {"name": "web"}}, "data": {}}"#;
    assert_eq!(entry(other).unwrap(), None);
}
