#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::crds::{Act, plan};
use super::*;
use crate::manifest::{Document, Kinds, Object, Scope, objects};
use crate::wish::Crds;

fn kinds() -> Kinds {
    let mut kinds = Kinds::default();
    for (group, version, kind) in [
        ("", "v1", "Service"),
        ("", "v1", "ServiceAccount"),
        ("", "v1", "Secret"),
        ("", "v1", "PersistentVolumeClaim"),
        ("apps", "v1", "Deployment"),
        ("batch", "v1", "Job"),
        ("autoscaling", "v1", "HorizontalPodAutoscaler"),
        ("autoscaling", "v2", "HorizontalPodAutoscaler"),
        ("extensions", "v1beta1", "Deployment"),
        ("networking.k8s.io", "v1", "Ingress"),
    ] {
        kinds.add(group, version, kind, Scope::Namespaced);
    }
    kinds
}

fn read(lines: &[&str]) -> Vec<Object> {
    let documents: Vec<Document> = lines
        .iter()
        .map(|line| {
            let mut words = line.split(' ');
            let (version, kind, name) = (
                words.next().unwrap(),
                words.next().unwrap(),
                words.next().unwrap(),
            );
            let policy = words.next().map_or_else(String::new, |policy| {
                format!(", annotations: {{helm.sh/resource-policy: {policy}}}")
            });
            let name = match name.strip_suffix('*') {
                Some(prefix) => format!("generateName: {prefix}"),
                None => match name.split_once('/') {
                    Some((namespace, name)) => format!("name: {name}, namespace: {namespace}"),
                    None => format!("name: {name}"),
                },
            };
            Document::new(
                "web/templates/x.yaml",
                format!("{{apiVersion: {version}, kind: {kind}, metadata: {{{name}{policy}}}}}"),
            )
        })
        .collect();
    objects(&documents).unwrap()
}

fn placed(lines: &[&str]) -> Vec<Placed> {
    let placement = kinds().place(read(lines), "shop");
    assert!(placement.unserved.is_empty());
    placement.placed
}

fn names(placed: &[&Placed]) -> String {
    let names: Vec<String> = placed
        .iter()
        .map(|placed| format!("{}/{}", placed.id.kind, placed.id.name))
        .collect();
    names.join(" ")
}

/// Create, update, delete, keep.
fn told(old: &[&str], new: &[&str]) -> [String; 4] {
    let (old, new) = (placed(old), placed(new));
    let difference = between(&old, &new);
    let updated: Vec<&Placed> = difference.update.iter().map(|update| update.new).collect();
    [
        names(&difference.create),
        names(&updated),
        names(&difference.delete),
        names(&difference.keep),
    ]
}

#[test]
fn objects_are_created_updated_deleted_and_kept() {
    assert_eq!(
        told(
            &[
                "v1 Service a",
                "v1 ServiceAccount b",
                "apps/v1 Deployment c",
                "v1 PersistentVolumeClaim d keep"
            ],
            &["v1 Secret e", "v1 Service a"],
        ),
        [
            "Secret/e",
            "Service/a",
            "Deployment/c ServiceAccount/b",
            "PersistentVolumeClaim/d"
        ]
    );
    assert_eq!(told(&[], &["v1 Service a"]), ["Service/a", "", "", ""]);
}

#[test]
fn another_namespace_is_another_object() {
    assert_eq!(
        told(&["v1 Service a"], &["v1 Service other/a"]),
        ["Service/a", "", "Service/a", ""]
    );
    assert_eq!(
        told(&["v1 Service shop/a"], &["v1 Service a"]),
        ["", "Service/a", "", ""]
    );
}

