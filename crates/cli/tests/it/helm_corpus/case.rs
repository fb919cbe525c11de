//! One render of the corpus, and what Helm made of it.

use std::path::Path;

use oarlock_helm::ValueSource;
use serde::Deserialize;

use crate::helm_room::{Render, Room};

/// How its output is to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Byte by byte.
    Exact,
    /// It fails, with these words.
    Error,
    /// But for what is random.
    Nondeterministic,
}

/// A line of `cases.jsonl`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    chart: String,
    release: String,
    namespace: String,
    kube: String,
    values: Vec<String>,
    set: Vec<String>,
    api_versions: Vec<String>,
    upgrade: bool,
    include_crds: bool,
}

/// What a render gives.
pub(crate) struct Output {
    pub(crate) manifest: String,
    pub(crate) notes: String,
}

/// All cases.
pub(crate) fn read(corpus: &Path) -> Vec<Case> {
    let file = corpus.join("cases.jsonl");
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let cases = text.lines().map(|line| serde_json::from_str(line).unwrap());
    cases.collect()
}

impl Case {
    /// Renders it.
    pub(crate) async fn render(
        &self,
        room: &Room,
        corpus: &Path,
        seed: &str,
    ) -> Result<Output, String> {
        let mut values = Vec::new();
        for file in &self.values {
            let text = std::fs::read_to_string(corpus.join(file)).unwrap();
            values.push(ValueSource::Yaml((file.clone(), text)));
        }
        values.extend(self.set.iter().cloned().map(ValueSource::Set));
        let render = Render {
            chart: corpus.join(&self.chart),
            values,
            name: self.release.clone(),
            namespace: self.namespace.clone(),
            upgrade: self.upgrade,
            kube_version: self.kube.clone(),
            api_versions: self.api_versions.clone(),
            crds: self.include_crds,
            seed: seed.to_owned(),
        };
        let (manifest, notes) = room.render(render).await?;
        Ok(Output { manifest, notes })
    }

    /// What Helm made. A chart without notes has no file of them.
    pub(crate) fn expected(&self, corpus: &Path) -> Output {
        let folder = corpus.join("expected").join(&self.id);
        let notes = folder.join("notes.txt");
        Output {
            manifest: std::fs::read_to_string(folder.join("manifest.yaml")).unwrap(),
            notes: if notes.exists() {
                std::fs::read_to_string(notes).unwrap()
            } else {
                String::new()
            },
        }
    }
}

/// Whether an error has Helm's words.
pub(crate) fn compare_error(case: &Case, corpus: &Path, error: &str) -> Vec<String> {
    let file = corpus.join("expected").join(&case.id).join("error.txt");
    let expected = std::fs::read_to_string(file).unwrap();
    if expected.trim_end() == error.trim_end() {
        Vec::new()
    } else {
        vec![format!(
            "  expected the error: {expected}\n  found: {error}"
        )]
    }
}
