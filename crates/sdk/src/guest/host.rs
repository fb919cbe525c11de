//! Reads, HTTP, packages and log lines, served by the host.

use std::time::Duration;

use super::bindings::oarlock::reconcile::{artifacts, cluster, http as wit, log as lines};
use super::convert;
use crate::artifacts::{Artifact, Artifacts, Fetch, FetchError, Source};
use crate::http::{Http, HttpError, Request, Response};
use crate::log::Level;
use crate::{Cluster, KindInfo, ObjectRef, ReadError, Selection, State};

pub(super) struct Host;

impl Cluster for Host {
    fn get(&self, target: &ObjectRef, act_as: Option<&str>) -> Result<Option<String>, ReadError> {
        cluster::get(&convert::reference(target.clone()), act_as).map_err(convert::read_error)
    }

    fn get_live(
        &self,
        target: &ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<String>, ReadError> {
        cluster::get_live(&convert::reference(target.clone()), act_as).map_err(convert::read_error)
    }

    fn query(&self, selection: &Selection) -> Result<Vec<String>, ReadError> {
        cluster::query(&convert::selection(selection.clone())).map_err(convert::read_error)
    }

    fn children(&self) -> Result<Vec<String>, ReadError> {
        cluster::children().map_err(convert::read_error)
    }

    fn observe(&self, targets: &[ObjectRef]) -> Result<Vec<State>, ReadError> {
        let targets: Vec<_> = targets.iter().cloned().map(convert::reference).collect();
        match cluster::observe(&targets) {
            Ok(states) => Ok(states.into_iter().map(convert::state).collect()),
            Err(error) => Err(convert::read_error(error)),
        }
    }

    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        match cluster::kinds() {
            Ok(kinds) => Ok(kinds.into_iter().map(convert::kind_info).collect()),
            Err(error) => Err(convert::read_error(error)),
        }
    }

    fn server_version(&self) -> Result<String, ReadError> {
        cluster::server_version().map_err(convert::read_error)
    }
}

impl Http for Host {
    fn send(&self, request: &Request) -> Result<Response, HttpError> {
        match wit::send(&convert::http_request(request.clone())) {
            Ok(response) => Ok(Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
            }),
            Err(error) => Err(convert::http_error(error)),
        }
    }
}

impl Artifacts for Host {
    fn fetch(&self, wanted: &Fetch) -> Result<Artifact, FetchError> {
        match artifacts::fetch(&convert::fetch(wanted.clone())) {
            Ok(artifact) => Ok(Artifact {
                digest: artifact.digest,
                name: artifact.name,
                version: artifact.version,
                revision: artifact.revision,
                origin: artifact.origin,
            }),
            Err(error) => Err(convert::fetch_error(error)),
        }
    }

    fn versions(
        &self,
        source: &Source,
        credentials: Option<&str>,
        max_age: Duration,
    ) -> Result<Vec<String>, FetchError> {
        let source = convert::source(source.clone());
        artifacts::versions(&source, credentials, convert::millis(max_age))
            .map_err(convert::fetch_error)
    }

    fn read(&self, digest: &str) -> Result<Vec<u8>, FetchError> {
        artifacts::read(digest).map_err(convert::fetch_error)
    }
}

pub(super) fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    let level = match level {
        Level::Trace => lines::Level::Trace,
        Level::Debug => lines::Level::Debug,
        Level::Info => lines::Level::Info,
        Level::Warn => lines::Level::Warn,
        Level::Error => lines::Level::Error,
    };
    let fields: Vec<_> = fields
        .iter()
        .map(|&(name, value)| (String::from(name), String::from(value)))
        .collect();
    lines::write(level, message, &fields);
}
