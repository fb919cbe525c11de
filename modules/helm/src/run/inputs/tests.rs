#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use oarlock_sdk::artifacts::FetchError;
use oarlock_sdk::testing::Packages;

use super::*;
use crate::dialect::{Settings, Sources, read};
use crate::run::engine::scripted::{Call, Scripted};
use crate::state::Attempt;

const DIGEST: &str = "sha256:1";

fn wish() -> Wish {
    let object = json!({
        "apiVersion": "helm.fluxcd.io/v1", "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "chart": {"git": "https://git.example.com/charts", "path": "charts/web", "ref": "main"},
            "values": {"replicas": 2},
        },
    });
    read(&object, &Sources::default(), &Settings::default()).unwrap()
}

fn source() -> Source {
    Source::Git {
        url: String::from("https://git.example.com/charts"),
        reference: String::from("main"),
        path: String::from("charts/web"),
    }
}

fn packages() -> Packages {
    let artifact = Artifact {
        digest: String::from(DIGEST),
        name: String::from("web"),
        version: String::from("1.0.0"),
        revision: String::from("0123abc"),
        origin: String::from("git"),
    };
    Packages::new().package(source(), artifact, b"")
}

fn engine() -> Scripted {
    Scripted::new().chart(DIGEST, "web", "1.0.0", |_| Ok(Default::default()))
}

fn prepared(
    wish: &Wish,
    state: &State,
    engine: &Scripted,
    packages: &Packages,
) -> Result<Prepared, Obstacle> {
    let cx = Context::builder().artifacts(packages.clone()).build();
    let asked = Asked {
        wish,
        state,
        namespace: "shop",
        lenient: true,
        decryption: None,
    };
    prepare(&cx, engine, &asked)
}

#[test]
fn a_wish_comes_to_a_chart_and_values() {
    let mut wish = wish();
    wish.follows = Follows::Content;
    let packages = packages();
    let ready = prepared(&wish, &State::default(), &engine(), &packages).unwrap();
    assert_eq!(ready.inputs.chart(), "web@1.0.0");
    assert_eq!(ready.inputs.app_version, "app-1.0.0");
    assert_eq!(ready.inputs.chart_digest, DIGEST);
    assert_eq!(ready.inputs.post_digest, "");
    assert_eq!(Value::Object(ready.config), json!({"replicas": 2}));
    let wanted = packages.wanted();
    assert_eq!(wanted[0].source, source());
    assert_eq!(wish.poll.unwrap_or(POLL), Duration::from_secs(300));
    assert_eq!(wanted[0].max_age, Duration::from_secs(270));
    assert!(wanted[0].dependencies);
}

#[test]
fn the_same_version_is_the_same_chart_where_the_wish_says_so() {
    let mut wish = wish();
    wish.follows = Follows::Version;
    let ready = prepared(&wish, &State::default(), &engine(), &packages()).unwrap();
    assert_eq!(ready.inputs.chart_digest, "");
}

#[test]
fn a_chart_is_looked_into_once() {
    let (wish, packages) = (wish(), packages());
    let first_engine = engine();
    let first = prepared(&wish, &State::default(), &first_engine, &packages).unwrap();
    assert_eq!(first_engine.calls(), [Call::Inspect]);
    let state = State {
        attempted: Some(Attempt {
            install: true,
            generation: 1,
            inputs: first.inputs.clone(),
        }),
        ..State::default()
    };
    let second_engine = engine();
    let second = prepared(&wish, &state, &second_engine, &packages).unwrap();
    assert_eq!(second_engine.calls(), []);
    assert_eq!(second.inputs, first.inputs);
}

#[test]
fn whatever_is_done_to_objects_is_an_input() {
    let digests: Vec<String> = [
        (vec![], Common::default()),
        (
            vec![],
            Common {
                labels: BTreeMap::from([(String::from("team"), String::from("web"))]),
                ..Common::default()
            },
        ),
        (
            vec![],
            Common {
                annotations: BTreeMap::from([(String::from("team"), String::from("web"))]),
                ..Common::default()
            },
        ),
        (
            vec![Post::Image {
                name: String::from("web"),
                new_name: None,
                new_tag: Some(String::from("2")),
                digest: None,
            }],
            Common::default(),
        ),
        (
            vec![Post::Patch {
                target: Target::default(),
                patch: String::from("kind: Service"),
            }],
            Common::default(),
        ),
        (
            vec![Post::Patch {
                target: Target {
                    kind: Some(String::from("Service")),
                    ..Target::default()
                },
                patch: String::from("kind: Service"),
            }],
            Common::default(),
        ),
    ]
    .iter()
    .map(|(posts, common)| post_digest(posts, common))
    .collect();
    assert_eq!(digests[0], "");
    let mut distinct = digests.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), digests.len());
    // It outlives this program: another digest is an upgrade of every release.
    assert_eq!(
        digests[3],
        "sha256:246264e97db91f8dd97fba95c733c2a49237bee9abd41fa7af758dc0770b3151"
    );
}

#[test]
fn a_chart_that_cannot_be_had_is_an_obstacle() {
    let packages = Packages::new().failing(
        source(),
        FetchError::Unauthorized(String::from("git.example.com wants credentials")),
    );
    let obstacle = prepared(&wish(), &State::default(), &engine(), &packages).unwrap_err();
    assert_eq!(obstacle.reason, "ArtifactFailed");
    assert_eq!(
        obstacle.message,
        "git.example.com wants credentials\nhint: name a Secret of the object's namespace that opens the source"
    );
    assert!(obstacle.retry.is_some());
}

#[test]
fn a_chart_that_does_not_load_is_an_obstacle() {
    let engine = Scripted::new();
    let obstacle = prepared(&wish(), &State::default(), &engine, &packages()).unwrap_err();
    assert_eq!(obstacle.reason, "ArtifactFailed");
    assert!(obstacle.message.starts_with("no chart sha256:1\nhint: "));
}
