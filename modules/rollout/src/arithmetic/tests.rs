//! Tables: what is written down in numbers. `properties` has what holds for all of them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod chance;
mod model;
mod properties;
mod world;

use super::{Count, IntOrPercent, Routing, Sizes, Split, Surge, Weights, resize, routed, split};

const NONE: Surge = surge(0, 1);
const SOME: Surge = surge(1, 0);

const fn surge(max_surge: u32, max_unavailable: u32) -> Surge {
    Surge {
        max_surge,
        max_unavailable,
    }
}

fn pair(replicas: u32, weight: u32, surge: Surge) -> (u32, u32) {
    let split = split(replicas, weight, surge);
    (split.canary, split.stable)
}

#[test]
fn row_01_without_surge_weights_are_rounded_to_the_nearest_but_never_none_or_all() {
    for (replicas, expected) in [
        (0, [(0, 0), (0, 0), (0, 0), (0, 0)]),
        (1, [(0, 1), (0, 1), (1, 0), (1, 0)]),
        (2, [(1, 1), (1, 1), (1, 1), (2, 0)]),
        (3, [(1, 2), (1, 2), (2, 1), (3, 0)]),
        (4, [(1, 3), (1, 3), (2, 2), (4, 0)]),
        (10, [(1, 9), (3, 7), (6, 4), (10, 0)]),
        (20, [(2, 18), (6, 14), (12, 8), (20, 0)]),
        (100, [(10, 90), (30, 70), (60, 40), (100, 0)]),
    ] {
        let found = [10, 30, 60, 100].map(|weight| pair(replicas, weight, NONE));
        assert_eq!(found, expected, "{replicas}");
    }
}

#[test]
fn row_01_with_surge_one_more_pod_comes_nearer_to_the_weight() {
    for (replicas, expected) in [
        (0, [(0, 0), (0, 0), (0, 0), (0, 0)]),
        (1, [(1, 1), (1, 1), (1, 1), (1, 0)]),
        (2, [(1, 2), (1, 2), (2, 1), (2, 0)]),
        (3, [(1, 3), (1, 2), (2, 1), (3, 0)]),
        (4, [(1, 4), (1, 3), (3, 2), (4, 0)]),
        (10, [(1, 9), (3, 7), (6, 4), (10, 0)]),
        (20, [(2, 18), (6, 14), (12, 8), (20, 0)]),
        (100, [(10, 90), (30, 70), (60, 40), (100, 0)]),
    ] {
        let found = [10, 30, 60, 100].map(|weight| pair(replicas, weight, SOME));
        assert_eq!(found, expected, "{replicas}");
    }
}

#[test]
fn row_01_halves_are_rounded_up_and_the_ends_keep_one() {
    let edges = |replicas, surge| [1, 50, 99].map(|weight| pair(replicas, weight, surge));
    assert_eq!(edges(1, NONE), [(0, 1), (1, 0), (1, 0)]);
    assert_eq!(edges(2, NONE), [(1, 1), (1, 1), (1, 1)]);
    assert_eq!(edges(3, NONE), [(1, 2), (2, 1), (2, 1)]);
    assert_eq!(edges(10, NONE), [(1, 9), (5, 5), (9, 1)]);
    assert_eq!(edges(100, NONE), [(1, 99), (50, 50), (99, 1)]);
    assert_eq!(edges(1, SOME), [(1, 1), (1, 1), (1, 1)]);
    assert_eq!(edges(2, SOME), [(1, 2), (1, 1), (2, 1)]);
    assert_eq!(edges(3, SOME), [(1, 3), (2, 2), (3, 1)]);
    assert_eq!(edges(10, SOME), [(1, 10), (5, 5), (10, 1)]);
    assert_eq!(edges(100, SOME), [(1, 99), (50, 50), (99, 1)]);
    // Between a fifth and a quarter of ten, the eleventh Pod decides.
    let tens = [18, 19, 20, 23, 24, 25, 26].map(|weight| pair(10, weight, SOME));
    assert_eq!(
        tens,
        [(2, 9), (2, 9), (2, 8), (2, 8), (3, 8), (3, 8), (3, 8)]
    );
}

#[test]
fn half_a_pod_from_all_of_them_stays_with_the_stable_version() {
    for (replicas, weight) in [(2, 75), (5, 90), (10, 95), (25, 98), (50, 99)] {
        assert_eq!(pair(replicas, weight, NONE), (replicas - 1, 1));
    }
}

