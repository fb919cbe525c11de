//! The Job between two versions: `batch/v1 Job`.
//!
//! It runs exactly once per revision. `create` never changes what is there; before it, the intent is written down,
//! and with it, that the Job was created. One that is missing after that is never created again by itself: nobody knows
//! what it did.

use oarlock_sdk::{Child, Context, ReadError, Resource, Value, json};
use serde::{Deserialize, Serialize};

use crate::deployment::REVISION;
use crate::naming;
use crate::plan::Plan;
use crate::rollout::State;
use crate::spec::Migration;
use crate::status::{MigrationStatus, Release};
use crate::template;

/// Name of the Job's container.
const CONTAINER: &str = "migration";

#[derive(Clone, Debug, Deserialize, Resource)]
#[resource(
    group = "batch",
    version = "v1",
    kind = "Job",
    plural = "jobs",
    namespaced,
    status = JobStatus
)]
struct Job {}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct JobStatus {
    conditions: Vec<JobCondition>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct JobCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// The Jobs that the Deployer owns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs(Vec<Known>);

#[derive(Clone, Debug)]
struct Known {
    name: String,
    revision: String,
    standing: Standing,
}

/// How a Job is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    Missing,
    Active,
    Succeeded,
    /// With what Kubernetes says of it.
    Failed(String),
}

impl Jobs {
    pub(crate) fn read(cx: &Context) -> Result<Self, ReadError> {
        let jobs = cx.children_of::<Job>()?;
        Ok(Self(
            jobs.into_iter()
                .map(|job| Known {
                    name: String::from(job.name()),
                    revision: job
                        .metadata
                        .labels
                        .get(REVISION)
                        .cloned()
                        .unwrap_or_default(),
                    standing: Standing::of(&job.status),
                })
                .collect(),
        ))
    }

    pub(crate) fn standing(&self, name: &str) -> &Standing {
        self.0
            .iter()
            .find(|known| known.name == name)
            .map_or(&Standing::Missing, |known| &known.standing)
    }

    /// The Job to create, and those that stay: what is active, and what belongs to a revision that people still ask about.
    pub(crate) fn children(
        &self,
        plan: &Plan,
        state: &State,
        create: Option<&MigrationStatus>,
    ) -> Vec<Child> {
        let stays = |known: &&Known| {
            known.standing == Standing::Active
                || known.revision == state.to.revision
                || state.is_rejected(&known.revision)
        };
        let kept = self.0.iter().filter(stays);
        let created = create
            .zip(plan.migration.as_ref())
            .filter(|(status, _)| *self.standing(&status.job) == Standing::Missing);
        let created = created.map(|(status, migration)| job(plan, migration, &state.to, status));
        kept.map(|known| stand_in(plan, &known.name))
            .chain(created)
            .map(Child::create)
            .collect()
    }
}

impl Standing {
    fn of(status: &JobStatus) -> Self {
        let is = |kind: &'static str| {
            status
                .conditions
                .iter()
                .find(move |one| one.kind == kind && one.status == "True")
        };
        if is("Complete").is_some() {
            return Self::Succeeded;
        }
        match is("Failed") {
            Some(failed) => Self::Failed(format!("{}: {}", failed.reason, failed.message)),
            None => Self::Active,
        }
    }
}

/// The Job of a release: environment, volumes and account are those of its own Pods, but not their labels, by which
/// Services would find it.
fn job(plan: &Plan, migration: &Migration, to: &Release, status: &MigrationStatus) -> Value {
    let pods = &to.template["spec"];
    let main = pods["containers"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["image"] == to.image.as_str()))
        .cloned()
        .unwrap_or_default();
    let mut container = json!({
        "name": CONTAINER,
        "image": migration.image.as_ref().unwrap_or(&to.image),
    });
    for field in [
        "env",
        "envFrom",
        "volumeMounts",
        "imagePullPolicy",
        "securityContext",
    ] {
        container[field] = main[field].clone();
    }
    for (field, words) in [("command", &migration.command), ("args", &migration.args)] {
        if !words.is_empty() {
            container[field] = json!(words);
        }
    }
    let mut spec = json!({"restartPolicy": "Never", "containers": [container]});
    for field in [
        "volumes",
        "serviceAccountName",
        "imagePullSecrets",
        "securityContext",
        "nodeSelector",
        "tolerations",
        "affinity",
    ] {
        spec[field] = pods[field].clone();
    }
    let mut pod = json!({"metadata": {"labels": labels(plan, to)}, "spec": spec});
    template::merge(&mut pod, migration.template.as_ref().unwrap_or(&json!({})));
    let mut job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": status.job, "namespace": plan.namespace, "labels": labels(plan, to)},
        "spec": {
            "backoffLimit": migration.backoff_limit,
            "activeDeadlineSeconds": migration.active_deadline_seconds,
            "template": pod,
        },
    });
    template::without_nulls(&mut job);
    job
}

fn labels(plan: &Plan, to: &Release) -> Value {
    let mut labels = json!({});
    labels["deploy.example.com/migration-of"] = naming::label(&plan.deployer).into();
    labels[REVISION] = to.revision.as_str().into();
    labels
}

/// Keeps a Job that is there: `create` never changes it, and could not create one of this.
fn stand_in(plan: &Plan, name: &str) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": plan.namespace},
    })
}
