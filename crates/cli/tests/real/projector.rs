//! Bindings of servicebinding.io in workloads of a real API server, whose users go on to write them in their own way.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::runtime::conditions::is_deleted;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::audit::Account;
use crate::ground::{Ground, Operator, is_ready, replace};
use crate::process::{PATIENCE, modules, root};
use crate::watching::define_as;

const GROUP: &str = "servicebinding.io";

/// How a user writes a workload.
#[derive(Clone, Copy)]
enum Way {
    /// `kubectl apply --server-side`, without force.
    Apply,
    /// `kubectl create`, then strategic merge patches, as `kubectl apply` without `--server-side` sends them.
    Patch,
}

struct Site {
    ground: Ground,
    deployments: Api<DynamicObject>,
    bindings: Api<DynamicObject>,
    operator: Operator,
}

impl Site {
    async fn new(test: &str) -> Option<Self> {
        let ground = Ground::new(test).await?;
        for name in ["servicebindings", "clusterworkloadresourcemappings"] {
            let file = root().join(format!("modules/projector/crds/{name}.yaml"));
            let text = std::fs::read_to_string(file).unwrap();
            define_as(&ground.client, serde_saphyr::from_str(&text).unwrap()).await;
        }
        let file = root().join("examples/service-catalog/projection/watches.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        let mut entries: Vec<Value> = serde_saphyr::from_str(&text).unwrap();
        for entry in &mut entries {
            entry["selector"] = json!({"matchLabels": {"test": ground.namespace}});
        }
        replace(
            &ground.path("watches.yaml"),
            json!(entries).to_string().as_bytes(),
        );
        let file = modules().join("projector.wasm");
        let module = std::fs::read(&file).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; hint: cargo xtask modules projector",
                file.display()
            )
        });
        ground.module("projector.wasm", &module);
        let operator = ground.operator().await;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders"},
            "stringData": {"type": "postgresql", "host": "db.example", "password": "long"},
        });
        ground.apply(&ground.api("", "v1", "Secret"), secret).await;
        Some(Self {
            deployments: ground.api("apps", "v1", "Deployment"),
            bindings: ground.api(GROUP, "v1", "ServiceBinding"),
            ground,
            operator,
        })
    }

    /// A user writes the Deployment, for the first time or again.
    async fn writes(&self, way: Way, wanted: &Value) {
        let is_there = self.deployments.get_opt("app").await.unwrap().is_some();
        match way {
            Way::Apply => self.ground.apply(&self.deployments, wanted.clone()).await,
            Way::Patch if is_there => {
                let user = PatchParams {
                    field_manager: Some("kubectl-client-side-apply".to_owned()),
                    ..PatchParams::default()
                };
                let patch = Patch::Strategic(wanted);
                drop(self.deployments.patch("app", &user, &patch).await.unwrap());
            }
            Way::Patch => {
                let user = PostParams {
                    field_manager: Some("kubectl-create".to_owned()),
                    ..PostParams::default()
                };
                let object = serde_json::from_value(wanted.clone()).unwrap();
                drop(self.deployments.create(&user, &object).await.unwrap());
            }
        }
    }

    /// The Deployment once its own controller is done with it.
    async fn settled(&self) -> DynamicObject {
        let is_done = |app: &DynamicObject| {
            let status = &app.data["status"];
            status["observedGeneration"].as_i64() == app.metadata.generation
                && status["updatedReplicas"] == 2
                && status["availableReplicas"] == 2
                && status["replicas"] == 2
        };
        self.ground.when(&self.deployments, "app", is_done).await
    }

    async fn bind(&self) {
        let binding = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "ServiceBinding", "metadata": {"name": "db"},
            "spec": {
                "service": {"apiVersion": "v1", "kind": "Secret", "name": "orders"},
                "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
                "env": [{"name": "HOST", "key": "host"}],
            },
        });
        self.ground.apply(&self.bindings, binding).await;
        self.ground.when(&self.bindings, "db", is_ready).await;
    }

    async fn unbind(&self) {
        let uid = self.bindings.get("db").await.unwrap().metadata.uid.unwrap();
        let asked = self.bindings.delete("db", &DeleteParams::default()).await;
        drop(asked.unwrap());
        let gone = await_condition(self.bindings.clone(), "db", is_deleted(&uid));
        let gone = tokio::time::timeout(PATIENCE, gone).await;
        gone.expect("it is let go").unwrap();
    }

    /// Has the operator look at the binding, to its end.
    async fn look(&self, note: &str) {
        let patch = json!({"metadata": {"annotations": {"oarlock.dev/requested-at": note}}});
        let user = PatchParams::default();
        let asked = self.bindings.patch("db", &user, &Patch::Merge(patch)).await;
        drop(asked.unwrap());
        let is_handled = |db: &DynamicObject| {
            let annotations = db.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get("oarlock.dev/handled-at")) == Some(&note.to_owned())
        };
        self.ground.when(&self.bindings, "db", is_handled).await;
    }
}

