//! The file as it is written: the structs that its JSON Schema is generated from.
//!
//! Their doc comments are the descriptions in the schema. Everything is optional here, so that one missing or mistyped
//! key does not hide what else is wrong; what must be there is said by `required`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

/// watches.yaml of Oarlock: which module reconciles which kind. A superset of the Operator SDK's file of the same name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(title = "watches.yaml")]
pub(crate) struct File(
    #[expect(dead_code, reason = "only its schema is used")] pub(crate) Vec<Entry>,
);

/// One watch: a kind, the module that reconciles its objects, and what the module may do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["module"]}, {"required": ["chart"]}]))]
pub(crate) struct Entry {
    /// API group of the watched kind; empty for the core group.
    #[schemars(extend("default" = ""))]
    pub(crate) group: Option<String>,
    /// Version of the watched kind, such as v1alpha1.
    #[schemars(required)]
    pub(crate) version: Option<String>,
    /// The watched kind, such as Deployer.
    #[schemars(required)]
    pub(crate) kind: Option<String>,
    /// The WebAssembly component that reconciles: a path below the modules directory, such as canary.wasm, or
    /// oci://registry/repository:tag@sha256:digest. Beside chart, the component whose steps go with the release.
    #[schemars(extend("type" = "string"))]
    pub(crate) module: Option<String>,
    /// Every object is a release of this chart, and its spec the values, as with the Helm operator: a folder or archive below the
    /// chart folder (--charts). Stands for module: helm.wasm with its library, settings.chart, and grants of what a release
    /// needs: Secrets of the object's namespace, the local charts, and, where grants.write or grants.read do not say otherwise,
    /// to write or read every kind there and outside of all namespaces.
    #[schemars(extend("type" = "string", "examples" = ["helm-charts/nginx"]))]
    pub(crate) chart: Option<String>,
    /// Components that the module imports: interface (namespace:package/interface) to component, written as in module.
    pub(crate) libraries: Option<BTreeMap<String, Option<String>>>,
    /// Every object is reconciled at least this often. 0 stands for the default.
    #[schemars(extend("default" = "10h"))]
    pub(crate) reconcile_period: Option<DurationText>,
    /// How many objects of this kind are reconciled at the same time. 0 stands for the default, the number of CPUs.
    #[schemars(range(min = 0))]
    pub(crate) max_concurrent_reconciles: Option<i64>,
    /// Whether changes of what the module created trigger a reconcile of the object that it was created for.
    #[schemars(extend("default" = true))]
    pub(crate) watch_dependent_resources: Option<bool>,
    /// Whether changes of dependent resources outside of all namespaces trigger a reconcile too.
    #[schemars(extend("default" = true))]
    pub(crate) watch_cluster_scoped_resources: Option<bool>,
    /// Whether the host writes its conditions into the object's status.
    #[schemars(extend("default" = true))]
    pub(crate) manage_status: Option<bool>,
    /// Only objects whose labels match are reconciled.
    pub(crate) selector: Option<RawSelector>,
    /// Kinds of dependent resources that are not watched.
    pub(crate) blacklist: Option<Vec<RawGvk>>,
    /// The finalizer to use instead of the module's own, such as the one that an Ansible operator left on the objects.
    pub(crate) finalizer: Option<RawFinalizer>,
    /// Passed to the module with every call: any JSON object.
    pub(crate) settings: Option<Map<String, Value>>,
    /// Passed to the module as settings.vars.
    pub(crate) vars: Option<Map<String, Value>>,
    /// Passed to the module as settings.overrideValues, all as text: values of the chart by the paths of helm --set, which win over
    /// the object's. $NAME and ${NAME} in them stand for environment variables, and for nothing where there is none.
    pub(crate) override_values: Option<BTreeMap<String, Option<Plain>>>,
    /// What the module may do. Nothing is granted by default.
    pub(crate) grants: Option<RawGrants>,
    /// What one call of the module may use.
    pub(crate) limits: Option<RawLimits>,
    /// ServiceAccount that the module's reads and writes are made as, in the namespace of the object.
    pub(crate) service_account: Option<String>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) snake_case_parameters: Option<bool>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) mark_unsafe: Option<bool>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) max_runner_artifacts: Option<i64>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) watch_annotations_changes: Option<bool>,
    /// Known from the Helm operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) dry_run_option: Option<String>,
}

/// A label selector of Kubernetes; all of it must match.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawSelector {
    /// Labels and the values that they must have.
    pub(crate) match_labels: Option<BTreeMap<String, Option<String>>>,
    /// Conditions on labels.
    pub(crate) match_expressions: Option<Vec<RawExpression>>,
}

/// A condition on one label.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawExpression {
    /// The label's key.
    #[schemars(required)]
    pub(crate) key: Option<String>,
    /// How the label is compared.
    #[schemars(required, extend("enum" = ["In", "NotIn", "Exists", "DoesNotExist"]))]
    pub(crate) operator: Option<String>,
    /// The values that In and NotIn compare with.
    pub(crate) values: Option<Vec<String>>,
}

