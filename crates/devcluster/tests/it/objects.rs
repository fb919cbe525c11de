//! create, get, update, patch, delete.

use serde_json::{Value, json};

use crate::conversation::{CONFIG_MAPS, Conversation, DEPLOYMENTS, deployment};

#[tokio::test]
async fn the_server_fills_in_metadata() {
    let cluster = Conversation::new();
    let created = cluster.config_map("a", &json!({"app": "web"})).await;
    assert_eq!(created.code, 201);
    let metadata = &created.body["metadata"];
    assert_eq!(metadata["namespace"], "default");
    assert_eq!(metadata["creationTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(
        metadata.get("generation").is_none(),
        "a ConfigMap has no generation"
    );
    assert_eq!(
        metadata["managedFields"],
        json!([{
            "manager": "tester", "operation": "Update", "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:data": {".": {}, "f:key": {}},
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            },
        }])
    );
    assert_eq!(
        cluster.get(&format!("{CONFIG_MAPS}/a")).await.ok().body,
        created.body
    );
}

#[tokio::test]
async fn generated_names_carry_the_prefix() {
    let cluster = Conversation::new();
    let body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "log-"}});
    let one = cluster.post(CONFIG_MAPS, &body).await.ok();
    let two = cluster.post(CONFIG_MAPS, &body).await.ok();
    let name = |answer: &crate::conversation::Answer| {
        String::from(answer.body["metadata"]["name"].as_str().unwrap())
    };
    assert!(
        name(&one).starts_with("log-") && name(&one).len() == 9,
        "{}",
        name(&one)
    );
    assert_ne!(name(&one), name(&two));
}

#[tokio::test]
async fn refusals_have_the_words_of_the_real_server() {
    let cluster = Conversation::new();
    cluster.config_map("a", &json!({})).await;
    let map =
        |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let mut wrong_namespace = map("b");
    wrong_namespace["metadata"]["namespace"] = json!("kube-system");
    let mut no_selector = deployment("d", "nginx");
    no_selector["spec"]["selector"] = json!({"matchLabels": {"app": "other"}});
    let cases: Vec<(&str, &str, Value, u16, &str, &str)> = vec![
        (
            "POST",
            CONFIG_MAPS,
            map("a"),
            409,
            "AlreadyExists",
            "configmaps \"a\" already exists",
        ),
        (
            "GET",
            "/api/v1/namespaces/default/configmaps/b",
            Value::Null,
            404,
            "NotFound",
            "configmaps \"b\" not found",
        ),
        (
            "GET",
            "/apis/apps/v1/things",
            Value::Null,
            404,
            "NotFound",
            "the server could not find the requested resource",
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/d",
            Value::Null,
            404,
            "NotFound",
            "deployments.apps \"d\" not found",
        ),
        (
            "POST",
            "/api/v1/namespaces/gone/configmaps",
            map("b"),
            404,
            "NotFound",
            "namespaces \"gone\" not found",
        ),
        (
            "POST",
            CONFIG_MAPS,
            wrong_namespace,
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            "PUT",
            "/api/v1/namespaces/default/configmaps/a",
            map("b"),
            400,
            "BadRequest",
            "the name of the object (b) does not match the name on the URL (a)",
        ),
        (
            "POST",
            CONFIG_MAPS,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}),
            400,
            "BadRequest",
            "Secret in version \"v1\" cannot be handled as a ConfigMap",
        ),
        (
            "POST",
            CONFIG_MAPS,
            map("Upper"),
            422,
            "Invalid",
            "ConfigMap \"Upper\" is invalid: metadata.name: Invalid value: \"Upper\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
        (
            "POST",
            CONFIG_MAPS,
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
            422,
            "Invalid",
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required",
        ),
        (
            "POST",
            DEPLOYMENTS,
            no_selector,
            422,
            "Invalid",
            "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"d\"}: `selector` does not match template `labels`",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/default",
            Value::Null,
            403,
            "Forbidden",
            "namespaces \"default\" is forbidden: this namespace may not be deleted",
        ),
        (
            "POST",
            "/api/v1/configmaps",
            map("a"),
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
    ];
    for (method, path, body, code, reason, message) in cases {
        let answer = cluster.send(method, path, "application/json", &body).await;
        assert_eq!(
            (answer.code, answer.message()),
            (code, message),
            "{method} {path}"
        );
        assert_eq!(answer.body["reason"], reason);
        assert_eq!(answer.body["kind"], "Status");
        assert_eq!(answer.body["code"], code);
    }
}

