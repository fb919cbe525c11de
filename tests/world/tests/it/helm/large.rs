//! A chart whose record is larger than a Secret may be.

use serde_json::json;

use super::site::{Dialect, SECRETS, Site};
use crate::gate::Moment;
use crate::world::condition;

/// Text that cannot be packed.
fn noise(bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let mut state = 1_u64;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[usize::try_from(state >> 58).unwrap()])
    };
    (0..bytes).map(|_| letter()).collect()
}

fn secrets(site: &Site) -> Vec<String> {
    let name = |secret: &serde_json::Value| secret["metadata"]["name"].as_str().unwrap().to_owned();
    site.list(&SECRETS).iter().map(|s| name(s)).collect()
}

/// Secrets of a revision.
fn parts(site: &Site, revision: u32) -> usize {
    let own = format!("sh.helm.release.v1.web.v{revision}");
    let further = format!("{own}.");
    let all = secrets(site);
    let of = all
        .iter()
        .filter(|name| **name == own || name.starts_with(&further));
    of.count()
}

/// With this much beside its templates.
async fn site(bytes: usize, kill: Option<(usize, Moment)>) -> Site {
    let site = Site::killed_at(Dialect::Flux2, kill).await;
    for version in ["1.0.0", "1.1.0"] {
        let file = "files/noise.txt";
        site.charts.write("web", version, file, &noise(bytes));
    }
    site
}

#[tokio::test(start_paused = true)]
async fn parts_of_records_that_were_never_written_are_swept() {
    // The first writes are the finalizer, the intent, and then the parts.
    for write in 2..7 {
        let mut site = site(1_400_000, Some((write, Moment::Before))).await;
        site.set(&json!({}));
        site.until_told("Ready", "True InstallSucceeded").await;
        assert_eq!(site.lives, 2);
        assert_eq!(parts(&site, 1), 2, "{write}: {:?}", secrets(&site));
        site.delete(&site.dialect.resource(), "web");
        site.seconds(60).await;
        assert_eq!(secrets(&site), [""; 0], "{write}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_several_megabytes_is_kept_in_parts() {
    let mut site = site(3_000_000, None).await;
    site.set(
        &json!({"timeout": "30s", "upgrade": {"remediation": {"remediateLastFailure": true}}}),
    );
    site.until_told("Ready", "True InstallSucceeded").await;
    assert_eq!(parts(&site, 1), 4, "{:?}", secrets(&site));
    let told = condition(&site.release(), "Chunked").unwrap();
    assert!(told.starts_with("True"), "{told}");
    assert!(told.contains("helm"), "{told}");

    // The older revision comes back from its parts.
    site.set(
        &json!({"chart": {"spec": {"version": "1.1.0"}}, "values": {"image": "web:never-ready"}}),
    );
    site.until_told("Stalled", "True").await;
    assert_eq!(
        (1..=3).map(|v| parts(&site, v)).collect::<Vec<_>>(),
        [4, 4, 4]
    );

    let resource = site.dialect.resource();
    site.delete(&resource, "web");
    site.seconds(60).await;
    assert!(site.get(&resource, "web").is_none());
    assert_eq!(secrets(&site), [""; 0]);
}
