//! Each way to fail: Helm's words, and what to do.

use super::chart::Place;

const GOOD: (&str, &str) = ("templates/a.yaml", "a: {{ .Values.a }}\n");

#[tokio::test]
async fn a_chart_that_is_not_there() {
    let place = Place::with(&[]);
    insta::assert_snapshot!(place.fails(&["./nowhere"]).await, @"");
    insta::assert_snapshot!(place.fails(&["nowhere"]).await, @"");
    insta::assert_snapshot!(place.fails(&["a/nowhere"]).await, @"");
}

#[tokio::test]
async fn what_is_no_chart() {
    let place = Place::with(&[]);
    place.file("values.yaml", "a: 1\n");
    place.file("empty/readme", "");
    place.file("half/Chart.yaml", "apiVersion: v2\nname: half\n");
    place.file("broken/Chart.yaml", "apiVersion: v2\nname: [\n");
    place.file(
        "library/Chart.yaml",
        "apiVersion: v2\nname: l\nversion: 0.1.0\ntype: library\n",
    );
    insta::assert_snapshot!(place.fails(&["empty"]).await, @"");
    insta::assert_snapshot!(place.fails(&["values.yaml"]).await, @"");
    insta::assert_snapshot!(place.fails(&["half"]).await, @"");
    insta::assert_snapshot!(place.fails(&["broken"]).await, @"");
    insta::assert_snapshot!(place.fails(&["library"]).await, @"");
}

#[tokio::test]
async fn a_values_file_that_is_wrong() {
    let place = Place::with(&[GOOD]);
    place.file("broken.yaml", "a: 1\nb:\n  - c: [1\n");
    place.file("list.yaml", "- a\n");
    insta::assert_snapshot!(place.fails(&["boat", "-f", "nowhere.yaml"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "-f", "broken.yaml"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "-f", "list.yaml"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "--set", "a"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "--set-file", "a=nowhere"]).await, @"");
}

#[tokio::test]
async fn a_template_that_is_not_there() {
    let place = Place::with(&[GOOD, ("templates/b.yaml", "b: 1\n")]);
    insta::assert_snapshot!(place.fails(&["boat", "-s", "a.yaml"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "-s", "["]).await, @"");
}

#[tokio::test]
async fn values_that_the_schema_does_not_allow() {
    let schema = r#"{"type": "object", "required": ["b"], "properties": {"a": {"type": "integer", "maximum": 3}}}"#;
    let place = Place::with(&[GOOD, ("values.schema.json", schema)]);
    insta::assert_snapshot!(place.fails(&["boat", "--set", "a=4"]).await, @"");
    let printed = place
        .prints(&["boat", "--set", "a=4", "--skip-schema-validation"])
        .await;
    insta::assert_snapshot!(printed, @"");
}

#[tokio::test]
async fn a_template_that_fails() {
    let place = Place::with(&[("templates/a.yaml", "a: 1\nb: {{ .Values.x.y }}\n")]);
    insta::assert_snapshot!(place.fails(&["boat"]).await, @"");
    place.file(
        "boat/templates/a.yaml",
        "a: 1\nb: {{ required \"x is needed\" .Values.x }}\n",
    );
    insta::assert_snapshot!(place.fails(&["boat"]).await, @"");
    place.file("boat/templates/a.yaml", "a: 1\nb: {{ if }}\n");
    insta::assert_snapshot!(place.fails(&["boat"]).await, @"");
}

#[tokio::test]
async fn output_that_is_no_yaml_is_shown_to_whoever_debugs() {
    let place = Place::with(&[
        ("templates/a.yaml", "a: 1\n"),
        ("templates/b.yaml", "a: b: c\n"),
    ]);
    insta::assert_snapshot!(place.fails(&["boat"]).await, @"");
    let output = place.template(&["boat", "--debug"]).await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(place.text(&output.stdout), @"");
    insta::assert_snapshot!(place.text(&output.stderr), @"");
}

#[tokio::test]
async fn a_template_that_never_ends() {
    let place = Place::with(&[(
        "templates/a.yaml",
        "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}\n",
    )]);
    let said = place.fails(&["boat"]).await;
    let (start, end) = (said.chars().take(200), said.chars().rev().take(400));
    let end: String = end.collect::<Vec<char>>().into_iter().rev().collect();
    insta::assert_snapshot!(format!("{}\n…\n{end}", start.collect::<String>()), @"");
}

#[tokio::test]
async fn versions_of_kubernetes() {
    let place = Place::with(&[GOOD]);
    place.file(
        "boat/Chart.yaml",
        "apiVersion: v2\nname: boat\nversion: 0.1.0\nkubeVersion: \">=1.30.0\"\n",
    );
    insta::assert_snapshot!(place.fails(&["boat", "--kube-version", "soon"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "--kube-version", "1.29"]).await, @"");
}

#[tokio::test]
async fn dependencies_that_are_missing() {
    let place = Place::with(&[GOOD]);
    place.file(
        "boat/Chart.yaml",
        "apiVersion: v2\nname: boat\nversion: 0.1.0\ndependencies:\n- {name: oar, version: 1.x, repository: \"http://127.0.0.1:1\"}\n",
    );
    insta::assert_snapshot!(place.fails(&["boat"]).await, @"");
}

#[tokio::test]
async fn what_is_not_offered_says_what_to_do_instead() {
    let place = Place::with(&[GOOD]);
    let mut said = String::new();
    for flag in [
        "--validate",
        "--dry-run=server",
        "--enable-dns",
        "--post-renderer=x",
        "--insecure-skip-tls-verify",
        "--pass-credentials",
        "--cert-file=boat/Chart.yaml",
    ] {
        said.push_str(&place.fails(&["boat", flag]).await);
    }
    insta::assert_snapshot!(said, @"");
}

#[tokio::test]
async fn an_engine_that_is_not_there() {
    let place = Place::with(&[GOOD]);
    place.file("engine.wasm", "no engine");
    insta::assert_snapshot!(place.fails(&["boat", "--engine", "nowhere.wasm"]).await, @"");
    insta::assert_snapshot!(place.fails(&["boat", "--engine", "engine.wasm"]).await, @"");
}
