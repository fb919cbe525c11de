//! The old version goes, a Job runs exactly once, the new version comes.

use oarlock_sdk::{Value, json};

use super::site::Site;
use crate::reconcile;

fn installed(more: Value) -> Site {
    let mut site = Site::new(4);
    site.world
        .edit(json!({"spec": {"type": "recreate", "migration": more}}));
    jobs(&mut site);
    site.checked = None;
    site
}

/// One that has served, with a migration from the next version on.
fn serving(more: Value) -> Site {
    let mut site = Site::new(4);
    site.world.edit(json!({"spec": {"type": "recreate"}}));
    site.settle();
    site.world.edit(json!({"spec": {"migration": more}}));
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    site.seen.clear();
    site
}

fn all_jobs(site: &Site) -> Vec<String> {
    let jobs = site.world.children().filter(|child| child["kind"] == "Job");
    jobs.map(|job| job["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Says how all Jobs that have not ended are.
fn end(site: &mut Site, condition: &str) {
    let condition = condition.to_owned();
    site.world.each_child(|child| {
        if child["kind"] == "Job" && child["status"]["conditions"].is_null() {
            child["status"] = json!({"conditions": [{
                "type": condition, "status": "True", "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit",
            }]});
        }
    });
}

/// Settles with Jobs that succeed.
fn jobs(site: &mut Site) {
    for _ in 0..10 {
        site.settle();
        end(site, "Complete");
    }
}

#[test]
fn the_old_version_is_gone_before_the_new_one_comes() {
    let mut site = Site::installed(4);
    site.world.edit(json!({"spec": {"type": "recreate"}}));
    site.checked = None;
    site.seen.clear();
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        site.seen,
        ["1.7.7=4", "1.7.7=0", "1.7.7=0 1.7.8=4", "1.7.8=4"]
    );
    assert_eq!(site.phase(), "Stable");
    assert_eq!(site.history()[0], "1.7.8 Promoted");
}

#[test]
fn the_job_runs_between_them_with_what_the_new_version_has() {
    let mut site =
        serving(json!({"command": ["app"], "args": ["migrate", "head"], "backoffLimit": 2}));
    site.world.edit(json!({"spec": {"deployment": {"template": {
        "metadata": {"labels": {"behind": "service"}},
        "spec": {"serviceAccountName": "web", "containers": [
            {"name": "nginx", "env": [{"name": "DB", "value": "db"}], "readinessProbe": {"httpGet": {"port": 80}}},
        ]},
    }}}}));
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=0", "Migrating")
    );
    assert_eq!(
        site.condition("Available").split(':').next(),
        Some("False MinimumReplicasUnavailable")
    );
    let job = site
        .world
        .children()
        .find(|child| child["kind"] == "Job")
        .unwrap()
        .clone();
    let revision = site.revision();
    let labels = json!({
        "deploy.example.com/migration-of": "nginx",
        "deploy.example.com/revision": revision,
    });
    assert_eq!(
        job["metadata"]["name"],
        format!("nginx-migration-{}", &revision[..6])
    );
    assert_eq!(job["metadata"]["labels"], labels);
    assert_eq!(
        job["spec"],
        json!({
            "backoffLimit": 2,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "serviceAccountName": "web",
                    "containers": [{
                        "name": "migration", "image": "nginx:1.7.8", "command": ["app"], "args": ["migrate", "head"],
                        "env": [{"name": "DB", "value": "db"}],
                    }],
                },
            },
        })
    );
    end(&mut site, "Complete");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
    assert_eq!(site.world.status()["migratedRevisions"], json!([revision]));
    assert!(
        site.reasons()
            .ends_with(&["Migrating", "Migrated", "Promoted"]),
        "{:?}",
        site.reasons()
    );
}

#[test]
fn a_first_version_is_migrated_to_as_well() {
    let site = installed(json!({"args": ["migrate"]}));
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    assert_eq!(all_jobs(&site).len(), 1);
}

