//! Changes that come from the chart's source alone: nobody touches the release object.

use serde_json::json;

use super::site::{Dialect, Site, WEB};

/// Publishes a version of the chart whose Pods do this.
fn publish(site: &Site, version: &str, does: &str) {
    site.charts.publish(WEB, "web", version);
    let said = format!("version: {version}");
    site.charts
        .edit("web", version, "Chart.yaml", "version: 1.0.0", &said);
    let image = format!("image: web:{does}");
    site.charts
        .edit("web", version, "values.yaml", "image: web:well", &image);
}

/// All versions between 1.0.0 and 1.1.0.
fn follow(site: &Site) {
    site.set(
        &json!({"timeout": "30m", "chart": {"spec": {"version": "~1.0.0", "interval": "1m"}}}),
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_version_rolls_out_by_itself() {
    let mut site = Site::new(Dialect::Flux2).await;
    follow(&site);
    site.until_told("Ready", "True InstallSucceeded").await;
    site.seconds(300).await;
    assert_eq!(site.history().len(), 1);
    publish(&site, "1.0.1", "well");
    site.seconds(70).await;
    assert_eq!(
        site.history(),
        [
            "v1 web-1.0.0 superseded: Install complete",
            "v2 web-1.0.1 deployed: Upgrade complete"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_fix_is_taken_while_the_version_before_is_waited_for() {
    let mut site = Site::new(Dialect::Flux2).await;
    follow(&site);
    site.until_told("Ready", "True InstallSucceeded").await;
    publish(&site, "1.0.1", "never-ready");
    site.seconds(90).await;
    assert_eq!(
        site.history()[1],
        "v2 web-1.0.1 pending-upgrade: Preparing upgrade"
    );
    publish(&site, "1.0.2", "well");
    // Long before the timeout of half an hour.
    site.seconds(90).await;
    assert_eq!(
        site.history(),
        [
            "v1 web-1.0.0 superseded: Install complete",
            "v2 web-1.0.1 failed: Upgrade \"web\" failed: context canceled",
            "v3 web-1.0.2 deployed: Upgrade complete"
        ]
    );
}
