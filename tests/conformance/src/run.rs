//! Tells a story to a backend and takes down the answers, as they are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::backend::{Backend, BackendError, whole};
use crate::filling::{Filling, group};
use crate::kubectl;
use crate::normal::{self, Surroundings};
use crate::part;
use crate::pointer;
use crate::story::{Action, Condition, Request, Step, Story};
use crate::transcript::{Answered, Transcript};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// A bounded wait: something is looked at again and again.
#[derive(Debug)]
pub(crate) struct Patience {
    end: Instant,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            end: Instant::now() + PATIENCE,
        }
    }
}

impl Patience {
    /// Whether to look once more, which is then the time to.
    pub(crate) async fn once_more(&mut self) -> bool {
        tokio::time::sleep(LOOK_EVERY).await;
        Instant::now() < self.end
    }
}

/// Why a story was not told to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The backend gave no answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// kubectl could not be run.
    #[error("kubectl cannot be run")]
    Kubectl(#[source] std::io::Error),
    /// A directory for kubectl could not be made.
    #[error("no temporary directory")]
    Directory(#[source] std::io::Error),
    /// A file of another project cannot be read.
    #[error("{} cannot be read; hint: cargo xtask parts", file.display())]
    Part {
        /// The file.
        file: PathBuf,
        /// From the system.
        #[source]
        source: std::io::Error,
    },
    /// The answer has nothing where a value was to be saved from.
    #[error("nothing to save as {name} at {at}")]
    Save {
        /// The value's name.
        name: String,
        /// Where it was looked for.
        at: String,
    },
    /// Patience ran out.
    #[error("waited in vain for {until}; the last answer was {last}")]
    Until {
        /// What was waited for.
        until: String,
        /// The last answer or event.
        last: Value,
    },
    /// A step reads from a watch that is not open.
    #[error("no watch of the name {0} is open")]
    NoWatch(String),
}

/// A story told.
#[derive(Debug)]
pub struct Told {
    /// The answers, normalised, up to the step that could not be carried out.
    pub transcript: Transcript,
    /// The step that could not be carried out, and why.
    pub broken: Option<(String, RunError)>,
}

/// Tells the story.
///
/// # Errors
///
/// When it cannot begin: no namespace, no directory.
pub async fn tell(story: &Story, backend: &Backend) -> Result<Told, RunError> {
    let namespace = backend.namespace().await?;
    let mut teller = Teller::new(backend, &namespace)?;
    let mut answers = Vec::new();
    let mut broken = None;
    for step in &story.steps {
        let (answer, problem) = teller.step(step).await;
        if let Some(answer) = answer {
            answers.push((step, answer));
        }
        if let Some(problem) = problem {
            broken = Some((step.name.clone(), problem));
            break;
        }
    }
    let cleanup: Vec<String> = story
        .cleanup
        .iter()
        .map(|path| teller.filling.text(path))
        .collect();
    let surroundings = teller.surroundings();
    drop(teller.watches);
    backend.clean(&namespace, &cleanup).await?;
    let answers = answers
        .into_iter()
        .map(|(step, answer)| Answered {
            step: step.name.clone(),
            answer,
        })
        .collect();
    Ok(Told {
        transcript: normal::normalise(Transcript { steps: answers }, &surroundings, |name| {
            let step = story.steps.iter().find(|step| step.name == name);
            step.map(|step| step.view.clone()).unwrap_or_default()
        }),
        broken,
    })
}

struct Teller<'a> {
    backend: &'a Backend,
    namespace: String,
    filling: Filling,
    watches: BTreeMap<String, Lines>,
    directory: TempDir,
}

