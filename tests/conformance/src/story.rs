//! Stories: YAML in, checked steps out.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::pointer::Pattern;

/// A story: steps, told one after the other in a namespace of their own.
#[derive(Clone, Debug)]
pub struct Story {
    /// The file's name without `.yaml`.
    pub name: String,
    /// Paths outside of the namespace to be deleted at the end.
    pub cleanup: Vec<String>,
    /// The steps, of unique names.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Unique in the story.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Values of the answer to be used later, by name. Of events: of the last one.
    pub save: BTreeMap<String, Pattern>,
    /// What of the answer goes into the transcript.
    pub view: View,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum Action {
    /// A request, repeated until its answer is as wanted.
    Request {
        /// What is sent.
        request: Request,
        /// What the body must be like; empty: sent once.
        until: Condition,
    },
    /// A watch is opened under a name.
    Watch {
        /// To be read from by later steps.
        watch: String,
        /// What is sent.
        request: Request,
    },
    /// Events of an open watch are taken.
    Events {
        /// Its name.
        watch: String,
        /// The event to stop at; empty: the end of the watch.
        until: Condition,
        /// Events to be left out; empty: none.
        skip: Condition,
    },
    /// kubectl runs to its end.
    Kubectl(Command),
}

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET, POST, …
    pub method: Method,
    /// Path and query, with placeholders.
    pub path: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Body,
}

/// A request's body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Nothing,
    /// A document, sent as JSON.
    Document(Value),
    /// These bytes, with placeholders.
    Text(String),
    /// A file of `target/oarlock/parts`, as it is.
    Part(String),
}

/// A command line of kubectl.
#[derive(Clone, Debug)]
pub struct Command {
    /// Arguments, with placeholders.
    pub arguments: Vec<String>,
    /// Standard input.
    pub stdin: String,
    /// Environment besides KUBECONFIG and HOME.
    pub environment: BTreeMap<String, String>,
    /// Files in `{dir}`, by name.
    pub files: BTreeMap<String, String>,
    /// How many of the last lines of standard output go into the transcript.
    pub tail: Option<usize>,
}

/// Places and the values they must have: `<any>` is anything, `<none>` is absence.
pub type Condition = BTreeMap<Pattern, Value>;

/// What of an answer goes into the transcript.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Only this, when it says anything.
    pub show: Vec<Pattern>,
    /// Not this.
    pub hide: Vec<Pattern>,
    /// Arrays without an order of their own, to be sorted.
    pub sorted: Vec<Pattern>,
}

/// Why a file is not a story.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// Not YAML of this shape.
    #[error("story {story} cannot be read")]
    Parse {
        /// Its name.
        story: String,
        /// From the parser, with line and column.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// A step that makes no sense.
    #[error("story {story}, step {step}: {problem}")]
    Step {
        /// Its name.
        story: String,
        /// The step's name.
        step: String,
        /// What is wrong.
        problem: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    cleanup: Vec<String>,
    steps: Vec<WrittenStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    name: String,
    request: Option<String>,
    watch: Option<String>,
    events: Option<String>,
    kubectl: Option<Words>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    accept: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    text: Option<String>,
    part: Option<String>,
    #[serde(default)]
    stdin: Option<Value>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, Value>,
    tail: Option<usize>,
    #[serde(default)]
    until: Condition,
    #[serde(default)]
    skip: Condition,
    #[serde(default)]
    save: BTreeMap<String, Pattern>,
    #[serde(default)]
    show: Vec<Pattern>,
    #[serde(default)]
    hide: Vec<Pattern>,
    #[serde(default)]
    sorted: Vec<Pattern>,
}

/// Arguments: a text split at white space, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Story {
    /// Reads a story.
    ///
    /// # Errors
    ///
    /// When it is not YAML of the shape in README.md, or a step is none.
    pub fn parse(name: &str, text: &str) -> Result<Self, StoryError> {
        let written: Written =
            serde_saphyr::from_str(text).map_err(|source| StoryError::Parse {
                story: String::from(name),
                source: Box::new(source),
            })?;
        let mut names = BTreeSet::new();
        let mut steps = Vec::new();
        for step in written.steps {
            let refuse = |step: &str, problem: String| StoryError::Step {
                story: String::from(name),
                step: String::from(step),
                problem,
            };
            if !names.insert(step.name.clone()) {
                return Err(refuse(
                    &step.name,
                    String::from("a second step of this name"),
                ));
            }
            let title = step.name.clone();
            steps.push(step.check().map_err(|problem| refuse(&title, problem))?);
        }
        Ok(Self {
            name: String::from(name),
            cleanup: written.cleanup,
            steps,
        })
    }

    /// The files of other projects that it sends.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Request { request, .. } | Action::Watch { request, .. } => {
                match &request.body {
                    Body::Part(file) => Some(file.as_str()),
                    Body::Nothing | Body::Document(_) | Body::Text(_) => None,
                }
            }
            Action::Events { .. } | Action::Kubectl(_) => None,
        })
    }

    /// Whether any step needs kubectl.
    #[must_use]
    pub fn needs_kubectl(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.action, Action::Kubectl(_)))
    }
}