#[tokio::test]
async fn generation_counts_changes_of_the_specification() {
    let cluster = Conversation::new();
    let path = format!("{DEPLOYMENTS}/web");
    let generation =
        |answer: &crate::conversation::Answer| answer.body["metadata"]["generation"].clone();
    let created = cluster
        .post(DEPLOYMENTS, &deployment("web", "nginx:1"))
        .await
        .ok();
    assert_eq!(generation(&created), 1);
    assert_eq!(created.body["spec"]["replicas"], 1, "defaulted");
    assert_eq!(
        created.body["spec"]["strategy"]["rollingUpdate"]["maxSurge"],
        "25%"
    );
    let labelled = cluster
        .merge(&path, &json!({"metadata": {"labels": {"x": "y"}}}))
        .await
        .ok();
    assert_eq!(generation(&labelled), 1);
    let scaled = cluster
        .merge(&path, &json!({"spec": {"replicas": 3}}))
        .await
        .ok();
    assert_eq!(generation(&scaled), 2);
    let ignored = cluster
        .merge(&path, &json!({"status": {"replicas": 7}}))
        .await
        .ok();
    assert_eq!(
        ignored.revision(),
        scaled.revision(),
        "status is not written through the main endpoint"
    );
    let status = cluster
        .merge(
            &format!("{path}/status"),
            &json!({"status": {"replicas": 3}, "spec": {"replicas": 9}}),
        )
        .await
        .ok();
    assert_eq!(generation(&status), 2);
    assert_eq!(status.body["status"]["replicas"], 3);
    assert_eq!(
        status.body["spec"]["replicas"], 3,
        "spec is not written through /status"
    );
    assert!(status.revision() > scaled.revision());
}

#[tokio::test]
async fn stale_writes_are_conflicts_and_idle_writes_are_none() {
    let cluster = Conversation::new();
    let path = format!("{CONFIG_MAPS}/a");
    let first = cluster.config_map("a", &json!({})).await;
    let mut object = first.body.clone();
    object["data"]["key"] = json!("other");
    let second = cluster.put(&path, &object).await.ok();
    let stale = cluster.put(&path, &object).await;
    assert_eq!(stale.code, 409);
    assert_eq!(
        stale.message(),
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes \
         to the latest version and try again"
    );
    cluster.clock.advance_by(std::time::Duration::from_secs(60));
    let idle = cluster.put(&path, &second.body).await.ok();
    assert_eq!(idle.body, second.body, "no new revision, no new times");
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    object["data"]["key"] = json!("blind");
    cluster.put(&path, &object).await.ok();
    object["metadata"]["uid"] = json!("11111111-2222-3333-4444-555555555555");
    assert_eq!(
        cluster.put(&path, &object).await.code,
        409,
        "another object of the same name"
    );
}

#[tokio::test]
async fn dry_runs_write_nothing() {
    let cluster = Conversation::new();
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    let before = cluster.get(CONFIG_MAPS).await.revision();
    let answer = cluster
        .post(&format!("{CONFIG_MAPS}?dryRun=All"), &body)
        .await
        .ok();
    assert!(answer.body["metadata"]["uid"].is_string());
    assert_eq!(cluster.get(&format!("{CONFIG_MAPS}/a")).await.code, 404);
    assert_eq!(cluster.get(CONFIG_MAPS).await.revision(), before);
    let wrong = cluster
        .post(&format!("{CONFIG_MAPS}?dryRun=Some"), &body)
        .await;
    assert_eq!(wrong.code, 422);
}

