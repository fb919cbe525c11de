//! Fetches the chart that its settings name, and says what it got.

use std::time::Duration;

use oarlock_sdk::artifacts::{Fetch, Source};
use oarlock_sdk::{AnyObject, Condition, Context, Failure, Outcome};
use serde::Deserialize;

/// What is to be fetched: a chart of a repository, or else of the chart folder.
#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    repository: Option<String>,
    chart: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    secret: Option<String>,
}

#[oarlock_sdk::module(name = "fetches", artifacts)]
fn reconcile(_: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let wish: Wish = cx.settings()?;
    let source = match wish.repository {
        Some(url) => Source::Repository {
            url,
            chart: wish.chart,
            version: wish.version,
        },
        None => Source::Local(wish.chart),
    };
    let mut versions = String::new();
    if let Source::Repository { .. } = &source {
        let known = cx.versions(&source, wish.secret.as_deref(), Duration::ZERO)?;
        versions = format!(" of {}", known.join(", "));
    }
    let mut wanted = Fetch::new(source);
    wanted.credentials = wish.secret;
    let artifact = cx.fetch(&wanted)?;
    let bytes = cx.package(&artifact.digest)?;
    let message = format!(
        "{} {}{versions} from {}: {} kB",
        artifact.name,
        artifact.version,
        artifact.origin,
        bytes.len().div_ceil(1024)
    );
    Ok(Outcome::new().condition(Condition::yes("Fetched", "Fetched", message)))
}
