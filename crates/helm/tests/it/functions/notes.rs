//! NOTES.txt, which `helm template` does not print.

use super::cases::Case;
use super::secrets::rendered;

async fn notes(chart: &str, sub_notes: bool, upgrade: bool) -> String {
    let change = |request: &mut oarlock_helm::Request| {
        request.sub_notes = sub_notes;
        request.release.upgrade = upgrade;
        request.release.revision = if upgrade { 2 } else { 1 };
    };
    rendered(&Case::plain(chart), change).await.notes
}

#[tokio::test]
async fn notes_are_the_chart_s_own() {
    let notes = notes("features/notes", false, false).await;
    assert_eq!(notes.trim_end(), "Installed ferry, revision 1.\n\n    end");
}

#[tokio::test]
async fn an_upgrade_knows_its_revision() {
    let notes = notes("features/notes", false, true).await;
    assert!(notes.contains("Upgraded ferry, revision 2."), "{notes:?}");
}

/// Helm prints those of subcharts in any order; here they come in the same order each time.
#[tokio::test]
async fn notes_of_subcharts_come_on_demand() {
    let all = notes("features/umbrella", true, false).await;
    let mut lines: Vec<_> = all.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    let expected = [
        "Notes of boat Anna.",
        "Notes of dinghy Berta.",
        "Umbrella of Anna.",
    ];
    assert_eq!(lines, expected);
    assert_eq!(notes("features/umbrella", true, false).await, all);
    assert_eq!(
        notes("features/umbrella", false, false).await.trim_end(),
        "Umbrella of Anna."
    );
}

#[tokio::test]
async fn a_chart_without_notes_has_none() {
    assert_eq!(notes("features/text", true, false).await, "");
}

/// Helm passes on bytes that are no UTF-8. A text of a component is UTF-8: what is none becomes U+FFFD.
#[tokio::test]
async fn what_is_no_utf_8_is_replaced() {
    let rendered = rendered(&Case::plain("odd/latin"), |_| {}).await;
    assert_eq!(
        rendered.notes,
        "Caf\u{fffd} ferry, \u{fffd} bient\u{fffd}t.\n"
    );
    let crd = &rendered.crds[0].content;
    assert!(
        crd.starts_with("# \u{fffd}crit \u{fffd} la main.\n"),
        "{crd}"
    );
}
