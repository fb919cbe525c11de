//! scratch
#![expect(clippy::unwrap_used, reason="scratch")]
#[tokio::main]
async fn main() {
    let cluster = oarlock_devcluster::DevCluster::builder().start();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:18599").await.unwrap();
    std::fs::write("/tmp/scratch.kubeconfig", cluster.kubeconfig("http://127.0.0.1:18599")).unwrap();
    cluster.serve(listener, tokio_util::sync::CancellationToken::new()).await.unwrap();
}
