//! What is rendered, how, and what the real Helm makes of it.
//!
//! A chart below `functions`, `features` or `odd` is rendered, one below `broken` is refused; `variants.json` has calls with
//! arguments. What the real Helm prints stands below `expected`, a file for each case.

use std::fs;
use std::path::{Path, PathBuf};

use oarlock_helm::{Capabilities, Release, Request, ValueSource};
use serde::Deserialize;

/// Folders of charts, and whether Helm refuses what is in them.
const GROUPS: [(&str, bool); 4] = [
    ("functions", false),
    ("features", false),
    ("odd", false),
    ("broken", true),
];

/// 2026-11-02T09:14:27Z.
pub(crate) const NOW: u64 = 1_793_610_867_000;

/// One call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Folder below `charts`.
    pub(crate) chart: String,
    /// Tells calls of the same chart apart.
    #[serde(default)]
    name: String,
    /// Whether Helm refuses.
    #[serde(default)]
    pub(crate) refused: bool,
    #[serde(default = "Case::default_release")]
    release: String,
    #[serde(default = "Case::default_namespace")]
    namespace: String,
    #[serde(default)]
    upgrade: bool,
    #[serde(default)]
    kube_version: Option<String>,
    #[serde(default)]
    api_versions: Vec<String>,
    #[serde(default)]
    pub(crate) include_crds: bool,
    #[serde(default)]
    skip_schema_validation: bool,
    /// Files of the chart's folder.
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    set_string: Vec<String>,
    #[serde(default)]
    set_json: Vec<String>,
    #[serde(default)]
    set_literal: Vec<String>,
    /// Keys, and files of the chart's folder.
    #[serde(default)]
    set_file: Vec<(String, String)>,
}

/// Folder of the charts.
pub(crate) fn charts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts")
}

/// A file of the charts' folder.
pub(crate) fn text(path: &str) -> String {
    let path = charts().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Names of the folders in a folder, in order.
pub(crate) fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

impl Case {
    /// A chart without arguments.
    pub(crate) fn plain(chart: &str) -> Self {
        Self {
            chart: chart.to_owned(),
            name: String::new(),
            refused: false,
            release: Self::default_release(),
            namespace: Self::default_namespace(),
            upgrade: false,
            kube_version: None,
            api_versions: Vec::new(),
            include_crds: false,
            skip_schema_validation: false,
            values: Vec::new(),
            set: Vec::new(),
            set_string: Vec::new(),
            set_json: Vec::new(),
            set_literal: Vec::new(),
            set_file: Vec::new(),
        }
    }

    /// Every case that the real Helm has an answer for.
    pub(crate) fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (group, refused) in GROUPS {
            for chart in folders(&charts().join(group)) {
                let mut case = Self::plain(&format!("{group}/{chart}"));
                case.refused = refused;
                cases.push(case);
            }
        }
        let variants: Vec<Self> = serde_json::from_str(&text("variants.json")).unwrap();
        assert!(variants.iter().all(|case| !case.name.is_empty()));
        cases.extend(variants);
        cases
    }

    fn default_release() -> String {
        "ferry".to_owned()
    }

    fn default_namespace() -> String {
        "harbour".to_owned()
    }

    /// With `--set`.
    pub(crate) fn set(mut self, text: &str) -> Self {
        self.set.push(text.to_owned());
        self
    }

    /// What tells it apart from all others.
    pub(crate) fn id(&self) -> String {
        match self.name.as_str() {
            "" => self.chart.clone(),
            name => format!("{}@{name}", self.chart),
        }
    }

    /// Where the answer of the real Helm is kept.
    pub(crate) fn expected(&self) -> PathBuf {
        let extension = if self.refused { "txt" } else { "yaml" };
        charts()
            .join("expected")
            .join(format!("{}.{extension}", self.id()))
    }

    /// Folder of the chart.
    pub(crate) fn folder(&self) -> PathBuf {
        charts().join(&self.chart)
    }

    /// As the command line of `helm template`, to be run in the chart's folder.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let mut line: Vec<String> = ["template", &self.release, ".", "-n", &self.namespace]
            .map(str::to_owned)
            .into();
        let flags = [
            (self.upgrade, "--is-upgrade"),
            (self.include_crds, "--include-crds"),
            (self.skip_schema_validation, "--skip-schema-validation"),
        ];
        line.extend(
            flags
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, flag)| (*flag).to_owned()),
        );
        let files: Vec<_> = self
            .set_file
            .iter()
            .map(|(key, path)| format!("{key}={path}"))
            .collect();
        let versions: Vec<_> = self.kube_version.clone().into_iter().collect();
        for (flag, values) in [
            ("--kube-version", &versions),
            ("--api-versions", &self.api_versions),
            ("--values", &self.values),
            ("--set-json", &self.set_json),
            ("--set", &self.set),
            ("--set-string", &self.set_string),
            ("--set-file", &files),
            ("--set-literal", &self.set_literal),
        ] {
            line.extend(
                values
                    .iter()
                    .flat_map(|value| [flag.to_owned(), value.clone()]),
            );
        }
        line
    }

    /// As a call of the engine.
    pub(crate) fn request(&self, chart: String) -> Request {
        let read = |path: &String| fs::read_to_string(self.folder().join(path)).unwrap();
        // In Helm's order, whatever the order of the flags.
        let mut values: Vec<_> = self
            .values
            .iter()
            .map(|path| ValueSource::Yaml((path.clone(), read(path))))
            .collect();
        values.extend(self.set_json.iter().cloned().map(ValueSource::SetJson));
        values.extend(self.set.iter().cloned().map(ValueSource::Set));
        values.extend(self.set_string.iter().cloned().map(ValueSource::SetString));
        let file = |(key, path): &(String, String)| ValueSource::SetFile((key.clone(), read(path)));
        values.extend(self.set_file.iter().map(file));
        values.extend(
            self.set_literal
                .iter()
                .cloned()
                .map(ValueSource::SetLiteral),
        );
        Request {
            chart,
            values,
            release: Release {
                name: self.release.clone(),
                namespace: self.namespace.clone(),
                revision: 1,
                upgrade: self.upgrade,
            },
            capabilities: Capabilities {
                kube_version: self.kube_version.clone(),
                api_versions: self.api_versions.clone(),
                complete: false,
            },
            now: NOW,
            seed: "a seed".to_owned(),
            lookup: false,
            act_as: None,
            sub_notes: false,
            skip_schema_validation: self.skip_schema_validation,
        }
    }
}
