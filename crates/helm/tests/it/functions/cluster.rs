//! `lookup`: what it finds, and that it finds nothing unless it may look.

use std::sync::Arc;

use oarlock_core::artifact::FetchError;
use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError, Selection,
};
use oarlock_core::reference::{Digest, Gvk, KindInfo, ObjectRef};
use oarlock_helm::{Failure, RenderError, Rendered};
use serde_json::json;

use super::cases::Case;
use super::sandbox::package;
use super::secrets::{rendered, texts};
use crate::bench::engine;

const LOOKUP: &str = "cluster/lookup";

/// A cluster with a Secret, a Namespace and two Deployments.
struct Cluster {
    package: Arc<[u8]>,
    objects: Vec<serde_json::Value>,
    /// Instead of answers.
    error: Option<ReadError>,
    /// Whoever has to read.
    act_as: Option<String>,
}

impl Cluster {
    fn new(package: Arc<[u8]>, error: Option<ReadError>, act_as: Option<String>) -> Self {
        let deployment = |name: &str, namespace: &str, replicas: u32| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
                   "metadata": {"name": name, "namespace": namespace}, "spec": {"replicas": replicas}})
        };
        let objects = vec![
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password", "namespace": "harbour"},
                   "data": {"password": "b3BlbiBzZXNhbWU="}}),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "harbour"}}),
            deployment("ferry", "harbour", 3),
            deployment("tug", "harbour", 1),
            deployment("crane", "yard", 2),
        ];
        Self {
            package,
            objects,
            error,
            act_as,
        }
    }

    fn find(&self, keep: impl Fn(&serde_json::Value) -> bool) -> Result<Vec<Json>, ReadError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(self
                .objects
                .iter()
                .filter(|o| keep(o))
                .map(Json::from_value)
                .collect()),
        }
    }

    fn one(&self, target: &ObjectRef) -> Result<Option<Json>, ReadError> {
        if target.gvk.group == "boats.example.com" {
            return Err(ReadError::UnknownKind(
                "boats.example.com/v1 Boat".to_owned(),
            ));
        }
        let found = self.find(|object| {
            object["kind"] == target.gvk.kind.as_str()
                && object["metadata"]["name"] == target.name.as_str()
                && object["metadata"]["namespace"].as_str() == target.namespace.as_deref()
        })?;
        Ok(found.into_iter().next())
    }
}

impl Host for Cluster {
    fn get(
        &self,
        target: ObjectRef,
        act_as: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        assert_eq!(act_as, self.act_as);
        Box::pin(async move { self.one(&target) })
    }

    fn get_live(
        &self,
        target: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        Box::pin(async move { self.one(&target) })
    }

    fn query(&self, selection: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        assert_eq!(selection.act_as, self.act_as);
        Box::pin(async move {
            self.find(|object| {
                let namespace = object["metadata"]["namespace"].as_str();
                object["kind"] == selection.gvk.kind.as_str()
                    && selection
                        .namespace
                        .as_deref()
                        .is_none_or(|wanted| namespace == Some(wanted))
            })
        })
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn observe(&self, _: Vec<ObjectRef>) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        let error = self.error.clone();
        Box::pin(async { error.map_or_else(|| Ok("v1.34.0".to_owned()), Err) })
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        let kind =
            |group: &str, version: &str, kind: &str, plural: &str, namespaced: bool| KindInfo {
                gvk: Gvk::new(group, version, kind),
                plural: plural.to_owned(),
                namespaced,
                status_subresource: false,
            };
        Box::pin(async move {
            match &self.error {
                Some(error) => Err(error.clone()),
                None => Ok(vec![
                    kind("", "v1", "Secret", "secrets", true),
                    kind("", "v1", "Namespace", "namespaces", false),
                    kind("apps", "v1", "Deployment", "deployments", true),
                ]),
            }
        })
    }

