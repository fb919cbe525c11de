//! Hooks: objects that are not part of a release, but of an event in its life.
//!
//! Owns which objects are hooks, which of them an event has, and in which order; `course` how they are run one after the other,
//! across restarts; `sight` what a hook's object in the cluster tells.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::{Document, Object, ReadManifest};
use crate::order;
use crate::record::Hook;
use crate::wish::{Test, Wish};

pub mod course;
pub mod sight;

/// Annotation: the events of a hook.
pub const HOOK: &str = "helm.sh/hook";
/// Annotation: its weight.
pub const WEIGHT: &str = "helm.sh/hook-weight";
/// Annotation: when it is deleted.
pub const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
/// Annotation: when its output is shown.
pub const OUTPUT_LOG_POLICY: &str = "helm.sh/hook-output-log-policy";

/// An event in the life of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Before the first objects are created.
    PreInstall,
    /// After they are.
    PostInstall,
    /// Before the objects of a release are deleted.
    PreDelete,
    /// After they are.
    PostDelete,
    /// Before an upgrade changes anything.
    PreUpgrade,
    /// After it has.
    PostUpgrade,
    /// Before a rollback changes anything.
    PreRollback,
    /// After it has.
    PostRollback,
    /// When the release is tested.
    Test,
}

/// When the object of a hook is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletePolicy {
    /// Before it is created anew. So it is where nothing is said.
    BeforeHookCreation,
    /// When all hooks of the event succeeded, or a later one failed.
    HookSucceeded,
    /// When it failed.
    HookFailed,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// A part of the release.
    Part,
    /// A hook.
    Hook(Box<Hook>),
    /// A hook of an event that nobody knows, such as Helm 2's `crd-install`: Helm leaves the whole object out.
    Unknown {
        /// The first event that is not known.
        event: String,
    },
}

/// Documents, told apart.
#[derive(Debug, Default)]
pub struct Separated {
    /// Parts of the release, in the order in which Helm installs.
    pub parts: Vec<Document>,
    /// Hooks, in the order in which Helm keeps them in a record.
    pub hooks: Vec<Hook>,
    /// What is left out: hooks of events that nobody knows.
    pub left_out: Vec<LeftOut>,
}

/// A hook of an event that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Path of its template.
    pub source: String,
    /// The event.
    pub event: String,
}

const EVENTS: &[Event] = &[
    Event::PreInstall,
    Event::PostInstall,
    Event::PreDelete,
    Event::PostDelete,
    Event::PreUpgrade,
    Event::PostUpgrade,
    Event::PreRollback,
    Event::PostRollback,
    Event::Test,
];

impl Event {
    /// Helm's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }

    /// Of a word in an annotation; case does not matter, and `test-success` of Helm 2 is a test.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        if word == "test-success" {
            return Some(Self::Test);
        }
        EVENTS.iter().copied().find(|event| event.as_str() == word)
    }

    /// What Helm puts before the words of a failed hook.
    #[must_use]
    pub fn failed(self, message: &str) -> String {
        match self {
            Self::PreInstall | Self::PostInstall => format!("failed {}: {message}", self.as_str()),
            Self::PreUpgrade | Self::PostUpgrade => {
                format!("{} hooks failed: {message}", self.as_str())
            }
            _ => message.to_owned(),
        }
    }
}

impl DeletePolicy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeHookCreation => "before-hook-creation",
            Self::HookSucceeded => "hook-succeeded",
            Self::HookFailed => "hook-failed",
        }
    }
}

/// What an object is, by its annotations. `text` is its document.
#[must_use]
pub fn role(object: &Object, text: &str) -> Role {
    let Some(words) = object.annotation(HOOK) else {
        return Role::Part;
    };
    let mut events = Vec::new();
    for word in words.split(',') {
        let Some(event) = Event::parse(word) else {
            return Role::Unknown {
                event: word.trim().to_owned(),
            };
        };
        events.push(event.as_str().to_owned());
    }
    let list = |annotation| -> Vec<String> {
        object.annotation(annotation).map_or_else(Vec::new, |list| {
            list.split(',')
                .map(|word| word.trim().to_ascii_lowercase())
                .collect()
        })
    };
    let mut hook = Hook::default();
    hook.name = object.name().to_owned();
    hook.kind = object.kind().to_owned();
    hook.path = object.source.clone();
    hook.manifest = text.to_owned();
    hook.events = events;
    hook.weight = weight(object);
    hook.delete_policies = list(DELETE_POLICY);
    hook.output_log_policies = list(OUTPUT_LOG_POLICY);
    Role::Hook(Box::new(hook))
}

