//! What the engine answers.

use std::sync::Arc;

use oarlock_core::reference::Digest;
use oarlock_helm::{Failure, RenderError, ValueSource};

use crate::bench::{
    CHART_YAML, chart, engine, host, refusal, render, request, template, unreachable,
};

const OAR: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-oar
data:
  length: {{ .Values.length | quote }}
";

fn boat() -> Arc<[u8]> {
    chart(&[
        ("Chart.yaml", CHART_YAML),
        ("values.yaml", "length: 3 # metres\n"),
        (
            "values.schema.json",
            r#"{"type":"object","properties":{"length":{"type":"integer","maximum":9}}}"#,
        ),
        ("templates/oar.yaml", OAR),
        (
            "templates/hook.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: launch\n  annotations: {helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-weight: \"-5\"}\n",
        ),
        ("templates/NOTES.txt", "Row {{ .Release.Name }}!"),
        (
            "crds/boats.yaml",
            "kind: CustomResourceDefinition\nmetadata: {name: boats.example.com}\n",
        ),
    ])
}

#[tokio::test]
async fn the_version_is_helms() {
    let version = engine().await.version(host(&boat())).await;
    insta::assert_snapshot!(version.unwrap(), @"v4.2.4");
}

#[tokio::test]
async fn a_chart_becomes_documents() {
    let rendered = render(&boat(), "length: 4").await.unwrap();
    insta::assert_debug_snapshot!(rendered);
    assert_eq!(render(&boat(), "length: 4").await.unwrap(), rendered);
}

#[tokio::test]
async fn a_chart_is_looked_at() {
    let chart = boat();
    let digest = Digest::of(&chart);
    let inspected = engine().await.inspect(&digest, host(&chart)).await;
    insta::assert_debug_snapshot!(inspected.unwrap());
    let engine = engine().await;
    let record = engine.record_of(&digest, &[], host(&chart)).await;
    let record: serde_json::Value = serde_json::from_str(&record.unwrap()).unwrap();
    assert_eq!(record["metadata"]["name"], "boat");
}