#[test]
fn another_version_is_the_same_object() {
    let (v1, v2) = (
        "autoscaling/v1 HorizontalPodAutoscaler a",
        "autoscaling/v2 HorizontalPodAutoscaler a",
    );
    assert_eq!(
        told(&[v1], &[v2]),
        ["", "HorizontalPodAutoscaler/a", "", ""]
    );
    assert_eq!(
        told(
            &["extensions/v1beta1 Deployment a"],
            &["apps/v1 Deployment a"]
        ),
        ["", "Deployment/a", "", ""]
    );
}

#[test]
fn made_names_are_always_new_and_never_deleted() {
    assert_eq!(
        told(&["batch/v1 Job a-*"], &["batch/v1 Job a-*"]),
        ["Job/", "", "", ""]
    );
    assert_eq!(told(&["batch/v1 Job a-*"], &[]), ["", "", "", ""]);
}

#[test]
fn of_an_object_that_is_there_twice_the_last_counts() {
    let new = placed(&["v1 Service a", "v1 Secret b", "v1 Service a keep"]);
    let difference = between(&[], &new);
    assert_eq!(names(&difference.create), "Secret/b Service/a");
    assert!(keeps(&difference.create[1].object.content));
    assert_eq!(difference.twice, [new[0].id.clone()]);
}

#[test]
fn removal_goes_in_helms_order_and_tells_what_stays() {
    let old = placed(&[
        "v1 ServiceAccount a",
        "v1 PersistentVolumeClaim data keep",
        "v1 Secret b Keep",
        "v1 Service c",
        "apps/v1 Deployment d",
    ]);
    let removal = removal(&old);
    assert_eq!(
        names(&removal.delete),
        "Service/c Deployment/d ServiceAccount/a"
    );
    assert_eq!(
        removal.kept().unwrap(),
        "These resources were kept due to the resource policy:\n[PersistentVolumeClaim] data\n[Secret] b\n"
    );
    assert_eq!(super::removal(&old[..1]).kept(), None);
}

#[test]
fn removed_kinds_block_only_where_something_would_be_left_behind() {
    let old = kinds()
        .place(read(&["extensions/v1beta1 Ingress web"]), "shop")
        .unserved;
    assert_eq!(
        removed_kinds(&old, &placed(&["networking.k8s.io/v1 Ingress web"])),
        None
    );
    assert_eq!(
        removed_kinds(&old, &placed(&["networking.k8s.io/v1 Ingress other"])).unwrap(),
        "current release manifest contains removed kubernetes api(s) for this kubernetes version and it is therefore unable to \
         build the kubernetes objects for performing the diff. error from kubernetes: resource mapping not found for name: \"web\" \
         namespace: \"\" from \"web/templates/x.yaml\": no matches for kind \"Ingress\" in version \"extensions/v1beta1\"\nhint: \
         the cluster serves this kind as networking.k8s.io/v1\nhint: delete Ingress \"web\" by hand if it still exists under \
         another version, or keep it in the chart under a version that is served"
    );
}

fn definition(name: &str, size: u32) -> Object {
    let Value::Object(content) = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {"group": "example.com", "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"maxProperties": size}}}]},
    }) else {
        unreachable!()
    };
    Object {
        source: String::new(),
        content,
    }
}

#[test]
fn definitions_follow_their_policy() {
    let chart = [definition("a", 1), definition("b", 2), definition("c", 3)];
    let mut live = definition("b", 2).content;
    // What the server adds.
    live["spec"]["conversion"] = json!({"strategy": "None"});
    let old = definition("c", 2).content;
    let told = |policy| -> Vec<String> {
        plan(&chart, policy, |name| match name {
            "b" => Some(&live),
            "c" => Some(&old),
            _ => None,
        })
        .into_iter()
        .map(|act| match act {
            Act::Create(object) => format!("create {}", object.name()),
            Act::Replace(object) => format!("replace {}", object.name()),
        })
        .collect()
    };
    assert_eq!(told(Crds::Skip), Vec::<String>::new());
    assert_eq!(told(Crds::Create), ["create a"]);
    assert_eq!(told(Crds::CreateReplace), ["create a", "replace c"]);
}
