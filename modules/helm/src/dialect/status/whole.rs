//! The words of the Operator SDK's Helm operator.

use serde_json::{Map, Value};

use super::{Field, Told, condition, standing, text};
use crate::manifest::{self, Document};
use crate::record::Record;
use crate::state::{Is, Note};
use crate::turn::Condition;

/// Bytes of a manifest that go into a status: the object has to fit into a request beside it.
const MANIFEST: usize = 256 << 10;

/// `.status.deployedRelease`.
pub(super) fn fields(told: &Told<'_>) -> Vec<Field> {
    let Some(known) = told.deployed() else {
        let gone = told.turn.state.history.is_empty() || is_uninstalled(told);
        // Of a release that failed what served before stays said.
        return match gone {
            true => vec![("deployedRelease", None)],
            false => Vec::new(),
        };
    };
    let Some(record) = told.record(known.version) else {
        return Vec::new();
    };
    let mut release = Map::new();
    release.extend(text(&known.name).map(|name| (String::from("name"), name)));
    release.insert(String::from("manifest"), Value::from(manifest(record)));
    vec![("deployedRelease", Some(Value::Object(release)))]
}

/// The manifest as it is stored, but for Secrets: whoever may read the object need not be allowed to read those.
fn manifest(record: &Record) -> String {
    let documents = manifest::split(&record.manifest).into_iter();
    let documents = documents.map(|document| match shown(&document) {
        Ok(()) => document,
        Err(why) => Document::new(document.source, format!("# {why}")),
    });
    let text = manifest::join(&documents.collect::<Vec<_>>());
    match text.len() > MANIFEST {
        true => format!(
            "# {} bytes: left out, see helm get manifest {}\n",
            text.len(),
            record.name
        ),
        false => text,
    }
}

fn shown(document: &Document) -> Result<(), String> {
    let objects = document
        .objects()
        .map_err(|_| String::from("left out: it cannot be read"))?;
    match objects.iter().find(|object| object.kind() == "Secret") {
        Some(secret) => Err(format!("Secret {}: left out", secret.name())),
        None => Ok(()),
    }
}

fn is_uninstalled(told: &Told<'_>) -> bool {
    let newest = told.turn.state.history.first();
    newest.is_some_and(|known| known.status == crate::record::Status::Uninstalled)
}

/// `Initialized`, `Deployed`, `Irreconcilable` and `ReleaseFailed`.
pub(super) fn conditions(told: &Told<'_>) -> Vec<Condition> {
    let mut all = told.summary();
    all.push(condition("Initialized", Is::True, "Initialized", ""));
    all.extend(deployed(told));
    all.extend(match irreconcilable(told) {
        Some(note) => Some(condition(
            "Irreconcilable",
            Is::True,
            "ReconcileError",
            note.message.clone(),
        )),
        None => told.over("Irreconcilable"),
    });
    all.extend(match failed(told) {
        Some((reason, note)) => Some(condition(
            "ReleaseFailed",
            Is::True,
            reason,
            note.message.clone(),
        )),
        None => told.over("ReleaseFailed"),
    });
    all
}

/// Its message is the chart's notes; the host shortens those that are too long for a condition.
fn deployed(told: &Told<'_>) -> Option<Condition> {
    let Some(known) = told.deployed() else {
        let released = standing(told.turn.state.released.as_ref())?;
        let gone = released.reason == "UninstallSucceeded" || is_uninstalled(told);
        let gone = gone && told.has("Deployed");
        return gone.then(|| condition("Deployed", Is::False, "UninstallSuccessful", ""));
    };
    let reason = match known.version {
        1 => "InstallSuccessful",
        _ => "UpgradeSuccessful",
    };
    let present = told.present("Deployed");
    let notes = match told.record(known.version) {
        Some(record) => record.info.notes.clone(),
        None => present
            .map(|present| present.at("message").string())
            .unwrap_or_default(),
    };
    Some(condition("Deployed", Is::True, reason, notes))
}

/// What is in the way before anything is done, or of what is done again and again.
fn irreconcilable<'a>(told: &'a Told<'_>) -> Option<&'a Note> {
    let drifted = standing(told.turn.state.drifted.as_ref())
        .filter(|note| note.is == Is::True && note.reason == "DriftCorrectionFailed");
    told.obstacle().or(drifted).or_else(|| {
        let released = standing(told.turn.state.released.as_ref())?;
        matches!(released.reason.as_str(), "ReleaseOwned" | "ReleasedByHand").then_some(released)
    })
}

fn failed<'a>(told: &'a Told<'_>) -> Option<(&'static str, &'a Note)> {
    let state = &told.turn.state;
    let remediated = standing(state.remediated.as_ref());
    let of = |note: &'a Note| {
        let reason = match note.reason.as_str() {
            "InstallFailed" => "InstallError",
            "UpgradeFailed" => "UpgradeError",
            "RollbackFailed" => "RollbackError",
            "UninstallFailed" => "UninstallError",
            _ => return None,
        };
        Some((reason, note))
    };
    remediated
        .and_then(of)
        .or_else(|| standing(state.released.as_ref()).and_then(of))
}
