#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::{Cell, RefCell};

use oarlock_sdk::artifacts::{Artifact, Source};
use oarlock_sdk::testing::{Packages, World};
use oarlock_sdk::{ApiError, ConditionStatus, KindInfo, ObjectRef, ReadError, Requeue, json};

use super::*;
use crate::run::engine::scripted::{self, Scripted};
use crate::run::engine::{Rendered, ValueSource};
use crate::run::reconcile;
use crate::storage;

/// Steps that are ready when they are told to be.
#[derive(Default)]
struct Script {
    before_waits: Cell<Option<&'static str>>,
    after_waits: Cell<Option<&'static str>>,
    failure: RefCell<Option<Failure>>,
    /// What `after` says in the status.
    status: RefCell<Option<Value>>,
    asked: RefCell<Vec<String>>,
}

impl Script {
    fn note(&self, what: String) -> Result<(), Failure> {
        self.asked.borrow_mut().push(what);
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    /// Each question once, in the order in which they were asked first.
    fn asked(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        for asked in self.asked.take() {
            if !all.contains(&asked) {
                all.push(asked);
            }
        }
        all.join(" ")
    }
}

fn named(kind: &str, name: &str) -> Value {
    let api_version = if kind == "Job" { "batch/v1" } else { "v1" };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}})
}

fn waits(step: Step, what: Option<&str>) -> Step {
    match what {
        Some(what) => step.waiting_for(what),
        None => step,
    }
}

impl Steps for Script {
    fn values(&self, request: &Request) -> Result<Map<String, Value>, Failure> {
        self.note(String::from("values"))?;
        let object: Value = serde_json::from_str(&request.object).unwrap();
        let settings: Value = serde_json::from_str(&request.settings).unwrap();
        let size = object["spec"]["size"].as_u64().unwrap();
        let per = settings["replicasPerSize"].as_u64().unwrap_or(1);
        Ok(json!({"replicas": size * per}).as_object().unwrap().clone())
    }

    fn before(&self, request: &Request, release: Option<&Release>) -> Result<Step, Failure> {
        let of = release.map_or_else(String::new, |release| release.revision.to_string());
        let leaves = if request.deleting { "-leaving" } else { "" };
        self.note(format!("before{leaves}({of})"))?;
        let step = Step::new()
            .child(Child::create(named("Secret", "login")))
            .condition(Condition::yes("Login", "Made", ""));
        Ok(waits(step, self.before_waits.get()))
    }

    fn after(&self, _: &Request, release: &Release) -> Result<Step, Failure> {
        let Release {
            name,
            namespace,
            revision,
            chart_version,
        } = release;
        self.note(format!(
            "after({namespace}/{name}.v{revision}@{chart_version})"
        ))?;
        let job = format!("welcome-{revision}");
        let step = Step::new()
            .child(Child::create(named("Job", &job)))
            .condition(Condition::yes("Ready", "NotMine", ""));
        let step = match &*self.status.borrow() {
            Some(status) => step.status(status.clone()),
            None => step,
        };
        Ok(waits(step, self.after_waits.get()))
    }
}

struct Site {
    world: World,
    engine: Scripted,
    script: Script,
}

fn settings() -> Value {
    json!({"chart": "web", "overrideValues": {"color": "blue"}, "steps": {"replicasPerSize": 2}})
}

