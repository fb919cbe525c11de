//! The values of a release: what its wish refers to is read, and all of it is laid over one another.
//!
//! Where only maps are laid over maps, that is done here, so that a run that changes nothing calls no engine. Paths in the words of
//! `--set` and files of the chart are Helm's business.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oarlock_sdk::http::{HttpError, Request};
use oarlock_sdk::{Context, ObjectRef, ReadError};
use serde_json::{Map, Value};

use super::decryption::Keys;
use super::engine::{Engine, Failure, ValueSource};
use super::shelf::reads;
use super::{failed, package};
use crate::manifest::yaml;
use crate::situation::Obstacle;
use crate::wish::Values;

/// Milliseconds after which what did not answer is asked again.
const AGAIN: u64 = 30_000;

/// What values are read with.
pub(super) struct Reader<'a> {
    pub(super) cx: &'a Context,
    pub(super) engine: &'a dyn Engine,
    /// Digest of the chart.
    pub(super) chart: &'a str,
    /// Namespace of the object.
    pub(super) namespace: &'a str,
    /// ServiceAccount that the release acts as: what is in other namespaces is read with its rights.
    pub(super) account: Option<&'a str>,
    /// Whether what is optional may lack its key too, as the first Flux has it.
    pub(super) lenient: bool,
    /// What opens encrypted values.
    pub(super) keys: Keys<'a>,
}

