//! Pods made from templates.

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::action::Kind;
use super::ownership::{controller_reference, name};

/// A pod of this template, owned by the object of `kind` that `owner` is the metadata of, with a generated name.
pub(crate) fn pod(template: &PodTemplateSpec, kind: Kind, owner: &ObjectMeta) -> Pod {
    let default = ObjectMeta::default();
    let meta = template.metadata.as_ref().unwrap_or(&default);
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", name(owner))),
            namespace: owner.namespace.clone(),
            labels: meta.labels.clone(),
            annotations: meta.annotations.clone(),
            finalizers: meta.finalizers.clone(),
            owner_references: Some(vec![controller_reference(
                kind.api_version(),
                kind.name(),
                owner,
            )]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}
