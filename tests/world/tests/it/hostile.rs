//! Modules that misbehave, each on objects of a kind of its own, beside a module that does not.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use oarlock_devcluster::resource::ResourceId;
use serde_json::{Value, json};

use crate::components::{component, module, root, serving};
use crate::languages::{BOTH, definition, greeting, greetings, secret};
use crate::witness::Witness;
use crate::world::{Served, World, conditions, watch, watches};

const GREETINGS: ResourceId = ResourceId::of("guests.oarlock.dev", "greetings");

/// One way of misbehaving.
struct Villain {
    /// The folder of the guest.
    guest: &'static str,
    settings: &'static str,
    limits: &'static str,
}

const fn villain(guest: &'static str, settings: &'static str, limits: &'static str) -> Villain {
    Villain {
        guest,
        settings,
        limits,
    }
}

const SHORT: &str = "cpu: 30ms";

/// Those whose limit is not CPU time get enough of it for a host that is not optimised.
const AMPLE: &str = "cpu: 60s";

const VILLAINS: [Villain; 14] = [
    villain("loops", "{}", SHORT),
    villain("logs-without-end", "{say: forever}", SHORT),
    villain("hoards", "{}", AMPLE),
    villain("recurses", "{}", AMPLE),
    villain("returns-100mb", "{}", "cpu: 60s, memory: 256Mi"),
    villain("floods-children", "{}", AMPLE),
    villain("invalid-json", "{syntax: 1}", AMPLE),
    villain("ungranted-read", "{}", AMPLE),
    villain("ungranted-write", "{}", AMPLE),
    villain("panics", "{}", AMPLE),
    villain("sleeps-in-import", "{}", "cpu: 60s, deadline: 5s"),
    villain("describes-badly", "{}", AMPLE),
    villain("traps-in-describe", "{}", AMPLE),
    villain("wrong-world", "{}", AMPLE),
];

/// Misbehaves while it is loaded, as `describes-badly` does; the text is the loader's.
const UNKNOWN_IMPORT: Villain = villain("unknown-import", "{}", AMPLE);

/// Those that behave, and those that misbehave in a library: `crates/wasm` tells what becomes of them.
const CONTROLS: [&str; 7] = [
    "contract", "echo", "nothing", "reads", "wasi", "library", "calls",
];

impl Villain {
    /// `loops` is of kind `Loops`, `logs-without-end` of kind `LogsWithoutEnd`.
    fn kind(&self) -> String {
        let word = |word: &str| {
            let (first, rest) = word.split_at(1);
            format!("{}{rest}", first.to_uppercase())
        };
        self.guest.split('-').map(word).collect()
    }

    fn resource(&self) -> ResourceId {
        ResourceId::new("hostile.example.com", self.kind().to_lowercase())
    }

    fn definition(&self) -> Value {
        let (kind, plural) = (self.kind(), self.kind().to_lowercase());
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.hostile.example.com")},
            "spec": {
                "group": "hostile.example.com",
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural, "singular": plural, "listKind": format!("{kind}List")},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }],
            },
        })
    }

    fn watch(&self) -> String {
        format!(
            "- group: hostile.example.com\n  version: v1\n  kind: {}\n  module: {}.wasm\n  settings: {}\n  limits: {{{}}}\n  \
             grants: {{http: [\"http://slow.example.com\"]}}\n",
            self.kind(),
            self.guest,
            self.settings,
            self.limits
        )
    }

    fn object(&self, name: &str) -> Value {
        json!({
            "apiVersion": "hostile.example.com/v1",
            "kind": self.kind(),
            "metadata": {"name": name, "namespace": "default"},
            "spec": {},
        })
    }

    fn name(&self) -> String {
        format!("a-{}", self.guest)
    }

    fn controller(&self) -> String {
        format!("{}.hostile.example.com", self.kind().to_lowercase())
    }
}

fn villains() -> impl Iterator<Item = &'static Villain> {
    VILLAINS.iter().chain([&UNKNOWN_IMPORT])
}

