//! Planted secrets: the broker's password, parameters out of a Secret, and credentials of bindings. The broker repeats all of them in
//! whatever it tells, and nobody reads them: in no log, metric, Event, condition or status, and in no object but the Secrets that
//! they belong to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Api, DynamicObject, ListParams};
use kube::discovery::{Discovery, verbs};
use oarlock_broker::{Access, Behaviour, Op, Record};
use serde_json::{Value, json};

use crate::process::PATIENCE;
use crate::service_objects::{binding, broker, condition, instance, secret};
use crate::service_site::Services;
use crate::site::Operator;

const USER: &str = "oarlock";
const PASSWORD: &str = "planted-account-81d1f0a3";
const PARAMETER: &str = "planted-parameter-5c07be12";
const NESTED: &str = "planted-nested-9b2ff4d0";
/// More than one line, as keys are.
const KEY: &str = "planted-begin-6d1e0c\nplanted-middle-0f4b77\nplanted-end-b3a921";
const BINDING_PARAMETER: &str = "planted-role-40c9d7aa";

/// Everything of this program, and of what it speaks HTTP with.
const FILTER: &str = "trace,cranelift_codegen=warn,wasmtime_internal_cranelift=warn,regalloc2=warn";

/// What is watched over: the operator, all objects, and what the broker knows.
struct Watch {
    services: Services,
    operator: Operator,
    scanned: usize,
}

impl Watch {
    async fn new() -> Self {
        let services = Services::new().await;
        let access = Access::Basic(USER.to_owned(), PASSWORD.to_owned());
        services.broker.access(access);
        // Pauses are short.
        services.ground.site.cluster.run_clock_at(10).await;
        let clock = format!("{}/clock", services.ground.site.cluster.url);
        let arguments = ["--log", FILTER, "--clock", &clock];
        let operator = services.ground.site.operator_with(&arguments).await;
        Self {
            services,
            operator,
            scanned: 0,
        }
    }