impl<'a> Teller<'a> {
    fn new(backend: &'a Backend, namespace: &str) -> Result<Self, RunError> {
        let directory = TempDir::new().map_err(RunError::Directory)?;
        let mut filling = Filling::default();
        filling.set("namespace", Value::from(namespace));
        filling.set("group", Value::from(group(namespace)));
        filling.set("dir", Value::from(directory.path().to_string_lossy()));
        Ok(Self {
            backend,
            namespace: String::from(namespace),
            filling,
            watches: BTreeMap::new(),
            directory,
        })
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            namespace: self.namespace.clone(),
            directory: self.directory.path().to_string_lossy().into_owned(),
        }
    }

    /// What the step was answered, and why the story ends here.
    async fn step(&mut self, step: &Step) -> (Option<Value>, Option<RunError>) {
        let answer = match &step.action {
            Action::Request { request, until } => self.request(request, until).await,
            Action::Watch { watch, request } => self.watch(watch, request).await,
            Action::Events { watch, until, skip } => self.events(watch, until, skip).await,
            Action::Kubectl(command) => kubectl::run(
                command,
                &self.filling,
                self.backend,
                &self.namespace,
                self.directory.path(),
            )
            .await
            .map(|answer| (answer, None))
            .map_err(RunError::Kubectl),
        };
        match answer {
            Ok((answer, None)) => {
                let problem = self.save(step, &answer).err();
                (Some(answer), problem)
            }
            Ok((answer, problem)) => (Some(answer), problem),
            Err(problem) => (None, Some(problem)),
        }
    }

    /// Keeps what the step saves.
    fn save(&mut self, step: &Step, answer: &Value) -> Result<(), RunError> {
        let source = match answer.get("events").and_then(Value::as_array) {
            Some(events) => events.last().cloned().unwrap_or_default(),
            None => answer.get("body").cloned().unwrap_or_default(),
        };
        for (name, at) in &step.save {
            let value = at.first(&source).cloned().ok_or_else(|| RunError::Save {
                name: name.clone(),
                at: at.to_string(),
            })?;
            self.filling.set(name, value);
        }
        Ok(())
    }

    async fn open(&mut self, request: &Request) -> Result<http::Response<Body>, RunError> {
        use crate::story::Body as Content;
        let path = self.filling.text(&request.path);
        let body = match &request.body {
            Content::Nothing => Vec::new(),
            Content::Document(document) => self.filling.value(document).to_string().into_bytes(),
            Content::Text(text) => self.filling.text(text).into_bytes(),
            Content::Part(name) => {
                let file = part::file(name);
                std::fs::read(&file).map_err(|source| RunError::Part { file, source })?
            }
        };
        let answer = self
            .backend
            .send(&request.method, &path, &request.headers, body)
            .await?;
        Ok(answer)
    }

    async fn request(
        &mut self,
        request: &Request,
        until: &Condition,
    ) -> Result<(Value, Option<RunError>), RunError> {
        let until = self.condition(until);
        let mut patience = Patience::default();
        loop {
            let response = self.open(request).await?;
            let mut answer = head(&response);
            let body = whole(response.into_body()).await?;
            let body = content(&body);
            let holds = holds(&until, &body);
            if let Some(map) = answer.as_object_mut()
                && body != Value::Null
            {
                map.insert(String::from("body"), body);
            }
            if holds {
                return Ok((answer, None));
            }
            if !patience.once_more().await {
                let problem = in_vain(&until, answer["body"].clone());
                return Ok((answer, Some(problem)));
            }
        }
    }

    async fn watch(
        &mut self,
        watch: &str,
        request: &Request,
    ) -> Result<(Value, Option<RunError>), RunError> {
        let response = self.open(request).await?;
        let mut answer = head(&response);
        if response.status().is_success() {
            let lines = Lines {
                body: response.into_body(),
                buffer: Vec::new(),
            };
            self.watches.insert(String::from(watch), lines);
        } else {
            let body = whole(response.into_body()).await?;
            answer["body"] = content(&body);
        }
        Ok((answer, None))
    }

    async fn events(
        &mut self,
        watch: &str,
        until: &Condition,
        skip: &Condition,
    ) -> Result<(Value, Option<RunError>), RunError> {
        let (until, skip) = (self.condition(until), self.condition(skip));
        let lines = self
            .watches
            .get_mut(watch)
            .ok_or_else(|| RunError::NoWatch(String::from(watch)))?;
        let end = Instant::now() + PATIENCE;
        let mut events = Vec::new();
        let (mut ended, mut problem) = (false, None);
        loop {
            match tokio::time::timeout_at(end, lines.next()).await {
                Ok(Some(event)) if !skip.is_empty() && holds(&skip, &event) => {}
                Ok(Some(event)) => {
                    let last = !until.is_empty() && holds(&until, &event);
                    events.push(event);
                    if last {
                        break;
                    }
                }
                Ok(None) => {
                    ended = true;
                    break;
                }
                Err(_elapsed) => {
                    let last = events.last().cloned().unwrap_or_default();
                    problem = Some(in_vain(&until, last));
                    break;
                }
            }
        }
        let mut answer = Map::new();
        answer.insert(String::from("events"), Value::Array(events));
        if ended {
            answer.insert(String::from("ended"), Value::from(true));
        }
        Ok((Value::Object(answer), problem))
    }

    fn condition(&self, condition: &Condition) -> Condition {
        condition
            .iter()
            .map(|(at, wanted)| {
                let at = pointer::Pattern::from(self.filling.text(&at.to_string()));
                (at, self.filling.value(wanted))
            })
            .collect()
    }
}

fn in_vain(until: &Condition, last: Value) -> RunError {
    let until = until
        .iter()
        .map(|(at, wanted)| format!("{at} = {wanted}"))
        .collect::<Vec<_>>()
        .join(", ");
    let until = if until.is_empty() {
        String::from("the end of the watch")
    } else {
        until
    };
    RunError::Until { until, last }
}

/// Whether a document is as wanted.
fn holds(condition: &Condition, document: &Value) -> bool {
    condition.iter().all(|(at, wanted)| {
        let found = at.first(document);
        match wanted.as_str() {
            Some("<any>") => found.is_some(),
            Some("<none>") => found.is_none(),
            _ => found == Some(wanted),
        }
    })
}

/// The status code and the headers that matter.
fn head(response: &http::Response<Body>) -> Value {
    let texts = |name: &str| -> Vec<String> {
        let values = response.headers().get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    };
    let mut answer = json!({
        "code": response.status().as_u16(),
        "type": texts("content-type").join(", "),
    });
    for (header, key) in [
        ("warning", "warnings"),
        ("allow", "allow"),
        ("retry-after", "retryAfter"),
    ] {
        let values = texts(header);
        if !values.is_empty() {
            answer[key] = json!(values);
        }
    }
    answer
}

/// A body: a document where it is one, else its text.
fn content(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_no_json| Value::from(String::from_utf8_lossy(bytes)))
}

/// A stream of JSON documents, one per line.
struct Lines {
    body: Body,
    buffer: Vec<u8>,
}

impl Lines {
    /// The next event; `None` at the end. Cancelling it loses nothing.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(content(line.trim_ascii()));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                // A broken stream is an end like any other to who watches.
                Some(Err(_)) | None if self.buffer.is_empty() => return None,
                Some(Err(_)) | None => {
                    let rest = std::mem::take(&mut self.buffer);
                    return Some(content(&rest));
                }
            }
        }
    }
}
