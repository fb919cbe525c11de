//! The way from the engine to the brokers: what is sent is noted, with what stood in the cluster just then, and it can be cut.

use std::sync::Arc;
use std::time::Duration;

use oarlock_broker::{Broker, Op, Outside};
use oarlock_core::egress::{Credentials, Egress};
use oarlock_core::future::BoxFuture;
use oarlock_core::reconciler::{HttpError, HttpRequest, HttpResponse};
use oarlock_devcluster::Store;
use oarlock_devcluster::store::Revision;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Outlives the operator.
pub(crate) struct Wire {
    outside: Outside,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    store: Option<Store>,
    asked: Vec<Asked>,
    /// The next such requests get nowhere.
    unsent: Vec<Op>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) op: Op,
    pub(crate) instance: Option<String>,
    pub(crate) binding: Option<String>,
    /// What stood in the cluster.
    pub(crate) revision: Revision,
    /// Since the world began.
    pub(crate) at: Duration,
    /// A status or an error; none where nobody lived to hear it.
    pub(crate) answered: Option<String>,
    /// `X-Broker-API-Originating-Identity`.
    pub(crate) identity: Option<String>,
    /// `X-Broker-API-Request-Identity`.
    pub(crate) request: Option<String>,
    /// The idempotency key, where it has an effect.
    pub(crate) effect: Option<String>,
}

impl Asked {
    /// What it is about.
    pub(crate) fn id(&self) -> Option<&str> {
        self.binding.as_deref().or(self.instance.as_deref())
    }
}

/// For people.
pub(crate) const fn word(op: Op) -> &'static str {
    match op {
        Op::Catalog => "catalog",
        Op::Provision => "provision",
        Op::Update => "update",
        Op::Deprovision => "deprovision",
        Op::Bind => "bind",
        Op::Unbind => "unbind",
        Op::LastOperation => "poll",
        Op::Fetch => "fetch",
    }
}

impl Wire {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            outside: Outside::new(),
            start: Instant::now(),
            state: Mutex::default(),
        })
    }

    /// Puts a broker at an address.
    pub(crate) fn put(&self, origin: &str, broker: &Broker) {
        self.outside.put(origin, broker.clone());
    }

    /// From now on what stands in the cluster is noted.
    pub(crate) fn follow(&self, store: &Store) {
        self.state.lock().store = Some(store.clone());
    }

    /// The next such request gets nowhere.
    pub(crate) fn cut(&self, op: Op) {
        self.state.lock().unsent.push(op);
    }

    /// Only who trusts these certificates talks to the broker at this address.
    pub(crate) fn vouch(&self, origin: &str, ca: Option<&str>) {
        self.outside.vouch(origin, ca);
    }

    /// What was sent, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().asked.clone()
    }

    /// How much was sent.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().asked.len()
    }

    /// Notes a request: its number, and whether it gets anywhere.
    fn note(&self, request: &HttpRequest) -> (usize, bool) {
        let path = path(&request.url);
        let (op, instance, binding) = read(&request.method, path)
            .unwrap_or_else(|| panic!("nothing that a broker has: {request:?}"));
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let mut state = self.state.lock();
        let cut = state.unsent.iter().position(|unsent| *unsent == op);
        if let Some(cut) = cut {
            state.unsent.remove(cut);
        }
        let revision = state.store.as_ref().map_or(0, Store::revision);
        state.asked.push(Asked {
            op,
            instance,
            binding,
            revision,
            at: self.start.elapsed(),
            answered: None,
            identity: header("x-broker-api-originating-identity"),
            request: header("x-broker-api-request-identity"),
            effect: request.effect.clone(),
        });
        (state.asked.len() - 1, cut.is_none())
    }
}

/// The path of an address, without its query.
fn path(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find('/').map_or("", |at| &url[host + at..]);
    path.split('?').next().unwrap_or_default()
}

/// What is asked, of which instance and binding.
fn read(method: &str, path: &str) -> Option<(Op, Option<String>, Option<String>)> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let some = |id: &&str| Some((*id).to_owned());
    Some(match (method, parts.as_slice()) {
        ("GET", ["v2", "catalog"]) => (Op::Catalog, None, None),
        ("PUT", ["v2", "service_instances", id]) => (Op::Provision, some(id), None),
        ("PATCH", ["v2", "service_instances", id]) => (Op::Update, some(id), None),
        ("DELETE", ["v2", "service_instances", id]) => (Op::Deprovision, some(id), None),
        ("GET", ["v2", "service_instances", id]) => (Op::Fetch, some(id), None),
        ("GET", ["v2", "service_instances", id, "last_operation"]) => {
            (Op::LastOperation, some(id), None)
        }
        (
            _,
            [
                "v2",
                "service_instances",
                id,
                "service_bindings",
                binding,
                rest @ ..,
            ],
        ) => {
            let op = match (method, rest) {
                ("PUT", []) => Op::Bind,
                ("DELETE", []) => Op::Unbind,
                ("GET", []) => Op::Fetch,
                ("GET", ["last_operation"]) => Op::LastOperation,
                _ => return None,
            };
            (op, some(id), some(binding))
        }
        _ => return None,
    })
}

impl Egress for Wire {
    fn send(
        &self,
        request: HttpRequest,
        credentials: Option<Credentials>,
        limit: Duration,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let (number, gets_there) = self.note(&request);
            let answer = match gets_there {
                true => self.outside.send(request, credentials, limit).await,
                false => Err(HttpError::Connect("connection refused".to_owned())),
            };
            let told = match &answer {
                Ok(response) => response.status.to_string(),
                Err(HttpError::TimedOut) => "time-out".to_owned(),
                Err(HttpError::Connect(_) | HttpError::Tls(_)) => "unsent".to_owned(),
                Err(HttpError::TooLarge(_)) => "too large".to_owned(),
                Err(_) => "lost".to_owned(),
            };
            self.state.lock().asked[number].answered = Some(told);
            answer
        })
    }
}
