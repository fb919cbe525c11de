#![expect(clippy::unwrap_used, reason = "tests")]

use crate::reference::Gvk;

use super::*;

fn members(names: &[&str]) -> Vec<Member> {
    names
        .iter()
        .map(|name| Member::new(name).unwrap())
        .collect()
}

fn view(names: &[&str]) -> View {
    View::new(members(names))
}

fn object(number: usize) -> ObjectRef {
    ObjectRef::new(
        Gvk::new("example.com", "v1", "Widget"),
        Some("default"),
        format!("w{number}"),
    )
}

#[test]
fn every_object_has_one_owner_and_shares_are_even() {
    let names = ["a_1", "b_2", "c_3", "d_4"];
    let view = view(&names);
    for name in names {
        let member = Member::new(name).unwrap();
        let share = (0..4000).filter(|number| view.gives(&object(*number), &member));
        let count = share.count();
        assert!((900..=1100).contains(&count), "{name} has {count} of 4000");
    }
    assert_eq!(View::new([]).owner(&object(0)), None);
}

#[test]
fn only_the_share_of_a_member_that_leaves_moves() {
    let (before, after) = (view(&["a", "b", "c"]), view(&["a", "b"]));
    for number in 0..1000 {
        let (old, new) = (before.owner(&object(number)), after.owner(&object(number)));
        assert!(
            old == new || old.unwrap().as_str() == "c",
            "{number}: {old:?} to {new:?}"
        );
    }
}

#[test]
fn owners_are_the_same_in_every_build() {
    // Replicas of two builds run side by side in every upgrade: the hash is part of the protocol.
    let view = view(&["a", "b", "c"]);
    let owners: String = (0..32)
        .map(|number| view.owner(&object(number)).unwrap().as_str())
        .collect();
    insta::assert_snapshot!(owners, @"ccaaacbaabbcaccbababbccaccaccacb");
}

#[test]
fn the_version_of_a_kind_does_not_matter() {
    let view = view(&["a", "b", "c"]);
    for number in 0..100 {
        let old = object(number);
        let new = ObjectRef {
            gvk: Gvk::new("example.com", "v2", "Widget"),
            ..old.clone()
        };
        assert_eq!(view.owner(&old), view.owner(&new));
    }
}

#[test]
fn views_are_texts() {
    let view = view(&["b", "a", "b"]);
    assert_eq!(view.to_string(), "1:a,b");
    assert_eq!(View::parse("1:a,b"), Some(view));
    assert_eq!(View::parse("1:"), Some(View::new([])));
    for wrong in ["", "a,b", "2:a", "1:a,,b"] {
        assert_eq!(View::parse(wrong), None, "{wrong:?}");
    }
    assert_eq!(Member::new("a,b"), None);
}

#[test]
fn a_share_is_what_all_views_give_and_nobody_claims() {
    let [a, b] = [Member::new("a").unwrap(), Member::new("b").unwrap()];
    let part = |views: Vec<View>, claims: Vec<Claim>| {
        Share::Part(Part {
            member: a.clone(),
            views,
            claims,
        })
    };
    let alone = part(vec![view(&["a"])], Vec::new());
    let both = part(vec![view(&["a"]), view(&["a", "b"])], Vec::new());
    let claimed = part(vec![view(&["a"])], vec![Claim::Of(b, view(&["a", "b"]))]);
    for number in 0..100 {
        let object = object(number);
        assert!(alone.owns(&object));
        assert_eq!(both.owns(&object), claimed.owns(&object));
    }
    let anything = part(vec![view(&["a"])], vec![Claim::Anything]);
    assert!(!anything.owns(&object(0)) && !part(Vec::new(), Vec::new()).owns(&object(0)));
    assert!(Share::Everything.owns(&object(0)) && !Share::Nothing.owns(&object(0)));
}
