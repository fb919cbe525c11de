#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use crate::artifacts::{Artifact, Fetch, FetchError, Source};
use crate::testing::{Packages, World};
use crate::{Condition, Context, Failure, NoStatus, Object, Outcome, Resource, json};

#[derive(serde::Deserialize)]
struct Release {
    path: String,
}

impl Resource for Release {
    const GROUP: &'static str = "e.com";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Release";
    const PLURAL: &'static str = "releases";
    const NAMESPACED: bool = true;
    type Status = NoStatus;
}

fn reconcile(release: Object<Release>, cx: &Context) -> Result<Outcome, Failure> {
    let source = Source::Local(release.spec.path.clone());
    let newest = cx.versions(&source, None, Duration::ZERO)?.remove(0);
    let artifact = cx.fetch(&Fetch::new(source).dependencies())?;
    let bytes = cx.package(&artifact.digest)?;
    let message = format!("{} {newest}: {} bytes", artifact.name, bytes.len());
    Ok(Outcome::new().condition(Condition::yes("Ready", "Fetched", message)))
}

fn world(path: &str) -> World {
    World::new(json!({
        "apiVersion": "e.com/v1", "kind": "Release",
        "metadata": {"name": "web", "namespace": "default"}, "spec": {"path": path},
    }))
}

fn packages() -> Packages {
    let artifact = |digest: &str| Artifact {
        digest: String::from(digest),
        name: String::from("web"),
        ..Artifact::default()
    };
    let source = |path: &str| Source::Local(String::from(path));
    Packages::new()
        .package(source("web"), artifact("sha256:1"), b"four")
        .versions(source("web"), &["2.0.0", "1.0.0"])
        .failing(
            source("down"),
            FetchError::Unavailable(String::from("the disk is gone")),
        )
        .versions(source("down"), &["1.0.0"])
}

#[test]
fn a_world_has_the_packages_that_a_test_gives_it() {
    let packages = packages();
    let mut world = world("web");
    world.packages(packages.clone());
    world.run(reconcile).unwrap();
    assert_eq!(
        world.condition("Ready").unwrap()["message"],
        "web 2.0.0: 4 bytes"
    );
    assert!(packages.wanted()[0].dependencies);
}

#[test]
fn without_packages_there_are_none_and_a_source_may_fail() {
    let failure = world("web").run(reconcile).unwrap_err();
    assert_eq!(failure, Failure::retry("no versions of Local(\"web\")"));
    let mut down = world("down");
    down.packages(packages());
    assert_eq!(
        down.run(reconcile).unwrap_err(),
        Failure::retry("the disk is gone")
    );
}

#[test]
fn a_run_reads_what_it_fetched_and_takes_what_it_expects() {
    let cx = Context::builder().artifacts(packages()).build();
    let denied = "sha256:1: this run did not fetch it";
    assert_eq!(cx.package("sha256:1").unwrap_err().to_string(), denied);
    let wanted = Fetch::new(Source::Local(String::from("web"))).expect("sha256:2");
    let mismatch = FetchError::Mismatch(String::from("expected sha256:2, found sha256:1"));
    assert_eq!(cx.fetch(&wanted), Err(mismatch));
    let refused = Context::builder().build().fetch(&wanted).unwrap_err();
    assert!(refused.to_string().contains("say `artifacts`"), "{refused}");
}
