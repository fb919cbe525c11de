//! An engine of plain values, for tests: a chart is what a closure makes of a request.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{About, Document, Engine, Failure, Hook, Rendered, Request, ValueSource};

type Template = Box<dyn Fn(&Request) -> Result<Rendered, Failure>>;

/// Charts by digest, and what was asked of them.
#[derive(Default)]
pub(crate) struct Scripted {
    charts: BTreeMap<String, Chart>,
    calls: RefCell<Vec<Call>>,
}

struct Chart {
    name: String,
    version: String,
    about: About,
    files: BTreeMap<String, Value>,
    template: Template,
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Render(Box<Request>),
    Merge(Vec<ValueSource>),
    Inspect,
    Record(Vec<ValueSource>),
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A chart: whatever the closure makes of the merged values. `config` of its answer is filled in.
    pub(crate) fn chart(
        mut self,
        digest: &str,
        name: &str,
        version: &str,
        template: impl Fn(&Request) -> Result<Rendered, Failure> + 'static,
    ) -> Self {
        let chart = Chart {
            name: name.to_owned(),
            version: version.to_owned(),
            about: About {
                app_version: format!("app-{version}"),
                ..About::default()
            },
            files: BTreeMap::new(),
            template: Box::new(template),
        };
        self.charts.insert(digest.to_owned(), chart);
        self
    }

    /// A values file of a chart.
    pub(crate) fn file(mut self, digest: &str, path: &str, values: Value) -> Self {
        if let Some(chart) = self.charts.get_mut(digest) {
            chart.about.files.push(path.to_owned());
            chart.files.insert(path.to_owned(), values);
        }
        self
    }

    /// A definition in `crds/` of a chart.
    pub(crate) fn crd(mut self, digest: &str, content: &str) -> Self {
        if let Some(chart) = self.charts.get_mut(digest) {
            chart
                .about
                .crds
                .push(document("CustomResourceDefinition", "crd", content));
        }
        self
    }

    /// A chart that others are part of.
    pub(crate) fn umbrella(mut self, digest: &str) -> Self {
        if let Some(chart) = self.charts.get_mut(digest) {
            chart.about.has_subcharts = true;
        }
        self
    }

    /// What was asked so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    fn of(&self, digest: &str) -> Result<&Chart, Failure> {
        let chart = self.charts.get(digest);
        chart.ok_or_else(|| Failure::Chart(format!("no chart {digest}")))
    }

    fn merged(
        chart: Option<&Chart>,
        values: &[ValueSource],
    ) -> Result<Map<String, Value>, Failure> {
        let mut merged = Map::new();
        for value in values {
            match value {
                ValueSource::Json(fields) => crate::run::values::lay(&mut merged, fields.clone()),
                ValueSource::ChartFile(path) => {
                    let chart = chart.ok_or_else(|| {
                        Failure::Values(format!("failed to read {path}: no chart"))
                    })?;
                    let file = chart.files.get(path).ok_or_else(|| {
                        Failure::Values(format!(
                            "failed to read {path}: the chart {} has no such file",
                            chart.name
                        ))
                    })?;
                    let fields = file.as_object().cloned().unwrap_or_default();
                    crate::run::values::lay(&mut merged, fields);
                }
                ValueSource::Set(text) => {
                    // A comma begins the next key.
                    if let Some((_, next)) = text.split_once(',')
                        && !next.contains('=')
                    {
                        return Err(Failure::Values(format!(
                            "failed parsing --set data: key {next:?} has no value"
                        )));
                    }
                    let value =
                        |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                    set(&mut merged, text, value)?;
                }
                ValueSource::SetString(text) | ValueSource::SetLiteral(text) => {
                    set(&mut merged, text, |text| json!(text))?;
                }
                ValueSource::Yaml(name, _) => {
                    return Err(Failure::Values(format!("{name}: not scripted")));
                }
            }
        }
        Ok(merged)
    }
}

/// Dotted paths only.
fn set(
    merged: &mut Map<String, Value>,
    text: &str,
    value: impl Fn(&str) -> Value,
) -> Result<(), Failure> {
    let (path, text) = text.split_once('=').ok_or_else(|| {
        Failure::Values(format!(
            "failed parsing --set data: key {text:?} has no value"
        ))
    })?;
    let mut over = value(text);
    for key in path.rsplit('.') {
        over = json!({ key: over });
    }
    if let Value::Object(over) = over {
        crate::run::values::lay(merged, over);
    }
    Ok(())
}

impl Engine for Scripted {
    fn render(&self, request: &Request) -> Result<Rendered, Failure> {
        self.calls
            .borrow_mut()
            .push(Call::Render(Box::new(request.clone())));
        let chart = self.of(&request.chart)?;
        let config = Self::merged(Some(chart), &request.values)?;
        let rendered = (chart.template)(request)?;
        Ok(Rendered {
            config,
            crds: chart.about.crds.clone(),
            ..rendered
        })
    }

    fn merge(
        &self,
        chart: Option<&str>,
        values: &[ValueSource],
    ) -> Result<Map<String, Value>, Failure> {
        self.calls.borrow_mut().push(Call::Merge(values.to_vec()));
        let chart = chart.map(|chart| self.of(chart)).transpose()?;
        Self::merged(chart, values)
    }

    fn inspect(&self, chart: &str) -> Result<About, Failure> {
        self.calls.borrow_mut().push(Call::Inspect);
        Ok(self.of(chart)?.about.clone())
    }

    fn record_of(&self, chart: &str, values: &[ValueSource]) -> Result<String, Failure> {
        self.calls.borrow_mut().push(Call::Record(values.to_vec()));
        let chart = self.of(chart)?;
        let metadata = json!({
            "name": chart.name,
            "version": chart.version,
            "appVersion": chart.about.app_version,
        });
        Ok(json!({"metadata": metadata, "templates": []}).to_string())
    }
}

/// A document of a chart.
pub(crate) fn document(kind: &str, name: &str, content: &str) -> Document {
    Document {
        source: format!("web/templates/{name}.yaml"),
        kind: kind.to_owned(),
        name: name.to_owned(),
        content: content.to_owned(),
    }
}

/// A hook of a chart.
pub(crate) fn hook(kind: &str, name: &str, event: &str, content: &str) -> Hook {
    Hook {
        document: document(kind, name, content),
        events: vec![event.to_owned()],
        ..Hook::default()
    }
}
