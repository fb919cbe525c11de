#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use oarlock_core::manifest::Manifest;
use oarlock_core::object::Object;
use serde_json::json;

use super::*;
use crate::{Env, parse};

fn installation() -> Installation {
    Installation {
        name: "oarlock".to_owned(),
        namespace: "oarlock-system".to_owned(),
        account: "oarlock".to_owned(),
        namespaces: BTreeSet::new(),
        leader_election: false,
        sharding: false,
        install_crds: false,
        guarded_metrics: false,
    }
}

fn module(kind: &str, plural: &str, scope: &str) -> Manifest {
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {"group": "example.com", "scope": scope, "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "storage": true, "served": true, "subresources": {"status": {}}}]},
    });
    Manifest {
        name: "m".to_owned(),
        version: "1.0.0".to_owned(),
        crds: vec![Object::from_value(crd).unwrap()],
        finalizer: None,
        writes: Vec::new(),
        reads: Vec::new(),
        http: Vec::new(),
    }
}

fn shown(text: &str, manifest: Option<&Manifest>, installation: &Installation) -> String {
    let parsed = parse("watches.yaml", text, &Env::empty());
    assert!(!parsed.has_errors(), "{:?}", parsed.diagnostics);
    let subjects: Vec<Subject<'_>> = parsed
        .watches
        .iter()
        .map(|watch| Subject { watch, manifest })
        .collect();
    let rights = rights(&subjects, &[], installation);
    let mut out = String::new();
    let mut side = |title: String, rules: &[Rule]| {
        writeln!(out, "{title}").unwrap();
        for rule in rules {
            let names: Vec<&str> = rule.names.iter().map(String::as_str).collect();
            writeln!(
                out,
                "  {:?} {}{} [{}] {}",
                rule.group,
                rule.resource,
                if names.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", names.join(", "))
                },
                rule.ordered_verbs().join(" "),
                rule.reasons(),
            )
            .unwrap();
        }
    };
    for (place, rules) in &rights.operator {
        side(format!("{place:?}"), rules);
    }
    for (account, rules) in &rights.accounts {
        side(format!("as {account}"), rules);
    }
    for note in &rights.notes {
        writeln!(out, "note: {note}").unwrap();
    }
    out
}

const WATCH: &str = "- {group: example.com, version: v1, kind: Widget, module: a.wasm, grants: ";

