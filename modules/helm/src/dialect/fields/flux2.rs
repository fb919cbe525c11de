//! `HelmRelease` of today's Flux. Facts of its definition (helm-controller 1.5), and of what older ones had and it still takes.

use super::{Shape, Table, done, rejected, warned};

const CRDS: Shape = Shape::OneOf(&["Skip", "Create", "CreateReplace"]);
const STRATEGY: Shape = Shape::OneOf(&["RemediateOnFailure", "RetryOnFailure"]);
const APPLY: Shape = Shape::OneOf(&["enabled", "disabled", "auto"]);
const APPLIED: &str = "objects are applied server-side; anything else is warned of";
const FORCE: &str = "nothing is deleted and created again; remove it";
const OPEN_API: &str = "the API server checks what is applied to it; remove it";
const SIGNATURES: &str = "signatures are not checked; nothing is installed that was not checked. Remove it to install unchecked";

/// `helm.toolkit.fluxcd.io/v2`.
pub(in crate::dialect) const TABLE: Table = &[
    done("spec.chart", Shape::Object, "this or `chartRef`"),
    warned(
        "spec.chart.metadata",
        Shape::Free,
        "there is no HelmChart of its own that could have labels; remove it",
    ),
    done("spec.chart.spec", Shape::Object, "").required(),
    done(
        "spec.chart.spec.chart",
        Shape::Text,
        "its name in a HelmRepository, its folder in a GitRepository",
    )
    .required(),
    done(
        "spec.chart.spec.version",
        Shape::Text,
        "a version or a range; the latest where nothing is said. Says nothing with a GitRepository",
    ),
    done("spec.chart.spec.sourceRef", Shape::Object, "").required(),
    done(
        "spec.chart.spec.sourceRef.apiVersion",
        Shape::Text,
        "`source.toolkit.fluxcd.io/v1`",
    ),
    done(
        "spec.chart.spec.sourceRef.kind",
        Shape::OneOf(&["HelmRepository", "GitRepository", "Bucket"]),
        "`HelmRepository` or `GitRepository`; a `Bucket` is refused",
    )
    .required(),
    done("spec.chart.spec.sourceRef.name", Shape::Text, "").required(),
    done(
        "spec.chart.spec.sourceRef.namespace",
        Shape::Text,
        "the object's own is the default; another needs a grant",
    ),
    done(
        "spec.chart.spec.interval",
        Shape::Duration,
        "how old may be what is known of the source; the source's own interval is the default",
    ),
    done(
        "spec.chart.spec.reconcileStrategy",
        Shape::OneOf(&["ChartVersion", "Revision"]),
        "`ChartVersion`: content that changes under the same version starts nothing by itself, and comes with the next change",
    ),
    done(
        "spec.chart.spec.valuesFiles[]",
        Shape::Text,
        "files of the chart, in order, below all other values. `values.yaml` of the chart stays below them in any case: where \
         it is not the first of them, a warning says so",
    ),
    done(
        "spec.chart.spec.valuesFile",
        Shape::Text,
        "before `valuesFiles`",
    ),
    done("spec.chart.spec.ignoreMissingValuesFiles", Shape::Flag, ""),
    rejected("spec.chart.spec.verify", Shape::Free, SIGNATURES),
    done("spec.chartRef", Shape::Object, "this or `chart`"),
    done(
        "spec.chartRef.apiVersion",
        Shape::Text,
        "`source.toolkit.fluxcd.io/v1`",
    ),
    done(
        "spec.chartRef.kind",
        Shape::OneOf(&["OCIRepository", "HelmChart", "ExternalArtifact"]),
        "`OCIRepository` or `HelmChart`; an `ExternalArtifact` is refused",
    )
    .required(),
    done("spec.chartRef.name", Shape::Text, "").required(),
    done(
        "spec.chartRef.namespace",
        Shape::Text,
        "the object's own is the default; another needs a grant",
    ),
    done(
        "spec.interval",
        Shape::Duration,
        "how often the release is looked at although nothing changed",
    )
    .required(),
    rejected(
        "spec.kubeConfig",
        Shape::Free,
        "releases go to the cluster that the object is in; run an operator there, and put the object there",
    ),
    done("spec.suspend", Shape::Flag, ""),
    done(
        "spec.releaseName",
        Shape::Text,
        "`[TARGETNAMESPACE-]NAME` is the default; more than 53 characters of that become 40 and a hash, as with Flux",
    ),
    done("spec.targetNamespace", Shape::Text, ""),
    done(
        "spec.storageNamespace",
        Shape::Text,
        "the object's own is the default",
    ),
    done(
        "spec.dependsOn[]",
        Shape::Object,
        "HelmReleases that have to be ready before",
    ),
    done("spec.dependsOn[].name", Shape::Text, "").required(),
    done("spec.dependsOn[].namespace", Shape::Text, ""),
    rejected(
        "spec.dependsOn[].readyExpr",
        Shape::Text,
        "CEL is not evaluated, and the condition Ready is what counts; remove it",
    ),
    done("spec.timeout", Shape::Duration, "of one action; 5m"),
    done("spec.maxHistory", Shape::Whole, "5; 0 keeps all"),
    done("spec.serviceAccountName", Shape::Text, "to act as"),
    done(
        "spec.persistentClient",
        Shape::Flag,
        "says nothing here: there is one client",
    ),
    done("spec.driftDetection", Shape::Object, ""),
    done(
        "spec.driftDetection.mode",
        Shape::OneOf(&["enabled", "warn", "disabled"]),
        "`disabled` is the default",
    ),
    done("spec.driftDetection.ignore[]", Shape::Object, ""),
    done(
        "spec.driftDetection.ignore[].paths[]",
        Shape::Text,
        "JSON pointers",
    )
    .required(),
    done(
        "spec.driftDetection.ignore[].target",
        Shape::Object,
        "all objects where nothing is said",
    ),
    done("spec.driftDetection.ignore[].target.group", Shape::Text, ""),
    done(
        "spec.driftDetection.ignore[].target.version",
        Shape::Text,
        "",
    ),
    done("spec.driftDetection.ignore[].target.kind", Shape::Text, ""),
    done(
        "spec.driftDetection.ignore[].target.name",
        Shape::Text,
        "regular expression",
    ),
    done(
        "spec.driftDetection.ignore[].target.namespace",
        Shape::Text,
        "regular expression",
    ),
    done(
        "spec.driftDetection.ignore[].target.labelSelector",
        Shape::Text,
        "",
    ),
    done(
        "spec.driftDetection.ignore[].target.annotationSelector",
        Shape::Text,
        "",
    ),
    warned(
        "spec.healthCheckExprs[]",
        Shape::Free,
        "CEL is not evaluated: objects of any kind are judged by their conditions, as kstatus does; remove it",
    ),
    done("spec.waitStrategy", Shape::Object, ""),
    done(
        "spec.waitStrategy.name",
        Shape::OneOf(&["poller", "legacy"]),
        "objects are judged as kstatus does; `legacy` is warned of",
    )
    .required(),
    done("spec.install", Shape::Object, ""),
    done(
        "spec.install.timeout",
        Shape::Duration,
        "`spec.timeout` is the default",
    ),
    done("spec.install.strategy", Shape::Object, ""),
    done(
        "spec.install.strategy.name",
        STRATEGY,
        "`RemediateOnFailure` is the default",
    )
    .required(),
    done(
        "spec.install.strategy.retryInterval",
        Shape::Duration,
        "of `RetryOnFailure`; 5m",
    ),
    done(
        "spec.install.remediation",
        Shape::Object,
        "an uninstallation",
    ),
    done(
        "spec.install.remediation.retries",
        Shape::Whole,
        "0; less for without an end",
    ),
    done(
        "spec.install.remediation.ignoreTestFailures",
        Shape::Flag,
        "`test.ignoreFailures` is the default",
    ),
    done(
        "spec.install.remediation.remediateLastFailure",
        Shape::Flag,
        "false is the default",
    ),
    done("spec.install.disableWait", Shape::Flag, ""),
    done("spec.install.disableWaitForJobs", Shape::Flag, ""),
    done("spec.install.disableHooks", Shape::Flag, ""),
    warned(
        "spec.install.disableOpenAPIValidation",
        Shape::Flag,
        OPEN_API,
    ),
    done("spec.install.disableSchemaValidation", Shape::Flag, ""),
    done("spec.install.disableTakeOwnership", Shape::Flag, ""),
    done(
        "spec.install.replace",
        Shape::Flag,
        "done in any case: the name of an uninstalled release is free",
    ),
    done("spec.install.skipCRDs", Shape::Flag, "`crds: Skip`"),
    done("spec.install.crds", CRDS, "`Create` is the default"),
    done("spec.install.createNamespace", Shape::Flag, ""),
    done("spec.install.serverSideApply", Shape::Flag, APPLIED),
    done("spec.upgrade", Shape::Object, ""),
    done(
        "spec.upgrade.timeout",
        Shape::Duration,
        "`spec.timeout` is the default",
    ),
    done("spec.upgrade.strategy", Shape::Object, ""),
    done(
        "spec.upgrade.strategy.name",
        STRATEGY,
        "`RemediateOnFailure` is the default",
    )
    .required(),
    done(
        "spec.upgrade.strategy.retryInterval",
        Shape::Duration,
        "of `RetryOnFailure`; 5m",
    ),
    done("spec.upgrade.remediation", Shape::Object, ""),
    done(
        "spec.upgrade.remediation.retries",
        Shape::Whole,
        "0; less for without an end",
    ),
    done(
        "spec.upgrade.remediation.ignoreTestFailures",
        Shape::Flag,
        "`test.ignoreFailures` is the default",
    ),
    done(
        "spec.upgrade.remediation.remediateLastFailure",
        Shape::Flag,
        "true where there are retries",
    ),
    done(
        "spec.upgrade.remediation.strategy",
        Shape::OneOf(&["rollback", "uninstall"]),
        "`rollback` is the default",
    ),
    done("spec.upgrade.disableWait", Shape::Flag, ""),
    done("spec.upgrade.disableWaitForJobs", Shape::Flag, ""),
    done("spec.upgrade.disableHooks", Shape::Flag, ""),
    warned(
        "spec.upgrade.disableOpenAPIValidation",
        Shape::Flag,
        OPEN_API,
    ),
    done("spec.upgrade.disableSchemaValidation", Shape::Flag, ""),
    done("spec.upgrade.disableTakeOwnership", Shape::Flag, ""),
    warned("spec.upgrade.force", Shape::Flag, FORCE),
    done("spec.upgrade.preserveValues", Shape::Flag, ""),
    done(
        "spec.upgrade.cleanupOnFail",
        Shape::Flag,
        "what a failed upgrade created goes; what was there, or is of the deployed revision, stays",
    ),
    done("spec.upgrade.crds", CRDS, "`Skip` is the default"),
    done("spec.upgrade.serverSideApply", APPLY, APPLIED),
    done("spec.test", Shape::Object, ""),
    done("spec.test.enable", Shape::Flag, ""),
    done(
        "spec.test.timeout",
        Shape::Duration,
        "`spec.timeout` is the default",
    ),
    done("spec.test.ignoreFailures", Shape::Flag, ""),
    done("spec.test.filters[]", Shape::Object, ""),
    done("spec.test.filters[].name", Shape::Text, "").required(),
    done("spec.test.filters[].exclude", Shape::Flag, ""),
    done("spec.rollback", Shape::Object, ""),
    done(
        "spec.rollback.timeout",
        Shape::Duration,
        "`spec.timeout` is the default",
    ),
    done("spec.rollback.disableWait", Shape::Flag, ""),
    done("spec.rollback.disableWaitForJobs", Shape::Flag, ""),
    done("spec.rollback.disableHooks", Shape::Flag, ""),
    warned(
        "spec.rollback.recreate",
        Shape::Flag,
        "Pods are restarted by nobody but their controllers; remove it",
    ),
    warned("spec.rollback.force", Shape::Flag, FORCE),
    done(
        "spec.rollback.cleanupOnFail",
        Shape::Flag,
        "the same of a failed rollback",
    ),
    done("spec.rollback.serverSideApply", APPLY, APPLIED),
    done("spec.uninstall", Shape::Object, ""),
    done(
        "spec.uninstall.timeout",
        Shape::Duration,
        "`spec.timeout` is the default",
    ),
    done("spec.uninstall.disableHooks", Shape::Flag, ""),
    done("spec.uninstall.keepHistory", Shape::Flag, ""),
    done("spec.uninstall.disableWait", Shape::Flag, ""),
    done(
        "spec.uninstall.deletionPropagation",
        Shape::OneOf(&["background", "foreground", "orphan"]),
        "`background` is the default",
    ),
    done(
        "spec.valuesFrom[]",
        Shape::Object,
        "in order, below `values`",
    ),
    done(
        "spec.valuesFrom[].kind",
        Shape::OneOf(&["Secret", "ConfigMap"]),
        "",
    )
    .required(),
    done("spec.valuesFrom[].name", Shape::Text, "").required(),
    done(
        "spec.valuesFrom[].valuesKey",
        Shape::Text,
        "`values.yaml` is the default",
    ),
    done(
        "spec.valuesFrom[].targetPath",
        Shape::Text,
        "one value, in the words of `--set`",
    ),
    done(
        "spec.valuesFrom[].literal",
        Shape::Flag,
        "with `targetPath`: the text as it is",
    ),
    done("spec.valuesFrom[].optional", Shape::Flag, ""),
    done("spec.values", Shape::Free, "above all others"),
    done("spec.postRenderers[]", Shape::Object, "in order"),
    done("spec.postRenderers[].kustomize", Shape::Object, ""),
    done(
        "spec.postRenderers[].kustomize.patches[]",
        Shape::Object,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].patch",
        Shape::Text,
        "strategic merge, or JSON 6902 where it is a list; YAML or JSON",
    )
    .required(),
    done(
        "spec.postRenderers[].kustomize.patches[].target",
        Shape::Object,
        "the object that a strategic merge patch names, where nothing is said",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.group",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.version",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.kind",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.name",
        Shape::Text,
        "regular expression",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.namespace",
        Shape::Text,
        "regular expression",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.labelSelector",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patches[].target.annotationSelector",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesStrategicMerge[]",
        Shape::Free,
        "as `patches`, and before them",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[]",
        Shape::Object,
        "as `patches`, and after them",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].patch[]",
        Shape::Free,
        "",
    )
    .required(),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target",
        Shape::Object,
        "",
    )
    .required(),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.group",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.version",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.kind",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.name",
        Shape::Text,
        "regular expression",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.namespace",
        Shape::Text,
        "regular expression",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.labelSelector",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.patchesJson6902[].target.annotationSelector",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.images[]",
        Shape::Object,
        "after all patches",
    ),
    done(
        "spec.postRenderers[].kustomize.images[].name",
        Shape::Text,
        "",
    )
    .required(),
    done(
        "spec.postRenderers[].kustomize.images[].newName",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.images[].newTag",
        Shape::Text,
        "",
    ),
    done(
        "spec.postRenderers[].kustomize.images[].digest",
        Shape::Text,
        "instead of `newTag`",
    ),
    done(
        "spec.postRenderStrategy",
        Shape::OneOf(&["combined", "nohooks", "separate"]),
        "hooks are rendered objects as all others; `nohooks` and `separate` are warned of",
    ),
    done("spec.commonMetadata", Shape::Object, ""),
    done("spec.commonMetadata.labels", Shape::Texts, ""),
    done("spec.commonMetadata.annotations", Shape::Texts, ""),
];
