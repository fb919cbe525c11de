//! What becomes of a release, scenario by scenario: `scenarios/NAME.yaml` says what its users do and what must come of it,
//! the snapshot of the same name has every word.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::site::{CONFIG_MAPS, DEPLOYMENTS, Dialect, Site};
use crate::components::{root, text};
use crate::world::conditions;

const FOLDER: &str = "tests/world/tests/it/helm/scenarios";

/// One file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scenario {
    dialect: Tongue,
    steps: Vec<Step>,
    expect: Expectation,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tongue {
    Flux2,
    Flux1,
    Weave,
    Unicorn,
    Whole,
}

/// What somebody does, and how long nothing else is done then.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    /// Creates the object `web`, or merges into its spec.
    spec: Option<Value>,
    /// Applies any object.
    apply: Option<Value>,
    /// Deletes any object.
    remove: Option<Value>,
    /// Annotates the object `web`.
    annotate: Option<Value>,
    /// Changes a file of a chart that is published.
    write: Option<Writing>,
    /// Containers of such images are well from now on.
    heal: Option<String>,
    /// Deletes the object `web`.
    #[serde(default)]
    delete: bool,
    /// Takes the operator away as `kill -9` does, and starts another.
    #[serde(default)]
    restart: bool,
    /// Seconds until the next step.
    #[serde(default = "half_an_hour")]
    pass: u64,
}

/// A file of the chart `web`, and what stands there instead of what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Writing {
    version: String,
    file: String,
    from: String,
    to: String,
}

const fn half_an_hour() -> u64 {
    1800
}

/// What there is in the end.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expectation {
    /// Beginnings of `Type=Status Reason: message`.
    conditions: Vec<String>,
    /// Fields of the status; null for one that is not there or 0.
    #[serde(default)]
    status: serde_json::Map<String, Value>,
    /// `vREVISION STATUS` of the records, oldest first.
    records: Vec<String>,
    /// What the ConfigMap of the release has.
    greeting: Option<String>,
    /// How many Pods the Deployment of the release wants.
    replicas: Option<u64>,
}

async fn tell(name: &str) {
    let path = format!("{FOLDER}/{name}.yaml");
    let scenario: Scenario = serde_saphyr::from_str(&text(&path))
        .unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
    let dialect = match scenario.dialect {
        Tongue::Flux2 => Dialect::Flux2,
        Tongue::Flux1 => Dialect::Flux1,
        Tongue::Weave => Dialect::Weave,
        Tongue::Unicorn => Dialect::Unicorn,
        Tongue::Whole => Dialect::Whole,
    };
    let mut site = Site::new(dialect).await;
    let (since, from) = (site.store().revision(), site.now());
    for step in &scenario.steps {
        act(&mut site, step).await;
    }
    let told = format!("{}{}", site.story(since, from).await, site.told());
    insta::with_settings!({prepend_module_to_snapshot => false, snapshot_path => "scenarios"}, {
        insta::assert_snapshot!(name, told);
    });
    check(&site, &scenario.expect, &told);
}

async fn act(site: &mut Site, step: &Step) {
    let resource = site.dialect.resource();
    if let Some(writing) = &step.write {
        let Writing {
            version,
            file,
            from,
            to,
        } = writing;
        site.charts.edit("web", version, file, from, to);
    }
    if let Some(image) = &step.heal {
        site.heal(image);
    }
    if let Some(object) = &step.apply {
        site.apply(object.clone()).unwrap();
    }
    if let Some(object) = &step.remove {
        site.remove(object);
    }
    if let Some(spec) = &step.spec {
        site.set(spec);
    }
    if let Some(annotations) = &step.annotate {
        let patch = json!({"metadata": {"annotations": annotations}});
        site.edit(&resource, "web", &patch).unwrap();
    }
    if step.delete {
        site.delete(&resource, "web");
    }
    if step.restart {
        site.restart().await;
    }
    site.pass(Duration::from_secs(step.pass)).await;
}

/// What has to be so whoever wrote the snapshot.
fn check(site: &Site, expected: &Expectation, told: &str) {
    let records: Vec<String> = site
        .records()
        .iter()
        .map(|record| format!("v{} {}", record.revision, record.status))
        .collect();
    assert_eq!(records, expected.records, "{told}");
    if let Some(greeting) = &expected.greeting {
        let config_map = site.get(&CONFIG_MAPS, "web").unwrap();
        assert_eq!(config_map["data"]["greeting"], greeting.as_str(), "{told}");
    }
    if let Some(replicas) = expected.replicas {
        let deployment = site.get(&DEPLOYMENTS, "web").unwrap();
        assert_eq!(deployment["spec"]["replicas"], replicas, "{told}");
    }
    let release = site.get(&site.dialect.resource(), "web");
    let Some(release) = release else {
        assert!(expected.conditions.is_empty(), "the object is gone: {told}");
        return;
    };
    let there = conditions(&release);
    for condition in &expected.conditions {
        assert!(
            there.iter().any(|line| line.starts_with(condition)),
            "no {condition}: {told}"
        );
    }
    for (field, wanted) in &expected.status {
        let found = &release["status"][field];
        let is_none = found.is_null() || *found == 0;
        assert!(
            found == wanted || wanted.is_null() && is_none,
            "{field} is {found}, expected {wanted}: {told}"
        );
    }
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        const TOLD: &[&str] = &[$(stringify!($name)),*];

        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                tell(stringify!($name)).await;
            }
        )*
    };
}

scenarios! {
    install
    install_upgrade_delete
    install_fails
    install_fails_and_is_uninstalled
    install_fails_and_is_tried_again
    install_fails_and_is_uninstalled_in_the_end
    install_fails_and_is_kept_with_pauses
    install_fails_until_it_is_well
    install_hook_fails
    upgrade_fails
    upgrade_fails_and_is_rolled_back
    upgrade_fails_and_is_tried_again
    upgrade_fails_and_stays_in_the_end
    upgrade_fails_and_is_uninstalled
    upgrade_fails_and_is_kept_with_pauses
    upgrade_fails_and_a_fix_is_pushed
    upgrade_hook_fails
    fix_pushed_while_it_waits
    test_passes
    test_fails
    test_fails_and_is_ignored
    test_fails_after_an_upgrade_and_is_rolled_back
    test_fails_and_is_uninstalled
    reset_after_failures
    force_after_success
    suspended_and_resumed
    drift_is_told
    drift_is_put_right
    drift_that_is_let_be
    drift_of_an_object_that_is_gone
    flux1_install_upgrade
    flux1_upgrade_fails_and_is_rolled_back
    flux1_upgrade_fails_and_is_tried_again
    flux1_install_fails
    flux1_test_fails
    weave_install_upgrade
    weave_upgrade_fails_and_is_rolled_back
    unicorn_upgrade_fails_and_is_rolled_back
    unicorn_install_fails_until_it_is_well
    whole_install_upgrade_delete
    whole_drift_is_put_right
    whole_hook_fails_and_is_rolled_back
}

#[test]
fn every_file_is_told() {
    let files = fs::read_dir(root().join(FOLDER)).unwrap();
    let names: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    let told: BTreeSet<String> = TOLD.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names, told);
}
