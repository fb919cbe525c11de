//! The variants of our own charts, as command lines.

use std::path::Path;

use serde::Deserialize;

use super::pair::Pair;

/// A line of `variants.json`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Variant {
    chart: String,
    name: String,
    release: Option<String>,
    namespace: Option<String>,
    upgrade: bool,
    kube_version: Option<String>,
    api_versions: Vec<String>,
    include_crds: bool,
    skip_schema_validation: bool,
    values: Vec<String>,
    set: Vec<String>,
    set_string: Vec<String>,
    set_json: Vec<String>,
    set_literal: Vec<String>,
    set_file: Vec<(String, String)>,
    #[serde(rename = "refused")]
    _refused: bool,
}

/// All of them.
pub(super) fn read(charts: &Path) -> Vec<Pair> {
    let text = std::fs::read_to_string(charts.join("variants.json")).unwrap();
    let variants: Vec<Variant> = serde_json::from_str(&text).unwrap();
    variants.into_iter().map(|v| v.pair(charts)).collect()
}

impl Variant {
    fn pair(self, charts: &Path) -> Pair {
        let name = format!("{}: {}", self.chart, self.name);
        let chart = self.chart;
        let mut args = vec![
            self.release.unwrap_or_else(|| "ferry".to_owned()),
            chart.clone(),
            "-n".to_owned(),
            self.namespace.unwrap_or_else(|| "harbour".to_owned()),
        ];
        let mut flag = |flag: &str, value: String| args.extend([flag.to_owned(), value]);
        if let Some(version) = self.kube_version {
            flag("--kube-version", version);
        }
        for version in self.api_versions {
            flag("--api-versions", version);
        }
        for file in self.values {
            flag("-f", format!("{chart}/{file}"));
        }
        for (key, file) in self.set_file {
            flag("--set-file", format!("{key}={chart}/{file}"));
        }
        for (name, values) in [
            ("--set", self.set),
            ("--set-string", self.set_string),
            ("--set-json", self.set_json),
            ("--set-literal", self.set_literal),
        ] {
            for value in values {
                flag(name, value);
            }
        }
        for (name, on) in [
            ("--is-upgrade", self.upgrade),
            ("--include-crds", self.include_crds),
            ("--skip-schema-validation", self.skip_schema_validation),
        ] {
            if on {
                args.push(name.to_owned());
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Pair::new(&name, charts, &args)
    }
}
