#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use oarlock_config::Env;
use oarlock_core::artifact::Closed;
use oarlock_core::future::BoxFuture;
use oarlock_core::limits::Limits;
use oarlock_core::manifest::Manifest as ModuleManifest;
use oarlock_core::object::Object;
use oarlock_core::outcome::{Child, Children, Outcome, Requeue};
use oarlock_core::reconciler::{Host, HttpRequest, Reconciler, RunError};
use oarlock_core::reference::Digest;
use oarlock_core::request::Request;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{BEGIN, End, Record, Subject, run};
use crate::simulate::manifests::Manifest;
use crate::simulate::observation::clock;
use crate::simulate::scenario::Scenario;
use crate::simulate::timeline::{Timeline, What};

type Run = dyn Fn(Request, Arc<dyn Host>) -> BoxFuture<'static, Outcome> + Send + Sync;

/// A module in a few lines.
struct Fake {
    manifest: ModuleManifest,
    digest: Digest,
    run: Box<Run>,
}

impl Reconciler for Fake {
    fn manifest(&self) -> &ModuleManifest {
        &self.manifest
    }

    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn reconcile<'a>(
        &'a self,
        request: &'a Request,
        host: Arc<dyn Host>,
        _: Limits,
    ) -> BoxFuture<'a, Result<Outcome, RunError>> {
        let outcome = (self.run)(request.clone(), host);
        Box::pin(async move { Ok(outcome.await) })
    }
}

const WATCHES: &str = "\
- group: example.com
  version: v1
  kind: Widget
  module: fake.wasm
  grants:
    write: [{apiGroups: [apps], resources: [deployments]}]
    http: ['http://prometheus:9090', 'http://gate.test']
";

fn map(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other}"),
    }
}

fn definition() -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": open, "status": open}}},
            }],
        },
    })
}

fn widget() -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "team"},
        "spec": {"replicas": 2},
    })
}

/// A subject with one Widget, and this module.
fn subject<F>(
    scenario: &str,
    time: Option<Duration>,
    reconcile: impl Fn(Request, Arc<dyn Host>) -> F + Send + Sync + 'static,
) -> Subject
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let fake = Fake {
        manifest: ModuleManifest {
            name: "fake".to_owned(),
            version: "1.0.0".to_owned(),
            crds: Vec::new(),
            finalizer: None,
            writes: Vec::new(),
            reads: Vec::new(),
            http: Vec::new(),
        },
        digest: Digest::of(b"fake"),
        run: Box::new(move |request, host| Box::pin(reconcile(request, host))),
    };
    let mut watches = oarlock_config::parse("watches.yaml", WATCHES, &Env::empty()).watches;
    let scenario = match scenario {
        "" => Scenario::default(),
        text => Scenario::parse("scenario.yaml".as_ref(), text)
            .unwrap_or_else(|findings| panic!("{}", findings[0])),
    };
    Subject {
        definitions: vec![Manifest::brought(map(definition()), "test")],
        manifests: vec![Manifest::brought(map(widget()), "test")],
        served: vec![(watches.remove(0), Arc::new(fake))],
        artifacts: Arc::new(Closed),
        scenario,
        time,
    }
}

fn record(subject: Subject) -> Record {
    run(subject, &CancellationToken::new()).unwrap_or_else(|error| panic!("{error:?}"))
}

fn ended(subject: Subject) -> (End, String) {
    let record = record(subject);
    (record.end, clock(record.ended.since(BEGIN)))
}

fn status(status: Value) -> Outcome {
    Outcome {
        status: Some(map(status)),
        ..Outcome::nothing()
    }
}

