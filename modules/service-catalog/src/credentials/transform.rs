//! `spec.secretTransforms`: what is changed between a broker's credentials and the Secret, in the order of the list.
//!
//! As the retired service-catalog has it, a later entry replaces an earlier one of the same name. Other than there, entries
//! are added from Secrets of the same namespace alone: a binding must not be a way into other namespaces.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use jsonpath::{self, Render};

/// One change. Exactly one of its fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Transform {
    /// An entry gets another name; nothing happens where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rename_key: Option<RenameKey>,
    /// An entry is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_key: Option<AddKey>,
    /// All entries of a Secret are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add_keys_from: Option<AddKeysFrom>,
    /// An entry is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_key: Option<RemoveKey>,
}

/// Gives an entry another name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RenameKey {
    /// Its name.
    pub from: String,
    /// The new one.
    pub to: String,
}

/// Adds an entry. Exactly one of its three values is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AddKey {
    /// Its name.
    pub key: String,
    /// Bytes, as base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_value: Option<String>,
    /// A text made of the credentials, as they are at this place of the list: `jdbc:{.host}:{.port}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_path_expression: Option<String>,
}

/// Adds all entries of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddKeysFrom {
    /// The Secret.
    pub secret_ref: SecretRef,
}

/// Names a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Its name.
    pub name: String,
    /// Kept for what was written for service-catalog: refused where it is set, since only the binding's own is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// Removes an entry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveKey {
    /// Its name; nothing happens where it is not there.
    pub key: String,
}

/// Why a transform cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Apply {
    /// None or several of its fields are set.
    #[error("has {count} of renameKey, addKey, addKeysFrom and removeKey; exactly one is needed")]
    Shape {
        /// How many.
        count: usize,
    },
    /// None or several values are given.
    #[error(
        "addKey {key:?} has {count} of value, stringValue and jsonPathExpression; exactly one is needed"
    )]
    Values {
        /// The entry.
        key: String,
        /// How many.
        count: usize,
    },
    /// A value is no base64.
    #[error("value of addKey {key:?} is not base64\nhint: plain text goes into stringValue")]
    Base64 {
        /// The entry.
        key: String,
    },
    /// A path leads nowhere.
    #[error("jsonPathExpression of addKey {key:?}: {why}")]
    Expression {
        /// The entry.
        key: String,
        /// Why.
        why: Render,
    },
    /// A Secret of another namespace.
    #[error(
        "addKeysFrom names Secret {name:?} of namespace {namespace:?}; only Secrets of the binding's own namespace are read\nhint: leave secretRef.namespace out, and copy the Secret"
    )]
    Namespace {
        /// The Secret.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// A Secret is not there (yet).
    #[error("addKeysFrom reads Secret {name:?}, which does not exist")]
    NoSecret {
        /// The Secret.
        name: String,
    },
}

/// A credential, or what was added to them.
#[derive(Clone, PartialEq)]
pub(super) enum Item {
    Json(Value),
    Bytes(Vec<u8>),
}

