//! One call of a module on a fresh instance.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::future::BoxFuture;
use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::reconciler::{
    Host, HttpError, HttpRequest, HttpResponse, LogLine, ObservedState, ReadError, Reconciler,
    Selection,
};
use oarlock_core::reference::{KindInfo, ObjectRef};
use oarlock_core::request::Request;
use oarlock_core::timestamp::Timestamp;
use oarlock_native::Native;
use oarlock_wasm::{EngineOptions, Loader};
use serde_json::json;

use crate::sample::Sample;
use crate::table::Table;
use crate::usage::thread_time;
use crate::{Effort, front, modules};

/// Calls before the first that counts.
const WARM_UP: usize = 500;

/// The targets.
const EMPTY: Duration = Duration::from_micros(10);
const WITH_JSON: Duration = Duration::from_micros(40);

pub(crate) fn measure(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(all(effort, table))
}

async fn all(effort: Effort, table: &mut Table) -> anyhow::Result<()> {
    let loader = Loader::new(EngineOptions::default())?;
    let nothing = loader
        .load(modules::component("guests/hostile-nothing")?)
        .await?;
    let echo = loader
        .load(modules::component("guests/hostile-echo")?)
        .await?;
    let canary = loader.load(modules::component("modules/canary")?).await?;
    let native = Native::default();

    let small = request(
        &json!({"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "skiff"}}),
    );
    let empty = sample(&nothing, &small, &[], effort.calls).await?;
    table.check(
        "fresh instance, empty call",
        empty.to_string(),
        "10 µs",
        empty.median <= EMPTY,
    );
    let sdk = loader
        .load(modules::component("guests/guest-rust")?)
        .await?;
    let leaving = Request {
        deleting: true,
        ..request(&greeting())
    };
    let left = sample(&sdk, &leaving, &[], effort.calls).await?;
    table.note(
        "fresh instance, a module on the SDK with nothing to do",
        left.to_string(),
    );
    let large = Request {
        object: stripped(0)?,
        ..small
    };
    let size = large.object.as_str().len();
    let echoed = sample(&echo, &large, &[], effort.calls).await?;
    table.check(
        format!("fresh instance, {size} bytes of JSON in and out"),
        echoed.to_string(),
        "40 µs",
        echoed.median <= WITH_JSON,
    );
    let deployer = request(&deployer());
    let children = [stripped(0)?];
    let first = canary
        .reconcile(&deployer, host(&children), Limits::default())
        .await?;
    let wasm = sample(&canary, &deployer, &children, effort.calls).await?;
    let natively = sample(&native, &deployer, &children, effort.calls).await?;
    // What is compared must be the same.
    anyhow::ensure!(
        native
            .reconcile(&deployer, host(&children), Limits::default())
            .await?
            == first,
        "the canary's outcome differs between component and native code"
    );
    let read = deployer.object.as_str().len() + children[0].as_str().len();
    table.check(
        format!("fresh instance, canary reading {read} bytes"),
        wasm.to_string(),
        "40 µs",
        wasm.median <= WITH_JSON,
    );
    table.note("the same canary natively", natively.to_string());
    Ok(())
}

async fn sample(
    module: &dyn Reconciler,
    request: &Request,
    children: &[Json],
    calls: usize,
) -> anyhow::Result<Sample> {
    let mut times = Vec::with_capacity(calls);
    for number in 0..WARM_UP + calls {
        let host = host(children);
        let start = thread_time();
        let outcome = module.reconcile(request, host, Limits::default()).await?;
        let time = thread_time().saturating_sub(start);
        drop(outcome);
        if number >= WARM_UP {
            times.push(time);
        }
    }
    Ok(Sample::of(times))
}

fn request(object: &serde_json::Value) -> Request {
    Request {
        object: Json::from_value(object),
        settings: Json::empty_object(),
        now: Timestamp::from_millis(1_793_534_400_000),
        seed: 42,
        attempt: 0,
        deleting: false,
        last: None,
    }
}

/// What the greeting guest is for.
fn greeting() -> serde_json::Value {
    json!({
        "apiVersion": "guests.oarlock.dev/v1", "kind": "Greeting",
        "metadata": {"name": "hello", "namespace": "team-a", "deletionTimestamp": "2026-11-02T09:14:27Z"},
        "spec": {"message": "Hello, world", "secretName": "greeter"},
    })
}

/// A Deployer in the middle of nothing.
pub(crate) fn deployer() -> serde_json::Value {
    json!({
        "apiVersion": "deploy.example.com/v1alpha1", "kind": "Deployer",
        "metadata": {
            "name": "web-000000", "namespace": "team-a", "generation": 1, "resourceVersion": "7",
            "uid": "41b2cf06-71c5-4f6d-bb4f-3c5e00000000", "creationTimestamp": "2026-11-02T09:14:27Z",
        },
        "spec": {
            "type": "canary",
            "deployment": {
                "name": "web-000000", "namespace": "team-a", "image": "nginx", "version": "1.7.7",
                "labels": {"app": "web-000000", "operator": "deployer"}, "replicas": 3,
            },
            "steps": [
                {"percent": 10, "sleep": 60}, {"percent": 30, "sleep": 30},
                {"percent": 60, "sleep": 30}, {"percent": 100},
            ],
        },
    })
}

/// A Deployment as a module sees it.
fn stripped(number: usize) -> anyhow::Result<Json> {
    let value = serde_json::from_str(&front::deployment(number))?;
    let cached = oarlock_core::cached::Cached::from_live(value)?;
    Ok(cached.json().clone())
}

fn host(children: &[Json]) -> Arc<Children> {
    Arc::new(Children(children.to_vec()))
}

/// A host that has children, and nothing else.
struct Children(Vec<Json>);

fn away<T: Send + 'static>() -> BoxFuture<'static, Result<T, ReadError>> {
    Box::pin(async { Err(ReadError::Unavailable("not here".to_owned())) })
}

impl Host for Children {
    fn get(
        &self,
        _: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        away()
    }

    fn get_live(
        &self,
        _: ObjectRef,
        _: Option<String>,
    ) -> BoxFuture<'_, Result<Option<Json>, ReadError>> {
        away()
    }

    fn query(&self, _: Selection) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        away()
    }

    fn children(&self) -> BoxFuture<'_, Result<Vec<Json>, ReadError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn observe(&self, _: Vec<ObjectRef>) -> BoxFuture<'_, Result<Vec<ObservedState>, ReadError>> {
        away()
    }

    fn kinds(&self) -> BoxFuture<'_, Result<Vec<KindInfo>, ReadError>> {
        away()
    }

    fn server_version(&self) -> BoxFuture<'_, Result<String, ReadError>> {
        away()
    }

    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async { Err(HttpError::Denied("not here".to_owned())) })
    }

    fn log(&self, _: LogLine) {}
}