#[test]
fn row_02_no_replicas_are_split_into_none() {
    for weight in 0..=101 {
        assert_eq!(pair(0, weight, NONE), (0, 0));
        assert_eq!(pair(0, weight, SOME), (0, 0));
    }
}

#[test]
fn weights_beyond_all_are_all() {
    assert_eq!(pair(10, 1000, SOME), (10, 0));
    assert_eq!(pair(u32::MAX, 100, SOME), (u32::MAX, 0));
}

#[test]
fn percentages_of_the_surge_are_rounded_up_and_of_the_unavailable_down() {
    let quarter = |replicas| Surge::of(replicas, IntOrPercent::DEFAULT, IntOrPercent::DEFAULT);
    assert_eq!(quarter(0), surge(0, 1));
    assert_eq!(quarter(1), surge(1, 0));
    assert_eq!(quarter(3), surge(1, 0));
    assert_eq!(quarter(4), surge(1, 1));
    assert_eq!(quarter(10), surge(3, 2));
    assert_eq!(quarter(100), surge(25, 25));
    let none = IntOrPercent::Int(0);
    assert_eq!(Surge::of(3, none, IntOrPercent::Percent(25)), surge(0, 1));
    assert_eq!(Surge::of(10, none, none), surge(0, 1));
    assert_eq!(
        Surge::of(4, IntOrPercent::Percent(200), IntOrPercent::Int(9)),
        surge(8, 4)
    );
    assert_eq!((surge(3, 2).ceiling(10), surge(3, 2).floor(10)), (13, 8));
    assert_eq!(surge(0, 0).floor(10), 9);
}

