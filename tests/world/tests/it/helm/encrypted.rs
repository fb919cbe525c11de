//! Values that SOPS encrypted: what opens them, what happens where nothing does, and where they are seen afterwards.

use serde_json::{Value, json};

use super::site::{CONFIG_MAPS, Dialect, SECRETS, Site};
use crate::components::text;
use crate::world::condition;

const KEY: &str = "helm.oarlock.dev/decryption-secret";

/// What the real sops encrypted, and its throw-away keys.
fn golden(name: &str) -> String {
    text(&format!("modules/sops/tests/golden/{name}"))
}

fn secret(name: &str, field: &str, content: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"},
        "stringData": {field: content},
    })
}

/// The values, encrypted: `one`, `two`, or `other`, which anna cannot open.
fn values(which: &str) -> Value {
    secret(
        "values",
        "values.yaml",
        &golden(&format!("release-{which}.yaml")),
    )
}

fn keys(people: &[&str]) -> Value {
    let identities: Vec<String> = people
        .iter()
        .map(|person| golden(&format!("keys/{person}.agekey")))
        .collect();
    secret("sops-age", "age.agekey", &identities.concat())
}

/// A release with encrypted values, and these objects.
async fn site(dialect: Dialect, objects: &[Value]) -> Site {
    let site = Site::new(dialect).await;
    for object in objects {
        site.apply(object.clone()).unwrap();
    }
    let from = match dialect {
        Dialect::Flux1 => json!({"valuesFrom": [{"secretKeyRef": {"name": "values"}}]}),
        _ => json!({"valuesFrom": [{"kind": "Secret", "name": "values"}]}),
    };
    let mut release = dialect.object("web", &from);
    release["metadata"]["annotations"] = json!({KEY: "sops-age"});
    site.apply(release).unwrap();
    site
}

fn greeting(site: &Site) -> Value {
    site.get(&CONFIG_MAPS, "web").unwrap()["data"]["greeting"].clone()
}

fn told(site: &Site) -> String {
    condition(&site.release(), "Ready").unwrap_or_default()
}

/// Without what is made anew with the documents.
fn plain(told: &str) -> String {
    let word = |word: &str| match word.strip_prefix("age1") {
        Some(rest) => format!("age1…{}", rest.trim_start_matches(char::is_alphanumeric)),
        None => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn encrypted_values_are_rolled_out_and_shown_nowhere_but_in_helms_record() {
    for dialect in [Dialect::Flux2, Dialect::Flux1] {
        let mut site = site(dialect, &[values("one"), keys(&["anna"])]).await;
        site.until_told("Ready", "True").await;
        assert_eq!(greeting(&site), "good morning");
        site.apply(values("two")).unwrap();
        site.until("another revision", |world| {
            let map = world.get(&CONFIG_MAPS, "web")?;
            (map["data"]["greeting"] == "good night").then_some(())
        })
        .await;
        site.seconds(60).await;
        let config = |revision: usize| site.records()[revision].content["config"].clone();
        assert_eq!(config(0), json!({"greeting": "good morning"}));
        assert_eq!(config(1), json!({"greeting": "good night"}));
        let seen = format!("{} {}", site.release(), site.told());
        for hidden in ["good morning", "good night", "AGE-SECRET-KEY", "ENC["] {
            assert!(!seen.contains(hidden), "{hidden}: {seen}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_opens_them_no_more_leaves_what_runs() {
    let mut site = site(Dialect::Flux2, &[values("one"), keys(&["anna"])]).await;
    site.until_told("Ready", "True InstallSucceeded").await;
    let before = (site.history(), site.objects(), greeting(&site));
    site.apply(values("other")).unwrap();
    site.seconds(1800).await;
    assert_eq!((site.history(), site.objects(), greeting(&site)), before);
    insta::assert_snapshot!(plain(&told(&site)));
    // The key comes: nobody has to do anything else.
    site.apply(keys(&["anna", "berta"])).unwrap();
    site.until_told("Ready", "True UpgradeSucceeded").await;
    assert_eq!(greeting(&site), "good night");
    assert_eq!(site.history().len(), 2, "{}", site.told());
}

#[tokio::test(start_paused = true)]
async fn without_its_key_a_release_waits() {
    let mut site = site(Dialect::Flux2, &[values("one")]).await;
    site.seconds(1800).await;
    assert!(site.history().is_empty(), "{}", site.told());
    insta::assert_snapshot!(plain(&told(&site)));
    site.apply(keys(&["carl"])).unwrap();
    site.seconds(60).await;
    assert!(site.history().is_empty(), "{}", site.told());
    insta::assert_snapshot!(plain(&told(&site)));
    site.apply(keys(&["anna"])).unwrap();
    site.until_told("Ready", "True InstallSucceeded").await;
    assert_eq!(greeting(&site), "good morning");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_goes_is_told_and_its_release_goes_on() {
    let mut site = site(Dialect::Flux2, &[values("one"), keys(&["anna"])]).await;
    site.until_told("Ready", "True InstallSucceeded").await;
    let before = (site.history(), site.objects());
    site.delete(&SECRETS, "sops-age");
    site.seconds(600).await;
    assert_eq!((site.history(), site.objects()), before);
    assert!(
        told(&site).starts_with("False DecryptionFailed"),
        "{}",
        told(&site)
    );
    site.apply(keys(&["anna"])).unwrap();
    site.until_told("Ready", "True").await;
    assert_eq!(site.history().len(), 1, "{}", site.told());
}

#[tokio::test(start_paused = true)]
async fn a_file_of_the_chart_may_be_encrypted() {
    let mut site = Site::new(Dialect::Flux2).await;
    let file = golden("release-one.yaml");
    site.charts
        .write("web", "1.0.0", "secret/values.yaml", &file);
    site.apply(keys(&["anna"])).unwrap();
    let spec = json!({
        "chart": {"spec": {"valuesFiles": ["values.yaml", "secret/values.yaml"]}},
        "values": {"replicas": 2},
    });
    let mut release = Dialect::Flux2.object("web", &spec);
    site.apply(release.clone()).unwrap();
    site.seconds(60).await;
    assert!(site.history().is_empty(), "{}", site.told());
    insta::assert_snapshot!(told(&site));
    release["metadata"]["annotations"] = json!({KEY: "sops-age"});
    site.apply(release).unwrap();
    site.until_told("Ready", "True InstallSucceeded").await;
    assert_eq!(greeting(&site), "good morning");
    assert_eq!(site.records()[0].content["config"]["replicas"], 2);
}

#[tokio::test(start_paused = true)]
async fn the_object_itself_may_be_encrypted() {
    for dialect in [Dialect::Flux2, Dialect::Whole] {
        let mut site = Site::new(dialect).await;
        site.apply(keys(&["anna"])).unwrap();
        let document: Value = serde_saphyr::from_str(&golden("release-one.yaml")).unwrap();
        let spec = match dialect {
            Dialect::Whole => document,
            _ => json!({"values": document}),
        };
        let mut release = dialect.object("web", &spec);
        release["metadata"]["annotations"] = json!({KEY: "sops-age"});
        site.apply(release).unwrap();
        site.until("the release", |world| {
            let maps = world.list(&CONFIG_MAPS);
            let map = maps
                .iter()
                .find(|map| map["data"]["greeting"].is_string())?;
            (map["data"]["greeting"] == "good morning").then_some(())
        })
        .await;
        assert_eq!(
            site.records()[0].content["config"]["greeting"],
            "good morning"
        );
    }
}
