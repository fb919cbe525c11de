//! Workloads of other kinds, by mappings.

use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{BINDINGS, KEYED, MAPPINGS, RUNNERS, Site, binding, managers, mapping, names};
use crate::world::{NAMESPACE, World};

fn runner(kind: &str) -> Value {
    json!({
        "apiVersion": "x.example.com/v1", "kind": kind,
        "metadata": {"name": "ci", "namespace": NAMESPACE},
        "spec": {
            "size": 2,
            "jobs": [
                {"id": "one", "run": {"variables": [{"name": "A", "value": "1"}]}},
                {"id": "two", "run": {"image": "two"}},
            ],
            "disks": [{"name": "own"}],
        },
    })
}

fn of(kind: &str) -> Value {
    json!({"spec": {"type": "t", "workload": {"apiVersion": "x.example.com/v1", "kind": kind, "name": "ci"}}})
}

async fn bound(kind: &'static str, plural: &str, id: &ResourceId) -> (Site, Value) {
    let mut site = Site::furnished().await;
    site.map(mapping(plural));
    site.apply(runner(kind)).unwrap();
    let before = site.content(id, "ci");
    site.apply(binding("db", &of(kind))).unwrap();
    site.until_ready("db", "True ServiceBound").await;
    let spec = site.get(id, "ci").unwrap()["spec"].clone();
    assert_eq!(names(&spec["disks"]).len(), 2);
    assert_eq!(
        names(&spec["jobs"][0]["run"]["variables"]),
        ["A", "SERVICE_BINDING_ROOT"]
    );
    assert_eq!(
        spec["jobs"][1]["run"]["mounts"][0]["mountPath"],
        "/bindings/db"
    );
    assert_eq!(spec["notes"].as_object().unwrap().len(), 1);
    site.pass(Duration::from_secs(30)).await;
    let version = site.version(id, "ci");
    site.pass(Duration::from_secs(7200)).await;
    assert_eq!(
        site.version(id, "ci"),
        version,
        "at rest nobody writes anything"
    );
    (site, before)
}

#[tokio::test(start_paused = true)]
async fn lists_without_keys_come_back_as_their_user_wrote_them_last() {
    let (mut site, before) = bound("Runner", "runners", &RUNNERS).await;
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_eq!(site.content(&RUNNERS, "ci"), before);
    // Nobody else holds its fields: its user changes them without force.
    site.apply_politely(&RUNNERS, &runner("Runner")).unwrap();

    let (mut site, _) = bound("Runner", "runners", &RUNNERS).await;
    // Its user takes the list back, as Flux and Argo CD do.
    let mut next = runner("Runner");
    next["spec"]["disks"] = json!([{"name": "own"}, {"name": "more"}]);
    site.apply(next.clone()).unwrap();
    let again = |world: &World| {
        let live = world.get(&RUNNERS, "ci")?;
        (names(&live["spec"]["disks"]).len() == 3).then_some(())
    };
    site.until("it is in the new list", again).await;
    site.until_ready("db", "True").await;
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_eq!(site.get(&RUNNERS, "ci").unwrap()["spec"], next["spec"]);
    assert_eq!(managers(&site.get(&RUNNERS, "ci").unwrap()), ["kubectl"]);
}

#[tokio::test(start_paused = true)]
async fn lists_with_keys_stay_their_user_s() {
    let (mut site, before) = bound("KeyedRunner", "keyedrunners", &KEYED).await;
    site.apply_politely(&KEYED, &runner("KeyedRunner")).unwrap();
    site.pass(Duration::from_secs(60)).await;
    assert_eq!(
        names(&site.get(&KEYED, "ci").unwrap()["spec"]["disks"]).len(),
        2
    );
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_eq!(site.content(&KEYED, "ci"), before);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_is_followed_and_the_old_one_takes_out() {
    let (mut site, before) = bound("Runner", "runners", &RUNNERS).await;
    let mut one = mapping("runners");
    one["spec"]["versions"][0]["containers"][0]["path"] = json!(".spec.jobs[0].run");
    site.map(one);
    let moved = |world: &World| {
        let live = world.get(&RUNNERS, "ci")?;
        let two = &live["spec"]["jobs"][1]["run"];
        let one = &live["spec"]["jobs"][0]["run"];
        (two["mounts"].is_null() && !one["mounts"].is_null()).then_some(())
    };
    site.until("only the first job has it", moved).await;
    site.until_ready("db", "True").await;
    site.store()
        .delete(&MAPPINGS, "", "runners.x.example.com", &<_>::default())
        .unwrap();
    site.until_ready("db", "False ProjectionFailed").await;
    site.delete(&BINDINGS, "db");
    site.until_gone("db").await;
    assert_eq!(site.content(&RUNNERS, "ci"), before);
}
