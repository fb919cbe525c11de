//! Other images for rendered objects, as kustomize's `images` gives them.

use regex_lite::Regex;
use serde_json::Value;

use crate::manifest::Object;

/// One image, and what becomes of it.
#[derive(Debug)]
pub struct Rewrite {
    image: Regex,
    name: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
}

/// An image reference, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Registry, port and path.
    pub name: &'a str,
    /// Without its colon.
    pub tag: Option<&'a str>,
    /// With its algorithm.
    pub digest: Option<&'a str>,
}

/// Lists whose elements have an `image`.
const CONTAINERS: &[&str] = &["containers", "initContainers", "ephemeralContainers"];

impl<'a> Image<'a> {
    /// Of `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
    #[must_use]
    pub fn parse(reference: &'a str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash is that of a port.
        let path = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.get(path..).and_then(|last| last.find(':')) {
            Some(colon) => (
                rest.get(..path + colon).unwrap_or(rest),
                rest.get(path + colon + 1..),
            ),
            None => (rest, None),
        };
        Self { name, tag, digest }
    }
}

impl Rewrite {
    /// Of the image `name`, which kustomize reads as a regular expression: a name without special letters is itself. Empty texts say
    /// nothing.
    ///
    /// # Errors
    /// When the name is no regular expression.
    pub fn new(
        name: &str,
        new_name: Option<&str>,
        new_tag: Option<&str>,
        digest: Option<&str>,
    ) -> Result<Self, String> {
        let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let image = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        Ok(Self {
            image: Regex::new(&image).map_err(|error| error.to_string())?,
            name: said(new_name),
            tag: said(new_tag),
            digest: said(digest),
        })
    }

    /// What becomes of a reference; none where another image is meant. A new tag or digest replaces both.
    #[must_use]
    pub fn rewritten(&self, reference: &str) -> Option<String> {
        if !self.image.is_match(reference) {
            return None;
        }
        let image = Image::parse(reference);
        let (tag, digest) = match (self.tag.as_deref(), self.digest.as_deref()) {
            (None, None) => (image.tag, image.digest),
            new => new,
        };
        let mut rewritten = self.name.as_deref().unwrap_or(image.name).to_owned();
        for (sign, part) in [(':', tag), ('@', digest)] {
            if let Some(part) = part {
                rewritten.push(sign);
                rewritten.push_str(part);
            }
        }
        Some(rewritten)
    }

    /// Rewrites the images of an object, wherever it has containers: of pods, templates, CronJobs, and of kinds that nobody knows.
    /// Definitions of kinds are left alone: theirs are fields of schemas. Tells whether anything changed.
    pub fn apply(&self, object: &mut Object) -> bool {
        if object.kind() == "CustomResourceDefinition" {
            return false;
        }
        let mut changed = false;
        for value in object.content.values_mut() {
            self.walk(value, &mut changed);
        }
        // Pods as they are, without anything around their containers.
        for list in CONTAINERS {
            if let Some(containers) = object.content.get_mut(*list) {
                self.containers(containers, &mut changed);
            }
        }
        changed
    }

    fn walk(&self, value: &mut Value, changed: &mut bool) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if CONTAINERS.contains(&name.as_str()) {
                        self.containers(value, changed);
                    } else if name == "volumes" {
                        self.volumes(value, changed);
                    }
                    self.walk(value, changed);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(item, changed);
                }
            }
            _ => {}
        }
    }

    fn containers(&self, containers: &mut Value, changed: &mut bool) {
        for container in containers.as_array_mut().into_iter().flatten() {
            self.text(container.get_mut("image"), changed);
        }
    }

    /// Volumes that are images themselves.
    fn volumes(&self, volumes: &mut Value, changed: &mut bool) {
        for volume in volumes.as_array_mut().into_iter().flatten() {
            self.text(volume.pointer_mut("/image/reference"), changed);
        }
    }

    fn text(&self, text: Option<&mut Value>, changed: &mut bool) {
        if let Some(Value::String(reference)) = text
            && let Some(rewritten) = self.rewritten(reference)
            && rewritten != *reference
        {
            *reference = rewritten;
            *changed = true;
        }
    }
}

#[cfg(test)]
mod tests;
