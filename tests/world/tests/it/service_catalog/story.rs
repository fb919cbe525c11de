//! What happened, told and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use oarlock_broker::{Op, Record};
use oarlock_devcluster::resource::ResourceId;
use serde_json::Value;

use super::site::{BINDINGS, CLUSTER_BROKERS, INSTANCES, Mark, SECRETS, Site};
use super::wire::{Asked, word};
use crate::chronicle::Scene;
use crate::world::condition;

impl Site {
    /// What `kind` of an object said since, without messages: `-ProvisionRequestInFlight > +ProvisionedSuccessfully`.
    pub(crate) async fn course(
        &self,
        mark: Mark,
        id: &ResourceId,
        name: &str,
        kind: &str,
    ) -> String {
        let mut said: Vec<String> = Vec::new();
        for entry in self.chronicle.since(mark.revision).await {
            let change = &entry.change;
            if change.resource != *id || change.key.name != name || change.removed {
                continue;
            }
            let Some(told) = condition(&change.object, kind).map(|told| short(&told)) else {
                continue;
            };
            if said.last() != Some(&told) {
                said.push(told);
            }
        }
        said.join(" > ")
    }

    /// What happened since: requests and what conditions said, by seconds. Within one second by object: what several do at once
    /// has no order.
    pub(crate) async fn story(&self, mark: Mark) -> String {
        let mut lines: Vec<(u64, &str, u64, usize, String)> = Vec::new();
        let mut last = BTreeMap::<String, String>::new();
        for entry in self.chronicle.since(mark.revision).await {
            let change = &entry.change;
            let noun = match &change.resource {
                resource if *resource == INSTANCES => "instance",
                resource if *resource == BINDINGS => "binding",
                resource if *resource == CLUSTER_BROKERS => "broker",
                resource if *resource == SECRETS => "secret",
                _ => continue,
            };
            let who = format!("{noun} {}", change.key.name);
            // What is told, and what makes it another.
            let (told, known) = match (noun, change.removed) {
                (_, true) => ("is gone".to_owned(), String::new()),
                ("secret", false) => {
                    let data = &change.object["data"];
                    let told = format!("written, {} entries", entries(&change.object));
                    (told, data.to_string())
                }
                (_, false) => match condition(&change.object, "Ready") {
                    Some(told) => (format!("Ready={}", worded(&told)), short(&told)),
                    None => continue,
                },
            };
            if last.insert(who.clone(), known.clone()) == Some(known) {
                continue;
            }
            let seconds = entry.at.since(mark.at).as_secs();
            let line = format!("{seconds:>6}s {who} {told}");
            lines.push((seconds, noun, change.revision, 0, line));
        }
        let began = self.asked_before(mark);
        for asked in self.asked(mark) {
            let seconds = asked.at.saturating_sub(began).as_secs();
            let answered = asked.answered.as_deref().unwrap_or("nobody hears");
            let line = format!("{seconds:>6}s   -> {} {answered}", shown(&asked));
            let noun = match (&asked.instance, &asked.binding) {
                (_, Some(_)) => "binding",
                (Some(_), None) => "instance",
                (None, None) => "broker",
            };
            lines.push((seconds, noun, asked.revision, 1, line));
        }
        let rank = |noun: &str| {
            let order = ["broker", "instance", "binding", "secret"];
            order.iter().position(|known| *known == noun)
        };
        lines.sort_by_key(|(seconds, noun, revision, after, _)| {
            (*seconds, rank(noun), *revision, *after)
        });
        let lines: Vec<String> = lines.into_iter().map(|(.., line)| line).collect();
        self.named(&lines.join("\n"))
    }

    /// Since when the world was when this mark was made.
    fn asked_before(&self, mark: Mark) -> std::time::Duration {
        let start = oarlock_core::timestamp::Timestamp::parse_rfc3339("2026-11-02T09:00:00Z");
        mark.at.since(start.unwrap())
    }

    /// All that can be seen in the end.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        let mut part = |title: String, lines: Vec<String>| {
            writeln!(text, "{title}").unwrap();
            for line in lines {
                writeln!(text, "  {}", line.replace('\n', " / ")).unwrap();
            }
        };
        for (noun, id) in [
            ("broker", &CLUSTER_BROKERS),
            ("instance", &INSTANCES),
            ("binding", &BINDINGS),
        ] {
            for object in self.list(id) {
                let name = object["metadata"]["name"].as_str().unwrap();
                part(format!("{noun} {name}"), self.status(id, name));
                part(format!("{noun} {name}: events"), self.events(name));
            }
        }
        for secret in self.list(&SECRETS) {
            if !secret["metadata"]["ownerReferences"].is_array() {
                continue;
            }
            let name = secret["metadata"]["name"].as_str().unwrap();
            let keys = secret["data"].as_object().into_iter().flatten();
            let keys = keys.map(|(key, _)| key.clone()).collect::<Vec<_>>();
            part(format!("secret {name}"), vec![keys.join(" ")]);
        }
        let records = self.broker.instances().into_iter();
        let records = records.chain(self.broker.bindings());
        part(
            "at the broker".to_owned(),
            records.map(|r| record(&r)).collect(),
        );
        self.named(&text)
    }

    /// With short names for the IDs, in the order in which they were first sent, and none for other UIDs.
    pub(crate) fn named(&self, text: &str) -> String {
        let mut names: Vec<(String, String)> = Vec::new();
        let mut known = BTreeSet::new();
        let (mut instances, mut bindings) = (0, 0);
        for asked in self.wire.asked() {
            if let Some(id) = asked.instance
                && known.insert(id.clone())
            {
                instances += 1;
                names.push((id, format!("I{instances}")));
            }
            if let Some(id) = asked.binding
                && known.insert(id.clone())
            {
                bindings += 1;
                names.push((id, format!("B{bindings}")));
            }
        }
        let text = names
            .iter()
            .fold(text.to_owned(), |text, (id, name)| text.replace(id, name));
        without_uids(&text)
    }

    /// What holds at any time, whatever happened: intent is written before each call, whatever was made is remembered until it
    /// is gone, orphans are removed on nobody's behalf, and the broker was asked as it should be.
    pub(crate) async fn check(&self) {
        let violations = self.broker.violations();
        assert!(violations.is_empty(), "{violations:#?}");
        let asked = self.wire.asked();
        let mut looked = 0;
        self.chronicle
            .replay(0, |entry, scene| {
                let now = asked
                    .iter()
                    .filter(|asked| asked.revision == entry.change.revision);
                for asked in now {
                    looked += 1;
                    if asked.op.changes() {
                        check_intent(asked, scene);
                    }
                }
            })
            .await;
        assert_eq!(looked, asked.len(), "a request at no revision");
        let known: BTreeSet<String> = [&INSTANCES, &BINDINGS]
            .into_iter()
            .flat_map(|id| self.list(id))
            .flat_map(|object| ledger(&object))
            .collect();
        for id in self.there() {
            assert!(known.contains(&id), "{id} is forgotten");
        }
    }
}