impl Site {
    fn new() -> Self {
        let mut world = World::new(json!({
            "apiVersion": "example.com/v1",
            "kind": "Shop",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"size": 3},
        }));
        world.settings(settings());
        for (api_version, kind) in [("v1", "Secret"), ("v1", "ConfigMap"), ("batch/v1", "Job")] {
            world.serves(KindInfo {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                plural: format!("{}s", kind.to_lowercase()),
                namespaced: true,
            });
        }
        let artifact = Artifact {
            digest: String::from("sha256:web"),
            name: String::from("web"),
            version: String::from("1.0.0"),
            ..Artifact::default()
        };
        let source = Source::Local(String::from("web"));
        world.packages(Packages::new().package(source, artifact, Vec::new()));
        let engine = Scripted::new().chart("sha256:web", "web", "1.0.0", |request| {
            let Some(ValueSource::Json(values)) = request.values.first() else {
                panic!("{:?}", request.values);
            };
            let content = format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  replicas: '{}'\n",
                values["replicas"]
            );
            Ok(Rendered {
                documents: vec![scripted::document("ConfigMap", "web", &content)],
                ..Rendered::default()
            })
        });
        Self {
            world,
            engine,
            script: Script::default(),
        }
    }

    fn installed() -> Self {
        let mut site = Self::new();
        site.settle();
        site.script.asked();
        site
    }

    fn call(&self) -> Result<Outcome, Failure> {
        self.world.call(|object: AnyObject, cx: &Context| {
            reconcile(&object, cx, &self.engine, Some(&self.script))
        })
    }

    fn settle(&mut self) {
        for _ in 0..40 {
            let outcome = self.call().unwrap();
            let changed = self.world.perform(&outcome, usize::MAX);
            let again = changed || outcome.when() == Requeue::OnceWritten;
            if self.world.is_gone() || !again || self.world.refusal().is_some() {
                return;
            }
        }
        panic!("it never settles: {:#}", self.world.status());
    }

    /// `Kind name` of all that is there.
    fn objects(&self) -> String {
        let text =
            |object: &Value, at: &str| object.pointer(at).unwrap().as_str().unwrap().to_owned();
        let mut all: Vec<_> = self
            .world
            .objects()
            .map(|object| {
                let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
                format!("{kind} {name}")
            })
            .collect();
        all.sort();
        all.join(", ")
    }

    fn record(&self, version: u32) -> crate::record::Record {
        let name = storage::secret_name("web", version);
        let target = ObjectRef::new("v1", "Secret", name).in_namespace("shop");
        let secret = self.world.live(&target).unwrap().to_string();
        storage::record(&secret, |_| None).unwrap()
    }

    /// `Status Reason: message`.
    fn condition(&self, kind: &str) -> String {
        let text = |found: &Value, key: &str| found[key].as_str().unwrap_or_default().to_owned();
        self.world
            .condition(kind)
            .map_or_else(String::new, |found| {
                format!(
                    "{} {}: {}",
                    text(found, "status"),
                    text(found, "reason"),
                    text(found, "message")
                )
            })
    }
}

#[test]
fn values_are_computed_and_overridden() {
    let mut site = Site::installed();
    assert_eq!(
        Value::Object(site.record(1).config),
        json!({"replicas": 6, "color": "blue"})
    );
    site.world.edit(json!({"spec": {"size": 4}}));
    site.settle();
    assert_eq!(
        Value::Object(site.record(2).config),
        json!({"replicas": 8, "color": "blue"})
    );
}

#[test]
fn a_run_that_finds_everything_changes_nothing() {
    let mut site = Site::installed();
    let outcome = site.call().unwrap();
    assert!(!site.world.perform(&outcome, usize::MAX));
    assert_eq!(
        site.script.asked(),
        "values before(1) after(shop/web.v1@1.0.0)"
    );
}

#[test]
fn nothing_begins_before_what_comes_first_is_ready() {
    let mut site = Site::new();
    site.script.before_waits.set(Some("the login"));
    site.settle();
    assert_eq!(site.objects(), "Secret login");
    assert_eq!(site.script.asked(), "values before()");
    assert_eq!(
        site.condition("Ready"),
        "False StepNotReady: before the release: the login"
    );
    site.script.before_waits.set(None);
    site.settle();
    assert_eq!(
        site.objects(),
        "ConfigMap web, Job welcome-1, Secret login, Secret sh.helm.release.v1.web.v1"
    );
    assert!(
        site.condition("Ready").starts_with("True "),
        "{}",
        site.condition("Ready")
    );
    assert_eq!(site.condition("Login"), "True Made: ");
}

#[test]
fn no_revision_is_ready_before_it_was_looked_at() {
    let mut site = Site::new();
    let mut seen = Vec::new();
    for size in [3, 4] {
        site.world.edit(json!({"spec": {"size": size}}));
        for _ in 0..20 {
            let outcome = site.call().unwrap();
            site.world.perform(&outcome, usize::MAX);
            let ready = outcome.condition_of("Ready").unwrap();
            if ready.status != ConditionStatus::Yes {
                continue;
            }
            let version = &site.world.status()["lifecycle"]["history"][0]["version"];
            let job = format!("welcome-{version}");
            let mut children = outcome.exactly().unwrap().iter();
            assert!(children.any(|child| child.object()["metadata"]["name"] == job.as_str()));
            seen.push(job);
        }
    }
    seen.dedup();
    assert_eq!(seen, ["welcome-1", "welcome-2"]);
}

