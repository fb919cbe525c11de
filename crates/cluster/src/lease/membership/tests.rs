#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use oarlock_core::reference::{Gvk, ObjectRef};

use super::*;

const WALL: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

fn member(name: &str) -> Member {
    Member::new(name).unwrap()
}

fn view(names: &[&str]) -> View {
    View::new(names.iter().map(|name| member(name)))
}

fn lease(holder: &str, renewed: &str, view: &str) -> Listed {
    Listed {
        lease: format!("lease-of-{holder}"),
        version: renewed.to_owned(),
        record: Record {
            holder: holder.to_owned(),
            seconds: 15,
            renewed: renewed.to_owned(),
            ..Record::default()
        },
        view: Some(view.to_owned()),
        own: false,
    }
}

fn own(version: &str) -> Listed {
    Listed {
        own: true,
        ..lease("a", version, "")
    }
}

/// The number of 100 objects that a share holds.
fn size(share: &Share) -> usize {
    let gvk = Gvk::new("example.com", "v1", "Widget");
    let object = |number: i32| ObjectRef::new(gvk.clone(), Some("n"), number.to_string());
    (0..100)
        .filter(|number| share.owns(&object(*number)))
        .count()
}

/// Stores what is to be stored, as `version`, and has the view.
fn store(membership: &mut Membership, now: Moment, version: &str) -> View {
    let step = membership.step(now, WALL);
    let Step::Store { record, view, .. } = step else {
        panic!("{step:?}");
    };
    let done = Stored::Done {
        version: version.to_owned(),
    };
    membership.stored(now, now, &record, view.clone(), done);
    view
}

/// `a`, alone, at work since time 0.
fn alone() -> (Membership, Share) {
    let mut membership = Membership::new(member("a"), Timing::default());
    assert_eq!(membership.step(at(0), WALL), Step::List);
    membership.listed(at(0), at(0), Vec::new());
    assert_eq!(membership.change(at(0)), None);
    assert_eq!(store(&mut membership, at(0), "1"), view(&["a"]));
    assert_eq!(
        membership.change(at(0)),
        None,
        "nothing before a list has been seen"
    );
    assert_eq!(membership.step(at(0), WALL), Step::List);
    membership.listed(at(0), at(0), vec![own("1")]);
    let change = membership.change(at(0)).unwrap();
    assert_eq!((size(&change.share), change.abrupt), (100, false));
    membership.kept();
    (membership, change.share)
}

#[test]
fn who_is_alone_has_everything() {
    let (mut membership, _) = alone();
    assert_eq!(membership.step(at(0), WALL), Step::Wait(at(2_000)));
    assert_eq!(store(&mut membership, at(2_000), "2"), view(&["a"]));
    assert_eq!(membership.until(at(2_000)), Some(at(12_000)));
    assert_eq!(
        membership.change(at(2_000)),
        None,
        "a renewal changes nothing"
    );
}

#[test]
fn what_a_joiner_gets_is_let_go_before_it_is_published() {
    let (mut membership, before) = alone();
    let joiner = lease("b", "1", "1:a,b");
    membership.listed(at(2_000), at(2_000), vec![own("1"), joiner.clone()]);
    let change = membership.change(at(2_000)).unwrap();
    let kept = size(&change.share);
    assert!((30..70).contains(&kept) && !change.abrupt, "{kept}");
    assert!(size(&before) > kept);
    // Renewed meanwhile, with the claim to everything.
    assert_eq!(store(&mut membership, at(4_000), "2"), view(&["a"]));
    membership.listed(at(4_000), at(4_000), vec![own("2"), joiner.clone()]);
    assert_eq!(membership.change(at(4_000)), None);

    membership.kept();
    // At once: somebody waits for it.
    assert_eq!(store(&mut membership, at(4_100), "3"), view(&["a", "b"]));
    assert_eq!(membership.change(at(4_100)), None, "what is kept goes on");
    membership.listed(at(4_100), at(4_100), vec![own("3"), joiner]);
    let change = membership.change(at(4_100)).unwrap();
    assert_eq!(size(&change.share), kept);
}

#[test]
fn a_joiner_waits_for_what_others_claim() {
    let mut membership = Membership::new(member("b"), Timing::default());
    membership.step(at(0), WALL);
    let busy = lease("a", "1", "1:a");
    membership.listed(at(0), at(0), vec![busy.clone()]);
    assert_eq!(store(&mut membership, at(0), "7"), view(&["a", "b"]));
    let mine = Listed {
        own: true,
        ..lease("b", "7", "1:a,b")
    };
    membership.listed(at(1), at(1), vec![busy, mine.clone()]);
    let change = membership.change(at(1)).unwrap();
    assert_eq!(size(&change.share), 0);
    membership.kept();
    membership.listed(at(2_000), at(2_000), vec![lease("a", "2", "1:a,b"), mine]);
    let change = membership.change(at(2_000)).unwrap();
    assert!(size(&change.share) > 30);
}

