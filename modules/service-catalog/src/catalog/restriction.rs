//! `spec.catalogRestrictions`: which classes and plans of a broker are shown.
//!
//! Kubernetes' selector language over a few properties: `spec.externalName in (a,b)`, `name!=x`, `spec.free=true`. All have
//! to hold.

use serde::{Deserialize, Serialize};

use super::offer::{Class, Plan};

/// As it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Restrictions {
    /// What must be true of a class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_class: Vec<String>,
    /// What must be true of a plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_plan: Vec<String>,
}

/// As it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    classes: Vec<Requirement>,
    plans: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    property: Property,
    /// One of them; none of them where it is negated.
    values: Vec<String>,
    is_negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    Name,
    ExternalName,
    ExternalId,
    Free,
    ClassName,
}

/// Why a restriction cannot be used. A broker with one shows nothing new.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadRestriction {
    /// It has no form that is known.
    #[error(
        "spec.catalogRestrictions.{field}: {text:?} is not a requirement\nhint: `property=value`, `property!=value`, `property in (a,b)` or `property notin (a,b)`"
    )]
    Form {
        /// `serviceClass` or `servicePlan`.
        field: &'static str,
        /// The requirement.
        text: String,
    },
    /// Its property is not one of those.
    #[error(
        "spec.catalogRestrictions.{field}: {property:?} cannot be restricted\nhint: one of {known}"
    )]
    Property {
        /// `serviceClass` or `servicePlan`.
        field: &'static str,
        /// The property.
        property: String,
        /// Those that can.
        known: &'static str,
    },
}

const CLASS: (&str, &str) = ("serviceClass", "name, spec.externalName, spec.externalID");
const PLAN: (&str, &str) = (
    "servicePlan",
    "name, spec.externalName, spec.externalID, spec.free, spec.clusterServiceClass.name, spec.serviceClass.name",
);

impl Restrictions {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// The first that cannot be used.
    pub fn read(&self) -> Result<Filter, ReadRestriction> {
        Ok(Filter {
            classes: read(&self.service_class, CLASS, false)?,
            plans: read(&self.service_plan, PLAN, true)?,
        })
    }
}

impl Filter {
    pub(super) fn has_class(&self, class: &Class) -> bool {
        self.classes.iter().all(|requirement| {
            requirement.holds(match requirement.property {
                Property::Name | Property::ClassName => &class.name,
                Property::ExternalName => &class.spec.external_name,
                Property::ExternalId => &class.spec.external_id,
                Property::Free => "",
            })
        })
    }

    pub(super) fn has_plan(&self, plan: &Plan) -> bool {
        self.plans.iter().all(|requirement| {
            requirement.holds(match requirement.property {
                Property::Name => &plan.name,
                Property::ExternalName => &plan.spec.external_name,
                Property::ExternalId => &plan.spec.external_id,
                Property::Free if plan.spec.free => "true",
                Property::Free => "false",
                Property::ClassName => plan.spec.class.name(),
            })
        })
    }
}

impl Requirement {
    fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|wanted| wanted == value) != self.is_negated
    }
}

fn read(
    texts: &[String],
    (field, known): (&'static str, &'static str),
    of_plan: bool,
) -> Result<Vec<Requirement>, ReadRestriction> {
    let mut requirements = Vec::new();
    for text in texts.iter().flat_map(|text| parts(text)) {
        let form = || ReadRestriction::Form {
            field,
            text: text.to_owned(),
        };
        let (property, values, is_negated) = split(text).ok_or_else(form)?;
        let property = match property {
            "name" => Property::Name,
            "spec.externalName" => Property::ExternalName,
            "spec.externalID" => Property::ExternalId,
            "spec.free" if of_plan => Property::Free,
            "spec.clusterServiceClass.name"
            | "spec.serviceClass.name"
            | "spec.clusterServiceClassRef.name"
            | "spec.serviceClassRef.name"
                if of_plan =>
            {
                Property::ClassName
            }
            other => {
                return Err(ReadRestriction::Property {
                    field,
                    property: other.to_owned(),
                    known,
                });
            }
        };
        requirements.push(Requirement {
            property,
            values,
            is_negated,
        });
    }
    Ok(requirements)
}

/// Requirements of one text: commas part them, but for those in parentheses.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// Property, values, and whether it is negated.
fn split(text: &str) -> Option<(&str, Vec<String>, bool)> {
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.contains(|char: char| char.is_whitespace() || "=!(),".contains(char))
    };
    let (property, values, is_negated) = if let Some((property, value)) = text.split_once("!=") {
        (property, vec![value.trim()], true)
    } else if let Some((property, value)) = text.split_once('=') {
        (
            property,
            vec![value.strip_prefix('=').unwrap_or(value).trim()],
            false,
        )
    } else {
        let (property, rest) = text.split_once(char::is_whitespace)?;
        let (word, list) = rest.split_once('(')?;
        let is_negated = match word.trim() {
            "in" => false,
            "notin" => true,
            _ => return None,
        };
        (
            property,
            list.trim_end()
                .strip_suffix(')')?
                .split(',')
                .map(str::trim)
                .collect(),
            is_negated,
        )
    };
    let property = property.trim();
    let is_good = is_word(property) && values.iter().all(|value| is_word(value));
    is_good.then(|| {
        (
            property,
            values.into_iter().map(str::to_owned).collect(),
            is_negated,
        )
    })
}
