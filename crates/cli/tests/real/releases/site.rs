//! A ground with charts, an operator for releases, and the real `helm`.

use std::path::{Path, PathBuf};
use std::process::Output;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::ground::{Ground, Operator, define, is_ready, replace};
use crate::helm;
use crate::process::{PATIENCE, engine_cache, helm_engine, modules, root};
use crate::watching::define_as;

/// Of the kind whose `spec` is the values.
pub(super) const GROUP: &str = "releases.oarlock.dev";

/// The chart: what it installs tells which values and which version of it.
const TEMPLATES: [(&str, &str); 4] = [
    ("values.yaml", "message: hello\nextra: {}\nbroken: false\n"),
    (
        "templates/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-config\n  labels:\n    version: {{ .Chart.Version | quote }}\n\
         data:\n  message: {{ .Values.message | quote }}\n  revision: {{ .Release.Revision | quote }}\n  {{- with .Values.extra }}\n  {{- toYaml . \
         | nindent 2 }}\n  {{- end }}\n",
    ),
    (
        "templates/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.broken | ternary -1 0 \
         }}\n  selector:\n    matchLabels: {app: {{ .Release.Name }}}\n  template:\n    metadata:\n      labels: {app: {{ .Release.Name }}}\n    \
         spec:\n      containers:\n        - name: web\n          image: web:{{ .Chart.AppVersion }}\n",
    ),
    (
        "templates/NOTES.txt",
        "{{ .Values.message }} from {{ .Release.Name }}\n",
    ),
];

/// The ground.
pub(super) struct Site {
    pub(super) ground: Ground,
    helm: PathBuf,
}

impl Site {
    /// With the modules and nothing else. `None`, said loudly, where there is no real API server.
    pub(super) async fn bare(test: &str) -> Option<Self> {
        let ground = Ground::new(test).await?;
        for name in ["helm.wasm", "helm-engine.wasm"] {
            ground.module(name, &std::fs::read(modules().join(name)).unwrap());
        }
        let helm = helm::helm()?;
        Some(Self { ground, helm })
    }

    /// With a kind whose `spec` is the values of a chart.
    pub(super) async fn new(test: &str) -> Option<Self> {
        let site = Self::bare(test).await?;
        define(&site.ground.client, GROUP, "Web").await;
        site.chart("1.0.0");
        let namespace = &site.ground.namespace;
        site.write_watches(&format!(
            "- group: {GROUP}\n  version: v1\n  kind: Web\n  chart: web\n  selector: {{matchLabels: {{test: {namespace}}}}}\n"
        ));
        Some(site)
    }

    /// Writes the watches file.
    pub(super) fn write_watches(&self, text: &str) {
        replace(&self.ground.path("watches.yaml"), text.as_bytes());
    }

    /// Another ground: the example with unicorns, whose charts stand for colours.
    pub(super) async fn of_unicorns(test: &str) -> Option<Self> {
        let site = Self::bare(test).await?;
        let definition = root().join("modules/helm/crds/helmreleases.samplecontroller.k8s.io.yaml");
        let definition = std::fs::read_to_string(definition).unwrap();
        define_as(
            &site.ground.client,
            serde_saphyr::from_str(&definition).unwrap(),
        )
        .await;
        let example = root().join("examples/unicorn");
        let watches = std::fs::read_to_string(example.join("watches.yaml")).unwrap();
        let namespace = &site.ground.namespace;
        site.write_watches(&format!(
            "{watches}  selector: {{matchLabels: {{test: {namespace}}}}}\n"
        ));
        std::os::unix::fs::symlink(example.join("charts"), site.ground.path("charts")).unwrap();
        Some(site)
    }

    pub(super) fn unicorns(&self) -> Api<DynamicObject> {
        self.ground
            .api("samplecontroller.k8s.io", "v1alpha1", "HelmRelease")
    }

