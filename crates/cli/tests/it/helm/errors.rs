//! Each way to fail: Helm's words, and what to do.

use super::chart::Place;

const GOOD: (&str, &str) = ("templates/a.yaml", "a: {{ .Values.a }}\n");

#[tokio::test]
async fn a_chart_that_is_not_there() {
    let place = Place::with(&[]);
    insta::assert_snapshot!(place.fails(&["./nowhere"]).await, @r#"Error: path "./nowhere" not found"#);
    insta::assert_snapshot!(place.fails(&["nowhere"]).await, @"
    Error: non-absolute URLs should be in form of repo_name/path_to_chart, got: nowhere
      hint: there is no file or folder nowhere here; --repo URL names the repository that nowhere is a chart of
    ");
    insta::assert_snapshot!(place.fails(&["a/nowhere"]).await, @"
    Error: repo a not found
      hint: --repo URL names a repository for one call, `helm repo add a URL` for all; a chart's folder is written ./a/…
    ");
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
    insta::assert_snapshot!(place.fails(&["empty"]).await, @"
    Error: unable to detect chart at HERE/empty/Chart.yaml: open HERE/empty/Chart.yaml: no such file or directory
      hint: a chart is a folder with a Chart.yaml, or a .tgz of one
    ");
    insta::assert_snapshot!(place.fails(&["values.yaml"]).await, @"
    Error: file 'HERE/values.yaml' seems to be a YAML file, but expected a gzipped archive
      hint: values files go behind -f
    ");
    insta::assert_snapshot!(place.fails(&["half"]).await, @"Error: validation: chart.metadata.version is required");
    insta::assert_snapshot!(place.fails(&["broken"]).await, @"Error: cannot load Chart.yaml: expected string scalar at line 2, column 7");
    insta::assert_snapshot!(place.fails(&["library"]).await, @"Error: library charts are not installable");
}

#[tokio::test]
async fn a_values_file_that_is_wrong() {
    let place = Place::with(&[GOOD]);
    place.file("broken.yaml", "a: 1\nb:\n  - c: [1\n");
    place.file("list.yaml", "- a\n");
    insta::assert_snapshot!(place.fails(&["boat", "-f", "nowhere.yaml"]).await, @"Error: open nowhere.yaml: no such file or directory");
    insta::assert_snapshot!(place.fails(&["boat", "-f", "broken.yaml"]).await, @"Error: failed to parse broken.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 3: did not find expected ',' or ']'");
    insta::assert_snapshot!(place.fails(&["boat", "-f", "list.yaml"]).await, @"Error: failed to parse list.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}");
    insta::assert_snapshot!(place.fails(&["boat", "--set", "a"]).await, @r#"Error: failed parsing --set data: key "a" has no value"#);
    insta::assert_snapshot!(place.fails(&["boat", "--set-file", "a=nowhere"]).await, @"Error: failed parsing --set-file data: open nowhere: no such file or directory");
}

#[tokio::test]
async fn a_template_that_is_not_there() {
    let place = Place::with(&[GOOD, ("templates/b.yaml", "b: 1\n")]);
    insta::assert_snapshot!(place.fails(&["boat", "-s", "a.yaml"]).await, @r#"
    Error: could not find template a.yaml in chart
      hint: rendered were 2, from templates/a.yaml to templates/b.yaml; paths begin below the chart's folder
    "#);
    insta::assert_snapshot!(place.fails(&["boat", "-s", "["]).await, @r#"
    Error: could not find template [ in chart
      hint: rendered were 2, from templates/a.yaml to templates/b.yaml; paths begin below the chart's folder
    "#);
}

#[tokio::test]
async fn values_that_the_schema_does_not_allow() {
    let schema = r#"{"type": "object", "required": ["b"], "properties": {"a": {"type": "integer", "maximum": 3}}}"#;
    let place = Place::with(&[GOOD, ("values.schema.json", schema)]);
    insta::assert_snapshot!(place.fails(&["boat", "--set", "a=4"]).await, @r#"
    Error: values don't meet the specifications of the schema(s) in the following chart(s):
    boat:
    - at '': missing property 'b'
    - at '/a': maximum: got 4, want 3

      hint: what is wrong is given by -f, --set and the chart's own values; --skip-schema-validation renders it all the same
    "#);
    let printed = place
        .prints(&["boat", "--set", "a=4", "--skip-schema-validation"])
        .await;
    insta::assert_snapshot!(printed, @r#"
    ---
    # Source: boat/templates/a.yaml
    a: 4
    "#);
}

#[tokio::test]
async fn a_template_that_fails() {
    let place = Place::with(&[("templates/a.yaml", "a: 1\nb: {{ .Values.x.y }}\n")]);
    insta::assert_snapshot!(place.fails(&["boat"]).await, @r#"
    Error: boat/templates/a.yaml:2:13
      executing "boat/templates/a.yaml" at <.Values.x.y>:
        nil pointer evaluating interface {}.y

    Use --debug flag to render out invalid YAML
    "#);
    place.file(
        "boat/templates/a.yaml",
        "a: 1\nb: {{ required \"x is needed\" .Values.x }}\n",
    );
    insta::assert_snapshot!(place.fails(&["boat"]).await, @r#"
    Error: execution error at (boat/templates/a.yaml:2:6): x is needed

    Use --debug flag to render out invalid YAML
    "#);
    place.file("boat/templates/a.yaml", "a: 1\nb: {{ if }}\n");
    insta::assert_snapshot!(place.fails(&["boat"]).await, @r#"
    Error: parse error at (boat/templates/a.yaml:2): missing value for if

    Use --debug flag to render out invalid YAML
    "#);
}

#[tokio::test]
async fn output_that_is_no_yaml_is_shown_to_whoever_debugs() {
    let place = Place::with(&[
        ("templates/a.yaml", "a: 1\n"),
        ("templates/b.yaml", "a: b: c\n"),
    ]);
    insta::assert_snapshot!(place.fails(&["boat"]).await, @r#"
    Error: YAML parse error on boat/templates/b.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context

    Use --debug flag to render out invalid YAML
    "#);
    let output = place.template(&["boat", "--debug"]).await;
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(place.text(&output.stdout), @r#"
    ---
    # Source: boat/templates/a.yaml
    a: 1

    ---
    # Source: boat/templates/b.yaml
    a: b: c
    "#);
    insta::assert_snapshot!(place.text(&output.stderr), @r#"
    level=DEBUG msg="Original chart version" version=""
    level=DEBUG msg="Chart path" path=HERE/boat
    Error: YAML parse error on boat/templates/b.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context
    "#);
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
    insta::assert_snapshot!(format!("{}\n…\n{end}", start.collect::<String>()), @r#"
    Error: template: boat/templates/a.yaml:1:47: executing "boat/templates/a.yaml" at <include "x" .>: error calling include: template: boat/templates/a.yaml:1:19: executing "x" at <include "x" .>: error 
    …
    : boat/templates/a.yaml:1:19: executing "x" at <include "x" .>: error calling include: template: boat/templates/a.yaml:1:19: executing "x" at <include "x" .>: error calling include: template: boat/templates/a.yaml:1:19: executing "x" at <include "x" .>: error calling include: rendering template has a nested reference name: x: unable to execute template

    Use --debug flag to render out invalid YAML
    "#);
}

#[tokio::test]
async fn versions_of_kubernetes() {
    let place = Place::with(&[GOOD]);
    place.file(
        "boat/Chart.yaml",
        "apiVersion: v2\nname: boat\nversion: 0.1.0\nkubeVersion: \">=1.30.0\"\n",
    );
    insta::assert_snapshot!(place.fails(&["boat", "--kube-version", "soon"]).await, @r#"
    Error: invalid kube version 'soon': could not parse "soon" as version
      hint: expected a version such as 1.34 or v1.34.2
    "#);
    insta::assert_snapshot!(place.fails(&["boat", "--kube-version", "1.29"]).await, @r#"
    Error: chart requires kubeVersion: >=1.30.0 which is incompatible with Kubernetes v1.29

    Use --debug flag to render out invalid YAML
      hint: --kube-version says what version of Kubernetes it is rendered for
    "#);
}

#[tokio::test]
async fn dependencies_that_are_missing() {
    let place = Place::with(&[GOOD]);
    place.file(
        "boat/Chart.yaml",
        "apiVersion: v2\nname: boat\nversion: 0.1.0\ndependencies:\n- {name: oar, version: 1.x, repository: \"http://127.0.0.1:1\"}\n",
    );
    insta::assert_snapshot!(place.fails(&["boat"]).await, @r#"
    Error: an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: oar
      hint: --dependency-update fetches what is missing, and leaves the chart's folder as it is
    "#);
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
    ] {
        said.push_str(&place.fails(&["boat", flag]).await);
    }
    insta::assert_snapshot!(said, @r#"
    Error: this command asks no cluster
      hint: `kubectl apply --dry-run=server -f -` checks what it prints
    Error: this command asks no cluster
      hint: `kubectl apply --dry-run=server -f -` checks what it prints
    Error: --enable-dns is not supported: templates have no network
      hint: give addresses as values
    Error: --post-renderer is not supported
      hint: pipe what is printed through it
    Error: --insecure-skip-tls-verify is not supported
      hint: --ca-file FILE trusts the server's own certificates
    Error: --pass-credentials is not supported: credentials go to the host that they are for, and to no other
    "#);
}

#[tokio::test]
async fn an_engine_that_is_not_there() {
    let place = Place::with(&[GOOD]);
    place.file("engine.wasm", "no engine");
    insta::assert_snapshot!(place.fails(&["boat", "--engine", "nowhere.wasm"]).await, @"
    Error: cannot read Helm's engine: open nowhere.wasm: no such file or directory
      hint: --engine names it, or --modules its directory; `cargo xtask modules` builds it
    ");
    insta::assert_snapshot!(place.fails(&["boat", "--engine", "engine.wasm"]).await, @"
    Error: engine.wasm is not Helm's engine
      cause: expected a WebAssembly component, found no WebAssembly
    ");
}
