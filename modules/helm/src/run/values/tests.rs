#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::cell::RefCell;
use std::rc::Rc;

use oarlock_sdk::http::Response;
use oarlock_sdk::testing::FakeCluster;
use oarlock_sdk::{Cluster, KindInfo, Selection, State, json};

use super::*;
use crate::run::engine::scripted::{Call, Scripted};

const CHART: &str = "sha256:1";

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no map"),
    }
}

fn inline(value: Value) -> Values {
    Values::Inline(fields(value))
}

fn from(secret: bool, name: &str) -> Values {
    Values::From {
        secret,
        namespace: None,
        name: name.to_owned(),
        key: String::from("values.yaml"),
        target: None,
        literal: false,
        optional: false,
    }
}

fn targeted(text: &str, literal: bool) -> (FakeCluster, Values) {
    let cluster = FakeCluster::new().object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "shop"},
        "data": {"values.yaml": text},
    }));
    let values = match from(false, "one") {
        Values::From {
            secret,
            namespace,
            name,
            key,
            optional,
            ..
        } => Values::From {
            secret,
            namespace,
            name,
            key,
            target: Some(String::from("image.tag")),
            literal,
            optional,
        },
        other => other,
    };
    (cluster, values)
}

fn optional(values: Values) -> Values {
    match values {
        Values::From {
            secret,
            namespace,
            name,
            key,
            target,
            literal,
            ..
        } => Values::From {
            secret,
            namespace,
            name,
            key,
            target,
            literal,
            optional: true,
        },
        other => other,
    }
}

fn cluster() -> FakeCluster {
    FakeCluster::new()
        .object(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "base", "namespace": "shop"},
            "data": {"values.yaml": "replicas: 2\nimage:\n  tag: 1.0\n  name: web\n", "list": "- 1\n", "broken": "a: b\n: c: d"},
        }))
        .object(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "shop"},
            // password: hunter2
            "data": {"values.yaml": "cGFzc3dvcmQ6IGh1bnRlcjIK"},
        }))
}

fn engine() -> Scripted {
    Scripted::new()
        .chart(CHART, "web", "1.0.0", |_| Ok(Default::default()))
        .file(CHART, "values-prod.yaml", json!({"replicas": 9}))
}

fn context(cluster: FakeCluster) -> Context {
    Context::builder().cluster(cluster).build()
}

fn merged(cx: &Context, engine: &Scripted, values: &[Values]) -> Result<Value, Obstacle> {
    let reader = Reader {
        cx,
        engine,
        chart: CHART,
        namespace: "shop",
        account: None,
        lenient: false,
        keys: Keys::new(cx, "shop", None),
    };
    reader.merged(values).map(Value::Object)
}

fn refused(values: Values) -> String {
    let obstacle = merged(&context(cluster()), &engine(), &[values]).unwrap_err();
    assert_eq!(obstacle.reason, "ValuesFailed");
    obstacle.message
}

#[test]
fn later_values_win_and_maps_become_one() {
    let values = [
        from(false, "base"),
        from(true, "login"),
        inline(json!({"image": {"tag": "2.0", "pull": null}, "replicas": {"min": 1}})),
    ];
    let engine = engine();
    let merged = merged(&context(cluster()), &engine, &values).unwrap();
    assert_eq!(
        merged,
        json!({
            "replicas": {"min": 1},
            "image": {"tag": "2.0", "name": "web", "pull": null},
            "password": "hunter2",
        })
    );
    // A run that changes nothing asks no engine.
    assert_eq!(engine.calls(), []);
}

#[test]
fn paths_and_files_are_the_engines_business() {
    let values = [
        Values::ChartFile {
            path: String::from("values-prod.yaml"),
            optional: false,
        },
        Values::Set(String::from("image.tag=3")),
        inline(json!({"image": {"name": "web"}})),
    ];
    let engine = engine();
    let merged = merged(&context(cluster()), &engine, &values).unwrap();
    assert_eq!(
        merged,
        json!({"replicas": 9, "image": {"tag": 3, "name": "web"}})
    );
    assert!(matches!(engine.calls().as_slice(), [Call::Merge(sources)] if sources.len() == 3));
}

