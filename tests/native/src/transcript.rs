//! What a run asked, and what it was answered: enough to begin it anew and come to the same place.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use oarlock_core::json::Json;
use oarlock_core::reconciler::{
    self, Fault, Health, Host, HttpAuth, HttpRequest, HttpResponse, ObservedState, SecretKey,
};
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_sdk::http::{Auth, HttpError, Request, Response, SecretRef};
use oarlock_sdk::{Cluster, KindInfo, ReadError, Selection, State};

use crate::request::{reference, target};

/// What the module waits for while its run is thrown away.
const WAITING: &str = "the answer is waited for";

/// All questions of one run, in order, with their answers.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    answers: Vec<(Question, Answer)>,
    /// How many of them this pass had.
    had: usize,
    /// The first question without an answer.
    open: Option<Question>,
    /// The module asked another question than the pass before, in this place.
    strayed: Option<String>,
}

/// One call of the host.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    Get(ObjectRef, Option<String>),
    GetLive(ObjectRef, Option<String>),
    Query(reconciler::Selection),
    Children,
    Observe(Vec<ObjectRef>),
    Kinds,
    ServerVersion,
    Send(Box<HttpRequest>),
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Object(Result<Option<Json>, reconciler::ReadError>),
    Objects(Result<Vec<Json>, reconciler::ReadError>),
    States(Result<Vec<ObservedState>, reconciler::ReadError>),
    Kinds(Result<Vec<oarlock_core::reference::KindInfo>, reconciler::ReadError>),
    Version(Result<String, reconciler::ReadError>),
    Response(Result<HttpResponse, reconciler::HttpError>),
}

impl Question {
    pub(crate) async fn ask(&self, host: &dyn Host) -> Answer {
        match self.clone() {
            Self::Get(target, act_as) => Answer::Object(host.get(target, act_as).await),
            Self::GetLive(target, act_as) => Answer::Object(host.get_live(target, act_as).await),
            Self::Query(selection) => Answer::Objects(host.query(selection).await),
            Self::Children => Answer::Objects(host.children().await),
            Self::Observe(targets) => Answer::States(host.observe(targets).await),
            Self::Kinds => Answer::Kinds(host.kinds().await),
            Self::ServerVersion => Answer::Version(host.server_version().await),
            Self::Send(request) => Answer::Response(host.send(*request).await),
        }
    }

    /// Whether it is answered from the cache, so that asking twice does no harm.
    const fn is_cached(&self) -> bool {
        !matches!(self, Self::GetLive(..) | Self::Send(_))
    }
}

impl Transcript {
    /// Before another pass.
    pub(crate) fn rewind(&mut self) {
        self.had = 0;
        self.open = None;
    }

    /// The question that this pass ended with.
    pub(crate) fn open(&mut self) -> Option<Question> {
        self.open.take().filter(|_| self.strayed.is_none())
    }

    pub(crate) fn answered(&mut self, question: Question, answer: Answer) {
        self.answers.push((question, answer));
    }

    /// Not a pure function: it asked something else this time.
    pub(crate) fn strayed(&mut self) -> Option<Fault> {
        let message = self.strayed.take()?;
        Some(Fault::BadOutcome {
            place: "reads".to_owned(),
            message,
        })
    }

    fn answer(&mut self, question: Question, host: &dyn Host) -> Option<Answer> {
        if self.open.is_some() || self.strayed.is_some() {
            return None;
        }
        if let Some((before, answer)) = self.answers.get(self.had) {
            if *before == question {
                self.had += 1;
                return Some(answer.clone());
            }
            self.strayed = Some(format!("asked {before:?}, and then {question:?} instead"));
            return None;
        }
        if question.is_cached() {
            let mut context = Context::from_waker(Waker::noop());
            let polled = pin!(question.ask(host)).as_mut().poll(&mut context);
            if let Poll::Ready(answer) = polled {
                self.answers.push((question, answer.clone()));
                self.had += 1;
                return Some(answer);
            }
        }
        self.open = Some(question);
        None
    }
}

/// The module's side: reads and calls of one pass.
#[derive(Clone)]
pub(crate) struct Asking {
    host: Arc<dyn Host>,
    transcript: Rc<RefCell<Transcript>>,
}

impl Asking {
    pub(crate) fn new(host: Arc<dyn Host>, transcript: Rc<RefCell<Transcript>>) -> Self {
        Self { host, transcript }
    }

    fn ask(&self, question: Question) -> Option<Answer> {
        self.transcript.borrow_mut().answer(question, &*self.host)
    }

    fn object(&self, question: Question) -> Result<Option<String>, ReadError> {
        match self.ask(question) {
            Some(Answer::Object(answer)) => answer
                .map(|found| found.map(|json| json.as_str().to_owned()))
                .map_err(read_error),
            _ => Err(waiting()),
        }
    }