/// Killed after every possible write of every run, in every state: one Job is created for the revision, ever.
#[test]
fn row_38_killed_at_any_point_the_job_runs_exactly_once() {
    for killed_after in 0..4 {
        for lost_job in [false, true] {
            let mut site = serving(json!({"args": ["migrate"]}));
            site.deploy("1.7.8");
            let mut created = std::collections::BTreeSet::new();
            for turn in 0..80 {
                let outcome = site.world.call(reconcile).unwrap();
                let steps = if turn % 2 == 0 {
                    killed_after
                } else {
                    usize::MAX
                };
                site.world.perform(&outcome, steps);
                for child in site.world.children().filter(|child| child["kind"] == "Job") {
                    created.insert(child["metadata"]["uid"].as_str().unwrap().to_owned());
                }
                site.pods_follow();
                if turn % 5 == 4 {
                    end(&mut site, "Complete");
                }
                // Cleaned up by somebody, after it was seen to have succeeded.
                if lost_job && site.phase() == "Starting" {
                    for name in all_jobs(&site) {
                        site.world.delete_child(&name);
                    }
                }
            }
            site.settle();
            assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
            assert_eq!(created.len(), 1, "{killed_after}");
        }
    }
}

/// It succeeded, and the status that says so was lost: the Job itself says it.
#[test]
fn row_38_a_lost_status_does_not_run_it_twice() {
    let mut site = serving(json!({"args": ["migrate"]}));
    site.deploy("1.7.8");
    site.settle();
    let before = all_jobs(&site);
    end(&mut site, "Complete");
    let outcome = site.world.call(reconcile).unwrap();
    site.world.perform(&outcome, 0);
    assert_eq!(site.world.status().get("migratedRevisions"), None);
    site.settle();
    assert_eq!(site.phase(), "Stable");
    assert_eq!(all_jobs(&site), before);
}

#[test]
fn the_same_revision_again_is_not_migrated_to_again() {
    let mut site = serving(json!({"args": ["migrate"]}));
    site.deploy("1.7.8");
    jobs(&mut site);
    site.deploy("1.7.7");
    jobs(&mut site);
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    for name in all_jobs(&site) {
        site.world.delete_child(&name);
    }
    site.deploy("1.7.8");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
    assert_eq!(all_jobs(&site), Vec::<String>::new());
}

#[test]
fn a_failed_job_brings_the_previous_version_back() {
    let mut site = serving(json!({"args": ["migrate"]}));
    site.deploy("1.7.8");
    site.settle();
    let job = all_jobs(&site)[0].clone();
    end(&mut site, "Failed");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    let revision = site.revision();
    assert_eq!(
        site.ready(),
        format!(
            "False Rejected: 1.7.8 ({revision}) was given up: Job {job} failed: \
             BackoffLimitExceeded: Job has reached the specified backoff limit\n\
             hint: change it, or try it again with spec.control.retry"
        )
    );
    assert_eq!(all_jobs(&site), [job.as_str()], "people look at its log");
    site.world
        .edit(json!({"spec": {"control": {"retry": "1"}}}));
    site.settle();
    assert_eq!(all_jobs(&site), [job.as_str(), format!("{job}-2").as_str()]);
    end(&mut site, "Complete");
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
}

#[test]
fn a_failed_job_may_hold_everything() {
    let mut site = serving(json!({"args": ["migrate"], "onFailure": "Hold"}));
    site.deploy("1.7.8");
    site.settle();
    let job = all_jobs(&site)[0].clone();
    end(&mut site, "Failed");
    site.settle();
    site.pass(100_000);
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=0", "Migrating")
    );
    let revision = site.revision();
    assert_eq!(
        site.ready(),
        format!(
            "False MigrationFailed: Job {job} failed: BackoffLimitExceeded: Job has reached the specified backoff limit\n\
             hint: spec.control.retry runs it again, spec.control.promote: {revision} goes on without it, \
             spec.control.abort: {revision} goes back"
        )
    );
    assert_eq!(all_jobs(&site).len(), 1);
    let mut back = site.clone();
    back.wish("abort", "");
    back.settle();
    assert_eq!((back.sizes().as_str(), back.phase()), ("1.7.7=4", "Stable"));
    site.world
        .edit(json!({"spec": {"control": {"retry": "1"}}}));
    jobs(&mut site);
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
}

