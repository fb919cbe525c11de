use oarlock_core::reference::{Gvk, ObjectRef, ResourceVersion};
use oarlock_core::timestamp::Timestamp;

use super::{MOST_APART, PATIENCE, Priority, Queue};

fn key(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("g", "v1", "K"), Some("ns"), name)
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn other(name: &str) -> ObjectRef {
    ObjectRef::new(Gvk::new("g", "v1", "Other"), None, name)
}

fn take(queue: &mut Queue, now: u64) -> Option<ObjectRef> {
    queue.take(at(now), |_| 9).map(|taken| taken.key)
}

fn drain(queue: &mut Queue, now: u64) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(taken) = queue.take(at(now), |_| usize::MAX) {
        names.push(taken.key.name.clone());
        queue.done(&taken.key, &[], None);
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
    assert_eq!(take(&mut queue, 0), Some(key("a")));
    queue.add(&key("a"), Priority::Live, None);
    queue.press(&key("a"), Priority::Live, None);
    queue.schedule(&key("a"), at(0), Priority::Timer);
    assert_eq!(take(&mut queue, 1), None);
    queue.done(&key("a"), &[], None);
    assert_eq!(take(&mut queue, 1), Some(key("a")));
}

#[test]
fn a_run_is_not_repeated_for_what_it_wrote_itself() {
    let version = |v: &str| (key("child"), ResourceVersion(v.to_owned()));
    for (written, repeated) in [("7", false), ("6", true)] {
        let mut queue = Queue::default();
        queue.add(&key("a"), Priority::Live, None);
        assert!(take(&mut queue, 0).is_some());
        queue.add(&key("a"), Priority::Live, Some(version("7")));
        queue.done(&key("a"), &[version(written)], None);
        assert_eq!(take(&mut queue, 0).is_some(), repeated, "wrote {written}");
    }
}

#[test]
fn a_watch_has_at_most_so_many_runs() {
    let mut queue = Queue::default();
    for name in ["a", "b", "c"] {
        queue.add(&key(name), Priority::Live, None);
    }
    queue.add(&other("z"), Priority::Resync, None);
    let limit = |gvk: &Gvk| if gvk.kind == "K" { 2 } else { 1 };
    let taken: Vec<_> = std::iter::from_fn(|| queue.take(at(0), limit))
        .map(|taken| taken.key.name)
        .collect();
    assert_eq!(taken, ["a", "b", "z"]);
    queue.done(&key("a"), &[], None);
    let next = queue.take(at(0), limit);
    assert_eq!(next.map(|taken| taken.key), Some(key("c")));
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

#[test]
fn watches_take_turns_within_a_priority() {
    let mut queue = Queue::default();
    for number in 0..6 {
        queue.add(&key(&format!("k{number}")), Priority::Live, None);
    }
    for number in 0..2 {
        queue.add(&other(&format!("o{number}")), Priority::Live, None);
    }
    assert_eq!(
        drain(&mut queue, 0),
        ["k0", "o0", "k1", "o1", "k2", "k3", "k4", "k5"]
    );
    // Having had nothing to do for a while is no credit: the turns go on.
    queue.add(&key("k"), Priority::Timer, None);
    queue.add(&other("o"), Priority::Live, None);
    assert_eq!(drain(&mut queue, 0), ["o", "k"], "priority before turns");
}

#[test]
fn a_stream_of_live_changes_puts_nothing_off_for_ever() {
    let mut queue = Queue::default();
    queue.add(&key("patient"), Priority::Resync, None);
    let mut runs = 0;
    loop {
        queue.add(&key(&format!("live-{runs}")), Priority::Live, None);
        runs += 1;
        let taken = take(&mut queue, 0).unwrap_or_else(|| panic!("nobody waits"));
        queue.done(&taken, &[], None);
        if taken.name == "patient" {
            break;
        }
        assert!(runs <= PATIENCE, "it still waits after {runs} runs");
    }
}

#[test]
fn an_object_that_keeps_changing_is_not_put_off() {
    let mut queue = Queue::default();
    queue.add(&key("restless"), Priority::Live, None);
    queue.add(&key("b"), Priority::Live, None);
    for _ in 0..1000 {
        queue.add(&key("restless"), Priority::Live, None);
    }
    assert_eq!(drain(&mut queue, 0), ["restless", "b"]);
}

#[test]
fn a_held_object_runs_once_when_the_hold_ends_however_much_happens() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Live, None);
    take(&mut queue, 0);
    queue.done(&key("a"), &[], Some(at(1000)));
    queue.schedule(&key("a"), at(60_000), Priority::Timer);
    for _ in 0..1000 {
        queue.add(&key("a"), Priority::Live, None);
    }
    assert_eq!(queue.next_timer(), Some(at(1000)), "sooner than its timer");
    assert_eq!(take(&mut queue, 999), None);
    assert_eq!(take(&mut queue, 1000), Some(key("a")));
    queue.done(&key("a"), &[], None);
    assert_eq!(take(&mut queue, 100_000), None, "once");
    assert!(queue.items.is_empty());
}

