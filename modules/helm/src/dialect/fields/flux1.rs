//! `HelmRelease` of the first Flux. Facts of its definitions (helm-operator 1.4; the same fields in both groups, where the older
//! one has fewer).

use super::{Shape, Table, done, warned};

const CHART: &str = "either `git` and `path`, or `repository` and `name`";

/// `helm.fluxcd.io/v1` and `flux.weave.works/v1beta1`.
pub(in crate::dialect) const TABLE: Table = &[
    done("spec.chart", Shape::Object, CHART).required(),
    done(
        "spec.chart.git",
        Shape::Text,
        "`https://`, `http://`, `ssh://` or `user@host:path`; any other is refused",
    ),
    done(
        "spec.chart.ref",
        Shape::Text,
        "branch, tag or commit; `master` is the default, unless `gitRef` of the module's settings names another",
    ),
    done("spec.chart.path", Shape::Text, "folder of the chart"),
    done(
        "spec.chart.secretRef",
        Shape::Object,
        "opens the git repository",
    ),
    done("spec.chart.secretRef.name", Shape::Text, "").required(),
    done(
        "spec.chart.secretRef.namespace",
        Shape::Text,
        "the object's own, or left out; any other is refused",
    ),
    done(
        "spec.chart.skipDepUpdate",
        Shape::Flag,
        "missing dependencies are fetched unless it is true, or `updateChartDeps` of the module's settings is false",
    ),
    done(
        "spec.chart.repository",
        Shape::Text,
        "an `http(s)://` repository, or `oci://`",
    ),
    done("spec.chart.name", Shape::Text, ""),
    done(
        "spec.chart.version",
        Shape::Text,
        "a version or a range; the latest where nothing is said",
    ),
    done(
        "spec.chart.chartPullSecret",
        Shape::Object,
        "opens the repository, which Flux never did",
    ),
    done("spec.chart.chartPullSecret.name", Shape::Text, "").required(),
    done(
        "spec.helmVersion",
        Shape::OneOf(&["v2", "v3"]),
        "`v3`; `v2` is refused: what Tiller keeps is converted first (helm 2to3)",
    ),
    done(
        "spec.releaseName",
        Shape::Text,
        "`NAMESPACE-NAME` is the default, `NAMESPACE-TARGET-NAME` with another target namespace",
    ),
    done("spec.maxHistory", Shape::Whole, "10; 0 keeps all"),
    done(
        "spec.valueFileSecrets[]",
        Shape::Object,
        "read before `valuesFrom`",
    ),
    done("spec.valueFileSecrets[].name", Shape::Text, "").required(),
    done(
        "spec.valuesFrom[]",
        Shape::Object,
        "in order, below `values`; each has one source",
    ),
    done("spec.valuesFrom[].configMapKeyRef", Shape::Object, ""),
    done("spec.valuesFrom[].configMapKeyRef.name", Shape::Text, "").required(),
    done(
        "spec.valuesFrom[].configMapKeyRef.namespace",
        Shape::Text,
        "the object's own is the default; another needs a grant",
    ),
    done(
        "spec.valuesFrom[].configMapKeyRef.key",
        Shape::Text,
        "`values.yaml` is the default",
    ),
    done(
        "spec.valuesFrom[].configMapKeyRef.optional",
        Shape::Flag,
        "",
    ),
    done("spec.valuesFrom[].secretKeyRef", Shape::Object, ""),
    done("spec.valuesFrom[].secretKeyRef.name", Shape::Text, "").required(),
    done(
        "spec.valuesFrom[].secretKeyRef.namespace",
        Shape::Text,
        "the object's own is the default; another needs a grant",
    ),
    done(
        "spec.valuesFrom[].secretKeyRef.key",
        Shape::Text,
        "`values.yaml` is the default",
    ),
    done("spec.valuesFrom[].secretKeyRef.optional", Shape::Flag, ""),
    done("spec.valuesFrom[].externalSourceRef", Shape::Object, ""),
    done(
        "spec.valuesFrom[].externalSourceRef.url",
        Shape::Text,
        "`http(s)://`; needs a grant",
    )
    .required(),
    done(
        "spec.valuesFrom[].externalSourceRef.optional",
        Shape::Flag,
        "",
    ),
    done("spec.valuesFrom[].chartFileRef", Shape::Object, ""),
    done(
        "spec.valuesFrom[].chartFileRef.path",
        Shape::Text,
        "from the chart's root",
    )
    .required(),
    done("spec.valuesFrom[].chartFileRef.optional", Shape::Flag, ""),
    done("spec.values", Shape::Free, "above all others"),
    done(
        "spec.targetNamespace",
        Shape::Text,
        "records are kept there, too",
    ),
    done(
        "spec.timeout",
        Shape::Whole,
        "seconds of an installation or an upgrade; 300",
    ),
    done(
        "spec.resetValues",
        Shape::Flag,
        "`false` keeps the values of the release before below the new ones",
    ),
    done("spec.skipCRDs", Shape::Flag, ""),
    done(
        "spec.wait",
        Shape::Flag,
        "for the objects to be ready; true is the default with `rollback.enable` or `test.enable`",
    ),
    warned(
        "spec.forceUpgrade",
        Shape::Flag,
        "nothing is deleted and created again; remove it, and delete by hand what cannot be changed",
    ),
    done("spec.rollback", Shape::Object, "of a failed upgrade"),
    done("spec.rollback.enable", Shape::Flag, ""),
    done(
        "spec.rollback.retry",
        Shape::Flag,
        "the upgrade is tried again after its rollback",
    ),
    done(
        "spec.rollback.maxRetries",
        Shape::Whole,
        "5; 0 for without an end",
    ),
    warned(
        "spec.rollback.force",
        Shape::Flag,
        "nothing is deleted and created again; remove it",
    ),
    warned(
        "spec.rollback.recreate",
        Shape::Flag,
        "Pods are restarted by nobody but their controllers; remove it",
    ),
    done("spec.rollback.disableHooks", Shape::Flag, ""),
    done("spec.rollback.timeout", Shape::Whole, "seconds; 300"),
    done("spec.rollback.wait", Shape::Flag, ""),
    done(
        "spec.test",
        Shape::Object,
        "after an installation or upgrade",
    ),
    done("spec.test.enable", Shape::Flag, ""),
    done("spec.test.ignoreFailures", Shape::Flag, ""),
    done("spec.test.timeout", Shape::Whole, "seconds; 300"),
    warned(
        "spec.test.cleanup",
        Shape::Flag,
        "was for Helm 2; annotate the tests with helm.sh/hook-delete-policy",
    ),
    warned(
        "spec.disableOpenAPIValidation",
        Shape::Flag,
        "the API server checks what is applied to it; remove it",
    ),
];
