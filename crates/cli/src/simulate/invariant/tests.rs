#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use super::Invariant;
use crate::simulate::observation::{Frame, Name, Track};

fn track(name: &str, role: &str, counts: [u64; 4], weight: u64) -> Track {
    let [desired, total, ready, available] = counts;
    Track {
        name: name.to_owned(),
        role: role.to_owned(),
        revision: String::new(),
        desired,
        total,
        ready,
        available,
        weight,
    }
}

/// Ten wanted; nine and two there, nine and one available.
fn frame() -> Frame {
    Frame {
        object: Name {
            kind: "Deployer".to_owned(),
            namespace: "default".to_owned(),
            name: "nginx".to_owned(),
        },
        step: Some(1),
        phase: "Scaling".to_owned(),
        tracks: vec![
            track("nginx-1.7.7", "stable", [9, 9, 9, 9], 82),
            track("nginx-1.7.8", "canary", [2, 2, 2, 1], 18),
        ],
        desired: 10,
        decision: String::new(),
        why: String::new(),
        inputs: Vec::new(),
        ready: None,
    }
}

fn parse(text: &str) -> Invariant {
    Invariant::parse(text, Duration::ZERO, None).unwrap()
}

#[test]
fn conditions_are_exact() {
    for (text, holds) in [
        ("available >= 90%", true),
        ("available >= 100%", true),
        ("available > 100%", false),
        ("available >= 100.001%", false),
        ("total <= 110%", true),
        // Rounded up to 11.
        ("total <= 100.001%", true),
        ("total <= 100%", false),
        ("total<=11", true),
        ("total == 11 and ready == 11", true),
        ("total != 11 or ready == 11", true),
        ("not total == 11 or ready == 10", false),
        ("not (total == 11 and ready == 10)", true),
        ("available >= desired - 1", true),
        ("total <= desired + 25%", true),
        ("total < desired + 1", false),
        ("track(canary).weight <= 50", true),
        ("weight(canary) >= 18.5", false),
        ("track(nginx-1.7.8).available == 1", true),
        ("track( stable ).ready == 9", true),
        ("track(nobody).total == 0", true),
        // and binds stronger.
        ("total == 0 and total == 1 or total == 11", true),
    ] {
        assert_eq!(parse(text).holds(&frame()), holds, "{text}");
    }
}

#[test]
fn percentages_of_nothing_are_nothing() {
    let frame = Frame {
        desired: 0,
        tracks: Vec::new(),
        ..frame()
    };
    assert!(parse("available >= 90%").holds(&frame));
    assert!(!parse("available >= 1").holds(&frame));
}

#[test]
fn it_tells_what_it_looked_at() {
    let values = |text| parse(text).values(&frame());
    assert_eq!(values("available >= 90%"), "available 10, desired 10");
    assert_eq!(
        values("weight(canary) <= 50 and total + ready < desired - 1 or total == 1"),
        "track(canary).weight 18, total 11, ready 11, desired 10"
    );
    let tracks = parse("weight(canary) <= 50 or track(x).ready == 1").tracks();
    assert_eq!(Vec::from_iter(tracks), ["canary", "x"]);
}

#[test]
fn it_is_about_one_object_or_all() {
    for (object, meant) in [
        (None, true),
        (Some("Deployer/nginx"), true),
        (Some("Deployer/default/nginx"), true),
        (Some("Deployer/other"), false),
    ] {
        let invariant =
            Invariant::parse("total == 1", Duration::ZERO, object.map(str::to_owned)).unwrap();
        assert_eq!(invariant.is_about(&frame()), meant, "{object:?}");
    }
}

#[test]
fn slips_have_a_place() {
    let mut told = String::new();
    for text in [
        "",
        "available",
        "available = 3",
        "available => 3",
        "available =< 3",
        "available >= ",
        "avialable >= 90%",
        "available >= 90% & ready",
        "(available >= 3",
        "track.weight > 3",
        "track(canary > 3",
        "track() > 3",
        "track(canary) > 3",
        "track(canary).wieght > 3",
        "weight(canary) <= 50%",
        "available + weight(canary) <= 50",
        "available >= 1.2345",
        "available >= 3 3",
        "not not",
        &"(".repeat(40),
    ] {
        let fault = Invariant::parse(text, Duration::ZERO, None).unwrap_err();
        let carets = " ".repeat(fault.part.start) + &"^".repeat(fault.part.len());
        told.push_str(&format!("{text}\n{carets} {}", fault.message));
        if let Some(expected) = fault.expected {
            told.push_str(&format!("; expected {expected}"));
        }
        if let Some(hint) = fault.hint {
            told.push_str(&format!("; hint: {hint}"));
        }
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}
