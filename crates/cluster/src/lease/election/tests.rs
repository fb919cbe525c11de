#![expect(clippy::panic, reason = "tests")]

use std::time::Duration;

use super::*;

const WALL: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

fn candidate(name: &str) -> Election {
    Election::new(name.to_owned(), Timing::default())
}

fn stored(version: &str, record: &Record) -> Answer {
    Answer::Stored {
        version: version.to_owned(),
        record: record.clone(),
    }
}

fn held_by(holder: &str, renewed: &str) -> Record {
    Record {
        holder: holder.to_owned(),
        seconds: 15,
        acquired: "then".to_owned(),
        renewed: renewed.to_owned(),
        transitions: 4,
    }
}

/// Leads since `at`, with version 1.
fn leader(name: &str, millis: u64) -> Election {
    let mut election = candidate(name);
    assert_eq!(election.step(at(millis), WALL), Step::Read);
    election.answered(at(millis), at(millis), Answer::Absent);
    let Step::Create(record) = election.step(at(millis), WALL) else {
        panic!("it does not create");
    };
    election.answered(at(millis), at(millis), stored("1", &record));
    election
}

#[test]
fn a_lease_that_is_not_there_is_created() {
    let mut election = candidate("me");
    assert_eq!(election.step(at(0), WALL), Step::Read);
    election.answered(at(0), at(3), Answer::Absent);
    let step = election.step(at(3), WALL);
    let Step::Create(record) = step else {
        panic!("{step:?}");
    };
    assert_eq!(
        (record.holder.as_str(), record.seconds, record.transitions),
        ("me", 15, 0)
    );
    assert_eq!(election.standing(at(4)), Standing::Standby);
    election.answered(at(3), at(8), stored("1", &record));
    // From when it was sent.
    let until = at(10_003);
    assert_eq!(election.standing(at(8)), Standing::Leading { until });
    assert_eq!(election.standing(until), Standing::Standby);
    assert_eq!(election.step(at(8), WALL), Step::Wait(at(2_008)));
}

#[test]
fn who_loses_the_race_to_create_stands_by() {
    let mut election = candidate("me");
    election.step(at(0), WALL);
    election.answered(at(0), at(0), Answer::Absent);
    assert!(matches!(election.step(at(0), WALL), Step::Create(_)));
    election.answered(at(0), at(0), Answer::Refused);
    assert_eq!(election.standing(at(0)), Standing::Standby);
    let Step::Wait(until) = election.step(at(0), WALL) else {
        panic!("no rest");
    };
    assert!(until >= at(2_000) && until <= at(4_400), "{until:?}");
    assert_eq!(election.step(until, WALL), Step::Read);
}

#[test]
fn a_leader_renews_what_it_last_stored() {
    let mut election = leader("me", 0);
    let step = election.step(at(2_000), WALL);
    let Step::Replace { version, record } = step else {
        panic!("{step:?}");
    };
    assert_eq!((version.as_str(), record.transitions), ("1", 0));
    election.answered(at(2_000), at(2_500), stored("2", &record));
    assert_eq!(
        election.standing(at(2_500)),
        Standing::Leading { until: at(12_000) }
    );
}

#[test]
fn a_leader_that_cannot_renew_leads_until_its_deadline_and_no_longer() {
    let mut election = leader("me", 0);
    let mut now = at(2_000);
    while let Standing::Leading { until } = election.standing(now) {
        assert_eq!(until, at(10_000));
        match election.step(now, WALL) {
            Step::Wait(until) => now = until,
            _ => election.answered(now, now, Answer::Failed),
        }
    }
    assert_eq!(now, at(10_000));
    // Nobody else took it: it is asked for again.
    assert_eq!(election.step(now, WALL), Step::Read);
    election.answered(now, now, stored("9", &held_by("me", "now")));
    assert!(matches!(election.step(now, WALL), Step::Replace { version, .. } if version == "9"));
}

