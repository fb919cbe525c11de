//! Nothing changed: nothing is written and nobody is asked, however many there are.

use serde_json::json;

use super::site::{BINDINGS, INSTANCES, Site, binding, instance};
use crate::world::condition;

/// Instances of a test, each with a binding.
const MANY: usize = 50;

fn name(number: usize) -> String {
    format!("db-{number:02}")
}

async fn many() -> Site {
    let mut site = Site::new().await;
    for number in 0..MANY {
        let name = name(number);
        site.apply(instance(&name, &json!({}))).unwrap();
        site.apply(binding(&name, &name, &json!({}))).unwrap();
    }
    site.until("all are ready", |world| {
        let ready = |number: usize| {
            let binding = world.get(&BINDINGS, &name(number));
            binding.is_some_and(|binding| {
                condition(&binding, "Ready").is_some_and(|told| told.starts_with("True"))
            })
        };
        (0..MANY).all(ready).then_some(())
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
async fn looking_again_at_fifty_instances_and_bindings_writes_nothing_and_asks_nobody() {
    let site = many().await;
    let making = site.gate().requests();
    let mark = site.mark();
    // Each is looked at again every ten hours.
    let runs = || site.metric("controller_runtime_reconcile_total");
    let before = runs();
    site.seconds(23 * 3600).await;
    let requests = site.gate().requests();
    assert!(writes(&requests).is_empty(), "{:#?}", writes(&requests));
    assert_eq!(site.calls(mark), "");
    let looked = runs() - before;
    assert!(looked >= 4 * MANY as u64, "only {looked} looks");
    // What making one of each costs.
    let each = writes(&making).len() / MANY;
    assert!(each <= 16, "{each} writes for an instance and its binding");
    assert_eq!(site.list(&INSTANCES).len(), MANY);
    assert_eq!(site.there().len(), 2 * MANY);
    site.check().await;
}

#[tokio::test(start_paused = true)]
async fn another_life_of_the_operator_finds_all_as_it_should_be_and_writes_nothing() {
    let mut site = many().await;
    let mark = site.mark();
    site.restart().await;
    site.seconds(300).await;
    let requests = site.gate().requests();
    assert!(writes(&requests).is_empty(), "{:#?}", writes(&requests));
    assert_eq!(site.calls(mark), "");
}

/// The Secret with the credentials of the broker is touched: everybody looks, and nobody does anything.
#[tokio::test(start_paused = true)]
async fn a_secret_that_is_written_again_as_it_was_is_nothing() {
    let site = many().await;
    let mark = site.mark();
    let _written = site.gate().requests();
    site.apply(super::site::auth()).unwrap();
    site.seconds(300).await;
    let requests = site.gate().requests();
    assert!(writes(&requests).is_empty(), "{:#?}", writes(&requests));
    assert_eq!(site.calls(mark), "");
}
