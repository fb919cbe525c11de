//! The sixteen defects of the demo's operator, one test each.

use std::time::Duration;

use oarlock_sdk::{Value, json};

use super::site::Site;
use crate::reconcile;

const SIZES: [u32; 8] = [0, 1, 2, 3, 4, 10, 20, 100];

fn step(percent: u8, sleep: u32) -> Value {
    json!({"percent": percent, "sleep": sleep})
}

/// 1. Percent divided by replicas.
#[test]
fn defect_01_shares_are_percent_of_the_replicas() {
    for (replicas, expected) in [
        (0, ["1.7.8=0", "1.7.8=0", "1.7.8=0", "1.7.8=0"]),
        (
            1,
            [
                "1.7.7=1 1.7.8=0",
                "1.7.7=1 1.7.8=0",
                "1.7.7=0 1.7.8=1",
                "1.7.8=1",
            ],
        ),
        (
            2,
            [
                "1.7.7=1 1.7.8=1",
                "1.7.7=1 1.7.8=1",
                "1.7.7=1 1.7.8=1",
                "1.7.8=2",
            ],
        ),
        (
            3,
            [
                "1.7.7=2 1.7.8=1",
                "1.7.7=2 1.7.8=1",
                "1.7.7=1 1.7.8=2",
                "1.7.8=3",
            ],
        ),
        (
            4,
            [
                "1.7.7=3 1.7.8=1",
                "1.7.7=3 1.7.8=1",
                "1.7.7=2 1.7.8=2",
                "1.7.8=4",
            ],
        ),
        (
            10,
            [
                "1.7.7=9 1.7.8=1",
                "1.7.7=7 1.7.8=3",
                "1.7.7=4 1.7.8=6",
                "1.7.8=10",
            ],
        ),
        (
            20,
            [
                "1.7.7=18 1.7.8=2",
                "1.7.7=14 1.7.8=6",
                "1.7.7=8 1.7.8=12",
                "1.7.8=20",
            ],
        ),
        (
            100,
            [
                "1.7.7=90 1.7.8=10",
                "1.7.7=70 1.7.8=30",
                "1.7.7=40 1.7.8=60",
                "1.7.8=100",
            ],
        ),
    ] {
        let mut site = Site::installed(replicas);
        site.deploy("1.7.8");
        for expected in expected {
            site.settle();
            assert_eq!(site.sizes(), expected, "of {replicas}");
            if site.world.wake().is_some() {
                site.sleep();
            }
        }
        assert_eq!(site.phase(), "Stable");
    }
}

/// 2. A restart in the middle of a sleep began anew.
#[test]
fn defect_02_a_restart_takes_no_step_back_and_no_time_away() {
    for replicas in SIZES.into_iter().filter(|replicas| *replicas > 1) {
        let mut site = Site::installed(replicas);
        site.deploy("1.7.8");
        site.settle();
        let began = site.now();
        site.sleep();
        site.settle();
        site.pass(10);
        let (sizes, status) = (site.sizes(), site.world.status().clone());
        // All that a new host knows is on the objects.
        assert!(!site.run());
        assert_eq!((site.sizes(), site.world.status()), (sizes, &status));
        while site.phase() != "Stable" {
            site.sleep();
            site.settle();
        }
        assert_eq!(
            site.now().since(began),
            Duration::from_secs(120),
            "{replicas}"
        );
    }
}

/// 3. After a rollout nothing was followed any more.
#[test]
fn defect_03_after_a_rollout_everything_is_still_followed() {
    for replicas in SIZES {
        let mut site = Site::installed(10);
        site.checked = None;
        site.world
            .edit(json!({"spec": {"deployment": {"replicas": replicas}}}));
        site.settle();
        assert_eq!(site.sizes(), format!("1.7.7={replicas}"));
        assert_eq!(site.phase(), "Stable");
    }
    let mut site = Site::installed(10);
    site.world
        .each_child(|child| child["spec"]["replicas"] = json!(3));
    site.checked = None;
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=10");
}

/// 4. A third version in the middle doubled the Pods. [`Site`] checks the ceiling after every write.
#[test]
fn defect_04_a_third_version_stays_under_the_ceiling() {
    for replicas in SIZES {
        let mut site = Site::installed(replicas);
        site.deploy("1.7.8");
        site.settle();
        if replicas > 0 {
            site.sleep();
            site.settle();
        }
        site.deploy("1.7.9");
        site.finish();
        assert_eq!(site.sizes(), format!("1.7.9={replicas}"));
    }
}

