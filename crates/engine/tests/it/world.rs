//! A cluster, an operator in it that can be killed and started again, and the hands of everybody else.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

pub(crate) mod fake;
pub(crate) mod faults;
mod gate;
pub(crate) mod objects;
mod outbox;
pub(crate) mod shelf;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::runtime::wait::await_condition;
use oarlock_cluster::Kubernetes;
use oarlock_config::Watch;
use oarlock_core::artifact::Artifacts;
use oarlock_core::clock::Clock;
use oarlock_core::cluster::{Call, Cluster};
use oarlock_core::egress::Egress;
use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{Builder, DevCluster, Rbac, User, VirtualClock};
use oarlock_engine::{Engine, Module, Options};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use fake::Fake;
use faults::{Faults, Faulty, Strike};
use gate::Gate;
use objects::{at_widget, watch, widget_definition};
use outbox::Outbox;
use shelf::Shelf;

/// Longer than any test waits for anything that comes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Shorter than the first backoff: whatever happens at once has happened then.
const QUIET: Duration = Duration::from_millis(500);

pub(crate) struct World {
    pub(crate) dev: DevCluster,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) shelf: Arc<Shelf>,
    gate: Gate,
    faults: Arc<Faults>,
    watches: Vec<(Watch, Module)>,
    options: Options,
    api: oarlock_cluster::Options,
    operator: Option<Operator>,
}

/// The process that is killed.
struct Operator {
    engine: Arc<Engine>,
    kubernetes: Arc<Kubernetes>,
    run: JoinHandle<()>,
    stop: CancellationToken,
}

impl World {
    /// A cluster with the definition of Widget, and no operator yet.
    pub(crate) async fn new() -> Self {
        Self::of(|builder| builder).await
    }

    /// The same, where ServiceAccounts have the rights that roles give them, and the operator all.
    pub(crate) async fn guarded() -> Self {
        Self::of(|builder| builder.rbac(Rbac::new())).await
    }

    /// The same, where the operator has the rights of a ServiceAccount, and lists by pages.
    pub(crate) async fn confined(namespace: &str, account: &str) -> Self {
        const TOKEN: &str = "operator";
        let user = User::service_account(namespace, account);
        let rbac = Rbac::new().token(TOKEN, user).enforcing_owner_references();
        let mut world = Self::of(|builder| builder.rbac(rbac)).await;
        world.gate.speak_as(TOKEN);
        world.api.streamed_lists = false;
        world
    }

    /// What the operator was forbidden, as `METHOD path?query`.
    pub(crate) fn refused(&self) -> tokio::sync::watch::Receiver<Vec<String>> {
        self.gate.refused()
    }

    async fn of(build: impl FnOnce(Builder) -> Builder) -> Self {
        let clock = Arc::new(VirtualClock::new(
            Timestamp::from_millis(1_700_000_000_000),
            1.0,
        ));
        let dev = build(DevCluster::builder().clock(Arc::clone(&clock))).start();
        let world = Self {
            gate: Gate::new(dev.service()),
            dev,
            clock,
            outbox: Arc::default(),
            shelf: Arc::default(),
            faults: Arc::default(),
            watches: Vec::new(),
            options: Options {
                workers: NonZeroUsize::new(4).unwrap(),
                workers_per_watch: NonZeroUsize::new(4).unwrap(),
                seed: Some(7),
                ..Options::default()
            },
            api: oarlock_cluster::Options::default(),
            operator: None,
        };
        world.create(widget_definition()).await;
        world
    }

    /// An operator that serves Widgets with `module`.
    pub(crate) async fn with(module: &Arc<Fake>) -> Self {
        let mut world = Self::new().await;
        world.serve(watch(), module);
        world
    }

    pub(crate) fn workers(mut self, workers: usize) -> Self {
        self.options.workers = NonZeroUsize::new(workers).unwrap();
        self
    }

    /// An operator that sees these namespaces only.
    pub(crate) fn seeing(mut self, namespaces: &[&str]) -> Self {
        self.api.namespaces = namespaces.iter().map(|&n| n.to_owned()).collect();
        self
    }

    /// Serves one watch from now on; starts the operator where none runs.
    pub(crate) fn serve(&mut self, watch: Watch, module: &Arc<Fake>) {
        self.serve_all(vec![(watch, serving(module))]);
    }

    pub(crate) fn serve_all(&mut self, watches: Vec<(Watch, Module)>) {
        self.watches = watches;
        match &self.operator {
            Some(operator) => operator.engine.serve(self.watches.clone()),
            None => self.start(),
        }
    }

