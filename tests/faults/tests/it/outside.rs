//! The world outside the cluster: one server that knows idempotency keys.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::faults::{Fault, Injector, OF_EFFECTS};

/// A call that reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) key: String,
    /// Method, URL and body.
    pub(crate) what: String,
    /// What the witness saw at this moment, as far as something was wrong.
    pub(crate) wrong: Option<Wrong>,
}

/// What is wrong with an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Its intent is not stored.
    Unannounced(String),
    /// It is stored that it was done. Only who never heard that this was stored may do that.
    Again(String),
}

/// Looks at the cluster at the moment at which a call arrives; says what is wrong.
pub(crate) type Witness = Box<dyn Fn(&str, &HttpRequest) -> Option<Wrong> + Send + Sync>;

/// The server.
pub(crate) struct Outside {
    injector: Injector,
    witness: Witness,
    effects: Mutex<Vec<Effect>>,
    /// By key: what was done, once.
    done: Mutex<BTreeMap<String, String>>,
}

impl Outside {
    pub(crate) fn new(injector: Injector, witness: Witness) -> Self {
        Self {
            injector,
            witness,
            effects: Mutex::default(),
            done: Mutex::default(),
        }
    }

    /// Every call that took effect or would have, in order.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.effects.lock().clone()
    }

    /// What was done, by key.
    pub(crate) fn done(&self) -> BTreeMap<String, String> {
        self.done.lock().clone()
    }

    fn arrive(&self, key: String, request: &HttpRequest) -> String {
        let body = String::from_utf8_lossy(&request.body);
        let what = format!("{} {} {body}", request.method, request.url);
        self.injector.log(format!("effect {key}: {what}"));
        let wrong = (self.witness)(&key, request);
        let effect = Effect {
            key: key.clone(),
            what: what.clone(),
            wrong,
        };
        self.effects.lock().push(effect);
        let answer = format!("done: {what}");
        self.done.lock().entry(key).or_insert(what);
        answer
    }
}

/// The way to it in one life of the operator.
pub(crate) struct Line {
    outside: Arc<Outside>,
    dead: CancellationToken,
}

impl Line {
    pub(crate) const fn new(outside: Arc<Outside>, dead: CancellationToken) -> Self {
        Self { outside, dead }
    }
}

impl Egress for Line {
    fn send(
        &self,
        request: HttpRequest,
        _: Option<Credentials>,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            if self.dead.is_cancelled() {
                return std::future::pending().await;
            }
            let injector = &self.outside.injector;
            let visit = injector.visit(&format!("{} {}", request.method, request.url));
            injector.delay("call", &visit).await;
            let answer = |status: u16, text: String| HttpResponse {
                status,
                headers: Vec::new(),
                body: text.into_bytes(),
            };
            let key = request.effect.clone().unwrap_or_default();
            match injector.mishap(&visit, OF_EFFECTS) {
                Some(Fault::EffectRefused) => {
                    return Err(HttpError::Connect("injected: refused".to_owned()));
                }
                Some(Fault::EffectFailed) => return Ok(answer(500, "injected".to_owned())),
                Some(Fault::EffectUnanswered) => {
                    self.outside.arrive(key, &request);
                    return Err(HttpError::TimedOut);
                }
                _ => {}
            }
            let text = self.outside.arrive(key, &request);
            injector.delay("reply", &visit).await;
            if self.dead.is_cancelled() {
                return std::future::pending().await;
            }
            Ok(answer(200, text))
        })
    }
}