#[tokio::test]
async fn values_are_merged_without_a_rendering() {
    let chart = boat();
    let digest = Digest::of(&chart);
    let values = [
        ValueSource::ChartFile("values.yaml".to_owned()),
        ValueSource::Json(r#"{"length":4,"oars":[1]}"#.to_owned()),
        ValueSource::SetString("length=05".to_owned()),
    ];
    let engine = engine().await;
    // Neither the schema nor the templates are asked.
    let merged = engine.merge(Some(&digest), &values, host(&chart)).await;
    assert_eq!(merged.unwrap(), r#"{"length":"05","oars":[1]}"#);
    let merged = engine.merge(None, &values[1..], host(&chart)).await;
    assert_eq!(merged.unwrap(), r#"{"length":"05","oars":[1]}"#);
    let error = engine.merge(None, &values, host(&chart)).await.unwrap_err();
    insta::assert_snapshot!(error, @"failed to read values.yaml: there is no chart to read it from");
}

#[tokio::test]
async fn a_record_has_the_chart_that_the_values_leave() {
    let chart = chart(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: boat\nversion: 1.2.3\ndependencies:\n- {name: oar, version: 1.0.0, condition: oar.enabled}\n",
        ),
        (
            "charts/oar/Chart.yaml",
            "apiVersion: v2\nname: oar\nversion: 1.0.0\n",
        ),
    ]);
    let digest = Digest::of(&chart);
    let engine = engine().await;
    for (enabled, left) in [("true", 1), ("false", 0)] {
        let values = [ValueSource::Set(format!("oar.enabled={enabled}"))];
        let record = engine.record_of(&digest, &values, host(&chart)).await;
        let record: serde_json::Value = serde_json::from_str(&record.unwrap()).unwrap();
        let dependencies = record["metadata"]["dependencies"].as_array();
        assert_eq!(dependencies.map_or(0, Vec::len), left, "{enabled}");
    }
}

#[tokio::test]
async fn values_that_the_schema_does_not_allow() {
    let error = refusal(&boat(), "length: 12").await;
    assert!(
        matches!(error, RenderError::Failure(Failure::Values(_))),
        "{error:?}"
    );
    insta::assert_snapshot!(error, @"
    values don't meet the specifications of the schema(s) in the following chart(s):
    boat:
    - at '/length': maximum: got 12, want 9
    ");
    let error = refusal(&boat(), "length: [").await;
    assert!(
        matches!(error, RenderError::Failure(Failure::Values(_))),
        "{error:?}"
    );
    insta::assert_snapshot!(error, @"failed to parse values: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 1: did not find expected node content");
}

#[tokio::test]
async fn template_errors_say_where() {
    let error = refusal(
        &template("kind: A\n{{ required \"an oar is required\" .Values.oar }}"),
        "{}",
    )
    .await;
    assert!(
        matches!(error, RenderError::Failure(Failure::Template(_))),
        "{error:?}"
    );
    insta::assert_snapshot!(error, @"execution error at (boat/templates/oar.yaml:2:3): an oar is required");
    insta::assert_snapshot!(refusal(&template("kind: A\n\n{{ .Values.a.b }}"), "{}").await, @r#"
    boat/templates/oar.yaml:3:10
      executing "boat/templates/oar.yaml" at <.Values.a.b>:
        nil pointer evaluating interface {}.b
    "#);
    insta::assert_snapshot!(refusal(&template("kind: A\n{{ if }}"), "{}").await, @"parse error at (boat/templates/oar.yaml:2): missing value for if");
}

#[tokio::test]
async fn what_is_no_yaml_is_shown() {
    let error = refusal(&template("kind: A\n  b: {{ .Release.Name }}"), "{}").await;
    let RenderError::Failure(Failure::Output { message, output }) = error else {
        panic!("{error:?}");
    };
    insta::assert_snapshot!(message, @"YAML parse error on boat/templates/oar.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context");
    insta::assert_snapshot!(output, @"
    ---
    # Source: boat/templates/oar.yaml
    kind: A
      b: skiff
    ");
}

#[tokio::test]
async fn a_chart_that_is_not_there() {
    let asked = request(b"nothing", "{}");
    let error = engine()
        .await
        .render(&asked, host(&boat()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, RenderError::Failure(Failure::Chart(_))),
        "{error:?}"
    );
    insta::assert_snapshot!(error, @"sha256:1785cfc3bc6ac7738e8b38cdccd1af12563c2b9070e07af336a1bf8c0f772b6a is not on the shelf");
    let broken: Arc<[u8]> = b"no archive".as_slice().into();
    insta::assert_snapshot!(refusal(&broken, "{}").await, @"unable to load chart archive: unexpected EOF");
}

/// Whoever asks again may get it.
#[tokio::test]
async fn a_chart_that_is_out_of_reach() {
    let asked = request(b"nothing", "{}");
    let digest = Digest::of(b"nothing");
    let file = ValueSource::ChartFile("values.yaml".to_owned());
    let host = || unreachable("the depot is full");
    let engine = engine().await;
    let errors = [
        engine.render(&asked, host()).await.unwrap_err(),
        engine.inspect(&digest, host()).await.unwrap_err(),
        engine.record_of(&digest, &[], host()).await.unwrap_err(),
        engine
            .merge(Some(&digest), &[file], host())
            .await
            .unwrap_err(),
    ];
    let expected = Failure::Lookup("the depot is full".to_owned());
    for error in errors {
        assert_eq!(error, RenderError::Failure(expected.clone()));
    }
}

#[tokio::test]
async fn output_that_is_no_utf_8_is_shown_with_replacements() {
    let mut chart = template("kind: A # Caf?").to_vec();
    let at = chart.windows(4).position(|four| four == b"Caf?").unwrap();
    chart[at + 3] = 0xe9;
    let RenderError::Failure(Failure::Output { message, output }) =
        refusal(&chart.into(), "{}").await
    else {
        panic!("it is no YAML");
    };
    insta::assert_snapshot!(message, @"YAML parse error on boat/templates/oar.yaml: error converting YAML to JSON: yaml: incomplete UTF-8 octet sequence");
    assert_eq!(
        output,
        "---\n# Source: boat/templates/oar.yaml\nkind: A # Caf\u{fffd}\n"
    );
}

#[tokio::test]
async fn there_is_no_cluster_to_look_at() {
    let chart = template("{{ lookup \"v1\" \"Secret\" \"default\" \"oar\" | toJson }}");
    let mut asked = request(&chart, "{}");
    assert_eq!(render(&chart, "{}").await.unwrap().documents.len(), 1);
    asked.lookup = true;
    let error = engine()
        .await
        .render(&asked, host(&chart))
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"template: boat/templates/oar.yaml:1:3: executing "boat/templates/oar.yaml" at <lookup "v1" "Secret" "default" "oar">: error calling lookup: there is no cluster here"#);
}

#[tokio::test]
async fn what_helm_warns_of_is_told() {
    let chart = chart(&[
        (
            "Chart.yaml",
            "apiVersion: v2\nname: boat\nversion: 1.2.3\ndeprecated: true\n",
        ),
        ("templates/oar.yaml", OAR),
    ]);
    let rendered = render(&chart, "length: 1").await.unwrap();
    assert_eq!(rendered.warnings, ["this chart is deprecated"]);
}
