//! What a run may be about: an object of one kind, or of whichever kind the watch names.

use serde::Deserialize;

use crate::{Failure, Object, Resource, field_path};

/// The first argument of a module's function.
pub trait Subject: Sized {
    /// From the object's JSON text.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with the path of the first field that does not fit.
    fn from_json(text: String) -> Result<Self, Failure>;
}

impl<S: Resource> Subject for Object<S> {
    fn from_json(text: String) -> Result<Self, Failure> {
        Self::from_json(text)
    }
}

/// An object of any kind, for a module that serves several.
///
/// ```
/// # use oarlock_sdk::{AnyObject, Object, Resource, Subject, json};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "example.com", version = "v1", kind = "Step", plural = "steps", namespaced)]
/// # struct Step { percent: u8 }
/// let any = AnyObject::from_json(json!({
///     "apiVersion": "example.com/v1", "kind": "Step", "metadata": {"name": "first"}, "spec": {"percent": 10},
/// }).to_string())?;
/// assert_eq!(any.kind(), "Step");
/// let step: Object<Step> = any.parse()?;
/// assert_eq!(step.spec.percent, 10);
/// # Ok::<(), oarlock_sdk::Failure>(())
/// ```
#[derive(Clone, Debug)]
pub struct AnyObject {
    names: Names,
    text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Names {
    api_version: String,
    kind: String,
}

impl AnyObject {
    /// `v1` or `group/version`.
    pub fn api_version(&self) -> &str {
        &self.names.api_version
    }

    /// The kind, such as `Deployment`.
    pub fn kind(&self) -> &str {
        &self.names.kind
    }

    /// The JSON text that the object came as.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The object as one kind's, whatever its `kind` says: a watch may serve a schema under a name of its own.
    ///
    /// # Errors
    ///
    /// As [`Object::from_json`].
    pub fn parse<S: Resource>(self) -> Result<Object<S>, Failure> {
        Object::from_json(self.text)
    }
}

impl Subject for AnyObject {
    fn from_json(text: String) -> Result<Self, Failure> {
        let names = serde_json::from_str(&text)
            .map_err(|error| Failure::Invalid(vec![field_path::locate(&text, &error)]))?;
        Ok(Self { names, text })
    }
}
