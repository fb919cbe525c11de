//! Ending and starting processes of the cluster, by the program that started them.

use std::path::PathBuf;
use std::process::Stdio;

use kube::api::{Patch, PatchParams};
use tokio::process::Command;

use crate::ground::Ground;
use crate::process::{PATIENCE, root};

/// Ends a process of the control plane with SIGKILL.
pub(crate) async fn stop(ground: &Ground, part: &str) {
    cluster(ground, "stop", part).await;
}

/// Starts it again as it was, and waits until it is ready.
pub(crate) async fn start(ground: &Ground, part: &str) {
    cluster(ground, "start", part).await;
}

/// Waits until the API server writes again, which it does a while after etcd is back.
pub(crate) async fn settle(ground: &Ground) {
    let mark = ground.config_map("settled", "yes");
    let user = PatchParams::apply("kubectl").force();
    let written = async {
        while ground
            .config_maps()
            .patch("settled", &user, &Patch::Apply(&mark))
            .await
            .is_err()
        {}
    };
    tokio::time::timeout(PATIENCE, written)
        .await
        .expect("the API server writes");
}

async fn cluster(ground: &Ground, action: &str, part: &str) {
    let xtask = std::env::var_os("OARLOCK_REAL_XTASK")
        .map_or_else(|| root().join("target/debug/xtask"), PathBuf::from);
    let run = Command::new(&xtask)
        .args(["cluster", "--dir"])
        .arg(ground.admin.parent().unwrap())
        .args([action, part])
        .stdin(Stdio::null())
        .output();
    let output = tokio::time::timeout(PATIENCE, run)
        .await
        .expect("it ends")
        .unwrap_or_else(|error| panic!("{}: {error}; hint: cargo build -p xtask", xtask.display()));
    assert!(
        output.status.success(),
        "cluster {action} {part}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
