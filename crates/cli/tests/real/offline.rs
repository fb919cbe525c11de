//! What needs no cluster asks none, also where there is one.

use std::process::Stdio;

use futures_util::FutureExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::process::{PATIENCE, cache, modules, root};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_and_inspect_ask_no_cluster() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let text = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    let watches = root().join("examples/deployer/watches.yaml");
    let canary = modules().join("canary.wasm");
    for (command, file) in [("validate", &watches), ("inspect", &canary)] {
        let run = Command::new(env!("CARGO_BIN_EXE_oarlock"))
            .arg(command)
            .arg(file)
            .env("KUBECONFIG", &kubeconfig)
            .env("OARLOCK_CACHE_DIR", cache())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(PATIENCE, run)
            .await
            .expect("it ends")
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        assert!(
            listener.accept().now_or_never().is_none(),
            "{command} asked the cluster"
        );
    }
}
