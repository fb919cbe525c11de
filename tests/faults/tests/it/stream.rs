//! A watch that cannot be relied on: late, silent, cut off, or with a hole.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body, Frame};

use crate::faults::{Fault, Injector, OF_EVENTS};
use crate::gate::{Answer, BoxError};

const EXPIRED: &[u8] = b"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\
    \"status\":\"Failure\",\"message\":\"injected: too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n";

/// The lines of one watch request on their way.
struct Line {
    inner: Answer,
    injector: Injector,
    /// What its events are called in draws.
    place: String,
    buffer: BytesMut,
    ready: VecDeque<Bytes>,
    end: End,
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Not yet.
    Open,
    Closed,
    Broken,
    /// Never, and nothing comes any more.
    Silent,
}

/// `body`, line by line, as the seed wills.
pub(crate) fn unreliable<B>(body: B, injector: Injector, place: String) -> Answer
where
    B: Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    let line = Line {
        inner: body.boxed_unsync(),
        injector,
        place,
        buffer: BytesMut::new(),
        ready: VecDeque::new(),
        end: End::Open,
    };
    let frames = stream::unfold(line, |mut line| async move {
        let frame = line.next().await?;
        Some((frame.map(Frame::data), line))
    });
    StreamBody::new(frames).boxed_unsync()
}

impl Line {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(Ok(bytes));
            }
            match self.end {
                End::Open => {}
                End::Closed => return None,
                End::Broken => {
                    self.end = End::Closed;
                    return Some(Err("the connection was reset".into()));
                }
                End::Silent => return std::future::pending().await,
            }
            if let Some(length) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let event = self.buffer.split_to(length + 1).freeze();
                self.event(event).await;
                continue;
            }
            match self.inner.frame().await {
                None => self.end = End::Closed,
                Some(Err(error)) => return Some(Err(error)),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
        }
    }

    async fn event(&mut self, event: Bytes) {
        let visit = self.injector.visit(&self.place);
        if self.injector.mishap(&visit, &[Fault::WatchLag]).is_some() {
            let mut draw = self.injector.draw("lag", &visit);
            tokio::time::sleep(draw.time(self.injector.profile.lag)).await;
        }
        match self.injector.mishap(&visit, OF_EVENTS) {
            Some(Fault::WatchClosed) => self.end = End::Closed,
            Some(Fault::WatchBroken) => {
                self.ready.push_back(event.slice(..event.len() / 2));
                self.end = End::Broken;
            }
            Some(Fault::WatchDropped) => {
                let mut draw = self.injector.draw("hole", &visit);
                tokio::time::sleep(draw.time(self.injector.profile.lag)).await;
                self.ready.push_back(Bytes::from_static(EXPIRED));
                self.end = End::Closed;
            }
            Some(Fault::WatchSilent) => self.end = End::Silent,
            Some(Fault::WatchRepeated) => {
                self.ready.push_back(event.clone());
                self.ready.push_back(event);
            }
            _ => self.ready.push_back(event),
        }
    }
}
