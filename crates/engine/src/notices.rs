//! Fire-and-forget calls: nobody waits for them, and nothing fails with them.
//!
//! Several are under way at a time, so that one slow receiver delays no other object's; those of one object are sent one after
//! the other, in the order in which its runs told them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::egress::Egress;
use oarlock_core::manifest::Grants;
use oarlock_core::origin::{self, Origin};
use oarlock_core::outcome::Notice;
use oarlock_core::reconciler::HttpRequest;
use oarlock_core::reference::ObjectRef;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A receiver that is slower than this many notices behind loses the rest: they are courtesies.
const BACKLOG: usize = 256;

/// Under way at a time.
const AT_A_TIME: usize = 16;

/// For one call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A notice on its way.
struct Letter {
    object: ObjectRef,
    request: HttpRequest,
}

/// Where notices are posted.
#[derive(Clone)]
pub(crate) struct Notices {
    letters: mpsc::Sender<Letter>,
    closed: CancellationToken,
}

/// The end that sends them.
pub(crate) struct Postman {
    letters: mpsc::Receiver<Letter>,
    closed: CancellationToken,
}

/// Both ends.
pub(crate) fn channel() -> (Notices, Postman) {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let closed = CancellationToken::new();
    let notices = Notices {
        letters: sender,
        closed: closed.clone(),
    };
    let postman = Postman {
        letters: receiver,
        closed,
    };
    (notices, postman)
}

impl Notices {
    /// Posts a notice, if its origin is granted.
    pub(crate) fn post(&self, notice: Notice, grants: &Grants, object: &ObjectRef) {
        let Notice {
            key,
            url,
            headers,
            body,
        } = notice;
        let granted = Origin::of(&url).is_ok_and(|origin| {
            origin::granted(&origin, &grants.http, object.namespace.as_deref())
        });
        if !granted {
            tracing::warn!(%object, key, to = origin(&url), "a notice was not sent: no http grant covers its origin");
            return;
        }
        let request = HttpRequest {
            method: "POST".to_owned(),
            url,
            headers,
            body: body.into_bytes(),
            timeout: Some(TIMEOUT),
            ca_bundle: None,
            insecure_skip_tls_verify: false,
            auth: None,
            effect: Some(key.clone()),
        };
        let letter = Letter {
            object: object.clone(),
            request,
        };
        if self.letters.try_send(letter).is_err() {
            tracing::warn!(%object, key, "a notice was dropped: too many wait to be sent");
        }
    }

    /// None is posted any more: what was posted is sent, then the postman ends.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }
}

impl Postman {
    /// Sends what is posted until the other end is closed.
    pub(crate) async fn run(mut self, egress: Arc<dyn Egress>) {
        let mut sending: JoinSet<ObjectRef> = JoinSet::new();
        // Objects with a call under way, and what waits for its end.
        let mut behind: HashMap<ObjectRef, VecDeque<HttpRequest>> = HashMap::new();
        let mut open = true;
        while open || !sending.is_empty() {
            tokio::select! {
                Some(ended) = sending.join_next(), if !sending.is_empty() => {
                    let Ok(object) = ended else { continue };
                    match behind.get_mut(&object).and_then(VecDeque::pop_front) {
                        Some(request) => {
                            sending.spawn(send(Arc::clone(&egress), object, request));
                        }
                        None => {
                            behind.remove(&object);
                        }
                    }
                }
                letter = self.letters.recv(), if open && sending.len() < AT_A_TIME => {
                    let Some(Letter { object, request }) = letter else {
                        open = false;
                        continue;
                    };
                    match behind.get_mut(&object) {
                        Some(waiting) if waiting.len() < BACKLOG => waiting.push_back(request),
                        Some(_) => {
                            tracing::warn!(%object, to = origin(&request.url), "a notice was dropped: too many of the object wait to be sent");
                        }
                        None => {
                            behind.insert(object.clone(), VecDeque::new());
                            sending.spawn(send(Arc::clone(&egress), object, request));
                        }
                    }
                }
                () = self.closed.cancelled(), if open && !self.letters.is_closed() => {
                    // What is in the channel still comes out of it.
                    self.letters.close();
                }
            }
        }
    }
}

/// Where a notice goes, for logs: paths and queries of hooks are credentials.
fn origin(url: &str) -> String {
    match Origin::of(url) {
        Ok(origin) => origin.to_string(),
        Err(_unreadable) => "no origin".to_owned(),
    }
}

async fn send(egress: Arc<dyn Egress>, object: ObjectRef, request: HttpRequest) -> ObjectRef {
    let to = origin(&request.url);
    match egress.send(request, None, TIMEOUT).await {
        Ok(answer) if answer.status < 400 => {}
        Ok(answer) => tracing::warn!(%object, to, status = answer.status, "a notice was refused"),
        Err(error) => tracing::warn!(%object, to, %error, "a notice was not delivered"),
    }
    object
}

#[cfg(test)]
mod tests;
