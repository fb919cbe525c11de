#![expect(clippy::unwrap_used, reason = "tests")]

use oarlock_sdk::{Value, json};

use super::{covers, errors, merge, render, same_images};
use crate::spec::Deployed;

fn deployed(more: Value) -> Deployed {
    let mut wanted = json!({
        "name": "nginx", "image": "library/nginx", "version": "1.7.7", "labels": {"app": "nginx"},
    });
    merge(&mut wanted, &more);
    serde_json::from_value(wanted).unwrap()
}

#[test]
fn the_overlay_goes_over_the_container_of_the_image() {
    let rendered = render(
        "web",
        &deployed(json!({"template": {
            "metadata": {"creationTimestamp": null, "annotations": {"a": "b"}},
            "spec": {
                "containers": [
                    {"name": "nginx", "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 9090, "name": "metrics"}]},
                    {"name": "log", "image": "log:1"},
                ],
                "terminationGracePeriodSeconds": 5,
            },
        }})),
    );
    assert_eq!(
        rendered.template,
        json!({
            "metadata": {
                "annotations": {"a": "b"},
                "labels": {
                    "app": "nginx",
                    "deploy.example.com/deployer": "web",
                    "deploy.example.com/version": "1.7.7",
                    "deploy.example.com/revision": rendered.revision,
                },
            },
            "spec": {
                "containers": [
                    {
                        "name": "nginx",
                        "image": "library/nginx:1.7.7",
                        "env": [{"name": "A", "value": "1"}],
                        "ports": [
                            {"name": "http", "containerPort": 80, "protocol": "TCP"},
                            {"name": "metrics", "containerPort": 9090},
                        ],
                    },
                    {"name": "log", "image": "log:1"},
                ],
                "terminationGracePeriodSeconds": 5,
            },
        })
    );
    assert_eq!(rendered.image, "library/nginx:1.7.7");
}

#[test]
fn another_port_of_the_same_name_takes_its_place() {
    let ports = |overlay: Value| {
        let overlay =
            json!({"template": {"spec": {"containers": [{"name": "nginx", "ports": overlay}]}}});
        render("web", &deployed(overlay)).template["spec"]["containers"][0]["ports"].clone()
    };
    assert_eq!(
        ports(json!([{"name": "http", "containerPort": 8080}])),
        json!([{"name": "http", "containerPort": 8080, "protocol": "TCP"}])
    );
    assert_eq!(ports(json!([])), json!([]));
}

#[test]
fn every_part_of_the_template_is_in_the_revision() {
    let revision = |more: Value| render("web", &deployed(more)).revision;
    let plain = revision(json!({}));
    assert_eq!(
        plain,
        revision(json!({"replicas": 20, "namespace": "default"}))
    );
    assert_eq!(
        plain,
        revision(json!({"template": {"metadata": {"creationTimestamp": null}}}))
    );
    for more in [
        json!({"version": "1.7.8"}),
        json!({"image": "nginx"}),
        json!({"image": "library/nginx@sha256:00"}),
        json!({"labels": {"tier": "web"}}),
        json!({"template": {"spec": {"containers": [{"name": "nginx", "env": [{"name": "A", "value": "1"}]}]}}}),
        json!({"template": {"metadata": {"annotations": {"a": "b"}}}}),
    ] {
        assert_ne!(plain, revision(more.clone()), "{more}");
    }
}

#[test]
fn what_cannot_be_merged_is_named() {
    let wrong = errors(
        &json!({"metadata": {"labels": {"a": 1}}, "spec": {"containers": [{"image": "x"}], "initContainers": {}}}),
        "spec.deployment.template",
    );
    let told: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "spec.deployment.template.metadata.labels: must be texts by name",
            "spec.deployment.template.spec.containers[0].name: is required: containers are merged by it",
            "spec.deployment.template.spec.initContainers: must be a list",
        ]
    );
    assert_eq!(
        errors(&json!([]), "x")[0].to_string(),
        "x: must be a PodTemplateSpec"
    );
}

#[test]
fn what_the_api_server_adds_is_no_difference() {
    let wanted = json!({"spec": {"containers": [{"name": "a", "image": "a:1", "resources": {"limits": {"cpu": "1000m"}}}]}});
    let live = json!({"spec": {"restartPolicy": "Always", "containers": [
        {"name": "a", "image": "a:1", "imagePullPolicy": "Always", "resources": {"limits": {"cpu": "1"}}},
    ]}});
    assert!(covers(&live, &wanted) && same_images(&live, &wanted));
    let mut edited = live.clone();
    edited["spec"]["containers"][0]["image"] = json!("a:2");
    assert!(!covers(&edited, &wanted) && !same_images(&edited, &wanted));
}
