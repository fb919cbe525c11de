//! The fields of today's Flux. Its conditions are those of the lifecycle.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Field, Told, count, text};
use crate::hooks::{self, Event};
use crate::record::{Hook, Phase, Record, Status};
use crate::state::{Is, Snapshot, Tests};
use crate::wish::{Chart, Follows};

/// Characters of a digest that go behind a version.
const SHORT: usize = 12;

/// `.status` of `helm.toolkit.fluxcd.io/v2`. `helmChart` is not among them: no object of that kind is made.
pub(super) fn fields(told: &Told<'_>) -> Vec<Field> {
    let state = &told.turn.state;
    let last = state.attempted.as_ref();
    let of_last =
        |field: fn(&crate::state::Inputs) -> &str| last.and_then(|last| text(field(&last.inputs)));
    let handled = |token: &Option<String>| token.as_deref().and_then(text);
    let deployed = told.deployed();
    let mut fields = vec![
        (
            "observedPostRenderersDigest",
            deployed.and_then(|known| text(&known.inputs.post_digest)),
        ),
        (
            "lastAttemptedGeneration",
            last.map(|last| last.generation.into()),
        ),
        (
            "lastAttemptedRevision",
            last.and_then(|_| text(&revision(told))),
        ),
        (
            "lastAttemptedConfigDigest",
            of_last(|inputs| &inputs.config_digest),
        ),
        (
            "lastAttemptedReleaseAction",
            last.map(|last| Value::from(if last.install { "install" } else { "upgrade" })),
        ),
        ("lastHandledReconcileAt", handled(&state.handled.reconcile)),
        ("lastHandledForceAt", handled(&state.handled.force)),
        ("lastHandledResetAt", handled(&state.handled.reset)),
        (
            "storageNamespace",
            state
                .release
                .as_ref()
                .and_then(|place| text(&place.storage)),
        ),
        ("failures", count(state.failures)),
        ("installFailures", count(state.install_failures)),
        ("upgradeFailures", count(state.upgrade_failures)),
        ("history", history(told)),
    ];
    fields.push((
        "lastAttemptedRevisionDigest",
        match follows_digest(told) {
            true => of_last(|inputs| &inputs.chart_digest),
            false => None,
        },
    ));
    if is_observed(told) {
        fields.extend(
            told.generation()
                .map(|g| ("observedGeneration", Some(g.into()))),
        );
    }
    fields
}

/// As there: when something has come of a generation, or nothing will.
fn is_observed(told: &Told<'_>) -> bool {
    let is_true = |kind: &str| told.said(kind).is_some_and(|note| note.is == Is::True);
    told.turn.state.action.is_none() && (is_true("Ready") || is_true("Stalled"))
}

/// Whether the chart is one of a registry, by its digest.
fn follows_digest(told: &Told<'_>) -> bool {
    matches!(told.wish.chart, Chart::Oci { .. }) && told.wish.follows == Follows::Content
}

/// The version of the chart; of one that is followed by its digest, with the begin of that.
fn revision(told: &Told<'_>) -> String {
    let Some(last) = &told.turn.state.attempted else {
        return String::new();
    };
    let version = &last.inputs.chart_version;
    let digest = &last.inputs.chart_digest;
    let hash = digest.split_once(':').map_or("", |(_, hash)| hash);
    match follows_digest(told) && hash.len() >= SHORT && hash.is_ascii() {
        true => format!("{version}+{}", &hash[..SHORT]),
        false => version.clone(),
    }
}

fn history(told: &Told<'_>) -> Option<Value> {
    let known = &told.turn.state.history;
    let all: Vec<Value> = known.iter().map(|known| snapshot(told, known)).collect();
    (!all.is_empty()).then_some(Value::Array(all))
}