#[tokio::test]
async fn unknown_fields_warn_or_are_refused() {
    let cluster = Conversation::new();
    let mut body = deployment("web", "nginx");
    body["spec"]["replcas"] = json!(3);
    let strict = cluster
        .post(&format!("{DEPLOYMENTS}?fieldValidation=Strict"), &body)
        .await;
    assert_eq!(strict.code, 400);
    assert_eq!(
        strict.message(),
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replcas\""
    );
    let warned = cluster.post(DEPLOYMENTS, &body).await.ok();
    assert_eq!(
        warned.warnings,
        ["299 - \"unknown field \\\"spec.replcas\\\"\""]
    );
    assert!(warned.body["spec"].get("replcas").is_none());
    body["metadata"]["name"] = json!("quiet");
    let ignored = cluster
        .post(&format!("{DEPLOYMENTS}?fieldValidation=Ignore"), &body)
        .await
        .ok();
    assert!(ignored.warnings.is_empty());
}

#[tokio::test]
async fn the_patch_formats() {
    let cluster = Conversation::new();
    cluster
        .post(DEPLOYMENTS, &deployment("web", "nginx:1"))
        .await
        .ok();
    let path = format!("{DEPLOYMENTS}/web");
    let strategic = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}, {"name": "side", "image": "busybox"}]}}}});
    let patched = cluster
        .send(
            "PATCH",
            &path,
            "application/strategic-merge-patch+json",
            &strategic,
        )
        .await
        .ok();
    let containers = |body: &Value| {
        body["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(containers(&patched.body), 2);
    let json_patch = json!([
        {"op": "test", "path": "/spec/template/spec/containers/0/image", "value": "nginx:2"},
        {"op": "remove", "path": "/spec/template/spec/containers/1"},
    ]);
    let patched = cluster
        .send("PATCH", &path, "application/json-patch+json", &json_patch)
        .await
        .ok();
    assert_eq!(containers(&patched.body), 1);
    let refused = cluster
        .send(
            "PATCH",
            &path,
            "application/json-patch+json",
            &json!([{"op": "test", "path": "/spec/replicas", "value": 9}]),
        )
        .await;
    assert_eq!(refused.code, 422, "{}", refused.body);
    let unknown = cluster.send("PATCH", &path, "text/plain", &json!({})).await;
    assert_eq!(unknown.code, 415);
    let stale = cluster
        .merge(
            &path,
            &json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}),
        )
        .await;
    assert_eq!(
        stale.code, 409,
        "a resourceVersion in a patch is a precondition"
    );
}

#[tokio::test]
async fn finalizers_hold_an_object() {
    let cluster = Conversation::new();
    let path = format!("{CONFIG_MAPS}/held");
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["example.com/hold", "example.com/too"]},
    });
    cluster.post(CONFIG_MAPS, &body).await.ok();
    let marked = cluster.delete(&path, &Value::Null).await.ok();
    assert_eq!(
        marked.body["metadata"]["deletionTimestamp"],
        "2026-01-01T00:00:00Z"
    );
    assert_eq!(marked.body["metadata"]["deletionGracePeriodSeconds"], 0);
    let again = cluster.delete(&path, &Value::Null).await.ok();
    assert_eq!(again.revision(), marked.revision(), "marked once");
    let added = cluster
        .merge(
            &path,
            &json!({"metadata": {"finalizers": ["example.com/hold", "example.com/new"]}}),
        )
        .await;
    assert_eq!(
        added.message(),
        "ConfigMap \"held\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being \
         deleted, found new finalizers []string{\"example.com/new\"}"
    );
    cluster
        .merge(
            &path,
            &json!({"metadata": {"finalizers": ["example.com/hold"]}}),
        )
        .await
        .ok();
    assert_eq!(cluster.get(&path).await.code, 200);
    cluster
        .merge(&path, &json!({"metadata": {"finalizers": null}}))
        .await
        .ok();
    assert_eq!(cluster.get(&path).await.code, 404);
}

