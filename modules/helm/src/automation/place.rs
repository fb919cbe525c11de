//! Where images are in values, in all the ways in which charts write them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{CHART_IMAGE, Paths, name};
use crate::images;

/// An image in the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What annotations call it.
    pub container: String,
    /// Host of its registry, and port where it is not the usual one.
    pub registry: String,
    /// Path in its registry.
    pub repository: String,
    /// Its tag as it is written; none where it is not, such as where the chart has it.
    pub tag: Option<String>,
    /// Secret that opens the registry.
    pub secret: Option<String>,
    writes: Vec<Write>,
    within: Vec<String>,
}

/// What is written where for another tag.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Write {
    path: Vec<String>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// The tag.
    Tag,
    /// This name, a colon, and the tag.
    Reference(String),
    /// This name alone: its tag is elsewhere.
    Name(String),
}

/// An image as it is written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    registry: Option<String>,
    /// As it stands there.
    text: String,
    /// What stands beside it.
    tag: Option<String>,
    pinned: bool,
    writes: Vec<Write>,
    within: Vec<String>,
}

impl Image {
    /// `registry/repository`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// As a source of tags: `oci://registry/repository`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("oci://{}/{}", self.registry, self.repository)
    }

    /// Gives it a tag in what lies over the values.
    pub(super) fn set(&self, over: &mut Map<String, Value>, tag: &str) {
        for Write { path, what } in &self.writes {
            let text = match what {
                What::Tag => tag.to_owned(),
                What::Reference(name) => format!("{name}:{tag}"),
                What::Name(name) => name.clone(),
            };
            put(over, path, text);
        }
    }
}

impl Draft {
    /// The image.
    ///
    /// # Errors
    /// Why it cannot follow any tag.
    pub(super) fn finish(self, container: &str) -> Result<Image, String> {
        let parsed = images::Image::parse(&self.text);
        if parsed.digest.is_some() || self.pinned {
            return Err(format!(
                "{} is pinned by a digest and stays as it is; hint: take the digest away",
                self.text
            ));
        }
        let (registry, repository) = name::address(self.registry.as_deref(), parsed.name)?;
        Ok(Image {
            container: container.to_owned(),
            registry,
            repository,
            tag: self.tag.or_else(|| parsed.tag.map(str::to_owned)),
            secret: None,
            writes: self.writes,
            within: self.within,
        })
    }
}

/// The images that the first Flux sees: at the top of the values, and one below.
pub(super) fn usual(values: &Map<String, Value>) -> BTreeMap<String, Draft> {
    let below = values.iter().filter_map(|(key, value)| {
        let draft = container(value.as_object()?, vec![key.clone()])?;
        Some((key.clone(), draft))
    });
    let mut images: BTreeMap<_, _> = below.collect();
    if let Some(top) = container(values, Vec::new()) {
        images.insert(CHART_IMAGE.to_owned(), top);
    }
    images
}

/// An image further below, at a path with dots.
pub(super) fn deeper(values: &Map<String, Value>, path: &str) -> Option<Draft> {
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    container(at(values, &path)?.as_object()?, path)
}

/// An image whose parts are at named places.
pub(super) fn mapped(values: &Map<String, Value>, paths: &Paths) -> Result<Draft, String> {
    // As with JSON pointers, a dot within a name is written otherwise.
    let split = |path: &str| -> Vec<String> {
        path.split('.')
            .map(|part| part.replace("~1", ".").replace("~0", "~"))
            .collect()
    };
    let text = |path: &Option<String>| -> Result<Option<String>, String> {
        let Some(path) = path else { return Ok(None) };
        match at(values, &split(path)) {
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            _ => Err(format!("the values have no text at {path}")),
        }
    };
    let Paths {
        registry,
        repository,
        tag,
    } = paths;
    let place = repository.as_deref().map(split).unwrap_or_default();
    Ok(Draft::new(
        text(registry)?,
        text(repository)?.unwrap_or_default(),
        place,
        tag.as_deref().map(|path| {
            let path = split(path);
            (at(values, &path).and_then(tag_of), path)
        }),
    ))
}

