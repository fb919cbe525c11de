//! What differs from Helm on a machine, because a sandbox has no files and no network, or is too long to be checked in.

use oarlock_helm::{Failure, RenderError};

use super::cases::Case;
use super::sandbox::{package, render};

async fn failure(chart: &str) -> Failure {
    let case = Case::plain(chart);
    let (package, digest) = package(&case.folder()).await.unwrap();
    match render(&case.request(digest.as_str().to_owned()), &package).await {
        Err(RenderError::Failure(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

/// A hundred kilobytes, as Helm has them: each level of the recursion is in it.
#[tokio::test]
async fn endless_recursion_ends_in_helm_s_words() {
    let Failure::Template(text) = failure("special/exec-recursion").await else {
        panic!("not a template's failure");
    };
    let level = r#"template: exec-recursion/templates/_a.tpl:1:22: executing "self" at <include "self" .>: error calling include: "#;
    assert_eq!(text.matches(level).count(), 1001);
    assert!(
        text.starts_with(r#"template: exec-recursion/templates/main.yaml:5:8: executing "exec-recursion/templates/main.yaml" at <include "self" .>: "#),
        "{text:.200}"
    );
    let end = "rendering template has a nested reference name: self: unable to execute template";
    assert!(text.ends_with(end), "{}", &text[text.len() - 200..]);
}

#[tokio::test]
async fn schemas_are_not_fetched() {
    let Failure::Values(text) = failure("special/schema-remote").await else {
        panic!("not a failure of values");
    };
    let (head, reason) = text.split_at(
        text.find(": HTTP")
            .or(text.rfind("\": ").map(|at| at + 1))
            .unwrap(),
    );
    assert_eq!(
        head,
        "values don't meet the specifications of the schema(s) in the following chart(s):\nchart:\nfailing loading \
         \"https://schemas.example.com/values.json\""
    );
    assert!(!reason.is_empty());
}

#[tokio::test]
async fn schemas_are_not_read_from_files() {
    let Failure::Values(text) = failure("special/schema-file").await else {
        panic!("not a failure of values");
    };
    let head = "values don't meet the specifications of the schema(s) in the following chart(s):\nchart:\nfailing loading \
                \"file:///other.json\": ";
    assert!(text.starts_with(head), "{text}");
}

#[tokio::test]
async fn a_folder_without_a_chart_is_no_chart() {
    let failure = failure("special/chart-missing").await;
    assert_eq!(
        failure,
        Failure::Chart("Chart.yaml file is missing".to_owned())
    );
}

/// What a float is as an integer that is too small for it, Go leaves to the processor. A sandbox is the same on all of them, and
/// does as arm64 does; Helm on amd64 gives the smallest integer instead.
#[tokio::test]
async fn floats_beyond_integers_are_the_nearest_integer() {
    let case = Case::plain("special/beyond");
    let (package, digest) = package(&case.folder()).await.unwrap();
    let rendered = render(&case.request(digest.as_str().to_owned()), &package)
        .await
        .unwrap();
    let lines: Vec<_> = rendered.documents[0].content.lines().skip(5).collect();
    assert_eq!(
        lines,
        [
            "  above: \"9223372036854775807\"",
            "  below: \"-9223372036854775808\"",
            "  chunk: \"[]\"",
        ]
    );
}