impl Item {
    /// What an entry of a Secret has of it.
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Json(Value::String(text)) => text.into_bytes(),
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Transform {
    /// What is wrong with it whatever the credentials are.
    ///
    /// # Errors
    /// It has none or several fields, none or several values, bytes that are none, or a Secret of another namespace.
    pub fn shape(&self) -> Result<(), Apply> {
        let set = [
            self.rename_key.is_some(),
            self.add_key.is_some(),
            self.add_keys_from.is_some(),
            self.remove_key.is_some(),
        ];
        let count = set.into_iter().filter(|set| *set).count();
        if count != 1 {
            return Err(Apply::Shape { count });
        }
        if let Some(add) = &self.add_key {
            let set = [
                add.value.is_some(),
                add.string_value.is_some(),
                add.json_path_expression.is_some(),
            ];
            let count = set.into_iter().filter(|set| *set).count();
            let key = add.key.clone();
            if count != 1 {
                return Err(Apply::Values { key, count });
            }
            let value = add.value.as_ref();
            if value.is_some_and(|value| STANDARD.decode(value).is_err()) {
                return Err(Apply::Base64 { key });
            }
        }
        let secret = self.add_keys_from.as_ref().map(|from| &from.secret_ref);
        match secret.and_then(|secret| Some((secret, secret.namespace.clone()?))) {
            Some((secret, namespace)) => Err(Apply::Namespace {
                name: secret.name.clone(),
                namespace,
            }),
            None => Ok(()),
        }
    }
}

/// Secrets that transforms read: when one changes, the binding's is composed again.
pub fn watched(transforms: &[Transform]) -> impl Iterator<Item = &str> {
    transforms
        .iter()
        .filter_map(|transform| Some(transform.add_keys_from.as_ref()?.secret_ref.name.as_str()))
}

/// The credentials after all transforms.
pub(super) fn apply(
    credentials: &Map<String, Value>,
    transforms: &[Transform],
    secrets: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
) -> Result<BTreeMap<String, Item>, (usize, Apply)> {
    let mut items: BTreeMap<String, Item> = credentials
        .iter()
        .map(|(name, value)| (name.clone(), Item::Json(value.clone())))
        .collect();
    for (index, transform) in transforms.iter().enumerate() {
        one(&mut items, transform, secrets).map_err(|error| (index, error))?;
    }
    Ok(items)
}

fn one(
    items: &mut BTreeMap<String, Item>,
    transform: &Transform,
    secrets: &BTreeMap<String, BTreeMap<String, Vec<u8>>>,
) -> Result<(), Apply> {
    match transform {
        Transform {
            rename_key: Some(rename),
            add_key: None,
            add_keys_from: None,
            remove_key: None,
        } => {
            if let Some(item) = items.remove(&rename.from) {
                items.insert(rename.to.clone(), item);
            }
        }
        Transform {
            rename_key: None,
            add_key: Some(add),
            add_keys_from: None,
            remove_key: None,
        } => {
            let item = added(items, add)?;
            items.insert(add.key.clone(), item);
        }
        Transform {
            rename_key: None,
            add_key: None,
            add_keys_from: Some(from),
            remove_key: None,
        } => {
            let name = from.secret_ref.name.clone();
            if let Some(namespace) = from.secret_ref.namespace.clone() {
                return Err(Apply::Namespace { name, namespace });
            }
            let Some(entries) = secrets.get(&name) else {
                return Err(Apply::NoSecret { name });
            };
            for (key, bytes) in entries {
                items.insert(key.clone(), Item::Bytes(bytes.clone()));
            }
        }
        Transform {
            rename_key: None,
            add_key: None,
            add_keys_from: None,
            remove_key: Some(remove),
        } => {
            items.remove(&remove.key);
        }
        Transform {
            rename_key,
            add_key,
            add_keys_from,
            remove_key,
        } => {
            let set = [
                rename_key.is_some(),
                add_key.is_some(),
                add_keys_from.is_some(),
                remove_key.is_some(),
            ];
            return Err(Apply::Shape {
                count: set.into_iter().filter(|set| *set).count(),
            });
        }
    }
    Ok(())
}

fn added(items: &BTreeMap<String, Item>, add: &AddKey) -> Result<Item, Apply> {
    let key = || add.key.clone();
    match (&add.value, &add.string_value, &add.json_path_expression) {
        (Some(value), None, None) => match STANDARD.decode(value) {
            Ok(bytes) => Ok(Item::Bytes(bytes)),
            Err(_) => Err(Apply::Base64 { key: key() }),
        },
        (None, Some(text), None) => Ok(Item::Bytes(text.clone().into_bytes())),
        (None, None, Some(expression)) => {
            let text = jsonpath::render(expression, &seen(items));
            text.map(|text| Item::Bytes(text.into_bytes()))
                .map_err(|why| Apply::Expression { key: key(), why })
        }
        (value, text, expression) => {
            let set = [value.is_some(), text.is_some(), expression.is_some()];
            Err(Apply::Values {
                key: key(),
                count: set.into_iter().filter(|set| *set).count(),
            })
        }
    }
}

/// What a path sees: bytes that are text, too.
fn seen(items: &BTreeMap<String, Item>) -> Value {
    let mut map = Map::new();
    for (name, item) in items {
        let value = match item {
            Item::Json(value) => value.clone(),
            Item::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Value::from(text),
                Err(_) => continue,
            },
        };
        map.insert(name.clone(), value);
    }
    Value::Object(map)
}
