#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use serde_json::Value;

/// `UPDATE=1 cargo test -p projector` writes what the component brings anew.
#[test]
fn the_component_brings_what_kubectl_is_given() {
    for name in ["servicebindings", "clusterworkloadresourcemappings"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        let text = fs::read_to_string(format!("{folder}/{name}.yaml")).unwrap();
        let definition: Value = serde_saphyr::from_str(&text).unwrap();
        let path = format!("{folder}/component/{name}.json");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, definition.to_string()).unwrap();
        }
        let brought: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(
            brought == definition,
            "{path} is not {name}.yaml\nhint: UPDATE=1"
        );
        assert_eq!(
            definition["metadata"]["name"],
            format!("{name}.servicebinding.io")
        );
        let versions = definition["spec"]["versions"].as_array().unwrap();
        assert_eq!(versions[0]["name"], "v1");
        assert_eq!(versions[1]["name"], "v1beta1");
        assert_eq!(versions[0]["schema"], versions[1]["schema"]);
    }
}
