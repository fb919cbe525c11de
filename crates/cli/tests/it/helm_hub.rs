//! The example of an umbrella chart in git: production, staging and a canary, whose changes roll out by a push alone.

mod stage;

use aws_lc_rs::hmac;
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::process::{client, oarlock, root};
use stage::{Release, Stage, example};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A change of the subchart that everybody meets first.
const IMAGE: &str = "charts/proxy/values.yaml";
const TEMPLATE: &str = "charts/proxy/templates/proxy.yaml";

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_pushed_rolls_out_at_the_next_poll() {
    let stage = Stage::new(|_, _| Vec::new()).await;
    // Each with the values of its place, opened by the key of its place.
    for (namespace, token) in [("prod", "prod-0b1f6c"), ("stg", "stg-7d20e9")] {
        let data = stage.get("Secret", namespace, "hub-proxy", "/data/token");
        assert_eq!(data.await, base64_of(token), "{namespace}");
    }
    let canary = stage.get("Secret", "prod", "hub-canary-proxy", "/data/token");
    assert_eq!(canary.await, base64_of("prod-0b1f6c"));
    let notebooks = stage.get("ConfigMap", "prod", "hub-notebooks", "/data");
    assert_eq!(
        notebooks.await,
        json!({"image": "notebook:2.0.0", "quota": "40"})
    );
    for release in Release::ALL {
        stage.runs(release, "proxy:4.5.0").await;
    }
    assert_eq!(stage.behind("prod").await, "5 proxy:4.5.0");
    assert_eq!(stage.behind("stg").await, "1 proxy:4.5.0");

    // What is beside the chart is no change of it.
    let asked = stage.asked();
    stage.push("master", "namespaces/stg.yaml", "stg", "staging");
    stage.poll().await;
    while stage.asked() == asked {
        tokio::task::yield_now().await;
    }

    // The canary is of its own branch, behind the Service of the release beside it.
    stage.push("canary", IMAGE, "4.5.0", "4.6.0");
    stage.poll().await;
    stage.runs(Release::CANARY, "proxy:4.6.0").await;
    assert_eq!(stage.behind("prod").await, "4 proxy:4.5.0, 1 proxy:4.6.0");

    stage.push("master", IMAGE, "4.5.0", "4.6.0");
    stage.poll().await;
    stage.runs(Release::PROD, "proxy:4.6.0").await;
    stage.runs(Release::STG, "proxy:4.6.0").await;
    assert_eq!(stage.behind("prod").await, "5 proxy:4.6.0");
    for release in Release::ALL {
        stage.deployed(release, 2).await;
    }
    insta::assert_snapshot!(stage.records("prod").await, @"
    hub 1 superseded
    hub 2 deployed
    hub-canary 1 superseded
    hub-canary 2 deployed
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_push_that_breaks_a_template_is_told_and_the_next_one_mends_it() {
    let stage = Stage::new(|_, _| Vec::new()).await;
    let commit = stage.push(
        "master",
        TEMPLATE,
        "{{ .Values.replicas }}",
        "{{ .Values.replicas }",
    );
    stage.poll().await;
    let told = stage.told(Release::PROD, "Ready=False").await;
    stage.told(Release::STG, "Ready=False").await;
    insta::assert_snapshot!(told.replace(&commit, "COMMIT"));
    // It is looked at again, and stays.
    let asked = stage.asked();
    stage.poll().await;
    while stage.asked() == asked {
        tokio::task::yield_now().await;
    }
    let still = stage.told(Release::PROD, "Ready=").await;
    assert!(still.contains("Ready=False RenderFailed"), "{still}");
    stage.runs(Release::PROD, "proxy:4.5.0").await;
    assert_eq!(stage.behind("prod").await, "5 proxy:4.5.0");
    assert_eq!(
        stage.records("prod").await,
        "hub 1 deployed\nhub-canary 1 deployed"
    );
    assert!(
        stage
            .told(Release::CANARY, "Ready=")
            .await
            .contains("Ready=True")
    );

    stage.push(
        "master",
        TEMPLATE,
        "{{ .Values.replicas }",
        "{{ .Values.replicas }}",
    );
    stage.push("master", IMAGE, "4.5.0", "4.6.0");
    stage.poll().await;
    stage.runs(Release::PROD, "proxy:4.6.0").await;
    stage.told(Release::PROD, "Ready=True").await;
    stage.deployed(Release::STG, 2).await;
    assert_eq!(
        stage.records("stg").await,
        "hub 1 superseded\nhub 2 deployed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_signed_webhook_does_not_wait_for_the_poll() {
    let stage = Stage::new(|site, server| {
        std::fs::write(site.path("token"), TOKEN).unwrap();
        let file = site.path("receivers.yaml");
        let text = format!(
            "receivers:\n- {{name: git, type: gitea, tokenFile: token, sources: [\"http://{}/*\"]}}\n",
            server.address
        );
        std::fs::write(&file, text).unwrap();
        [
            "--webhook-receiver-bind-address",
            "127.0.0.1:0",
            "--webhook-receivers",
            file.to_str().unwrap(),
        ]
        .map(str::to_owned)
        .to_vec()
    })
    .await;
    let line = stage.operator.process.logs("webhooks").await;
    let address = line.split("address=").nth(1).unwrap();
    let address = address.split_whitespace().next().unwrap();

    stage.push("master", IMAGE, "4.5.0", "4.6.0");
    let asked = stage.asked();
    let url = format!("http://{}/hub.git", stage.server.address);
    let payload = json!({"ref": "refs/heads/master", "repository": {"clone_url": url}}).to_string();
    let (forged, signed) = (signature("guessed", &payload), signature(TOKEN, &payload));
    assert_eq!(send(address, &forged, &payload).await.0, 401);
    assert_eq!(stage.asked(), asked);
    assert_eq!(
        send(address, &signed, &payload).await,
        (200, "ok\n".to_owned())
    );
    stage.runs(Release::PROD, "proxy:4.6.0").await;
    stage.runs(Release::STG, "proxy:4.6.0").await;
    assert_eq!(stage.behind("prod").await, "1 proxy:4.5.0, 4 proxy:4.6.0");
}

#[tokio::test]
async fn the_files_are_valid() {
    let watches = "examples/hub/watches.yaml";
    let output = oarlock(&["validate", watches], &root()).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let told = text(output.stderr) + &text(output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    insta::assert_snapshot!(told.lines().last().unwrap(), @"examples/hub/watches.yaml: 2 entries, all good (0 errors, 2 warnings)");
    // Nothing that opens the secrets, and nothing that is secret, is in what is committed.
    for environment in ["prod", "stg"] {
        let file = format!("repository/secrets/{environment}/secrets.yaml");
        let secrets = std::fs::read_to_string(example().join(file)).unwrap();
        assert!(secrets.contains("token: ENC[") && !secrets.contains("AGE-SECRET-KEY"));
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// As Gitea signs.
fn signature(token: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    let code = hmac::sign(&key, body.as_bytes());
    code.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Sends a webhook: status and text.
async fn send(address: &str, signature: &str, body: &str) -> (u16, String) {
    let request = http::Request::post("/hook/git")
        .header("x-gitea-event", "push")
        .header("x-gitea-signature", signature)
        .body(kube::client::Body::from(body.as_bytes().to_vec()))
        .unwrap();
    let http = client(&format!("http://{address}"));
    let response = http.send(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
