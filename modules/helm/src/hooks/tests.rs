#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::course::{Act, Course};
use super::sight::{self, Sight};
use super::*;
use crate::manifest::Document;
use crate::record::Phase;

fn object(text: &str) -> Object {
    Document::new("web/templates/x.yaml", text)
        .objects()
        .unwrap()
        .remove(0)
}

fn hook(text: &str) -> Hook {
    let text = format!("apiVersion: v1\n{text}");
    match role(&object(&text), &text) {
        Role::Hook(hook) => *hook,
        other => panic!("{other:?}"),
    }
}

/// `KIND NAME WEIGHT EVENTS POLICIES LOGS`
fn hooks(lines: &[&str]) -> Vec<Hook> {
    let mut hooks: Vec<Hook> = lines
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let at = |place: usize| words.get(place).copied().filter(|word| *word != "-");
            let annotation = |key: &str, place: usize| {
                at(place).map_or_else(String::new, |value| format!("    {key}: \"{value}\"\n"))
            };
            hook(&format!(
                "kind: {}\nmetadata:\n  name: {}\n  annotations:\n{}{}{}{}",
                words[0],
                words[1],
                annotation(WEIGHT, 2),
                annotation(HOOK, 3),
                annotation(DELETE_POLICY, 4),
                annotation(OUTPUT_LOG_POLICY, 5),
            ))
        })
        .collect();
    sort(&mut hooks);
    hooks
}

#[test]
fn annotations_make_a_hook() {
    let hook = hook(
        "kind: Job\nmetadata:\n  name: a\n  annotations:\n    helm.sh/hook: \"post-install, PRE-upgrade,test-success\"\n    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: \"before-hook-creation, Hook-Succeeded\"\n    helm.sh/hook-output-log-policy: hook-failed\n",
    );
    assert_eq!(hook.events, ["post-install", "pre-upgrade", "test"]);
    assert_eq!(hook.weight, -5);
    assert_eq!(
        hook.delete_policies,
        ["before-hook-creation", "hook-succeeded"]
    );
    assert_eq!(hook.output_log_policies, ["hook-failed"]);
    assert_eq!((hook.kind.as_str(), hook.name.as_str()), ("Job", "a"));
    assert_eq!(hook.path, "web/templates/x.yaml");
    assert!(hook.manifest.starts_with("apiVersion: v1\nkind: Job\n"));
}

#[test]
fn the_text_of_a_hook_is_read() {
    let mut hook = hook(
        "kind: Secret\nmetadata: {name: a, annotations: {helm.sh/hook: test}}\nstringData:\n  a: b\n",
    );
    assert_eq!(objects(&hook).unwrap()[0].content["stringData"]["a"], "b");
    hook.manifest = String::from("a: b: c");
    assert_eq!(
        objects(&hook).unwrap_err().to_string(),
        "YAML parse error on web/templates/x.yaml: error converting YAML to JSON: yaml: line 1: mapping values are not allowed in this context"
    );
}

#[test]
fn what_is_no_hook_is_a_part_and_unknown_events_are_told() {
    let part = object("{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: {b: c}}}");
    assert_eq!(role(&part, ""), Role::Part);
    let unknown = object(
        "{apiVersion: v1, kind: Secret, metadata: {name: a, annotations: {helm.sh/hook: 'pre-install, crd-install'}}}",
    );
    assert_eq!(
        role(&unknown, ""),
        Role::Unknown {
            event: String::from("crd-install")
        }
    );
}

#[test]
fn documents_are_told_apart_and_sorted() {
    let document = |kind: &str, hook: &str| {
        let annotations = match hook {
            "" => String::new(),
            hook => format!(", annotations: {{helm.sh/hook: {hook}}}"),
        };
        Document::new(
            kind,
            format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: a{annotations}}}}}"),
        )
    };
    let separated = separate(vec![
        document("Deployment", ""),
        document("Job", "test"),
        document("Service", ""),
        document("Secret", "pre-install"),
        document("Role", "crd-install"),
        Document::new("List", "{apiVersion: v1, kind: RoleList, items: [{metadata: {name: a, annotations: {helm.sh/hook: test}}}]}"),
    ])
    .unwrap();
    let parts: Vec<&str> = separated
        .parts
        .iter()
        .map(|part| part.source.as_str())
        .collect();
    assert_eq!(parts, ["List", "Service", "Deployment"]);
    let hooks: Vec<&str> = separated
        .hooks
        .iter()
        .map(|hook| hook.kind.as_str())
        .collect();
    assert_eq!(hooks, ["Secret", "Job"]);
    let left = LeftOut {
        source: String::from("Role"),
        event: String::from("crd-install"),
    };
    assert_eq!(separated.left_out, [left]);
}

