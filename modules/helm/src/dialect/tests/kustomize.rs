//! Post renderers.

use super::flux2::{wish, wrong};
use crate::wish::{Post, Target};

#[test]
fn patches_and_images_in_kustomizes_order() {
    let post = wish(
        "
  postRenderers:
  - kustomize:
      images:
      - {name: nginx, newName: mirror.example.com/nginx, newTag: '1.27'}
      patches:
      - target: {kind: Deployment, name: web.*}
        patch: |
          - {op: remove, path: /spec/replicas}
      - patch: |
          apiVersion: apps/v1
          kind: Deployment
          metadata: {name: web.shop}
          spec: {replicas: 3}
      patchesStrategicMerge:
      - {apiVersion: v1, kind: Service, metadata: {name: web, namespace: prod}, spec: {type: NodePort}}
      patchesJson6902:
      - target: {version: v1, kind: Service, name: web}
        patch: [{op: add, path: /metadata/labels/a, value: b}]
  - kustomize:
      images: [{name: redis, digest: 'sha256:abc'}]
",
    )
    .post;
    let texts: Vec<String> = post
        .iter()
        .map(|post| match post {
            Post::Patch { target, .. } => format!(
                "patch {} {} {} {}",
                target.group.as_deref().unwrap_or("*"),
                target.kind.as_deref().unwrap_or("*"),
                target.name.as_deref().unwrap_or("*"),
                target.namespace.as_deref().unwrap_or("*"),
            ),
            Post::Image {
                name,
                new_name,
                new_tag,
                digest,
            } => {
                format!("image {name} {new_name:?} {new_tag:?} {digest:?}")
            }
        })
        .collect();
    assert_eq!(
        texts,
        [
            "patch * * * *",
            "patch * Deployment web.* *",
            "patch * * * *",
            "patch * Service web *",
            "image nginx Some(\"mirror.example.com/nginx\") Some(\"1.27\") None",
            "image redis None None Some(\"sha256:abc\")",
        ]
    );
    let Post::Patch { patch, target } = &post[1] else {
        panic!("{:?}", post[1])
    };
    assert_eq!(patch, "- {op: remove, path: /spec/replicas}\n");
    assert_eq!(
        *target,
        Target {
            kind: Some(String::from("Deployment")),
            name: Some(String::from("web.*")),
            ..Target::default()
        }
    );
    let Post::Patch { patch, .. } = &post[0] else {
        panic!("{:?}", post[0])
    };
    let patch: serde_json::Value = serde_json::from_str(patch).unwrap();
    assert_eq!(patch["spec"]["type"], "NodePort");
}

#[test]
fn patches_that_cannot_be_are_refused_at_once() {
    let wrong = wrong(
        "
  postRenderers:
  - kustomize:
      patches:
      - {patch: '[{op: remove, path: /spec/replicas}]'}
      - {patch: 'spec: {replicas: 3}'}
      - {patch: 'just a text'}
      - {patch: 'a: [b'}
",
    );
    assert_eq!(
        wrong[..5],
        [
            "spec.postRenderers[0].kustomize.patches[0].target: is required: a list of operations names no object",
            "spec.postRenderers[0].kustomize.patches[1].patch: names no object: apiVersion is required, unless there is a target",
            "spec.postRenderers[0].kustomize.patches[1].patch: names no object: kind is required, unless there is a target",
            "spec.postRenderers[0].kustomize.patches[1].patch: names no object: metadata.name is required, unless there is a \
             target",
            "spec.postRenderers[0].kustomize.patches[2].patch: expected an object to merge, or a list of operations",
        ]
    );
    assert_eq!(wrong.len(), 6);
    assert!(
        wrong[5].starts_with("spec.postRenderers[0].kustomize.patches[3].patch: is no YAML: "),
        "{}",
        wrong[5]
    );
}
