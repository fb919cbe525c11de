//! The stories, told to the embedded cluster.

#![expect(clippy::expect_used, reason = "tests")]

use std::time::Duration;

use oarlock_conformance::run::{RunError, Told, tell};
use oarlock_conformance::story::Story;
use oarlock_conformance::{Backend, Suite, report};
use oarlock_devcluster::DevCluster;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Stories at a time: each has a cluster of its own.
const AT_A_TIME: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_as_the_real_server_did() {
    let suite = Suite::read().expect("stories");
    let differences = suite.differences().expect("differences");
    let outcomes = suite.tell(AT_A_TIME, told).await;
    report::settle(&suite, &suite.judge(&outcomes, &differences));
}

/// Tells a story to a cluster of its own.
async fn told(story: Story) -> Result<Told, RunError> {
    let cluster = DevCluster::builder().start();
    // How fast pods get ready is not what is compared.
    cluster.workloads().set_readiness(Duration::from_millis(20));
    cluster
        .workloads()
        .set_completion(Duration::from_millis(20));
    let directory = tempfile::tempdir().expect("a directory for the kubeconfig");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    let kubeconfig = directory.path().join("kubeconfig");
    let text = cluster.kubeconfig(&format!("http://{address}"));
    std::fs::write(&kubeconfig, text).expect("a kubeconfig");
    let backend = Backend {
        client: cluster.client(),
        kubeconfig,
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn({
        let (cluster, stop) = (cluster.clone(), stop.clone());
        async move { cluster.serve(listener, stop).await }
    });
    let told = tell(&story, &backend).await;
    stop.cancel();
    cluster.shutdown().await;
    let served = serving.await.expect("the listener's task");
    served.expect("the listener");
    told
}
