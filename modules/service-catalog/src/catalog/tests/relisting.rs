//! When a catalog is fetched.

use crate::catalog::relist::{
    Because, Behavior, DEFAULT_INTERVAL, Memory, Relist, SHORTEST_INTERVAL, Wish, decide,
};
use crate::osb::catalog::Marker;

const NOW: u64 = 1_000_000_000;

fn wish() -> Wish {
    Wish {
        interval: Some(600_000),
        generation: 1,
        ..Wish::default()
    }
}

fn marker() -> Marker {
    Marker {
        etag: Some("\"v1\"".to_owned()),
        last_modified: None,
    }
}

fn memory() -> Memory {
    Memory::default().succeeded(&wish(), NOW, Some(marker()))
}

fn now(because: Because, conditional: bool) -> Relist {
    Relist::Now {
        because,
        conditional,
    }
}

#[test]
fn a_catalog_is_fetched_first_then_by_duration_and_by_its_tag() {
    assert_eq!(
        decide(&wish(), &Memory::default(), NOW),
        now(Because::First, false)
    );
    assert_eq!(
        decide(&wish(), &memory(), NOW + 1),
        Relist::At(NOW + 600_000)
    );
    assert_eq!(
        decide(&wish(), &memory(), NOW + 600_000),
        now(Because::Due, true)
    );
    let unmarked = Memory {
        marker: Marker::default(),
        ..memory()
    };
    assert_eq!(
        decide(&wish(), &unmarked, NOW + 600_000),
        now(Because::Due, false)
    );
    // Not modified: the tag stays.
    assert_eq!(memory().succeeded(&wish(), NOW + 9, None).marker, marker());
}

#[test]
fn an_interval_has_a_default_and_a_floor() {
    let of = |interval| decide(&Wish { interval, ..wish() }, &memory(), NOW);
    assert_eq!(of(None), Relist::At(NOW + DEFAULT_INTERVAL));
    assert_eq!(of(Some(1)), Relist::At(NOW + SHORTEST_INTERVAL));
}

#[test]
fn who_asks_gets_the_whole_catalog() {
    let asked = Wish {
        requests: 1,
        ..wish()
    };
    assert_eq!(decide(&asked, &memory(), NOW), now(Because::Request, false));
    let answered = memory().succeeded(&asked, NOW, Some(marker()));
    assert_eq!(decide(&asked, &answered, NOW), Relist::At(NOW + 600_000));
}

#[test]
fn a_manual_broker_is_asked_only_on_request_or_change() {
    let manual = Wish {
        behavior: Behavior::Manual,
        ..wish()
    };
    assert_eq!(decide(&manual, &memory(), NOW * 9), Relist::OnRequest);
    assert_eq!(
        decide(&manual, &Memory::default(), NOW),
        now(Because::First, false)
    );
    assert_eq!(
        decide(
            &Wish {
                requests: 1,
                ..manual.clone()
            },
            &memory(),
            NOW
        ),
        now(Because::Request, false)
    );
    assert_eq!(
        decide(
            &Wish {
                generation: 2,
                ..manual
            },
            &memory(),
            NOW
        ),
        now(Because::Changed, false)
    );
}

/// Nobody can see that a Secret has changed; who is called may be called for it.
#[test]
fn row_32_whoever_was_denied_asks_when_anything_changes() {
    let mut failed = memory();
    for _ in 0..9 {
        failed = failed.failed(&wish(), NOW + 10, true, None);
    }
    assert_eq!(
        decide(&wish(), &failed, NOW + 5_009),
        Relist::At(NOW + 10 + 600_000)
    );
    assert_eq!(
        decide(&wish(), &failed, NOW + 5_010),
        now(Because::Retry, true)
    );
    let unwell = Memory {
        denied: false,
        ..failed
    };
    assert_eq!(
        decide(&wish(), &unwell, NOW + 5_010),
        Relist::At(NOW + 10 + 600_000)
    );
}

#[test]
fn an_annotation_is_heard_once() {
    let asked = |text: &str| Wish {
        annotation: Some(text.to_owned()),
        ..wish()
    };
    assert_eq!(
        decide(&asked("a-1"), &memory(), NOW),
        now(Because::Request, false)
    );
    let answered = memory().succeeded(&asked("a-1"), NOW, None);
    assert_eq!(
        decide(&asked("a-1"), &answered, NOW),
        Relist::At(NOW + 600_000)
    );
    assert_eq!(decide(&wish(), &answered, NOW), Relist::At(NOW + 600_000));
    let failed = answered.failed(&asked("a-2"), NOW, false, None);
    assert_eq!(
        decide(&asked("a-2"), &failed, NOW + 1),
        Relist::At(NOW + 5_000)
    );
    assert_eq!(
        decide(&asked("a-3"), &failed, NOW + 1),
        now(Because::Request, false)
    );
}

#[test]
fn what_is_lost_is_fetched_again_but_not_at_once() {
    let lost = Wish {
        lost: true,
        ..wish()
    };
    assert_eq!(decide(&lost, &memory(), NOW + 1), Relist::At(NOW + 60_000));
    assert_eq!(
        decide(&lost, &memory(), NOW + 60_000),
        now(Because::Lost, false)
    );
    let manual = Wish {
        behavior: Behavior::Manual,
        ..lost
    };
    assert_eq!(decide(&manual, &memory(), NOW), Relist::At(NOW + 60_000));
}

#[test]
fn failures_back_off_by_times_that_a_restart_does_not_lose() {
    let once = memory().failed(&wish(), NOW, false, None);
    assert_eq!(decide(&wish(), &once, NOW + 1), Relist::At(NOW + 5_000));
    assert_eq!(
        decide(&wish(), &once, NOW + 5_000),
        now(Because::Retry, true)
    );
    let many = (0..80).fold(once.clone(), |memory, _| {
        memory.failed(&wish(), NOW, false, None)
    });
    assert_eq!(decide(&wish(), &many, NOW + 1), Relist::At(NOW + 600_000));
    let told = memory().failed(&wish(), NOW, false, Some(90_000));
    assert_eq!(decide(&wish(), &told, NOW + 1), Relist::At(NOW + 90_000));
    // A failed request is not asked again and again, and a new one does not wait.
    let asked = Wish {
        requests: 1,
        ..wish()
    };
    let failed = memory().failed(&asked, NOW, false, None);
    assert_eq!(decide(&asked, &failed, NOW + 1), Relist::At(NOW + 5_000));
    assert_eq!(
        decide(
            &Wish {
                requests: 2,
                ..wish()
            },
            &failed,
            NOW + 1
        ),
        now(Because::Request, false)
    );
    // Success ends it; what was known stays while it lasts.
    assert_eq!(many.marker, marker());
    assert_eq!(many.succeeded(&wish(), NOW, None).failures, 0);
}

#[test]
fn what_is_known_outlives_a_restart() {
    let memory = memory().failed(&wish(), NOW, false, Some(1));
    let text = serde_json::to_string(&memory).unwrap();
    assert!(text.contains(r#""etag":"\"v1\"""#), "{text}");
    assert_eq!(serde_json::from_str::<Memory>(&text).unwrap(), memory);
    assert_eq!(
        serde_json::from_str::<Memory>("{}").unwrap(),
        Memory::default()
    );
}

#[test]
fn a_clock_that_went_back_does_not_stop_it() {
    assert_eq!(
        decide(&wish(), &memory(), NOW - 600_001),
        now(Because::Due, true)
    );
    let failed = memory().failed(&wish(), NOW, false, None);
    assert_eq!(
        decide(&wish(), &failed, NOW - 1_200_001),
        now(Because::Retry, true)
    );
}