#[test]
fn one_value_at_a_path_is_read_as_flux_reads_it() {
    let source = |text: &str, literal| {
        let (cluster, values) = targeted(text, literal);
        let engine = engine();
        merged(&context(cluster), &engine, &[values]).unwrap();
        match engine.calls().as_slice() {
            [Call::Merge(sources)] => sources[0].clone(),
            other => panic!("{other:?}"),
        }
    };
    let set = |text: &str| ValueSource::Set(text.to_owned());
    let text = |text: &str| ValueSource::SetString(text.to_owned());
    assert_eq!(source("1.0", false), set("image.tag=1.0"));
    assert_eq!(source("'1.0'", false), text("image.tag=1.0"));
    assert_eq!(source("\"1.0\"", false), text("image.tag=1.0"));
    assert_eq!(source("'", false), set("image.tag='"));
    assert_eq!(
        source("'a,b'", true),
        ValueSource::SetLiteral(String::from("image.tag='a,b'"))
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        refused(from(true, "nowhere")),
        "could not resolve Secret chart values reference 'shop/nowhere' with key 'values.yaml': secrets \"nowhere\" not found\n\
         hint: create it; it is looked at as soon as it is there"
    );
    let key = |key: &str| match from(false, "base") {
        Values::From { name, .. } => Values::From {
            secret: false,
            namespace: None,
            name,
            key: key.to_owned(),
            target: None,
            literal: false,
            optional: false,
        },
        other => other,
    };
    assert_eq!(
        refused(key("prod.yaml")),
        "could not resolve ConfigMap chart values reference 'shop/base' with key 'prod.yaml': key not found\n\
         hint: it has broken, list, values.yaml"
    );
    assert_eq!(
        refused(key("list")),
        "could not resolve ConfigMap chart values reference 'shop/base' with key 'list': the document is a list, expected a map of values"
    );
    let broken = refused(key("broken"));
    assert!(
        broken.contains("with key 'broken': yaml: line 2: "),
        "{broken}"
    );
}

#[test]
fn what_is_optional_may_be_missing() {
    let (cx, engine) = (context(cluster()), engine());
    let values = [
        optional(from(true, "nowhere")),
        Values::ChartFile {
            path: String::from("nowhere.yaml"),
            optional: true,
        },
        inline(json!({"a": 1})),
    ];
    assert_eq!(merged(&cx, &engine, &values).unwrap(), json!({"a": 1}));
    let file = Values::ChartFile {
        path: String::from("nowhere.yaml"),
        optional: false,
    };
    let obstacle = merged(&cx, &engine, &[file]).unwrap_err();
    assert!(
        obstacle
            .message
            .starts_with("failed to read nowhere.yaml: the chart web has no such file"),
        "{obstacle:?}"
    );
}

#[test]
fn a_missing_key_is_optional_for_the_first_flux_alone() {
    let value = |lenient| {
        let (cx, engine) = (context(cluster()), engine());
        let key = match optional(from(true, "login")) {
            Values::From {
                secret,
                namespace,
                name,
                target,
                literal,
                optional,
                ..
            } => Values::From {
                secret,
                namespace,
                name,
                key: String::from("other"),
                target,
                literal,
                optional,
            },
            other => other,
        };
        let reader = Reader {
            cx: &cx,
            engine: &engine,
            chart: CHART,
            namespace: "shop",
            account: None,
            lenient,
            keys: Keys::new(&cx, "shop", None),
        };
        reader.merged(&[key])
    };
    assert_eq!(value(true), Ok(Map::new()));
    assert!(value(false).unwrap_err().message.contains("key not found"));
}

#[test]
fn documents_at_urls_are_fetched() {
    let answered = |status: u16, body: &str, optional: bool| {
        let body = body.as_bytes().to_vec();
        let cx = Context::builder()
            .http(move |request| {
                assert_eq!(request.url, "https://example.com/values.yaml");
                Ok(Response {
                    status,
                    body: body.clone(),
                    ..Response::default()
                })
            })
            .build();
        let url = Values::Url {
            url: String::from("https://example.com/values.yaml"),
            optional,
        };
        merged(&cx, &engine(), &[url])
    };
    assert_eq!(answered(200, "a: 1", false).unwrap(), json!({"a": 1}));
    assert_eq!(answered(404, "", true).unwrap(), json!({}));
    let missing = answered(404, "", false).unwrap_err();
    assert_eq!(
        missing.message,
        "could not resolve chart values reference \"https://example.com/values.yaml\": the server answers 404"
    );
    // Values that come and go with a server would be a release each time.
    let broken = answered(503, "", true).unwrap_err();
    assert!(broken.retry.is_some());
}

