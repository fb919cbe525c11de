//! The entry of watches.yaml that a module needs.

use std::path::Path;

use oarlock_core::escalation::is_secret;
use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::object::Object;
use oarlock_wasm::Inspection;
use serde_json::Value;

/// An entry for every CRD that the module brings and serves, or one with places to fill in.
pub(super) fn entry(file: &Path, inspection: &Inspection) -> String {
    let libraries = inspection.libraries.iter().map(|l| l.interface.as_str());
    let fetches = inspection
        .imports
        .iter()
        .any(|import| import.split('@').next() == Some(ARTIFACTS));
    written(file, &inspection.manifest, libraries, fetches)
}

/// What names a library with such interfaces in the entry of whoever imports it.
pub(super) fn of_library(file: &Path, interfaces: &[String]) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str()).display();
    let mut interfaces = interfaces.iter().map(|interface| unversioned(interface));
    if interfaces.clone().any(|interface| interface == STEPS) {
        return format!(
            "watches.yaml, of a chart whose releases it goes with:\n\n- group: GROUP\n  version: VERSION\n  kind: KIND\n  \
             chart: FOLDER\n  module: {name}"
        );
    }
    let mut text = "watches.yaml, of a module that imports it:\n\n  libraries:".to_owned();
    for interface in interfaces.by_ref() {
        text.push_str(&format!("\n    {interface}: {name}"));
    }
    text
}

/// The interface of the steps that a component adds to the releases of a chart.
const STEPS: &str = "oarlock:helm/steps";

/// Interfaces whose library is one of the project's own.
const OWN: [(&str, &str); 1] = [("oarlock:helm/engine", "helm-engine.wasm")];

/// The interface through which packages are fetched.
const ARTIFACTS: &str = "oarlock:reconcile/artifacts";

/// A library without its version serves every version of the interface that it has.
fn unversioned(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

fn written<'i>(
    file: &Path,
    manifest: &Manifest,
    libraries: impl Iterator<Item = &'i str>,
    fetches: bool,
) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str()).display();
    let served = |kind: &Kind| !kind.is_only_read(manifest);
    let kinds = manifest.crds.iter().filter_map(Kind::of);
    let kinds: Vec<Kind> = kinds.filter(served).collect();
    let kinds = if kinds.is_empty() {
        vec![Kind {
            group: "GROUP".to_owned(),
            version: "VERSION".to_owned(),
            kind: "KIND".to_owned(),
            plural: String::new(),
        }]
    } else {
        kinds
    };
    let grants = grants(manifest, fetches);
    let mut imported = String::new();
    for interface in libraries {
        let head = if imported.is_empty() {
            "\n  libraries:"
        } else {
            ""
        };
        let interface = unversioned(interface);
        let own = OWN.iter().find(|(own, _)| *own == interface);
        let file = own.map_or("FILE.wasm", |(_, file)| file);
        imported.push_str(&format!("{head}\n    {interface}: {file}"));
    }
    let entries: Vec<String> = kinds
        .iter()
        .map(|kind| {
            format!(
                "- group: {}\n  version: {}\n  kind: {}\n  module: {name}{imported}{grants}",
                kind.group, kind.version, kind.kind
            )
        })
        .collect();
    entries.join("\n")
}

struct Kind {
    group: String,
    version: String,
    kind: String,
    plural: String,
}

impl Kind {
    /// Whether its objects are there to be read by the module beside those that it reconciles, such as templates.
    fn is_only_read(&self, manifest: &Manifest) -> bool {
        let named = |grants: &[ResourceGrant]| {
            grants.iter().any(|grant| {
                grant.api_groups.contains(&self.group) && grant.resources.contains(&self.plural)
            })
        };
        named(&manifest.reads) && !named(&manifest.writes)
    }

    /// Of a definition; its storage version, which is the one to write against.
    fn of(definition: &Object) -> Option<Self> {
        let text = |pointer: &str| definition.pointer(pointer)?.as_str().map(str::to_owned);
        let versions = definition.pointer("/spec/versions")?.as_array()?;
        let stored = versions
            .iter()
            .find(|version| version.get("storage").and_then(Value::as_bool) == Some(true))?;
        Some(Self {
            group: text("/spec/group")?,
            version: stored.get("name")?.as_str()?.to_owned(),
            kind: text("/spec/names/kind")?,
            plural: text("/spec/names/plural")?,
        })
    }
}

fn grants(manifest: &Manifest, fetches: bool) -> String {
    let mut text = String::new();
    let mut side = |key: &str, items: Vec<String>| {
        if !items.is_empty() {
            text.push_str(&format!("\n    {key}:"));
            for item in items {
                text.push_str(&format!("\n    - {item}"));
            }
        }
    };
    side("write", manifest.writes.iter().map(rule).collect());
    side(
        "read",
        manifest
            .reads
            .iter()
            .map(named)
            .map(|grant| rule(&grant))
            .collect(),
    );
    side("http", manifest.http.iter().map(|h| quoted(h)).collect());
    if fetches {
        // A module does not say where: its objects do.
        side("artifacts", vec!["https://HOST".to_owned()]);
    }
    if text.is_empty() {
        text
    } else {
        format!("\n  grants:{text}")
    }
}

