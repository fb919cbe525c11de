//! `--name-template`: a name, made by Helm's own engine of a chart that has nothing but the template.
//!
//! It is the notes of that chart: of all that is rendered they alone are no YAML. Values there are none.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use oarlock_core::artifact::{Artifact, Artifacts, Credentials, FetchError, Reach, Source, Wanted};
use oarlock_core::future::BoxFuture;
use oarlock_core::reference::Digest;
use oarlock_core::timestamp::Timestamp;
use oarlock_helm::{Capabilities, Failure, Release, RenderError, Request};

use super::room::Room;

/// Its file in the chart.
const NOTES: &str = "name-template/templates/NOTES.txt";

/// The name that a template makes.
///
/// # Errors
///
/// When it does not parse or execute.
pub(super) async fn name(
    room: &Room,
    template: &str,
    seed: &str,
    now: Timestamp,
) -> anyhow::Result<String> {
    let chart = Chart::of(template)?;
    let request = Request {
        chart: chart.digest.to_string(),
        values: Vec::new(),
        release: Release {
            name: "name-template".to_owned(),
            namespace: "default".to_owned(),
            revision: 1,
            upgrade: false,
        },
        capabilities: Capabilities {
            kube_version: None,
            api_versions: Vec::new(),
            complete: false,
        },
        now: now.as_millis(),
        seed: seed.to_owned(),
        lookup: false,
        act_as: None,
        sub_notes: false,
        skip_schema_validation: true,
    };
    match room.render_from(&request, Arc::new(chart)).await? {
        Ok(rendered) => Ok(rendered.notes),
        Err(RenderError::Failure(Failure::Template(words))) => bail!("{}", without_chart(&words)),
        Err(error) => Err(error.into()),
    }
}

/// Helm's words of a template that is no chart's.
fn without_chart(words: &str) -> String {
    let place = format!("parse error at ({NOTES}:");
    match words
        .strip_prefix(&place)
        .and_then(|rest| rest.split_once("): "))
    {
        Some((line, problem)) => format!("template: name-template:{line}: {problem}"),
        None => words.replace(NOTES, "name-template"),
    }
}

/// The chart.
struct Chart {
    digest: Digest,
    bytes: Arc<[u8]>,
}

impl Chart {
    fn of(template: &str) -> anyhow::Result<Self> {
        let mut archive = tar::Builder::new(Vec::new());
        let manifest = "apiVersion: v2\nname: name-template\nversion: 0.0.0\n";
        for (path, text) in [("name-template/Chart.yaml", manifest), (NOTES, template)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, text.as_bytes())?;
        }
        let bytes: Arc<[u8]> = archive.into_inner()?.into();
        Ok(Self {
            digest: Digest::of(&bytes),
            bytes,
        })
    }
}

fn nothing_else<T: Send + 'static>() -> BoxFuture<'static, Result<T, FetchError>> {
    let text = "a template of a name has no charts".to_owned();
    Box::pin(ready(Err(FetchError::NotFound(text))))
}

impl Artifacts for Chart {
    fn fetch(&self, _wanted: Wanted) -> BoxFuture<'_, Result<Artifact, FetchError>> {
        nothing_else()
    }

    fn versions(
        &self,
        _source: Source,
        _credentials: Credentials,
        _reach: Reach,
        _max_age: Duration,
    ) -> BoxFuture<'_, Result<Vec<String>, FetchError>> {
        nothing_else()
    }

    fn read(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        if digest == self.digest {
            Box::pin(ready(Ok(Arc::clone(&self.bytes))))
        } else {
            nothing_else()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_template_alone() {
        assert_eq!(
            without_chart(
                "parse error at (name-template/templates/NOTES.txt:1): function \"foo\" not defined"
            ),
            "template: name-template:1: function \"foo\" not defined"
        );
        assert_eq!(
            without_chart("name-template/templates/NOTES.txt:1:3\n  no"),
            "name-template:1:3\n  no"
        );
    }
}
