//! Rollouts in which nothing goes wrong.

use oarlock_sdk::json;

use super::site::Site;

#[test]
fn the_demo_as_its_users_know_it() {
    let mut site = Site::new(10);
    site.settle();
    assert_eq!(site.sizes(), "1.7.7=10");
    assert_eq!(site.progress(), "-, -, -");
    assert_eq!(
        site.ready(),
        "True Available: all 10 Pods of nginx-1.7.7 are available"
    );
    assert_eq!(
        site.world.condition("Running").unwrap()["reason"],
        "Successful"
    );

    site.checked = Some(10);
    site.deploy("1.7.8");
    let began = site.now();
    let mut told = Vec::new();
    for _ in 0..4 {
        site.settle();
        told.push(format!(
            "{} | {} | {}",
            site.sizes(),
            site.progress(),
            site.phase()
        ));
        if site.world.wake().is_some() {
            assert_eq!(
                site.world.condition("Running").unwrap()["message"],
                "Running reconciliation"
            );
            site.sleep();
        }
    }
    assert_eq!(
        told,
        [
            "1.7.7=9 1.7.8=1 | no. 1, 10% has been deployed, 60s till next step | Waiting",
            "1.7.7=7 1.7.8=3 | no. 2, 30% has been deployed, 30s till next step | Waiting",
            "1.7.7=4 1.7.8=6 | no. 3, 60% has been deployed, 30s till next step | Waiting",
            "1.7.8=10 | no. 4, 100% has been deployed, 0s till next step | Stable",
        ]
    );
    assert_eq!(site.now().since(began).as_secs(), 120);
    assert_eq!(
        site.ready(),
        "True Available: all 10 Pods of nginx-1.7.8 are available"
    );
    let reasons: Vec<_> = site
        .world
        .events()
        .iter()
        .map(|(_, reason)| reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "Installing",
            "Installed",
            "StepEntered",
            "StepAvailable",
            "StepEntered",
            "StepAvailable",
            "StepEntered",
            "StepAvailable",
            "StepEntered",
            "Promoted",
        ]
    );
}

#[test]
fn a_step_is_written_down_before_it_is_taken() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.run();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=10", "Scaling")
    );
    assert_eq!(site.world.wake(), Some(site.now()));
    site.run();
    assert_eq!(site.sizes(), "1.7.7=10 1.7.8=1");
    assert_eq!(
        site.ready(),
        "False WaitingForPods: step 1 of 4 (10%): 0 of 1 Pods of nginx-1.7.8 are available"
    );
}

#[test]
fn row_04_the_wait_begins_when_the_pods_are_available() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.run();
    site.run();
    site.run();
    site.pass(599);
    assert_eq!((site.run(), site.phase()), (false, "Scaling"));
    site.pods_follow();
    site.settle();
    let status = site.world.status();
    assert_eq!(status["stepStartedAt"], site.now().to_string());
    assert_eq!(site.sleep().as_secs(), 60);
    assert_eq!(site.world.status()["stepEndsAt"], site.now().to_string());
}

#[test]
fn row_06_moves_within_the_surge() {
    let mut site = Site::installed(10);
    site.deploy("1.7.8");
    site.finish();
    assert_eq!(
        site.seen.join(", "),
        "1.7.7=10, 1.7.7=10 1.7.8=1, 1.7.7=9 1.7.8=1, 1.7.7=9 1.7.8=3, 1.7.7=7 1.7.8=3, 1.7.7=7 1.7.8=6, \
         1.7.7=4 1.7.8=6, 1.7.7=4 1.7.8=9, 1.7.7=1 1.7.8=9, 1.7.7=1 1.7.8=10, 1.7.8=10"
    );
}

#[test]
fn row_02_no_replicas_are_promoted_at_once() {
    let mut site = Site::installed(0);
    site.deploy("1.7.8");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=0", "Stable"));
    assert!(site.world.wake().is_none());
}

#[test]
fn without_steps_there_is_one() {
    let mut site = Site::installed(4);
    site.world
        .edit(json!({"spec": {"steps": null, "deployment": {"version": "2"}}}));
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("2=4", "Stable"));
}
