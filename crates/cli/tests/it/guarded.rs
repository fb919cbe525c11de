//! A cluster that checks rights, and people who have some.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oarlock_core::timestamp::Timestamp;
use oarlock_devcluster::{DevCluster, Rbac, VirtualClock};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::rights::{apply, token};

/// A cluster that checks rights.
pub(crate) struct Guarded {
    directory: TempDir,
    pub(crate) cluster: DevCluster,
    pub(crate) url: String,
    _serving: AbortOnDropHandle<()>,
}

impl Guarded {
    pub(crate) async fn new() -> Self {
        // Fast: rollouts take minutes by its clock.
        let start = Timestamp::parse_rfc3339("2026-11-02T09:00:00Z").unwrap();
        let clock = Arc::new(VirtualClock::new(start, 60.0));
        let rbac = Rbac::new().enforcing_owner_references();
        let cluster = DevCluster::builder().clock(clock).rbac(rbac).start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = cluster.clone();
        let serving = tokio::spawn(async move {
            let stop = CancellationToken::new();
            served.serve(listener, stop).await.unwrap();
        });
        Self {
            directory: tempfile::tempdir().unwrap(),
            cluster,
            url,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The kubeconfig of somebody who may do this, and nothing else, with the kinds of `example.com` in `default`.
    pub(crate) async fn account(&self, name: &str, verbs: &[&str]) -> PathBuf {
        let rbac = "rbac.authorization.k8s.io/v1";
        let metadata = json!({"name": name, "namespace": "default"});
        let objects = [
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
            json!({
                "apiVersion": rbac, "kind": "Role", "metadata": metadata,
                "rules": [{"apiGroups": ["example.com"], "resources": ["*"], "verbs": verbs}],
            }),
            json!({
                "apiVersion": rbac, "kind": "RoleBinding", "metadata": metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
            }),
        ];
        let admin = self.cluster.client();
        apply(&admin, &objects, false).await;
        self.kubeconfig(name, "default").await
    }

    /// The kubeconfig of a ServiceAccount.
    pub(crate) async fn kubeconfig(&self, name: &str, namespace: &str) -> PathBuf {
        let token = token(&self.cluster.client(), namespace, name).await;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        });
        let path = self.path().join(name);
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}