    fn artifact(&self, digest: Digest) -> BoxFuture<'_, Result<Arc<[u8]>, FetchError>> {
        assert_eq!(digest, Digest::of(&self.package));
        let package = Arc::clone(&self.package);
        Box::pin(async { Ok(package) })
    }

    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async { Err(HttpError::Denied("not here".to_owned())) })
    }

    fn log(&self, _: LogLine) {}
}

async fn looked_up(error: Option<ReadError>) -> Result<Rendered, RenderError> {
    look_up(&Case::plain(LOOKUP), error, None).await
}

async fn look_up(
    case: &Case,
    error: Option<ReadError>,
    act_as: Option<String>,
) -> Result<Rendered, RenderError> {
    let (package, digest) = package(&case.folder()).await.unwrap();
    let mut request = case.request(digest.as_str().to_owned());
    request.lookup = true;
    request.act_as.clone_from(&act_as);
    engine()
        .await
        .render(&request, Arc::new(Cluster::new(package, error, act_as)))
        .await
}

fn shown(rendered: &Rendered) -> String {
    let data = texts(rendered, "lookup.yaml");
    data.iter()
        .map(|(key, value)| format!("{key}: {value}\n"))
        .collect()
}

#[tokio::test]
async fn objects_and_lists_are_found() {
    let rendered = looked_up(None).await.unwrap();
    assert!(!rendered.random, "the password was there");
    insta::assert_snapshot!(shown(&rendered), @r"
    all: 3
    deployment-ferry: 3
    deployment-tug: 1
    kept: open sesame
    list-kind: DeploymentList
    missing: {}
    missing-kind: {}
    namespace: harbour
    ");
}

#[tokio::test]
async fn somebody_else_may_have_to_read() {
    let sailor = Some("sailor".to_owned());
    let rendered = look_up(&Case::plain(LOOKUP), None, sailor).await.unwrap();
    assert_eq!(shown(&rendered), shown(&looked_up(None).await.unwrap()));
}

#[tokio::test]
async fn without_leave_nothing_is_found() {
    let mut rendered = rendered(&Case::plain(LOOKUP), |_| {}).await;
    assert!(rendered.random, "a new password was made");
    let content = &mut rendered.documents[0].content;
    let line = content
        .lines()
        .find(|line| line.trim().starts_with("new:"))
        .unwrap()
        .to_owned();
    *content = content.replace(&line, "  new: made");
    insta::assert_snapshot!(shown(&rendered), @r"
    all: 0
    list-kind: none
    missing: {}
    missing-kind: {}
    namespace: none
    new: made
    ");
}

#[tokio::test]
async fn what_is_not_answered_is_not_taken_for_absent() {
    let away = looked_up(Some(ReadError::Unavailable(
        "the cache is not filled yet".to_owned(),
    )))
    .await;
    let Err(RenderError::Failure(Failure::Lookup(text))) = away else {
        panic!("{away:?}");
    };
    assert!(text.contains("the cache is not filled yet"), "{text}");

    let denied = looked_up(Some(ReadError::Denied(
        "a grant is missing: read secrets".to_owned(),
    )))
    .await;
    let Err(RenderError::Failure(Failure::Lookup(text) | Failure::Template(text))) = denied else {
        panic!("{denied:?}");
    };
    assert!(text.contains("a grant is missing: read secrets"), "{text}");
}

/// Also Helm fails here, in these words: an API version that no server serves is an error, a kind of it is not.
#[tokio::test]
async fn an_api_version_that_is_not_served_is_an_error() {
    let unknown = look_up(&Case::plain(LOOKUP).set("unknown=true"), None, None).await;
    let Err(RenderError::Failure(Failure::Template(text))) = unknown else {
        panic!("{unknown:?}");
    };
    let end = "error calling lookup: unable to get apiresource from unstructured: boats.example.com/v1, Kind=Boat: the \
               server could not find the requested resource";
    assert!(text.trim_end().ends_with(end), "{text}");
}