impl Reader<'_> {
    /// All contributions, the later over the earlier.
    ///
    /// # Errors
    /// Where one cannot be had, or does not fit.
    pub(super) fn merged(&self, values: &[Values]) -> Result<Map<String, Value>, Obstacle> {
        let mut sources = Vec::with_capacity(values.len());
        let mut origins = Vec::with_capacity(values.len());
        for value in values {
            if let Some(source) = self.source(value)? {
                sources.push(source);
                origins.push(value);
            }
        }
        if sources
            .iter()
            .any(|source| !matches!(source, ValueSource::Json(_)))
        {
            let merge = |sources: &[ValueSource]| {
                let is_file = |source: &ValueSource| matches!(source, ValueSource::ChartFile(_));
                let chart = sources.iter().any(is_file).then_some(self.chart);
                self.engine.merge(chart, sources)
            };
            let told = |failure: Failure| {
                // Who cannot be laid over those before tells which it is; Helm's words alone repeat parts of what it says.
                let first = (1..=sources.len())
                    .find(|end| sources.get(..*end).is_some_and(|few| merge(few).is_err()));
                let origin = first.and_then(|end| origins.get(end - 1));
                let own = origin.and_then(|origin| self.misfit(origin));
                own.unwrap_or_else(|| failed::engine(&failure))
            };
            let merged = merge(&sources).map_err(told)?;
            // Of what was encrypted, only files of the chart are not opened yet: the engine reads those.
            if !merged.contains_key("sops") {
                return Ok(merged);
            }
            let mut opened = sources.clone();
            for source in &mut opened {
                if let ValueSource::ChartFile(path) = source
                    && let Some(fields) = self.encrypted(path)?
                {
                    *source = ValueSource::Json(fields);
                }
            }
            return merge(&opened).map_err(|failure| failed::engine(&failure));
        }
        let mut merged = Map::new();
        for source in sources {
            if let ValueSource::Json(fields) = source {
                lay(&mut merged, fields);
            }
        }
        Ok(merged)
    }

    fn source(&self, value: &Values) -> Result<Option<ValueSource>, Obstacle> {
        Ok(match value {
            Values::Inline(fields) => {
                let fields = self.keys.inline("values of the object", fields.clone())?;
                Some(ValueSource::Json(fields))
            }
            Values::Set(text) => Some(ValueSource::Set(text.clone())),
            Values::ChartFile { path, optional } => self
                .has_file(path, *optional)?
                .then(|| ValueSource::ChartFile(path.clone())),
            Values::Url { url, optional } => self.page(url, *optional)?,
            Values::From {
                secret,
                namespace,
                name,
                key,
                target,
                literal,
                optional,
            } => {
                let at = self.reference(*secret, namespace.as_deref(), name, key);
                let Some(text) = self.text(&at, *optional)? else {
                    return Ok(None);
                };
                Some(match target {
                    Some(target) => at_path(target, &text, *literal),
                    None => {
                        let fields = document(&text).map_err(|why| {
                            at.obstacle(match at.secret {
                                // What does not parse is shown of no Secret.
                                true => &why.place,
                                false => &why.message,
                            })
                        })?;
                        ValueSource::Json(self.keys.document(&at.to_string(), &text, fields)?)
                    }
                })
            }
        })
    }

    fn reference<'v>(
        &'v self,
        secret: bool,
        namespace: Option<&'v str>,
        name: &'v str,
        key: &'v str,
    ) -> Reference<'v> {
        Reference {
            secret,
            namespace: namespace.unwrap_or(self.namespace),
            name,
            key,
        }
    }

    /// What is told of one value at a path that cannot be laid there.
    fn misfit(&self, origin: &Values) -> Option<Obstacle> {
        let Values::From {
            secret,
            namespace,
            name,
            key,
            target: Some(target),
            literal,
            ..
        } = origin
        else {
            return None;
        };
        let at = self.reference(*secret, namespace.as_deref(), name, key);
        let hint = match literal {
            true => "the path leads through values that are no maps or lists",
            false => {
                "the text is read in the words of --set, where commas, braces and backslashes count: say literal: true, or put it in quotes"
            }
        };
        Some(at.obstacle(&format!(
            "it is no value for the path {target:?}\nhint: {hint}"
        )))
    }

    /// Text under a key of a ConfigMap or Secret.
    fn text(&self, at: &Reference<'_>, optional: bool) -> Result<Option<String>, Obstacle> {
        let target = ObjectRef::new("v1", at.kind(), at.name).in_namespace(at.namespace);
        // Of its own namespace the object may name whatever the watch may read, as with Flux.
        let account = self.account.filter(|_| at.namespace != self.namespace);
        let found = reads(self.cx, account).get_raw(&target).map_err(|error| {
            let retry = matches!(error, ReadError::Unavailable(_)).then_some(AGAIN);
            let hint = match error {
                ReadError::Denied(_) => "\nhint: grant the read, or keep the values elsewhere",
                _ => "",
            };
            Obstacle {
                retry,
                ..at.obstacle(&format!("{error}{hint}"))
            }
        })?;
        let Some(found) = found else {
            return match optional {
                true => Ok(None),
                false => Err(at.obstacle(&format!(
                    "{} {:?} not found\nhint: create it; it is looked at as soon as it is there",
                    at.plural(),
                    at.name
                ))),
            };
        };
        let data = found.get("data").and_then(Value::as_object);
        let Some(text) = data
            .and_then(|data| data.get(at.key))
            .and_then(Value::as_str)
        else {
            if optional && self.lenient {
                return Ok(None);
            }
            let mut keys: Vec<_> = data
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str)
                .collect();
            keys.sort_unstable();
            let there = match keys.as_slice() {
                [] => String::from("it has no data"),
                keys => format!("it has {}", keys.join(", ")),
            };
            return Err(at.obstacle(&format!("key not found\nhint: {there}")));
        };
        if !at.secret {
            return Ok(Some(text.to_owned()));
        }
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| at.obstacle(&format!("not base64: {error}")))?;
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| at.obstacle("it is no text: values are UTF-8"))
    }

    fn has_file(&self, path: &str, optional: bool) -> Result<bool, Obstacle> {
        if !optional {
            // The engine says it in Helm's words.
            return Ok(true);
        }
        let about = self
            .engine
            .inspect(self.chart)
            .map_err(|failure| failed::engine(&failure))?;
        Ok(about.files.iter().any(|file| file == path))
    }

    /// What is in a file of the chart, if it is encrypted.
    fn encrypted(&self, path: &str) -> Result<Option<Map<String, Value>>, Obstacle> {
        let package = self.cx.package(self.chart);
        let package = package.map_err(|error| failed::fetch(&error))?;
        let text = package::text(&package, path).map_err(|error| Obstacle {
            reason: failed::VALUES,
            message: format!("failed to read {path} of the chart: {error}"),
            retry: None,
        })?;
        let Some(text) = text else {
            return Ok(None);
        };
        match document(&text) {
            Ok(fields) if fields.contains_key("sops") => {
                let what = format!("the chart's file {path}");
                self.keys.document(&what, &text, fields).map(Some)
            }
            // The engine has read it already, and says what is wrong.
            _ => Ok(None),
        }
    }

    /// A document at a URL.
    fn page(&self, url: &str, optional: bool) -> Result<Option<ValueSource>, Obstacle> {
        let wrong = |why: String, retry: Option<u64>| Obstacle {
            reason: failed::VALUES,
            message: format!("could not resolve chart values reference {url:?}: {why}"),
            retry,
        };
        let response = match self.cx.send(&Request::get(url)) {
            Ok(response) => response,
            // A server that is not there is a reason to wait: values that come and go would be a release each time.
            Err(HttpError::Denied(message)) => return Err(wrong(message, None)),
            Err(error) => return Err(wrong(error.to_string(), Some(AGAIN))),
        };
        match response.status {
            200..=299 => {}
            404 | 410 if optional => return Ok(None),
            status => {
                return Err(wrong(
                    format!("the server answers {status}"),
                    Some(10 * AGAIN),
                ));
            }
        }
        let text = String::from_utf8(response.body)
            .map_err(|_| wrong(String::from("it is no text: values are UTF-8"), None))?;
        let fields = document(&text).map_err(|why| wrong(why.message, Some(10 * AGAIN)))?;
        let what = format!("chart values reference {url:?}");
        let fields = self.keys.document(&what, &text, fields)?;
        Ok(Some(ValueSource::Json(fields)))
    }
}

