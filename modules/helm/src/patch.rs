//! What somebody wants to have done to rendered objects before they are applied: patches, other images, metadata for all.
//!
//! Follows kustomize, as these settings come from there. Documents that nothing is done to keep their text.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::images;
use crate::manifest::{Document, Object, ReadManifest, split, yaml};
use crate::wish::{Common, Post};

mod json;
mod shape;
mod strategic;
mod target;

pub use target::{Selector, WrongTarget};

/// Why rendered objects could not be changed.
#[derive(Debug, Error)]
pub enum ApplyPost {
    /// The output of the chart is no objects.
    #[error(transparent)]
    Read(ReadManifest),
    /// A target that selects nothing, ever.
    #[error("post-renderer {post}: {wrong}")]
    Target {
        /// Place in the list, counted from 1.
        post: usize,
        /// What is wrong with it.
        wrong: WrongTarget,
    },
    /// The text of a patch is no patch.
    #[error("post-renderer {post}: unable to parse SM or JSON patch: {why}")]
    Parse {
        /// Place in the list, counted from 1.
        post: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A patch for nobody.
    #[error("post-renderer {post}: {why}")]
    Nobody {
        /// Place in the list, counted from 1.
        post: usize,
        /// Whom it is for.
        why: String,
    },
    /// A patch that does not fit.
    #[error("post-renderer {post}: {kind} {name:?}: {why}")]
    Fit {
        /// Place in the list, counted from 1.
        post: usize,
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What does not fit.
        why: String,
    },
    /// The name of an image that is no regular expression.
    #[error("post-renderer {post}: image {name:?}: {why}")]
    Image {
        /// Place in the list, counted from 1.
        post: usize,
        /// The name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A rendered object, and what became of it.
struct Rendered {
    /// Place of its document.
    document: usize,
    /// None where a patch deleted it.
    object: Option<Object>,
    changed: bool,
}

/// Does all that is wanted, in order, and puts the common metadata on top. `namespace` is that of the release: where an object names
/// none, that is its namespace for targets. (For kustomize it is `default`, wherever the object goes.)
///
/// # Errors
/// At the first thing that cannot be done. Nothing is half done: the documents are as they were.
pub fn apply(
    documents: &[Document],
    posts: &[Post],
    common: &Common,
    namespace: &str,
) -> Result<Vec<Document>, ApplyPost> {
    if posts.is_empty() && common.labels.is_empty() && common.annotations.is_empty() {
        return Ok(documents.to_vec());
    }
    let mut rendered = Vec::new();
    for (place, document) in documents.iter().enumerate() {
        for object in document.objects().map_err(ApplyPost::Read)? {
            rendered.push(Rendered {
                document: place,
                object: Some(object),
                changed: false,
            });
        }
    }
    for (place, post) in posts.iter().enumerate() {
        one(&mut rendered, post, place + 1, namespace)?;
    }
    for rendered in &mut rendered {
        rendered.label(common);
    }
    Ok(written(documents, &rendered))
}

/// Documents of which no object changed are as they were; the others become one document for each object.
fn written(documents: &[Document], rendered: &[Rendered]) -> Vec<Document> {
    let mut written = Vec::new();
    for (place, document) in documents.iter().enumerate() {
        let mut inside = rendered
            .iter()
            .filter(|rendered| rendered.document == place);
        if inside.clone().any(|rendered| rendered.changed) {
            written.extend(
                inside
                    .filter_map(|rendered| rendered.object.as_ref())
                    .map(Object::document),
            );
        } else if inside.next().is_some() || !document.text.trim().is_empty() {
            written.push(document.clone());
        }
    }
    written
}

fn one(
    rendered: &mut [Rendered],
    post: &Post,
    place: usize,
    namespace: &str,
) -> Result<(), ApplyPost> {
    match post {
        Post::Patch { target, patch } => {
            let selector = Selector::parse(target)
                .map_err(|wrong| ApplyPost::Target { post: place, wrong })?;
            let patch = parsed(patch, place)?;
            if selector.says_nothing() {
                return by_names(rendered, &patch, place, namespace);
            }
            let mut selected = rendered.iter_mut().filter(|rendered| {
                let object = rendered.object.as_ref();
                object.is_some_and(|object| selector.selects(object, namespace))
            });
            match patch {
                Patch::Json(operations) => selected.try_for_each(|rendered| {
                    rendered.change(place, |content| json::apply(content, &operations))
                }),
                Patch::Strategic(patches) => {
                    let [patch] = patches.as_slice() else {
                        return Err(ApplyPost::Parse {
                            post: place,
                            why: String::from(
                                "multiple strategic merge patches in one entry cannot have a target",
                            ),
                        });
                    };
                    selected.try_for_each(|rendered| rendered.merge(patch, place))
                }
            }
        }
        Post::Image {
            name,
            new_name,
            new_tag,
            digest,
        } => {
            let rewrite = images::Rewrite::new(
                name,
                new_name.as_deref(),
                new_tag.as_deref(),
                digest.as_deref(),
            )
            .map_err(|why| ApplyPost::Image {
                post: place,
                name: name.clone(),
                why,
            })?;
            for rendered in rendered {
                if let Some(object) = &mut rendered.object {
                    rendered.changed |= rewrite.apply(object);
                }
            }
            Ok(())
        }
    }
}

/// The text of a patch.
enum Patch {
    Json(Vec<json::Operation>),
    Strategic(Vec<Map<String, Value>>),
}

fn parsed(text: &str, post: usize) -> Result<Patch, ApplyPost> {
    let wrong = |why: String| ApplyPost::Parse { post, why };
    let mut patches = Vec::new();
    for document in split(text) {
        let value = yaml::read(&document.text)
            .map_err(|error| wrong(format!("yaml: line {}: {}", error.line, error.message)))?;
        match value {
            Value::Null => {}
            Value::Object(patch) => patches.push(patch),
            Value::Array(_) if patches.is_empty() => {
                return serde_json::from_value(value)
                    .map(Patch::Json)
                    .map_err(|error| wrong(error.to_string()));
            }
            _ => {
                return Err(wrong(String::from(
                    "it is neither an object nor a list of operations",
                )));
            }
        }
    }
    if patches.is_empty() {
        return Err(wrong(String::from("it is empty")));
    }
    Ok(Patch::Strategic(patches))
}

/// Patches without target name their objects themselves.
fn by_names(
    rendered: &mut [Rendered],
    patch: &Patch,
    post: usize,
    namespace: &str,
) -> Result<(), ApplyPost> {
    match patch {
        Patch::Json(_) => Err(ApplyPost::Nobody {
            post,
            why: String::from("must specify a target for JSON patch"),
        }),
        Patch::Strategic(patches) => patches
            .iter()
            .try_for_each(|patch| by_name(rendered, patch, post, namespace)),
    }
}

fn by_name(
    rendered: &mut [Rendered],
    patch: &Map<String, Value>,
    post: usize,
    namespace: &str,
) -> Result<(), ApplyPost> {
    let named = Object {
        source: String::new(),
        content: patch.clone(),
    };
    let id = |object: &Object| {
        (
            object.group().to_owned(),
            object.kind().to_owned(),
            object.namespace().unwrap_or(namespace).to_owned(),
            object.name().to_owned(),
        )
    };
    let wanted = id(&named);
    let found = rendered.iter_mut().find(|rendered| {
        rendered
            .object
            .as_ref()
            .is_some_and(|object| id(object) == wanted)
    });
    match found {
        Some(rendered) => rendered.merge(patch, post),
        None => Err(ApplyPost::Nobody {
            post,
            why: format!(
                "no resource matches strategic merge patch {} {:?} in namespace {:?}",
                named.kind(),
                named.name(),
                named.namespace().unwrap_or(namespace)
            ),
        }),
    }
}

impl Rendered {
    /// Changes the content, or leaves it as it was.
    fn change(
        &mut self,
        post: usize,
        change: impl FnOnce(&mut Map<String, Value>) -> Result<(), String>,
    ) -> Result<(), ApplyPost> {
        let Some(object) = &mut self.object else {
            return Ok(());
        };
        let mut content = object.content.clone();
        change(&mut content).map_err(|why| ApplyPost::Fit {
            post,
            kind: object.kind().to_owned(),
            name: object.name().to_owned(),
            why,
        })?;
        self.changed |= content != object.content;
        object.content = content;
        Ok(())
    }

    /// A strategic merge patch: the object stays who it is, whatever the patch calls it.
    fn merge(&mut self, patch: &Map<String, Value>, post: usize) -> Result<(), ApplyPost> {
        let Some(object) = &self.object else {
            return Ok(());
        };
        let shape = shape::of(object.group(), object.kind());
        let mut is_deleted = false;
        self.change(post, |content| {
            let before = content.clone();
            is_deleted = !strategic::merge(content, patch, shape)?;
            for key in ["apiVersion", "kind"] {
                restore(content, &before, key);
            }
            let empty = Map::new();
            let metadata = before.get("metadata").and_then(Value::as_object);
            if let Some(Value::Object(now)) = content.get_mut("metadata") {
                for key in ["name", "generateName", "namespace"] {
                    restore(now, metadata.unwrap_or(&empty), key);
                }
            }
            Ok(())
        })?;
        if is_deleted {
            self.object = None;
            self.changed = true;
        }
        Ok(())
    }

    fn label(&mut self, common: &Common) {
        let Some(object) = &mut self.object else {
            return;
        };
        for (map, entries) in [
            ("labels", &common.labels),
            ("annotations", &common.annotations),
        ] {
            for (key, value) in entries {
                object.mark(map, key, value);
                self.changed = true;
            }
        }
    }
}

fn restore(now: &mut Map<String, Value>, before: &Map<String, Value>, key: &str) {
    match before.get(key) {
        Some(value) => now.insert(key.to_owned(), value.clone()),
        None => now.remove(key),
    };
}

#[cfg(test)]
mod tests;
