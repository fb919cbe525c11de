//! A broker's object in a world, and a broker that says what it is told to.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oarlock_sdk::http::{HttpError, Request, Response};
use oarlock_sdk::testing::{Ran, World};
use oarlock_sdk::{AnyObject, Context, Failure, ObjectRef, Outcome, Value, json};

pub(super) const API: &str = "servicecatalog.k8s.io/v1beta1";

type Said = Result<Response, HttpError>;

pub(super) struct Site {
    pub(super) world: World,
    said: Rc<RefCell<Said>>,
}

fn module(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    crate::reconcile(object, cx)
}

impl Site {
    /// A `ClusterServiceBroker` "b".
    pub(super) fn new(spec: &Value) -> Self {
        Self::of(json!({
            "apiVersion": API, "kind": "ClusterServiceBroker", "metadata": {"name": "b"}, "spec": spec,
        }))
    }

    /// One that is asked as its defaults are, and offers two services.
    pub(super) fn plain() -> Self {
        let mut site = Self::new(&json!({"url": "https://broker.example.com/"}));
        site.offers(&two());
        site
    }

    pub(super) fn of(object: Value) -> Self {
        let mut world = World::new(object);
        let said: Rc<RefCell<Said>> = Rc::new(RefCell::new(Err(HttpError::TimedOut)));
        let script = Rc::clone(&said);
        world.answers(move |_, _| script.borrow().clone());
        Self { world, said }
    }

    pub(super) fn says(&mut self, said: Said) {
        *self.said.borrow_mut() = said;
    }

    /// The broker offers these services, with a tag that tells them from others.
    pub(super) fn offers(&mut self, services: &Value) {
        let body = json!({"services": services});
        let tag = format!("\"{}\"", body.to_string().len());
        self.says(Ok(answer(200, &[("ETag", &tag)], &body)));
    }

    pub(super) fn run(&mut self) -> Ran {
        self.world.run(module).unwrap()
    }

    pub(super) fn fails(&mut self) -> Failure {
        self.world.run(module).unwrap_err()
    }

    pub(super) fn call(&self) -> Outcome {
        self.world.call(module).unwrap()
    }

    pub(super) fn after(&mut self, time: Duration) -> Ran {
        self.world.set_now(self.world.now() + time);
        self.run()
    }

    /// How long until it wants to be called.
    pub(super) fn wake(&self) -> Option<Duration> {
        let now = self.world.now();
        self.world.wake().map(|at| at.since(now))
    }

    pub(super) fn asked(&self) -> Vec<Request> {
        self.world.requests()
    }

    /// Classes and plans, as `name externalName`, with a `!` where they are flagged.
    pub(super) fn shown(&self) -> Vec<String> {
        let of = |object: &Value| {
            let flag = match object["status"]["removedFromBrokerCatalog"] == true {
                true => "!",
                false => "",
            };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = text(&object["metadata"]["name"]);
            format!("{flag}{name} {}", text(&object["spec"]["externalName"]))
        };
        self.world.children().map(of).collect()
    }

    /// `status reason: message` of Ready.
    pub(super) fn ready(&self) -> String {
        self.condition("Ready")
    }

    pub(super) fn condition(&self, kind: &str) -> String {
        let condition = self.world.condition(kind).unwrap();
        let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", text("status"), text("reason"), text("message"))
    }

    pub(super) fn reasons(&self) -> Vec<&str> {
        let events = self.world.events();
        events.iter().map(|(_, reason)| reason.as_str()).collect()
    }

    /// An instance that has something at this broker.
    pub(super) fn instance(&mut self, name: &str, service: &str, plan: &str) {
        self.holder("ServiceInstance", name, service, plan);
    }

    pub(super) fn holder(&mut self, kind: &str, name: &str, service: &str, plan: &str) {
        let broker = match self.world.object()["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("ServiceBroker/{namespace}/b"),
            None => String::from("ClusterServiceBroker/b"),
        };
        self.world.foreign(json!({
            "apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": "ns"},
            "status": {"lifecycle": {"holdings": [{
                "id": name, "stand": {"name": "held"},
                "inputs": {"broker": broker, "service": service, "plan": plan},
            }]}},
        }));
    }

    pub(super) fn release(&mut self, kind: &str, name: &str) {
        let target = ObjectRef::new(API, kind, name).in_namespace("ns");
        self.world.delete_foreign(&target);
    }

    pub(super) fn live(&self, kind: &str, name: &str) -> Option<&Value> {
        self.world.live(&ObjectRef::new(API, kind, name))
    }
}

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &Value) -> Response {
    let mut response = Response::json(status, body);
    for (name, value) in headers {
        let header = ((*name).to_owned(), (*value).to_owned());
        response.headers.push(header);
    }
    response
}

pub(super) fn service(id: &str, name: &str, plans: &[Value]) -> Value {
    json!({"id": id, "name": name, "description": "d", "bindable": true, "plans": plans})
}

pub(super) fn plan(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "description": "d"})
}

/// Two services with three plans.
pub(super) fn two() -> Value {
    json!([
        service("s1", "mysql", &[plan("p1", "small"), plan("p2", "large")]),
        service("s2", "redis", &[plan("p3", "small")]),
    ])
}

pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) const HOUR: Duration = Duration::from_secs(3_600);
