//! The examples, as their READMEs have them typed.

use std::sync::Arc;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use super::site::{CONFIG_MAPS, DEPLOYMENTS, Dialect, Site};
use crate::components::text;
use crate::world::{condition, conditions};

const UNICORNS: ResourceId = ResourceId::of("samplecontroller.k8s.io", "helmreleases");

fn documents(path: &str) -> Vec<Value> {
    let text = text(path);
    text.split("\n---\n")
        .map(|part| serde_saphyr::from_str(part).unwrap())
        .collect()
}

async fn unicorn() -> Site {
    let definitions = documents("modules/helm/crds/helmreleases.samplecontroller.k8s.io.yaml");
    let watches = text("examples/unicorn/watches.yaml");
    let site = Site::with(Dialect::Unicorn, &watches, &definitions, None).await;
    for colour in ["pink", "blue", "green", "black"] {
        // `local: pink` is the folder of that name.
        site.charts
            .publish(&format!("examples/unicorn/charts/{colour}"), colour, "");
    }
    for object in documents("examples/unicorn/unicorn.yaml") {
        site.apply(object).unwrap();
    }
    site
}

async fn until(site: &mut Site, kind: &str, told: &str) {
    site.until_said(&UNICORNS, "unicorn-release", kind, told)
        .await;
}

fn wish(site: &Site, colour: &str) {
    let patch = json!({"spec": {"releaseVersion": colour}});
    site.edit(&UNICORNS, "unicorn-release", &patch).unwrap();
}

fn colour(site: &Site) -> String {
    let page: Arc<Value> = site.get(&CONFIG_MAPS, "unicorn").unwrap();
    let page = page["data"]["index.html"].as_str().unwrap();
    let after = page.split("background: ").nth(1).unwrap();
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn pink_blue_black_and_back_and_green() {
    let mut site = unicorn().await;
    let (since, from) = (site.store().revision(), site.now());
    until(&mut site, "Ready", "True").await;
    assert_eq!(colour(&site), "pink");
    wish(&site, "blue");
    until(&mut site, "Ready", "True").await;
    assert_eq!(colour(&site), "blue");
    wish(&site, "black");
    until(&mut site, "Remediated", "True").await;
    assert_eq!(colour(&site), "blue");
    let serving = site.get(&DEPLOYMENTS, "unicorn").unwrap();
    assert_eq!(
        serving["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1.29-alpine"
    );
    let said = conditions(&site.get(&UNICORNS, "unicorn-release").unwrap()).join("\n");
    // Not tried again by itself.
    site.seconds(3600).await;
    assert_eq!(site.history().len(), 4, "{:#?}", site.history());
    wish(&site, "green");
    until(&mut site, "Ready", "True").await;
    assert_eq!(colour(&site), "green");
    site.seconds(60).await;
    let told = format!(
        "{}after black\n{said}\nin the end\n{}",
        site.story(since, from).await,
        site.history().join("\n")
    );
    insta::assert_snapshot!(told);
    site.delete(&UNICORNS, "unicorn-release");
    site.until("it is gone", |world| {
        world
            .get(&UNICORNS, "unicorn-release")
            .is_none()
            .then_some(())
    })
    .await;
    site.seconds(60).await;
    assert!(site.objects().is_empty(), "{:?}", site.objects());
    assert!(site.history().is_empty());
}

#[test]
fn the_object_is_as_it_was_written_in_2019() {
    assert_eq!(
        documents("examples/unicorn/unicorn.yaml"),
        [json!({
            "apiVersion": "samplecontroller.k8s.io/v1alpha1",
            "kind": "HelmRelease",
            "metadata": {"name": "unicorn-release"},
            "spec": {"releaseVersion": "pink", "releaseName": "unicorn"},
        })]
    );
}

/// All objects of `examples/helm` at once; podinfo is stood in for by the chart of this room.
#[tokio::test(start_paused = true)]
async fn every_dialect_of_the_example_gets_ready() {
    let mut definitions = documents("examples/helm/crd.yaml");
    for name in [
        "helmreleases.helm.toolkit.fluxcd.io",
        "helmreleases.helm.fluxcd.io",
        "helmreleases.flux.weave.works",
        "helmrepositories.source.toolkit.fluxcd.io",
        "ocirepositories.source.toolkit.fluxcd.io",
        "gitrepositories.source.toolkit.fluxcd.io",
        "helmcharts.source.toolkit.fluxcd.io",
    ] {
        definitions.extend(documents(&format!("modules/helm/crds/{name}.yaml")));
    }
    let watches = text("examples/helm/watches.yaml");
    let mut site = Site::with(Dialect::Flux2, &watches, &definitions, None).await;
    for version in ["6.9.2", "master"] {
        site.charts.publish(super::site::WEB, "podinfo", version);
        site.charts.edit(
            "podinfo",
            version,
            "Chart.yaml",
            "name: web\nversion: 1.0.0",
            "name: podinfo\nversion: 6.9.2",
        );
    }
    site.charts
        .publish("examples/helm/charts/hello", "charts/hello", "");
    let mut kinds = Vec::new();
    for file in ["flux2", "flux2-oci", "flux1", "weave", "hello"] {
        for object in documents(&format!("examples/helm/{file}.yaml")) {
            if !["Secret", "HelmRepository", "OCIRepository"]
                .contains(&object["kind"].as_str().unwrap())
            {
                kinds.push((
                    object["apiVersion"].as_str().unwrap().to_owned(),
                    object["kind"].as_str().unwrap().to_owned(),
                    object["metadata"]["name"].as_str().unwrap().to_owned(),
                ));
            }
            site.apply(object).unwrap();
        }
    }
    for (version, kind, name) in kinds {
        let resource = site
            .store()
            .resource_of(&version, &kind)
            .unwrap()
            .id
            .clone();
        site.until(&format!("{kind} {name} is ready"), |world| {
            let object = world.get(&resource, &name)?;
            condition(&object, "Ready")?
                .starts_with("True")
                .then_some(())
        })
        .await;
    }
    let names: Vec<String> = site
        .records()
        .iter()
        .map(|r| r.content["name"].as_str().unwrap().to_owned())
        .collect();
    let mut names = names;
    names.sort();
    assert_eq!(
        names,
        [
            "hello",
            "podinfo",
            "podinfo-flux1",
            "podinfo-oci",
            "podinfo-weave"
        ]
    );
    assert!(site.get(&CONFIG_MAPS, "hello").is_some());
}
