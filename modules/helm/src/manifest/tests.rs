#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

/// What Kubernetes' own library makes of a scalar: YAML, a tab, JSON.
const SCALARS: &str = include_str!("scalars.tsv");

/// A manifest as Helm 4 stores it: the documents keep their own line ends.
const STORED: &str = "---\n# Source: web/templates/account.yaml\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n\n---\n# Source: web/templates/service.yaml\n# a note\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";

fn read(text: &str) -> Vec<Object> {
    Document::new("web/templates/x.yaml", text)
        .objects()
        .unwrap()
}

fn refused(text: &str) -> String {
    Document::new("web/templates/x.yaml", text)
        .objects()
        .unwrap_err()
        .to_string()
}

#[test]
fn scalars_are_read_as_kubernetes_reads_them() {
    let mut wrong = Vec::new();
    for line in SCALARS.lines() {
        let (yaml, json) = line.split_once('\t').unwrap();
        let expected: Value = serde_json::from_str(json).unwrap();
        let read = yaml::read(yaml);
        if read.as_ref() != Ok(&expected) {
            wrong.push(format!("{yaml}: {read:?}, expected {json}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(SCALARS.lines().count() > 30);
}

#[test]
fn what_is_written_is_read_again() {
    let content = json!({
        "a": "yes", "b": "012", "c": "1e3", "d": "", "e": "null", "f": "a\nb\n", "g": " x", "h": "a: b # c", "i": "0x1F", "j": "~",
        "k": 1.5, "l": 12, "m": true, "n": null, "o": [], "p": {}, "q": [[1], {"a": ["b"]}], "r": "é\u{1}", "s": "1_000", "t": "---",
        "u": "line\n\n  deeper\nback", "v": "2019-06-01", "w": "tRue", "y": "\n\n", "yes": "on", "z": "x".repeat(500) + " " + &"y ".repeat(300),
    });
    let Value::Object(content) = content else {
        unreachable!()
    };
    let text = yaml::write(&content);
    assert_eq!(yaml::read(&text).unwrap(), Value::Object(content.clone()));
    assert!(!text.starts_with('{'), "{text}");
}

#[test]
fn a_stored_manifest_survives() {
    let documents = split(STORED);
    assert_eq!(documents.len(), 2);
    assert_eq!(documents[0].source, "web/templates/account.yaml");
    assert!(documents[0].text.ends_with("name: web\n"));
    assert!(documents[1].text.starts_with("# a note\n"));
    assert_eq!(join(&documents), STORED);
    assert_eq!(objects(&documents).unwrap().len(), 2);
}

#[test]
fn documents_are_told_apart_as_helm_tells_them() {
    let texts = |manifest: &str| -> Vec<String> {
        split(manifest)
            .into_iter()
            .map(|document| document.text)
            .collect()
    };
    assert_eq!(texts("\n\n---\n\n---  \n"), Vec::<String>::new());
    assert_eq!(
        texts("a: 1\n---b: 2\n--- # note\nc: 3"),
        ["a: 1", "b: 2", "# note\nc: 3"]
    );
    assert_eq!(texts("a: |\n  ---\n  b\n"), ["a: |\n  ---\n  b"]);
}

#[test]
fn the_last_line_of_a_document_ends_as_in_a_record() {
    // Spaces behind a block, as charts that indent an empty line leave them.
    let objects =
        read("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n    x\n    ");
    assert_eq!(objects[0].content["data"]["a"], "x\n");
}

#[test]
fn documents_without_content_hold_no_objects() {
    assert_eq!(read("# only a note\n"), []);
    assert_eq!(read("\n"), []);
    assert_eq!(read("null\n"), []);
}

#[test]
fn lists_are_taken_apart() {
    let objects = read(
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - metadata: {name: b}\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n",
    );
    let named: Vec<String> = objects
        .iter()
        .map(|object| format!("{}/{}", object.kind(), object.name()))
        .collect();
    assert_eq!(named, ["Secret/a", "ConfigMap/b", "ConfigMap/c"]);
    assert_eq!(read("{apiVersion: v1, kind: List, items: []}"), []);
}

#[test]
fn what_is_no_object_names_its_template() {
    assert_eq!(
        refused("a: 1\nb: c: d\n"),
        "YAML parse error on web/templates/x.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context"
    );
    assert_eq!(
        refused("- a\n"),
        "YAML parse error on web/templates/x.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type util.SimpleHead"
    );
    assert_eq!(
        refused("a: 1\n"),
        "web/templates/x.yaml: Object 'Kind' is missing"
    );
    assert_eq!(
        refused("kind: Pod\n"),
        "web/templates/x.yaml: Object 'apiVersion' is missing in a Pod"
    );
    assert_eq!(
        refused("{apiVersion: v1, kind: Pod, metadata: {}}"),
        "web/templates/x.yaml: resource name may not be empty: a Pod has none"
    );
    assert_eq!(
        refused("{apiVersion: v1, kind: Pod, metadata: {name: a, generateName: a-}}"),
        "web/templates/x.yaml: Pod \"a\": metadata.name and metadata.generateName cannot both be set"
    );
    assert_eq!(
        read("{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}")[0].name(),
        ""
    );
}

fn kinds() -> Kinds {
    let mut kinds = Kinds::default();
    kinds.add("", "v1", "Service", Scope::Namespaced);
    kinds.add("", "v1", "Namespace", Scope::Cluster);
    kinds.add("networking.k8s.io", "v1", "Ingress", Scope::Namespaced);
    kinds.add(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        Scope::Namespaced,
    );
    kinds
}

#[test]
fn namespaces_are_filled_in_where_the_kind_has_them() {
    let objects = [
        "{apiVersion: v1, kind: Service, metadata: {name: a}}",
        "{apiVersion: v1, kind: Service, metadata: {name: b, namespace: other}}",
        "{apiVersion: v1, kind: Namespace, metadata: {name: c, namespace: other}}",
    ];
    let objects = objects.iter().flat_map(|text| read(text)).collect();
    let placement = kinds().place(objects, "shop");
    let names: Vec<String> = placement
        .placed
        .iter()
        .map(|placed| placed.id.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "Service \"a\" in namespace \"shop\"",
            "Service \"b\" in namespace \"other\"",
            "Namespace \"c\" in namespace \"\"",
        ]
    );
    let found: Vec<_> = placement
        .placed
        .iter()
        .map(|placed| placed.object.namespace())
        .collect();
    assert_eq!(found, [Some("shop"), Some("other"), None]);
}

#[test]
fn kinds_that_are_not_served_are_told_with_what_is() {
    let objects = [
        "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: web}}",
        "{apiVersion: autoscaling/v2beta1, kind: HorizontalPodAutoscaler, metadata: {name: web}}",
        "{apiVersion: example.com/v1, kind: Toy, metadata: {name: web}}",
    ];
    let objects = objects.iter().flat_map(|text| read(text)).collect();
    let placement = kinds().place(objects, "shop");
    let said: Vec<String> = placement.unserved.iter().map(ToString::to_string).collect();
    let from = "namespace: \"\" from \"web/templates/x.yaml\"";
    assert_eq!(
        said,
        [
            format!(
                "resource mapping not found for name: \"web\" {from}: no matches for kind \"Ingress\" in version \"extensions/v1beta1\"\nhint: the cluster serves this kind as networking.k8s.io/v1"
            ),
            format!(
                "resource mapping not found for name: \"web\" {from}: no matches for kind \"HorizontalPodAutoscaler\" in version \"autoscaling/v2beta1\"\nhint: the cluster serves this kind as autoscaling/v2"
            ),
            format!(
                "resource mapping not found for name: \"web\" {from}: no matches for kind \"Toy\" in version \"example.com/v1\"\nensure CRDs are installed first"
            ),
        ]
    );
}

#[test]
fn a_definition_serves_its_kind() {
    let mut kinds = kinds();
    for object in read(
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: toys.example.com}, spec: {group: example.com, scope: Cluster, names: {kind: Toy}, versions: [{name: v1, served: true}, {name: v0, served: false}]}}",
    ) {
        kinds.learn(&object);
    }
    assert_eq!(
        kinds.scope("example.com", "v1", "Toy"),
        Some(Scope::Cluster)
    );
    assert_eq!(kinds.scope("example.com", "v0", "Toy"), None);
}