/// A key of a ConfigMap or Secret.
struct Reference<'a> {
    secret: bool,
    namespace: &'a str,
    name: &'a str,
    key: &'a str,
}

impl Reference<'_> {
    const fn kind(&self) -> &'static str {
        if self.secret { "Secret" } else { "ConfigMap" }
    }

    const fn plural(&self) -> &'static str {
        if self.secret { "secrets" } else { "configmaps" }
    }

    /// In Flux's words.
    fn obstacle(&self, why: &str) -> Obstacle {
        Obstacle {
            reason: failed::VALUES,
            message: format!("could not resolve {self}: {why}"),
            retry: None,
        }
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            name,
            key,
            ..
        } = self;
        let kind = self.kind();
        write!(
            f,
            "{kind} chart values reference '{namespace}/{name}' with key '{key}'"
        )
    }
}

/// One value at a path, as Flux reads it: what stands in quotes stays text.
fn at_path(target: &str, text: &str, literal: bool) -> ValueSource {
    if literal {
        return ValueSource::SetLiteral(format!("{target}={text}"));
    }
    let quoted = ['\'', '"']
        .into_iter()
        .any(|quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote));
    match quoted {
        true => ValueSource::SetString(format!("{target}={}", text.trim_matches(['\'', '"']))),
        false => ValueSource::Set(format!("{target}={text}")),
    }
}

/// Why text is no values file.
struct NoDocument {
    /// Without anything that stands in it.
    place: String,
    message: String,
}

/// A values file.
fn document(text: &str) -> Result<Map<String, Value>, NoDocument> {
    match yaml::read(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => {
            let message = format!("the document is {}, expected a map of values", kind(&other));
            Err(NoDocument {
                place: message.clone(),
                message,
            })
        }
        Err(error) => Err(NoDocument {
            place: format!("yaml: line {}: it is no YAML there", error.line),
            message: format!("yaml: line {}: {}", error.line, error.message),
        }),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Lays values over others as Helm does with files of values: maps become one, everything else is replaced, and null stays null.
pub(super) fn lay(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
