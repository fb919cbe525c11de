//! What is in the ConfigMaps and Secrets of a rendered chart.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_helm::{Rendered, Request};
use serde::Deserialize;

use super::cases::Case;
use super::sandbox::{package, render};

#[derive(Deserialize)]
struct Object {
    kind: String,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// A chart, rendered as `change` says.
pub(super) async fn rendered(case: &Case, change: impl FnOnce(&mut Request)) -> Rendered {
    let (package, digest) = package(&case.folder()).await.unwrap();
    let mut request = case.request(digest.as_str().to_owned());
    change(&mut request);
    render(&request, &package).await.unwrap()
}

/// Data of one document; that of a Secret is decoded.
pub(super) fn data(rendered: &Rendered, template: &str) -> BTreeMap<String, Vec<u8>> {
    let document = rendered
        .documents
        .iter()
        .find(|document| document.source.ends_with(template))
        .unwrap_or_else(|| panic!("no document is from {template}"));
    let object: Object = serde_saphyr::from_str(&document.content).unwrap();
    let decode = |value: String| match object.kind.as_str() {
        "Secret" => STANDARD.decode(value).unwrap(),
        _ => value.into_bytes(),
    };
    object
        .data
        .into_iter()
        .map(|(key, value)| (key, decode(value)))
        .collect()
}

/// The same where all of it is text.
pub(super) fn texts(rendered: &Rendered, template: &str) -> BTreeMap<String, String> {
    data(rendered, template)
        .into_iter()
        .map(|(key, value)| (key, String::from_utf8(value).unwrap()))
        .collect()
}
