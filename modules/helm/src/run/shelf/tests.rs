#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::json;
use oarlock_sdk::testing::FakeCluster;
use serde_json::value::RawValue;

use super::*;
use crate::record::Status;
use crate::storage::Moment;

fn place() -> Place {
    Place {
        name: String::from("web"),
        namespace: String::from("shop"),
        storage: String::from("shop"),
    }
}

fn record(version: u32, status: Status) -> Record {
    let mut record = Record::new("web", "shop", version);
    record.info.status = status;
    record.info.description = format!("revision {version}");
    record.info.last_deployed = Some(String::from("2026-11-22T11:00:00.25+01:00"));
    let chart =
        json!({"metadata": {"name": "web", "version": "1.2.3"}, "templates": [{"data": "eA=="}]});
    record.chart = Some(RawValue::from_string(chart.to_string()).unwrap());
    record.config = serde_json::from_value(json!({"replicas": 2.0})).unwrap();
    record
}

fn with(cluster: FakeCluster, record: &Record) -> FakeCluster {
    let secrets = storage::secrets(record, &BTreeMap::new(), Moment::Created(0)).unwrap();
    secrets
        .into_iter()
        .fold(cluster, |cluster, mut secret: Value| {
            secret["metadata"]["resourceVersion"] = json!("7");
            cluster.object(secret)
        })
}

fn context(cluster: FakeCluster) -> Context {
    Context::builder().cluster(cluster).build()
}

#[test]
fn revisions_are_listed_oldest_first() {
    let mut cluster = FakeCluster::new();
    for version in [10, 2, 9] {
        cluster = with(cluster, &record(version, Status::Superseded));
    }
    let mut other = record(11, Status::Deployed);
    other.name = String::from("web-api");
    cluster = with(cluster, &other);
    let cx = context(cluster);
    let shelf = Shelf::read(&cx, &place(), None).unwrap();
    let versions: Vec<u32> = shelf.history().iter().map(|entry| entry.version).collect();
    assert_eq!(versions, [2, 9, 10]);
    assert_eq!(shelf.entry(9).unwrap().resource_version, "7");
    assert_eq!(shelf.entry(11), None);
}

#[test]
fn a_record_says_what_it_is_of() {
    let cx = context(with(FakeCluster::new(), &record(3, Status::Deployed)));
    let shelf = Shelf::read(&cx, &place(), None).unwrap();
    let header = shelf.header(3).unwrap();
    assert_eq!(header.description, "revision 3");
    assert_eq!(
        (header.chart_name.as_str(), header.chart_version.as_str()),
        ("web", "1.2.3")
    );
    let values = serde_json::from_value(json!({"replicas": 2})).unwrap();
    assert_eq!(header.config_digest, digest::of_values(&values));
    let at: Timestamp = "2026-11-22T10:00:00.25Z".parse().unwrap();
    assert_eq!(header.last_deployed, Some(at.as_millis()));
    assert!(Rc::ptr_eq(
        &shelf.record(3).unwrap(),
        &shelf.record(3).unwrap()
    ));
}

#[test]
fn large_records_are_read_from_all_their_parts() {
    let mut large = record(1, Status::Deployed);
    // Nothing that can be packed.
    let mut state = 1_u64;
    large.manifest = (0..1_500_000)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b' ' + (state >> 59) as u8 * 2)
        })
        .collect();
    let cluster = with(FakeCluster::new(), &large);
    let cx = context(cluster);
    let shelf = Shelf::read(&cx, &place(), None).unwrap();
    assert!(!shelf.entry(1).unwrap().parts.is_empty());
    assert_eq!(shelf.record(1).unwrap().manifest, large.manifest);
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let cluster = with(FakeCluster::new(), &record(1, Status::Deployed));
    let cluster = cluster.object(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {
            "name": "sh.helm.release.v1.web.v2", "namespace": "shop",
            "labels": {"owner": "helm", "name": "web", "version": "2", "status": "deployed"},
        },
        "data": {"release": "bm90aGluZw=="},
    }));
    let cx = context(cluster);
    let shelf = Shelf::read(&cx, &place(), None).unwrap();
    let obstacle = shelf.record(2).unwrap_err();
    assert_eq!(obstacle.reason, "ReleaseHistoryFailed");
    assert!(
        obstacle
            .message
            .starts_with("cannot read revision 2 of release shop/web: sh.helm.release.v1.web.v2: "),
        "{}",
        obstacle.message
    );
    assert!(obstacle.message.contains("hint: delete the Secret"));
    let gone = shelf.record(5).unwrap_err();
    assert_eq!(gone.retry, Some(AGAIN));
}

#[test]
fn a_read_that_is_not_granted_is_told() {
    let denied = ReadError::Denied(String::from("reads Secrets: not granted"));
    let cx = context(FakeCluster::new().broken(denied));
    let obstacle = Shelf::read(&cx, &place(), None).err().unwrap();
    assert_eq!(
        obstacle.message,
        "cannot read the revisions of release shop/web in namespace \"shop\": reads Secrets: not granted\n\
         hint: whoever runs releases reads, creates, changes and deletes Secrets in the namespace of their records"
    );
}
