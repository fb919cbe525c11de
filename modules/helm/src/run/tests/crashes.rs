use oarlock_sdk::{Value, json};

use super::site::Site;

/// Kills the operator after each single effect of a course in turn, and lets it go on.
fn killed(spec: &Value, course: impl Fn(&mut Site)) -> (String, Vec<String>) {
    let mut whole = Site::new(spec.clone());
    course(&mut whole);
    let wanted = (whole.history(), whole.objects());
    for fuse in 0.. {
        let mut site = Site::new(spec.clone());
        site.fuse(fuse);
        course(&mut site);
        assert_eq!((site.history(), site.objects()), wanted, "killed at {fuse}");
        if !site.is_burnt() {
            assert!(fuse > 5, "nothing was killed");
            break;
        }
    }
    wanted
}

#[test]
fn an_installation_survives() {
    let spec = json!({"values": {"hooks": "pre-install,post-install", "random": true}});
    let (history, _) = killed(&spec, |site| {
        site.settle();
    });
    assert_eq!(history, "1 deployed");
}

#[test]
fn an_upgrade_survives() {
    let spec = json!({"values": {"hooks": "pre-upgrade"}});
    let (history, _) = killed(&spec, |site| {
        site.settle();
        site.upgrade("2.0.0");
        site.settle();
    });
    assert_eq!(history, "1 superseded, 2 deployed");
}

#[test]
fn an_uninstallation_survives() {
    let spec = json!({"values": {"hooks": "pre-delete,post-delete"}});
    let (history, objects) = killed(&spec, |site| {
        site.settle();
        site.world.delete();
        site.settle();
        assert!(site.world.is_gone());
    });
    assert_eq!(history, "");
    assert_eq!(objects, ["Job post-delete-job", "Job pre-delete-job"]);
}

#[test]
fn a_first_look_after_a_restart_changes_nothing() {
    let mut site = Site::new(json!({}));
    site.settle();
    site.world.restart();
    let outcome = site.call().unwrap();
    assert_eq!(outcome.exactly().unwrap().len(), 0);
    assert_eq!(outcome.status_patch(), None);
}
