//! A world with one instance or binding, what it needs, and a broker that is a function.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use oarlock_sdk::http::{HttpError, Request, Response};
use oarlock_sdk::testing::World;
use oarlock_sdk::{AnyObject, Context, Failure, ObjectRef, Outcome, Value, json};

use crate::catalog::label;
use crate::run::reconcile;

pub(super) const API: &str = "servicecatalog.k8s.io/v1beta1";
pub(super) const URL: &str = "https://broker.example";
pub(super) const UID: &str = "the-object";

/// A broker that remembers.
#[derive(Default)]
pub(super) struct Broker {
    /// Bodies by path.
    pub(super) things: BTreeMap<String, Value>,
    /// How the next calls are answered, instead of as they should.
    pub(super) next: VecDeque<Answer>,
    /// Method, path and query.
    pub(super) calls: Vec<String>,
    /// Whole requests.
    pub(super) heard: Vec<Request>,
    /// What is worked at, by path: polls that are left.
    work: BTreeMap<String, (u32, bool)>,
    pub(super) credentials: Option<Value>,
    pub(super) metadata: Option<Value>,
}

/// How one call is answered.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// As it should.
    Well,
    /// 202, and so many polls.
    Async(u32),
    /// It does nothing, and says so.
    Says(u16, Value),
    /// It does nothing, and repeats all that it was told.
    Repeats(u16),
    /// It does it, and says this.
    DoneBut(u16, Value),
    /// It does it, and the answer is lost.
    Lost,
    /// It does nothing, and is not heard of.
    Fails(HttpError),
}

impl Broker {
    pub(super) fn answer(&mut self, request: &Request) -> Result<Response, HttpError> {
        let target = request.url.strip_prefix(URL).unwrap().to_owned();
        self.calls.push(format!("{} {target}", request.method));
        self.heard.push(request.clone());
        match self.next.pop_front().unwrap_or(Answer::Well) {
            Answer::Well => Ok(self.does(request, &target, 0)),
            Answer::Async(polls) => Ok(self.does(request, &target, polls)),
            Answer::Says(status, body) => Ok(Response::json(status, &body)),
            Answer::Repeats(status) => {
                let told = String::from_utf8(request.body.clone()).unwrap();
                Ok(Response::json(status, &json!({"description": told})))
            }
            Answer::DoneBut(status, body) => {
                self.does(request, &target, 0);
                Ok(Response::json(status, &body))
            }
            Answer::Lost => {
                self.does(request, &target, 0);
                Err(HttpError::TimedOut)
            }
            Answer::Fails(error) => Err(error),
        }
    }

    fn does(&mut self, request: &Request, target: &str, polls: u32) -> Response {
        let path = target.split('?').next().unwrap().to_owned();
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        if let Some(path) = path.strip_suffix("/last_operation") {
            return self.poll(path);
        }
        match request.method.as_str() {
            "GET" => match self.things.get(&path) {
                Some(_) => Response::json(200, &self.bound()),
                None => Response::json(404, &json!({})),
            },
            "DELETE" => {
                if !self.things.contains_key(&path) {
                    return Response::json(410, &json!({}));
                }
                if polls > 0 {
                    self.work.insert(path, (polls, true));
                    return Response::json(202, &json!({"operation": "goes"}));
                }
                self.things.remove(&path);
                Response::json(200, &json!({}))
            }
            method => {
                let known = self.things.insert(path.clone(), body).is_some();
                if polls > 0 {
                    self.work.insert(path, (polls, false));
                    return Response::json(202, &json!({"operation": "comes"}));
                }
                let status = if known || method == "PATCH" { 200 } else { 201 };
                if path.contains("/service_bindings/") {
                    return Response::json(status, &self.bound());
                }
                Response::json(status, &json!({"dashboard_url": "https://board.example"}))
            }
        }
    }

    fn bound(&self) -> Value {
        let usual = json!({"uri": "db://secret-word@host", "port": 5432});
        let mut bound = json!({"credentials": self.credentials.clone().unwrap_or(usual)});
        if let Some(metadata) = &self.metadata {
            bound["metadata"] = metadata.clone();
        }
        bound
    }

    fn poll(&mut self, path: &str) -> Response {
        let Some((left, removes)) = self.work.get_mut(path) else {
            return match self.things.contains_key(path) {
                true => Response::json(200, &json!({"state": "succeeded"})),
                false => Response::json(410, &json!({})),
            };
        };
        *left -= 1;
        if *left > 0 {
            return Response::json(
                200,
                &json!({"state": "in progress", "description": "at it"}),
            );
        }
        if *removes {
            self.things.remove(path);
        }
        self.work.remove(path);
        Response::json(200, &json!({"state": "succeeded"}))
    }
}

/// One object and what is around it.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) broker: Rc<RefCell<Broker>>,
    /// The operator starts again between any two runs.
    pub(super) restarts: bool,
    /// Runs so far.
    pub(super) runs: u32,
}

pub(super) fn class() -> Value {
    json!({
        "apiVersion": API, "kind": "ClusterServiceClass",
        "metadata": {"name": "class-1", "labels": {
            (label::EXTERNAL_NAME): "postgres", (label::EXTERNAL_ID): "service-1",
        }},
        "spec": {
            "clusterServiceBrokerName": "main", "externalName": "postgres", "externalID": "service-1",
            "bindable": true, "planUpdatable": true, "bindingRetrievable": true,
        },
    })
}

