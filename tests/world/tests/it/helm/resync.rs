//! Nothing changed: nothing is written, however many releases there are.

use super::site::{Dialect, SECRETS, Site};
use crate::world::condition;

/// Releases of a test.
const RELEASES: usize = 50;

fn name(number: usize) -> String {
    format!("web-{number:02}")
}

async fn installed() -> Site {
    let mut site = Site::new(Dialect::Flux2).await;
    for number in 0..RELEASES {
        let spec = serde_json::json!({"values": {"replicas": 0}});
        site.apply(Dialect::Flux2.object(&name(number), &spec))
            .unwrap();
    }
    let resource = Dialect::Flux2.resource();
    site.until("all are ready", |world| {
        let ready = |number: usize| {
            let release = world.get(&resource, &name(number));
            release.is_some_and(|release| {
                condition(&release, "Ready").is_some_and(|told| told.starts_with("True"))
            })
        };
        (0..RELEASES).all(ready).then_some(())
    })
    .await;
    site.seconds(120).await;
    site
}

fn writes(requests: &[String]) -> Vec<&String> {
    let writes = requests.iter().filter(|line| !line.starts_with("GET "));
    writes.collect()
}

#[tokio::test(start_paused = true)]
async fn looking_again_at_fifty_releases_writes_nothing() {
    let site = installed().await;
    let installing = site.gate().requests();
    let fetches = site.charts.fetches();
    // Each has an hour's interval.
    site.seconds(2 * 3600 + 600).await;
    let looked = site.charts.fetches() - fetches;
    let requests = site.gate().requests();
    assert!(looked >= 2 * RELEASES, "only {looked} looks");
    assert!(writes(&requests).is_empty(), "{:#?}", writes(&requests));
    let lists: Vec<&String> = requests
        .iter()
        .filter(|line| !line.contains("watch=true"))
        .collect();
    assert!(
        lists.len() <= looked,
        "more than one read for a look: {} for {looked}: {:#?}",
        lists.len(),
        lists.iter().take(10).collect::<Vec<_>>()
    );
    // What an installation costs, told when the test prints.
    let each = writes(&installing).len() / RELEASES;
    assert!(each <= 12, "{each} writes for an installation");
    assert_eq!(site.list(&SECRETS).len(), RELEASES);
}

#[tokio::test(start_paused = true)]
async fn another_life_of_the_operator_finds_all_as_it_should_be_and_writes_nothing() {
    let mut site = installed().await;
    site.restart().await;
    site.seconds(300).await;
    let requests = site.gate().requests();
    assert!(writes(&requests).is_empty(), "{:#?}", writes(&requests));
}
