//! The sources that a `HelmRelease` of Flux refers to. Facts of `source.toolkit.fluxcd.io/v1`. They are read, never written:
//! what is fetched, and how often, is the business of the releases that refer to them.

use super::{Shape, Table, done, rejected, warned};

const PROXY: &str = "the host's own proxy settings hold for all; remove it";
const SUSPEND: &str = "suspend the releases that refer to it";
const IDENTITY: &str =
    "no cloud's identity is used; leave it out or say generic, and give a Secret";
const CERTIFICATES: &str =
    "remove it, and put caFile, or certFile and keyFile, into the Secret of secretRef";
const TIMEOUT: &str = "the host's own limits hold; remove it";
const SIGNATURES: &str = "signatures are not checked; nothing is installed that was not checked. Remove it to install unchecked";

/// `HelmRepository`.
pub(in crate::dialect) const HELM_REPOSITORY: Table = &[
    done("spec.url", Shape::Text, "`http(s)://`, or `oci://`").required(),
    done(
        "spec.type",
        Shape::OneOf(&["default", "oci"]),
        "`oci` is told by the URL, too",
    ),
    done(
        "spec.interval",
        Shape::Duration,
        "how old may be what is known of it",
    ),
    done(
        "spec.secretRef",
        Shape::Object,
        "of the release's namespace; any other is refused",
    ),
    done("spec.secretRef.name", Shape::Text, "").required(),
    rejected("spec.certSecretRef", Shape::Free, CERTIFICATES),
    warned(
        "spec.passCredentials",
        Shape::Flag,
        "credentials go to the host of the URL alone; remove it",
    ),
    rejected(
        "spec.insecure",
        Shape::Flag,
        "registries are asked over HTTPS; an http:// repository needs no flag",
    ),
    done(
        "spec.provider",
        Shape::OneOf(&["generic", "aws", "azure", "gcp"]),
        "`generic`; any other is refused",
    ),
    warned("spec.timeout", Shape::Duration, TIMEOUT),
    warned("spec.suspend", Shape::Flag, SUSPEND),
    warned(
        "spec.accessFrom",
        Shape::Free,
        "grants of the watch decide who may read what; remove it",
    ),
];

/// `GitRepository`.
pub(in crate::dialect) const GIT_REPOSITORY: Table = &[
    done(
        "spec.url",
        Shape::Text,
        "`https://` or `ssh://`; any other is refused",
    )
    .required(),
    done(
        "spec.interval",
        Shape::Duration,
        "how old may be what is known of it",
    ),
    done(
        "spec.ref",
        Shape::Object,
        "the branch `master` where nothing is said",
    ),
    done("spec.ref.branch", Shape::Text, ""),
    done("spec.ref.tag", Shape::Text, "before `branch`"),
    rejected(
        "spec.ref.semver",
        Shape::Text,
        "tags are not searched by version; name a tag, a branch or a commit",
    ),
    done(
        "spec.ref.name",
        Shape::Text,
        "`refs/heads/…` or `refs/tags/…`, before `tag`; any other is refused",
    ),
    done("spec.ref.commit", Shape::Text, "before all others"),
    done(
        "spec.secretRef",
        Shape::Object,
        "of the release's namespace; any other is refused",
    ),
    done("spec.secretRef.name", Shape::Text, "").required(),
    done(
        "spec.provider",
        Shape::OneOf(&["generic", "azure", "github"]),
        "`generic`; any other is refused",
    ),
    rejected("spec.serviceAccountName", Shape::Text, IDENTITY),
    rejected("spec.verify", Shape::Free, SIGNATURES),
    warned("spec.proxySecretRef", Shape::Free, PROXY),
    warned("spec.timeout", Shape::Duration, TIMEOUT),
    warned("spec.suspend", Shape::Flag, SUSPEND),
    warned(
        "spec.ignore",
        Shape::Text,
        "the chart's folder is read, and its .helmignore holds; remove it",
    ),
    rejected(
        "spec.recurseSubmodules",
        Shape::Flag,
        "submodules are not fetched; put the chart into the repository itself",
    ),
    rejected(
        "spec.include[]",
        Shape::Free,
        "one repository has the whole chart; put it there",
    ),
    done(
        "spec.sparseCheckout[]",
        Shape::Text,
        "the chart's folder is all that is read in any case",
    ),
];