pub(super) fn plan(name: &str) -> Value {
    json!({
        "apiVersion": API, "kind": "ClusterServicePlan",
        "metadata": {"name": format!("plan-{name}"), "labels": {
            (label::EXTERNAL_NAME): name, (label::EXTERNAL_ID): format!("id-{name}"),
            (label::CLUSTER_CLASS): "class-1",
        }},
        "spec": {
            "clusterServiceBrokerName": "main", "clusterServiceClassRef": {"name": "class-1"},
            "externalName": name, "externalID": format!("id-{name}"),
        },
    })
}

pub(super) fn broker_object() -> Value {
    json!({
        "apiVersion": API, "kind": "ClusterServiceBroker", "metadata": {"name": "main"},
        "spec": {
            "url": URL,
            "authInfo": {"basic": {"secretRef": {"namespace": "brokers", "name": "main"}}},
        },
    })
}

pub(super) fn at(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new(API, kind, name)
}

pub(super) fn own(kind: &str, name: &str) -> ObjectRef {
    let api = if kind == "Secret" { "v1" } else { API };
    ObjectRef::new(api, kind, name).in_namespace("shop")
}

pub(super) fn secret(name: &str, key: &str, value: &Value) -> Value {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(value.to_string());
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"},
        "data": {key: encoded},
    })
}

impl Site {
    pub(super) fn of(kind: &str, spec: Value) -> Self {
        let mut world = World::new(json!({
            "apiVersion": API, "kind": kind,
            "metadata": {"name": "data", "namespace": "shop"}, "spec": spec,
        }));
        world.foreign(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "kube-system", "uid": "the-cluster"},
        }));
        world.foreign(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "shop", "annotations": {"team": "a"}},
        }));
        world.foreign(broker_object());
        world.foreign(class());
        world.foreign(plan("small"));
        let broker = Rc::new(RefCell::new(Broker::default()));
        let answers = Rc::clone(&broker);
        world.answers(move |request, _| answers.borrow_mut().answer(request));
        Self {
            world,
            broker,
            restarts: false,
            runs: 0,
        }
    }

    /// An instance of the class' only plan.
    pub(super) fn instance() -> Self {
        Self::of(
            "ServiceInstance",
            json!({"clusterServiceClassExternalName": "postgres"}),
        )
    }

    /// A binding of an instance that is there.
    pub(super) fn binding() -> Self {
        let mut site = Self::of("ServiceBinding", json!({"instanceRef": {"name": "db"}}));
        site.world.foreign(provisioned());
        site
    }

    pub(super) fn next(&self, answers: &[Answer]) {
        self.broker
            .borrow_mut()
            .next
            .extend(answers.iter().cloned());
    }

    pub(super) fn calls(&self) -> Vec<String> {
        let calls = std::mem::take(&mut self.broker.borrow_mut().calls);
        let id = |part: &str| part.len() == 36 && part.matches('-').count() == 4;
        let short = |call: &String| {
            let path = call.split('?').next().unwrap();
            let path = path
                .replace("/v2/service_instances", "")
                .replace("service_bindings/", "b:");
            let parts: Vec<_> = path
                .split('/')
                .map(|part| match (id(part), part.strip_prefix("b:").map(id)) {
                    (true, _) => "ID",
                    (_, Some(true)) => "binding",
                    _ => part,
                })
                .collect();
            parts.join("/")
        };
        calls.iter().map(short).collect()
    }

    /// One run. Tells whether anything changed.
    pub(super) fn run(&mut self) -> Result<bool, Failure> {
        if self.restarts {
            self.world.restart();
        }
        self.runs += 1;
        let ran = self.world.run(reconcile_any)?;
        self.own_children();
        Ok(ran.changed)
    }

    /// As the API server has it of what a controller owns.
    pub(super) fn own_children(&mut self) {
        let owner = json!([{
            "apiVersion": API, "kind": self.world.object()["kind"], "name": "data", "uid": UID, "controller": true,
        }]);
        self.world
            .each_child(|child| child["metadata"]["ownerReferences"] = owner.clone());
    }

    /// Runs until it waits for something, letting no time pass.
    pub(super) fn settle(&mut self) {
        for _ in 0..30 {
            self.run().unwrap();
            let now = self.world.now();
            if self.world.is_gone() || self.world.wake().is_none_or(|at| at > now) {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// Runs until nothing is to come, letting all the time pass that it wants.
    pub(super) fn finish(&mut self) {
        for _ in 0..100 {
            self.settle();
            match self.world.wake() {
                Some(at) if !self.world.is_gone() => self.world.set_now(at),
                _ => return,
            }
        }
        panic!("it does not come to an end");
    }

    pub(super) fn says(&self, kind: &str) -> String {
        let condition = self.world.condition(kind).cloned().unwrap_or_default();
        let of = |field: &str| condition[field].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {}", of("status"), of("reason"), of("message"))
    }

    pub(super) fn ready(&self) -> String {
        let says = self.says("Ready");
        says.split(':').next().unwrap().to_owned()
    }

    pub(super) fn things(&self) -> usize {
        self.broker.borrow().things.len()
    }

    /// Whether these texts are nowhere but where they belong.
    pub(super) fn hides(&self, texts: &[&str]) {
        let object = self.world.object().to_string();
        let events = format!("{:?}", self.world.events());
        for text in texts {
            assert!(!object.contains(text), "{text} in {object}");
            assert!(!events.contains(text), "{text} in {events}");
        }
    }
}

pub(super) fn reconcile_any(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    reconcile(&object, cx)
}

/// An instance that is at its broker, as a run leaves it.
pub(super) fn provisioned() -> Value {
    let mut site = Site::instance();
    site.finish();
    let mut object = site.world.object().clone();
    object["metadata"]["name"] = json!("db");
    object["metadata"]["uid"] = json!("the-instance");
    object
}
