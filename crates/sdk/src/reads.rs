//! Typed reads.

use serde::Deserialize;
use serde_json::Value;

use crate::{Cluster, Failure, Object, ObjectRef, ReadError, Resource, Selection};

/// Reads with a choice of how. [`Context::reads`](crate::Context::reads) starts one.
///
/// ```
/// # use oarlock_sdk::{Context, Object, ReadError, Resource};
/// # #[derive(Resource, serde::Deserialize)]
/// # #[resource(group = "apps", version = "v1", kind = "Deployment", plural = "deployments", namespaced)]
/// # struct Deployment {}
/// fn web(cx: &Context) -> Result<Option<Object<Deployment>>, ReadError> {
///     cx.reads().live().acting_as("deployer").get("default", "web")
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Reads<'a> {
    cluster: &'a dyn Cluster,
    act_as: Option<&'a str>,
    live: bool,
    labels: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    api_version: String,
    kind: String,
}

impl<'a> Reads<'a> {
    pub(crate) fn new(cluster: &'a dyn Cluster) -> Self {
        Self {
            cluster,
            act_as: None,
            live: false,
            labels: None,
        }
    }

    /// Asks the API server itself where one object is read: for what must not be a moment old. Such a read is not
    /// watched.
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// Reads with the rights of this ServiceAccount of the object's namespace.
    pub fn acting_as(self, service_account: &'a str) -> Self {
        Self {
            act_as: Some(service_account),
            ..self
        }
    }

    /// Only what this label selector matches, in kubectl's syntax.
    pub fn labelled(self, selector: &'a str) -> Self {
        Self {
            labels: Some(selector),
            ..self
        }
    }

    /// One object, or none where there is no such object. The namespace is ignored for cluster-scoped kinds.
    ///
    /// # Errors
    ///
    /// Where the host has no answer, or the object does not fit the type.
    pub fn get<S: Resource>(
        self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Object<S>>, ReadError> {
        self.text(&S::at(namespace, name))?.map(typed).transpose()
    }

    /// One object of any kind.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn get_raw(self, target: &ObjectRef) -> Result<Option<Value>, ReadError> {
        self.text(target)?.map(|text| value(&text)).transpose()
    }

    fn text(self, target: &ObjectRef) -> Result<Option<String>, ReadError> {
        match self.live {
            true => self.cluster.get_live(target, self.act_as),
            false => self.cluster.get(target, self.act_as),
        }
    }

    /// All objects of a kind, in a namespace or everywhere, sorted by namespace and name.
    ///
    /// # Errors
    ///
    /// Where the host has no answer, or an object does not fit the type.
    pub fn list<S: Resource>(self, namespace: Option<&str>) -> Result<Vec<Object<S>>, ReadError> {
        let selection = Selection {
            api_version: S::api_version(),
            kind: String::from(S::KIND),
            namespace: namespace.map(String::from),
            labels: self.labels.map(String::from),
            fields: Vec::new(),
            act_as: self.act_as.map(String::from),
        };
        self.cluster
            .query(&selection)?
            .into_iter()
            .map(typed)
            .collect()
    }

    /// All objects that a selection matches, of any kind, or parts of them.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn query(self, selection: &Selection) -> Result<Vec<Value>, ReadError> {
        self.cluster
            .query(selection)?
            .iter()
            .map(|text| value(text))
            .collect()
    }

    /// What the object owns, of one kind.
    ///
    /// # Errors
    ///
    /// Where the host has no answer, or a child does not fit the type.
    pub fn children_of<S: Resource>(self) -> Result<Vec<Object<S>>, ReadError> {
        let mut children = Vec::new();
        for text in self.cluster.children()? {
            let tag: Tag =
                serde_json::from_str(&text).map_err(|error| malformed("a child", &error))?;
            if tag.kind == S::KIND && tag.api_version == S::api_version() {
                children.push(typed(text)?);
            }
        }
        Ok(children)
    }

    /// What the object owns, of every kind.
    ///
    /// # Errors
    ///
    /// Where the host has no answer.
    pub fn children(self) -> Result<Vec<Value>, ReadError> {
        self.cluster
            .children()?
            .iter()
            .map(|text| value(text))
            .collect()
    }
}

fn typed<S: Resource>(text: String) -> Result<Object<S>, ReadError> {
    Object::from_json(text).map_err(|failure: Failure| malformed(S::KIND, &failure))
}

fn value(text: &str) -> Result<Value, ReadError> {
    serde_json::from_str(text).map_err(|error| malformed("an object", &error))
}

fn malformed(target: &str, error: &dyn std::fmt::Display) -> ReadError {
    ReadError::Malformed {
        target: String::from(target),
        message: error.to_string(),
    }
}
