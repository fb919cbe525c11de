//! Which lists of the types of Kubernetes are merged by which keys.
//!
//! As the API's own types say it (`patchStrategy`, `patchMergeKey`, and the further keys of `x-kubernetes-list-map-keys`). Types
//! that are not here, custom ones among them, have no such lists: theirs are replaced.

/// A type, as far as patches need it.
#[derive(Debug)]
pub(super) struct Shape {
    fields: &'static [Field],
}

/// A field of a type.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    /// How it is merged, where it is a list.
    pub(super) list: List,
    /// Its type, or that of its elements.
    pub(super) shape: &'static Shape,
}

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// It is replaced.
    Replaced,
    /// By the values of these keys.
    Keyed(&'static [&'static str]),
    /// It is a set of scalars.
    Set,
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

const fn inner(name: &'static str, shape: &'static Shape) -> Field {
    Field {
        name,
        list: List::Replaced,
        shape,
    }
}

const fn keyed(name: &'static str, keys: &'static [&'static str], shape: &'static Shape) -> Field {
    Field {
        name,
        list: List::Keyed(keys),
        shape,
    }
}

/// A type of which nothing is known.
pub(super) static OTHER: Shape = Shape { fields: &[] };

static METADATA: Shape = Shape {
    fields: &[
        keyed("ownerReferences", &["uid"], &OTHER),
        Field {
            name: "finalizers",
            list: List::Set,
            shape: &OTHER,
        },
    ],
};

static CONTAINER: Shape = Shape {
    fields: &[
        keyed("env", &["name"], &OTHER),
        keyed("ports", &["containerPort", "protocol"], &OTHER),
        keyed("volumeMounts", &["mountPath"], &OTHER),
        keyed("volumeDevices", &["devicePath"], &OTHER),
    ],
};

static POD_SPEC: Shape = Shape {
    fields: &[
        keyed("containers", &["name"], &CONTAINER),
        keyed("initContainers", &["name"], &CONTAINER),
        keyed("ephemeralContainers", &["name"], &CONTAINER),
        keyed("volumes", &["name"], &OTHER),
        keyed("imagePullSecrets", &["name"], &OTHER),
        keyed("hostAliases", &["ip"], &OTHER),
        keyed(
            "topologySpreadConstraints",
            &["topologyKey", "whenUnsatisfiable"],
            &OTHER,
        ),
        keyed("schedulingGates", &["name"], &OTHER),
        keyed("resourceClaims", &["name"], &OTHER),
    ],
};

/// A pod, and the template of one.
static POD: Shape = Shape {
    fields: &[inner("metadata", &METADATA), inner("spec", &POD_SPEC)],
};

static POD_TEMPLATE: Shape = Shape {
    fields: &[inner("metadata", &METADATA), inner("template", &POD)],
};

static WORKLOAD_SPEC: Shape = Shape {
    fields: &[inner("template", &POD)],
};

/// Deployments and whatever else has a pod template under `spec`.
static WORKLOAD: Shape = Shape {
    fields: &[inner("metadata", &METADATA), inner("spec", &WORKLOAD_SPEC)],
};

static CRON_JOB_SPEC: Shape = Shape {
    fields: &[inner("jobTemplate", &WORKLOAD)],
};

static CRON_JOB: Shape = Shape {
    fields: &[inner("metadata", &METADATA), inner("spec", &CRON_JOB_SPEC)],
};

static SERVICE_SPEC: Shape = Shape {
    fields: &[keyed("ports", &["port", "protocol"], &OTHER)],
};

static SERVICE: Shape = Shape {
    fields: &[inner("metadata", &METADATA), inner("spec", &SERVICE_SPEC)],
};

static SERVICE_ACCOUNT: Shape = Shape {
    fields: &[
        inner("metadata", &METADATA),
        keyed("secrets", &["name"], &OTHER),
    ],
};

static WEBHOOK: Shape = Shape {
    fields: &[keyed("matchConditions", &["name"], &OTHER)],
};

static WEBHOOKS: Shape = Shape {
    fields: &[
        inner("metadata", &METADATA),
        keyed("webhooks", &["name"], &WEBHOOK),
    ],
};

static ADMISSION_SPEC: Shape = Shape {
    fields: &[
        keyed("matchConditions", &["name"], &OTHER),
        keyed("variables", &["name"], &OTHER),
    ],
};

static ADMISSION: Shape = Shape {
    fields: &[inner("metadata", &METADATA), inner("spec", &ADMISSION_SPEC)],
};

static BUILT_IN: Shape = Shape {
    fields: &[inner("metadata", &METADATA)],
};

/// The type of a kind.
pub(super) fn of(group: &str, kind: &str) -> &'static Shape {
    match (group, kind) {
        ("", "Pod") => &POD,
        ("", "PodTemplate") => &POD_TEMPLATE,
        ("", "Service") => &SERVICE,
        ("", "ServiceAccount") => &SERVICE_ACCOUNT,
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet")
        | ("batch", "Job") => &WORKLOAD,
        ("batch", "CronJob") => &CRON_JOB,
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => &WEBHOOKS,
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy",
        ) => &ADMISSION,
        (
            ""
            | "apps"
            | "autoscaling"
            | "batch"
            | "extensions"
            | "networking.k8s.io"
            | "policy"
            | "rbac.authorization.k8s.io"
            | "storage.k8s.io"
            | "scheduling.k8s.io",
            _,
        ) => &BUILT_IN,
        _ => &OTHER,
    }
}