async fn served() -> Served {
    let mut served = Served::new();
    for villain in villains() {
        let module = module(&format!("guests/hostile-{}", villain.guest)).await;
        served.push((watch(&villain.watch()), module));
    }
    served
}

fn definitions() -> Vec<Value> {
    let hostile = villains().map(Villain::definition);
    hostile.chain([definition()]).collect()
}

#[test]
fn every_guest_that_misbehaves_is_here() {
    let mut missing = Vec::new();
    for folder in fs::read_dir(root().join("tests/hostile-guests")).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        let known = villains().any(|villain| villain.guest == name);
        if folder.path().join("Cargo.toml").is_file() && !known && !CONTROLS.contains(&&*name) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "in no list of this file: {missing:?}");
}

/// What users see of each: conditions, Events, metrics; on its own object and nowhere else.
#[tokio::test(start_paused = true)]
async fn each_is_told_on_its_own_object() {
    let mut all = served().await;
    let healthy = Witness::of(component("guests/guest-rust").await);
    all.push((watch(&greetings(BOTH)), serving(healthy.clone())));
    let world = World::new(&definitions(), all);
    world.apply(secret()).unwrap();
    world.apply(greeting("hello", "Hello")).unwrap();
    for villain in villains() {
        world.apply(villain.object(&villain.name())).unwrap();
    }
    world.pass(Duration::from_secs(10)).await;
    let mut text = String::new();
    for villain in villains() {
        let object = world.get(&villain.resource(), &villain.name()).unwrap();
        writeln!(text, "# {}", villain.guest).unwrap();
        for line in conditions(&object)
            .iter()
            .chain(&world.events(&villain.name()))
        {
            writeln!(text, "{line}").unwrap();
        }
        let problems = format!(
            "oarlock_problems_total{{controller=\"{}\"",
            villain.controller()
        );
        assert!(
            world.metric(&problems) > 0,
            "{} is not counted",
            villain.guest
        );
    }
    insta::assert_snapshot!("hostile", text);
    let greeting = world.get(&GREETINGS, "hello").unwrap();
    assert_eq!(conditions(&greeting), ["Ready=True Greeted: greeted hello"]);
    assert_eq!(world.events("hello"), ["Normal Greeted: greeted hello"]);
    assert_eq!(
        world.metric("oarlock_problems_total{controller=\"greeting.guests.oarlock.dev\""),
        0
    );
    assert!(healthy.runs().iter().all(|ran| ran.good));
}

/// The waits double. An error that stays is written once, and its Event once.
#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_less_and_less() {
    for name in ["loops", "panics", "ungranted-write"] {
        let villain = villains().find(|villain| villain.guest == name).unwrap();
        let module = module(&format!("guests/hostile-{name}")).await;
        let world = World::new(
            &[villain.definition()],
            vec![(watch(&villain.watch()), module)],
        );
        world.apply(villain.object("one")).unwrap();
        let problems = format!(
            "oarlock_problems_total{{controller=\"{}\"",
            villain.controller()
        );
        let mut tries = Vec::new();
        let mut revision = 0;
        // After 1, 3, 7, 15 seconds and so on, and at most a tenth more. In between, nothing happens.
        for pause in [500, 1500, 3000, 6000, 12_000, 24_000] {
            world.pass(Duration::from_millis(pause)).await;
            tries.push(world.metric(&problems));
            if revision == 0 {
                revision = world.store().revision();
            }
        }
        assert_eq!(tries, [1, 2, 3, 4, 5, 6], "{name}");
        assert_eq!(
            world.store().revision(),
            revision,
            "{name}: nothing new is written"
        );
        // Five minutes are the longest.
        world.pass(Duration::from_secs(24 * 3600)).await;
        let a_day = world.metric(&problems) - 6;
        assert!((24 * 11..=24 * 12).contains(&a_day), "{name}: {a_day}");
    }
}

