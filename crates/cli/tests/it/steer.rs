//! `oarlock promote`, `abort`, `retry`, `pause` and `resume`.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::guarded::Guarded;
use crate::process::oarlock;
use crate::rollout::{api, define_as};
use crate::site::definition;
use crate::steered::{Steered, text};

/// A new version at step 2.
fn rolling() -> Value {
    json!({
        "observedGeneration": 9, "phase": "Progressing", "currentStep": 2,
        "currentRevision": "5d9c", "stableRevision": "4c1f",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollout_is_promoted_paused_resumed_aborted_and_retried() {
    let site = Steered::new(rolling()).await;
    insta::assert_snapshot!(site.done(&["promote", "rollout/a"]).await, @r"
    Rollout default/a: 5d9c is promoted past step 2
    It goes on without what step 2 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort rollouts.example.com/a -n default` gives 5d9c up, and 4c1f serves again
    ");
    insta::assert_snapshot!(site.control().await, @r#"{"promote":"5d9c/2"}"#);
    insta::assert_snapshot!(site.done(&["promote", "rollout/a"]).await, @"Rollout default/a: 5d9c is promoted past step 2 already");
    insta::assert_snapshot!(site.done(&["pause", "rollouts/a", "-n", "default"]).await, @r"
    Rollout default/a: 5d9c is paused
    It stays where it is: no step begins or ends, and its progress deadline does not run. Replicas that somebody sets are still shared out. Promotions of it are taken back
    Undo: `oarlock resume rollouts.example.com/a -n default` lets it go on
    ");
    insta::assert_snapshot!(site.control().await, @r#"{"pause":"5d9c"}"#);
    insta::assert_snapshot!(site.done(&["resume", "ro/a"]).await, @r"
    Rollout default/a: 5d9c goes on
    spec.control.pause is taken away; time that was spent paused does not count
    Undo: `oarlock pause rollouts.example.com/a -n default` holds it again
    ");
    assert_eq!(site.control().await, json!({}));
    insta::assert_snapshot!(site.done(&["resume", "ro/a"]).await, @"Rollout default/a: nobody has paused it; a step that waits for somebody is passed by `oarlock promote rollouts.example.com/a -n default`");
    insta::assert_snapshot!(site.done(&["abort", "rollouts.example.com/a"]).await, @r"
    Rollout default/a: 5d9c is given up
    4c1f grows to all replicas, then 5d9c shrinks. It is not tried again until its template changes or somebody retries
    Undo: `oarlock retry rollouts.example.com/a -n default` rolls 5d9c out again, from its first step
    ");
    insta::assert_snapshot!(site.done(&["abort", "rollouts.example.com/a"]).await, @"Rollout default/a: the operator is asked already to give 5d9c up");
    // The module has given it up.
    let given_up = json!({"rejectedRevisions": ["5d9c"]});
    site.tell("a", given_up).await;
    insta::assert_snapshot!(site.done(&["abort", "ro/a"]).await, @"Rollout default/a: 5d9c is given up already");
    insta::assert_snapshot!(site.done(&["retry", "ro/a"]).await, @r"
    Rollout default/a: 5d9c is retried
    5d9c is rolled out again, from its first step. The abort is taken back
    Undo: `oarlock abort rollouts.example.com/a -n default` gives it up again
    ");
    insta::assert_snapshot!(site.control().await, @r#"{"retry":"5d9c-1"}"#);
    insta::assert_snapshot!(site.done(&["retry", "ro/a"]).await, @"Rollout default/a: the operator is asked already to retry 5d9c");
    // The module has begun again.
    let again = json!({"rejectedRevisions": [], "handledRetry": "5d9c-1", "currentStep": 1});
    site.tell("a", again).await;
    insta::assert_snapshot!(site.done(&["promote", "ro/a", "--full"]).await, @r"
    Rollout default/a: 5d9c is promoted past all steps
    It goes to the end without the waits, checks and confirmations of its steps; new Pods still have to get available before old ones go
    Undo: `oarlock abort rollouts.example.com/a -n default` gives 5d9c up, and 4c1f serves again
    ");
    let object = site.object().await;
    let managers = object.metadata.managed_fields.unwrap();
    let ours = managers
        .iter()
        .any(|m| m.manager.as_deref() == Some("oarlock-cli"));
    assert!(ours, "{managers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_is_told_by_an_event() {
    let site = Steered::new(rolling()).await;
    let args = ["abort", "ro/a", "--reason", "customers wait"];
    site.done(&args).await;
    let event = site.site.event("a", "AbortAsked").await;
    insta::assert_snapshot!(event, @"Normal 5d9c is given up, as oarlock:admin asked: customers wait");
    insta::assert_snapshot!(site.refused(&["abort", "ro/a", "--reason", " "]).await, @r"
    error: --reason says nothing
      hint: leave it out, or tell why for whoever reads the Event
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_way_is_said() {
    let site = Steered::new(json!({})).await;
    let mut status = rolling();
    status["observedGeneration"] = json!(0);
    site.write("a", json!({"paused": true}), status).await;
    let held = json!({"metadata": {"annotations": {"oarlock.dev/paused": "true"}}});
    let params = PatchParams::default();
    let patched = site.rollouts.patch("a", &params, &Patch::Merge(held)).await;
    drop(patched.unwrap());
    insta::assert_snapshot!(site.done(&["promote", "ro/a", "--step", "3"]).await, @r"
    Rollout default/a: 5d9c is promoted past step 3
    It goes on without what step 3 still waits for; the steps after it are taken as they are; new Pods still have to get available before old ones go
    Undo: `oarlock abort rollouts.example.com/a -n default` gives 5d9c up, and 4c1f serves again
    warning: the annotation oarlock.dev/paused holds the operator off Rollout default/a, so nothing happens until it is taken away
    warning: the operator has not looked at the newest spec of Rollout default/a yet; a version that it has not seen is not meant
    warning: spec.paused still holds it; `oarlock resume rollouts.example.com/a -n default` lets it go on
    ");
    insta::assert_snapshot!(site.done(&["resume", "ro/a"]).await, @r"
    Rollout default/a: 5d9c goes on
    spec.paused is taken away; time that was spent paused does not count
    Undo: `oarlock pause rollouts.example.com/a -n default` holds it again
    warning: the annotation oarlock.dev/paused holds the operator off Rollout default/a, so nothing happens until it is taken away
    warning: the operator has not looked at the newest spec of Rollout default/a yet; a version that it has not seen is not meant
    ");
    assert_eq!(site.object().await.data["spec"]["paused"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_steered_is_refused_with_a_reason() {
    let site = Steered::new(json!({})).await;
    insta::assert_snapshot!(site.refused(&["promote", "gadget/a"]).await, @r"
    error: the API server serves no kind gadget
      hint: `kubectl api-resources` lists what it serves
    ");
    insta::assert_snapshot!(site.refused(&["promote", "ro/b"]).await, @r"
    error: Rollout default/b does not exist
      hint: -n names another namespace, `kubectl get rollouts.example.com -A` lists all there are
    ");
    // Nobody has looked at it.
    insta::assert_snapshot!(site.refused(&["abort", "ro/a"]).await, @r"
    error: Rollout default/a has no status.currentRevision, so no revision can be meant
      hint: its operator has not looked at it yet: is one running that serves Rollout?
    ");
    let stable = json!({"currentRevision": "4c1f", "stableRevision": "4c1f"});
    site.tell("a", stable).await;
    insta::assert_snapshot!(site.refused(&["abort", "ro/a"]).await, @r"
    error: Rollout default/a: nothing is rolling out: 4c1f serves alone
      hint: a change of the version begins a rollout, and `spec.paused: true` holds it from its beginning
    ");
    insta::assert_snapshot!(site.refused(&["retry", "ro/a"]).await, @r"
    error: Rollout default/a: nothing is rolling out: 4c1f serves alone
      hint: a change of the version begins a rollout, and `spec.paused: true` holds it from its beginning
    ");
    // Kinds that know nothing of it, with and without such a status.
    let client = site.site.cluster.client();
    define_as(&client, definition("Widget")).await;
    let widgets = api(&client, "example.com", "v1", "Widget");
    crate::site::create(&widgets, "Widget", "w").await;
    insta::assert_snapshot!(site.refused(&["promote", "widget/w"]).await, @r"
    error: Widget is not steered: the API server drops spec.control, which its definition does not have
      hint: apply the kind's newest CustomResourceDefinition; kinds that are no rollouts cannot be steered
    ");
    let patch = Patch::Merge(json!({"status": rolling()}));
    let told = widgets
        .patch_status("w", &PatchParams::default(), &patch)
        .await;
    drop(told.unwrap());
    insta::assert_snapshot!(site.refused(&["promote", "widget/w"]).await, @r"
    error: Widget is not steered: the API server drops spec.control, which its definition does not have
      hint: apply the kind's newest CustomResourceDefinition; kinds that are no rollouts cannot be steered
    ");
    assert_eq!(
        widgets.get("w").await.unwrap().data["spec"],
        json!({"size": 1})
    );
    insta::assert_snapshot!(site.refused(&["pause", "ro/a", "--context", "nowhere"]).await, @r#"
    error: cannot use the kubeconfig (context "nowhere")
      cause: failed to load current context: nowhere
    "#);
    let output = site
        .run(&["promote", "ro/a", "--full", "--step", "1"])
        .await;
    assert_eq!(output.status.code(), Some(2));
    let output = site.run(&["promote", "ro/a", "--step", "0"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_is_named() {
    let guarded = Guarded::new().await;
    let admin = guarded.cluster.client();
    define_as(&admin, crate::steered::definition()).await;
    let rollouts = api(&admin, "example.com", "v1", "Rollout");
    crate::steered::write(&rollouts, "a", json!({}), rolling()).await;
    let reader = guarded.account("reader", &["get"]).await;
    let writer = guarded.account("writer", &["get", "patch"]).await;
    let nobody = guarded.account("nobody", &["list"]).await;
    let abort = async |kubeconfig: &std::path::Path| {
        let args = [
            "abort",
            "ro/a",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
        ];
        oarlock(&args, guarded.path()).await
    };
    insta::assert_snapshot!(text(&abort(&nobody).await.stderr), @r#"
    error: you may not get Rollout default/a (rollouts.example.com "a" is forbidden: User "system:serviceaccount:default:nobody" cannot get resource "rollouts" in API group "example.com" in the namespace "default")
      hint: it takes an RBAC rule with apiGroups: ["example.com"], resources: [rollouts], verbs: [get]
    "#);
    insta::assert_snapshot!(text(&abort(&reader).await.stderr), @r#"
    error: you may not patch Rollout default/a (rollouts.example.com "a" is forbidden: User "system:serviceaccount:default:reader" cannot patch resource "rollouts" in API group "example.com" in the namespace "default")
      hint: it takes an RBAC rule with apiGroups: ["example.com"], resources: [rollouts], verbs: [patch]
    "#);
    let output = abort(&writer).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    // A reason takes a right of its own, and the wish does not depend on it.
    let args = [
        "retry",
        "ro/a",
        "--reason",
        "again",
        "--kubeconfig",
        writer.to_str().unwrap(),
    ];
    let output = oarlock(&args, guarded.path()).await;
    assert!(output.status.success());
    insta::assert_snapshot!(text(&output.stderr), @r#"
    5d9c is rolled out again, from its first step. The abort is taken back
    Undo: `oarlock abort rollouts.example.com/a -n default` gives it up again
    warning: the reason was not recorded as an Event: ApiError: events.events.k8s.io is forbidden: User "system:serviceaccount:default:writer" cannot create resource "events" in API group "events.k8s.io" in the namespace "default": Forbidden (Status { status: Some(Failure), code: 403, message: "events.events.k8s.io is forbidden: User \"system:serviceaccount:default:writer\" cannot create resource \"events\" in API group \"events.k8s.io\" in the namespace \"default\"", metadata: Some(ListMeta { continue_: None, remaining_item_count: None, resource_version: None, self_link: None }), reason: "Forbidden", details: Some(StatusDetails { name: "", group: "events.k8s.io", kind: "events", uid: "", causes: [], retry_after_seconds: 0 }) }): events.events.k8s.io is forbidden: User "system:serviceaccount:default:writer" cannot create resource "events" in API group "events.k8s.io" in the namespace "default": Forbidden
    "#);
}
