//! Reads from plain values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::labels;
use crate::{Cluster, Health, KindInfo, ObjectRef, ReadError, Selection, State};

/// What the API server's version is where nothing else was said.
const VERSION: &str = "v1.34.0";

/// Answers reads from the objects it was given.
///
/// ```
/// # use oarlock_sdk::{Context, Health, ObjectRef, json, testing::FakeCluster};
/// let pod = |name: &str| json!({
///     "apiVersion": "v1", "kind": "Pod",
///     "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
/// });
/// let ill = ObjectRef::new("v1", "Pod", "b").in_namespace("default");
/// let cluster = FakeCluster::new().object(pod("a")).child(pod("b")).health(&ill, Health::Failed);
/// let cx = Context::builder().cluster(cluster).build();
/// assert_eq!(cx.reads().children()?.len(), 1);
/// assert_eq!(cx.observe(&[ill])?[0].health, Health::Failed);
/// # Ok::<(), oarlock_sdk::ReadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FakeCluster {
    objects: BTreeMap<ObjectRef, Value>,
    owned: Vec<ObjectRef>,
    health: BTreeMap<ObjectRef, Health>,
    kinds: Vec<KindInfo>,
    version: Option<String>,
    broken: Option<ReadError>,
    failing: BTreeMap<(String, String), ReadError>,
}

impl FakeCluster {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more object.
    pub fn object(mut self, object: Value) -> Self {
        self.objects.insert(reference(&object), object);
        self
    }

    /// One more object, which the reconciled one owns.
    pub fn child(mut self, object: Value) -> Self {
        self.owned.push(reference(&object));
        self.object(object)
    }

    /// The readiness of an object. Without it an object that is there is current.
    pub fn health(mut self, target: &ObjectRef, health: Health) -> Self {
        self.health.insert(target.clone(), health);
        self
    }

    /// One more kind that is served.
    pub fn kind(mut self, kind: KindInfo) -> Self {
        self.kinds.push(kind);
        self
    }

    /// The API server's version. Without it, it is `v1.34.0`.
    pub fn server_version(self, version: &str) -> Self {
        Self {
            version: Some(String::from(version)),
            ..self
        }
    }

    /// Every read fails.
    pub fn broken(self, error: ReadError) -> Self {
        Self {
            broken: Some(error),
            ..self
        }
    }

    /// Reads of one kind fail.
    pub fn failing(mut self, api_version: &str, kind: &str, error: ReadError) -> Self {
        let kind = (String::from(api_version), String::from(kind));
        self.failing.insert(kind, error);
        self
    }

    fn serving(&self, api_version: &str, kind: &str) -> Result<&Self, ReadError> {
        let kind = (String::from(api_version), String::from(kind));
        match self.failing.get(&kind) {
            Some(error) => Err(error.clone()),
            None => self.answering(),
        }
    }

    fn answering(&self) -> Result<&Self, ReadError> {
        self.broken.clone().map_or(Ok(self), Err)
    }
}

/// What an object is called. Members that are not there are empty.
pub(super) fn reference(object: &Value) -> ObjectRef {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(String::from)
    };
    ObjectRef {
        api_version: text("/apiVersion").unwrap_or_default(),
        kind: text("/kind").unwrap_or_default(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name").unwrap_or_default(),
    }
}

impl Cluster for FakeCluster {
    fn get(&self, target: &ObjectRef, _: Option<&str>) -> Result<Option<String>, ReadError> {
        Ok(self
            .serving(&target.api_version, &target.kind)?
            .objects
            .get(target)
            .map(Value::to_string))
    }

    fn get_live(
        &self,
        target: &ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<String>, ReadError> {
        self.get(target, act_as)
    }

    fn query(&self, selection: &Selection) -> Result<Vec<String>, ReadError> {
        let matches = |target: &ObjectRef, object: &Value| {
            target.kind == selection.kind
                && target.api_version == selection.api_version
                && selection
                    .namespace
                    .as_ref()
                    .is_none_or(|wanted| target.namespace.as_ref() == Some(wanted))
                && selection
                    .labels
                    .as_ref()
                    .is_none_or(|selector| labels::matches(selector, object))
        };
        Ok(self
            .serving(&selection.api_version, &selection.kind)?
            .objects
            .iter()
            .filter(|(target, object)| matches(target, object))
            .map(|(_, object)| projected(object, &selection.fields).to_string())
            .collect())
    }

    fn children(&self) -> Result<Vec<String>, ReadError> {
        let children = &self.answering()?.objects;
        Ok(self
            .owned
            .iter()
            .filter_map(|target| children.get(target))
            .map(Value::to_string)
            .collect())
    }

    fn observe(&self, targets: &[ObjectRef]) -> Result<Vec<State>, ReadError> {
        let cluster = self.answering()?;
        let state = |target: &ObjectRef| {
            let there = if cluster.objects.contains_key(target) {
                Health::Current
            } else {
                Health::NotFound
            };
            let health = cluster.health.get(target).copied().unwrap_or(there);
            State {
                target: target.clone(),
                health,
                message: String::new(),
            }
        };
        Ok(targets.iter().map(state).collect())
    }

    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        Ok(self.answering()?.kinds.clone())
    }

    fn server_version(&self) -> Result<String, ReadError> {
        let version = &self.answering()?.version;
        Ok(version.clone().unwrap_or_else(|| VERSION.to_owned()))
    }
}

fn projected(object: &Value, fields: &[String]) -> Value {
    if fields.is_empty() {
        return object.clone();
    }
    let mut kept = Value::Object(Map::new());
    let always = [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/namespace",
        "/metadata/uid",
    ];
    for pointer in always.into_iter().chain(fields.iter().map(String::as_str)) {
        if let Some(value) = object.pointer(pointer) {
            let mut at = &mut kept;
            for token in pointer.split('/').skip(1) {
                // Indexing makes the members that are not there yet.
                at = &mut at[token.replace("~1", "/").replace("~0", "~").as_str()];
            }
            *at = value.clone();
        }
    }
    kept
}