#[test]
fn the_canary_of_all_namespaces() {
    let text = format!("{WATCH}{{write: [{{apiGroups: [apps], resources: [deployments]}}]}}}}");
    let module = module("Widget", "widgets", "Namespaced");
    insta::assert_snapshot!(shown(&text, Some(&module), &installation()), @r#"
    Cluster
      "apiextensions.k8s.io" customresourcedefinitions [list watch] list, watch: hear of new kinds at once
      "apps" deployments [get list watch create patch delete] get: give fields back, take children over, find out who else writes. list, watch: fill the cache. create: create children. patch: apply children. delete: prune and remove
      "events.k8s.io" events [get create patch] get: count what was told before. create, patch: tell what happens
      "example.com" widgets [list watch patch] list, watch: fill the cache. patch: set finalizers and annotations
      "example.com" widgets/finalizers [update] update: own children (owner references block the owner's deletion)
      "example.com" widgets/status [patch] patch: write the status
    "#);
}

#[test]
fn everything_that_an_installation_adds() {
    let text = format!("{WATCH}{{}}}}");
    let module = module("Widget", "widgets", "Cluster");
    let installation = Installation {
        leader_election: true,
        sharding: true,
        install_crds: true,
        guarded_metrics: true,
        ..installation()
    };
    insta::assert_snapshot!(shown(&text, Some(&module), &installation), @r#"
    Cluster
      "apiextensions.k8s.io" customresourcedefinitions [list watch] list, watch: hear of new kinds at once
      "apiextensions.k8s.io" customresourcedefinitions (widgets.example.com) [get create patch] get, create, patch: install the modules' definitions
      "authentication.k8s.io" tokenreviews [create] create: ask who may see the metrics
      "authorization.k8s.io" subjectaccessreviews [create] create: ask who may see the metrics
      "events.k8s.io" events [get create patch] get: count what was told before. create, patch: tell what happens
      "example.com" widgets [list watch patch] list, watch: fill the cache. patch: set finalizers and annotations
      "example.com" widgets/status [patch] patch: write the status
    Namespace("oarlock-system")
      "coordination.k8s.io" leases [get list create update delete] get: elect a leader. list, delete: share the objects among replicas. create, update: elect a leader; share the objects among replicas
    "#);
}

#[test]
fn confined_to_namespaces() {
    let text = format!(
        "{WATCH}{{write: [{{apiGroups: [\"\"], resources: [configmaps], namespaces: [web, nowhere]}}, {{apiGroups: \
         [rbac.authorization.k8s.io], resources: [clusterroles], resourceNames: [one], verbs: [patch, delete]}}]}}}}"
    );
    let module = module("Widget", "widgets", "Namespaced");
    let installation = Installation {
        namespaces: ["web", "data"].map(str::to_owned).into(),
        ..installation()
    };
    insta::assert_snapshot!(shown(&text, Some(&module), &installation), @r#"
    Cluster
      "rbac.authorization.k8s.io" clusterroles [list watch] list, watch: fill the cache
      "rbac.authorization.k8s.io" clusterroles (one) [get patch delete] get: give fields back, take children over, find out who else writes. patch: apply children. delete: prune and remove
    Namespace("data")
      "" configmaps [list watch] list, watch: fill the cache
      "events.k8s.io" events [get create patch] get: count what was told before. create, patch: tell what happens
      "example.com" widgets [list watch patch] list, watch: fill the cache. patch: set finalizers and annotations
      "example.com" widgets/finalizers [update] update: own children (owner references block the owner's deletion)
      "example.com" widgets/status [patch] patch: write the status
    Namespace("web")
      "" configmaps [get list watch create patch delete] get: give fields back, take children over, find out who else writes. list, watch: fill the cache. create: create children. patch: apply children. delete: prune and remove
      "events.k8s.io" events [get create patch] get: count what was told before. create, patch: tell what happens
      "example.com" widgets [list watch patch] list, watch: fill the cache. patch: set finalizers and annotations
      "example.com" widgets/finalizers [update] update: own children (owner references block the owner's deletion)
      "example.com" widgets/status [patch] patch: write the status
    note: to write clusterroles.rbac.authorization.k8s.io gives more rights: roles and bindings give rights
    note: without the right to list and watch CustomResourceDefinitions, new kinds are looked for every two minutes
    "#);
}

#[test]
fn what_accounts_do_is_their_right() {
    let text = "- group: example.com\n  version: v1\n  kind: Widget\n  module: a.wasm\n  serviceAccount: deployer\n  \
                grants:\n    actAs: [other]\n    write: [{apiGroups: [\"\"], resources: [configmaps]}]\n    \
                read: [{apiGroups: [\"\"], resources: [secrets], resourceNames: [token]}]\n";
    let module = module("Widget", "widgets", "Namespaced");
    insta::assert_snapshot!(shown(text, Some(&module), &installation()), @r#"
    Cluster
      "" configmaps [list watch] list, watch: fill the cache
      "" secrets [list watch] list, watch: fill the cache
      "" serviceaccounts (deployer, other) [impersonate] impersonate: act as ServiceAccounts
      "apiextensions.k8s.io" customresourcedefinitions [list watch] list, watch: hear of new kinds at once
      "authorization.k8s.io" subjectaccessreviews [create] create: ask what ServiceAccounts may
      "events.k8s.io" events [get create patch] get: count what was told before. create, patch: tell what happens
      "example.com" widgets [list watch patch] list, watch: fill the cache. patch: set finalizers and annotations
      "example.com" widgets/status [patch] patch: write the status
    as deployer
      "" configmaps [get create patch delete] get: give fields back, take children over, find out who else writes. create: create children. patch: apply children. delete: prune and remove
      "" secrets (token) [get] get: read for the module
      "example.com" widgets/finalizers [update] update: own children (owner references block the owner's deletion)
    note: list and watch cannot be confined to some Secrets: the operator's cache has them all, its modules see those that their grants name or select
    "#);
}

#[test]
fn what_is_not_known_and_what_goes_far_is_noted() {
    let text = format!(
        "{WATCH}{{actAs: [\"*\"], write: [{{apiGroups: [\"*\"], resources: [\"*\"]}}, {{apiGroups: [\"\"], resources: \
         [secrets]}}], read: [{{apiGroups: [\"\"], resources: [secrets], resourceNames: [a]}}, {{apiGroups: [\"\"], \
         resources: [services], verbs: [get]}}]}}}}"
    );
    insta::assert_snapshot!(shown(&text, None, &installation()), @r#"
    Cluster
      "" secrets [get list watch create patch delete] get: give fields back, take children over, find out who else writes. list, watch: fill the cache. create: create children. patch: apply children. delete: prune and remove
      "" serviceaccounts [impersonate] impersonate: act as ServiceAccounts
      "" services [get list watch] get: read past the cache. list, watch: fill the cache
      "*" * [get list watch create patch delete] get: give fields back, take children over, find out who else writes. list, watch: fill the cache. create: create children. patch: apply children. delete: prune and remove
      "apiextensions.k8s.io" customresourcedefinitions [list watch] list, watch: hear of new kinds at once
      "authorization.k8s.io" subjectaccessreviews [create] create: ask what ServiceAccounts may
      "events.k8s.io" events [get create patch] get: count what was told before. create, patch: tell what happens
      "example.com" widgets [list watch patch] list, watch: fill the cache. patch: set finalizers and annotations
      "example.com" widgets/finalizers [update] update: own children (owner references block the owner's deletion)
      "example.com" widgets/status [patch] patch: write the status
    note: the module of example.com/v1 Widget brings no definition of it: its resource is taken for widgets.example.com, with namespaces and a status; hint: --kubeconfig asks the cluster
    note: a wildcard (*.*) is passed on as it is: to the API server it includes Secrets and what gives rights, which the host still keeps from the module; name the kinds instead
    note: to write secrets gives more rights: a Secret of type kubernetes.io/service-account-token is given the token of any ServiceAccount of its namespace
    note: list and watch cannot be confined to some Secrets: the operator's cache has them all, its modules see those that their grants name or select
    note: the module of example.com/v1 Widget may act as every ServiceAccount of its objects' namespaces, and so may the operator
    "#);
}

#[test]
fn objects_can_be_applied_as_they_are() {
    let text = "- group: example.com\n  version: v1\n  kind: Widget\n  module: a.wasm\n  serviceAccount: deployer\n";
    let parsed = parse("watches.yaml", text, &Env::empty());
    let subject = Subject {
        watch: &parsed.watches[0],
        manifest: None,
    };
    let installation = Installation {
        namespaces: ["web".to_owned()].into(),
        ..installation()
    };
    let objects = rights(&[subject], &[], &installation).objects(&installation);
    let lines: Vec<String> = objects
        .iter()
        .map(|object| {
            let text = |pointer: &str| object.object.pointer(pointer).and_then(|v| v.as_str());
            format!(
                "{} {}/{}",
                text("/kind").unwrap(),
                text("/metadata/namespace").unwrap_or_default(),
                text("/metadata/name").unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    ServiceAccount oarlock-system/oarlock
    ClusterRole /oarlock
    ClusterRoleBinding /oarlock
    Role web/oarlock
    RoleBinding web/oarlock
    ");
}

#[test]
fn a_charts_rights_are_those_of_its_grants() {
    let chart = "- {group: example.com, version: v1, kind: Site, chart: site}";
    let narrow = "- group: example.com
  version: v1
  kind: Site
  chart: site
  grants: {write: [{apiGroups: [apps], resources: [deployments]}], read: [{apiGroups: [\"\"], resources: [pods]}]}";
    let manifest = module("Site", "sites", "Namespaced");
    let shown = |text| shown(text, Some(&manifest), &installation());
    insta::assert_snapshot!("a_chart", shown(chart));
    insta::assert_snapshot!("a_narrowed_chart", shown(narrow));
}