#[test]
fn a_claim_that_cannot_be_read_is_a_claim_to_everything() {
    for view in ["", "2:a", "nonsense"] {
        let (mut membership, _) = alone();
        membership.listed(at(2_000), at(2_000), vec![own("1"), lease("b", "1", view)]);
        let change = membership.change(at(2_000)).unwrap();
        assert_eq!(size(&change.share), 0, "{view:?}");
    }
}

#[test]
fn the_share_of_one_that_died_is_taken_after_its_lease() {
    let (mut membership, _) = alone();
    let dead = lease("b", "1", "1:a,b");
    let mut last = None;
    for second in (2..40).step_by(2) {
        let now = at(second * 1000);
        while let Step::Store { .. } = membership.step(now, WALL) {
            store(&mut membership, now, "1");
            membership.listed(now, now, vec![own("1"), dead.clone()]);
            if let Some(change) = membership.change(now) {
                last = Some((second, size(&change.share)));
                membership.kept();
            }
        }
    }
    // Seen first after 2 s.
    let (second, all) = last.unwrap();
    assert_eq!(all, 100);
    assert!((17..=20).contains(&second), "{second}");
}

#[test]
fn one_that_left_is_not_waited_for() {
    let (mut membership, _) = alone();
    let joiner = lease("b", "1", "1:a,b");
    membership.listed(at(2_000), at(2_000), vec![own("1"), joiner.clone()]);
    membership.change(at(2_000)).unwrap();
    let mut left = joiner;
    left.record = left.record.released(WALL);
    membership.listed(at(2_500), at(2_500), vec![own("1"), left]);
    let change = membership.change(at(2_500)).unwrap();
    assert_eq!(size(&change.share), 100);
    assert_eq!(membership.members(), 1);
}

#[test]
fn a_lease_that_vanishes_counts_until_its_time() {
    let (mut membership, _) = alone();
    membership.listed(
        at(2_000),
        at(2_000),
        vec![own("1"), lease("b", "1", "1:a,b")],
    );
    membership.change(at(2_000)).unwrap();
    membership.listed(at(3_000), at(3_000), vec![own("1")]);
    assert_eq!(membership.members(), 2);
    membership.listed(at(17_000), at(17_000), vec![own("1")]);
    assert_eq!(membership.members(), 1);
}

#[test]
fn a_fence_that_shut_is_opened_only_when_all_has_ended() {
    let (mut membership, _) = alone();
    let change = membership.change(at(10_000)).unwrap();
    assert_eq!((change.share, change.abrupt), (Share::Nothing, true));
    assert_eq!(membership.until(at(10_000)), None);
    assert_eq!(membership.step(at(10_000), WALL), Step::Settle);
    membership.kept();
    store(&mut membership, at(10_100), "2");
    // Somebody may have taken over meanwhile.
    assert_eq!(membership.change(at(10_100)), None);
    membership.listed(
        at(10_200),
        at(10_200),
        vec![own("2"), lease("b", "1", "1:b")],
    );
    let change = membership.change(at(10_200)).unwrap();
    assert_eq!(size(&change.share), 0, "b claims everything");
}

#[test]
fn a_view_whose_publication_is_unknown_counts_as_published_and_as_not() {
    let (mut membership, _) = alone();
    membership.listed(
        at(2_000),
        at(2_000),
        vec![own("1"), lease("b", "1", "1:a,b")],
    );
    membership.change(at(2_000)).unwrap();
    membership.kept();
    let Step::Store { record, view, .. } = membership.step(at(2_000), WALL) else {
        panic!("nothing to store");
    };
    membership.stored(at(2_000), at(2_100), &record, view, Stored::Failed);
    // b leaves: all would be a's again, were it not for what may be published.
    let mut left = lease("b", "1", "1:a,b");
    left.record = left.record.released(WALL);
    membership.listed(at(2_200), at(2_200), vec![own("1"), left]);
    assert!(
        membership
            .change(at(2_200))
            .is_none_or(|change| size(&change.share) < 100)
    );
    membership.kept();
    store(&mut membership, at(4_200), "2");
    membership.listed(at(4_300), at(4_300), vec![own("2")]);
    let change = membership.change(at(4_300)).unwrap();
    assert_eq!(size(&change.share), 100);
}

#[test]
fn what_is_long_gone_is_swept_up() {
    let (mut membership, _) = alone();
    let gone = lease("b", "1", "1:b");
    assert_eq!(
        membership.listed(at(1_000), at(1_000), vec![gone.clone()]),
        None
    );
    assert_eq!(
        membership.listed(at(100_000), at(100_000), vec![gone.clone()]),
        None
    );
    let swept = membership.listed(at(302_000), at(302_000), vec![gone]);
    assert_eq!(
        swept,
        Some(Step::Sweep {
            lease: "lease-of-b".to_owned(),
            version: "1".to_owned()
        })
    );
}
