//! A hybrid: what its operator's author adds to the release of a chart.
//!
//! The values are computed from an object that knows nothing of the chart, the Secret that its Pods need is there before they
//! are, and each revision is asked once, by a Job, whether it serves.

use oarlock_sdk::hybrid::{Release, Step, Steps};
use oarlock_sdk::{Child, Context, Failure, Object, ObjectRef, Resource, Value, json};
use serde::Deserialize;

/// A notice board with a page of its own.
#[derive(Debug, Deserialize, Resource)]
#[resource(
    group = "boards.oarlock.dev",
    version = "v1",
    kind = "Board",
    plural = "boards",
    namespaced
)]
#[serde(rename_all = "camelCase")]
pub struct Board {
    title: String,
    /// How many read it at once.
    readers: u32,
    /// Host of the database.
    database: String,
}

/// `settings.steps` of the watch.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    /// Boards are below it.
    domain: String,
}

/// Readers that one Pod serves.
const PER_POD: u32 = 50;

/// Steps of boards.
#[derive(Debug)]
pub struct Boards;

impl Steps for Boards {
    type Subject = Object<Board>;

    /// A ConfigMap `notice` of the namespace, where there is one, stands on every board.
    fn values(board: &Object<Board>, cx: &Context) -> Result<Value, Failure> {
        let notice = ObjectRef::new("v1", "ConfigMap", "notice").in_namespace(board.namespace());
        let notice = cx.get_raw(&notice)?.unwrap_or_default();
        Ok(json!({
            "title": board.spec.title,
            "notice": notice["data"]["text"].as_str().unwrap_or_default(),
            "replicas": board.spec.readers.div_ceil(PER_POD).max(1),
            "database": {"secretName": secret_name(board)},
        }))
    }

    fn before(board: &Object<Board>, _: Option<&Release>, cx: &Context) -> Result<Step, Failure> {
        if board.spec.database.is_empty() {
            return Err(Failure::invalid("spec.database", "expected a host"));
        }
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret_name(board), "namespace": board.namespace()},
            "stringData": {"url": format!("postgres://{}/{}", board.spec.database, board.name())},
        });
        Step::new().child(Child::apply(secret)).awaited(cx)
    }

    /// The Job of an older revision goes when that of the next is there.
    fn after(board: &Object<Board>, release: &Release, cx: &Context) -> Result<Step, Failure> {
        let settings: Settings = cx.settings()?;
        let url = format!("http://{}.{}", board.name(), settings.domain);
        let job = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": format!("{}-serves-{}", board.name(), release.revision),
                "namespace": board.namespace(),
            },
            "spec": {"template": {"spec": {
                "restartPolicy": "OnFailure",
                "containers": [{
                    "name": "ask",
                    "image": "docker.io/library/busybox:1.37",
                    "args": ["wget", "-qO-", format!("http://{}", release.name)],
                }],
            }}},
        });
        let step = Step::new()
            .child(Child::create(job))
            .status(json!({"url": url, "chart": release.chart_version}));
        // An object that goes need not serve.
        if cx.deleting() {
            Ok(step)
        } else {
            step.awaited(cx)
        }
    }
}

oarlock_sdk::steps!(Boards);

fn secret_name(board: &Object<Board>) -> String {
    format!("{}-database", board.name())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_sdk::Health;
    use oarlock_sdk::testing::FakeCluster;

    use super::*;

    fn board(readers: u32) -> Object<Board> {
        Object::from_value(json!({
            "metadata": {"name": "harbour", "namespace": "town"},
            "spec": {"title": "Harbour", "readers": readers, "database": "db.town"},
        }))
        .unwrap()
    }

    #[test]
    fn values_are_computed() {
        let notice = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "notice", "namespace": "town"}, "data": {"text": "Ebb at six"},
        });
        let cx = Context::builder()
            .cluster(FakeCluster::new().object(notice))
            .build();
        assert_eq!(
            Boards::values(&board(120), &cx).unwrap(),
            json!({
                "title": "Harbour", "notice": "Ebb at six", "replicas": 3,
                "database": {"secretName": "harbour-database"},
            })
        );
        let bare = Context::builder().build();
        let values = Boards::values(&board(0), &bare).unwrap();
        assert_eq!(
            (&values["notice"], &values["replicas"]),
            (&json!(""), &json!(1))
        );
    }

    #[test]
    fn the_release_waits_for_its_secret() {
        let cx = Context::builder().build();
        let step = Boards::before(&board(1), None, &cx).unwrap();
        assert_eq!(
            step.waits_for(),
            Some("v1 Secret town/harbour-database: not found")
        );
        let secret = step.wanted()[0].object();
        assert_eq!(secret["stringData"]["url"], "postgres://db.town/harbour");
        let cx = Context::builder()
            .cluster(FakeCluster::new().child(secret))
            .build();
        assert_eq!(
            Boards::before(&board(1), None, &cx).unwrap().waits_for(),
            None
        );
    }

    #[test]
    fn each_revision_is_asked_once() {
        let release = Release {
            name: String::from("harbour"),
            revision: 2,
            chart_version: String::from("1.0.0"),
            ..Release::default()
        };
        let cx = |cluster| {
            let settings = json!({"domain": "town.example"});
            Context::builder().settings(settings).cluster(cluster)
        };
        let step = Boards::after(&board(1), &release, &cx(FakeCluster::new()).build()).unwrap();
        assert_eq!(
            step.status_patch(),
            Some(&json!({"url": "http://harbour.town.example", "chart": "1.0.0"}))
        );
        let job = step.wanted()[0].clone();
        let target = job.target().unwrap();
        assert_eq!(target.name, "harbour-serves-2");
        let failed = FakeCluster::new()
            .child(job.object())
            .health(&target, Health::Failed);
        let leaving = cx(failed.clone()).deleting(true).build();
        let waits = |cx: &Context| {
            Boards::after(&board(1), &release, cx)
                .unwrap()
                .waits_for()
                .map(String::from)
        };
        assert_eq!(
            waits(&cx(failed).build()).as_deref(),
            Some("batch/v1 Job town/harbour-serves-2: failed")
        );
        assert_eq!(waits(&leaving), None);
    }
}
