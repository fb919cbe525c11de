//! The largest chart of a corpus of real ones, where there is one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::charts::{Chart, packed};

/// Tells where the corpus is.
const CORPUS: &str = "OARLOCK_CHART_CORPUS";

/// A line of `cases.jsonl`, as far as it counts here.
#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    chart: String,
    release: String,
    namespace: String,
    kube: String,
    values: Vec<String>,
    set: Vec<serde_json::Value>,
    api_versions: Vec<String>,
    upgrade: bool,
}

/// The one that renders to the most bytes, among those without anything special.
pub(crate) fn largest() -> anyhow::Result<Option<Chart>> {
    let Some(corpus) = std::env::var_os(CORPUS).map(PathBuf::from) else {
        return Ok(None);
    };
    let cases = fs::read_to_string(corpus.join("cases.jsonl"))
        .with_context(|| format!("{CORPUS} is no corpus"))?;
    let mut best: Option<(u64, Case)> = None;
    for line in cases.lines() {
        let case: Case = serde_json::from_str(line)?;
        if case.kind != "exact" || !case.set.is_empty() || case.upgrade {
            continue;
        }
        let expected = corpus.join("expected").join(&case.id).join("manifest.yaml");
        let size = fs::metadata(&expected).map_or(0, |metadata| metadata.len());
        if best.as_ref().is_none_or(|(most, _)| size > *most) {
            best = Some((size, case));
        }
    }
    best.map(|(_, case)| chart(&corpus, case)).transpose()
}

fn chart(corpus: &Path, case: Case) -> anyhow::Result<Chart> {
    let mut files = Vec::new();
    collect(&corpus.join(&case.chart), "chart", &mut files)?;
    let values = case.values.iter().map(|path| {
        let path = corpus.join(path);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path.display().to_string(), text))
    });
    Ok(Chart {
        name: format!("the largest of the corpus, {}", case.id),
        archive: packed(&files)?,
        values: values.collect::<anyhow::Result<_>>()?,
        release: case.release,
        namespace: case.namespace,
        kube_version: Some(case.kube),
        api_versions: case.api_versions,
    })
}

/// The texts of a folder; what is no text is left out, templates are texts.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &name, files)?;
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push((name, text));
        }
    }
    Ok(())
}