    pub(crate) fn start(&mut self) {
        let client = kube::Client::new(self.gate.clone(), "default");
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let kubernetes = Kubernetes::new(client, Arc::clone(&clock), self.api.clone());
        let faulty = Faulty::new(Arc::clone(&kubernetes) as Arc<dyn Cluster>, &self.faults);
        let egress = Arc::clone(&self.outbox) as Arc<dyn Egress>;
        let shelf = Arc::clone(&self.shelf) as Arc<dyn Artifacts>;
        let engine = Engine::with_packages(Arc::new(faulty), egress, shelf, clock, self.options);
        engine.serve(self.watches.clone());
        let stop = CancellationToken::new();
        let run = tokio::spawn(Arc::clone(&engine).run(stop.clone()));
        self.operator = Some(Operator {
            engine,
            kubernetes,
            run,
            stop,
        });
    }

    /// Asks the operator to end, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        let operator = self.operator.take().expect("an operator runs");
        operator.stop.cancel();
        operator.run.await.expect("it ends well");
        operator.kubernetes.shutdown().await;
    }

    /// How long runs may take to end after a stop.
    pub(crate) fn drain(mut self, time: Duration) -> Self {
        self.options.drain = time;
        self
    }

    /// Nothing that was going on goes on.
    pub(crate) async fn kill(&mut self) {
        let operator = self.operator.take().expect("an operator runs");
        operator.run.abort();
        let _aborted = operator.run.await;
        operator.kubernetes.shutdown().await;
        self.faults.mend();
    }

    pub(crate) async fn restart(&mut self) {
        self.kill().await;
        self.start();
    }

    /// The engine of the operator that runs.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        let operator = self.operator.as_ref().expect("an operator runs");
        Arc::clone(&operator.engine)
    }

    /// Asks for a run of a Widget.
    pub(crate) fn reconcile(&self, name: &str) {
        let operator = self.operator.as_ref().expect("an operator runs");
        operator.engine.reconcile(&at_widget(name));
    }

    /// From now on the operator hears nothing of kinds of which the path ends so; of what it missed it hears with `None`.
    pub(crate) fn delay(&self, path: Option<&'static str>) {
        self.gate.delay(path);
    }

    /// How many objects of a kind the operator has in its cache.
    pub(crate) fn cached(&self, gvk: &Gvk) -> usize {
        let operator = self.operator.as_ref().expect("an operator runs");
        operator.kubernetes.list(gvk, None).len()
    }

    /// From now on requests to a path that ends so are never answered.
    pub(crate) fn hold(&self, path: &'static str) {
        self.gate.hold(path);
    }

    /// Gives ServiceAccount `robot` of the namespace a right.
    pub(crate) async fn give(&self, name: &str, group: &str, resource: &str, verbs: &[&str]) {
        let rbac = "rbac.authorization.k8s.io";
        let metadata = json!({"name": name, "namespace": "default"});
        self.create(json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [group], "resources": [resource], "verbs": verbs}],
        }))
        .await;
        self.create(json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
        }))
        .await;
    }

    /// From now on writes meet what `rule` says.
    pub(crate) fn strike(&self, rule: impl FnMut(&Call) -> Strike + Send + 'static) {
        self.faults.set(rule);
    }

    pub(crate) fn mend(&self) {
        self.faults.mend();
    }

    /// Waits until so many writes were struck.
    pub(crate) async fn struck(&self, times: usize) {
        let waiting = self.faults.struck(times);
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("a write that is struck");
    }

    /// Requests of the operator since the last call, as `METHOD path`, watches aside.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.gate.requests()
    }

    /// Paths of the watches that the operator opened since the last call.
    pub(crate) fn watched(&self) -> Vec<String> {
        self.gate.watched()
    }

    /// Those of them that write.
    pub(crate) fn writes(&self) -> Vec<String> {
        let mut requests = self.requests();
        requests.retain(|request| !request.starts_with("GET "));
        requests
    }

    /// What the operator counts, as Prometheus reads it.
    pub(crate) fn metrics(&self) -> String {
        let operator = self.operator.as_ref().expect("an operator runs");
        let mut registry = prometheus_client::registry::Registry::default();
        operator.engine.register_metrics(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    /// Lets virtual time pass. It stands while anything is going on: afterwards all that was due has happened.
    pub(crate) async fn pass(&self, time: Duration) {
        Clock::sleep_until(&*self.clock, self.clock.now().after(time)).await;
    }

    /// Lets everything happen that happens at once.
    pub(crate) async fn quiet(&self) {
        self.pass(QUIET).await;
    }

    // What others do.

    fn api(&self, gvk: &Gvk, namespace: Option<&str>) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: gvk.group.clone(),
            version: gvk.version.clone(),
            api_version: gvk.api_version(),
            kind: gvk.kind.clone(),
            plural: format!("{}s", gvk.kind.to_lowercase()),
        };
        match namespace {
            Some(namespace) => Api::namespaced_with(self.dev.client(), namespace, &resource),
            None => Api::all_with(self.dev.client(), &resource),
        }
    }

    fn api_of(&self, target: &ObjectRef) -> Api<DynamicObject> {
        self.api(&target.gvk, target.namespace.as_deref())
    }

    pub(crate) async fn create(&self, value: Value) -> Value {
        let object = oarlock_core::object::Object::from_value(value.clone()).unwrap();
        let params = PostParams {
            field_manager: Some("kubectl".to_owned()),
            ..PostParams::default()
        };
        let content = serde_json::from_value(value).unwrap();
        let created = self
            .api_of(object.target())
            .create(&params, &content)
            .await
            .unwrap();
        serde_json::to_value(created).unwrap()
    }

    pub(crate) async fn get(&self, target: &ObjectRef) -> Option<Value> {
        let found = self.api_of(target).get_opt(&target.name).await.unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// The object, which must be there.
    pub(crate) async fn live(&self, target: &ObjectRef) -> Value {
        let found = self.get(target).await;
        found.unwrap_or_else(|| panic!("{target} is not there"))
    }

    pub(crate) async fn list(&self, gvk: &Gvk, namespace: Option<&str>) -> Vec<Value> {
        let list = self
            .api(gvk, namespace)
            .list(&ListParams::default())
            .await
            .unwrap();
        list.items
            .into_iter()
            .map(|item| serde_json::to_value(item).unwrap())
            .collect()
    }

    /// A JSON Merge Patch by `manager`.
    pub(crate) async fn patch_as(&self, manager: &str, target: &ObjectRef, patch: Value) -> Value {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let api = self.api_of(target);
        let patched = api
            .patch(&target.name, &params, &Patch::Merge(patch))
            .await
            .unwrap();
        serde_json::to_value(patched).unwrap()
    }

    pub(crate) async fn patch(&self, target: &ObjectRef, patch: Value) -> Value {
        self.patch_as("kubectl", target, patch).await
    }

    pub(crate) async fn patch_status(&self, target: &ObjectRef, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        let api = self.api_of(target);
        api.patch_status(&target.name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub(crate) async fn delete(&self, target: &ObjectRef) {
        let api = self.api_of(target);
        let _deleted = api
            .delete(&target.name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Watches an object until `met`, and returns it as it then is.
    pub(crate) async fn until(
        &self,
        target: &ObjectRef,
        met: impl Fn(Option<&Value>) -> bool,
    ) -> Option<Value> {
        let value = |object: &DynamicObject| serde_json::to_value(object).unwrap();
        let condition = |object: Option<&DynamicObject>| met(object.map(value).as_ref());
        let waiting = await_condition(self.api_of(target), &target.name, condition);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(object) => object.unwrap().as_ref().map(value),
            Err(_) => {
                let shown = self.get(target).await.map(|value| format!("{value:#}"));
                panic!(
                    "{target} never became what it should be: {}",
                    shown.unwrap_or_default()
                );
            }
        }
    }

    pub(crate) async fn until_there(&self, target: &ObjectRef) -> Value {
        self.until(target, |live| live.is_some()).await.unwrap()
    }

    pub(crate) async fn until_gone(&self, target: &ObjectRef) {
        self.until(target, |live| live.is_none()).await;
    }

    /// Waits until a Widget has the condition with this status and reason, and returns its message.
    pub(crate) async fn until_condition(
        &self,
        name: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> String {
        let found = |live: Option<&Value>| {
            live.and_then(|live| objects::condition(live, kind))
                .is_some_and(|c| c["status"] == status && c["reason"] == reason)
        };
        let widget = self.until(&at_widget(name), found).await.unwrap();
        let condition = objects::condition(&widget, kind).unwrap();
        condition["message"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn until_ready(&self, name: &str) {
        self.until_condition(name, "Ready", "True", "Reconciled")
            .await;
    }

    /// Events about a Widget: `Type Reason: note (count)`, sorted.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let gvk = Gvk::new("events.k8s.io", "v1", "Event");
        let mut lines: Vec<String> = self
            .list(&gvk, Some("default"))
            .await
            .iter()
            .filter(|event| {
                event["regarding"]["name"] == name && event["regarding"]["kind"] == "Widget"
            })
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                let count = event["series"]["count"].as_u64().unwrap_or(1);
                format!(
                    "{} {}: {} ({count})",
                    text("type"),
                    text("reason"),
                    text("note")
                )
            })
            .collect();
        lines.sort();
        lines
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(operator) = &self.operator {
            operator.run.abort();
        }
    }
}

pub(crate) fn serving(module: &Arc<Fake>) -> Module {
    Module::Serving(Arc::clone(module) as Arc<dyn oarlock_core::reconciler::Reconciler>)
}