/// 5. Taking a version back scaled what served to zero.
#[test]
fn defect_05_taking_a_version_back_never_loses_what_served() {
    for replicas in SIZES {
        let mut site = Site::installed(replicas);
        site.deploy("1.7.8");
        site.settle();
        for _ in 0..2 {
            if site.world.wake().is_some() {
                site.sleep();
                site.settle();
            }
        }
        site.deploy("1.7.7");
        let mut before = site.available(Some("nginx-1.7.7"));
        for _ in 0..30 {
            site.run();
            site.pods_follow();
            let stable = site.available(Some("nginx-1.7.7"));
            assert!(stable >= before, "{stable} after {before} of {replicas}");
            before = stable;
        }
        assert_eq!(site.sizes(), format!("1.7.7={replicas}"));
        assert_eq!(site.phase(), "Stable");
    }
}

/// 6. A version whose name another one's begins with was taken for it.
#[test]
fn defect_06_versions_that_begin_alike_are_different() {
    for version in ["1.7.77", "1.7.7-rc1", "1a7b7"] {
        let mut site = Site::installed(10);
        site.deploy(version);
        site.settle();
        // In the order of their names.
        let mut sizes = [String::from("1.7.7=9"), format!("{version}=1")];
        sizes.sort_by(|left, right| left.split('=').next().cmp(&right.split('=').next()));
        assert_eq!(site.sizes(), sizes.join(" "));
    }
}

/// 7. Steps that do not end at 100 deleted the old version all the same.
#[test]
fn defect_07_steps_that_do_not_end_at_100_are_refused_and_harm_nothing() {
    for replicas in SIZES {
        let mut site = Site::installed(replicas);
        site.world.edit(json!({"spec": {
            "steps": [step(10, 5), step(50, 5)], "deployment": {"version": "1.7.8"},
        }}));
        let before = site.sizes();
        assert_eq!(
            site.failure(),
            "spec.steps[1].percent: the last step must be 100, not 50\n\
             hint: add a step of 100 percent; until then nothing is changed"
        );
        assert_eq!(site.sizes(), before);
        site.world
            .edit(json!({"spec": {"steps": [step(10, 5), step(50, 5), step(100, 0)]}}));
        site.finish();
        assert_eq!(site.sizes(), format!("1.7.8={replicas}"));
    }
}

/// 8. A broken image was tried for ever, and its failure never told.
#[test]
fn defect_08_a_broken_image_is_given_up_and_what_served_is_untouched() {
    for replicas in SIZES.into_iter().filter(|replicas| *replicas > 1) {
        let mut site = Site::installed(replicas);
        site.broken = vec!["nginx-does-not-exist".to_owned()];
        site.deploy("does-not-exist");
        site.settle();
        assert_eq!(site.available(Some("nginx-1.7.7")), replicas);
        assert_eq!(site.sleep(), Duration::from_secs(600));
        site.settle();
        assert_eq!(site.sizes(), format!("1.7.7={replicas}"));
        assert_eq!(site.phase(), "Stable");
        assert!(site.reasons().contains(&"Aborted"));
        assert!(
            site.ready().starts_with("False Rejected: does-not-exist"),
            "{}",
            site.ready()
        );
    }
}