/// Nobody knows what it did: it is not run again by itself.
#[test]
fn a_deleted_job_waits_for_a_person() {
    let mut site = serving(json!({"args": ["migrate"]}));
    site.deploy("1.7.8");
    site.settle();
    let job = all_jobs(&site)[0].clone();
    site.world.delete_child(&job);
    site.settle();
    site.pass(100_000);
    site.settle();
    assert_eq!(all_jobs(&site), Vec::<String>::new());
    assert!(
        site.why()
            .starts_with(&format!("MigrationJobMissing: Job {job} was deleted")),
        "{}",
        site.why()
    );
    let mut on = site.clone();
    on.wish("promote", "");
    on.settle();
    assert_eq!((on.sizes().as_str(), on.phase()), ("1.7.8=4", "Stable"));
    assert_eq!(all_jobs(&on), Vec::<String>::new());
    site.world
        .edit(json!({"spec": {"control": {"retry": "1"}}}));
    jobs(&mut site);
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.8=4", "Stable"));
}

#[test]
fn a_job_that_runs_is_not_interrupted() {
    for wanted in ["1.7.7", "1.7.9", "abort"] {
        let mut site = serving(json!({"args": ["migrate"]}));
        site.deploy("1.7.8");
        site.settle();
        let job = all_jobs(&site)[0].clone();
        match wanted {
            "abort" => site.wish("abort", ""),
            version => site.deploy(version),
        }
        site.settle();
        assert_eq!(
            site.why(),
            format!("WaitingForMigration: Job {job} is not interrupted")
        );
        assert_eq!(all_jobs(&site), [job.as_str()]);
        assert_eq!(site.sizes(), "1.7.7=0");
        jobs(&mut site);
        let expected = if wanted == "1.7.9" {
            "1.7.9=4"
        } else {
            "1.7.7=4"
        };
        assert_eq!((site.sizes().as_str(), site.phase()), (expected, "Stable"));
        let migrated = site.world.status()["migratedRevisions"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(
            migrated,
            if wanted == "1.7.9" { 2 } else { 1 },
            "it did succeed"
        );
    }
}

#[test]
fn a_version_that_does_not_start_is_replaced_by_the_previous_one() {
    let mut site = serving(json!(null));
    site.broken = vec!["nginx-1.7.8".to_owned()];
    site.deploy("1.7.8");
    site.settle();
    assert_eq!(
        (site.sizes().as_str(), site.phase()),
        ("1.7.7=0 1.7.8=4", "Starting")
    );
    site.seen.clear();
    site.sleep();
    site.settle();
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.7=4", "Stable"));
    // Never two of them at the same time.
    assert_eq!(site.seen[0], "1.7.7=0 1.7.8=4");
    assert_eq!(site.seen[1], "1.7.7=0 1.7.8=0");
    assert_eq!(site.history()[0], "1.7.8 Aborted");
}

#[test]
fn another_version_while_the_old_one_goes() {
    let mut site = serving(json!({"args": ["migrate"]}));
    site.deploy("1.7.8");
    site.run();
    site.run();
    site.deploy("1.7.9");
    jobs(&mut site);
    assert_eq!((site.sizes().as_str(), site.phase()), ("1.7.9=4", "Stable"));
    assert_eq!(
        site.history(),
        ["1.7.9 Promoted", "1.7.8 Superseded", "1.7.7 Promoted"]
    );
}
