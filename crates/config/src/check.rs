//! One entry: from its tree to a [`Watch`].

mod chart;
mod grants;
mod labels;
mod limits;
mod names;
mod origin;
mod site;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use oarlock_core::json::Json;
use oarlock_core::reference::Gvk;
use serde_json::{Map, Value};

use crate::diagnostic::Severity;
use crate::duration::{self, GoDuration};
use crate::environment::{BY_GOS_RULES, ByGo, Env};
use crate::key_path::KeyPath;
use crate::problem::{Problem, Report};
use crate::raw::{self, Plain, RawFinalizer, RawGvk, Scalar};
use crate::schema;
use crate::source::{self, InvalidSource, ModuleSource};
use crate::structure::{self, Form};
use crate::tree::{Content, End, Node};
use crate::watch::{DEFAULT_PERIOD, Watch};

/// What became of an entry.
pub(crate) struct Entry {
    /// Its kind, where that much could be read.
    pub(crate) gvk: Option<Gvk>,
    /// Nothing if there was an error.
    pub(crate) watch: Option<Watch>,
}

/// Checks one entry of the file.
pub(crate) fn entry(node: &Node, env: &Env, report: &mut Report<'_>) -> Entry {
    if !matches!(node.content, Content::Map(_)) {
        let problem = Problem::new("this entry is no mapping")
            .expected("a watch with the keys group, version, kind and module");
        report.add(Severity::Error, node.place, &KeyPath::entry(), problem);
        return Entry {
            gvk: None,
            watch: None,
        };
    }
    let start = report.len();
    let shape = structure::compare(node, &form(), report);
    let mut check = Check {
        node,
        env,
        report,
        start,
    };
    let raw: raw::Entry = match serde_json::from_value(shape.value) {
        Ok(raw) => raw,
        // The schema and the structs are made of one piece; whatever one lets through and the other does not is said.
        Err(error) => {
            check.error(&KeyPath::entry(), Problem::new(error.to_string()));
            raw::Entry::default()
        }
    };
    let (gvk, watch) = check.watch(raw);
    for (path, problem) in shape.leftovers {
        if !check.has_error_at(&path) {
            check.error(&path, problem);
        }
    }
    Entry {
        gvk,
        watch: watch.filter(|_| !check.has_errors()),
    }
}

/// What an entry looks like.
fn form() -> Form<'static> {
    Form {
        schema: schema::entry(),
        example: |key| match key {
            "module" => Some("module: canary.wasm"),
            "chart" => Some("chart: helm-charts/nginx"),
            "kind" => Some("kind: Deployer"),
            "version" => Some("version: v1alpha1"),
            "apiGroups" => Some("apiGroups: [apps]; the core group is [\"\"]"),
            "resources" => Some("resources: [deployments]"),
            _ => None,
        },
        foreign: &PEERS_KEYS,
    }
}

/// What stands in the place of `module` in the files of the peers.
const PEERS_KEYS: [(&str, &str); 2] = [
    ("role", "the Ansible operator"),
    ("playbook", "the Ansible operator"),
];

/// The checks of one entry, and where their findings go.
struct Check<'c, 'r> {
    node: &'c Node,
    env: &'c Env,
    report: &'c mut Report<'r>,
    start: usize,
}

impl Check<'_, '_> {
    fn error(&mut self, path: &KeyPath, problem: Problem) {
        let place = self.node.place_of(path, End::Value);
        self.report.add(Severity::Error, place, path, problem);
    }

    /// Points at the key: what is wrong is that it is there.
    fn warn(&mut self, path: &KeyPath, problem: Problem) {
        let place = self.node.place_of(path, End::Key);
        self.report.add(Severity::Warning, place, path, problem);
    }

    fn warn_value(&mut self, path: &KeyPath, problem: Problem) {
        let place = self.node.place_of(path, End::Value);
        self.report.add(Severity::Warning, place, path, problem);
    }

    /// Points at the key: it is itself what is wrong.
    fn key_error(&mut self, path: &KeyPath, problem: Problem) {
        let place = self.node.place_of(path, End::Key);
        self.report.add(Severity::Error, place, path, problem);
    }