/// A Deployment of two Pods.
fn deployment(image: &str) -> Children {
    let labels = json!({"app": "w"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "namespace": "team"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
    });
    let object = Object::from_value(deployment).unwrap();
    Children::Exactly(vec![Child::owned(object)])
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn it_ends_when_nothing_is_to_come() {
    let subject = subject("", None, async |_, _| status(json!({"phase": "Done"})));
    let (end, _) = ended(subject);
    assert_eq!(end, End::Rest(BEGIN));
}

#[test]
fn it_waits_for_a_call_that_is_far_away() {
    let subject = subject("", None, async |request: Request, _| {
        let due = BEGIN.after(8 * HOUR);
        let phase = if request.now < due { "Waiting" } else { "Done" };
        Outcome {
            requeue: match phase {
                "Done" => Requeue::OnChange,
                _ => Requeue::At(due),
            },
            ..status(json!({"phase": phase}))
        }
    });
    let (end, _) = ended(subject);
    assert_eq!(end, End::Rest(BEGIN.after(8 * HOUR)));
}

#[test]
fn it_does_not_wait_for_somebody_who_only_asks() {
    // Its status changes with every call, and nothing else does.
    let subject = subject("", None, async |request: Request, _| Outcome {
        requeue: Requeue::After(Duration::from_secs(60)),
        ..status(json!({"checked": request.now.rfc3339()}))
    });
    let (end, at) = ended(subject);
    assert_eq!(end, End::Waiting(BEGIN));
    assert_eq!(at, "6:00:00");
}

#[test]
fn it_gives_up_on_what_never_rests() {
    let scenario = "pods: [{fail: CrashLoopBackOff, failAfter: 10s}]";
    let subject = subject(scenario, None, async |_, _| Outcome {
        children: deployment("broken:1"),
        ..Outcome::nothing()
    });
    let (end, at) = ended(subject);
    assert_eq!(end, End::Restless);
    assert_eq!(at, "24:00:00");
}

#[test]
fn it_ends_when_its_time_is_over() {
    let time = Duration::from_secs(95);
    let subject = subject("", Some(time), async |_, _| Outcome::nothing());
    assert_eq!(ended(subject), (End::Time, "01:35".to_owned()));
}

#[test]
fn it_ends_when_it_is_told_to() {
    let stop = CancellationToken::new();
    stop.cancel();
    let subject = subject("", None, async |_, _| Outcome::nothing());
    assert_eq!(run(subject, &stop).unwrap().end, End::Interrupted);
}

#[test]
fn pods_behave_as_they_are_told_from_the_time_they_are_told() {
    let scenario = "\
pods:
  - {readyAfter: 90s}
  - {image: 'w:*', fail: NeverReady, at: 10m}
";
    let subject = subject(scenario, Some(HOUR), async |request: Request, _| {
        let version = if request.now < BEGIN.after(HOUR / 3) {
            1
        } else {
            2
        };
        Outcome {
            children: deployment(&format!("w:{version}")),
            requeue: Requeue::At(BEGIN.after(HOUR / 3)),
            ..Outcome::nothing()
        }
    });
    let timeline = Timeline::of(&record(subject), &[]);
    let counts: Vec<String> = timeline
        .lines
        .iter()
        .filter_map(|line| match &line.what {
            What::Frame(frame) => {
                let total: u64 = frame.tracks.iter().map(|t| t.total).sum();
                let ready: u64 = frame.tracks.iter().map(|t| t.ready).sum();
                Some(format!("{} {ready} of {total}", clock(line.at)))
            }
            What::Done(_, text) => Some(format!("{} {text}", clock(line.at))),
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(counts.join("\n"));
}

/// The operator forgets all when it is killed, and is not there for as long as it is said.
#[test]
fn a_crash_takes_the_operator_away() {
    let scenario = "\
changes:
  - {at: 5m, patch: {target: widgets/w, namespace: team, merge: {spec: {replicas: 3}}}}
crashes:
  - {at: 4m, down: 3m}
";
    let subject = subject(scenario, Some(HOUR), async |request: Request, _| {
        let object: Value = serde_json::from_str(request.object.as_str()).unwrap();
        Outcome {
            requeue: Requeue::After(Duration::from_secs(60)),
            ..status(json!({
                "phase": format!("saw {} at {}", object["spec"]["replicas"], clock(request.now.since(BEGIN))),
            }))
        }
    });
    let timeline = Timeline::of(&record(subject), &[]);
    let lines: Vec<String> = timeline
        .lines
        .iter()
        .take_while(|line| line.at < Duration::from_secs(9 * 60))
        .map(|line| match &line.what {
            What::Frame(frame) => format!("{} {}", clock(line.at), frame.phase),
            What::Done(_, text) => format!("{} {text}", clock(line.at)),
            other => format!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// What is asked of the world outside is answered by the scenario, and nothing leaves the process.
#[test]
fn the_world_outside_is_the_scenario() {
    let scenario = "\
metrics:
  - {name: success, series: 99.5 80 none error timeout}
webhooks:
  - {url: 'http://gate.test/open', answers: [{at: 0s, answer: 403}, {at: 2m, answer: 200}]}
";
    let subject = subject(
        scenario,
        Some(Duration::from_secs(400)),
        async |_: Request, host: Arc<dyn Host>| {
            let ask = async |url: &str, headers: &[(&str, &str)]| {
                let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
                let request = HttpRequest {
                    method: "GET".to_owned(),
                    url: url.to_owned(),
                    headers: headers.iter().map(owned).collect(),
                    body: Vec::new(),
                    timeout: Some(Duration::from_secs(5)),
                    ca_bundle: None,
                    insecure_skip_tls_verify: false,
                    auth: None,
                    effect: None,
                };
                match host.send(request).await {
                    Ok(answer) => {
                        let body = String::from_utf8(answer.body).unwrap();
                        let body: Value = serde_json::from_str(&body).unwrap_or_default();
                        let value = body.pointer("/data/result/0/value/1").cloned();
                        format!("{} {}", answer.status, value.unwrap_or_default())
                    }
                    Err(error) => error.to_string(),
                }
            };
            let url = "http://prometheus:9090/api/v1/query?query=up";
            let metric = ask(url, &[("x-oarlock-metric", "success")]).await;
            let gate = ask("http://gate.test/open?by=w", &[]).await;
            Outcome {
                requeue: Requeue::After(Duration::from_secs(60)),
                ..status(json!({"phase": format!("{metric}; {gate}")}))
            }
        },
    );
    let timeline = Timeline::of(&record(subject), &[]);
    let lines: Vec<String> = timeline
        .lines
        .iter()
        .map(|line| match &line.what {
            What::Frame(frame) => format!("{} {}", clock(line.at), frame.phase),
            What::Done(_, text) => format!("{} {text}", clock(line.at)),
            other => format!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_refused_ends_the_simulation() {
    let scenario = "changes: [{at: 5m, patch: {target: widgets/other, merge: {}}}]";
    let subject = subject(scenario, None, async |_, _| Outcome::nothing());
    let error = run(subject, &CancellationToken::new()).unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @r#"at 05:00, patch widgets/other {}: the patch of widgets/other was refused: widgets.example.com "other" not found"#);
}
