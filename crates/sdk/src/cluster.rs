//! The reads of the contract, as a trait: the host serves them in production, plain values in tests.

use std::fmt;

/// Points at one object.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectRef {
    /// `v1` or `group/version`.
    pub api_version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// None for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// An object in a namespace.
    ///
    /// ```
    /// # use oarlock_sdk::ObjectRef;
    /// let web = ObjectRef::new("apps/v1", "Deployment", "web").in_namespace("default");
    /// assert_eq!(web.to_string(), "apps/v1 Deployment default/web");
    /// ```
    pub fn new(
        api_version: impl Into<String>,
        kind: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: None,
            name: name.into(),
        }
    }

    /// The same in a namespace.
    pub fn in_namespace(self, namespace: impl Into<String>) -> Self {
        Self {
            namespace: Some(namespace.into()),
            ..self
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.api_version, self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// What a query asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// `v1` or `group/version`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// None for all namespaces, and for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Label selector in kubectl's syntax, such as `app=web,tier in (a,b)`.
    pub labels: Option<String>,
    /// JSON pointers to keep; empty for whole objects.
    pub fields: Vec<String>,
    /// ServiceAccount of the object's namespace to read as.
    pub act_as: Option<String>,
}

/// kstatus' classes of readiness.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// As its spec asks.
    Current,
    /// On its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// Being deleted.
    Terminating,
    /// Not there.
    NotFound,
    /// Its kind says nothing of it.
    Unknown,
}

/// The readiness of one object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct State {
    /// The object.
    pub target: ObjectRef,
    /// How it is.
    pub health: Health,
    /// What is waited for, for people.
    pub message: String,
}

/// A kind that the API server serves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KindInfo {
    /// `v1` or `group/version`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// The resource's name in paths and in grants.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// A read that has no answer. [`Failure`](crate::Failure) takes it with `?`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReadError {
    /// Not granted; the text names the grant that is missing.
    Denied(String),
    /// The API server does not serve the kind. The module runs again when it does.
    UnknownKind(String),
    /// The API server cannot be reached, or the cache is not filled yet.
    Unavailable(String),
    /// The object is there and does not fit the type it was read as.
    Malformed {
        /// The kind, and the object where its name could be read.
        target: String,
        /// Which field, and what was expected.
        message: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(message) | Self::UnknownKind(message) | Self::Unavailable(message) => {
                f.write_str(message)
            }
            Self::Malformed { target, message } => write!(f, "cannot read {target}: {message}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads of the cluster, each answered in JSON text. [`Reads`](crate::Reads) makes typed objects of it.
pub trait Cluster {
    /// One object, from the host's cache.
    ///
    /// # Errors
    ///
    /// Where there is no answer; an object that is not there is one.
    fn get(&self, target: &ObjectRef, act_as: Option<&str>) -> Result<Option<String>, ReadError>;

    /// One object, from the API server itself.
    ///
    /// # Errors
    ///
    /// As [`Cluster::get`].
    fn get_live(
        &self,
        target: &ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<String>, ReadError>;

    /// All that match, sorted by namespace and name.
    ///
    /// # Errors
    ///
    /// As [`Cluster::get`].
    fn query(&self, selection: &Selection) -> Result<Vec<String>, ReadError>;

    /// What the object owns, sorted by kind, namespace and name.
    ///
    /// # Errors
    ///
    /// As [`Cluster::get`].
    fn children(&self) -> Result<Vec<String>, ReadError>;

    /// Readiness, one answer per target in its order.
    ///
    /// # Errors
    ///
    /// As [`Cluster::get`].
    fn observe(&self, targets: &[ObjectRef]) -> Result<Vec<State>, ReadError>;

    /// Every kind that the API server serves.
    ///
    /// # Errors
    ///
    /// As [`Cluster::get`].
    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError>;

    /// The API server's version, such as `v1.34.0`.
    ///
    /// # Errors
    ///
    /// As [`Cluster::get`].
    fn server_version(&self) -> Result<String, ReadError>;
}
