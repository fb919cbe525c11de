//! The engine as the component imports it.

#[path = "bindings/release_module.rs"]
#[rustfmt::skip]
#[expect(
    unsafe_code, unreachable_pub, unused_qualifications, clippy::use_self, clippy::unwrap_used,
    clippy::uninlined_format_args, clippy::allow_attributes, clippy::allow_attributes_without_reason,
    reason = "written by wit-bindgen: see the SDK's bindings/README.md"
)]
mod bindings;

use serde_json::{Map, Value};

use super::{About, Document, Engine, Failure, Hook, Rendered, Request, ValueSource};
use bindings::oarlock::helm::engine as wit;

/// The library that the watch names.
#[derive(Clone, Copy, Debug)]
pub struct Imported;

impl Engine for Imported {
    fn render(&self, request: &Request) -> Result<Rendered, Failure> {
        let rendered = wit::render(&wit::Request {
            chart: request.chart.clone(),
            values: sources(&request.values),
            release: wit::Release {
                name: request.name.clone(),
                namespace: request.namespace.clone(),
                revision: request.revision,
                upgrade: request.upgrade,
            },
            capabilities: wit::Capabilities {
                kube_version: Some(request.kube_version.clone()),
                api_versions: request.api_versions.clone(),
                complete: true,
            },
            now: request.now,
            seed: request.seed.clone(),
            lookup: true,
            act_as: request.account.clone(),
            sub_notes: false,
            skip_schema_validation: request.skip_schema_validation,
        })
        .map_err(failure)?;
        Ok(Rendered {
            crds: documents(rendered.crds),
            documents: documents(rendered.documents),
            hooks: rendered.hooks.into_iter().map(hook).collect(),
            notes: rendered.notes,
            config: map(&rendered.config)?,
            random: rendered.random,
            warnings: rendered.warnings,
        })
    }

    fn merge(
        &self,
        chart: Option<&str>,
        values: &[ValueSource],
    ) -> Result<Map<String, Value>, Failure> {
        let merged = wit::merge(chart, &sources(values)).map_err(failure)?;
        map(&merged)
    }

    fn inspect(&self, chart: &str) -> Result<About, Failure> {
        let found = wit::inspect(chart).map_err(failure)?;
        let metadata = map(&found.metadata)?;
        let app_version = metadata.get("appVersion").and_then(Value::as_str);
        let has_subcharts = metadata.get("dependencies").is_some()
            || found.files.iter().any(|path| path.starts_with("charts/"));
        Ok(About {
            has_subcharts,
            app_version: app_version.unwrap_or_default().to_owned(),
            crds: documents(found.crds),
            files: found.files,
        })
    }

    fn record_of(&self, chart: &str, values: &[ValueSource]) -> Result<String, Failure> {
        wit::record_of(chart, &sources(values)).map_err(failure)
    }
}

fn sources(values: &[ValueSource]) -> Vec<wit::ValueSource> {
    values
        .iter()
        .map(|value| match value.clone() {
            ValueSource::Yaml(name, text) => wit::ValueSource::Yaml((name, text)),
            ValueSource::ChartFile(path) => wit::ValueSource::ChartFile(path),
            ValueSource::Json(fields) => wit::ValueSource::Json(Value::Object(fields).to_string()),
            ValueSource::Set(text) => wit::ValueSource::Set(text),
            ValueSource::SetString(text) => wit::ValueSource::SetString(text),
            ValueSource::SetLiteral(text) => wit::ValueSource::SetLiteral(text),
        })
        .collect()
}

fn documents(documents: Vec<wit::Document>) -> Vec<Document> {
    documents.into_iter().map(document).collect()
}

fn document(document: wit::Document) -> Document {
    Document {
        source: document.source,
        kind: document.kind,
        name: document.name,
        content: document.content,
    }
}

fn hook(hook: wit::Hook) -> Hook {
    Hook {
        document: document(hook.document),
        events: hook.events,
        weight: hook.weight,
        delete_policies: hook.delete_policies,
        output_log_policies: hook.output_log_policies,
    }
}

/// The engine gives objects, and nothing else.
fn map(json: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(json)
        .map_err(|error| Failure::Values(format!("the engine's answer is no object: {error}")))
}

fn failure(failure: wit::Failure) -> Failure {
    match failure {
        wit::Failure::Chart(message) => Failure::Chart(message),
        wit::Failure::Dependencies(message) => Failure::Dependencies(message),
        wit::Failure::Values(message) => Failure::Values(message),
        wit::Failure::Incompatible(message) => Failure::Incompatible(message),
        wit::Failure::Template(message) => Failure::Template(message),
        wit::Failure::Output((message, output)) => Failure::Output { message, output },
        wit::Failure::Lookup(message) => Failure::Lookup(message),
    }
}
