#![expect(clippy::unwrap_used, reason = "tests")]

mod course;

use serde_json::{Value, json};

use super::mapping::{Choose, Mapping, Template};
use super::{Env, Project, Projection, is_projected, project, provisioned, unproject};
use jsonpath::ReadPath;

fn wish(uid: &str, name: &str) -> Projection {
    Projection {
        uid: uid.to_owned(),
        name: name.to_owned(),
        secret: format!("{name}-secret"),
        kind: None,
        provider: None,
        env: Vec::new(),
        containers: Vec::new(),
    }
}

fn env(name: &str, key: &str) -> Env {
    Env {
        name: name.to_owned(),
        key: key.to_owned(),
    }
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {
            "initContainers": [{"name": "migrate"}],
            "containers": [
                {"name": "app", "env": [{"name": "A", "value": "1"}]},
                {"name": "sidecar", "env": [{"name": "SERVICE_BINDING_ROOT", "value": "/own/"}],
                 "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }}},
    })
}

fn pods() -> Mapping {
    Mapping::pod_spec().unwrap()
}

#[test]
fn a_secret_is_mounted_into_every_container_below_its_root() {
    let got = project(&deployment(), &wish("u1", "db"), &pods()).unwrap();
    let spec = &got["spec"]["template"]["spec"];
    let mount = |path: &str| json!({"name": "binding-u1", "mountPath": path, "readOnly": true});
    let root = json!({"name": "SERVICE_BINDING_ROOT", "value": "/bindings"});
    assert_eq!(
        spec["initContainers"][0]["volumeMounts"],
        json!([mount("/bindings/db")])
    );
    assert_eq!(spec["initContainers"][0]["env"], json!([root]));
    assert_eq!(
        spec["containers"][0]["env"],
        json!([{"name": "A", "value": "1"}, root])
    );
    assert_eq!(
        spec["containers"][1],
        json!({"name": "sidecar", "env": [{"name": "SERVICE_BINDING_ROOT", "value": "/own/"}],
               "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, mount("/own/db")]})
    );
    assert_eq!(
        spec["volumes"],
        json!([{"name": "tmp", "emptyDir": {}},
               {"name": "binding-u1", "projected": {"sources": [{"secret": {"name": "db-secret"}}]}}])
    );
    assert!(is_projected(&got, "u1"));
    assert!(!is_projected(&got, "u2"));
}

#[test]
fn the_same_again_changes_nothing_and_taking_out_leaves_what_was() {
    let mut full = wish("u1", "db");
    full.kind = Some("postgresql".to_owned());
    full.provider = Some("acme".to_owned());
    full.env = vec![env("DB_HOST", "host"), env("DB_TYPE", "type")];
    let once = project(&deployment(), &full, &pods()).unwrap();
    assert_eq!(project(&once, &full, &pods()).unwrap(), once);
    assert_eq!(unproject(&once, "u1").unwrap(), deployment());
    assert_eq!(unproject(&deployment(), "u1").unwrap(), deployment());
}

#[test]
fn two_bindings_do_not_move_each_other() {
    let (first, second) = (wish("u1", "db"), wish("u2", "cache"));
    let both = project(
        &project(&deployment(), &first, &pods()).unwrap(),
        &second,
        &pods(),
    )
    .unwrap();
    assert_eq!(project(&both, &first, &pods()).unwrap(), both);
    assert_eq!(project(&both, &second, &pods()).unwrap(), both);
    // Who came first had set the root: it stays while it is needed, and goes with the last.
    let one = unproject(&both, "u1").unwrap();
    let root = json!({"name": "SERVICE_BINDING_ROOT", "value": "/bindings"});
    assert_eq!(
        one["spec"]["template"]["spec"]["containers"][0]["env"][1],
        root
    );
    assert_eq!(unproject(&one, "u2").unwrap(), deployment());
}

#[test]
fn type_and_provider_of_a_binding_lie_over_the_secret_s() {
    let mut full = wish("u1", "db");
    full.kind = Some("postgresql".to_owned());
    full.env = vec![env("DB_TYPE", "type"), env("DB_PROVIDER", "provider")];
    let got = project(&deployment(), &full, &pods()).unwrap();
    let template = &got["spec"]["template"];
    assert_eq!(
        template["metadata"]["annotations"],
        json!({"binding.oarlock.dev/type-u1": "postgresql"})
    );
    let field = json!({"apiVersion": "v1", "fieldPath": "metadata.annotations['binding.oarlock.dev/type-u1']"});
    assert_eq!(
        template["spec"]["volumes"][1]["projected"]["sources"],
        json!([{"secret": {"name": "db-secret"}}, {"downwardAPI": {"items": [{"path": "type", "fieldRef": field}]}}])
    );
    assert_eq!(
        template["spec"]["initContainers"][0]["env"],
        json!([
            {"name": "SERVICE_BINDING_ROOT", "value": "/bindings"},
            {"name": "DB_TYPE", "valueFrom": {"fieldRef": field}},
            {"name": "DB_PROVIDER", "valueFrom": {"secretKeyRef": {"name": "db-secret", "key": "provider"}}},
        ])
    );
    full.kind = None;
    full.env.clear();
    let plain = project(&got, &full, &pods()).unwrap();
    assert_eq!(
        unproject(&plain, "u1").unwrap()["spec"]["template"]["spec"],
        deployment()["spec"]["template"]["spec"]
    );
    assert_eq!(
        plain["spec"]["template"]["spec"]["volumes"][1]["projected"]["sources"],
        json!([{"secret": {"name": "db-secret"}}])
    );
}

#[test]
fn a_changed_binding_is_brought_to_what_is_wished_in_place() {
    let mut one = wish("u1", "db");
    one.env = vec![env("A_HOST", "host"), env("A_PORT", "port")];
    let mut before = project(&deployment(), &one, &pods()).unwrap();
    before["spec"]["template"]["spec"]["volumes"][1]["projected"]["defaultMode"] = json!(420);
    let mut two = wish("u1", "renamed");
    two.env = vec![env("A_PORT", "port2")];
    two.containers = vec!["app".to_owned()];
    let after = project(&before, &two, &pods()).unwrap();
    let spec = &after["spec"]["template"]["spec"];
    assert_eq!(
        spec["containers"][0]["env"],
        json!([
            {"name": "A", "value": "1"},
            {"name": "SERVICE_BINDING_ROOT", "value": "/bindings"},
            {"name": "A_PORT", "valueFrom": {"secretKeyRef": {"name": "renamed-secret", "key": "port2"}}},
        ])
    );
    assert_eq!(
        spec["containers"][0]["volumeMounts"][0]["mountPath"],
        "/bindings/renamed"
    );
    assert_eq!(
        spec["containers"][1],
        deployment()["spec"]["template"]["spec"]["containers"][1]
    );
    assert_eq!(
        spec["volumes"][1]["projected"],
        json!({"defaultMode": 420, "sources": [{"secret": {"name": "renamed-secret"}}]})
    );
    assert_eq!(unproject(&after, "u1").unwrap(), deployment());
}

#[test]
fn what_is_the_workload_s_own_is_not_overwritten() {
    let mut taken = wish("u1", "db");
    taken.env = vec![env("A", "host")];
    assert_eq!(
        project(&deployment(), &taken, &pods()),
        Err(Project::EnvTaken {
            container: "app".to_owned(),
            name: "A".to_owned()
        })
    );
    let mut mounted = deployment();
    mounted["spec"]["template"]["spec"]["containers"][1]["volumeMounts"][0]["mountPath"] =
        json!("/own/db/");
    assert_eq!(
        project(&mounted, &wish("u1", "db"), &pods()),
        Err(Project::MountTaken {
            container: "sidecar".to_owned(),
            path: "/own/db".to_owned()
        })
    );
    let mut elsewhere = deployment();
    elsewhere["spec"]["template"]["spec"]["containers"][1]["env"][0] = json!({"name": "SERVICE_BINDING_ROOT", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}});
    let error = project(&elsewhere, &wish("u1", "db"), &pods()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "container \"sidecar\" takes SERVICE_BINDING_ROOT from elsewhere, so its value is not known\nhint: set it by `value`"
    );
    let mut twice = wish("u1", "db");
    twice.env = vec![env("B", "host"), env("B", "port")];
    assert_eq!(
        project(&deployment(), &twice, &pods()),
        Err(Project::EnvTwice {
            name: "B".to_owned()
        })
    );
    assert!(matches!(
        project(&deployment(), &wish("u1", "a/b"), &pods()),
        Err(Project::Name { .. })
    ));
}

#[test]
fn what_has_no_containers_is_refused_before_anything_is_put_in() {
    let error = project(
        &json!({"kind": "ConfigMap", "metadata": {}}),
        &wish("u1", "db"),
        &pods(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the workload has no containers at .spec.template.spec.initContainers[*] and .spec.template.spec.containers[*]\n\
         hint: describe it by a ClusterWorkloadResourceMapping named PLURAL.GROUP"
    );
}

#[test]
fn a_mapping_says_where_things_are_and_is_kept_for_taking_out() {
    let template: Template = serde_json::from_value(json!({
        "version": "v1",
        "annotations": ".spec.notes",
        "containers": [{"path": ".spec.jobs[*].run", "env": ".variables", "volumeMounts": ".mounts"}],
        "volumes": ".spec['all.volumes']",
    }))
    .unwrap();
    let mapping = Mapping::choose(std::slice::from_ref(&template), "v1").unwrap();
    let workload = json!({"metadata": {"annotations": {"own": "1"}}, "spec": {"jobs": [{"run": {}}, {"run": {"x": 1}}, {}]}});
    let mut listed = wish("u1", "db");
    listed.containers = vec!["named".to_owned()];
    listed.kind = Some("t".to_owned());
    let got = project(&workload, &listed, &mapping).unwrap();
    // They have no names: all of them are meant.
    assert_eq!(
        got["spec"]["jobs"][1]["run"]["mounts"][0]["mountPath"],
        "/bindings/db"
    );
    assert_eq!(
        got["spec"]["jobs"][0]["run"]["variables"][0]["name"],
        "SERVICE_BINDING_ROOT"
    );
    assert_eq!(got["spec"]["jobs"][2], json!({}));
    assert_eq!(got["spec"]["all.volumes"][0]["name"], "binding-u1");
    assert_eq!(
        got["spec"]["notes"],
        json!({"binding.oarlock.dev/type-u1": "t"})
    );
    // The mapping is gone: it is taken out all the same.
    assert_eq!(unproject(&got, "u1").unwrap(), workload);
    // Another mapping: taken out by the old one, put in by the new one.
    let mut moved = template;
    moved.volumes = Some(".spec.other".to_owned());
    let moved = project(&got, &listed, &Mapping::read(&moved).unwrap()).unwrap();
    assert_eq!(moved["spec"]["other"][0]["name"], "binding-u1");
    assert_eq!(moved["spec"].get("all.volumes"), None);
}

#[test]
fn a_mapping_is_chosen_by_version_and_checked() {
    let version = |version: &str| Template {
        version: version.to_owned(),
        ..Template::default()
    };
    let chosen = |versions: &[Template], of: &str| {
        Mapping::choose(versions, of).map(|mapping| mapping.template.version)
    };
    assert_eq!(
        chosen(&[version("v1"), version("*")], "v1"),
        Ok("v1".to_owned())
    );
    assert_eq!(
        chosen(&[version("v1"), version("*")], "v2"),
        Ok("*".to_owned())
    );
    assert_eq!(
        chosen(&[version("v1"), version("v1beta1")], "v2")
            .unwrap_err()
            .to_string(),
        "the mapping has no entry for version \"v2\"; it has v1, v1beta1\nhint: add one, or one for `*`"
    );
    assert_eq!(
        chosen(&[version("v1"), version("v1")], "v1"),
        Err(Choose::Twice {
            version: "v1".to_owned()
        })
    );
    let wild = Template {
        version: "v1".to_owned(),
        volumes: Some(".spec.volumes[*]".to_owned()),
        ..Template::default()
    };
    assert_eq!(
        chosen(&[wild], "v1"),
        Err(Choose::Path {
            version: "v1".to_owned(),
            why: ReadPath::NotFixed {
                path: ".spec.volumes[*]".to_owned()
            }
        })
    );
}

#[test]
fn a_cron_job_has_its_template_deeper() {
    let workload = json!({"metadata": {}, "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}}});
    let got = project(&workload, &wish("u1", "db"), &Mapping::cron_job().unwrap()).unwrap();
    let spec = &got["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(
        spec["containers"][0]["volumeMounts"][0]["mountPath"],
        "/bindings/db"
    );
    assert_eq!(spec["volumes"][0]["name"], "binding-u1");
    assert_eq!(unproject(&got, "u1").unwrap(), workload);
}

#[test]
fn a_record_that_was_changed_is_an_error_and_not_guessed() {
    let mut got = project(&deployment(), &wish("u1", "db"), &pods()).unwrap();
    got["metadata"]["annotations"]["binding.oarlock.dev/projection-u1"] = json!("{");
    let error = unproject(&got, "u1").unwrap_err();
    assert!(
        error.to_string().contains("remove volume \"binding-u1\""),
        "{error}"
    );
}

#[test]
fn a_service_is_whatever_names_a_secret() {
    assert_eq!(
        provisioned(&json!({"kind": "X", "status": {"binding": {"name": "s"}}})),
        Some("s")
    );
    assert_eq!(
        provisioned(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "own"}})),
        Some("own")
    );
    assert_eq!(
        provisioned(&json!({"kind": "X", "status": {"binding": {"name": ""}}})),
        None
    );
    assert_eq!(
        provisioned(&json!({"kind": "X", "metadata": {"name": "own"}})),
        None
    );
}

#[test]
fn a_variable_of_two_bindings_stays_until_the_last_one_goes() {
    let of = |uid: &str| Projection {
        secret: "one".to_owned(),
        env: vec![env("HOST", "host")],
        ..wish(uid, uid)
    };
    let both = project(&deployment(), &of("u1"), &pods()).unwrap();
    let both = project(&both, &of("u2"), &pods()).unwrap();
    let second = unproject(&both, "u1").unwrap();
    assert_eq!(
        project(&second, &of("u2"), &pods()).unwrap(),
        second,
        "it has all it needs"
    );
    assert!(second.to_string().contains("\"HOST\""));
    assert_eq!(unproject(&second, "u2").unwrap(), deployment());
    // Whoever does not want it any more leaves it, and whoever wants another entry is told.
    let without = Projection {
        env: Vec::new(),
        ..of("u1")
    };
    let kept = project(&both, &without, &pods()).unwrap();
    assert_eq!(project(&kept, &of("u2"), &pods()).unwrap(), kept);
    let other = Projection {
        env: vec![env("HOST", "port")],
        ..of("u1")
    };
    let error = project(&both, &other, &pods()).unwrap_err();
    assert!(matches!(error, Project::EnvTaken { .. }), "{error}");
    // Both follow their service to another Secret.
    let next = |uid: &str| Projection {
        secret: "next".to_owned(),
        ..of(uid)
    };
    let moved = project(&both, &next("u1"), &pods()).unwrap();
    let moved = project(&moved, &next("u2"), &pods()).unwrap();
    let moved = project(&moved, &next("u1"), &pods()).unwrap();
    let text = moved["spec"].to_string();
    assert!(!text.contains("\"one\"") && text.contains("\"next\""));
}
