//! A module is replaced while the operator runs.

use crate::audit::Account;
use crate::ground::{Ground, is_ready, variant};
use crate::process::guest;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_module_serves_without_a_new_list_and_a_broken_one_does_not_replace_it() {
    let Some(ground) = Ground::new("reload").await else {
        return;
    };
    let bundles = ground.bundles().await;
    let operator = ground.operator().await;
    ground.bundle("b", &[ground.config_map("c", "one")]).await;
    ground.when(&bundles, "b", is_ready).await;
    let child = ground.config_maps().get("c").await.unwrap();
    let before = Account::of(&ground).await;

    let from = operator.process.log_length();
    ground.module("bundle.wasm", &variant(guest("bundle.wasm"), "two"));
    operator.process.logs_after(from, "serving bundle").await;
    ground.bundle("b", &[ground.config_map("c", "two")]).await;
    let changed = ground
        .when(&ground.config_maps(), "c", |c| {
            c.data["data"]["text"] == "two"
        })
        .await;
    assert_eq!(changed.metadata.uid, child.metadata.uid);

    ground.module("bundle.wasm", b"not yet uploaded");
    let shown = ground
        .conditions(&bundles, "b", |c| c.contains("ModuleCurrent"))
        .await;
    insta::assert_snapshot!(shown, @r"
    Ready=True Reconciled: everything that the module asked for is in place
    ModuleCurrent=False LastGoodServing: bundle.wasm: expected a WebAssembly component, found no WebAssembly; bundle 0.1.0 keeps serving
    ");
    ground.bundle("b", &[ground.config_map("c", "three")]).await;
    ground
        .when(&ground.config_maps(), "c", |c| {
            c.data["data"]["text"] == "three"
        })
        .await;

    ground.module("bundle.wasm", &variant(guest("bundle.wasm"), "three"));
    ground
        .conditions(&bundles, "b", |c| {
            c.contains("Ready=True") && !c.contains("ModuleCurrent")
        })
        .await;
    let after = Account::of(&ground).await;
    for resource in ["bundles", "configmaps"] {
        assert_eq!(before.lists(resource), 1, "{resource}");
        assert_eq!(after.lists(resource), 1, "{resource}");
    }
}
