//! Apply and update on built-in types.

use serde_json::{Value, json};

use crate::fields::{Writer, apply, reset, track_update};
use crate::schema::{TypeSchema, builtin, default};

fn deployment() -> &'static TypeSchema {
    builtin::find_plural("apps", "v1", "deployments")
        .unwrap()
        .schema()
}

fn writer(manager: &'static str) -> Writer<'static> {
    Writer {
        manager,
        subresource: None,
        has_status: true,
        now: "2026-01-01T00:00:00Z",
    }
}

fn config(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [
                    {"name": "web", "image": image, "ports": [{"containerPort": 80}],
                     "env": [{"name": "A", "value": "1"}]}
                ]}
            }
        }
    })
}

fn applied(live: Option<&Value>, config: &Value, who: &'static str) -> Value {
    let mut object = apply(live, config, false, &writer(who), deployment()).unwrap();
    default(deployment(), &mut object);
    object
}

#[test]
fn a_deployment_is_owned_as_kubernetes_shows_it() {
    let live = applied(None, &config("nginx:1.7.7"), "ctl");
    assert_eq!(
        live["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:spec": {
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                    ".": {},
                    "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}},
                    "f:image": {},
                    "f:name": {},
                    "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                        ".": {}, "f:containerPort": {}
                    }}
                }}}
            }
        }})
    );
    let again = applied(Some(&live), &config("nginx:1.7.7"), "ctl");
    assert_eq!(again, live);
}

#[test]
fn a_sidecar_injected_by_another_applier_survives() {
    let live = applied(None, &config("nginx:1.7.7"), "ctl");
    let sidecar = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}}}
    });
    let live = applied(Some(&live), &sidecar, "mesh");
    let live = applied(Some(&live), &config("nginx:1.7.8"), "ctl");
    let containers = live["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap();
    let images: Vec<&str> = containers
        .iter()
        .map(|c| c["image"].as_str().unwrap())
        .collect();
    assert_eq!(images, ["nginx:1.7.8", "proxy:1"]);
}

#[test]
fn a_scale_by_another_manager_is_a_conflict_only_if_replicas_are_given() {
    let mut first = config("nginx:1.7.7");
    first["spec"]["replicas"] = json!(2);
    let live = applied(None, &first, "ctl");
    let mut scaled = live.clone();
    scaled["spec"]["replicas"] = json!(5);
    let autoscaler = Writer {
        subresource: Some("scale"),
        ..writer("autoscaler")
    };
    track_update(Some(&live), &mut scaled, &autoscaler, deployment());
    let error = apply(Some(&scaled), &first, false, &writer("ctl"), deployment()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"autoscaler\" with subresource \"scale\" using apps/v1: .spec.replicas"
    );
    let kept = applied(Some(&scaled), &config("nginx:1.7.7"), "ctl");
    assert_eq!(kept["spec"]["replicas"], 5);
}

#[test]
fn a_defaulted_field_that_is_given_up_returns_to_its_default() {
    let mut first = config("nginx:1.7.7");
    first["spec"]["replicas"] = json!(4);
    let live = applied(None, &first, "ctl");
    let live = applied(Some(&live), &config("nginx:1.7.7"), "ctl");
    assert_eq!(live["spec"]["replicas"], 1);
}

#[test]
fn a_created_deployment_owns_its_defaults() {
    let mut object = config("nginx");
    default(deployment(), &mut object);
    track_update(None, &mut object, &writer("kubectl-create"), deployment());
    reset(None, &mut object, &writer("kubectl-create"), deployment());
    // Objects that Go embeds by value are there before anybody sets them: they have no owner.
    assert_eq!(
        object["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:spec": {
            "f:progressDeadlineSeconds": {},
            "f:replicas": {},
            "f:revisionHistoryLimit": {},
            "f:selector": {},
            "f:strategy": {
                "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
                "f:type": {}
            },
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {"k:{\"name\":\"web\"}": {
                        ".": {},
                        "f:env": {
                            ".": {},
                            "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}
                        },
                        "f:image": {},
                        "f:imagePullPolicy": {},
                        "f:name": {},
                        "f:ports": {
                            ".": {},
                            "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {
                                ".": {}, "f:containerPort": {}, "f:protocol": {}
                            }
                        },
                        "f:resources": {},
                        "f:terminationMessagePath": {},
                        "f:terminationMessagePolicy": {}
                    }},
                    "f:dnsPolicy": {},
                    "f:restartPolicy": {},
                    "f:schedulerName": {},
                    "f:securityContext": {},
                    "f:terminationGracePeriodSeconds": {}
                }
            }
        }})
    );
}

#[test]
fn a_status_update_owns_status_alone() {
    let live = applied(None, &config("nginx:1.7.7"), "ctl");
    let mut new = live.clone();
    new["status"] = json!({"replicas": 1, "conditions": [{"type": "Available", "status": "True"}]});
    new["spec"]["replicas"] = json!(7);
    let controller = Writer {
        subresource: Some("status"),
        ..writer("controller")
    };
    track_update(Some(&live), &mut new, &controller, deployment());
    reset(Some(&live), &mut new, &controller, deployment());
    assert_eq!(new["spec"]["replicas"], 1);
    assert_eq!(
        new["metadata"]["managedFields"][1]["fieldsV1"],
        json!({"f:status": {
            "f:conditions": {".": {}, "k:{\"type\":\"Available\"}": {".": {}, "f:status": {}, "f:type": {}}},
            "f:replicas": {}
        }})
    );
}