    fn objects(&self, question: Question) -> Result<Vec<String>, ReadError> {
        match self.ask(question) {
            Some(Answer::Objects(answer)) => answer
                .map(|found| found.iter().map(|json| json.as_str().to_owned()).collect())
                .map_err(read_error),
            _ => Err(waiting()),
        }
    }

    pub(crate) fn http(&self) -> impl Fn(&Request) -> Result<Response, HttpError> + 'static {
        let asking = self.clone();
        move |request| match asking.ask(Question::Send(Box::new(call(request)))) {
            Some(Answer::Response(answer)) => answer
                .map(|response| Response {
                    status: response.status,
                    headers: response.headers,
                    body: response.body,
                })
                .map_err(http_error),
            _ => Err(HttpError::Other(WAITING.to_owned())),
        }
    }
}

impl Cluster for Asking {
    fn get(
        &self,
        object: &oarlock_sdk::ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<String>, ReadError> {
        self.object(Question::Get(target(object), act_as.map(str::to_owned)))
    }

    fn get_live(
        &self,
        object: &oarlock_sdk::ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<String>, ReadError> {
        self.object(Question::GetLive(target(object), act_as.map(str::to_owned)))
    }

    fn query(&self, selection: &Selection) -> Result<Vec<String>, ReadError> {
        self.objects(Question::Query(reconciler::Selection {
            gvk: Gvk::from_api_version(&selection.api_version, &selection.kind),
            namespace: selection.namespace.clone(),
            labels: selection.labels.clone(),
            fields: selection.fields.clone(),
            act_as: selection.act_as.clone(),
        }))
    }

    fn children(&self) -> Result<Vec<String>, ReadError> {
        self.objects(Question::Children)
    }

    fn observe(&self, targets: &[oarlock_sdk::ObjectRef]) -> Result<Vec<State>, ReadError> {
        match self.ask(Question::Observe(targets.iter().map(target).collect())) {
            Some(Answer::States(answer)) => answer
                .map(|states| states.into_iter().map(state).collect())
                .map_err(read_error),
            _ => Err(waiting()),
        }
    }

    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        match self.ask(Question::Kinds) {
            Some(Answer::Kinds(answer)) => answer
                .map(|kinds| kinds.into_iter().map(kind).collect())
                .map_err(read_error),
            _ => Err(waiting()),
        }
    }

    fn server_version(&self) -> Result<String, ReadError> {
        match self.ask(Question::ServerVersion) {
            Some(Answer::Version(answer)) => answer.map_err(read_error),
            _ => Err(waiting()),
        }
    }
}

fn waiting() -> ReadError {
    ReadError::Unavailable(WAITING.to_owned())
}

fn state(state: ObservedState) -> State {
    State {
        target: reference(&state.target),
        health: match state.health {
            Health::Current => oarlock_sdk::Health::Current,
            Health::InProgress => oarlock_sdk::Health::InProgress,
            Health::Failed => oarlock_sdk::Health::Failed,
            Health::Terminating => oarlock_sdk::Health::Terminating,
            Health::NotFound => oarlock_sdk::Health::NotFound,
            Health::Unknown => oarlock_sdk::Health::Unknown,
        },
        message: state.message,
    }
}

fn kind(kind: oarlock_core::reference::KindInfo) -> KindInfo {
    KindInfo {
        api_version: kind.gvk.api_version(),
        kind: kind.gvk.kind.clone(),
        plural: kind.plural,
        namespaced: kind.namespaced,
    }
}

fn read_error(error: reconciler::ReadError) -> ReadError {
    match error {
        reconciler::ReadError::Denied(text) => ReadError::Denied(text),
        reconciler::ReadError::UnknownKind(text) => ReadError::UnknownKind(text),
        reconciler::ReadError::Unavailable(text) => ReadError::Unavailable(text),
    }
}

fn call(request: &Request) -> HttpRequest {
    let key = |secret: &SecretRef| SecretKey {
        namespace: secret.namespace.clone(),
        name: secret.name.clone(),
        key: secret.key.clone(),
    };
    HttpRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        timeout: request.timeout,
        ca_bundle: request.ca_bundle.clone(),
        insecure_skip_tls_verify: request.insecure_skip_tls_verify,
        auth: request.auth.as_ref().map(|auth| match auth {
            Auth::Basic(user, password) => HttpAuth::Basic(key(user), key(password)),
            Auth::Bearer(token) => HttpAuth::Bearer(key(token)),
        }),
        effect: request.effect.clone(),
    }
}

fn http_error(error: reconciler::HttpError) -> HttpError {
    match error {
        reconciler::HttpError::Denied(text) => HttpError::Denied(text),
        reconciler::HttpError::TimedOut => HttpError::TimedOut,
        reconciler::HttpError::Connect(text) => HttpError::Connect(text),
        reconciler::HttpError::Tls(text) => HttpError::Tls(text),
        reconciler::HttpError::TooLarge(limit) => HttpError::TooLarge(limit),
        reconciler::HttpError::Other(text) => HttpError::Other(text),
    }
}

#[cfg(test)]
mod tests;
