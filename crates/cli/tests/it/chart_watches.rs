//! `chart:` in watches.yaml: files of the Operator SDK's Helm operator, as they are.

use std::fs;
use std::path::Path;

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::guarded::Guarded;
use crate::process::{Process, engine_cache, helm_engine, modules, oarlock};
use crate::rights::{apply, generated};
use crate::rollout::{api, changes, conditions, define_as, until};
use crate::site::{Site, definition};

const WATCHES: &str = "# Use the 'create api' subcommand to add watches to this file.
- group: example.com
  version: v1
  kind: Widget
  chart: helm-charts/widget
  overrideValues:
    image.tag: $WIDGET_TAG
#+kubebuilder:scaffold:watch
";

/// Beside the watches file, as the SDK's images have it.
fn chart(beside: &Path) {
    let folder = beside.join("helm-charts/widget");
    fs::create_dir_all(folder.join("templates")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "Chart.yaml",
        "apiVersion: v2\nname: widget\nversion: 1.2.3\n",
    );
    write("values.yaml", "size: 0\nimage: {tag: none}\n");
    write(
        "templates/all.yaml",
        "apiVersion: v1
kind: ConfigMap
metadata: {name: '{{ .Release.Name }}-settings'}
data: {size: '{{ .Values.size }}', tag: '{{ .Values.image.tag }}'}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: '{{ .Release.Name }}'}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: '{{ .Release.Name }}'}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]
---
apiVersion: v1
kind: Secret
metadata: {name: '{{ .Release.Name }}-password'}
stringData: {password: '{{ randAlphaNum 8 }}'}
",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watches_file_of_the_helm_operator_runs_unchanged() {
    helm_engine().await;
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    chart(&site.path(""));
    for name in ["helm.wasm", "helm-engine.wasm"] {
        site.module(name, &fs::read(modules().join(name)).unwrap());
    }
    site.watches(WATCHES);
    let cache = engine_cache();
    let operator = site
        .operator_with(&["--cache-dir", cache.to_str().unwrap()])
        .await;
    operator
        .process
        .logs("$WIDGET_TAG is not set and stands for nothing")
        .await;
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "web"},
        "spec": {"size": 3}});
    let apply = PatchParams::apply("test");
    widgets
        .patch("web", &apply, &Patch::Apply(widget))
        .await
        .unwrap();

    let client = site.cluster.client();
    let maps = api(&client, "", "v1", "ConfigMap");
    let mut states = std::pin::pin!(changes(maps));
    let map = until(&mut states, |map| {
        map.metadata.name.as_deref() == Some("web-settings")
    })
    .await;
    assert_eq!(map.data["data"], json!({"size": "3", "tag": ""}));
    let shown = site
        .conditions(&widgets, "web", |c| c.contains("Deployed=True"))
        .await;
    assert!(!shown.contains("no grant"), "{shown}");
    for (group, kind, name) in [
        ("", "ServiceAccount", "web"),
        ("rbac.authorization.k8s.io", "Role", "web"),
        ("", "Secret", "web-password"),
        ("", "Secret", "sh.helm.release.v1.web.v1"),
    ] {
        api(&client, group, "v1", kind).get(name).await.unwrap();
    }
}

/// The kinds of the chart, as whoever installs the operator may have named them in its role.
const NAMED: &str = "- group: example.com
  version: v1
  kind: Widget
  chart: helm-charts/widget
  grants:
    write:
    - {apiGroups: [''], resources: [configmaps, serviceaccounts]}
    - {apiGroups: [rbac.authorization.k8s.io], resources: [roles]}
    read: [{apiGroups: [''], resources: [configmaps]}]
";

/// Its kinds need not be named twice: what is granted to a chart unasked reaches as far as the role of the operator does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_of_the_operator_is_what_limits_a_chart() {
    helm_engine().await;
    let site = Guarded::new().await;
    let admin = site.cluster.client();
    define_as(&admin, definition("Widget")).await;
    chart(site.path());
    let write = |name: &str, text: &str| fs::write(site.path().join(name), text).unwrap();
    write("watches.yaml", WATCHES);
    write("named.yaml", NAMED);
    let built = modules();
    let args = [
        "named.yaml",
        "--modules",
        built.to_str().unwrap(),
        "--service-account",
        "kube-system/oarlock",
    ];
    apply(&admin, &generated(site.path(), &args).await, false).await;
    let kubeconfig = site.kubeconfig("oarlock", "kube-system").await;
    let (watches, cache) = (site.path().join("watches.yaml"), engine_cache());
    let clock = format!("{}/clock", site.url);
    let operator = Process::start(&[
        "run",
        "--watches",
        watches.to_str().unwrap(),
        "--modules",
        built.to_str().unwrap(),
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
        "--cache-dir",
        cache.to_str().unwrap(),
        "--clock",
        &clock,
        "--metrics-bind-address",
        "0",
    ]);
    operator.logs("serving helm").await;
    let widgets = api(&admin, "example.com", "v1", "Widget");
    let params = PatchParams::apply("test");
    let mut widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "web"},
        "spec": {"size": 3}});
    widgets
        .patch("web", &params, &Patch::Apply(&widget))
        .await
        .unwrap();
    let mut states = std::pin::pin!(changes(widgets.clone()));
    until(&mut states, |widget| {
        conditions(widget).contains("Deployed=True")
    })
    .await;

    // What the role has not, the chart has not.
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let template = site
        .path()
        .join("helm-charts/widget/templates/service.yaml");
    fs::write(template, service).unwrap();
    widget["spec"]["size"] = json!(4);
    widgets
        .patch("web", &params, &Patch::Apply(&widget))
        .await
        .unwrap();
    let refused = until(&mut states, |widget| {
        let shown = conditions(widget);
        shown.contains("services") && shown.contains("forbidden")
    })
    .await;
    assert!(
        !conditions(&refused).contains("no grant"),
        "{}",
        conditions(&refused)
    );
}

#[tokio::test]
async fn validate_looks_for_the_charts() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("charts/good");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("Chart.yaml"),
        "apiVersion: v2\nname: good\nversion: 1.0.0\n",
    )
    .unwrap();
    fs::create_dir_all(directory.path().join("charts/empty")).unwrap();
    let watches = ["good", "empty", "gone"].map(|chart| {
        format!(
            "- {{group: example.com, version: v1, kind: {}, chart: {chart}}}\n",
            chart.to_uppercase()
        )
    });
    // Kinds begin with a capital letter, and need no more.
    fs::write(directory.path().join("watches.yaml"), watches.concat()).unwrap();
    let args = ["validate", "watches.yaml", "--charts", "charts"];
    let output = oarlock(&args, directory.path()).await;
    assert_eq!(output.status.code(), Some(1));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    insta::assert_snapshot!(text(output.stderr) + &text(output.stdout));
}
