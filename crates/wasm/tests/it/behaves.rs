//! Guests that behave: everything crosses the border in both directions as it is.

use std::sync::Arc;

use oarlock_core::json::Json;
use oarlock_core::outcome::{Children, Outcome, Requeue};
use oarlock_core::reconciler::Reconciler;
use oarlock_core::reference::{Digest, Gvk, ObjectRef};
use oarlock_core::request::{
    ApiError, RemovalResult, RemovalStatus, Report, WriteResult, WriteStatus,
};
use oarlock_wasm::World;

use crate::guests::{LIMITS, bytes, load, request, run_on};
use crate::host::FakeHost;

#[tokio::test]
async fn the_request_reaches_the_module_and_its_outcome_comes_back() {
    let module = load("hostile-echo").await;
    let mut request = request(r#"{"greeting":"hello"}"#);
    let secret = ObjectRef::new(Gvk::new("", "v1", "Secret"), Some("default"), "a");
    request.deleting = true;
    request.attempt = 3;
    request.last = Some(Report {
        tag: "earlier".to_owned(),
        generation: -1,
        module: Digest::of(b""),
        writes: vec![WriteResult {
            target: secret.clone(),
            status: WriteStatus::Refused(ApiError::new(409, "Conflict", "taken")),
        }],
        removals: vec![RemovalResult {
            target: secret,
            status: RemovalStatus::NotTried("earlier refusal".to_owned()),
        }],
    });
    let host = Arc::new(FakeHost::default());
    let outcome = module
        .reconcile(&request, Arc::clone(&host) as _, LIMITS)
        .await
        .unwrap();

    insta::assert_snapshot!(outcome.tag, @r#"now=1700000000123 seed=42 deleting=true last=Report { tag: "earlier", generation: -1, module: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", writes: [WriteResult { target: ObjectRef { api-version: "v1", kind: "Secret", namespace: Some("default"), name: "a" }, status: WriteStatus::Refused(ApiError { code: 409, reason: "Conflict", message: "taken" }) }], removals: [RemovalResult { target: ObjectRef { api-version: "v1", kind: "Secret", namespace: Some("default"), name: "a" }, status: RemovalStatus::NotTried("earlier refusal") }] }"#);
    let Children::Exactly(children) = &outcome.children else {
        panic!("{:?}", outcome.children);
    };
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].object.to_json(), request.object);
    assert_eq!(
        serde_json::to_string(&outcome.status).unwrap(),
        r#"{"greeting":"hello"}"#
    );
    assert_eq!(
        outcome.requeue,
        Requeue::After(std::time::Duration::from_secs(1))
    );
    insta::assert_snapshot!(host.logged(), @r#"Info echo [("attempt", "3")]"#);
}

#[tokio::test]
async fn every_import_reaches_the_host_and_its_answer_comes_back() {
    let module = load("hostile-reads").await;
    let host = Arc::new(FakeHost {
        found: Some(Some(Json::parse(r#"{"kind":"Secret"}"#).unwrap())),
        children: vec![Json::empty_object()],
        ..FakeHost::default()
    });
    let outcome = run_on(&module, "{}", LIMITS, &host).await.unwrap();
    insta::assert_snapshot!(outcome.tag, @r#"
    get Ok(Some("{\"kind\":\"Secret\"}"))
    get-live Err(ReadError::Unavailable("the API server is away"))
    query Err(ReadError::UnknownKind("apps/v1 Deployment"))
    children Ok(["{}"])
    observe Ok([State { target: ObjectRef { api-version: "v1", kind: "Secret", namespace: Some("default"), name: "a" }, health: Health::InProgress, message: "1 of 2" }, State { target: ObjectRef { api-version: "v1", kind: "Secret", namespace: Some("default"), name: "b" }, health: Health::InProgress, message: "1 of 2" }])
    kinds Ok([KindInfo { api-version: "apps/v1", kind: "Deployment", plural: "deployments", namespaced: true }])
    server-version Ok("v1.34.0")
    send Ok(Response { status: 200, headers: [("x-oar", "1")], body: [102, 105, 110, 101] })
    "#);
    insta::assert_snapshot!(host.asked(), @r#"
    get ("Secret default/a", None)
    get-live ("Secret default/b", Some("reader"))
    query Selection { gvk: Gvk { group: "apps", version: "v1", kind: "Deployment" }, namespace: None, labels: Some("app=web"), fields: ["/spec/replicas"], act_as: Some("deployer") }
    children ()
    send HttpRequest { method: "GET", url: "http://metrics.example.com/query", headers: [("accept", "text/plain")], body: [98, 111, 100, 121], timeout: Some(250ms), ca_bundle: None, insecure_skip_tls_verify: true, auth: Some(Bearer(SecretKey { namespace: Some("brokers"), name: "token", key: "value" })), effect: Some("once") }
    "#);
}

#[tokio::test]
async fn wanting_nothing_is_an_outcome() {
    let module = load("hostile-nothing").await;
    let outcome = run_on(&module, "{}", LIMITS, &Arc::default()).await;
    assert_eq!(outcome, Ok(Outcome::nothing()));
}

#[tokio::test]
async fn facts_of_a_module() {
    let (echo, reads) = (load("hostile-echo").await, load("hostile-reads").await);
    let facts = echo.inspection();
    assert_eq!(facts.manifest.name, "echo");
    assert_eq!(facts.size, bytes("hostile-echo").len());
    assert_eq!(&facts.digest, echo.digest());
    assert!(facts.compiled_size > 0);
    assert_eq!((facts.world, facts.wasi), (World::Pure, false));
    assert_eq!(reads.inspection().world, World::External);
    insta::assert_snapshot!(reads.inspection().imports.join("\n"), @"
    oarlock:reconcile/types@0.1.0
    oarlock:reconcile/cluster@0.1.0
    oarlock:reconcile/http@0.1.0
    ");
}