/// 9. Another template of the same version was not seen.
#[test]
fn defect_09_another_template_of_the_same_version_is_rolled_out_in_steps() {
    for more in [
        json!({"image": "nginx@sha256:00"}),
        json!({"template": {"spec": {"containers": [{"name": "nginx", "env": [{"name": "A", "value": "1"}]}]}}}),
        json!({"labels": {"tier": "web"}}),
        json!({"labels": {"app": "web"}}),
    ] {
        let mut site = Site::installed(10);
        let old = site.world.status()["stableRevision"].clone();
        site.world.edit(json!({"spec": {"deployment": more}}));
        site.settle();
        let new = site.world.status()["currentRevision"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_ne!(old, new.as_str());
        let name = format!("1.7.7-{}", &new[..6]);
        assert_eq!(site.sizes(), format!("1.7.7=9 {name}=1"));
        site.finish();
        assert_eq!(site.sizes(), format!("{name}=10"));
        // And the first template again runs under the plain name again.
        let before = Site::new(10).world.object()["spec"]["deployment"].clone();
        site.world.edit(json!({"spec": {"deployment": null}}));
        site.world.edit(json!({"spec": {"deployment": before}}));
        site.finish();
        assert_eq!(site.sizes(), "1.7.7=10");
        assert_eq!(site.world.status()["stableRevision"], old);
    }
}

/// 10. Both Deployments selected the same Pods.
#[test]
fn defect_10_no_two_deployments_select_the_same_pods() {
    for (version, more) in [
        ("1.7.8", json!({})),
        ("1.7.7", json!({"labels": {"tier": "web"}})),
    ] {
        let mut site = Site::installed(10);
        site.world.edit(json!({"spec": {"deployment": more}}));
        site.deploy(version);
        site.settle();
        let all: Vec<&Value> = site.deployments().collect();
        assert_eq!(all.len(), 2);
        for (one, other) in [(all[0], all[1]), (all[1], all[0])] {
            let selector = one["spec"]["selector"]["matchLabels"].as_object().unwrap();
            let labels = &other["spec"]["template"]["metadata"]["labels"];
            assert!(
                selector
                    .iter()
                    .any(|(key, value)| labels.get(key) != Some(value))
            );
            let own = &one["spec"]["template"]["metadata"]["labels"];
            assert!(
                selector
                    .iter()
                    .all(|(key, value)| own.get(key) == Some(value))
            );
        }
    }
}

/// 11. With two namespaces every version was the first.
#[test]
fn defect_11_another_namespace_is_refused() {
    let mut site = Site::installed(10);
    site.world
        .edit(json!({"spec": {"deployment": {"namespace": "other", "version": "1.7.8"}}}));
    assert_eq!(
        site.failure(),
        "spec.deployment.namespace: must be the Deployer's own namespace \"default\", not \"other\"\n\
         hint: leave it out, or create the Deployer in \"other\""
    );
    assert_eq!(site.sizes(), "1.7.7=10");
}

/// 12. and 13. Images and versions that are no names.
#[test]
fn defect_12_and_13_names_are_made_of_what_kubernetes_takes() {
    for (image, version, container) in [
        ("registry:5000/team/app", "1.0.0+exp.sha.5114f85", "app"),
        ("library/nginx", "V2", "nginx"),
        ("Team/My_App", "v_1", "my-app-c4d06c"),
    ] {
        let mut site = Site::installed(4);
        site.world
            .edit(json!({"spec": {"deployment": {"image": image, "version": version}}}));
        site.finish();
        let all: Vec<&Value> = site.deployments().collect();
        let name = all[0]["metadata"]["name"].as_str().unwrap();
        assert!(
            name.len() <= 63 && name.split('.').all(crate::naming::is_dns_label),
            "{name}"
        );
        assert_eq!(
            all[0]["spec"]["template"]["spec"]["containers"][0]["name"],
            container
        );
        let label = &all[0]["metadata"]["labels"]["deploy.example.com/version"];
        assert!(!label.as_str().unwrap().contains('+'), "{label}");
    }
}

/// 14. Nothing owned the Deployments: all of them are children, which go with their owner.
#[test]
fn defect_14_every_deployment_belongs_to_the_deployer() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.settle();
    let outcome = site.world.call(reconcile).unwrap();
    let children = outcome.exactly().unwrap();
    assert_eq!(children.len(), 2);
    for child in children {
        assert_eq!(child.owner(), oarlock_sdk::Owner::Owned);
    }
}

/// 15. Steps of a wrong shape failed the playbook.
#[test]
fn defect_15_steps_of_a_wrong_shape_are_refused_with_their_place() {
    for (steps, told) in [
        (
            json!({"first": {"percent": 10}}),
            "spec.steps: invalid type: map, expected a sequence",
        ),
        (
            json!([{"percent": 101}]),
            "spec.steps[0].percent: must be between 1 and 100",
        ),
        (
            json!([step(30, 0), step(30, 0), step(100, 0)]),
            "spec.steps[1].percent: must be more than the 30 of the step before; until then nothing is changed",
        ),
        (json!([{"sleep": 5}]), "spec.steps[0].percent: is required"),
    ] {
        let mut site = Site::installed(10);
        site.world
            .edit(json!({"spec": {"steps": null, "deployment": {"version": "2"}}}));
        site.world.edit(json!({"spec": {"steps": steps}}));
        assert_eq!(site.failure(), told);
        assert_eq!(site.sizes(), "1.7.7=10");
    }
}

/// 16. No step waited for Pods longer than a minute.
#[test]
fn defect_16_a_step_waits_for_its_pods_as_long_as_it_may() {
    let mut site = Site::installed(10);
    site.world.edit(json!({"spec": {
        "deployment": {"version": "1.7.8"}, "strategy": {"progressDeadlineSeconds": 0},
    }}));
    site.broken = vec!["nginx-1.7.8".to_owned()];
    site.settle();
    assert_eq!(site.world.wake(), None, "no deadline");
    site.pass(100_000);
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10 1.7.8=1", "Scaling")
    );
    site.broken.clear();
    site.finish();
    assert_eq!(site.sizes(), "1.7.8=10");
}
