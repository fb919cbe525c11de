#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use super::source::{Field, GoType, Name, Package, tag};
use super::{Sources, table};

/// A file in the layout of the API packages.
const TYPES: &str = r#"/*
Copyright
*/

package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// type Commented struct {
type Rule string // of the house
type Rules []Rule
type Amounts map[string]resource.Quantity

// Widget matches "*/*".
type Widget struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty" protobuf:"bytes,1,opt,name=metadata"`

	Rules   Rules      `json:"rules" protobuf:"bytes,2,rep,name=rules"`
	Part    *Part      `json:"part" patchStrategy:"merge" patchMergeKey:"name" protobuf:"bytes,3,opt,name=part"`
	Gone    string     `json:"-" protobuf:"bytes,4,opt,name=gone"`
	// Old string `json:"old" protobuf:"bytes,9,opt,name=old"`
	Data    []byte     `json:"data,omitempty" protobuf:"bytes,5,opt,name=data"`
	Amounts Amounts    `json:"amounts" protobuf:"bytes,6,rep,name=amounts,casttype=Amounts"`
}

type Part struct {
	Base  `json:",inline" protobuf:"bytes,1,opt,name=base"`
	Port  intstr.IntOrString `json:"port" protobuf:"bytes,2,opt,name=port"`
	Extra []*Base            `json:"extra" protobuf:"bytes,3,rep,name=extra"`
}

type Base struct {
	Ready bool `json:"ready" protobuf:"varint,7,opt,name=ready"`
	Count int32 `json:"count,omitempty" protobuf:"varint,8,opt,name=count"`
}
"#;

fn parsed(text: &str) -> Package {
    let mut package = Package::default();
    package.add("core.v1", text).unwrap();
    package
}

#[test]
fn a_tag_is_found_by_its_whole_key() {
    let tags = r#"json:"a,omitempty" patchMergeKey:"json:" protobuf:"bytes,1,opt,name=a""#;
    assert_eq!(tag(tags, "json"), Some("a,omitempty"));
    assert_eq!(tag(tags, "protobuf"), Some("bytes,1,opt,name=a"));
    assert_eq!(tag(tags, "patchMergeKey"), Some("json:"));
    assert_eq!(tag(tags, "Key"), None);
    assert_eq!(tag("", "json"), None);
}

#[test]
fn fields_without_a_number_or_a_name_are_left_out() {
    let package = parsed(TYPES);
    let numbers: Vec<u32> = package.structs["Widget"]
        .iter()
        .map(|field| field.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 5, 6]);
    assert!(!package.structs.contains_key("Commented"));
}

#[test]
fn a_field_has_the_package_its_file_imports() {
    let package = parsed(TYPES);
    let metadata = Field {
        number: 1,
        json: "metadata".to_owned(),
        omit_empty: true,
        go_type: GoType::Named(Name {
            package: "meta.v1".to_owned(),
            local: "ObjectMeta".to_owned(),
        }),
    };
    assert_eq!(package.structs["Widget"][0], metadata);
}

#[test]
fn a_tag_without_a_number_is_an_error() {
    let text = "type Odd struct {\n\tA string `json:\"a\" protobuf:\"bytes,one\"`\n}\n";
    let error = Package::default().add("core.v1", text).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "Odd: no field number in the tag protobuf:\"bytes,one\""
    );
}

/// Sources of one package `core.v1` and what `REQUESTS` names.
fn sources(directory: &tempfile::TempDir, core: &str) -> Sources {
    let (api, machinery) = (
        directory.path().join("api"),
        directory.path().join("machinery"),
    );
    for (package, text) in [
        (api.join("core/v1"), core),
        (
            machinery.join("pkg/apis/meta/v1"),
            "type ObjectMeta struct {\n}\ntype DeleteOptions struct {\n}\ntype PatchOptions struct {\n}\n",
        ),
        (api.join("autoscaling/v1"), "type Scale struct {\n}\n"),
        (api.join("policy/v1"), "type Eviction struct {\n}\n"),
    ] {
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("types.go"), text).unwrap();
        fs::write(package.join("generated.pb.go"), "type Widget int\n").unwrap();
    }
    Sources::new(api, machinery)
}

#[test]
fn the_table_follows_types() {
    let directory = tempfile::tempdir().unwrap();
    let sources = sources(&directory, TYPES);
    let kinds = [
        "core.v1.Widget",
        "apiextensions.v1.CustomResourceDefinition",
    ];
    insta::assert_snapshot!(table(sources, kinds.into_iter()).unwrap(), @r##"
    {
    "autoscaling.v1.Scale":[],
    "core.v1.Base":[[7,"ready","!b"],[8,"count","i"]],
    "core.v1.Part":[[1,"","!#core.v1.Base"],[2,"port","!@intstr"],[3,"extra","*#core.v1.Base"]],
    "core.v1.Widget":[[1,"metadata","#meta.v1.ObjectMeta"],[2,"rules","*s"],[3,"part","?#core.v1.Part"],[5,"data","y"],[6,"amounts","%@quantity"]],
    "meta.v1.DeleteOptions":[],
    "meta.v1.ObjectMeta":[],
    "meta.v1.PatchOptions":[],
    "policy.v1.Eviction":[]
    }
    "##);
}

#[test]
fn an_unknown_type_is_an_error_that_names_the_field() {
    let directory = tempfile::tempdir().unwrap();
    let text =
        "type Widget struct {\n\tA Missing `json:\"a\" protobuf:\"bytes,1,opt,name=a\"`\n}\n";
    let error = table(sources(&directory, text), ["core.v1.Widget"].into_iter()).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "core.v1.Widget: field 1: core.v1.Missing is not defined"
    );
}
