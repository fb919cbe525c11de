//! Charts that bring their own kinds, and releases whose objects another program wrote.

use oarlock_devcluster::resource::ResourceId;
use oarlock_devcluster::store::Write;
use serde_json::{Value, json};

use super::by_hand::helms_own;
use super::site::{CONFIG_MAPS, Dialect, SECRETS, Site};

const WIDGETS: ResourceId = ResourceId::of("demo.example.com", "widgets");
const DEFINITIONS: ResourceId = ResourceId::of("apiextensions.k8s.io", "customresourcedefinitions");

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.demo.example.com
spec:
  group: demo.example.com
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

const WIDGET: &str =
    "apiVersion: demo.example.com/v1\nkind: Widget\nmetadata:\n  name: one\nspec:\n  size: 1\n";

#[tokio::test(start_paused = true)]
async fn a_chart_brings_its_own_kinds_and_leaves_them() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.charts
        .write("web", "1.0.0", "crds/widgets.yaml", DEFINITION);
    site.charts
        .write("web", "1.0.0", "templates/widget.yaml", WIDGET);
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    assert_eq!(site.history(), ["v1 web-1.0.0 deployed: Install complete"]);
    assert!(site.get(&WIDGETS, "one").is_some());
    let release = site.dialect.resource();
    site.delete(&release, "web");
    site.until("the release is gone", |site| {
        site.get(&release, "web").is_none().then_some(())
    })
    .await;
    assert_eq!(site.history(), Vec::<String>::new());
    assert_eq!(site.objects(), Vec::<String>::new());
    let definition = site
        .store()
        .get(&DEFINITIONS, "", "widgets.demo.example.com");
    assert!(definition.is_ok(), "all Widgets would go with it");
}

#[tokio::test(start_paused = true)]
async fn what_another_program_wrote_of_a_release_goes_with_the_chart() {
    let mut site = helms_own().await;
    let change = |object: &mut Value| {
        object["data"]["left"] = json!("behind");
        Ok(())
    };
    let write = Write::by("helm-controller");
    site.store()
        .modify(&CONFIG_MAPS, "default", "web", None, &write, change)
        .unwrap();
    site.set(&json!({"values": {"greeting": "hi"}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    let data = site.get(&CONFIG_MAPS, "web").unwrap()["data"].clone();
    assert_eq!(data["greeting"], "hi");
    assert_eq!(data["left"], Value::Null, "{data:#}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_created_before_the_records_in_it() {
    // The first Flux keeps them where the release is, and creates what is missing.
    let mut site = Site::new(Dialect::Flux1).await;
    site.set(&json!({"targetNamespace": "prod"}));
    site.until_told("Released", "True").await;
    assert!(site.store().get(&CONFIG_MAPS, "prod", "web").is_ok());
    let record = "sh.helm.release.v1.web.v1";
    assert!(site.store().get(&SECRETS, "prod", record).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_be_of_a_kind_that_the_chart_brings() {
    let mut site = Site::new(Dialect::Flux2).await;
    let charts = &site.charts;
    charts.write("web", "1.0.0", "crds/widgets.yaml", DEFINITION);
    let hook = WIDGET.replace(
        "  name: one\n",
        "  name: one\n  annotations: {helm.sh/hook: pre-install}\n",
    );
    let known = "{{ if .Capabilities.APIVersions.Has \"demo.example.com/v1/Widget\" }}";
    let hook = format!("{known}\n{hook}{{{{ end }}}}\n");
    charts.write("web", "1.0.0", "templates/widget.yaml", &hook);
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    assert!(site.get(&WIDGETS, "one").is_some());
}