/// Two Pods of a container and what is beside it, with things of their user's own.
fn deployment(image: &str, volumes: bool) -> Value {
    let mut wanted = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app", "labels": {"tier": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {
                "metadata": {"labels": {"app": "app"}},
                "spec": {
                    "initContainers": [{"name": "migrate", "image": "migrate"}],
                    "containers": [
                        {"name": "app", "image": image, "env": [{"name": "A", "value": "1"}]},
                        {"name": "side", "image": "side", "env": [{"name": "SERVICE_BINDING_ROOT", "value": "/own"}]},
                    ],
                },
            },
        },
    });
    if volumes {
        let spec = &mut wanted["spec"]["template"]["spec"];
        spec["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
        spec["containers"][1]["volumeMounts"] = json!([{"name": "tmp", "mountPath": "/tmp"}]);
    }
    wanted
}

/// All that users write, as the API server has it.
fn content(object: &DynamicObject) -> Value {
    let mut annotations = object.metadata.annotations.clone().unwrap_or_default();
    annotations.remove("deployment.kubernetes.io/revision");
    json!({
        "labels": object.metadata.labels,
        "annotations": annotations,
        "finalizers": object.metadata.finalizers,
        "spec": object.data["spec"],
    })
}

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item["name"].as_str()).collect()
}

fn managers(object: &DynamicObject) -> Vec<String> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let all = entries.filter(|entry| entry.subresource.is_none());
    all.filter_map(|entry| entry.manager.clone()).collect()
}

/// What a binding puts in.
fn bound(object: &DynamicObject, volumes: bool) {
    let spec = &object.data["spec"]["template"]["spec"];
    let volume = names(&spec["volumes"])[usize::from(volumes)];
    assert!(volume.starts_with("binding-"), "{volume}");
    assert_eq!(
        names(&spec["containers"][0]["env"]),
        ["A", "SERVICE_BINDING_ROOT", "HOST"]
    );
    assert_eq!(
        names(&spec["containers"][1]["env"]),
        ["SERVICE_BINDING_ROOT", "HOST"]
    );
    let place = |list: &str, container: usize, mount: usize| {
        let mounts = &spec[list][container]["volumeMounts"];
        mounts[mount]["mountPath"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(place("initContainers", 0, 0), "/bindings/db");
    assert_eq!(place("containers", 0, 0), "/bindings/db");
    assert_eq!(place("containers", 1, usize::from(volumes)), "/own/db");
}

async fn comes_and_goes(test: &str, way: Way, volumes: bool) {
    let Some(site) = Site::new(test).await else {
        return;
    };
    site.writes(way, &deployment("app:1", volumes)).await;
    let before = site.settled().await;
    site.bind().await;
    let live = site.settled().await;
    bound(&live, volumes);

    // At rest nobody writes anything.
    site.look("one").await;
    let account = Account::of(&site.ground).await;
    site.look("two").await;
    let asked = Account::of(&site.ground).await.since(account.len());
    let written = asked.iter().filter(|line| line.contains("/deployments"));
    assert_eq!(written.count(), 0, "{asked:#?}");
    let rest = site.deployments.get("app").await.unwrap();
    assert_eq!(
        rest.metadata.resource_version,
        live.metadata.resource_version
    );

    // Its user writes the same again, and then another image.
    site.writes(way, &deployment("app:1", volumes)).await;
    site.look("three").await;
    let again = site.settled().await;
    assert_eq!(again.metadata.generation, live.metadata.generation);
    assert_eq!(content(&again), content(&live));
    site.writes(way, &deployment("app:2", volumes)).await;
    site.look("four").await;
    let next = site.settled().await;
    bound(&next, volumes);
    let image = |object: &DynamicObject| {
        object.data["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image(&next), "app:2");

    site.unbind().await;
    let after = site.settled().await;
    let mut wanted = content(&before);
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = json!("app:2");
    assert_eq!(content(&after), wanted);
    let ours = managers(&after)
        .into_iter()
        .filter(|name| name.starts_with("oarlock"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(site.operator.get("/healthz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_that_is_applied_is_its_users_again() {
    comes_and_goes("projected", Way::Apply, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_that_is_created_is_its_users_again() {
    comes_and_goes("projected", Way::Patch, true).await;
}

/// The binding's volume is the only one, and the last one to go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_without_volumes_has_none_afterwards() {
    for way in [Way::Apply, Way::Patch] {
        comes_and_goes("projected", way, false).await;
    }
}
