#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;

use super::*;
use crate::manifest::join;
use crate::wish::Target;

const CASES: &str = include_str!("cases.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    given: Map<String, Value>,
    #[serde(default)]
    target: Named,
    patch: Value,
    result: Option<Value>,
    error: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Named {
    group: Option<String>,
    version: Option<String>,
    kind: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    label_selector: Option<String>,
    annotation_selector: Option<String>,
}

impl From<Named> for Target {
    fn from(named: Named) -> Self {
        Self {
            group: named.group,
            version: named.version,
            kind: named.kind,
            name: named.name,
            namespace: named.namespace,
            labels: named.label_selector,
            annotations: named.annotation_selector,
        }
    }
}

fn document(text: &str) -> Document {
    Document::new("web/templates/x.yaml", text)
}

fn patched(
    documents: &[Document],
    target: Target,
    patch: String,
) -> Result<Vec<Document>, ApplyPost> {
    apply(
        documents,
        &[Post::Patch { target, patch }],
        &Common::default(),
        "shop",
    )
}

#[test]
fn patches_do_what_kustomize_does() {
    let cases: Vec<Case> = serde_saphyr::from_str(CASES).unwrap();
    assert!(cases.len() > 20);
    let mut wrong = Vec::new();
    for case in cases {
        let given = document(&yaml::write(&case.given));
        let found = patched(&[given], case.target.into(), case.patch.to_string())
            .map(|documents| {
                documents
                    .first()
                    .map(|document| yaml::read(&document.text).unwrap())
            })
            .map_err(|error| error.to_string());
        let expected = case.error.map_or(Ok(case.result), Err);
        if found != expected {
            wrong.push(format!(
                "{}\n  found    {found:?}\n  expected {expected:?}",
                case.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Objects by which targets are tried.
const TARGETS: &str = "---
# Source: web/templates/a.yaml
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web, tier: '2'}}}
---
# Source: web/templates/b.yaml
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-worker, namespace: other, labels: {app: worker}, annotations: {a: b}}}
---
# Source: web/templates/c.yaml
{apiVersion: v1, kind: Service, metadata: {name: web}}
";

/// Names of the kinds and names that a target selects.
fn selected(target: &str) -> String {
    let target: Named = serde_saphyr::from_str(target).unwrap();
    let patch = String::from("[{op: add, path: /metadata/selected, value: true}]");
    let documents = patched(&split(TARGETS), target.into(), patch).unwrap();
    let names: Vec<String> = documents
        .iter()
        .flat_map(|document| document.objects().unwrap())
        .filter(|object| object.content["metadata"].get("selected").is_some())
        .map(|object| format!("{}/{}", object.kind(), object.name()))
        .collect();
    names.join(" ")
}

#[test]
fn targets_select_what_kustomize_selects() {
    const BOTH: &str = "Deployment/web Deployment/web-worker";
    for (target, expected) in [
        ("{kind: Deployment}", BOTH),
        ("{kind: Deploy}", ""),
        ("{kind: Deploy.*}", BOTH),
        ("{name: web}", "Deployment/web Service/web"),
        ("{name: web.+}", "Deployment/web-worker"),
        ("{name: 'x|web'}", "Deployment/web Service/web"),
        ("{group: apps, version: v1}", BOTH),
        ("{version: v1, kind: Service}", "Service/web"),
        ("{namespace: shop}", "Deployment/web Service/web"),
        ("{namespace: other}", "Deployment/web-worker"),
        ("{labelSelector: app=web}", "Deployment/web"),
        ("{labelSelector: app==web}", "Deployment/web"),
        ("{labelSelector: app}", BOTH),
        ("{labelSelector: '!app'}", "Service/web"),
        (
            "{labelSelector: app!=web}",
            "Deployment/web-worker Service/web",
        ),
        ("{labelSelector: 'app in (web, worker)'}", BOTH),
        (
            "{labelSelector: 'app notin (web),app'}",
            "Deployment/web-worker",
        ),
        ("{labelSelector: 'app, tier>1'}", "Deployment/web"),
        ("{labelSelector: 'tier<2'}", ""),
        ("{annotationSelector: a=b}", "Deployment/web-worker"),
        (
            "{kind: Deployment, name: web, labelSelector: app=worker}",
            "",
        ),
    ] {
        assert_eq!(selected(target), expected, "{target}");
    }
}

#[test]
fn a_target_that_says_nothing_means_all() {
    let selector = Selector::parse(&Target::default()).unwrap();
    assert!(selector.says_nothing());
    let object = document("{apiVersion: v1, kind: Pod, metadata: {name: a}}")
        .objects()
        .unwrap()
        .remove(0);
    assert!(selector.selects(&object, "shop"));
    let wrong = Target {
        name: Some(String::from("a(")),
        ..Target::default()
    };
    assert_eq!(Selector::parse(&wrong).unwrap_err().field, "name");
}

#[test]
fn documents_that_nothing_is_done_to_keep_their_text() {
    let documents = split(
        "---\n# Source: a\n# a note\nkind: Service\napiVersion: v1\nmetadata: {name: a}\n\n---\n# Source: b\nkind: Service\napiVersion: v1\nmetadata: {name: b}\n---\n# Source: c\n# only a note\n",
    );
    let target = Target {
        name: Some(String::from("b")),
        ..Target::default()
    };
    let patch = String::from("[{op: add, path: /spec, value: {type: ClusterIP}}]");
    let patched = patched(&documents, target, patch).unwrap();
    assert_eq!(
        join(&patched),
        "---\n# Source: a\n# a note\nkind: Service\napiVersion: v1\nmetadata: {name: a}\n\n---\n# Source: b\napiVersion: v1\nkind: Service\nmetadata:\n  name: b\nspec:\n  type: ClusterIP\n\n---\n# Source: c\n# only a note\n"
    );
}

#[test]
fn posts_are_done_in_order_and_metadata_comes_last() {
    let documents = [document(
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {team: x}}, spec: {containers: [{name: a, image: 'nginx:1'}]}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n",
    )];
    let image = |name: &str, new_name: Option<&str>, new_tag: Option<&str>| Post::Image {
        name: String::from(name),
        new_name: new_name.map(String::from),
        new_tag: new_tag.map(String::from),
        digest: None,
    };
    let posts = [
        image("nginx", Some("httpd"), None),
        image("httpd", None, Some("2")),
    ];
    let common = Common {
        labels: [(String::from("team"), String::from("web"))].into(),
        annotations: [(String::from("note"), String::from("yes"))].into(),
    };
    let found = apply(&documents, &posts, &common, "shop").unwrap();
    let texts: Vec<&str> = found
        .iter()
        .map(|document| document.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    note: \"yes\"\n  labels:\n    team: web\n  name: a\nspec:\n  containers:\n  - image: httpd:2\n    name: a\n",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    note: \"yes\"\n  labels:\n    team: web\n  name: b\n",
        ]
    );
    assert_eq!(found[1].source, "web/templates/x.yaml");
}

#[test]
fn what_is_no_patch_is_refused() {
    let said = |patch: &str| {
        let target = Target {
            kind: Some(String::from("Pod")),
            ..Target::default()
        };
        patched(&[], target, String::from(patch))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        said(""),
        "post-renderer 1: unable to parse SM or JSON patch: it is empty"
    );
    assert_eq!(
        said("words"),
        "post-renderer 1: unable to parse SM or JSON patch: it is neither an object nor a list of operations"
    );
    assert_eq!(
        said("a: 1\n---\nb: 2\n"),
        "post-renderer 1: unable to parse SM or JSON patch: multiple strategic merge patches in one entry cannot have a target"
    );
    assert_eq!(
        said("a: b: c\n"),
        "post-renderer 1: unable to parse SM or JSON patch: yaml: line 1: mapping values are not allowed in this context"
    );
}
