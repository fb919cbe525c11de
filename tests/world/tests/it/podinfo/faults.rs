//! An API server that refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode};

use super::site::{NEW, Site};

#[tokio::test(start_paused = true)]
async fn row_39_storms_of_conflicts_over_the_status_lose_no_step() {
    let mut site = Site::held().await;
    let since = site.store().revision();
    let (seen, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&refused);
    site.gate().refuse(move |method, path| {
        let status = *method == Method::PATCH && path.ends_with("/canaries/podinfo/status");
        // Two of three.
        let hit = status && seen.fetch_add(1, Ordering::Relaxed) % 3 != 2;
        if hit {
            count.fetch_add(1, Ordering::Relaxed);
        }
        hit.then_some(StatusCode::CONFLICT)
    });
    site.deploy(NEW);
    site.until_promoted(NEW).await;
    site.settle().await;
    assert!(refused.load(Ordering::Relaxed) > 20);
    site.check_capacity(since).await;
    let weights = site.weights(since).await;
    let taken: Vec<u64> = weights.into_iter().filter(|weight| *weight > 0).collect();
    let steps: Vec<u64> = (1..=20).map(|step| step * 5).collect();
    assert!(taken.starts_with(&steps), "{taken:?}");
    assert_eq!(site.sizes(), "10+0");
}
