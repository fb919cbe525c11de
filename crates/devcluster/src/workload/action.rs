//! What the controllers decide to do, before anybody does it.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use oarlock_core::timestamp::Timestamp;
use serde_json::Value;

use super::instant::earlier;
use crate::resource::ResourceId;

/// One write. Updates carry the resourceVersion they were decided on, so that a decision on stale facts is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Create the object.
    Create(Body),
    /// Replace the object.
    Update(Body),
    /// Replace the object's status.
    UpdateStatus(Body),
    /// Delete the object of this kind, namespace, name and uid, its dependents in the background.
    Delete(Body),
}

/// An object of a kind that the controllers work on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// `apps/v1` Deployment.
    Deployment(Box<Deployment>),
    /// `apps/v1` ReplicaSet.
    ReplicaSet(Box<ReplicaSet>),
    /// `apps/v1` StatefulSet.
    StatefulSet(Box<StatefulSet>),
    /// `apps/v1` DaemonSet.
    DaemonSet(Box<DaemonSet>),
    /// `batch/v1` Job.
    Job(Box<Job>),
    /// `v1` Pod.
    Pod(Box<Pod>),
}

/// The kinds of [`Body`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// First, so that controllers see the newest state of their pods.
    Pod,
    /// Before its Deployment, for the same reason.
    ReplicaSet,
    /// Of pods.
    StatefulSet,
    /// Of pods.
    DaemonSet,
    /// Of pods.
    Job,
    /// Of ReplicaSets.
    Deployment,
}

/// The outcome of looking at one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// In this order; the first that fails ends the list.
    pub(crate) actions: Vec<Action>,
    /// When to look again though nothing has changed.
    pub(crate) wake: Option<Timestamp>,
}

impl Decision {
    /// Nothing to do.
    pub(crate) fn idle() -> Self {
        Self::default()
    }

    /// A single action.
    pub(crate) fn act(action: Action) -> Self {
        Self {
            actions: vec![action],
            wake: None,
        }
    }

    /// Looks again no later than `instant`.
    pub(crate) fn wake_at(&mut self, instant: Option<Timestamp>) {
        self.wake = earlier(self.wake, instant);
    }
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 6] = [
        Self::Pod,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::Deployment,
    ];

    /// Where objects of the kind are kept.
    pub(crate) const fn resource(self) -> ResourceId {
        match self {
            Self::Pod => ResourceId::of("", "pods"),
            Self::ReplicaSet => ResourceId::of("apps", "replicasets"),
            Self::StatefulSet => ResourceId::of("apps", "statefulsets"),
            Self::DaemonSet => ResourceId::of("apps", "daemonsets"),
            Self::Job => ResourceId::of("batch", "jobs"),
            Self::Deployment => ResourceId::of("apps", "deployments"),
        }
    }

    /// As in `kind`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::Deployment => "Deployment",
        }
    }

    /// As in `apiVersion`.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::Pod => "v1",
            Self::Job => "batch/v1",
            Self::ReplicaSet | Self::StatefulSet | Self::DaemonSet | Self::Deployment => "apps/v1",
        }
    }
}

impl Body {
    /// Reads an object of the kind.
    pub(crate) fn parse(kind: Kind, value: &Value) -> Result<Self, serde_json::Error> {
        use serde::Deserialize as _;
        Ok(match kind {
            Kind::Pod => Self::Pod(Box::new(Pod::deserialize(value)?)),
            Kind::ReplicaSet => Self::ReplicaSet(Box::new(ReplicaSet::deserialize(value)?)),
            Kind::StatefulSet => Self::StatefulSet(Box::new(StatefulSet::deserialize(value)?)),
            Kind::DaemonSet => Self::DaemonSet(Box::new(DaemonSet::deserialize(value)?)),
            Kind::Job => Self::Job(Box::new(Job::deserialize(value)?)),
            Kind::Deployment => Self::Deployment(Box::new(Deployment::deserialize(value)?)),
        })
    }

    /// The object as the API has it.
    pub(crate) fn to_value(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Pod(object) => serde_json::to_value(object),
            Self::ReplicaSet(object) => serde_json::to_value(object),
            Self::StatefulSet(object) => serde_json::to_value(object),
            Self::DaemonSet(object) => serde_json::to_value(object),
            Self::Job(object) => serde_json::to_value(object),
            Self::Deployment(object) => serde_json::to_value(object),
        }
    }

    /// Which kind it is.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Pod(_) => Kind::Pod,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::StatefulSet(_) => Kind::StatefulSet,
            Self::DaemonSet(_) => Kind::DaemonSet,
            Self::Job(_) => Kind::Job,
            Self::Deployment(_) => Kind::Deployment,
        }
    }

    /// Its metadata.
    pub(crate) fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Pod(object) => &object.metadata,
            Self::ReplicaSet(object) => &object.metadata,
            Self::StatefulSet(object) => &object.metadata,
            Self::DaemonSet(object) => &object.metadata,
            Self::Job(object) => &object.metadata,
            Self::Deployment(object) => &object.metadata,
        }
    }
}