#[tokio::test]
async fn deletion_knows_preconditions_and_propagation() {
    let cluster = Conversation::new();
    let path = format!("{CONFIG_MAPS}/a");
    let created = cluster.config_map("a", &json!({})).await;
    let wrong = cluster
        .delete(&path, &json!({"preconditions": {"uid": "other"}}))
        .await;
    assert_eq!(wrong.code, 409);
    assert!(
        wrong
            .message()
            .contains("the UID in the precondition (other) does not match the UID in record"),
        "{}",
        wrong.message()
    );
    let marked = cluster
        .delete(&path, &json!({"propagationPolicy": "Foreground"}))
        .await
        .ok();
    assert_eq!(
        marked.body["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    let gone = cluster
        .merge(&path, &json!({"metadata": {"finalizers": []}}))
        .await
        .ok();
    assert_eq!(
        gone.body["metadata"]["uid"],
        created.body["metadata"]["uid"]
    );

    cluster.config_map("b", &json!({"keep": "no"})).await;
    cluster.config_map("c", &json!({"keep": "yes"})).await;
    let answer = cluster
        .delete(&format!("{CONFIG_MAPS}/b"), &Value::Null)
        .await
        .ok();
    assert_eq!(answer.body["status"], "Success");
    assert_eq!(answer.body["details"]["name"], "b");
    cluster.config_map("b", &json!({"keep": "no"})).await;
    let deleted = cluster
        .delete(
            &format!("{CONFIG_MAPS}?labelSelector=keep%3Dno"),
            &Value::Null,
        )
        .await
        .ok();
    assert_eq!(deleted.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(cluster.get(&format!("{CONFIG_MAPS}/c")).await.code, 200);
}

#[tokio::test]
async fn running_pods_get_their_grace_period() {
    let cluster = Conversation::new();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = |name: &str, node: Option<&str>| {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "main", "image": "nginx"}]},
        });
        if let Some(node) = node {
            pod["spec"]["nodeName"] = json!(node);
        }
        pod
    };
    let created = cluster.post(pods, &pod("free", None)).await.ok();
    assert_eq!(created.body["status"]["phase"], "Pending");
    assert_eq!(created.body["status"]["qosClass"], "BestEffort");
    cluster
        .delete(&format!("{pods}/free"), &Value::Null)
        .await
        .ok();
    assert_eq!(cluster.get(&format!("{pods}/free")).await.code, 404);
    cluster.post(pods, &pod("bound", Some("node-0"))).await.ok();
    let marked = cluster
        .delete(&format!("{pods}/bound"), &Value::Null)
        .await
        .ok();
    assert_eq!(marked.body["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(
        marked.body["metadata"]["deletionTimestamp"],
        "2026-01-01T00:00:30Z"
    );
    cluster
        .delete(&format!("{pods}/bound"), &json!({"gracePeriodSeconds": 0}))
        .await
        .ok();
    assert_eq!(cluster.get(&format!("{pods}/bound")).await.code, 404);
}

#[tokio::test]
async fn what_the_server_adds_to_built_in_kinds() {
    let cluster = Conversation::new();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"user": "me"},
    });
    let secret = cluster
        .post("/api/v1/namespaces/default/secrets", &secret)
        .await
        .ok()
        .body;
    assert_eq!(
        (&secret["data"]["user"], &secret["type"]),
        (&json!("bWU="), &json!("Opaque"))
    );
    assert!(secret.get("stringData").is_none());
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    });
    let path = "/api/v1/namespaces/default/services";
    let created = cluster.post(path, &service).await.ok().body;
    let address = created["spec"]["clusterIP"].as_str().unwrap();
    assert!(address.starts_with("10.96."), "{address}");
    assert_eq!(
        created["spec"]["ports"][0],
        json!({"port": 80, "protocol": "TCP", "targetPort": 80})
    );
    let updated = cluster
        .put(&format!("{path}/web"), &service)
        .await
        .ok()
        .body;
    assert_eq!(
        updated["spec"]["clusterIP"], address,
        "kept over an update without it"
    );
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    let namespace = cluster
        .post("/api/v1/namespaces", &namespace)
        .await
        .ok()
        .body;
    assert_eq!(
        namespace["metadata"]["labels"]["kubernetes.io/metadata.name"],
        "team"
    );
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    let patched = cluster
        .merge(
            "/api/v1/namespaces/team",
            &json!({"spec": {"finalizers": []}}),
        )
        .await
        .ok();
    assert_eq!(
        patched.body["spec"]["finalizers"],
        json!(["kubernetes"]),
        "only /finalize writes these"
    );
}