    /// The value, or nothing and an error.
    fn ok<T>(&mut self, path: &KeyPath, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.error(path, problem)).ok()
    }

    fn has_error_at(&self, path: &KeyPath) -> bool {
        let key = path.to_string();
        self.report
            .since(self.start)
            .iter()
            .any(|d| d.severity == Severity::Error && d.key == key)
    }

    fn has_errors(&self) -> bool {
        self.report
            .since(self.start)
            .iter()
            .any(|d| d.severity == Severity::Error)
    }

    fn watch(&mut self, raw: raw::Entry) -> (Option<Gvk>, Option<Watch>) {
        let entry = KeyPath::entry();
        self.meaningless(&raw);
        let gvk = self.gvk(&entry, raw.group, raw.version, raw.kind);
        self.reconciler();
        let module = self.source(&entry.key("module"), raw.module);
        let chart = raw.chart.as_deref().and_then(|text| self.chart(text));
        let libraries = self.libraries(raw.libraries.unwrap_or_default());
        let period = self.period(raw.reconcile_period.map(|p| p.0));
        let workers = self.workers(raw.max_concurrent_reconciles);
        let selector = self.selector(&entry.key("selector"), raw.selector);
        let blacklist = self.blacklist(raw.blacklist.unwrap_or_default());
        let finalizer = raw.finalizer.and_then(|f| self.finalizer(f));
        let overrides = raw.override_values.map(|values| self.overrides(values));
        let parts = [("vars", raw.vars), (BY_GOS_RULES, overrides)];
        let settings = self.settings(raw.settings, chart.as_deref(), parts);
        let (writes, reads) = raw.grants.as_ref().map_or((false, false), |grants| {
            (grants.write.is_some(), grants.read.is_some())
        });
        let grants = self.grants(raw.grants);
        let limits = self.limits(raw.limits);
        let service_account = raw.service_account.and_then(|name| {
            let checked = names::subdomain(&name).map(|()| name);
            self.ok(&entry.key("serviceAccount"), checked)
        });
        let line = self.node.place.line;
        let (module, libraries, grants) = match chart {
            Some(_) => chart::of_releases(module, libraries, grants, writes, reads),
            None => (module, libraries, grants),
        };
        let watch = gvk.clone().zip(module).map(|(gvk, module)| Watch {
            gvk,
            module,
            libraries,
            period,
            workers,
            dependents: raw.watch_dependent_resources.unwrap_or(true),
            cluster_scoped_dependents: raw.watch_cluster_scoped_resources.unwrap_or(true),
            manage_status: raw.manage_status.unwrap_or(true),
            selector,
            blacklist,
            finalizer,
            settings,
            grants,
            limits,
            service_account,
            line,
        });
        (gvk, watch)
    }

    /// Warns of keys that only the peers know and that change nothing here.
    fn meaningless(&mut self, raw: &raw::Entry) {
        for (key, given, why) in [
            (
                "snakeCaseParameters",
                raw.snake_case_parameters.is_some(),
                "the module gets the object as it is",
            ),
            (
                "markUnsafe",
                raw.mark_unsafe.is_some(),
                "no value is ever evaluated as a template",
            ),
            (
                "maxRunnerArtifacts",
                raw.max_runner_artifacts.is_some(),
                "calls leave no files behind",
            ),
            (
                "watchAnnotationsChanges",
                raw.watch_annotations_changes.is_some(),
                "a module sees its whole object",
            ),
            (
                "dryRunOption",
                raw.dry_run_option.is_some(),
                "what would change is known before it is written",
            ),
        ] {
            if given {
                let problem = Problem::new(format!("has no meaning here: {why}")).hint("remove it");
                self.warn(&KeyPath::entry().key(key), problem);
            }
        }
    }

    fn gvk(
        &mut self,
        path: &KeyPath,
        group: Option<String>,
        version: Option<String>,
        kind: Option<String>,
    ) -> Option<Gvk> {
        let group = group.unwrap_or_default();
        let good_group = self.ok(&path.key("group"), names::group(&group));
        let version = version.and_then(|version| {
            let checked = names::version(&version).map(|()| version);
            self.ok(&path.key("version"), checked)
        });
        let kind = kind.and_then(|kind| {
            let checked = names::kind(&kind).map(|()| kind);
            self.ok(&path.key("kind"), checked)
        });
        good_group?;
        Some(Gvk::new(group, version?, kind?))
    }

    fn source(&mut self, path: &KeyPath, text: Option<String>) -> Option<ModuleSource> {
        let parsed = text?.parse().map_err(|error: InvalidSource| {
            let problem = Problem::new(error.to_string()).maybe_hint(error.hint());
            match error {
                InvalidSource::Oci(..) | InvalidSource::Unpinned(_) => problem,
                _ => problem.expected(source::FORM),
            }
        });
        self.ok(path, parsed)
    }

    fn libraries(
        &mut self,
        raw: BTreeMap<String, Option<String>>,
    ) -> BTreeMap<String, ModuleSource> {
        let mut libraries = BTreeMap::new();
        for (interface, text) in raw {
            let path = KeyPath::entry().key("libraries").key(&interface);
            if let Err(problem) = names::interface(&interface) {
                self.key_error(&path, problem);
            }
            match text {
                Some(text) => {
                    let source = self.source(&path, Some(text));
                    libraries.extend(source.map(|source| (interface, source)));
                }
                None => self.error(&path, Problem::new("no value").expected(source::FORM)),
            }
        }
        libraries
    }

    fn period(&mut self, text: Option<Scalar>) -> Duration {
        let path = KeyPath::entry().key("reconcilePeriod");
        text.and_then(|text| self.duration(&path, &text))
            .filter(|period| !period.is_zero())
            .unwrap_or(DEFAULT_PERIOD)
    }

    fn duration(&mut self, path: &KeyPath, text: &Scalar) -> Option<Duration> {
        let parsed = text
            .to_string()
            .parse::<GoDuration>()
            .map(GoDuration::get)
            .map_err(|error| {
                Problem::new(error.to_string())
                    .expected(duration::FORM)
                    .maybe_hint(error.hint())
            });
        self.ok(path, parsed)
    }

    fn workers(&mut self, count: Option<i64>) -> Option<NonZeroU32> {
        let path = KeyPath::entry().key("maxConcurrentReconciles");
        let count = u32::try_from(count?).map_err(|_| {
            Problem::new("not a possible number of workers")
                .expected("0 for the default, or a positive number")
        });
        self.ok(&path, count).and_then(NonZeroU32::new)
    }

    fn blacklist(&mut self, raw: Vec<RawGvk>) -> Vec<Gvk> {
        let path = KeyPath::entry().key("blacklist");
        raw.into_iter()
            .enumerate()
            .filter_map(|(index, kind)| {
                self.gvk(&path.index(index), kind.group, kind.version, kind.kind)
            })
            .collect()
    }

    fn finalizer(&mut self, raw: RawFinalizer) -> Option<String> {
        let path = KeyPath::entry().key("finalizer");
        for (key, given) in [
            ("role", raw.role.is_some()),
            ("playbook", raw.playbook.is_some()),
            ("vars", raw.vars.is_some()),
        ] {
            if given {
                let problem = Problem::new("has no meaning here: the module itself cleans up")
                    .hint("remove it; only the finalizer's name is used");
                self.warn(&path.key(key), problem);
            }
        }
        let name = raw.name?;
        let checked = names::finalizer(&name).map(|()| name);
        self.ok(&path.key("name"), checked)
    }

    /// The module's settings, and what other keys say that is passed on in them.
    fn settings(
        &mut self,
        settings: Option<Map<String, Value>>,
        chart: Option<&str>,
        parts: [(&str, Option<Map<String, Value>>); 2],
    ) -> Json {
        let mut settings = settings.unwrap_or_default();
        let chart = ("chart", chart.map(Value::from));
        let parts = parts.map(|(key, part)| (key, part.map(Value::Object)));
        for (key, given) in parts.into_iter().chain([chart]) {
            let Some(given) = given else { continue };
            if settings.contains_key(key) {
                let problem = Problem::new(format!("settings.{key} is given too"))
                    .hint(format!("keep one of {key} and settings.{key}"));
                self.error(&KeyPath::entry().key(key), problem);
            }
            settings.insert(key.to_owned(), given);
        }
        let mut settings = Value::Object(settings);
        settings.sort_all_objects();
        Json::from_value(&settings)
    }

    /// `overrideValues`, as text and with their variables replaced.
    fn overrides(&mut self, values: BTreeMap<String, Option<Plain>>) -> Map<String, Value> {
        let mut overrides = Map::new();
        for (key, value) in values {
            let path = KeyPath::entry().key(BY_GOS_RULES).key(&key);
            let written = value.map(|value| value.to_string()).unwrap_or_default();
            let ByGo { text, unset } = ByGo::of(&written, self.env);
            for name in unset {
                let problem = Problem::new(format!("${name} is not set and stands for nothing"))
                    .hint("set the variable, or write the value itself");
                self.warn_value(&path, problem);
            }
            if text.contains("{{") {
                let problem = Problem::new("templates are not executed here")
                    .hint("write the value, or $NAME of a variable");
                self.error(&path, problem);
            }
            overrides.insert(key, Value::String(text));
        }
        overrides
    }
}