#[test]
fn a_weight_that_is_no_number_is_none() {
    assert_eq!(hooks(&["Job a heavy test"])[0].weight, 0);
    assert_eq!(hooks(&["Job a +3 test"])[0].weight, 3);
}

#[test]
fn hooks_run_by_weight_then_name_then_kind() {
    let hooks = hooks(&[
        "Job same 0 pre-install",
        "Secret same 0 pre-install",
        "Job b 0 pre-install",
        "Job z -1 pre-install,pre-upgrade",
        "Job other 0 pre-upgrade",
        "Job twice 7 test,test-success",
    ]);
    let run = |event| -> Vec<String> {
        of(&hooks, event)
            .into_iter()
            .map(|at| format!("{}/{}", hooks[at].kind, hooks[at].name))
            .collect()
    };
    assert_eq!(
        run(Event::PreInstall),
        ["Job/z", "Job/b", "Secret/same", "Job/same"]
    );
    assert_eq!(run(Event::PreUpgrade), ["Job/z", "Job/other"]);
    assert_eq!(run(Event::Test), ["Job/twice"]);
    assert_eq!(run(Event::PostDelete), Vec::<String>::new());
}

#[test]
fn policies_delete_hooks_but_never_definitions() {
    use DeletePolicy::{BeforeHookCreation, HookFailed, HookSucceeded};
    let hooks = hooks(&[
        "Job a 0 test",
        "Job b 0 test hook-succeeded,hook-failed",
        "CustomResourceDefinition c 0 test before-hook-creation,hook-succeeded",
    ]);
    let told = |name: &str| {
        let hook = hooks.iter().find(|hook| hook.name == name).unwrap();
        [BeforeHookCreation, HookSucceeded, HookFailed].map(|policy| deletes(hook, policy))
    };
    assert_eq!(told("a"), [true, false, false]);
    assert_eq!(told("b"), [false, true, true]);
    assert_eq!(told("c"), [false, false, false]);
}

#[test]
fn output_is_shown_of_jobs_and_pods() {
    let hooks = hooks(&[
        "Job a 0 test - hook-failed",
        "Secret b 0 test - hook-failed",
    ]);
    let told: Vec<_> = hooks
        .iter()
        .map(|hook| {
            (
                hook.kind.as_str(),
                shows_output(hook, false),
                shows_output(hook, true),
            )
        })
        .collect();
    assert_eq!(told, [("Secret", false, false), ("Job", true, false)]);
}

#[test]
fn objects_tell_how_a_hook_goes() {
    let live = |kind: &str, status: Value| -> Map<String, Value> {
        let Value::Object(live) = json!({
            "kind": kind, "metadata": {"name": "a", "annotations": {sight::RUN: "3"}}, "status": status,
        }) else {
            unreachable!()
        };
        live
    };
    let condition = |kind: &str, status: &str| json!({"conditions": [{"type": kind, "status": status, "reason": "BackoffLimitExceeded"}]});
    for (live, expected) in [
        (live("Job", json!({})), Sight::Running),
        (live("Job", condition("Failed", "False")), Sight::Running),
        (live("Job", condition("Complete", "True")), Sight::Succeeded),
        (
            live("Job", condition("Failed", "True")),
            Sight::Failed {
                why: String::from("job a failed: BackoffLimitExceeded"),
            },
        ),
        (live("Pod", json!({"phase": "Pending"})), Sight::Running),
        (live("Pod", json!({"phase": "Succeeded"})), Sight::Succeeded),
        (
            live("Pod", json!({"phase": "Failed"})),
            Sight::Failed {
                why: String::from("pod a failed"),
            },
        ),
        (live("Deployment", json!({})), Sight::Succeeded),
    ] {
        assert_eq!(sight::of([Some(&live)], "3"), expected);
        assert_eq!(sight::of([Some(&live)], "4"), Sight::Old);
    }
    let mut leaving = live("Job", json!({}));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-22T00:00:00Z");
    assert_eq!(sight::of([Some(&leaving)], "3"), Sight::Leaving);
    assert_eq!(sight::of([None], "3"), Sight::Absent);
    let done = live("Deployment", json!({}));
    assert_eq!(sight::of([Some(&done), None], "3"), Sight::Running);
}

