//! What the definitions say.

use oarlock_sdk::{Value, json};
use rollout::schema;

use crate::spec::CanarySpec;
use crate::status::CanaryStatus;

/// The project's own group.
pub(super) const OWN: &str = "canary.oarlock.dev";
/// Flagger's.
pub(super) const FLAGGER: &str = "flagger.app";

/// `canaries` of a group.
pub(super) fn canaries(group: &str) -> Value {
    let version = |name: &str, storage: bool, analysis: &str| {
        json!({
            "name": name,
            "served": true,
            "storage": storage,
            "subresources": {
                "status": {},
                "scale": {
                    "specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas",
                    "labelSelectorPath": ".status.selector",
                },
            },
            "additionalPrinterColumns": columns(analysis),
            "schema": {"openAPIV3Schema": canary()},
        })
    };
    let versions = match group {
        OWN => json!([version("v1alpha1", true, "analysis")]),
        _ => json!([
            version("v1beta1", true, "analysis"),
            version("v1alpha3", false, "canaryAnalysis"),
        ]),
    };
    definition(group, "Canary", "canaries", "canary", versions)
}

fn columns(analysis: &str) -> Value {
    let column = |name: &str, kind: &str, path: &str, priority: u8| json!({"name": name, "type": kind, "jsonPath": path, "priority": priority});
    let of_analysis = |field: &str| format!(".spec.{analysis}.{field}");
    json!([
        column("Status", "string", ".status.phase", 0),
        column("Weight", "string", ".status.canaryWeight", 0),
        column("Step", "string", ".status.currentStep", 0),
        column("Why", "string", ".status.why.decision", 0),
        column("Suspended", "boolean", ".spec.suspend", 1),
        column("FailedChecks", "string", ".status.failedChecks", 1),
        column("Interval", "string", &of_analysis("interval"), 1),
        column("StepWeight", "string", &of_analysis("stepWeight"), 1),
        column("StepWeights", "string", &of_analysis("stepWeights"), 1),
        column("MaxWeight", "string", &of_analysis("maxWeight"), 1),
        column(
            "LastTransitionTime",
            "date",
            ".status.lastTransitionTime",
            0
        ),
    ])
}

fn canary() -> Value {
    let mut spec = schema::structural::<CanarySpec>();
    schema::without_defaults(&mut spec);
    schema::keep_unknown(&mut spec);
    // What served is remembered by the Canary, and is this Deployment's.
    spec["properties"]["targetRef"]["properties"]["name"]["x-kubernetes-validations"] = json!([{
        "rule": "self == oldSelf",
        "message": "the target cannot be changed: delete the Canary, and create one for the other Deployment",
    }]);
    spec["x-kubernetes-validations"] = json!([
        {
            "rule": "!(has(self.analysis) && has(self.canaryAnalysis))",
            "message": "analysis and canaryAnalysis are the same in two versions: exactly one of them is given",
        },
        {
            "rule": "has(self.analysis) || has(self.canaryAnalysis) || has(self.steps) || (has(self.skipAnalysis) && self.skipAnalysis)",
            "message": "analysis (canaryAnalysis in v1alpha3) is required, unless there are steps or skipAnalysis is true",
        },
    ]);
    let mut status = schema::structural::<CanaryStatus>();
    schema::without_defaults(&mut status);
    // What a Flagger left there, too: it is replaced, not refused.
    schema::keep_unknown(&mut status);
    status["properties"]["conditions"] = schema::conditions(
        "Ready: one revision has all replicas, and they are available. Promoted: the last rollout ended well.",
    );
    schema::object(
        "Rolls a Deployment out step by step, and takes it back where checks fail.",
        spec,
        Some(status),
    )
}

/// `metrictemplates` of a group.
pub(super) fn metric_templates(group: &str) -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let mut spec = json!({
        "type": "object",
        "required": ["provider", "query"],
        "properties": {
            "provider": {
                "type": "object",
                "description": "Who is asked.",
                "required": ["type"],
                "properties": {
                    "type": text("`prometheus`."),
                    "address": text("Its URL; the Canary's own metrics server where nothing is said."),
                    "headers": {
                        "type": "object",
                        "description": "More headers.",
                        "additionalProperties": {"type": "array", "items": {"type": "string"}},
                    },
                    "secretRef": secret("A Secret of this namespace with `username` and `password`, or with `token`."),
                    "region": text("Not used."),
                    "insecureSkipVerify": {"type": "boolean", "description": "Not used: certificates are checked."},
                },
            },
            "query": text("What is asked. `{{ name }}`, `{{ namespace }}`, `{{ target }}`, `{{ interval }}` and others stand for the Canary's own."),
        },
    });
    schema::keep_unknown(&mut spec);
    let about = "A query that the metrics of Canaries refer to.";
    plain(
        group,
        "MetricTemplate",
        "metrictemplates",
        about,
        spec,
        ".spec.provider.type",
    )
}

/// `alertproviders` of a group.
pub(super) fn alert_providers(group: &str) -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let mut spec = json!({
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": text("`slack` or `webhook`."),
            "channel": text("Where it is said, of `slack`."),
            "username": text("Who says it, of `slack`."),
            "address": text("URL. Whoever reads the object may post there: `secretRef` is better."),
            "proxy": text("Not used."),
            "secretRef": secret("A Secret of this namespace whose key `address` is the URL."),
        },
        "x-kubernetes-validations": [{
            "rule": "has(self.address) || has(self.secretRef)",
            "message": "one of address and secretRef is required",
        }],
    });
    schema::keep_unknown(&mut spec);
    let about = "Somebody whom the alerts of Canaries are told to.";
    plain(
        group,
        "AlertProvider",
        "alertproviders",
        about,
        spec,
        ".spec.type",
    )
}

fn secret(about: &str) -> Value {
    json!({
        "type": "object",
        "description": about,
        "required": ["name"],
        "properties": {"name": {"type": "string", "description": "Its name."}},
    })
}

fn plain(group: &str, kind: &str, plural: &str, about: &str, spec: Value, column: &str) -> Value {
    let name = if group == OWN { "v1alpha1" } else { "v1beta1" };
    // Flagger's definitions have a status, and nobody writes it.
    let status = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let singular = kind.to_lowercase();
    let versions = json!([{
        "name": name,
        "served": true,
        "storage": true,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": "Type", "type": "string", "jsonPath": column}],
        "schema": {"openAPIV3Schema": schema::object(about, spec, Some(status))},
    }]);
    definition(group, kind, plural, &singular, versions)
}

fn definition(group: &str, kind: &str, plural: &str, singular: &str, versions: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": format!("{kind}List"),
                "plural": plural,
                "singular": singular,
            },
            "conversion": {"strategy": "None"},
            "versions": versions,
        },
    })
}