/// Secret that opens the registry of an image, where the values name one as charts do.
pub(super) fn secret(values: &Map<String, Value>, image: &Image) -> Option<String> {
    let here = |rest: &[&str]| -> Vec<String> {
        let rest = rest.iter().map(|part| (*part).to_owned());
        image.within.iter().cloned().chain(rest).collect()
    };
    let there = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect();
    [
        here(&["image", "pullSecrets"]),
        here(&["image", "imagePullSecrets"]),
        here(&["imagePullSecrets"]),
        there(&["imagePullSecrets"]),
        there(&["global", "imagePullSecrets"]),
    ]
    .iter()
    .find_map(|path: &Vec<String>| {
        let first = at(values, path)?.as_array()?.first()?;
        let name = first.get("name").unwrap_or(first).as_str()?;
        (!name.is_empty()).then(|| name.to_owned())
    })
}

impl Draft {
    /// Of a registry, a name that may have a tag, its place, and a tag beside it with its place.
    fn new(
        registry: Option<String>,
        text: String,
        place: Vec<String>,
        tag: Option<(Option<String>, Vec<String>)>,
    ) -> Self {
        let parsed = images::Image::parse(&text);
        let name = parsed.name.to_owned();
        let write = |path, what| Write { path, what };
        let (tag, writes) = match tag {
            None => (None, vec![write(place, What::Reference(name))]),
            Some((tag, path)) => {
                let mut writes = vec![write(path, What::Tag)];
                if parsed.tag.is_some() {
                    writes.push(write(place, What::Name(name)));
                }
                (tag, writes)
            }
        };
        Self {
            registry,
            text,
            tag,
            pinned: false,
            writes,
            within: Vec::new(),
        }
    }
}

/// Of what may have an image.
fn container(fields: &Map<String, Value>, within: Vec<String>) -> Option<Draft> {
    let place = |rest: &[&str]| -> Vec<String> {
        let rest = rest.iter().map(|part| (*part).to_owned());
        within.iter().cloned().chain(rest).collect()
    };
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let draft = match fields.get("image")? {
        Value::String(image) if !image.is_empty() => {
            let tag = fields.get("tag").filter(|tag| is_tag(tag));
            Draft {
                pinned: text(fields.get("digest")).is_some(),
                ..Draft::new(
                    text(fields.get("registry")),
                    image.clone(),
                    place(&["image"]),
                    tag.map(|tag| (tag_of(tag), place(&["tag"]))),
                )
            }
        }
        Value::Object(image) => {
            let name = text(image.get("repository"))?;
            let tag = image.get("tag");
            // A name that has its tag in it is that of a chart that knows no other place for it.
            let within_name = tag.is_none() && images::Image::parse(&name).tag.is_some();
            Draft {
                pinned: text(image.get("digest")).is_some(),
                ..Draft::new(
                    text(image.get("registry")),
                    name,
                    place(&["image", "repository"]),
                    (!within_name).then(|| (tag.and_then(tag_of), place(&["image", "tag"]))),
                )
            }
        }
        _ => return None,
    };
    Some(Draft { within, ..draft })
}

fn is_tag(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

/// A tag that is written without quotation marks is a number.
fn tag_of(value: &Value) -> Option<String> {
    match value {
        Value::String(tag) => (!tag.is_empty()).then(|| tag.clone()),
        Value::Number(tag) => Some(tag.to_string()),
        _ => None,
    }
}

fn at<'a>(values: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = values.get(first)?;
    rest.iter().try_fold(value, |value, part| value.get(part))
}

fn put(fields: &mut Map<String, Value>, path: &[String], text: String) {
    match path {
        [] => {}
        [last] => {
            fields.insert(last.clone(), Value::String(text));
        }
        [first, rest @ ..] => {
            let below = fields
                .entry(first.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, text);
            }
        }
    }
}