#[test]
fn a_hold_never_puts_a_timer_off() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Live, None);
    take(&mut queue, 0);
    queue.done(&key("a"), &[], Some(at(1000)));
    queue.schedule(&key("a"), at(100), Priority::Timer);
    queue.add(&key("a"), Priority::Live, None);
    assert_eq!(take(&mut queue, 100), Some(key("a")));
}

#[test]
fn what_presses_does_not_wait_for_the_end_of_a_hold() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Live, None);
    take(&mut queue, 0);
    // Both while the run is going on and afterwards.
    queue.add(&key("a"), Priority::Live, None);
    queue.press(&key("a"), Priority::Live, None);
    queue.done(&key("a"), &[], Some(at(1000)));
    assert_eq!(take(&mut queue, 1), Some(key("a")));
    queue.done(&key("a"), &[], Some(at(1000)));
    assert_eq!(take(&mut queue, 1), None);
    queue.press(&key("a"), Priority::Live, None);
    assert_eq!(take(&mut queue, 1), Some(key("a")));
}

#[test]
fn a_storm_during_a_run_is_kept_in_bounded_room_and_causes_one_more_run() {
    let mut queue = Queue::default();
    queue.add(&key("a"), Priority::Live, None);
    take(&mut queue, 0);
    let version = |n: u32| (key("child"), ResourceVersion(n.to_string()));
    for n in 0..10_000 {
        queue.add(&key("a"), Priority::Live, Some(version(n)));
        let super::State::Running(waiting) = &queue.items[&key("a")].state else {
            panic!("it runs");
        };
        assert!(waiting.len() <= MOST_APART);
    }
    queue.done(&key("a"), &[version(9_999)], None);
    assert_eq!(drain(&mut queue, 0), ["a"]);
}

#[test]
fn a_full_watch_with_a_long_backlog_costs_nothing_per_take() {
    let mut queue = Queue::default();
    for number in 0..200_000 {
        queue.add(&key(&number.to_string()), Priority::Live, None);
    }
    let asked = std::cell::Cell::new(0);
    let limit = |gvk: &Gvk| {
        asked.set(asked.get() + 1);
        if gvk.kind == "K" { 0 } else { 1 }
    };
    for _ in 0..1000 {
        queue.add(&other("o"), Priority::Live, None);
        let taken = queue.take(at(0), limit);
        assert_eq!(taken.map(|taken| taken.key), Some(other("o")));
        queue.done(&other("o"), &[], None);
    }
    // Once per watch and take, and not per waiting object.
    assert_eq!(asked.get(), 2000);
}

#[test]
fn waiting_is_timed_from_the_first_request() {
    let mut queue = Queue::default();
    queue.tell(at(10));
    queue.add(&key("a"), Priority::Resync, None);
    queue.tell(at(20));
    queue.add(&key("a"), Priority::Live, None);
    let taken = queue.take(at(50), |_| 1);
    assert_eq!(taken.map(|taken| taken.since), Some(at(10)));
    let adds: u64 = queue.lanes().map(|(_, lane)| lane.adds).sum();
    assert_eq!(adds, 1, "a request that is raised is no other request");
}
