use oarlock_sdk::json;

use super::site::Site;
use crate::record::Phase;

#[test]
fn hooks_run_in_their_moments_and_the_record_tells_how() {
    let mut site =
        Site::new(json!({"values": {"hooks": "pre-install,post-install,pre-upgrade,pre-delete"}}));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(
        site.objects(),
        [
            "Deployment web",
            "Job post-install-job",
            "Job pre-install-job",
            "Service old"
        ]
    );
    let phases = |site: &Site, version| {
        let record = site.record(version);
        let all = record.hooks.iter();
        let all = all.map(|hook| (hook.name.clone(), hook.last_run.phase.clone()));
        all.collect::<Vec<_>>()
    };
    let phase = |site: &Site, version, name: &str| {
        let all = phases(site, version);
        let found = all.iter().find(|(hook, _)| hook == name);
        found.map(|(_, phase)| phase.clone())
    };
    assert_eq!(phase(&site, 1, "pre-install-job"), Some(Phase::Succeeded));
    assert_eq!(phase(&site, 1, "post-install-job"), Some(Phase::Succeeded));
    assert_eq!(phase(&site, 1, "pre-upgrade-job"), Some(Phase::Never));
    site.upgrade("1.1.0");
    site.settle();
    assert_eq!(phase(&site, 2, "pre-upgrade-job"), Some(Phase::Succeeded));
    assert_eq!(phase(&site, 2, "pre-install-job"), Some(Phase::Never));
    site.world.delete();
    site.settle();
    assert!(site.world.is_gone());
    // Hooks outlive their release, as with Helm.
    assert_eq!(
        site.objects(),
        [
            "Job post-install-job",
            "Job pre-delete-job",
            "Job pre-install-job",
            "Job pre-upgrade-job"
        ]
    );
}

/// As with Helm: what somebody else has under the name of a hook is not taken from him.
#[test]
fn hooks_are_applied_without_force_and_objects_with_it() {
    let mut site = Site::flux(json!({"values": {"hooks": "pre-install"}}));
    let mut written = Vec::new();
    for _ in 0..12 {
        let outcome = site.call().unwrap();
        for child in outcome.exactly().unwrap() {
            let target = child.target().unwrap();
            written.push((target.kind, format!("{child:?}").contains("force: true")));
        }
        site.settle_once(&outcome);
    }
    assert!(
        written.contains(&(String::from("Job"), false)),
        "{written:?}"
    );
    assert!(!written.contains(&(String::from("Job"), true)));
    assert!(written.contains(&(String::from("Deployment"), true)));
}

#[test]
fn tests_run_after_an_installation() {
    let mut site = Site::flux(json!({"test": {"enable": true}, "values": {"hooks": "test"}}));
    site.settle();
    assert_eq!(site.history(), "1 deployed");
    assert_eq!(site.condition("TestSuccess"), "True TestSucceeded");
    assert!(
        site.message("TestSuccess")
            .ends_with("1 test hook completed successfully")
    );
    assert_eq!(site.record(1).hooks[0].last_run.phase, Phase::Succeeded);
}
