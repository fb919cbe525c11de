//! Charts that draw passwords: one is drawn, stored before anything is made of it, and comes back with every rendering.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::site::{Dialect, SECRETS, Site};
use crate::gate::Moment;

const SEED: &str = "sh.helm.release.v1.web.seed";

/// What the chart draws: a password for good, and one that only a newer version has before it.
const SECRET: &str = "{{ if eq .Chart.Version \"1.1.0\" }}{{ $_ := randAlphaNum 8 }}{{ end }}
apiVersion: v1
kind: Secret
metadata:
  name: drawn
data:
  password: {{ randAlphaNum 24 | b64enc }}
";

async fn site(kill: Option<(usize, Moment)>) -> Site {
    let site = Site::killed_at(Dialect::Flux2, kill).await;
    for version in ["1.0.0", "1.1.0"] {
        site.charts.edit(
            "web",
            version,
            "templates/extra.yaml",
            "{{ .Values.extra }}",
            SECRET,
        );
    }
    site
}

/// What is in the cluster.
fn password(site: &Site) -> Value {
    site.get(&SECRETS, "drawn").unwrap()["data"]["password"].clone()
}

/// Revisions that would bring the password back.
fn recorded(site: &Site, password: &Value) -> Vec<u64> {
    let password = password.as_str().unwrap();
    let records = site.records().into_iter();
    let with = records.filter(|record| {
        let manifest = record.content["manifest"].as_str().unwrap();
        manifest.contains(password)
    });
    with.map(|record| record.revision).collect()
}

#[tokio::test(start_paused = true)]
async fn a_password_is_drawn_once() {
    let mut site = site(None).await;
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    let drawn = password(&site);
    assert_eq!(STANDARD.decode(drawn.as_str().unwrap()).unwrap().len(), 24);
    let seed = site.get(&SECRETS, SEED).unwrap()["data"]["seed"].clone();
    assert_eq!(STANDARD.decode(seed.as_str().unwrap()).unwrap().len(), 32);

    site.set(&json!({"values": {"greeting": "other"}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    assert_eq!(password(&site), drawn);
    // Neither other draws before it change it.
    site.set(&json!({"chart": {"spec": {"version": "1.1.0"}}}));
    site.until_told("Ready", "True UpgradeSucceeded").await;
    site.seconds(60).await;
    assert_eq!(password(&site), drawn);
    assert_eq!(recorded(&site, &drawn), [1, 2, 3]);
    assert_eq!(site.get(&SECRETS, SEED).unwrap()["data"]["seed"], seed);

    site.delete(&site.dialect.resource(), "web");
    site.seconds(60).await;
    let left: Vec<String> = site
        .list(&SECRETS)
        .iter()
        .map(|secret| secret["metadata"]["name"].to_string())
        .collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_chart_that_draws_nothing_has_no_secret() {
    let mut site = Site::new(Dialect::Flux2).await;
    site.set(&json!({}));
    site.until_told("Ready", "True InstallSucceeded").await;
    assert!(site.get(&SECRETS, SEED).is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_drawn_outlives_the_operator() {
    for moment in [Moment::Before, Moment::After] {
        for write in 0..10 {
            let mut site = site(Some((write, moment))).await;
            site.set(&json!({}));
            site.until_told("Ready", "True InstallSucceeded").await;
            let drawn = password(&site);
            site.set(&json!({"values": {"greeting": "other"}}));
            site.until_told("Ready", "True UpgradeSucceeded").await;
            assert_eq!(password(&site), drawn, "{moment:?} {write}");
            assert_eq!(recorded(&site, &drawn), [1, 2], "{moment:?} {write}");
            assert_eq!(site.lives, 2, "{moment:?} {write}");
        }
    }
}
