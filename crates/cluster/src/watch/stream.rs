//! One watch request, read line by line.

use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt;
use kube::client::Body;
use oarlock_core::reference::ResourceVersion;
use oarlock_core::request::ApiError;
use serde::Deserialize;
use serde_json::Value;

use crate::path::query;
use crate::transport::{ApiCall, Status, Transport, chain, unreachable_error};

/// An object is 1.5 MiB at most in etcd; a line beyond this is not from an API server.
const LONGEST_LINE: usize = 16 << 20;

/// What the server may be late with ending the watch before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(15);

/// The annotation of the bookmark that ends the initial state (KEP-3157).
const INITIAL_EVENTS_END: &str = "/metadata/annotations/k8s.io~1initial-events-end";

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a> {
    /// With what comes after a version.
    After(&'a ResourceVersion),
    /// With everything that there is, then [`Event::Complete`], then what comes after.
    Everything,
}

/// Events of one watch request.
pub(crate) struct EventStream {
    body: Body,
    buffer: BytesMut,
    /// Bytes of the buffer that hold no line end.
    searched: usize,
    idle: Duration,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// An object is there, or differs.
    Applied(Value),
    /// An object is gone.
    Deleted(Value),
    /// Everything up to here has been told.
    Bookmark(ResourceVersion),
    /// The same, for the first time of a watch that begins with everything.
    Complete(ResourceVersion),
}

/// Why there are no more events.
#[derive(Debug)]
pub(crate) enum StreamEnd {
    /// As it should be, after its time. Go on from the last version.
    Closed,
    /// The versions since the last one are no longer known: list again.
    Gone,
    /// Anything else.
    Failed(ApiError),
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

impl Event {
    /// `metadata.resourceVersion` of what it tells.
    pub(crate) fn resource_version(&self) -> Option<ResourceVersion> {
        match self {
            Self::Bookmark(version) | Self::Complete(version) => Some(version.clone()),
            Self::Applied(object) | Self::Deleted(object) => version_of(object),
        }
    }

    pub(crate) const fn is_bookmark(&self) -> bool {
        matches!(self, Self::Bookmark(_) | Self::Complete(_))
    }
}

fn version_of(object: &Value) -> Option<ResourceVersion> {
    let version = object.pointer("/metadata/resourceVersion")?.as_str()?;
    Some(ResourceVersion(version.to_owned()))
}

impl EventStream {
    /// Watches `collection` from `start` on, for `timeout`.
    pub(crate) async fn open(
        transport: &Transport,
        collection: &str,
        start: Start<'_>,
        timeout: Duration,
        accept: &'static str,
    ) -> Result<Self, ApiError> {
        let mut path = collection.to_owned();
        query(&mut path, "watch", "true");
        query(&mut path, "allowWatchBookmarks", "true");
        match start {
            Start::After(version) => query(&mut path, "resourceVersion", &version.0),
            Start::Everything => {
                // No version: as of now, by the word of the storage and not of one server's cache.
                query(&mut path, "sendInitialEvents", "true");
                query(&mut path, "resourceVersionMatch", "NotOlderThan");
            }
        }
        query(
            &mut path,
            "timeoutSeconds",
            &timeout.as_secs().max(1).to_string(),
        );
        Ok(Self {
            body: transport.stream(&ApiCall::get(path).accept(accept)).await?,
            buffer: BytesMut::new(),
            searched: 0,
            idle: timeout + GRACE,
        })
    }

    /// The next event. Safe to drop: nothing that was received is lost.
    pub(crate) async fn next(&mut self) -> Result<Event, StreamEnd> {
        loop {
            while let Some(line) = self.line() {
                if !line.iter().all(u8::is_ascii_whitespace) {
                    return parse(&line);
                }
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(failed(format!(
                    "a watch event is longer than {LONGEST_LINE} bytes"
                )));
            }
            let frame = tokio::time::timeout(self.idle, self.body.frame()).await;
            match frame {
                // A half-dead connection: the server ends every watch in time, so silence means nobody is there.
                Err(_elapsed) => return Err(failed("the watch went silent".to_owned())),
                // What is left in the buffer is half a line: it will be told again.
                Ok(None) => return Err(StreamEnd::Closed),
                Ok(Some(Err(error))) => {
                    return Err(failed(format!("the watch broke off: {}", chain(&error))));
                }
                Ok(Some(Ok(frame))) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
        }
    }

    fn line(&mut self) -> Option<BytesMut> {
        let end = self.buffer[self.searched..]
            .iter()
            .position(|&b| b == b'\n');
        if let Some(end) = end {
            let line = self.buffer.split_to(self.searched + end + 1);
            self.searched = 0;
            Some(line)
        } else {
            self.searched = self.buffer.len();
            None
        }
    }
}

fn failed(message: String) -> StreamEnd {
    StreamEnd::Failed(unreachable_error(message))
}

fn parse(line: &[u8]) -> Result<Event, StreamEnd> {
    let Line { kind, object } = serde_json::from_slice(line)
        .map_err(|error| failed(format!("a watch event cannot be read: {error}")))?;
    match kind.as_str() {
        "ADDED" | "MODIFIED" => Ok(Event::Applied(object)),
        "DELETED" => Ok(Event::Deleted(object)),
        "BOOKMARK" => {
            let end = object.pointer(INITIAL_EVENTS_END).and_then(Value::as_str) == Some("true");
            let event = if end {
                Event::Complete
            } else {
                Event::Bookmark
            };
            version_of(&object)
                .map(event)
                .ok_or_else(|| failed("a bookmark without resourceVersion".to_owned()))
        }
        "ERROR" => {
            let status: Status = serde_json::from_value(object).unwrap_or_default();
            if status.code == 410 || matches!(status.reason.as_str(), "Gone" | "Expired") {
                Err(StreamEnd::Gone)
            } else {
                Err(StreamEnd::Failed(status.into_error()))
            }
        }
        other => Err(failed(format!("a watch event of unknown type {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn stream(pieces: &[&str]) -> EventStream {
        EventStream {
            body: Body::from(pieces.concat().into_bytes()),
            buffer: BytesMut::new(),
            searched: 0,
            idle: Duration::from_secs(1),
        }
    }

    #[tokio::test]
    async fn lines_become_events() {
        let mut stream = stream(&[
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\"}}}\n\n",
            "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}\n",
            "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n",
            "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n",
            "{\"type\":\"MODIF",
        ]);
        let version = |event: &Event| event.resource_version().unwrap().0;
        let first = stream.next().await.unwrap();
        assert_eq!(version(&first), "5");
        assert!(stream.next().await.unwrap().is_bookmark());
        let deleted = stream.next().await.unwrap();
        assert!(matches!(deleted, Event::Deleted(_)));
        assert!(matches!(stream.next().await, Err(StreamEnd::Gone)));
        assert!(matches!(stream.next().await, Err(StreamEnd::Closed)));
    }

    #[test]
    fn errors_keep_their_status() {
        let line = br#"{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","message":"etcd"}}"#;
        let Err(StreamEnd::Failed(error)) = parse(line) else {
            panic!("no failure");
        };
        assert_eq!(error, ApiError::new(500, "InternalError", "etcd"));
        assert!(matches!(parse(b"{}"), Err(StreamEnd::Failed(_))));
    }
}