/// Two hundred healthy objects need the same number of runs and calls, whoever loops, hoards or sleeps beside them.
#[tokio::test(start_paused = true)]
async fn the_healthy_do_the_same_work_as_alone() {
    let alone = healthy_work(Served::new(), 0).await;
    let beside = healthy_work(served().await, 12).await;
    assert_eq!(alone, beside);
    assert_eq!(alone.0, 200);
}

/// Objects that are ready after a minute, and runs that it took.
async fn healthy_work(mut all: Served, each: usize) -> (usize, usize) {
    let healthy = Witness::of(component("guests/guest-rust").await);
    all.push((watch(&greetings(BOTH)), serving(healthy.clone())));
    let world = World::new(&definitions(), all);
    world.apply(secret()).unwrap();
    for number in 0..200 {
        if number < each {
            for villain in villains() {
                world
                    .apply(villain.object(&format!("{}-{number}", villain.name())))
                    .unwrap();
            }
        }
        world
            .apply(greeting(&format!("g{number}"), "Hello"))
            .unwrap();
    }
    world.pass(Duration::from_secs(30)).await;
    let greetings = world.list(&GREETINGS);
    let ready = greetings.iter().filter(|greeting| ready(greeting));
    (ready.count(), healthy.runs().len())
}

fn ready(greeting: &Value) -> bool {
    conditions(greeting)
        .iter()
        .any(|condition| condition.starts_with("Ready=True Greeted"))
}

/// A module that serves two kinds, one of whose watches is broken.
#[tokio::test(start_paused = true)]
async fn one_bad_entry_of_a_file_leaves_the_others() {
    let text = greetings(BOTH) + "- group: hostile.example.com\n  kind: Loops\n";
    let parsed = oarlock_config::parse("watches.yaml", &text, &oarlock_config::Env::empty());
    assert_eq!((parsed.watches.len(), parsed.rejected.len()), (1, 1));
    assert_eq!(watches(&greetings(BOTH)).len(), 1);
    let module = serving(component("guests/guest-rust").await);
    let served = parsed
        .watches
        .into_iter()
        .map(|watch| (watch, module.clone()));
    let mut world = World::new(&[definition()], served.collect());
    world.apply(secret()).unwrap();
    world.apply(greeting("hello", "Hello")).unwrap();
    let greeted = |world: &World| ready(&*world.get(&GREETINGS, "hello")?).then_some(());
    world.until("it is ready", greeted).await;
}

/// Runs that wait for somebody outside hold nobody up, however many modules do.
#[tokio::test(start_paused = true)]
async fn sleepers_of_many_kinds_hold_nobody_up() {
    let sleeper = villain("sleeps-in-import", "{}", "cpu: 60s, deadline: 5m");
    let module = module("guests/hostile-sleeps-in-import").await;
    let mut served = vec![(
        watch(&greetings(BOTH)),
        serving(component("guests/guest-rust").await),
    )];
    let mut definitions = vec![definition()];
    let mut objects = Vec::new();
    for number in 0..6 {
        let renamed = |text: String| {
            let kind = format!("Sleeper{number}");
            text.replace("SleepsInImport", &kind)
                .replace("sleepsinimport", &kind.to_lowercase())
        };
        served.push((watch(&renamed(sleeper.watch())), module.clone()));
        let definition = renamed(sleeper.definition().to_string());
        definitions.push(serde_json::from_str(&definition).unwrap());
        for object in 0..10 {
            let object = renamed(sleeper.object(&format!("o{object}")).to_string());
            objects.push(serde_json::from_str::<Value>(&object).unwrap());
        }
    }
    let world = World::new(&definitions, served);
    for object in objects {
        world.apply(object).unwrap();
    }
    world.pass(Duration::from_secs(1)).await;
    world.apply(secret()).unwrap();
    for number in 0..20 {
        world
            .apply(greeting(&format!("g{number}"), "Hello"))
            .unwrap();
    }
    world.pass(Duration::from_secs(1)).await;
    let greeted = world.list(&GREETINGS);
    assert_eq!(
        greeted.iter().filter(|greeting| ready(greeting)).count(),
        20
    );
}