#[test]
fn a_hook_that_wants_a_name_gets_one_of_the_run() {
    let named = |run: &str| {
        let mut object =
            object("{apiVersion: batch/v1, kind: Job, metadata: {generateName: migrate-}}");
        sight::mark(&mut object, run);
        object.name().to_owned()
    };
    assert_eq!(named("3/pre-upgrade"), named("3/pre-upgrade"));
    assert_ne!(named("3/pre-upgrade"), named("4/pre-upgrade"));
    assert!(named("3/pre-upgrade").starts_with("migrate-"));
}

/// A cluster that holds one object per hook: whose run it is of, and how it is.
#[derive(Default)]
struct World {
    objects: BTreeMap<usize, Sight>,
    /// What a created hook comes to; success where nothing is said.
    fate: BTreeMap<usize, Sight>,
    log: Vec<String>,
}

impl World {
    fn sight(&self, course: &Course) -> Sight {
        let seen = course.watched().and_then(|hook| self.objects.get(&hook));
        seen.cloned().unwrap_or(Sight::Absent)
    }

    fn act(&mut self, hooks: &[Hook], act: &Act) {
        let name = |at: &usize| hooks[*at].name.clone();
        match act {
            Act::Delete(at) => {
                self.log.push(format!("delete {}", name(at)));
                self.objects.remove(at);
            }
            Act::Create(at) => {
                self.log.push(format!("create {}", name(at)));
                self.objects.insert(*at, Sight::Running);
            }
            Act::Show(at) => self.log.push(format!("show {}", name(at))),
            Act::Wait(at) => {
                if self.objects.get(at) == Some(&Sight::Running) {
                    let fate = self.fate.get(at).cloned().unwrap_or(Sight::Succeeded);
                    self.objects.insert(*at, fate);
                }
            }
            Act::Look(_) => {}
            Act::Failed(failure) => self.log.push(format!("failed: {}", failure.message)),
            Act::Done => self.log.push(String::from("done")),
        }
    }
}

