//! What Deployments look like, and which Deployers are refused.

use oarlock_sdk::{Value, json};

use super::site::Site;

#[test]
fn the_deployment_of_the_demo() {
    let mut site = Site::new(10);
    site.run();
    let mut child = site.world.children().next().unwrap().clone();
    child["metadata"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["uid", "generation", "resourceVersion"].contains(&key.as_str()));
    let revision = site.world.status()["currentRevision"].clone();
    let labels = json!({
        "app": "nginx",
        "operator": "deployer",
        "deploy.example.com/deployer": "nginx",
        "deploy.example.com/version": "1.7.7",
        "deploy.example.com/revision": revision,
    });
    assert_eq!(
        child,
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "nginx-1.7.7",
                "namespace": "default",
                "labels": labels,
                "annotations": {"deploy.example.com/replicas": "10"},
            },
            "spec": {
                "replicas": 10,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{
                        "name": "nginx",
                        "image": "nginx:1.7.7",
                        "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
                    }]},
                },
            },
        })
    );
}

#[test]
fn names_are_made_of_what_kubernetes_takes() {
    let mut site = Site::new(1);
    site.world.edit(json!({"spec": {"deployment": {
        "image": "registry:5000/team/app", "version": "1.0.0+exp.sha.5114f85",
    }}}));
    site.settle();
    let child = site.world.children().next().unwrap();
    let container = &child["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["name"], "app");
    assert_eq!(
        container["image"],
        "registry:5000/team/app:1.0.0_exp.sha.5114f85"
    );
}

fn refused(patch: Value) -> String {
    let mut site = Site::new(10);
    site.world.edit(json!({"spec": patch}));
    site.failure()
}

#[test]
fn refuses_what_cannot_be_rolled_out() {
    assert_eq!(
        refused(json!({"deployment": {"namespace": "other"}})),
        "spec.deployment.namespace: must be the Deployer's own namespace \"default\", not \"other\"\n\
         hint: leave it out, or create the Deployer in \"other\""
    );
    assert_eq!(
        refused(
            json!({"deployment": {"name": "My_App"}, "steps": [{"percent": 30}, {"percent": 10}, {"percent": 0}]})
        ),
        "spec.deployment.name: must be a DNS label: at most 63 lower-case letters, digits and hyphens, not \"My_App\"; \
         spec.steps[1].percent: must be more than the 30 of the step before; until then nothing is changed; \
         spec.steps[2].percent: must be between 1 and 100"
    );
    assert_eq!(
        refused(json!({"steps": {"first": {"percent": 10}}})),
        "spec.steps: invalid type: map, expected a sequence"
    );
    assert_eq!(
        refused(json!({"type": "bluegreen"})),
        "spec.type: unknown variant `bluegreen`, expected one of `canary`, `blueGreen`, `recreate`"
    );
    assert_eq!(
        refused(json!({"steps": [{"percent": 10, "sleep": "soon"}]})),
        "spec.steps[0].sleep: invalid value: string \"soon\", expected seconds, or a time such as 90s, 1m or 1h30m"
    );
    assert_eq!(
        refused(json!({"strategy": {"maxSurge": "many"}})),
        "spec.strategy.maxSurge: expected a number of Pods such as 3, or a percentage such as \"25%\", found \"many\""
    );
    assert_eq!(
        refused(json!({"control": {"promote": "75c9ce2735/next"}})),
        "spec.control.promote: \"next\" is neither the number of a step nor `full`\n\
         hint: REVISION/2 goes past step 2, REVISION/full to the end"
    );
    assert_eq!(
        refused(json!({"deployment": {"image": "my app"}, "migration": {"command": ["migrate"]}})),
        "spec.deployment.image: must not be empty or contain white space; \
         spec.migration: is for type recreate only: two versions would run while it does"
    );
    assert_eq!(
        refused(json!({"type": "blueGreen", "service": {"name": "web", "preview": "web"}})),
        "spec.service.preview: must be another Service than spec.service.name"
    );
    assert_eq!(
        refused(json!({"service": {"name": "web"}})),
        "spec.service: is for type blueGreen only: in steps, both versions have traffic"
    );
    assert_eq!(
        refused(json!({"deployment": {"version": null}})),
        "spec.deployment.version: is required"
    );
}

/// The manifest with everything in it: the schema takes it, and so does the module.
#[test]
fn the_checked_example_is_one_that_works() {
    let text = include_str!("../../../../examples/deployer/checked.yaml");
    let mut object: Value = serde_saphyr::from_str(text).unwrap();
    object["metadata"]["namespace"] = "default".into();
    crate::crd::takes(&object["spec"]);
    let mut site = Site::of(object);
    site.settle();
    let shop = site.deployment("shop-2.4.0");
    assert_eq!(shop["spec"]["minReadySeconds"], 10);
    let container = &shop["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example.com/shop:2.4.0");
    assert_eq!(container["env"][0]["name"], "LOG");
    assert_eq!(container["ports"][0]["containerPort"], 80);
    assert_eq!(site.phase(), "Stable");
}
