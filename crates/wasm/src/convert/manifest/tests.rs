use super::*;

fn plain() -> module::Manifest {
    module::Manifest {
        name: "canary".to_owned(),
        version: "1.0.0".to_owned(),
        crds: Vec::new(),
        finalizer: None,
        writes: Vec::new(),
        reads: Vec::new(),
        http: Vec::new(),
    }
}

fn wrong(change: impl FnOnce(&mut module::Manifest)) -> String {
    let mut changed = plain();
    change(&mut changed);
    match manifest(changed) {
        Ok(_) => "fine".to_owned(),
        Err(wrong) => format!("{}: {}", wrong.place, wrong.message),
    }
}

fn grant_of(plural: &str, verb: &str) -> module::Grant {
    module::Grant {
        api_group: String::new(),
        plural: plural.to_owned(),
        verbs: vec![verb.to_owned()],
    }
}

#[test]
fn a_plain_manifest_is_fine() {
    assert_eq!(wrong(|_| ()), "fine");
}

#[test]
fn each_field_is_checked_in_its_place() {
    insta::assert_snapshot!(wrong(|m| m.name = "Canary".to_owned()), @r#"name: expected a DNS label (lower-case letters, digits and `-`, at most 63), found "Canary""#);
    insta::assert_snapshot!(wrong(|m| m.version = "1.0".to_owned()), @r#"version: expected a semantic version such as 1.2.3, found "1.0""#);
    insta::assert_snapshot!(wrong(|m| m.finalizer = Some("rollout".to_owned())), @r#"finalizer: expected a qualified name such as canary.oarlock.dev/rollout, found "rollout""#);
    insta::assert_snapshot!(wrong(|m| m.finalizer = Some("oarlock.dev/children".to_owned())), @r#"finalizer: expected a name of the module's own, found "oarlock.dev/children", which is the host's"#);
    insta::assert_snapshot!(wrong(|m| m.finalizer = Some("batch.kubernetes.io/job-tracking".to_owned())), @r#"finalizer: expected a name of the module's own, found "batch.kubernetes.io/job-tracking", which is Kubernetes's"#);
    insta::assert_snapshot!(wrong(|m| m.crds = vec!["{}".to_owned()]), @"crds[0]: apiVersion: expected a non-empty string");
    let secret = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}"#;
    insta::assert_snapshot!(wrong(|m| m.crds = vec![secret.to_owned()]), @"crds[0]: expected an apiextensions.k8s.io/v1 CustomResourceDefinition, found v1 Secret");
    insta::assert_snapshot!(wrong(|m| m.writes = vec![grant_of("", "patch")]), @"writes[0].plural: expected a plural resource name such as deployments, or `*`");
    insta::assert_snapshot!(wrong(|m| m.reads = vec![grant_of("secrets", "patch")]), @r#"reads[0].verbs[0]: expected one of get, list, watch, found "patch""#);
    insta::assert_snapshot!(wrong(|m| m.http = vec!["https://a.example/path".to_owned()]), @r#"http[0]: expected an origin such as https://broker.example.com:8443, found "https://a.example/path""#);
}

#[test]
fn semantic_versions() {
    for good in [
        "0.0.0",
        "1.2.3",
        "1.0.0-alpha.1",
        "1.0.0-0.3.7",
        "1.0.0+build.01",
        "1.0.0-x-y.z+a",
    ] {
        assert!(is_version(good), "{good}");
    }
    for bad in [
        "", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "v1.2.3", "1.2.3-", "1.2.3-01", "1.2.3+",
    ] {
        assert!(!is_version(bad), "{bad}");
    }
}
