//! Edits are served while the operator runs: watches by their effect, modules by the version that says so, and nothing is
//! listed again.

use std::os::unix::fs::symlink;

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::process::{guest, root};
use crate::rollout::{api, apply_deployer, changes, define, define_as, deployers, ready_at, until};
use crate::site::{Site, canary, create, is_ready, nothing, variant};
use crate::tap::Tap;

const WIDGETS: &str = "- {group: example.com, version: v1, kind: Widget, module: widget.wasm}\n";

/// Requests that list objects of a resource: pages, or a watch that begins with everything.
fn lists(requests: &[String], resource: &str) -> usize {
    requests
        .iter()
        .filter(|request| {
            request.contains(&format!("/{resource}?"))
                && request.contains("GET ")
                && (!request.contains("watch=") || request.contains("sendInitialEvents=true"))
        })
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_grant_takes_effect() {
    let site = Site::new().await;
    let client = site.cluster.client();
    define(&client).await;
    let entry =
        "- {group: deploy.example.com, version: v1alpha1, kind: Deployer, module: canary.wasm";
    site.watches(&format!("{entry}}}\n"));
    site.module("canary.wasm", &canary());
    let tap = Tap::before(&site.cluster.url).await;
    let file = site.path("tapped");
    tap.kubeconfig(&site.cluster.kubeconfig, &site.cluster.url, &file);
    let _operator = site
        .operator_with(&["--kubeconfig", file.to_str().unwrap()])
        .await;
    apply_deployer(&client).await;
    let shown = site
        .conditions(&deployers(&client), "nginx", |c| c.contains("GrantMissing"))
        .await;
    insta::assert_snapshot!(shown, @"Ready=False GrantMissing: Deployment default/nginx-1.7.7 was not applied: no grant for create on deployments; hint: add to the watch: grants: {write: [{apiGroups: [apps], resources: [deployments], namespaces: [default]}]} (GrantMissing, 403)");
    let before = tap.requests();

    site.watches(&format!(
        "{entry}, grants: {{write: [{{apiGroups: [apps], resources: [deployments]}}]}}}}\n"
    ));
    let mut states = std::pin::pin!(changes(deployers(&client)));
    until(&mut states, |d| ready_at(d, "1.7.7")).await;
    let requests = tap.requests();
    assert_eq!(lists(&before, "deployers"), 1, "{before:#?}");
    assert_eq!(lists(&requests, "deployers"), 1, "{requests:#?}");
    assert_eq!(lists(&requests, "deployments"), 1, "{requests:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_module_serves_and_a_broken_one_does_not_replace_it() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    site.watches(WIDGETS);
    site.module("widget.wasm", &nothing());
    let tap = Tap::before(&site.cluster.url).await;
    let file = site.path("tapped");
    tap.kubeconfig(&site.cluster.kubeconfig, &site.cluster.url, &file);
    let operator = site
        .operator_with(&["--kubeconfig", file.to_str().unwrap()])
        .await;
    site.conditions(&widgets, "a", is_ready).await;

    let from = operator.process.log_length();
    site.module("widget.wasm", &variant(nothing(), "two"));
    operator.process.logs_after(from, "serving nothing").await;

    site.module("widget.wasm", b"not yet uploaded");
    let shown = site
        .conditions(&widgets, "a", |c| c.contains("ModuleCurrent"))
        .await;
    insta::assert_snapshot!(shown, @r"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: widget.wasm: expected a WebAssembly component, found no WebAssembly; nothing 0.1.0 keeps serving
    ");
    insta::assert_snapshot!(site.event("a", "LastGoodServing").await, @"Warning widget.wasm: expected a WebAssembly component, found no WebAssembly");
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("0"));
    create(&widgets, "Widget", "new").await;
    let shown = site.conditions(&widgets, "new", is_ready).await;
    insta::assert_snapshot!(shown, @r"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: widget.wasm: expected a WebAssembly component, found no WebAssembly; nothing 0.1.0 keeps serving
    ");

    // Taken away altogether: the same.
    std::fs::remove_file(site.path("modules/widget.wasm")).unwrap();
    let shown = site
        .conditions(&widgets, "a", |c| {
            c.contains("not in the modules directory")
        })
        .await;
    insta::assert_snapshot!(shown, @r"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: widget.wasm is not in the modules directory; it serves as soon as it is there; nothing 0.1.0 keeps serving
    ");

    site.module("widget.wasm", &variant(nothing(), "three"));
    for name in ["a", "new"] {
        let shown = site
            .conditions(&widgets, name, |c| {
                is_ready(c) && !c.contains("ModuleCurrent")
            })
            .await;
        assert_eq!(
            shown,
            "Ready=True Reconciled: everything that the module asked for is in place"
        );
    }
    assert_eq!(operator.module_up("widget").await.as_deref(), Some("1"));
    let requests = tap.requests();
    assert_eq!(lists(&requests, "widgets"), 1, "{requests:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mounted_config_map_is_followed_through_its_symlinks() {
    let site = Site::new().await;
    let widgets = site.define("Widget").await;
    create(&widgets, "Widget", "a").await;
    let mount = site.path("mount");
    std::fs::create_dir(&mount).unwrap();
    // As a kubelet does: files are links through `..data`, which is swapped as a whole.
    let publish = |generation: &str, watches: &str, module: &[u8]| {
        let data = mount.join(generation);
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("watches.yaml"), watches).unwrap();
        std::fs::write(data.join("widget.wasm"), module).unwrap();
        symlink(generation, mount.join("..data_tmp")).unwrap();
        std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    publish("..1", WIDGETS, &guest("hostile-panics.wasm"));
    for name in ["watches.yaml", "widget.wasm"] {
        symlink(format!("..data/{name}"), mount.join(name)).unwrap();
    }
    let (watches, modules) = (mount.join("watches.yaml"), mount.clone());
    let process = crate::process::Process::start(&[
        "run",
        "--watches",
        watches.to_str().unwrap(),
        "--modules",
        modules.to_str().unwrap(),
        "--kubeconfig",
        site.cluster.kubeconfig.to_str().unwrap(),
        "--metrics-bind-address",
        "0",
    ]);
    site.conditions(&widgets, "a", |c| c.contains("ModuleTrapped"))
        .await;
    let both = format!("{WIDGETS}{}", WIDGETS.replace("Widget", "Gadget"));
    publish("..2", &both, &nothing());
    site.conditions(&widgets, "a", is_ready).await;
    process.logs("example.com/v1 Gadget").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_of_another_name_takes_over_the_children_of_the_one_before() {
    let site = Site::new().await;
    let client = site.cluster.client();
    let definition = std::fs::read(root().join("tests/guests/greeting-crd.json")).unwrap();
    define_as(&client, serde_json::from_slice(&definition).unwrap()).await;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "t"},
    });
    let greeting = json!({
        "apiVersion": "guests.oarlock.dev/v1",
        "kind": "Greeting",
        "metadata": {"name": "hello"},
        "spec": {"message": "hi", "secretName": "key"},
    });
    let apply = PatchParams::apply("test");
    let secrets = api(&client, "", "v1", "Secret");
    secrets
        .patch("key", &apply, &Patch::Apply(secret))
        .await
        .unwrap();
    let greetings = api(&client, "guests.oarlock.dev", "v1", "Greeting");
    greetings
        .patch("hello", &apply, &Patch::Apply(greeting))
        .await
        .unwrap();
    site.watches(
        "- group: guests.oarlock.dev\n  version: v1\n  kind: Greeting\n  module: guest.wasm\n  grants:\n    \
         write: [{apiGroups: [\"\"], resources: [configmaps]}]\n    \
         read: [{apiGroups: [\"\"], resources: [secrets], resourceNames: [key]}]\n",
    );
    site.module("guest.wasm", &guest("guest-rust.wasm"));
    let operator = site.operator().await;
    let greeted = |c: &str| is_ready(c) && c.contains("Greeted");
    site.conditions(&greetings, "hello", greeted).await;

    let from = operator.process.log_length();
    site.module("guest.wasm", &guest("guest-go.wasm"));
    operator.process.logs_after(from, "serving guest-go").await;
    // Under another name it is another field manager: it takes over what the one before it wrote for the object.
    let patch = json!({"spec": {"message": "bye"}});
    greetings
        .patch("hello", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    let maps = api(&client, "", "v1", "ConfigMap");
    let mut states = std::pin::pin!(changes(maps));
    let map = until(&mut states, |map| map.data["data"]["message"] == "bye").await;
    let managers: Vec<Option<String>> = map
        .metadata
        .managed_fields
        .into_iter()
        .flatten()
        .map(|entry| entry.manager)
        .collect();
    assert_eq!(managers, [Some("oarlock/guest-go".to_owned())]);
}
