//! What becomes of all images of an object in one run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Choice, Image, Policy, Undecided, override_values};
use crate::state::{Is, Note, rfc3339};

/// The condition that tells of images.
pub const CONDITION: &str = "ImagesCurrent";

/// An image in `.status.images`: what has to survive, so that a registry that is down takes nothing back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// What annotations call it.
    pub container: String,
    /// Registry and path.
    pub image: String,
    /// The tag that the values have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The tag that it is released with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The filter that it follows.
    pub policy: String,
    /// The newest release that there is, whatever the filter leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// When it got its tag, RFC 3339; none while it is the one that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// What becomes of all images of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// For `.status.images`.
    pub images: Vec<Entry>,
    /// What lies over the object's values; none where they are right.
    pub over: Option<Map<String, Value>>,
    /// What [`CONDITION`] says.
    pub note: Note,
    /// Images that got other tags than they had: one Event each.
    pub updates: Vec<Update>,
}

/// An image that got another tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Unique per occurrence and object, and the same when the run is repeated.
    pub key: String,
    /// For people.
    pub message: String,
}

/// Why a registry gave no tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It cannot be reached.
    Unavailable(String),
    /// It does not give them, or may not be asked.
    Refused(String),
}

/// What does not go well.
struct Problem {
    reason: &'static str,
    message: String,
}

impl Policy {
    /// Gives every image its tag. `before` is what `.status.images` has, `now` is in milliseconds since 1970, and `tags` asks for
    /// the tags of an image, of each repository once.
    ///
    /// Where no tag can be chosen, the one stays that was chosen last, unless another one was written since.
    pub fn settle(
        &self,
        values: &Map<String, Value>,
        before: &[Entry],
        now: u64,
        mut tags: impl FnMut(&Image) -> Result<Vec<String>, Unread>,
    ) -> Settled {
        let found = self.images(values);
        let mut asked: BTreeMap<(String, Option<String>), Result<Vec<String>, Unread>> =
            BTreeMap::new();
        let mut problems = Vec::new();
        let mut updates = Vec::new();
        let mut entries = Vec::new();
        for image in &found.images {
            let last = before
                .iter()
                .find(|last| last.container == image.container && last.image == image.name());
            let kept = last.filter(|last| last.written == image.tag);
            let running = kept.map_or(&image.tag, |kept| &kept.tag).clone();
            let choice = match self.locked() {
                Some(_) => None,
                None => {
                    let key = (image.source(), image.secret.clone());
                    let tags = asked.entry(key).or_insert_with(|| tags(image));
                    self.decide(image, tags, running.as_deref())
                        .map_err(|problem| problems.push(problem.stays(image, running.as_deref())))
                        .ok()
                }
            };
            let (tag, newest) = match choice {
                Some(Choice { tag, newest }) => (Some(tag), newest),
                None => (running, kept.and_then(|kept| kept.newest.clone())),
            };
            let had = last.map_or(&image.tag, |last| &last.tag);
            let moved = tag != *had;
            let since = match (moved, last) {
                (true, _) if tag == image.tag => None,
                (true, _) => Some(rfc3339(now)),
                (false, last) => last.and_then(|last| last.since.clone()),
            };
            let entry = Entry {
                container: image.container.clone(),
                image: image.name(),
                written: image.tag.clone(),
                tag,
                policy: self.filter(&image.container).to_string(),
                newest,
                since,
            };
            if moved {
                updates.push(Update::of(&entry, had.as_deref(), last));
            }
            entries.push(entry);
        }
        let chosen = found
            .images
            .iter()
            .zip(&entries)
            .filter_map(|(image, entry)| Some((image, entry.tag.as_deref()?)));
        Settled {
            over: override_values(chosen),
            note: self.note(&entries, &problems, &found.warnings),
            images: entries,
            updates,
        }
    }

    fn decide(
        &self,
        image: &Image,
        tags: &Result<Vec<String>, Unread>,
        running: Option<&str>,
    ) -> Result<Choice, Problem> {
        let tags = tags.as_ref().map_err(|unread| match unread {
            Unread::Unavailable(message) => Problem::new("RegistryUnavailable", message),
            Unread::Refused(message) => Problem::new("RegistryRefused", message),
        })?;
        self.choose(image, tags, running)
            .map_err(|undecided| match undecided {
                Undecided::NoMatch { .. } => Problem::new("NoTagMatches", &undecided),
                Undecided::NoOrder { .. } => Problem::new("NoOrder", &undecided),
            })
    }

    fn note(&self, entries: &[Entry], problems: &[Problem], warnings: &[String]) -> Note {
        if let Some(why) = self.locked() {
            return Note::new(
                Is::Unknown,
                "Locked",
                format!("{why}; all images stay as they are"),
            );
        }
        if let Some(first) = problems.first() {
            let all = problems.iter().map(|problem| &problem.message);
            let all: Vec<&str> = all.chain(warnings).map(String::as_str).collect();
            return Note::new(Is::False, first.reason, all.join("\n"));
        }
        if !warnings.is_empty() {
            return Note::new(Is::False, "NotFollowed", warnings.join("\n"));
        }
        if entries.is_empty() {
            return Note::new(
                Is::False,
                "NoImages",
                "the object's own values have no image; hint: write it there, or name its place with repository.fluxcd.io/NAME",
            );
        }
        let all: Vec<String> = entries.iter().map(Entry::told).collect();
        Note::new(Is::True, "Current", all.join("\n"))
    }
}

/// What [`CONDITION`] says of an object that is automated no more; none where it never was.
#[must_use]
pub fn ended(before: &[Entry]) -> Option<Note> {
    (!before.is_empty()).then(|| {
        Note::new(
            Is::False,
            "Over",
            "images are those of the values; they follow no registry any more",
        )
    })
}

impl Entry {
    /// `container: image:tag by policy`.
    fn told(&self) -> String {
        let Self {
            container,
            image,
            policy,
            ..
        } = self;
        let newest = self
            .newest
            .as_ref()
            .filter(|newest| self.tag.as_ref() != Some(newest))
            .map_or_else(String::new, |newest| format!(", newest release {newest}"));
        let tag = shown(self.tag.as_deref());
        format!("{container}: {image}{tag} ({policy}{newest})")
    }
}

impl Update {
    fn of(entry: &Entry, had: Option<&str>, last: Option<&Entry>) -> Self {
        let Entry {
            container,
            image,
            policy,
            ..
        } = entry;
        let tag = shown(entry.tag.as_deref());
        // What was before is in the status, also when the run is repeated.
        let since = last.and_then(|last| last.since.as_deref()).unwrap_or("0");
        Self {
            key: format!("image/{container}/{since}{tag}"),
            message: format!("{container}: {image}{} → {tag} ({policy})", shown(had)),
        }
    }
}

impl Problem {
    fn new(reason: &'static str, message: impl ToString) -> Self {
        Self {
            reason,
            message: message.to_string(),
        }
    }

    fn stays(self, image: &Image, running: Option<&str>) -> Self {
        let stays = match running {
            Some(tag) => format!("{}:{tag} stays", image.name()),
            None => format!("{} stays as the chart has it", image.name()),
        };
        Self {
            message: format!("{}: {stays}: {}", image.container, self.message),
            ..self
        }
    }
}

fn shown(tag: Option<&str>) -> String {
    tag.map_or_else(String::new, |tag| format!(":{tag}"))
}