    /// Applies the example's unicorn in a colour.
    pub(super) async fn colour(&self, colour: &str) {
        let file = root().join("examples/unicorn/unicorn.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let mut unicorn: Value = serde_saphyr::from_str(&text).unwrap();
        unicorn["spec"]["releaseVersion"] = json!(colour);
        self.ground.apply(&self.unicorns(), unicorn).await;
    }

    /// The conditions of the unicorn as soon as they are such.
    pub(super) async fn unicorn_says(&self, wanted: &str) -> String {
        let unicorns = self.unicorns();
        self.ground
            .conditions(&unicorns, "unicorn-release", |all| all.contains(wanted))
            .await
    }

    /// The page that the unicorn's Deployment shows.
    pub(super) async fn page(&self) -> String {
        let page = self.ground.config_maps().get("unicorn").await.unwrap();
        page.data["data"]["index.html"].as_str().unwrap().to_owned()
    }

    /// Starts the operator.
    pub(super) async fn operator(&self) -> Operator {
        // Compiled once for all.
        helm_engine().await;
        let (charts, cache) = (self.ground.path("charts"), engine_cache());
        let more = [
            "--charts",
            charts.to_str().unwrap(),
            "--cache-dir",
            cache.to_str().unwrap(),
        ];
        self.ground.operator_with(&more).await
    }

    /// The folder of the chart.
    pub(super) fn chart_folder(&self) -> PathBuf {
        self.ground.path("charts").join("web")
    }

    /// Puts a version of the chart in place.
    pub(super) fn chart(&self, version: &str) {
        let folder = self.chart_folder();
        std::fs::create_dir_all(folder.join("templates")).unwrap();
        let about = format!("apiVersion: v2\nname: web\nversion: {version}\nappVersion: \"4.5\"\n");
        replace(&folder.join("Chart.yaml"), about.as_bytes());
        for (path, text) in TEMPLATES {
            replace(&folder.join(path), text.as_bytes());
        }
    }

    pub(super) fn webs(&self) -> Api<DynamicObject> {
        self.ground.api(GROUP, "v1", "Web")
    }

    /// Applies a Web with these values.
    pub(super) async fn apply(&self, name: &str, values: Value) {
        let web = json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": "Web",
            "metadata": {"name": name},
            "spec": values,
        });
        self.ground.apply(&self.webs(), web).await;
    }

    /// Changes values of a Web.
    pub(super) async fn change(&self, name: &str, values: Value) {
        let patch = Patch::Merge(json!({"spec": values}));
        self.webs()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// The Web as soon as it is ready, at a revision of its release.
    pub(super) async fn ready(&self, name: &str, revision: u64) -> DynamicObject {
        let at = |object: &DynamicObject| {
            object.data["status"]["lifecycle"]["history"][0]["version"] == revision
        };
        self.ground
            .when(&self.webs(), name, |web| is_ready(web) && at(web))
            .await
    }

    /// What the chart wrote.
    pub(super) async fn config(&self, release: &str) -> Value {
        let config = self
            .ground
            .config_maps()
            .get(&format!("{release}-config"))
            .await
            .unwrap();
        config.data["data"].clone()
    }

    /// Runs the real `helm` in the namespace.
    pub(super) async fn helm(&self, args: &[&str]) -> String {
        let output = self.try_helm(args).await;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(
            output.status.success(),
            "helm {}: {}",
            args.join(" "),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// The same, as JSON.
    pub(super) async fn helm_json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&self.helm(&args).await).unwrap()
    }

    async fn try_helm(&self, args: &[&str]) -> Output {
        let run = Command::new(&self.helm)
            .args(args)
            .args(["--namespace", &self.ground.namespace, "--kubeconfig"])
            .arg(&self.ground.admin)
            .env("HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("home"))
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(PATIENCE, run)
            .await
            .expect("it ends")
            .unwrap()
    }

    /// The chart's folder, for the command line.
    pub(super) fn chart_argument(&self) -> String {
        self.chart_folder().display().to_string()
    }
}

/// Revision, status and description of each revision, oldest first.
pub(super) fn told(history: &Value) -> Vec<String> {
    history
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| {
            let text = |field: &str| revision[field].as_str().unwrap_or_default();
            format!(
                "{} {} {} {}",
                revision["revision"],
                text("status"),
                text("chart"),
                text("description")
            )
        })
        .collect()
}
