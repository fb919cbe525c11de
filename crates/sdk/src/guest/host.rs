//! Reads, HTTP and log lines, served by the host.

use super::bindings::oarlock::reconcile::{cluster, http as wit, log as lines};
use super::convert;
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
