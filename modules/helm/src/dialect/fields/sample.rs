//! `HelmRelease` of the sample controller.

use super::{Shape, Table, done};

/// `samplecontroller.k8s.io/v1alpha1`.
pub(in crate::dialect) const TABLE: Table = &[
    done(
        "spec.releaseName",
        Shape::Text,
        "the object's name is the default",
    ),
    done(
        "spec.releaseVersion",
        Shape::Text,
        "the chart of this name in the module's settings (`charts`)",
    )
    .required(),
];
