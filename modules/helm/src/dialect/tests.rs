#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod flux1;
mod flux2;
mod kustomize;
mod origins;
mod others;
mod remnant;
mod settled;

use serde_json::Value;

use super::{Refused, Settings, SourceRef, Sources, read};
use crate::wish::Wish;

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn wish_with(text: &str, sources: &Sources, settings: &Settings) -> Wish {
    match read(&yaml(text), sources, settings) {
        Ok(wish) => wish,
        Err(refused) => panic!("{refused}"),
    }
}

fn wish(text: &str) -> Wish {
    wish_with(text, &Sources::default(), &Settings::default())
}

/// What is wrong, a line each.
fn wrong_with(text: &str, sources: &Sources, settings: &Settings) -> Vec<String> {
    match read(&yaml(text), sources, settings) {
        Ok(wish) => panic!("nothing is wrong: {wish:?}"),
        Err(Refused::Invalid(wrong)) => wrong.iter().map(ToString::to_string).collect(),
        Err(refused) => vec![refused.to_string()],
    }
}

fn wrong(text: &str) -> Vec<String> {
    wrong_with(text, &Sources::default(), &Settings::default())
}

/// Source objects, as the cluster has them.
fn sources(objects: &[&str]) -> Sources {
    let mut sources = Sources::default();
    for object in objects {
        let object = yaml(object);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let source = SourceRef {
            kind: text(&object["kind"]),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        };
        sources.insert(source, object);
    }
    sources
}