/// `OCIRepository`.
pub(in crate::dialect) const OCI_REPOSITORY: Table = &[
    done("spec.url", Shape::Text, "`oci://registry/path/chart`").required(),
    done(
        "spec.interval",
        Shape::Duration,
        "how old may be what is known of it",
    ),
    done(
        "spec.ref",
        Shape::Object,
        "the latest stable version where nothing is said",
    ),
    done("spec.ref.tag", Shape::Text, "the version of the chart"),
    done("spec.ref.semver", Shape::Text, "before `tag`"),
    rejected(
        "spec.ref.semverFilter",
        Shape::Text,
        "tags are not filtered by patterns; say it by the range",
    ),
    done("spec.ref.digest", Shape::Text, "before all others"),
    done(
        "spec.secretRef",
        Shape::Object,
        "of the release's namespace; any other is refused",
    ),
    done("spec.secretRef.name", Shape::Text, "").required(),
    done(
        "spec.provider",
        Shape::OneOf(&["generic", "aws", "azure", "gcp"]),
        "`generic`; any other is refused",
    ),
    rejected(
        "spec.serviceAccountName",
        Shape::Text,
        "pull secrets of ServiceAccounts are not read; give secretRef",
    ),
    rejected("spec.certSecretRef", Shape::Free, CERTIFICATES),
    rejected("spec.verify", Shape::Free, SIGNATURES),
    warned("spec.proxySecretRef", Shape::Free, PROXY),
    rejected(
        "spec.insecure",
        Shape::Flag,
        "registries are asked over HTTPS",
    ),
    done(
        "spec.layerSelector",
        Shape::Object,
        "the layer of the chart is taken in any case",
    ),
    done(
        "spec.layerSelector.mediaType",
        Shape::Text,
        "that of Helm's charts; any other is refused",
    ),
    done(
        "spec.layerSelector.operation",
        Shape::OneOf(&["extract", "copy"]),
        "says nothing here",
    ),
    warned("spec.timeout", Shape::Duration, TIMEOUT),
    warned("spec.suspend", Shape::Flag, SUSPEND),
    warned(
        "spec.ignore",
        Shape::Text,
        "the chart's .helmignore holds; remove it",
    ),
];

/// `HelmChart`.
pub(in crate::dialect) const HELM_CHART: Table = &[
    done(
        "spec.chart",
        Shape::Text,
        "its name, or its folder in a GitRepository",
    )
    .required(),
    done(
        "spec.version",
        Shape::Text,
        "a version or range; the latest where nothing is said",
    ),
    done("spec.sourceRef", Shape::Object, "").required(),
    done(
        "spec.sourceRef.apiVersion",
        Shape::Text,
        "`source.toolkit.fluxcd.io/v1`",
    ),
    done(
        "spec.sourceRef.kind",
        Shape::OneOf(&["HelmRepository", "GitRepository", "Bucket"]),
        "`HelmRepository` or `GitRepository`; a `Bucket` is refused",
    )
    .required(),
    done("spec.sourceRef.name", Shape::Text, "").required(),
    done(
        "spec.interval",
        Shape::Duration,
        "how old may be what is known of it",
    ),
    done(
        "spec.reconcileStrategy",
        Shape::OneOf(&["ChartVersion", "Revision"]),
        "",
    ),
    done(
        "spec.valuesFiles[]",
        Shape::Text,
        "files of the chart, in order",
    ),
    done("spec.ignoreMissingValuesFiles", Shape::Flag, ""),
    rejected("spec.verify", Shape::Free, SIGNATURES),
    warned("spec.suspend", Shape::Flag, SUSPEND),
];
