//! The stories, told to the real API server that `OARLOCK_REAL_KUBECONFIG` names. With `OARLOCK_CONFORMANCE_RECORD=1` its
//! answers become the transcripts.

#![expect(clippy::expect_used, reason = "tests")]

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use oarlock_conformance::run::tell;
use oarlock_conformance::{Backend, Suite, report};

/// Stories at a time.
const AT_A_TIME: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_as_it_did_before() {
    let Ok(kubeconfig) = std::env::var("OARLOCK_REAL_KUBECONFIG") else {
        report::say(
            "NOT RUN: no real API server; hint: cargo xtask cluster up, then set OARLOCK_REAL_KUBECONFIG to its kubeconfig",
        );
        return;
    };
    let suite = Suite::read().expect("stories");
    let backend = connect(PathBuf::from(kubeconfig)).await;
    let outcomes = suite
        .tell(AT_A_TIME, |story| {
            let backend = backend.clone();
            async move { tell(&story, &backend).await }
        })
        .await;
    if std::env::var("OARLOCK_CONFORMANCE_RECORD").is_ok_and(|set| set == "1") {
        suite.record(&outcomes).expect("transcripts");
    }
    report::settle(&suite, &suite.judge(&outcomes, &[]));
}

async fn connect(kubeconfig: PathBuf) -> Backend {
    let read = Kubeconfig::read_from(&kubeconfig).expect("the kubeconfig of the variable");
    let mut config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .expect("a usable kubeconfig");
    // What the server says is wanted, not what comes of asking again.
    config.default_retry = false;
    Backend {
        client: kube::Client::try_from(config).expect("a client"),
        kubeconfig,
    }
}