#[test]
fn a_number_or_a_percentage_is_read_and_written_as_people_write_it() {
    for (text, expected) in [
        ("3", IntOrPercent::Int(3)),
        ("0", IntOrPercent::Int(0)),
        ("\"25%\"", IntOrPercent::Percent(25)),
        ("\"0%\"", IntOrPercent::Percent(0)),
        ("\"150%\"", IntOrPercent::Percent(150)),
    ] {
        let read: IntOrPercent = serde_json::from_str(text).unwrap();
        assert_eq!(read, expected);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}

#[test]
fn what_is_neither_is_refused_with_what_was_expected() {
    let refusal = |text: &str| {
        serde_json::from_str::<IntOrPercent>(text)
            .unwrap_err()
            .to_string()
    };
    let expected = "expected a number of Pods such as 3, or a percentage such as \"25%\"";
    assert_eq!(
        refusal("\"25\""),
        format!(
            "{expected}, found \"25\"\n\
             hint: write 25 for Pods, or \"25%\" for a share of the replicas at line 1 column 4"
        )
    );
    for (text, found) in [
        ("-1", "-1"),
        ("2.5", "2.5"),
        ("3000000000", "3000000000"),
        ("\"a quarter\"", "\"a quarter\""),
        ("\"%\"", "\"%\""),
        ("\"-5%\"", "\"-5%\""),
        ("\"2.5%\"", "\"2.5%\""),
        ("\"+5%\"", "\"+5%\""),
        ("\"99999999999%\"", "\"99999999999%\""),
    ] {
        let message = refusal(text);
        assert!(
            message.starts_with(&format!("{expected}, found {found}")),
            "{message}"
        );
    }
    assert!(refusal("true").contains(expected), "{}", refusal("true"));
}

/// Numbers of the new version, of the stable one and of older ones, all there and so many of them available.
type Pods = (u32, u32);

fn at((wanted, available): Pods) -> Count {
    Count {
        wanted,
        running: wanted,
        available,
    }
}

#[track_caller]
fn moves(
    (replicas, weight, surge): (u32, u32, Surge),
    canary: Pods,
    stable: Pods,
    expected: (u32, u32),
) {
    let goal = split(replicas, weight, surge);
    let next = resize(replicas, goal, surge, at(canary), at(stable), &[]);
    assert_eq!((next.canary, next.stable), expected);
}

#[test]
fn row_05_what_serves_stays_until_others_serve() {
    let rule = (10, 30, surge(3, 0));
    moves(rule, (0, 0), (10, 10), (3, 10));
    moves(rule, (3, 0), (10, 10), (3, 10));
    moves(rule, (3, 2), (10, 10), (3, 8));
    moves(rule, (3, 3), (10, 10), (3, 7));
    let rule = (10, 30, surge(0, 5));
    moves(rule, (0, 0), (10, 10), (0, 7));
    moves(rule, (0, 0), (7, 7), (3, 7));
}

#[test]
fn row_05_pods_that_go_already_are_not_counted_on() {
    let stable = Count {
        wanted: 7,
        running: 9,
        available: 9,
    };
    let goal = split(10, 60, surge(3, 2));
    let next = resize(10, goal, surge(3, 2), at((3, 3)), stable, &[]);
    // Twelve are there, so one may come; ten of those that stay serve, so two may go.
    assert_eq!((next.canary, next.stable), (4, 5));
}

#[test]
fn row_06_the_surge_is_for_all_versions_together() {
    moves((10, 100, surge(3, 2)), (6, 6), (4, 4), (9, 2));
    moves((10, 100, surge(3, 2)), (9, 2), (4, 4), (9, 4));
    moves((3, 99, surge(0, 2)), (0, 0), (1, 1), (2, 1));
    let leaving = Count {
        wanted: 1,
        running: 4,
        available: 4,
    };
    let goal = split(10, 100, surge(3, 0));
    let next = resize(10, goal, surge(3, 0), at((9, 9)), leaving, &[]);
    assert_eq!((next.canary, next.stable), (9, 1));
}

#[test]
fn row_11_abort_grows_the_stable_before_the_canary_shrinks() {
    let careful = (4, 0, surge(1, 0));
    moves(careful, (4, 4), (0, 0), (4, 1));
    moves(careful, (4, 4), (1, 0), (4, 1));
    moves(careful, (4, 4), (1, 1), (3, 1));
    moves(careful, (3, 3), (1, 1), (3, 2));
    moves((10, 0, surge(3, 2)), (6, 6), (4, 4), (4, 7));
    // Broken Pods of the new version hold nothing up.
    moves((10, 0, surge(3, 0)), (6, 0), (4, 4), (6, 7));
    moves((10, 0, surge(3, 0)), (6, 0), (7, 7), (3, 7));
}

#[test]
fn row_14_a_broken_stable_version_does_not_stop_a_fix() {
    moves((4, 100, surge(1, 0)), (1, 1), (4, 1), (1, 3));
    moves((10, 10, surge(1, 0)), (1, 0), (10, 0), (1, 10));
    moves((10, 10, surge(1, 0)), (1, 1), (10, 0), (1, 9));
    moves((10, 10, surge(0, 1)), (0, 0), (10, 0), (0, 9));
    moves((10, 10, surge(0, 1)), (0, 0), (9, 0), (1, 9));
}

#[test]
fn a_passing_weakness_costs_the_stable_version_no_pods() {
    // All ten are there and none is ready: eight of them stay until others serve.
    moves((10, 100, surge(3, 2)), (3, 0), (10, 0), (3, 8));
    moves((10, 100, surge(3, 2)), (5, 0), (8, 0), (5, 8));
    moves((10, 100, surge(3, 2)), (5, 4), (8, 0), (5, 4));
}

#[test]
fn row_03_fewer_replicas_take_from_both_and_more_give_to_both() {
    moves((10, 10, surge(3, 2)), (2, 2), (18, 18), (1, 9));
    moves((20, 10, surge(5, 5)), (1, 1), (9, 9), (2, 18));
    // Five of twenty serve: of those, none goes.
    moves((10, 10, surge(3, 2)), (2, 2), (18, 3), (2, 9));
    moves((0, 10, surge(0, 1)), (2, 2), (18, 18), (0, 0));
}

fn older(
    surge: Surge,
    goal: (u32, u32),
    tracks: [Pods; 2],
    others: &[Pods],
    expected: (u32, u32, &[u32]),
) {
    let goal = Split {
        canary: goal.0,
        stable: goal.1,
    };
    let others: Vec<Count> = others.iter().copied().map(at).collect();
    let next = resize(10, goal, surge, at(tracks[0]), at(tracks[1]), &others);
    let expected = Sizes {
        canary: expected.0,
        stable: expected.1,
        older: expected.2.to_vec(),
    };
    assert_eq!(next, expected);
}

#[test]
fn row_10_a_third_version_drains_the_second_first() {
    let goal = (1, 9);
    older(SOME, goal, [(0, 0), (4, 4)], &[(6, 6)], (0, 5, &[6]));
    older(SOME, goal, [(0, 0), (5, 5)], &[(6, 6)], (0, 5, &[5]));
    // Without surge one has to go first.
    older(NONE, goal, [(0, 0), (4, 4)], &[(6, 6)], (0, 4, &[5]));
    older(NONE, goal, [(0, 0), (4, 4)], &[(5, 5)], (0, 5, &[5]));
    // Even if nobody allowed one to be missing.
    older(surge(0, 0), goal, [(0, 0), (4, 4)], &[(6, 6)], (0, 4, &[5]));
    // A broken second one leaves at once, and the others take its place when its Pods are gone.
    older(SOME, goal, [(0, 0), (4, 4)], &[(6, 0)], (0, 5, &[0]));
    older(SOME, goal, [(0, 0), (5, 5)], &[(0, 0)], (1, 9, &[0]));
    // The first of several goes first.
    older(
        surge(0, 3),
        goal,
        [(0, 0), (4, 4)],
        &[(2, 2), (4, 4)],
        (0, 4, &[0, 3]),
    );
    // They go before what shrinks besides.
    older(
        surge(0, 3),
        (9, 1),
        [(0, 0), (4, 4)],
        &[(6, 6)],
        (0, 4, &[3]),
    );
}

#[test]
fn row_14_a_fix_replaces_a_broken_stable_version_and_one_that_was_on_its_way() {
    older(NONE, (10, 0), [(0, 0), (4, 0)], &[(6, 6)], (0, 3, &[6]));
    older(NONE, (10, 0), [(0, 0), (3, 0)], &[(6, 6)], (1, 3, &[6]));
}

#[test]
fn routed_versions_have_what_their_traffic_needs() {
    let plain = Routing::default();
    let both = |weight, routing| {
        let split = routed(10, weight, routing);
        (split.canary, split.stable)
    };
    assert_eq!(
        [0, 1, 10, 55, 99, 100, 101].map(|weight| both(weight, plain)),
        [
            (0, 10),
            (1, 10),
            (1, 10),
            (6, 10),
            (10, 10),
            (10, 10),
            (10, 10)
        ]
    );
    let dynamic = Routing {
        dynamic_stable: true,
        ..plain
    };
    assert_eq!(
        [0, 1, 10, 55, 99, 100].map(|weight| both(weight, dynamic)),
        [(0, 10), (1, 10), (1, 9), (6, 5), (10, 1), (10, 0)]
    );
    let thousand = Routing {
        total: 1000,
        ..dynamic
    };
    assert_eq!(
        [1, 100, 101, 999, 1000].map(|weight| both(weight, thousand)),
        [(1, 10), (1, 9), (2, 9), (10, 1), (10, 0)]
    );
    let pairs = Routing {
        least: 2,
        ..dynamic
    };
    assert_eq!(
        [0, 1, 99, 100].map(|weight| both(weight, pairs)),
        [(0, 10), (2, 10), (10, 2), (10, 0)]
    );
    let many = Routing { least: 20, ..plain };
    assert_eq!(both(1, many), (10, 10));
    assert_eq!(routed(0, 50, pairs), split(0, 50, NONE));
}

#[test]
fn row_12_scale_follows_traffic_and_never_leads_it_down() {
    let at = |canary, dynamic_stable| Routing {
        actual: Some(Weights {
            canary,
            stable: 100 - canary,
        }),
        dynamic_stable,
        ..Routing::default()
    };
    let both = |weight, routing| {
        let split = routed(10, weight, routing);
        (split.canary, split.stable)
    };
    // Given up at 60 percent, which the router still sends to it.
    assert_eq!(both(0, at(60, true)), (6, 10));
    assert_eq!(both(0, at(60, false)), (6, 10));
    assert_eq!(both(0, at(0, true)), (0, 10));
    // On the way up, the stable version keeps what it still gets.
    assert_eq!(both(60, at(30, true)), (6, 7));
    assert_eq!(both(60, at(60, true)), (6, 4));
}

#[test]
fn row_05_pods_that_are_on_their_way_out_are_not_counted_on() {
    // The stable version was just told to shrink to one, and grows again before its second Pod is gone.
    let stable = Count {
        wanted: 1,
        running: 1,
        available: 2,
    };
    let canary = Count {
        wanted: 2,
        running: 2,
        available: 2,
    };
    let goal = Split {
        canary: 0,
        stable: 3,
    };
    let next = resize(3, goal, SOME, canary, stable, &[]);
    assert_eq!((next.canary, next.stable), (2, 2));
}