    /// All texts that are secret by now.
    fn secrets(&self) -> Vec<String> {
        let mut all = self.services.broker.secrets();
        all.extend([PARAMETER, NESTED, BINDING_PARAMETER].map(str::to_owned));
        all.extend(KEY.lines().map(str::to_owned));
        all.push(STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let encoded: Vec<String> = all.iter().map(|text| STANDARD.encode(text)).collect();
        all.extend(encoded);
        all
    }

    /// What a broker tells that repeats what it was sent for an object, first in a way that is shown, and then where it may be cut
    /// off.
    fn babble(&self, sent: &[&str], more: &[(&str, Value)]) -> String {
        let mut all = vec![
            PASSWORD.to_owned(),
            STANDARD.encode(format!("{USER}:{PASSWORD}")),
        ];
        all.extend(sent.iter().map(|&text| text.to_owned()));
        let once = format!("babble of {}", all.join(", "));
        let long = (0..400).map(|number| format!(" {number} {}", all[number % all.len()]));
        let mut told = json!({"description": once + &long.collect::<String>()});
        for (key, value) in more {
            told[*key] = value.clone();
        }
        told.to_string()
    }

    /// The next such call is answered by a babble; of bindings with the credentials of one that is at the broker.
    fn babbles(&self, op: Op, status: u16, more: &[(&str, Value)]) {
        let binding = self.services.broker.bindings().last().cloned();
        self.babbles_of(binding.as_ref(), op, status, more);
    }

    fn babbles_of(&self, binding: Option<&Record>, op: Op, status: u16, more: &[(&str, Value)]) {
        let is_of_binding = matches!(op, Op::Bind | Op::Unbind);
        let mut sent: Vec<&str> = match op {
            Op::Catalog => Vec::new(),
            _ if is_of_binding => vec![BINDING_PARAMETER],
            _ => vec![PARAMETER, NESTED, KEY],
        };
        let credentials = binding.map(|binding| binding.credentials.to_string());
        let credentials = credentials.filter(|_| is_of_binding).unwrap_or_default();
        let all = self.services.broker.secrets();
        let given = all
            .iter()
            .filter(|text| credentials.contains(text.as_str()));
        sent.extend(given.map(String::as_str));
        let body = self.babble(&sent, more);
        let behaviour = Behaviour::Says { status, body };
        self.services.broker.next(op, behaviour);
    }

    /// Waits until an object's condition says that it heard a babble; masked, as it has to be.
    async fn heard(&self, kind: &str, name: &str, type_: &str) {
        let is_heard = |object: &DynamicObject| {
            let told = condition(object, type_).unwrap_or_default();
            let message = told["message"].as_str().unwrap_or_default();
            message.contains("babble of ") && message.contains("redacted")
        };
        self.were_asked_for().await;
        self.services.objects.when(kind, name, is_heard).await;
    }

    /// Waits until all babbles were heard.
    async fn were_asked_for(&self) {
        let broker = &self.services.broker;
        let asked = broker.until(|broker| broker.unused() == 0);
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        assert!(asked.is_ok(), "nobody asked: {:#?}", broker.calls());
    }

    /// Nothing that can be read has a secret.
    async fn nobody_tells(&mut self, moment: &str) {
        let secrets = self.secrets();
        let (status, metrics) = self.operator.get("/metrics").await;
        assert_eq!(status, 200);
        let mut texts = vec![
            ("the log".to_owned(), self.operator.process.log()),
            ("/metrics".to_owned(), metrics),
        ];
        texts.extend(self.everything().await);
        self.scanned += texts.len();
        for (place, text) in texts {
            for secret in &secrets {
                let line = text.lines().find(|line| line.contains(secret.as_str()));
                assert_eq!(line, None, "{moment}: {place} tells {secret}");
                // The beginning of one that was cut off.
                let half = &secret[..secret.len() * 2 / 3];
                let line = text.lines().find(|line| line.contains(half));
                assert_eq!(line, None, "{moment}: {place} tells the most of {secret}");
            }
        }
    }

    /// All objects of all kinds, without what Secrets are for.
    async fn everything(&self) -> Vec<(String, String)> {
        let client = &self.services.objects.client;
        let discovery = Discovery::new(client.clone()).run().await.unwrap();
        let mut found = Vec::new();
        for group in discovery.groups() {
            for (resource, capabilities) in group.recommended_resources() {
                if !capabilities.supports_operation(verbs::LIST) {
                    continue;
                }
                let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
                for mut object in api.list(&ListParams::default()).await.unwrap() {
                    let name = object.metadata.name.clone().unwrap_or_default();
                    if resource.kind == "Secret" {
                        allowed(&name, &mut object);
                    }
                    let place = format!("{} {name}", resource.kind);
                    found.push((place, json!(object).to_string()));
                }
            }
        }
        let kinds: Vec<&str> = found
            .iter()
            .filter_map(|(place, _)| place.split(' ').next())
            .collect();
        for kind in ["Secret", "ServiceBroker", "Event"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        found
    }
}

/// Takes out of a Secret what belongs there, and nothing else.
fn allowed(name: &str, object: &mut DynamicObject) {
    let entries: &[&str] = match name {
        "account" => &["username", "password"],
        "parameters" => &["json", "role"],
        "creds" => &["uri", "username", "password", "tls"],
        _ => &[],
    };
    let data = object.data["data"].as_object_mut();
    if let Some(data) = data {
        data.retain(|key, _| !entries.contains(&key.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_what_the_broker_repeats() {
    let mut watch = Watch::new().await;
    let objects = watch.services.objects.clone();

    objects
        .apply(secret(
            "account",
            &json!({"username": USER, "password": PASSWORD}),
        ))
        .await;
    let hidden = json!({"adminPassword": PARAMETER, "deep": {"list": [NESTED]}, "key": KEY});
    let role = json!({"role": BINDING_PARAMETER});
    let hidden = json!({"json": hidden.to_string(), "role": role.to_string()});
    objects.apply(secret("parameters", &hidden)).await;
    let from = |key: &str| json!([{"secretKeyRef": {"name": "parameters", "key": key}}]);

    // The catalog.
    watch.babbles(Op::Catalog, 401, &[]);
    let mut wanted = broker("broker", &watch.services.server.url);
    wanted["spec"]["authInfo"] = json!({"basic": {"secretRef": {"name": "account"}}});
    objects.apply(wanted).await;
    watch.heard("ServiceBroker", "broker", "Ready").await;
    watch.nobody_tells("the catalog was refused").await;
    objects
        .patch(
            "ServiceBroker",
            "broker",
            json!({"spec": {"relistRequests": 1}}),
        )
        .await;
    objects.ready("ServiceBroker", "broker").await;

    // An instance: refused, polled, and there.
    watch.babbles(Op::Provision, 400, &[("error", json!(PASSWORD))]);
    let mut wanted = instance("db", "postgres", "small");
    wanted["spec"]["parameters"] = json!({"size": 1});
    wanted["spec"]["parametersFrom"] = from("json");
    objects.apply(wanted).await;
    watch.heard("ServiceInstance", "db", "Failed").await;
    watch.nobody_tells("the instance was refused").await;
    let asked = &watch.services.broker.asked(Op::Provision)[0];
    assert_eq!(
        asked.body["parameters"]["adminPassword"], PARAMETER,
        "the broker has it"
    );
    watch
        .services
        .broker
        .next(Op::Provision, Behaviour::NeverFinishAsync);
    let polled = ("state", json!("in progress"));
    watch.babbles(Op::LastOperation, 200, &[polled]);
    objects
        .patch(
            "ServiceInstance",
            "db",
            json!({"spec": {"updateRequests": 1}}),
        )
        .await;
    watch.heard("ServiceInstance", "db", "Ready").await;
    watch.nobody_tells("the instance was polled").await;
    let id = watch.services.broker.instances()[0].id.clone();
    assert!(watch.services.broker.finish(&id));
    objects.ready("ServiceInstance", "db").await;

    // Its update: refused, and failed at the broker.
    watch.babbles(Op::Update, 422, &[("error", json!(PARAMETER))]);
    objects
        .patch(
            "ServiceInstance",
            "db",
            json!({"spec": {"updateRequests": 2}}),
        )
        .await;
    watch.heard("ServiceInstance", "db", "Failed").await;
    watch.nobody_tells("the update was refused").await;
    watch
        .services
        .broker
        .next(Op::Update, Behaviour::NeverFinishAsync);
    let failed = [
        ("state", json!("failed")),
        ("update_repeatable", json!(false)),
    ];
    watch.babbles(Op::LastOperation, 200, &failed);
    objects
        .patch(
            "ServiceInstance",
            "db",
            json!({"spec": {"updateRequests": 3}}),
        )
        .await;
    watch.heard("ServiceInstance", "db", "Failed").await;
    watch.nobody_tells("the update failed").await;
    watch.services.broker.finish(&id);
    objects
        .patch(
            "ServiceInstance",
            "db",
            json!({"spec": {"updateRequests": 4}}),
        )
        .await;
    objects.ready("ServiceInstance", "db").await;

    // A binding: refused, there, and its rotation refused.
    watch.babbles(Op::Bind, 400, &[]);
    let mut wanted = binding("creds", "db");
    wanted["spec"]["parametersFrom"] = from("role");
    objects.apply(wanted).await;
    watch.heard("ServiceBinding", "creds", "Failed").await;
    let told = objects.event("creds", "BindCallFailed").await;
    assert!(
        told.contains("babble of ") && told.contains("redacted"),
        "{told}"
    );
    watch.nobody_tells("the binding was refused").await;
    objects
        .patch(
            "ServiceBinding",
            "creds",
            json!({"spec": {"parameters": {"again": true}}}),
        )
        .await;
    objects.ready("ServiceBinding", "creds").await;
    let there = watch.services.broker.bindings()[0].credentials.clone();
    let stored = objects.secret("creds").await.unwrap();
    assert_eq!(json!(stored["password"]), there["password"]);
    watch.nobody_tells("the binding is there").await;
    watch.babbles(Op::Bind, 400, &[]);
    let rotate = json!({"servicecatalog.oarlock.dev/rotate": "now"});
    objects
        .patch(
            "ServiceBinding",
            "creds",
            json!({"metadata": {"annotations": rotate}}),
        )
        .await;
    watch.heard("ServiceBinding", "creds", "Ready").await;
    watch.nobody_tells("the rotation was refused").await;
    let rotated = watch
        .services
        .broker
        .until(|broker| broker.bindings().len() == 2);
    let rotated = tokio::time::timeout(PATIENCE, rotated).await;
    assert!(rotated.is_ok(), "{:#?}", watch.services.broker.calls());

    // Their end.
    let (new, old): (Vec<_>, Vec<_>) = watch
        .services
        .broker
        .bindings()
        .into_iter()
        .partition(|binding| binding.predecessor.is_some());
    objects
        .when("ServiceBinding", "creds", |creds| {
            creds.data["status"]["externalID"] == new[0].id.as_str()
        })
        .await;
    // The newest goes first, which is that of the Secret.
    watch.babbles_of(new.first(), Op::Unbind, 500, &[]);
    watch.babbles_of(new.first(), Op::Unbind, 500, &[]);
    watch.services.broker.next(Op::Unbind, Behaviour::Well);
    watch.babbles_of(old.first(), Op::Unbind, 500, &[]);
    objects.delete("ServiceBinding", "creds").await;
    watch.were_asked_for().await;
    // Of what is in no Secret any more it is not known whether it is repeated.
    let is_mute = |creds: &DynamicObject| {
        let told = condition(creds, "Ready").unwrap_or_default();
        let message = told["message"].as_str().unwrap_or_default();
        told["reason"] == "UnbindCallFailed"
            && message.contains("answered 500: what it says is not shown")
    };
    objects.when("ServiceBinding", "creds", is_mute).await;
    watch.nobody_tells("the binding was not removed").await;
    objects.gone("ServiceBinding", "creds").await;
    watch.babbles(Op::Deprovision, 400, &[]);
    objects.delete("ServiceInstance", "db").await;
    watch.heard("ServiceInstance", "db", "Ready").await;
    watch.nobody_tells("the instance was not removed").await;
    objects.gone("ServiceInstance", "db").await;
    watch.nobody_tells("all is gone").await;

    assert_eq!(watch.services.there(), (0, 0));
    assert!(watch.scanned > 100, "{}", watch.scanned);
    let log = watch.operator.process.log();
    for verbose in ["TRACE", "the broker was asked"] {
        assert!(log.contains(verbose), "{verbose} is not logged");
    }
}
