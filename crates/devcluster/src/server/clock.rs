//! `/clock`: the virtual clock for other processes.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use oarlock_core::timestamp::Timestamp;
use serde::Deserialize;

use crate::api::Reply;
use crate::clock::Reading;
use crate::cluster::DevCluster;
use crate::status::Status;

/// `PUT /clock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speed {
    speed: f64,
}

/// `POST /clock/advance`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum Advance {
    By(u64),
    To(u64),
}

pub(super) async fn answer(cluster: &DevCluster, request: Request<Incoming>) -> Reply {
    let method = request.method().clone();
    let path = String::from(request.uri().path());
    match act(cluster, &method, &path, request).await {
        Ok(reply) => reply,
        Err(refusal) => Reply::refusal(&refusal),
    }
}

async fn act(
    cluster: &DevCluster,
    method: &Method,
    path: &str,
    request: Request<Incoming>,
) -> Result<Reply, Status> {
    let clock = cluster.clock();
    match (method, path) {
        (&Method::GET, "/clock") => {}
        (&Method::PUT, "/clock") => {
            let Speed { speed } = read(request, "{\"speed\": 20}").await?;
            if !speed.is_finite() || speed < 0.0 {
                return Err(Status::bad_request(format!(
                    "speed {speed}: expected a number not below 0"
                )));
            }
            clock.set_speed(speed);
        }
        (&Method::POST, "/clock/advance") => {
            match read(
                request,
                "{\"by\": 60000} or {\"to\": 1700000000000}, in milliseconds",
            )
            .await?
            {
                Advance::By(millis) => clock.advance_by(Duration::from_millis(millis)),
                Advance::To(millis) => clock.advance_to(Timestamp::from_millis(millis)),
            }
        }
        (&Method::GET, "/clock/watch") => return Ok(watch(cluster)),
        (_, "/clock" | "/clock/advance" | "/clock/watch") => {
            return Err(Status::method_not_allowed());
        }
        _ => return Err(Status::no_such_path()),
    }
    Ok(Reply::json(StatusCode::OK, &clock.reading()))
}

/// A line for every change of the clock, the present reading first.
fn watch(cluster: &DevCluster) -> Reply {
    let mut changes = cluster.clock().subscribe();
    changes.mark_changed();
    let stop = cluster.stop().clone();
    Reply::lines(futures_util::stream::unfold(
        (changes, stop),
        |(mut changes, stop)| async move {
            tokio::select! {
                () = stop.cancelled() => return None,
                changed = changes.changed() => changed.ok()?,
            }
            let reading = changes.borrow_and_update().reading();
            Some((line(reading), (changes, stop)))
        },
    ))
}

fn line(reading: Reading) -> Bytes {
    // A struct of two numbers always serializes; NaN cannot be a speed.
    let mut line = serde_json::to_vec(&reading).unwrap_or_default();
    line.push(b'\n');
    Bytes::from(line)
}

async fn read<T: serde::de::DeserializeOwned>(
    request: Request<Incoming>,
    expected: &str,
) -> Result<T, Status> {
    let body = super::body(request).await?;
    serde_json::from_slice(&body)
        .map_err(|error| Status::bad_request(format!("{error}; expected {expected}")))
}