#[tokio::test]
async fn a_namespace_ends_by_finalize() {
    let cluster = Conversation::new();
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    cluster.post("/api/v1/namespaces", &body).await.ok();
    let mut marked = cluster
        .delete("/api/v1/namespaces/team", &Value::Null)
        .await
        .ok()
        .body;
    assert_eq!(marked["status"]["phase"], "Terminating");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}});
    let late = cluster
        .post("/api/v1/namespaces/team/configmaps", &map)
        .await;
    assert_eq!(
        (late.code, late.message()),
        (
            403,
            "configmaps \"late\" is forbidden: unable to create new content in namespace team because it is being terminated"
        )
    );
    assert_eq!(
        late.body["details"]["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    marked["spec"]["finalizers"] = json!([]);
    cluster
        .put("/api/v1/namespaces/team/finalize", &marked)
        .await
        .ok();
    assert_eq!(cluster.get("/api/v1/namespaces/team").await.code, 404);
}

#[tokio::test]
async fn scale_is_a_view() {
    let cluster = Conversation::new();
    cluster
        .post(DEPLOYMENTS, &deployment("web", "nginx"))
        .await
        .ok();
    let path = format!("{DEPLOYMENTS}/web/scale");
    let scale = cluster.get(&path).await.ok().body;
    assert_eq!(scale["kind"], "Scale");
    assert_eq!(scale["spec"]["replicas"], 1);
    assert_eq!(scale["status"]["selector"], "app=web");
    cluster
        .merge(&path, &json!({"spec": {"replicas": 4}}))
        .await
        .ok();
    let deployment = cluster.get(&format!("{DEPLOYMENTS}/web")).await.ok().body;
    assert_eq!(deployment["spec"]["replicas"], 4);
    let managers: Vec<&Value> = deployment["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["subresource"])
        .collect();
    assert!(managers.contains(&&json!("scale")), "{managers:?}");
}

#[tokio::test]
async fn everything_is_allowed() {
    let cluster = Conversation::new();
    for (path, kind, pointer) in [
        (
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            "SubjectAccessReview",
            "/status/allowed",
        ),
        (
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
            "/status/allowed",
        ),
        (
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            "SelfSubjectReview",
            "/status/userInfo/username",
        ),
    ] {
        let group = path.split('/').nth(2).unwrap();
        let body = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "spec": {}});
        let answer = cluster.post(path, &body).await.ok();
        assert!(answer.body.pointer(pointer).is_some(), "{}", answer.body);
    }
}

#[tokio::test]
async fn both_event_groups_show_the_same_events() {
    let cluster = Conversation::new();
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"},
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"}, "note": "hello", "reason": "Said",
        "type": "Normal", "action": "Say", "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.com/c", "reportingInstance": "c-1",
    });
    cluster
        .post("/apis/events.k8s.io/v1/namespaces/default/events", &event)
        .await
        .ok();
    let core = cluster
        .get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dp")
        .await
        .ok();
    let core = &core.body["items"][0];
    assert_eq!(
        (&core["message"], &core["involvedObject"]["kind"]),
        (&json!("hello"), &json!("Pod"))
    );
    assert_eq!(core["reportingComponent"], "example.com/c");
    let new = cluster
        .get("/apis/events.k8s.io/v1/namespaces/default/events/e")
        .await
        .ok()
        .body;
    assert_eq!(
        (&new["note"], &new["apiVersion"]),
        (&json!("hello"), &json!("events.k8s.io/v1"))
    );
}

#[tokio::test]
async fn fields_that_never_change() {
    let cluster = Conversation::new();
    cluster
        .post(DEPLOYMENTS, &deployment("web", "nginx"))
        .await
        .ok();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "main", "image": "nginx"}]},
    });
    cluster.post(pods, &pod).await.ok();
    let image = json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "nginx:2"}]);
    let path = format!("{pods}/p");
    cluster
        .send("PATCH", &path, "application/json-patch+json", &image)
        .await
        .ok();
    let refused = cluster
        .merge(&path, &json!({"spec": {"hostNetwork": true}}))
        .await;
    assert_eq!(refused.code, 422);
    let words =
        "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than ";
    assert!(
        refused.message().starts_with(words),
        "{}",
        refused.message()
    );
    let selector = json!({
        "spec": {
            "selector": {"matchLabels": {"app": "other"}},
            "template": {"metadata": {"labels": {"app": "other"}}},
        },
    });
    let refused = cluster
        .merge(&format!("{DEPLOYMENTS}/web"), &selector)
        .await;
    assert_eq!(
        refused.message(),
        "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable"
    );
}