/// IDs that an object remembers.
pub(crate) fn ledger(object: &Value) -> Vec<String> {
    let holdings = object["status"]["lifecycle"]["holdings"].as_array();
    let ids = holdings.into_iter().flatten();
    ids.filter_map(|holding| holding["id"].as_str().map(str::to_owned))
        .collect()
}

fn check_intent(asked: &Asked, scene: &Scene) {
    let id = asked.id().unwrap_or_default();
    let owner = scene
        .values()
        .find(|object| ledger(object).iter().any(|known| known == id));
    let Some(owner) = owner else {
        panic!("{asked:?}: no object says so before");
    };
    let lifecycle = &owner["status"]["lifecycle"];
    let operation = &lifecycle["operation"];
    assert_eq!(operation["id"], id, "{asked:?}: {lifecycle:#}");
    let verb = match asked.op {
        Op::Provision | Op::Bind => "create",
        Op::Update => "update",
        _ => "delete",
    };
    assert_eq!(operation["verb"], verb, "{asked:?}: {lifecycle:#}");
    assert!(asked.effect.is_some(), "{asked:?}: no idempotency key");
    let holdings = lifecycle["holdings"].as_array().unwrap();
    let holding = holdings.iter().find(|holding| holding["id"] == id).unwrap();
    if holding["stand"]["why"] == "orphaned" {
        assert!(asked.identity.is_none(), "{asked:?}: an orphan is nobody's");
        let status = &owner["status"];
        let told = condition(owner, "OrphanMitigation").unwrap_or_default();
        assert!(told.starts_with("True"), "{asked:?}: {status:#}");
        assert_eq!(status["orphanMitigationInProgress"], true, "{status:#}");
    }
}

/// On one line; of what waits for several others, only why: how many of them are there is by chance.
fn worded(told: &str) -> String {
    const WAITS: &[&str] = &["ErrorInstanceNotReady", "ReferencesNonexistentServicePlan"];
    let beginning = told.split(':').next().unwrap_or_default();
    match WAITS.iter().any(|reason| beginning.ends_with(reason)) {
        true => beginning.to_owned(),
        false => told.replace('\n', " / "),
    }
}

/// `-Reason`, `+Reason` or `?Reason`.
fn short(told: &str) -> String {
    let (status, rest) = told.split_once(' ').unwrap_or((told, ""));
    let reason = rest.split(':').next().unwrap_or_default();
    let sign = match status {
        "True" => '+',
        "False" => '-',
        _ => '?',
    };
    format!("{sign}{reason}")
}

fn shown(asked: &Asked) -> String {
    let id = asked.id().unwrap_or_default();
    format!("{} {id}", word(asked.op)).trim_end().to_owned()
}

fn record(record: &Record) -> String {
    let stand = serde_json::to_value(record.stand).unwrap();
    let stand = stand.as_str().unwrap_or_default().to_owned();
    let plan = &record.plan_id;
    let version = record.maintenance.as_deref().unwrap_or("-");
    match &record.instance {
        None => format!(
            "{} {stand}: {plan}, {version}, {}",
            record.id, record.parameters
        ),
        Some(instance) => format!("{} {stand}: of {instance}", record.id),
    }
}

fn entries(secret: &Value) -> usize {
    secret["data"].as_object().map_or(0, serde_json::Map::len)
}

/// What the status says, one line each, without conditions, the machine's own memory and times.
pub(crate) fn figures(status: &Value) -> Vec<String> {
    const PASSED_OVER: &[&str] = &["conditions", "lifecycle", "catalog"];
    let fields = status.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| {
            let is_time = key.ends_with("Time") || key.ends_with("At");
            !PASSED_OVER.contains(&key.as_str()) && !is_time
        })
        .map(|(key, value)| format!("{key}: {value}"))
        .collect()
}

/// UIDs are of the run.
fn without_uids(text: &str) -> String {
    let is_uid = |word: &str| {
        let lengths = [8, 4, 4, 4, 12];
        let parts: Vec<&str> = word.split('-').collect();
        parts.len() == 5
            && parts.iter().zip(lengths).all(|(part, length)| {
                part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit())
            })
    };
    let mut told = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_alphanumeric() || letter == '-' {
            word.push(letter);
            continue;
        }
        told.push_str(if is_uid(&word) { "UID" } else { &word });
        word.clear();
        if letter != '\0' {
            told.push(letter);
        }
    }
    told
}
