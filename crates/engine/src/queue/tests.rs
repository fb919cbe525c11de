use oarlock_core::reference::{Gvk, ObjectRef, ResourceVersion};
use oarlock_core::timestamp::Timestamp;

use super::{Priority, Queue};

fn key(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("g", "v1", "K"), Some("ns"), name)
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn drain(queue: &mut Queue, now: u64) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(key) = queue.take(at(now), |_| usize::MAX) {
        names.push(key.name.clone());
        queue.done(&key, &[]);
    }
    names
}

#[test]
fn live_changes_go_before_timers_and_timers_before_resyncs() {
    let mut queue = Queue::default();
    queue.add(&key("resync"), Priority::Resync, None);
    queue.schedule(&key("timer"), at(5), Priority::Timer);
    queue.add(&key("live-1"), Priority::Live, None);
    queue.add(&key("live-2"), Priority::Live, None);
    assert_eq!(
        drain(&mut queue, 5),
        ["live-1", "live-2", "timer", "resync"]
    );
    assert_eq!(
        queue.items.len(),
        0,
        "nothing is remembered of idle objects"
    );
}

#[test]
fn a_request_is_raised_but_never_lowered_and_never_doubled() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Resync, None);
    queue.add(&key("b"), Priority::Live, None);
    queue.add(&key("a"), Priority::Live, None);
    queue.add(&key("b"), Priority::Resync, None);
    assert_eq!(drain(&mut queue, 0), ["b", "a"]);
}

#[test]
fn timers_wait_and_the_last_one_counts() {
    let mut queue = Queue::default();
    queue.schedule(&key("a"), at(10), Priority::Timer);
    queue.schedule(&key("a"), at(20), Priority::Timer);
    assert_eq!(queue.next_timer(), Some(at(20)));
    assert_eq!(drain(&mut queue, 19), [] as [&str; 0]);
    assert_eq!(drain(&mut queue, 20), ["a"]);
    assert_eq!(queue.next_timer(), None);
}

#[test]
fn an_object_never_runs_twice_at_once() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Live, None);
    let running = queue.take(at(0), |_| 9);
    assert_eq!(running, Some(key("a")));
    queue.add(&key("a"), Priority::Live, None);
    assert_eq!(queue.take(at(0), |_| 9), None);
    queue.done(&key("a"), &[]);
    assert_eq!(queue.take(at(0), |_| 9), Some(key("a")));
}

#[test]
fn a_run_is_not_repeated_for_what_it_wrote_itself() {
    let version = |v: &str| (key("child"), ResourceVersion(v.to_owned()));
    for (written, repeated) in [("7", false), ("6", true)] {
        let mut queue = Queue::default();
        queue.add(&key("a"), Priority::Live, None);
        assert!(queue.take(at(0), |_| 9).is_some());
        queue.add(&key("a"), Priority::Live, Some(version("7")));
        queue.done(&key("a"), &[version(written)]);
        assert_eq!(
            queue.take(at(0), |_| 9).is_some(),
            repeated,
            "wrote {written}"
        );
    }
}

#[test]
fn a_watch_has_at_most_so_many_runs() {
    let mut queue = Queue::default();
    for name in ["a", "b", "c"] {
        queue.add(&key(name), Priority::Live, None);
    }
    let other = ObjectRef::new(Gvk::new("g", "v1", "Other"), None, "z");
    queue.add(&other, Priority::Resync, None);
    let limit = |gvk: &Gvk| if gvk.kind == "K" { 2 } else { 1 };
    let taken: Vec<_> = std::iter::from_fn(|| queue.take(at(0), limit))
        .map(|k| k.name)
        .collect();
    assert_eq!(taken, ["a", "b", "z"]);
    queue.done(&key("a"), &[]);
    assert_eq!(queue.take(at(0), limit), Some(key("c")));
}

#[test]
fn a_forgotten_object_is_gone() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Live, None);
    queue.schedule(&key("a"), at(1), Priority::Timer);
    queue.forget(&key("a"));
    assert_eq!(drain(&mut queue, 9), [] as [&str; 0]);
    assert!(queue.items.is_empty());
}
