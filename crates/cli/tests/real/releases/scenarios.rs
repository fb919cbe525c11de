//! Scenarios of failure and remediation on the real control plane: the same files as in virtual time
//! (`tests/world/tests/it/helm/scenarios`), with time-outs of seconds.

use std::path::{Path, PathBuf};

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::published::Published;
use super::site::{Site, told};
use crate::ground::replace;
use crate::process::root;
use crate::watching::{conditions, define_as};

const FOLDER: &str = "tests/world/tests/it/helm";

/// As far as it concerns this run.
#[derive(Deserialize)]
struct Scenario {
    steps: Vec<Step>,
    expect: Expectation,
}

#[derive(Deserialize)]
struct Step {
    spec: Value,
}

#[derive(Deserialize)]
struct Expectation {
    conditions: Vec<String>,
    status: Map<String, Value>,
    records: Vec<String>,
}

/// What the Pods of the chart do is in the tag of their image; here an annotation says it.
const SAID: [(&str, &str, &str); 2] = [
    (
        "templates/objects.yaml",
        "      labels: {app: {{ .Release.Name }}}\n    spec:",
        "      labels: {app: {{ .Release.Name }}}\n      {{- if contains \"never-ready\" .Values.image }}\n      annotations: \
         {devcluster.oarlock.dev/fails: NeverReady}\n      {{- end }}\n    spec:",
    ),
    (
        "templates/hooks.yaml",
        "    helm.sh/hook: test\n",
        "    helm.sh/hook: test\n    {{- if contains \"fails\" .Values.test.image }}\n    devcluster.oarlock.dev/fails: CrashLoopBackOff\n    \
         {{- end }}\n",
    ),
];

/// Packs the chart of the scenarios into a repository.
async fn publish(site: &Site) -> PathBuf {
    let (source, folder) = (root().join(FOLDER).join("web"), site.ground.path("chart"));
    copy(&source, &folder);
    for (file, from, to) in SAID {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        replace(&path, text.replace(from, to).as_bytes());
    }
    let repository = site.ground.path("repository");
    std::fs::create_dir_all(&repository).unwrap();
    let (folder, target) = (
        folder.display().to_string(),
        repository.display().to_string(),
    );
    site.helm(&["package", &folder, "--destination", &target])
        .await;
    site.helm(&["repo", "index", &target]).await;
    repository
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn releases(site: &Site) -> Api<DynamicObject> {
    site.ground
        .api("helm.toolkit.fluxcd.io", "v2", "HelmRelease")
}

async fn tell(name: &str) {
    let Some(site) = Site::bare("scenario").await else {
        return;
    };
    for kind in ["helmreleases.helm", "helmrepositories.source"] {
        let file = root().join(format!("modules/helm/crds/{kind}.toolkit.fluxcd.io.yaml"));
        let text = std::fs::read_to_string(file).unwrap();
        define_as(&site.ground.client, serde_saphyr::from_str(&text).unwrap()).await;
    }
    let published = Published::start(publish(&site).await).await;
    let (url, namespace) = (&published.url, &site.ground.namespace);
    site.write_watches(&format!(
        "- group: helm.toolkit.fluxcd.io\n  version: v2\n  kind: HelmRelease\n  module: helm.wasm\n  \
         libraries: {{\"oarlock:helm/engine\": helm-engine.wasm}}\n  selector: {{matchLabels: {{test: {namespace}}}}}\n  grants:\n    \
         artifacts: [\"{url}\"]\n    read:\n    - {{apiGroups: [\"*\"], resources: [\"*\"]}}\n    - {{apiGroups: [\"\"], resources: [secrets], \
         resourceNames: [\"*\"]}}\n    write:\n    - {{apiGroups: [\"*\"], resources: [\"*\"]}}\n    - {{apiGroups: [\"\"], resources: [secrets]}}\n"
    ));
    let source = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": "charts"},
        "spec": {"url": url, "interval": "10m"},
    });
    let sources = site
        .ground
        .api("source.toolkit.fluxcd.io", "v1", "HelmRepository");
    site.ground.apply(&sources, source).await;
    let _operator = site.operator().await;

    let text = std::fs::read_to_string(root().join(format!("{FOLDER}/scenarios/{name}.yaml")));
    let scenario: Scenario = serde_saphyr::from_str(&text.unwrap()).unwrap();
    let api = releases(&site);
    let (last, first) = scenario.steps.split_last().unwrap();
    let mut begun = false;
    for step in first {
        write(&site, &step.spec, begun).await;
        begun = true;
        let settled = |all: &str| all.contains("Ready=True") && all.contains("Reconciling=False");
        site.ground.conditions(&api, "web", settled).await;
    }
    write(&site, &last.spec, begun).await;
    let expect = &scenario.expect;
    let generation = i64::try_from(scenario.steps.len()).unwrap();
    let release = site
        .ground
        .when(&api, "web", |release| {
            let all = conditions(release);
            let told = |wanted: &String| all.lines().any(|line| line.starts_with(wanted.as_str()));
            let status = &release.data["status"];
            status["observedGeneration"] == generation
                && status["lifecycle"]["action"].is_null()
                && expect.conditions.iter().all(told)
        })
        .await;
    for (field, wanted) in &expect.status {
        let is = &release.data["status"][field];
        let nothing = wanted.is_null() && is == 0;
        assert!(is == wanted || nothing, "{field} is {is}, not {wanted}");
    }
    let records = match expect.records.is_empty() {
        true => Vec::new(),
        false => told(&site.helm_json(&["history", "web"]).await),
    };
    let records: Vec<String> = records
        .iter()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .map(|line| format!("v{line}"))
        .collect();
    assert_eq!(records, expect.records);
}

/// Creates the release, or merges into it.
async fn write(site: &Site, spec: &Value, begun: bool) {
    let api = releases(site);
    if begun {
        let patch = Patch::Merge(json!({"spec": spec}));
        api.patch("web", &PatchParams::default(), &patch)
            .await
            .unwrap();
        return;
    }
    let mut whole = json!({
        "interval": "1h",
        "timeout": "4s",
        "chart": {"spec": {
            "chart": "web",
            "version": "1.0.0",
            "sourceRef": {"kind": "HelmRepository", "name": "charts"},
        }},
    });
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let release = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "web"},
        "spec": whole,
    });
    site.ground.apply(&api, release).await;
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                tell(stringify!($name)).await;
            }
        )*
    };
}

scenarios! {
    install_fails
    install_fails_and_is_uninstalled
    install_fails_and_is_tried_again
    upgrade_fails
    upgrade_fails_and_is_rolled_back
    upgrade_fails_and_is_tried_again
    upgrade_fails_and_stays_in_the_end
    upgrade_fails_and_is_uninstalled
    test_passes
    test_fails
    test_fails_and_is_ignored
    test_fails_and_is_uninstalled
    test_fails_after_an_upgrade_and_is_rolled_back
}