/// Tells hooks from parts of the release, as Helm does it with what post-renderers leave: an annotation may make one of the other.
///
/// # Errors
/// When a document holds no objects.
pub fn separate(documents: Vec<Document>) -> Result<Separated, ReadManifest> {
    let mut separated = Separated::default();
    let mut parts = Vec::new();
    for document in documents {
        let value = document.read()?;
        let is_list = value.get("items").is_some_and(Value::is_array);
        let kind = value.get("kind").and_then(Value::as_str);
        let kind = kind.unwrap_or_default().to_owned();
        let objects = document.objects_of(value)?;
        // A list is a part, whatever is in it.
        let ([object], false) = (objects.as_slice(), is_list) else {
            parts.push((kind, document));
            continue;
        };
        match role(object, &document.text) {
            Role::Part => parts.push((kind, document)),
            Role::Hook(hook) => separated.hooks.push(*hook),
            Role::Unknown { event } => separated.left_out.push(LeftOut {
                source: document.source,
                event,
            }),
        }
    }
    order::for_install(&mut parts, |(kind, _)| kind);
    separated.parts = parts.into_iter().map(|(_, document)| document).collect();
    sort(&mut separated.hooks);
    Ok(separated)
}

/// Go reads a sign and digits, and nothing else; what it cannot read weighs nothing.
fn weight(object: &Object) -> i64 {
    object
        .annotation(WEIGHT)
        .and_then(|weight| weight.parse().ok())
        .unwrap_or_default()
}

/// The objects of a hook: one, as a rule.
///
/// # Errors
/// When its text is none.
pub fn objects(hook: &Hook) -> Result<Vec<Object>, ReadManifest> {
    let document = Document::new(&hook.path, &hook.manifest);
    document.objects_of(document.read_alone()?)
}

/// The order in which Helm keeps the hooks of a record.
pub fn sort(hooks: &mut [Hook]) {
    order::for_install(hooks, |hook| &hook.kind);
}

/// Places of the hooks of an event, in the order in which they run: by weight, then by name; hooks equal in both keep the order of
/// the record, which is that of their kinds. A hook that names an event twice runs once; with Helm it runs twice.
#[must_use]
pub fn of(hooks: &[Hook], event: Event) -> Vec<usize> {
    let mut places: Vec<(usize, &Hook)> = hooks
        .iter()
        .enumerate()
        .filter(|(_, hook)| {
            hook.events
                .iter()
                .any(|word| Event::parse(word) == Some(event))
        })
        .collect();
    places.sort_by(|(_, a), (_, b)| (a.weight, &a.name).cmp(&(b.weight, &b.name)));
    places.into_iter().map(|(place, _)| place).collect()
}

/// Places of the tests that run: [`of`] without those that the wish leaves out. A name in both of its lists is left out.
#[must_use]
pub fn tests_of(hooks: &[Hook], test: &Test) -> Vec<usize> {
    let runs = |place: &usize| {
        let name = hooks.get(*place).map_or("", |hook| hook.name.as_str());
        let listed = |names: &[String]| names.iter().any(|listed| listed == name);
        (test.only.is_empty() || listed(&test.only)) && !listed(&test.except)
    };
    of(hooks, Event::Test).into_iter().filter(runs).collect()
}

/// How many tests a revision has that run: [`Situation::tests`](crate::situation::Situation::tests).
#[must_use]
pub fn tests(hooks: &[Hook], wish: &Wish) -> usize {
    let test = wish.policy.test.as_ref();
    test.map_or(0, |test| tests_of(hooks, test).len())
}

/// Whether a policy deletes a hook. CustomResourceDefinitions are never deleted: all objects of their kinds would go with them.
#[must_use]
pub fn deletes(hook: &Hook, policy: DeletePolicy) -> bool {
    if hook.kind == "CustomResourceDefinition" {
        return false;
    }
    if hook.delete_policies.is_empty() {
        return policy == DeletePolicy::BeforeHookCreation;
    }
    hook.delete_policies
        .iter()
        .any(|word| word == policy.as_str())
}

/// Whether the output of a hook that ended is to be shown: of Jobs and Pods, where their policy says so.
#[must_use]
pub fn shows_output(hook: &Hook, succeeded: bool) -> bool {
    let wanted = if succeeded {
        "hook-succeeded"
    } else {
        "hook-failed"
    };
    matches!(hook.kind.as_str(), "Job" | "Pod")
        && hook.output_log_policies.iter().any(|word| word == wanted)
}

#[cfg(test)]
mod tests;