/// A kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawGvk {
    /// API group; empty for the core group.
    #[schemars(extend("default" = ""))]
    pub(crate) group: Option<String>,
    /// Version, such as v1.
    #[schemars(required)]
    pub(crate) version: Option<String>,
    /// Kind, such as Secret.
    #[schemars(required)]
    pub(crate) kind: Option<String>,
}

/// A finalizer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawFinalizer {
    /// Its name, such as deploy.example.com/finalizer.
    #[schemars(required)]
    pub(crate) name: Option<String>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) role: Option<String>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) playbook: Option<String>,
    /// Known from the Ansible operator; has no meaning here.
    #[schemars(extend("deprecated" = true))]
    pub(crate) vars: Option<Map<String, Value>>,
}

/// Rights of the module, in the words of RBAC rules. A wildcard never includes Secrets and what gives rights of its own, such as
/// roles and webhooks: they are named.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawGrants {
    /// What it may write: create, update, patch, delete.
    pub(crate) write: Option<Vec<RawResourceGrant>>,
    /// What it may read beyond its own object and what it created: get, list, watch.
    pub(crate) read: Option<Vec<RawResourceGrant>>,
    /// ServiceAccounts of the object's namespace that it may act as, beside serviceAccount; * for any.
    pub(crate) act_as: Option<Vec<String>>,
    /// Origins that it may call, such as `http://prometheus.monitoring:9090` or `https://*.{namespace}`: an asterisk
    /// stands for one label of the host name, {namespace} for the object's own namespace.
    pub(crate) http: Option<Vec<String>>,
    /// Origins of http whose certificates may go unchecked where an object asks for it (its insecureSkipTLSVerify, say): whoever is in
    /// between may then read and change what is sent. They open nothing by themselves.
    #[serde(rename = "insecureSkipTLSVerify")]
    pub(crate) insecure_skip_tls_verify: Option<Vec<String>>,
    /// Where it may fetch charts and other packages from: `https://charts.example.com` (repositories, archives, git),
    /// `oci://registry.example.com`, `ssh://git@git.example.com`, hosts as in http, and local for the operator's chart
    /// folder. What a chart depends on is granted too, and a registry without TLS as http as well.
    pub(crate) artifacts: Option<Vec<String>>,
}

/// A right on resources.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawResourceGrant {
    /// API groups; an empty text is the core group, * any.
    #[schemars(required)]
    pub(crate) api_groups: Option<Vec<String>>,
    /// Resources by plural name, such as deployments; * for any.
    #[schemars(required)]
    pub(crate) resources: Option<Vec<String>>,
    /// Verbs; all that there are when left out.
    pub(crate) verbs: Option<Vec<String>>,
    /// Namespaces, * for any; when left out the object's own namespace, and resources outside of all namespaces.
    pub(crate) namespaces: Option<Vec<String>>,
    /// Names; any when left out. To read Secrets, names or a selector are needed; * for all of them.
    pub(crate) resource_names: Option<Vec<String>>,
    /// Labels that an object must have to be read.
    pub(crate) selector: Option<RawSelector>,
}

/// Limits of one call of the module.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawLimits {
    /// Memory of the module.
    #[schemars(extend("default" = "64Mi"))]
    pub(crate) memory: Option<QuantityText>,
    /// Time on the CPU; waiting does not count.
    #[schemars(extend("default" = "1s"))]
    pub(crate) cpu: Option<DurationText>,
    /// Time by the clock, waiting included.
    #[schemars(extend("default" = "30s"))]
    pub(crate) deadline: Option<DurationText>,
    /// Size of the answer.
    #[schemars(extend("default" = "8Mi"))]
    pub(crate) output: Option<QuantityText>,
    /// Size of all log lines together.
    #[schemars(extend("default" = "64Ki"))]
    pub(crate) log: Option<QuantityText>,
}

/// A duration as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct DurationText(pub(crate) Scalar);

/// A quantity as it is written.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct QuantityText(pub(crate) Scalar);

/// Text, or a number where people leave the quotes away.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Scalar {
    /// As text.
    Text(String),
    /// As a number.
    Number(serde_json::Number),
}

/// Text, or what is read as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Plain {
    /// As text.
    Text(String),
    /// As a boolean.
    Bool(bool),
    /// As a number.
    Number(serde_json::Number),
}

impl std::fmt::Display for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "maximum": 0,
            "pattern": r"^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$|^\$\{",
            "examples": ["30s", "10m", "1h30m"],
        })
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> Cow<'static, str> {
        "Plain".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "boolean", "number"]})
    }
}

impl JsonSchema for QuantityText {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "exclusiveMinimum": 0,
            "pattern": r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([kMGTPE]|[KMGTPE]i|[eE]\+?[0-9]+)?$|^\$\{",
            "examples": ["64Mi", "64M", 67_108_864],
        })
    }
}
