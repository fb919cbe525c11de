//! What people do.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oarlock_config::document::{KeyPath, Problem, suggest};
use serde_json::{Map, Value};

use super::{Reading, raw};
use crate::simulate::manifests::{self, Manifest};
use crate::steer::{Reach, Wish};

/// Something that somebody does at a time.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) at: Duration,
    pub(crate) deed: Deed,
}

/// What is done.
#[derive(Debug)]
pub(crate) enum Deed {
    /// `kubectl apply --server-side`.
    Apply(PathBuf, Vec<Manifest>),
    /// `kubectl patch --type merge`.
    Patch(Patch),
    /// `oarlock promote` and its kin.
    Steer(Place, Wish),
    /// `kubectl delete --wait=false`.
    Delete(PathBuf, Vec<Manifest>),
}

/// One object.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A merge patch of one object.
#[derive(Debug)]
pub(crate) struct Patch {
    pub(crate) place: Place,
    pub(crate) merge: Map<String, Value>,
    file: Option<PathBuf>,
}

impl Change {
    /// The file that it names.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.deed {
            Deed::Apply(file, _) | Deed::Delete(file, _) => Some(file),
            Deed::Patch(patch) => patch.file.as_deref(),
            Deed::Steer(..) => None,
        }
    }

    /// Objects that it applies.
    pub(crate) fn applied(&self) -> &[Manifest] {
        match &self.deed {
            Deed::Apply(_, manifests) => manifests,
            Deed::Patch(_) | Deed::Steer(..) | Deed::Delete(..) => &[],
        }
    }
}

/// `KIND/NAME`, as it is written.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A wish as scenarios write it.
const fn word(wish: Wish) -> &'static str {
    match wish {
        Wish::Promote(Reach::Full) => "promoteFully",
        Wish::Promote(Reach::Current | Reach::Step(_)) => "promote",
        Wish::Abort => "abort",
        Wish::Retry => "retry",
        Wish::Pause => "pause",
        Wish::Resume => "resume",
    }
}

/// Every wish of a scenario.
const WISHES: [Wish; 6] = [
    Wish::Promote(Reach::Current),
    Wish::Promote(Reach::Full),
    Wish::Abort,
    Wish::Retry,
    Wish::Pause,
    Wish::Resume,
];

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |file: &Path| {
            let name = file.file_name().unwrap_or(file.as_os_str());
            name.to_string_lossy().into_owned()
        };
        match self {
            Self::Apply(file, _) => write!(f, "apply {}", name(file)),
            Self::Delete(file, _) => write!(f, "delete {}", name(file)),
            Self::Steer(place, wish) => write!(f, "{} {place}", word(*wish)),
            Self::Patch(patch) => {
                write!(f, "patch {} ", patch.place)?;
                match &patch.file {
                    Some(file) => f.write_str(&name(file)),
                    None => write!(f, "{}", Value::Object(patch.merge.clone())),
                }
            }
        }
    }
}

impl Reading<'_> {
    pub(super) fn change(&mut self, path: &KeyPath, raw: raw::Change) -> Option<Change> {
        let at = raw.at.and_then(|at| {
            let at = at.duration();
            self.document.ok(&path.key("at"), at)
        });
        let deed = match (raw.apply, raw.patch, raw.steer, raw.delete) {
            (Some(file), None, None, None) => {
                let (file, manifests) = self.manifests(&path.key("apply"), &file)?;
                Deed::Apply(file, manifests)
            }
            (None, Some(patch), None, None) => Deed::Patch(self.patch(&path.key("patch"), patch)?),
            (None, None, Some(steer), None) => self.steer(&path.key("steer"), steer)?,
            (None, None, None, Some(file)) => {
                let (file, manifests) = self.manifests(&path.key("delete"), &file)?;
                Deed::Delete(file, manifests)
            }
            (None, None, None, None) if self.document.is_faulty(path) => return None,
            (None, None, None, None) => {
                let problem =
                    Problem::new("nothing is done").expected("apply, patch, steer or delete");
                self.document.error(path, problem);
                return None;
            }
            _ => {
                let problem = Problem::new("more than one thing is done")
                    .expected("one of apply, patch, steer and delete")
                    .hint("several changes may have the same time; they happen in the order of the file");
                self.document.error(path, problem);
                return None;
            }
        };
        Some(Change { at: at?, deed })
    }

    fn manifests(&mut self, path: &KeyPath, file: &str) -> Option<(PathBuf, Vec<Manifest>)> {
        let file = self.beside.join(file);
        let manifests = manifests::read_file(&file).map_err(|error| problem(&error));
        Some((file, self.document.ok(path, manifests)?))
    }

    fn place(
        &mut self,
        path: &KeyPath,
        target: Option<String>,
        namespace: Option<String>,
    ) -> Option<Place> {
        let text = target?;
        let target = text
            .split_once('/')
            .filter(|(kind, name)| !kind.is_empty() && !name.is_empty() && !name.contains('/'));
        let Some((kind, name)) = target else {
            let problem = Problem::new(format!("{text:?} is no object"))
                .expected("KIND/NAME such as Deployer/nginx");
            self.document.error(&path.key("target"), problem);
            return None;
        };
        Some(Place {
            kind: kind.to_owned(),
            namespace: namespace.unwrap_or_else(|| "default".to_owned()),
            name: name.to_owned(),
        })
    }

    fn steer(&mut self, path: &KeyPath, raw: raw::RawSteer) -> Option<Deed> {
        let place = self.place(path, raw.target, raw.namespace);
        let text = raw.wish?;
        let Some(wish) = WISHES.into_iter().find(|wish| word(*wish) == text) else {
            let meant = suggest(&text, raw::WISHES).map(|meant| format!("did you mean {meant:?}?"));
            let problem = Problem::new(format!("{text:?} cannot be wished"))
                .expected(format!("one of: {}", raw::WISHES.join(", ")))
                .maybe_hint(meant);
            self.document.error(&path.key("wish"), problem);
            return None;
        };
        Some(Deed::Steer(place?, wish))
    }

    fn patch(&mut self, path: &KeyPath, raw: raw::RawPatch) -> Option<Patch> {
        let place = self.place(path, raw.target, raw.namespace)?;
        let (merge, file) = match (raw.merge, raw.file) {
            (Some(merge), None) => (merge, None),
            (None, Some(file)) => {
                let file = self.beside.join(file);
                let merge = manifests::read_mapping(&file).map_err(|error| problem(&error));
                (self.document.ok(&path.key("file"), merge)?, Some(file))
            }
            _ if self.document.is_faulty(path) => return None,
            _ => {
                let problem = Problem::new("one patch is needed").expected("merge or file");
                self.document.error(path, problem);
                return None;
            }
        };
        Some(Patch { place, merge, file })
    }
}

/// The error with its causes, in one line; a hint stays a hint.
fn problem(error: &anyhow::Error) -> Problem {
    let text = format!("{error:#}");
    match text.split_once("; hint: ") {
        Some((text, hint)) => Problem::new(text).hint(hint),
        None => Problem::new(text),
    }
}