/// The same, with a place for the names of Secrets: without names they are not granted.
fn named(grant: &ResourceGrant) -> ResourceGrant {
    let mut grant = grant.clone();
    let secrets = grant.resources.iter().any(|r| is_secret("", r));
    if secrets && grant.resource_names.is_empty() {
        grant.resource_names.push("NAME".to_owned());
    }
    grant
}

fn rule(grant: &ResourceGrant) -> String {
    let fields = [
        ("apiGroups", &grant.api_groups),
        ("resources", &grant.resources),
        ("verbs", &grant.verbs),
        ("namespaces", &grant.namespaces),
        ("resourceNames", &grant.resource_names),
    ];
    let fields: Vec<String> = fields
        .iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(key, values)| {
            let values: Vec<String> = values.iter().map(|value| plain(value)).collect();
            format!("{key}: [{}]", values.join(", "))
        })
        .collect();
    format!("{{{}}}", fields.join(", "))
}

/// As it is where YAML reads it as the same text, else in quotes.
fn plain(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/'))
        && !matches!(
            text,
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if plain { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    // JSON strings are YAML strings.
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use oarlock_config::{Env, Severity, parse};

    use super::*;

    #[test]
    fn an_entry_is_one_that_the_host_reads() {
        let grant = |group: &str, resource: &str, verbs: &[&str]| ResourceGrant {
            api_groups: vec![group.to_owned()],
            resources: vec![resource.to_owned()],
            verbs: verbs.iter().map(|v| (*v).to_owned()).collect(),
            ..ResourceGrant::default()
        };
        let manifest = Manifest {
            name: "canary".to_owned(),
            version: "0.1.0".to_owned(),
            crds: Vec::new(),
            finalizer: None,
            writes: vec![
                grant("apps", "deployments", &["patch"]),
                grant("*", "*", &[]),
            ],
            reads: vec![grant("", "services", &[])],
            http: vec!["http://*.{namespace}".to_owned()],
        };
        let text = written(
            Path::new("/somewhere/canary.wasm"),
            &manifest,
            [].into_iter(),
            false,
        );
        insta::assert_snapshot!(text, @r#"
        - group: GROUP
          version: VERSION
          kind: KIND
          module: canary.wasm
          grants:
            write:
            - {apiGroups: [apps], resources: [deployments], verbs: [patch]}
            - {apiGroups: ["*"], resources: ["*"]}
            read:
            - {apiGroups: [""], resources: [services]}
            http:
            - "http://*.{namespace}"
        "#);
        let usable = text
            .replace("GROUP", "a.example.com")
            .replace("VERSION", "v1")
            .replace("KIND", "A");
        let parsed = parse("watches.yaml", &usable, &Env::default());
        let findings: Vec<_> = parsed
            .diagnostics
            .iter()
            .map(|d| (d.severity, &d.key))
            .collect();
        assert_eq!(
            findings,
            [(
                Severity::Warning,
                &"grants.write[1].resources[0]".to_owned()
            )],
            "what reaches far is said to"
        );
        let grants = &parsed.watches[0].grants;
        assert_eq!(
            (&grants.write, &grants.read, &grants.http),
            (&manifest.writes, &manifest.reads, &manifest.http)
        );
    }

    #[test]
    fn libraries_and_sources_are_places_to_fill_in() {
        let manifest = Manifest {
            name: "helm".to_owned(),
            version: "0.1.0".to_owned(),
            crds: Vec::new(),
            finalizer: None,
            writes: Vec::new(),
            reads: Vec::new(),
            http: Vec::new(),
        };
        let libraries = ["oarlock:helm/engine@0.1.0", "a:b/c"].into_iter();
        let text = written(Path::new("helm.wasm"), &manifest, libraries, true);
        insta::assert_snapshot!(text, @"
        - group: GROUP
          version: VERSION
          kind: KIND
          module: helm.wasm
          libraries:
            oarlock:helm/engine: helm-engine.wasm
            a:b/c: FILE.wasm
          grants:
            artifacts:
            - https://HOST
        ");
    }

    #[test]
    fn steps_go_with_a_chart_and_libraries_with_a_module() {
        let entry =
            |interface: &str| of_library(Path::new("modules/mine.wasm"), &[interface.to_owned()]);
        insta::assert_snapshot!(entry("a:b/c@1.0.0"), @"
        watches.yaml, of a module that imports it:

          libraries:
            a:b/c: mine.wasm
        ");
        let steps = entry("oarlock:helm/steps@0.1.0");
        insta::assert_snapshot!(steps, @"
        watches.yaml, of a chart whose releases it goes with:

        - group: GROUP
          version: VERSION
          kind: KIND
          chart: FOLDER
          module: mine.wasm
        ");
        let (_, usable) = steps.split_once("\n\n").unwrap_or_default();
        let usable = usable
            .replace("GROUP", "a.example.com")
            .replace("VERSION", "v1")
            .replace("KIND", "A");
        let parsed = parse("watches.yaml", &usable, &Env::default());
        let libraries = &parsed.watches[0].libraries;
        assert_eq!(libraries["oarlock:helm/steps"].to_string(), "mine.wasm");
    }

    #[test]
    fn secrets_are_asked_for_by_name() {
        let secrets = ResourceGrant {
            api_groups: vec![String::new()],
            resources: vec!["secrets".to_owned()],
            ..ResourceGrant::default()
        };
        assert_eq!(
            rule(&named(&secrets)),
            r#"{apiGroups: [""], resources: [secrets], resourceNames: ["NAME"]}"#
        );
    }
}