impl WrittenStep {
    fn check(mut self) -> Result<Step, String> {
        let view = View {
            show: std::mem::take(&mut self.show),
            hide: std::mem::take(&mut self.hide),
            sorted: std::mem::take(&mut self.sorted),
        };
        let (name, save) = (self.name.clone(), std::mem::take(&mut self.save));
        let action = match (&self.request, &self.watch, &self.events, &self.kubectl) {
            (Some(line), watch, None, None) => {
                let (line, watch) = (line.clone(), watch.clone());
                let until = std::mem::take(&mut self.until);
                let request = self.http(&line)?;
                match watch {
                    Some(watch) => Action::Watch { watch, request },
                    None => Action::Request { request, until },
                }
            }
            (None, None, Some(watch), None) => Action::Events {
                watch: watch.clone(),
                until: self.until,
                skip: self.skip,
            },
            (None, None, None, Some(_)) => Action::Kubectl(self.command()?),
            _ => {
                return Err(String::from(
                    "expected one of request, watch with request, events, kubectl",
                ));
            }
        };
        Ok(Step {
            name,
            action,
            save,
            view,
        })
    }

    fn http(self, line: &str) -> Result<Request, String> {
        let (method, path) = line
            .split_once(' ')
            .ok_or_else(|| format!("request {line:?}: expected METHOD PATH"))?;
        let method: Method = method
            .parse()
            .map_err(|_not_a_method| format!("request {line:?}: {method:?} is no method"))?;
        let body = match (self.body, self.text, self.part) {
            (None, None, None) => Body::Nothing,
            (Some(document), None, None) => Body::Document(document),
            (None, Some(text), None) => Body::Text(text),
            (None, None, Some(file)) => Body::Part(file),
            _ => return Err(String::from("more than one of body, text, part")),
        };
        let mut headers: Vec<(String, String)> = self.headers.into_iter().collect();
        let default = (body != Body::Nothing).then(|| String::from("application/json"));
        if let Some(content_type) = self.content_type.or(default) {
            headers.push((String::from("content-type"), content_type));
        }
        let accept = self
            .accept
            .unwrap_or_else(|| String::from("application/json"));
        headers.push((String::from("accept"), accept));
        Ok(Request {
            method,
            path: String::from(path),
            headers,
            body,
        })
    }

    fn command(self) -> Result<Command, String> {
        let arguments = match self.kubectl {
            Some(Words::Text(text)) => text.split_whitespace().map(String::from).collect(),
            Some(Words::List(words)) => words,
            None => Vec::new(),
        };
        if !self.until.is_empty() {
            return Err(String::from(
                "kubectl is not repeated: until is for requests",
            ));
        }
        let plain = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(Command {
            arguments,
            stdin: self.stdin.map(plain).unwrap_or_default(),
            environment: self.env,
            files: self
                .files
                .into_iter()
                .map(|(name, content)| (name, plain(content)))
                .collect(),
            tail: self.tail,
        })
    }
}