/// Runs a course to its end. `kill` says, by the number of the turn, where the asker dies: before it stores, before it acts, or after.
fn run(world: &mut World, hooks: &[Hook], kill: impl Fn(usize) -> Option<Kill>) -> Course {
    let mut stored =
        serde_json::to_string(&Course::begin(Event::PreUpgrade, "7/pre-upgrade", hooks, 0))
            .unwrap();
    for turn in 0..200 {
        let mut course: Course = serde_json::from_str(&stored).unwrap();
        let act = course.next(hooks, &world.sight(&course), turn as u64, 1000);
        let kill = kill(turn);
        if kill == Some(Kill::BeforeStoring) {
            continue;
        }
        stored = serde_json::to_string(&course).unwrap();
        if kill == Some(Kill::BeforeActing) {
            continue;
        }
        world.act(hooks, &act);
        if matches!(act, Act::Done | Act::Failed(_)) {
            return course;
        }
    }
    panic!("no end: {:?}", world.log);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kill {
    BeforeStoring,
    BeforeActing,
}

const THREE: &[&str] = &[
    "Job a 1 pre-upgrade hook-succeeded hook-succeeded",
    "Job b 2 pre-upgrade before-hook-creation,hook-succeeded,hook-failed hook-failed",
    "Secret c 3 pre-upgrade",
];

fn place(hooks: &[Hook], name: &str) -> usize {
    hooks.iter().position(|hook| hook.name == name).unwrap()
}

#[test]
fn hooks_run_in_order_and_succeeded_ones_go_in_reverse() {
    let hooks = hooks(THREE);
    let mut world = World::default();
    world.objects.insert(place(&hooks, "b"), Sight::Old);
    run(&mut world, &hooks, |_| None);
    assert_eq!(
        world.log,
        [
            "create a", "delete b", "create b", "create c", "delete b", "show a", "delete a",
            "done"
        ]
    );
}

#[test]
fn after_a_failure_the_failed_goes_and_then_those_before() {
    let hooks = hooks(THREE);
    let mut world = World::default();
    let why = String::from("job b failed: BackoffLimitExceeded");
    world.fate.insert(place(&hooks, "b"), Sight::Failed { why });
    let course = run(&mut world, &hooks, |_| None);
    assert_eq!(course.shown(), [place(&hooks, "b")]);
    assert_eq!(
        world.log,
        [
            "create a",
            "create b",
            "show b",
            "delete b",
            "delete a",
            "failed: job b failed: BackoffLimitExceeded"
        ]
    );
    let mut noted = hooks.clone();
    course.note(&mut noted, |unix| unix.to_string());
    let phases: Vec<_> = noted
        .iter()
        .map(|hook| (hook.name.as_str(), hook.last_run.phase.clone()))
        .collect();
    assert_eq!(
        phases,
        [
            ("c", Phase::Never),
            ("a", Phase::Succeeded),
            ("b", Phase::Failed)
        ]
    );
    assert!(noted[2].last_run.completed_at.is_some());
}

#[test]
fn wherever_it_is_killed_it_goes_on() {
    let hooks = hooks(THREE);
    for fails in [false, true] {
        let world = || {
            let mut world = World::default();
            world.objects.insert(place(&hooks, "b"), Sight::Old);
            if fails {
                let why = String::from("job b failed");
                world.fate.insert(place(&hooks, "b"), Sight::Failed { why });
            }
            world
        };
        let mut expected = world();
        run(&mut expected, &hooks, |_| None);
        for at in 0..20 {
            for kill in [Kill::BeforeStoring, Kill::BeforeActing] {
                let mut found = world();
                run(&mut found, &hooks, |turn| (turn == at).then_some(kill));
                // Output that nobody listened to is lost.
                let acts = |log: &[String]| -> Vec<String> {
                    log.iter()
                        .filter(|line| !line.starts_with("show"))
                        .cloned()
                        .collect()
                };
                assert_eq!(acts(&found.log), acts(&expected.log), "{kill:?} at {at}");
            }
        }
    }
}

#[test]
fn killed_after_creating_and_before_storing_it_creates_once() {
    let hooks = hooks(&["Job a 1 pre-upgrade"]);
    let mut course = Course::begin(Event::PreUpgrade, "7", &hooks, 0);
    // The object of this run is there, though nothing was stored of it.
    assert_eq!(course.next(&hooks, &Sight::Running, 1, 60), Act::Wait(0));
    assert_eq!(course.next(&hooks, &Sight::Succeeded, 2, 60), Act::Done);
}

#[test]
fn what_does_not_end_fails_in_time() {
    let hooks = hooks(&["Job a 1 pre-upgrade"]);
    let mut course = Course::begin(Event::PreUpgrade, "7", &hooks, 100);
    assert_eq!(course.next(&hooks, &Sight::Absent, 110, 60), Act::Create(0));
    assert_eq!(course.next(&hooks, &Sight::Running, 169, 60), Act::Wait(0));
    let Act::Failed(failure) = course.next(&hooks, &Sight::Running, 170, 60) else {
        panic!()
    };
    assert_eq!(
        Event::PreUpgrade.failed(&failure.message),
        "pre-upgrade hooks failed: pre-upgrade hook web/templates/x.yaml: Job \"a\" did not end: timed out waiting for the condition"
    );
}

#[test]
fn what_does_not_leave_fails_in_time() {
    let hooks = hooks(&["Job a 1 pre-upgrade"]);
    let mut course = Course::begin(Event::PreUpgrade, "7", &hooks, 0);
    assert_eq!(course.next(&hooks, &Sight::Old, 1, 60), Act::Delete(0));
    assert_eq!(course.next(&hooks, &Sight::Leaving, 59, 60), Act::Wait(0));
    assert_eq!(
        course.clone().next(&hooks, &Sight::Old, 60, 60),
        Act::Delete(0)
    );
    let Act::Failed(failure) = course.next(&hooks, &Sight::Leaving, 60, 60) else {
        panic!()
    };
    assert_eq!(
        failure.message,
        "pre-upgrade hook web/templates/x.yaml: Job \"a\" from before is still there: timed out waiting for the condition"
    );
}

#[test]
fn what_vanishes_is_not_taken_for_a_success() {
    let hooks = hooks(&["Job a 1 pre-upgrade"]);
    let mut course = Course::begin(Event::PreUpgrade, "7", &hooks, 0);
    assert_eq!(course.next(&hooks, &Sight::Absent, 1, 60), Act::Create(0));
    // Not there yet: it may not have been created.
    assert_eq!(course.next(&hooks, &Sight::Absent, 2, 60), Act::Create(0));
    assert_eq!(course.next(&hooks, &Sight::Running, 3, 60), Act::Wait(0));
    let Act::Failed(failure) = course.next(&hooks, &Sight::Absent, 4, 60) else {
        panic!()
    };
    assert_eq!(
        failure.message,
        "pre-upgrade hook web/templates/x.yaml: Job \"a\" was deleted before it was seen to end"
    );
}

#[test]
fn a_job_that_may_have_run_while_nobody_looked_is_not_run_again() {
    let text = |spec: &str| {
        hook(&format!(
            "kind: Job\nmetadata:\n  name: a\n  annotations:\n    helm.sh/hook: pre-upgrade\n{spec}"
        ))
    };
    let goes = [text("spec:\n  ttlSecondsAfterFinished: 100\n")];
    let mut course = Course::begin(Event::PreUpgrade, "7", &goes, 0);
    assert!(!course.missed(&goes, &Sight::Absent, 500));
    assert_eq!(course.next(&goes, &Sight::Absent, 1, 600), Act::Create(0));
    // Killed before it was created, or after: by now it would still be there.
    assert!(!course.missed(&goes, &Sight::Absent, 101));
    assert!(!course.missed(&goes, &Sight::Running, 102));
    assert!(course.missed(&goes, &Sight::Absent, 102));
    let Act::Failed(failure) = course.next(&goes, &Sight::Absent, 102, 600) else {
        panic!()
    };
    assert_eq!(
        failure.message,
        "pre-upgrade hook web/templates/x.yaml: Job \"a\" was not seen: it may have run and be gone (ttlSecondsAfterFinished), and is not run twice"
    );
    let stays = [text("spec: {}\n")];
    let mut course = Course::begin(Event::PreUpgrade, "7", &stays, 0);
    course.next(&stays, &Sight::Absent, 1, 600);
    assert!(!course.missed(&stays, &Sight::Absent, 500));
    assert_eq!(
        course.next(&stays, &Sight::Absent, 500, 600),
        Act::Create(0)
    );
}

#[test]
fn what_the_cluster_refuses_fails_the_event() {
    let hooks = hooks(&[
        "Job a 1 pre-install hook-succeeded",
        "Job b 2 pre-install hook-failed",
    ]);
    let mut course = Course::begin(Event::PreInstall, "1", &hooks, 0);
    course.next(&hooks, &Sight::Succeeded, 1, 60);
    assert_eq!(course.next(&hooks, &Sight::Absent, 2, 60), Act::Create(1));
    course.refused(&hooks, "jobs.batch is forbidden", 3);
    // Somebody else's object under this name is left alone.
    assert_eq!(course.next(&hooks, &Sight::Old, 4, 60), Act::Look(0));
    assert_eq!(
        course.next(&hooks, &Sight::Succeeded, 5, 60),
        Act::Delete(0)
    );
    let Act::Failed(failure) = course.next(&hooks, &Sight::Absent, 6, 60) else {
        panic!()
    };
    assert_eq!(
        Event::PreInstall.failed(&failure.message),
        "failed pre-install: warning: Hook pre-install web/templates/x.yaml failed: jobs.batch is forbidden"
    );
}

#[test]
fn an_event_without_hooks_is_over() {
    let mut course = Course::begin(Event::Test, "1", &[], 0);
    assert_eq!(course.watched(), None);
    assert_eq!(course.next(&[], &Sight::Absent, 0, 60), Act::Done);
}

#[test]
fn tests_run_by_their_names() {
    let hooks = hooks(&[
        "Pod a 0 test",
        "Pod b 0 test",
        "Pod c -1 test",
        "Job a 0 pre-install",
    ]);
    let names = |only: &[&str], except: &[&str]| -> Vec<String> {
        let list = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect();
        let test = Test {
            timeout: std::time::Duration::from_secs(1),
            ignore_failures: false,
            only: list(only),
            except: list(except),
        };
        let places = tests_of(&hooks, &test).into_iter();
        places.map(|place| hooks[place].name.clone()).collect()
    };
    assert_eq!(names(&[], &[]), ["c", "a", "b"]);
    assert_eq!(names(&["b", "a"], &[]), ["a", "b"]);
    assert_eq!(names(&[], &["a"]), ["c", "b"]);
    assert_eq!(names(&["a", "b"], &["a"]), ["b"]);
    assert_eq!(names(&["nobody"], &[]), [""; 0]);
}