/// One revision. What only its record tells was written down when that was at hand, and stays.
fn snapshot(told: &Told<'_>, known: &Snapshot) -> Value {
    let record = told.record(known.version);
    let before = present(told, known);
    let kept = |name: &str| before.and_then(|before| before.get(name)).cloned();
    let mut entry = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        entry.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("digest", record.map(digest).or_else(|| kept("digest")));
    put("name", text(&known.name));
    put("namespace", text(&known.namespace));
    put("version", Some(known.version.into()));
    put("status", text(known.status.as_str()));
    put("chartName", text(&known.inputs.chart_name));
    put("chartVersion", text(&known.inputs.chart_version));
    put("appVersion", text(&known.inputs.app_version));
    put("configDigest", text(&known.inputs.config_digest));
    let first = record.and_then(|record| record.info.first_deployed.as_deref());
    put(
        "firstDeployed",
        first
            .map(|time| Value::from(in_seconds(time)))
            .or_else(|| kept("firstDeployed"))
            .or_else(|| text(&known.last_deployed)),
    );
    put("lastDeployed", text(&known.last_deployed));
    if known.status == Status::Uninstalled {
        let deleted = record.and_then(|record| record.info.deleted.as_deref());
        put(
            "deleted",
            deleted
                .map(|time| Value::from(in_seconds(time)))
                .or_else(|| kept("deleted")),
        );
    }
    let passed = known.tests == Some(Tests::Passed);
    let tests = tests(known, record).or_else(|| kept("testHooks"));
    // Tests that passed without having been written into a record were none.
    put("testHooks", tests.or_else(|| passed.then(|| json!({}))));
    let is_registry = matches!(told.wish.chart, Chart::Oci { .. });
    put(
        "ociDigest",
        match is_registry {
            true => text(&known.inputs.chart_digest),
            false => None,
        },
    );
    put("action", text(&known.action));
    Value::Object(entry)
}

/// What the status says of a revision by now, if that is of the same release.
fn present<'a>(told: &'a Told<'_>, known: &Snapshot) -> Option<&'a Map<String, Value>> {
    let mut entries = told.present_field("history").list();
    let found = entries.find(|entry| {
        entry.at("version").whole() == Some(known.version.into())
            && entry.at("name").text() == Some(&known.name)
            && entry.at("namespace").text() == Some(&known.namespace)
            && entry.at("configDigest").string() == known.inputs.config_digest
    });
    found?.fields()
}

/// Of what was installed: the manifest and the hooks. A record's states change, and these do not.
fn digest(record: &Record) -> Value {
    let mut hash = Sha256::new();
    hash.update(&record.manifest);
    for hook in &record.hooks {
        hash.update([0]);
        hash.update(&hook.manifest);
    }
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Value::from(text)
}

/// How the tests went, by their names; an empty object where there are none, and nothing before they ran.
fn tests(known: &Snapshot, record: Option<&Record>) -> Option<Value> {
    let verdict = known.tests?;
    let record = record?;
    let places = hooks::of(&record.hooks, Event::Test);
    let ran = places
        .into_iter()
        .filter_map(|place| record.hooks.get(place))
        .filter(|hook| verdict == Tests::Passed || hook.last_run.phase != Phase::Never)
        .map(|hook| (hook.name.clone(), run(hook)));
    Some(Value::Object(ran.collect()))
}

fn run(hook: &Hook) -> Value {
    let last = &hook.last_run;
    let time = |time: &Option<String>| time.as_deref().map(in_seconds);
    let phase = match &last.phase {
        Phase::Never => "",
        Phase::Unknown => "Unknown",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
        Phase::Other(word) => word,
    };
    let mut entry = Map::new();
    for (name, value) in [
        ("lastStarted", time(&last.started_at)),
        ("lastCompleted", time(&last.completed_at)),
        ("phase", (!phase.is_empty()).then(|| phase.to_owned())),
    ] {
        entry.extend(value.map(|value| (name.to_owned(), json!(value))));
    }
    Value::Object(entry)
}

/// A time as Kubernetes writes it: Helm's have nanoseconds.
fn in_seconds(time: &str) -> String {
    let Some((seconds, rest)) = time.split_once('.') else {
        return time.to_owned();
    };
    let zone = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    format!("{seconds}{zone}")
}
