use super::{Decision, Tally};
use crate::analysis::finding::{Assessment, Finding, Hold, Judgement};
use crate::why::Verdict;

fn finding(name: &str, judgement: Judgement, limit: u32) -> Finding {
    Finding {
        error_limit: limit,
        ..Finding::new("metric", name, judgement, "v", "m")
    }
}

fn all(findings: &[(&str, Judgement)]) -> Assessment {
    let findings = findings
        .iter()
        .map(|&(name, judgement)| finding(name, judgement, 1));
    Assessment::of(findings.collect())
}

const PASS: (&str, Judgement) = ("a", Judgement::Pass);
const FAIL: (&str, Judgement) = ("b", Judgement::Fail);
const HOLD: (&str, Judgement) = ("c", Judgement::Hold(Hold::NoData));

#[test]
fn a_failure_outweighs_a_hold_and_a_hold_a_pass() {
    for (findings, threshold, decision, because) in [
        (vec![], 1, Decision::Advance, "there is nothing to check"),
        (vec![PASS], 1, Decision::Advance, "all checks passed"),
        (vec![PASS, HOLD], 1, Decision::Hold, "metric c: m"),
        (
            vec![HOLD, FAIL],
            1,
            Decision::GiveUp,
            "metric b: m (failed check 1 of 1)",
        ),
        (
            vec![HOLD, FAIL],
            0,
            Decision::GiveUp,
            "metric b: m (failed check 1 of 1)",
        ),
        (
            vec![PASS, FAIL],
            5,
            Decision::Failed,
            "metric b: m (failed check 1 of 5)",
        ),
        (
            vec![FAIL, FAIL, FAIL],
            2,
            Decision::Failed,
            "metric b: m, and 2 more (failed check 1 of 2)",
        ),
    ] {
        let (tally, ruling) = Tally::default().count(&all(&findings), threshold);
        assert_eq!(
            (ruling.decision, ruling.because.as_str()),
            (decision, because)
        );
        // Several failures at the same time are one failed check.
        assert_eq!(tally.failed_checks, u32::from(findings.contains(&FAIL)));
    }
}

/// Flagger's `threshold`: failed checks of the whole rollout, not in a row.
#[test]
fn failed_checks_add_up_to_the_threshold() {
    let mut tally = Tally::default();
    let mut decisions = Vec::new();
    for findings in [[FAIL], [PASS], [FAIL], [HOLD], [FAIL]] {
        let (next, ruling) = tally.count(&all(&findings), 3);
        tally = next;
        decisions.push(ruling.decision);
    }
    assert_eq!(
        decisions,
        [
            Decision::Failed,
            Decision::Advance,
            Decision::Failed,
            Decision::Hold,
            Decision::GiveUp
        ]
    );
    assert_eq!(tally.failed_checks, 3);
}

#[test]
fn errors_count_in_a_row_and_check_by_check() {
    let (error, pass) = (Judgement::Error, Judgement::Pass);
    let young = Judgement::Hold(Hold::TooYoung);
    let mut tally = Tally::default();
    for (a, b, errors, decision) in [
        (error, pass, vec![("a", 1)], Decision::Hold),
        (pass, error, vec![("b", 1)], Decision::Hold),
        // What was not asked changes nothing.
        (error, young, vec![("a", 1), ("b", 1)], Decision::Hold),
        (pass, error, vec![("b", 2)], Decision::Failed),
        (pass, pass, vec![], Decision::Advance),
    ] {
        let (next, ruling) = tally.count(&all(&[("a", a), ("b", b)]), 9);
        let counted: Vec<_> = next
            .errors
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!((counted, ruling.decision), (errors, decision));
        tally = next;
    }
}

#[test]
fn what_is_told_only_is_never_counted() {
    let dry = |judgement| finding("a", judgement, 0).dry(true);
    for judgement in [
        Judgement::Fail,
        Judgement::Error,
        Judgement::Hold(Hold::NoData),
    ] {
        let assessment = Assessment::of(vec![dry(judgement)]);
        let (tally, ruling) = Tally::default().count(&assessment, 1);
        assert_eq!(
            (ruling.decision, tally.failed_checks),
            (Decision::Advance, 0)
        );
        assert_eq!(ruling.inputs[0].verdict, Verdict::Info);
        assert!(assessment.passes() && !assessment.fails() && assessment.obstacles().is_empty());
    }
}

#[test]
fn the_inputs_say_what_was_counted() {
    let assessment = all(&[("a", Judgement::Error), FAIL]);
    let (tally, ruling) = Tally::default().count(&assessment, 3);
    let told: Vec<_> = ruling
        .inputs
        .iter()
        .map(|input| {
            format!(
                "{}: {} ({:?}, {:?})",
                input.name, input.value, input.expected, input.verdict
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "metric a: v (error 1 in a row, at most 1) (None, Hold)",
            "metric b: v (None, Fail)",
            "failed checks: 1 (Some(\"< 3\"), Info)",
        ]
    );
    let (tally, ruling) = tally.count(&assessment, 3);
    assert_eq!(ruling.inputs[0].verdict, Verdict::Fail);
    assert_eq!(
        ruling.because,
        "metric a: m (error 2 in a row, at most 1), and 1 more (failed check 2 of 3)"
    );
    let (_, ruling) = tally.count(&assessment, 3);
    assert_eq!(ruling.inputs[2].verdict, Verdict::Fail);
}

#[test]
fn a_hint_stays_at_the_end() {
    let mut failure = finding("a", Judgement::Fail, 0);
    failure.message = "metric a: m\nhint: h".into();
    let (_, ruling) = Tally::default().count(&Assessment::of(vec![failure]), 2);
    assert_eq!(ruling.because, "metric a: m (failed check 1 of 2)\nhint: h");
}

#[test]
fn the_next_check_is_worth_it_at_the_first_that_is_old_enough() {
    let at = |seconds: u64| oarlock_sdk::Timestamp::from_millis(seconds * 1000);
    let young = |seconds| Finding {
        wake: Some(at(seconds)),
        ..finding("a", Judgement::Hold(Hold::TooYoung), 0)
    };
    let (_, ruling) = Tally::default().count(&Assessment::of(vec![young(9), young(5)]), 1);
    assert_eq!(ruling.wake, Some(at(5)));
}

#[test]
fn nobody_is_alerted_of_what_is_muted_alone() {
    let muted = Finding {
        muted: true,
        ..finding("a", Judgement::Fail, 0)
    };
    let alone = Assessment::of(vec![muted.clone()]);
    let both = Assessment::of(vec![muted, finding("b", Judgement::Fail, 0)]);
    assert!(Tally::default().count(&alone, 2).1.muted);
    assert!(!Tally::default().count(&both, 2).1.muted);
    assert!(!Tally::default().count(&all(&[PASS]), 2).1.muted);
}