#[test]
fn what_runs_is_left_alone_while_something_is_waited_for() {
    let mut site = Site::installed();
    let before = site.objects();
    site.script.before_waits.set(Some("the login"));
    site.world.edit(json!({"spec": {"size": 4}}));
    site.settle();
    assert_eq!(site.objects(), before);
    assert!(site.condition("Ready").starts_with("False StepNotReady"));
    site.script.before_waits.set(None);
    site.settle();
    assert_eq!(site.record(2).config["replicas"], 8);
    // What was of the first revision is not listed any more.
    assert!(site.objects().contains("Job welcome-2") && !site.objects().contains("welcome-1"));
}

#[test]
fn an_object_is_ready_when_what_comes_after_is() {
    let mut site = Site::new();
    site.script.after_waits.set(Some("the welcome"));
    *site.script.status.borrow_mut() = Some(json!({
        "url": "https://web",
        "lifecycle": {"release": null},
        "deployedRelease": {"name": "mine"},
    }));
    site.settle();
    assert_eq!(
        site.condition("Ready"),
        "False StepNotReady: after the release: the welcome"
    );
    let status = site.world.status();
    assert_eq!(status["url"], "https://web");
    assert_eq!(status["deployedRelease"]["name"], "web");
    assert_eq!(status["lifecycle"]["release"]["name"], "web");
    site.script.after_waits.set(None);
    site.settle();
    assert!(site.condition("Ready").starts_with("True "));
}

#[test]
fn an_object_goes_in_the_reverse_order() {
    let mut site = Site::installed();
    let all = site.objects();
    site.script.after_waits.set(Some("a backup"));
    site.script.before_waits.set(Some("the account"));
    site.world.delete();
    site.settle();
    assert_eq!(site.objects(), all);
    assert_eq!(
        site.condition("Ready"),
        "False StepNotReady: after the release, before it is uninstalled: a backup"
    );
    assert_eq!(
        site.script.asked(),
        "before-leaving(1) after(shop/web.v1@1.0.0)"
    );

    site.script.after_waits.set(None);
    site.settle();
    assert_eq!(site.objects(), "Secret login");
    assert!(!site.world.is_gone());
    assert_eq!(
        site.condition("Ready"),
        "False StepNotReady: before the release, which is gone: the account"
    );
    assert!(site.script.asked().ends_with("before-leaving()"));

    site.script.before_waits.set(None);
    site.settle();
    assert!(site.world.is_gone());
}

#[test]
fn a_step_that_fails_fails_the_run() {
    let mut site = Site::installed();
    let failure = Failure::invalid("spec.size", "is odd");
    *site.script.failure.borrow_mut() = Some(failure.clone());
    assert_eq!(site.call().unwrap_err(), failure);
    site.world.delete();
    assert_eq!(site.call().unwrap_err(), failure);
}

#[test]
fn a_child_that_is_refused_is_no_failure_of_the_release() {
    let mut site = Site::new();
    let login = ObjectRef::new("v1", "Secret", "login").in_namespace("shop");
    let no = ApiError {
        code: 403,
        reason: String::from("Forbidden"),
        message: String::from("no"),
    };
    site.settle();
    site.world.delete_child("login");
    site.world.refuses(&login, no);
    site.world.edit(json!({"spec": {"size": 5}}));
    for _ in 0..5 {
        site.settle();
    }
    assert_eq!(site.world.status()["lifecycle"]["failures"], 0);
    site.world.takes(&login);
    site.settle();
    assert_eq!(site.record(2).config["replicas"], 10);
    assert!(site.condition("Ready").starts_with("True "));
}

#[test]
fn what_steps_made_stays_where_they_cannot_be_asked() {
    let mut site = Site::installed();
    let away = ReadError::Unavailable(String::from("away"));
    site.world.fails("v1", "Secret", away);
    let failure = site.call().unwrap_err();
    assert!(
        matches!(&failure, Failure::RetryAfter(_, message) if message.contains("away")),
        "{failure:?}"
    );
}

#[test]
fn steps_are_for_a_chart() {
    let mut site = Site::new();
    site.world.settings(json!({}));
    let failure = site.call().unwrap_err();
    assert_eq!(
        failure.to_string(),
        "settings.chart: missing\nhint: name the chart that the steps are for: chart: in the watch"
    );
}