#[test]
fn nothing_of_a_secret_is_told_where_it_does_not_fit() {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": "shop"},
        "data": {"password": STANDARD.encode("abc,hunter2"), "broken": STANDARD.encode("a: b\n: hunter2: d")},
    });
    let cx = context(FakeCluster::new().object(secret));
    let value = |key: &str, target: Option<&str>| Values::From {
        secret: true,
        namespace: None,
        name: String::from("login"),
        key: key.to_owned(),
        target: target.map(str::to_owned),
        literal: false,
        optional: false,
    };
    let told = |values: &[Values]| merged(&cx, &engine(), values).unwrap_err().message;
    let values = [
        Values::Set(String::from("a=1")),
        value("password", Some("login.password")),
        inline(json!({"b": 2})),
    ];
    assert_eq!(
        told(&values),
        "could not resolve Secret chart values reference 'shop/login' with key 'password': it is no value for the path \
         \"login.password\"\nhint: the text is read in the words of --set, where commas, braces and backslashes count: say literal: \
         true, or put it in quotes"
    );
    assert_eq!(
        told(&[value("broken", None)]),
        "could not resolve Secret chart values reference 'shop/login' with key 'broken': yaml: line 2: it is no YAML there"
    );
    // What somebody wrote into the object is Helm's to judge.
    let own = told(&[Values::Set(String::from("a=1,b"))]);
    assert!(
        own.starts_with("failed parsing --set data: key \"b\" has no value"),
        "{own}"
    );
}

/// Notes as whom each object is read.
struct Accounts(FakeCluster, Rc<RefCell<Vec<String>>>);

impl Cluster for Accounts {
    fn get(&self, target: &ObjectRef, act_as: Option<&str>) -> Result<Option<String>, ReadError> {
        let who = act_as.unwrap_or("the watch");
        self.1.borrow_mut().push(format!("{target} by {who}"));
        self.0.get(target, act_as)
    }

    fn get_live(
        &self,
        target: &ObjectRef,
        act_as: Option<&str>,
    ) -> Result<Option<String>, ReadError> {
        self.0.get_live(target, act_as)
    }

    fn query(&self, selection: &Selection) -> Result<Vec<String>, ReadError> {
        self.0.query(selection)
    }

    fn children(&self) -> Result<Vec<String>, ReadError> {
        self.0.children()
    }

    fn observe(&self, targets: &[ObjectRef]) -> Result<Vec<State>, ReadError> {
        self.0.observe(targets)
    }

    fn kinds(&self) -> Result<Vec<KindInfo>, ReadError> {
        self.0.kinds()
    }

    fn server_version(&self) -> Result<String, ReadError> {
        Cluster::server_version(&self.0)
    }
}

#[test]
fn values_of_other_namespaces_are_read_with_the_releases_rights() {
    let reads = Rc::new(RefCell::default());
    let cx = Context::builder()
        .cluster(Accounts(cluster(), Rc::clone(&reads)))
        .build();
    let elsewhere = Values::From {
        secret: true,
        namespace: Some(String::from("vault")),
        name: String::from("login"),
        key: String::from("values.yaml"),
        target: None,
        literal: false,
        optional: true,
    };
    let engine = engine();
    let reader = Reader {
        cx: &cx,
        engine: &engine,
        chart: CHART,
        namespace: "shop",
        account: Some("deployer"),
        lenient: true,
        keys: Keys::new(&cx, "shop", None),
    };
    reader.merged(&[from(true, "login"), elsewhere]).unwrap();
    assert_eq!(
        *reads.borrow(),
        [
            "v1 Secret shop/login by the watch",
            "v1 Secret vault/login by deployer"
        ]
    );
}
