//! Images that follow their registry: what the first Flux did with `fluxcd.io/automated`, without writing to git.
//!
//! Annotations say which images of an object's values follow which tags. The newest tag lies over the values as one
//! contribution more, and in `.status.images`; `spec` stays as git has it. What cannot be understood is refused, and what cannot
//! be decided stays as it is: a filter never matches more than it says.
//!
//! Nothing here asks a registry, or knows dialects. `IMAGES.md` is its table.

mod annotations;
mod filter;
mod name;
mod place;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use annotations::policy;
pub use filter::{Choice, Filter, Undecided};
pub use place::Image;
pub use settle::{CONDITION, Entry, Settled, Unread, Update, ended};

/// The container that an image at the top of the values is.
pub const CHART_IMAGE: &str = "chart-image";

/// What annotations say of images.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Why nothing moves; empty where nobody said.
    locked: Option<String>,
    /// By container.
    filters: BTreeMap<String, Rule>,
    /// Images whose places are named.
    places: BTreeMap<String, Paths>,
    /// Secrets by container; for all others under the empty name. An empty one is none.
    secrets: BTreeMap<String, String>,
}

/// A filter, and where it stands.
#[derive(Clone, Debug)]
struct Rule {
    key: String,
    filter: Filter,
}

/// Where an image is in the values: paths with dots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Paths {
    registry: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
}

/// Images that follow their registry, and what is to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of their names, that of the chart first.
    pub images: Vec<Image>,
    /// What does not follow although somebody may think so.
    pub warnings: Vec<String>,
}

impl Policy {
    /// Why all stays as it is; none where nobody locked it.
    #[must_use]
    pub fn locked(&self) -> Option<&str> {
        self.locked.as_deref()
    }

    /// The same, but that nothing moves.
    #[must_use]
    pub fn held(self, why: &str) -> Self {
        Self {
            locked: Some(self.locked.unwrap_or_else(|| why.to_owned())),
            ..self
        }
    }

    /// The filter of a container as it is written; [`Filter::Releases`] where none is.
    #[must_use]
    pub fn filter(&self, container: &str) -> &Filter {
        self.filters
            .get(container)
            .map_or(&Filter::Releases, |rule| &rule.filter)
    }

    /// The images that follow their registry, of an object's own values.
    #[must_use]
    pub fn images(&self, values: &Map<String, Value>) -> Found {
        let mut found = Found::default();
        let mut images = place::usual(values);
        for name in self.filters.keys() {
            if !images.contains_key(name)
                && let Some(image) = place::deeper(values, name)
            {
                images.insert(name.clone(), image);
            }
        }
        for (name, paths) in &self.places {
            match place::mapped(values, paths) {
                Ok(image) => {
                    images.insert(name.clone(), image);
                }
                Err(why) => {
                    images.remove(name);
                    found.warnings.push(format!("{name}: {why}"));
                }
            }
        }
        let missing: Vec<&Rule> = self
            .filters
            .iter()
            .filter(|(name, _)| !images.contains_key(*name))
            .map(|(_, rule)| rule)
            .collect();
        let names: Vec<&str> = images.keys().map(String::as_str).collect();
        for Rule { key, .. } in &missing {
            found.warnings.push(format!(
                "{key}: there is no such image in the values, which have {}; what has no filter of its own stays as it is",
                match names.as_slice() {
                    [] => String::from("none"),
                    names => names.join(", "),
                }
            ));
        }
        for (container, draft) in images {
            // A filter with a slip in its name must not leave its image to what holds without one.
            if !missing.is_empty() && !self.filters.contains_key(&container) {
                continue;
            }
            match draft.finish(&container) {
                Ok(mut image) => {
                    image.secret = self.secret(&container, values, &image);
                    found.images.push(image);
                }
                Err(why) => found.warnings.push(format!("{container}: {why}")),
            }
        }
        found
            .images
            .sort_by_key(|image| (image.container != CHART_IMAGE, image.container.clone()));
        found
    }

    /// The tag that an image should have, of all that there are.
    ///
    /// # Errors
    /// Where that cannot be told: it stays as it is.
    pub fn choose(
        &self,
        image: &Image,
        tags: &[String],
        running: Option<&str>,
    ) -> Result<Choice, Undecided> {
        self.filter(&image.container).choose(tags, running)
    }

    fn secret(
        &self,
        container: &str,
        values: &Map<String, Value>,
        image: &Image,
    ) -> Option<String> {
        let said = self.secrets.get(container).or(self.secrets.get(""));
        match said {
            Some(name) => (!name.is_empty()).then(|| name.clone()),
            None => place::secret(values, image),
        }
    }
}

/// What lies over the values where images have other tags than are written; none where all have theirs.
#[must_use]
pub fn override_values<'a>(
    chosen: impl IntoIterator<Item = (&'a Image, &'a str)>,
) -> Option<Map<String, Value>> {
    let mut over = Map::new();
    for (image, tag) in chosen {
        if image.tag.as_deref() != Some(tag) {
            image.set(&mut over, tag);
        }
    }
    (!over.is_empty()).then_some(over)
}
