//! The Kubernetes API over HTTP messages: requests in, responses out.
//!
//! Owns paths, verbs, media types and the shapes of the wire. What the objects are and what a write does is the store's.
//! It does not know whether a request came over a socket or from a client in the same process.

use std::sync::Arc;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::authorization::Authorization;
use crate::resource::{Resource, ResourceId, Version, builtin as kinds};
use crate::schema::builtin;
use crate::status::Status;
use crate::store::{Store, Subresource, Write};

mod accept;
mod access;
mod content;
mod deleting;
mod discovery;
mod duplicates;
mod openapi;
mod patching;
mod path;
mod percent;
mod protobuf;
mod query;
mod reading;
mod reply;
mod review;
mod scale;
mod subresource;
mod table;
mod watching;
mod writing;

use self::accept::Accept;
use self::path::{Route, Target};
use self::query::Query;
pub use self::reply::Body;
pub(crate) use self::reply::Reply;

/// The API on a store.
#[derive(Clone)]
pub(crate) struct Api {
    store: Store,
    /// Ends running watches.
    stop: CancellationToken,
    /// `None`: whoever asks may do everything.
    access: Option<Arc<Authorization>>,
}

/// What a request carries besides its path.
struct Message {
    query: Query,
    accept: Accept,
    content_type: String,
    /// The program, from `User-Agent`.
    agent: String,
    body: Bytes,
}

/// Namespaces go one by one.
const NAMESPACES: ResourceId = ResourceId::of("", "namespaces");

/// A request for objects, resolved.
struct Call<'a> {
    store: &'a Store,
    stop: &'a CancellationToken,
    resource: Arc<Resource>,
    version: Version,
    target: Target,
    message: Message,
}

impl Api {
    pub(crate) fn new(
        store: Store,
        stop: CancellationToken,
        access: Option<Arc<Authorization>>,
    ) -> Self {
        Self {
            store,
            stop,
            access,
        }
    }

    /// Answers one request; every refusal is a `Status` object.
    pub(crate) fn answer(&self, request: Request<Bytes>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let header = |name: &str| {
            let value = parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let message = Message {
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            accept: Accept::parse(header("accept")),
            content_type: String::from(header("content-type")),
            agent: program(header("user-agent")),
            body,
        };
        let route = Route::parse(parts.uri.path());
        let answered = match &self.access {
            Some(access) => access::admit(access, &parts, &route, &message),
            None => Ok(None),
        };
        let answered = answered
            .and_then(|answered| match answered {
                Some(reply) => Ok(reply),
                None => self.route(&parts.method, route, message),
            })
            .unwrap_or_else(|refusal| Reply::refusal(&refusal));
        let reply = if parts.method == Method::HEAD {
            answered.without_body()
        } else {
            answered
        };
        let mut response = reply.into_response();
        // The cluster's own time, where clients look for a server's.
        if let Ok(date) = HeaderValue::try_from(self.store.clock().now().http_date()) {
            response.headers_mut().insert(DATE, date);
        }
        response
    }

    fn route(&self, method: &Method, route: Route, message: Message) -> Result<Reply, Status> {
        match route {
            Route::Health => Ok(Reply::bytes(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                "ok",
            )),
            Route::Version => Ok(discovery::version()),
            Route::OpenApiTwo => Ok(openapi::two()),
            _ if !message.accept.json => Err(accept::not_acceptable(&message.accept)),
            Route::Objects(target) => self.objects(method, target, message),
            _ if method != Method::GET => Err(Status::method_not_allowed()),
            Route::CoreVersions => Ok(discovery::core_versions(&self.store, &message.accept)),
            Route::Groups => Ok(discovery::groups(&self.store, &message.accept)),
            Route::Group(group) => discovery::group(&self.store, &group),
            Route::Resources { group, version } => {
                discovery::resources(&self.store, &group, &version)
            }
            Route::OpenApiIndex => Ok(openapi::index(&self.store)),
            Route::OpenApi(path) => openapi::document(&self.store, &path),
            Route::Unknown => Err(Status::page_not_found()),
        }
    }

    fn objects(&self, method: &Method, target: Target, message: Message) -> Result<Reply, Status> {
        let question = builtin::find_plural(&target.group, &target.version, &target.plural)
            .filter(|resource| kinds::is_review(resource));
        if let Some(question) = question {
            if method != Method::POST {
                return Err(Status::method_not_allowed());
            }
            return review::answer(question, &message);
        }
        let id = ResourceId::new(target.group.as_str(), target.plural.as_str());
        let absent = || discovery::nothing_at(&target.group);
        let resource = self.store.resource(&id).ok_or_else(absent)?;
        let version = resource
            .version(&target.version)
            .cloned()
            .ok_or_else(absent)?;
        if target.namespace.is_some() && !resource.namespaced {
            return Err(Status::no_such_path());
        }
        let call = Call {
            store: &self.store,
            stop: &self.stop,
            resource,
            version,
            target,
            message,
        };
        let deprecation = call.version.deprecation.clone();
        let mut reply = call.answer(method)?;
        reply.warn(deprecation);
        Ok(reply)
    }
}

impl Call<'_> {
    fn answer(&self, method: &Method) -> Result<Reply, Status> {
        let Some(name) = self.target.name.as_deref() else {
            return match *method {
                Method::GET if self.is_watch() => self.watch(),
                Method::GET => self.list(),
                Method::POST if self.is_scoped() => self.create(),
                Method::DELETE if self.is_scoped() && self.resource.id != NAMESPACES => {
                    self.delete_collection()
                }
                _ => Err(self.not_allowed()),
            };
        };
        if !self.is_scoped() {
            return Err(Status::no_such_path());
        }
        if let Some(subresource) = self.target.subresource.as_deref() {
            return self.subresource(method, name, subresource);
        }
        match *method {
            Method::GET if self.is_watch() => self.watch(),
            Method::GET => self.get(name),
            Method::PUT => self.update(name, Subresource::Main),
            Method::PATCH => self.patch(name, Subresource::Main),
            Method::DELETE => self.delete(name),
            _ => Err(self.not_allowed()),
        }
    }

    fn is_watch(&self) -> bool {
        self.target.watch || self.message.query.flag("watch")
    }

    /// Whether the path names a namespace where the resource needs one.
    fn is_scoped(&self) -> bool {
        !self.resource.namespaced || self.target.namespace.is_some()
    }

    fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    fn not_allowed(&self) -> Status {
        Status::method_not_allowed()
    }

    /// How to write, from the query; `kind` is what the options of such a request are called.
    fn write(&self, kind: &str, subresource: Subresource) -> Result<Write, Status> {
        let (validation, dry_run) = self.message.query.write_options(kind)?;
        let manager = match self.message.query.get("fieldManager") {
            "" => self.message.agent.clone(),
            given => String::from(given),
        };
        Ok(Write {
            manager,
            subresource,
            validation,
            dry_run,
            duplicates: Vec::new(),
        })
    }
}

/// `kubectl` of `kubectl/v1.32.0 (linux/amd64) kubernetes/…`: the field manager when none is given.
fn program(agent: &str) -> String {
    let name = agent.split(['/', ' ']).next().unwrap_or_default();
    String::from(if name.is_empty() { "unknown" } else { name })
}