#[test]
fn a_renewal_whose_answer_was_lost_is_found_again() {
    let mut election = leader("me", 0);
    assert!(matches!(
        election.step(at(2_000), WALL),
        Step::Replace { .. }
    ));
    election.answered(at(2_000), at(2_100), Answer::Failed);
    // At once, since the version may have moved on.
    assert_eq!(election.step(at(2_100), WALL), Step::Read);
    election.answered(at(2_100), at(2_200), stored("2", &held_by("me", "now")));
    let step = election.step(at(2_200), WALL);
    let Step::Replace { version, record } = step else {
        panic!("{step:?}");
    };
    assert_eq!(
        (
            version.as_str(),
            record.transitions,
            record.acquired.as_str()
        ),
        ("2", 4, "then")
    );
    election.answered(at(2_200), at(2_300), stored("3", &record));
    assert_eq!(
        election.standing(at(2_300)),
        Standing::Leading { until: at(12_200) }
    );
}

#[test]
fn a_leader_that_was_deposed_stops_at_once() {
    let mut election = leader("me", 0);
    assert!(matches!(
        election.step(at(2_000), WALL),
        Step::Replace { .. }
    ));
    election.answered(at(2_000), at(2_000), Answer::Refused);
    assert_eq!(election.step(at(2_000), WALL), Step::Read);
    election.answered(at(2_000), at(2_001), stored("5", &held_by("you", "now")));
    assert_eq!(election.standing(at(2_001)), Standing::Standby);
    assert_eq!(election.holder(), Some("you"));
}

#[test]
fn expiry_counts_from_when_the_record_was_seen_to_change() {
    let mut election = candidate("me");
    let mut now = at(1_000);
    let mut last = now;
    // Timestamps that lie a day back make nobody a leader.
    for renewal in 0..5_u32 {
        let record = held_by("you", &format!("1999-12-31T23:59:0{renewal}Z"));
        assert_eq!(election.step(now, WALL), Step::Read);
        election.answered(now, now, stored(&renewal.to_string(), &record));
        last = now;
        let Step::Wait(until) = election.step(now, WALL) else {
            panic!("it took what somebody holds");
        };
        now = until;
    }
    let record = held_by("you", "1999-12-31T23:59:04Z");
    loop {
        match election.step(now, WALL) {
            Step::Wait(until) => now = until,
            // Another version of the same record, such as a label more, is no sign of life.
            Step::Read => election.answered(now, now, stored("99", &record)),
            step => {
                let Step::Replace { version, record } = step else {
                    panic!("{step:?}");
                };
                assert_eq!((version.as_str(), record.transitions), ("99", 5));
                break;
            }
        }
    }
    let waited = now.since(last);
    assert!(waited >= Duration::from_secs(15), "{waited:?}");
    assert!(waited <= Duration::from_secs(20), "{waited:?}");
}

#[test]
fn a_released_lease_is_taken_at_once() {
    let mut election = candidate("me");
    election.step(at(0), WALL);
    election.answered(
        at(0),
        at(0),
        stored("7", &held_by("you", "now").released(WALL)),
    );
    assert!(matches!(election.step(at(0), WALL), Step::Replace { version, .. } if version == "7"));
}

#[test]
fn a_lease_that_vanishes_is_not_taken_before_its_time() {
    let mut election = candidate("me");
    election.step(at(0), WALL);
    election.answered(at(0), at(0), stored("7", &held_by("you", "now")));
    let mut now = at(0);
    loop {
        match election.step(now, WALL) {
            Step::Wait(until) => now = until,
            Step::Read => election.answered(now, now, Answer::Absent),
            step => {
                assert!(matches!(step, Step::Create(_)), "{step:?}");
                break;
            }
        }
    }
    assert!(now >= at(15_000), "{now:?}");
}

#[test]
fn only_who_holds_it_releases_it() {
    let election = leader("me", 0);
    let released = election.release(WALL);
    let Some(Step::Replace { version, record }) = released else {
        panic!("{released:?}");
    };
    assert_eq!(
        (version.as_str(), record.holder.as_str(), record.seconds),
        ("1", "", 1)
    );

    let mut standby = candidate("me");
    assert_eq!(standby.release(WALL), None);
    standby.step(at(0), WALL);
    standby.answered(at(0), at(0), stored("7", &held_by("you", "now")));
    assert_eq!(standby.release(WALL), None);
}
