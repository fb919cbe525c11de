//! Fire-and-forget calls: nobody waits for them, and nothing fails with them.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::egress::Egress;
use oarlock_core::manifest::Grants;
use oarlock_core::origin::{self, Origin};
use oarlock_core::outcome::Notice;
use oarlock_core::reconciler::HttpRequest;
use oarlock_core::reference::ObjectRef;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A receiver that is slower than this many notices behind loses the rest: they are courtesies.
const BACKLOG: usize = 256;

/// For one call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where notices are posted.
#[derive(Clone)]
pub(crate) struct Notices(mpsc::Sender<HttpRequest>);

/// The end that sends them.
pub(crate) struct Postman(mpsc::Receiver<HttpRequest>);

/// Both ends.
pub(crate) fn channel() -> (Notices, Postman) {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    (Notices(sender), Postman(receiver))
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
            tracing::warn!(%object, key, url, "a notice was not sent: no http grant covers its origin");
            return;
        }
        let request = HttpRequest {
            method: "POST".to_owned(),
            url,
            headers,
            body: body.into_bytes(),
            timeout: Some(TIMEOUT),
            ca_bundle: None,
            auth: None,
            effect: Some(key.clone()),
        };
        if self.0.try_send(request).is_err() {
            tracing::warn!(%object, key, "a notice was dropped: too many wait to be sent");
        }
    }
}

impl Postman {
    /// Sends what is posted until `stop`.
    pub(crate) async fn run(mut self, egress: Arc<dyn Egress>, stop: CancellationToken) {
        while let Some(Some(request)) = stop.run_until_cancelled(self.0.recv()).await {
            let url = request.url.clone();
            match egress.send(request, None, TIMEOUT).await {
                Ok(answer) if answer.status < 400 => {}
                Ok(answer) => tracing::warn!(url, status = answer.status, "a notice was refused"),
                Err(error) => tracing::warn!(url, %error, "a notice was not delivered"),
            }
        }
    }
}
