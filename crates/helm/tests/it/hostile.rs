//! Charts that would harm: an error each, and the next render is none the worse.

use std::time::Duration;

use oarlock_helm::{Engine, Failure, Options, RenderError};
use oarlock_wasm::LibraryLimits;

use crate::bench::{LOADER, bytes, host, refusal, render, request, template};

/// An engine with tighter limits than charts need.
async fn tight() -> Engine {
    let limits = LibraryLimits {
        cpu: Duration::from_secs(5),
        memory: 256 << 20,
        ..LibraryLimits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    Engine::load(&LOADER, bytes(), options).await.unwrap()
}

async fn refused(engine: &Engine, text: &str) -> RenderError {
    let chart = template(text);
    let answer = engine.render(&request(&chart, "{}"), host(&chart)).await;
    answer.expect_err("the render should have failed")
}

async fn still_renders() {
    let chart = template("kind: A\nname: {{ .Release.Name }}");
    let rendered = render(&chart, "{}").await.unwrap();
    assert_eq!(rendered.documents.len(), 1);
}

#[tokio::test]
async fn endless_recursion() {
    let mut causes = Vec::new();
    for text in [
        r#"{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}"#,
        r#"{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}"#,
        r#"{{ define "a" }}{{ tpl "{{ include \"a\" . }}" . }}{{ end }}{{ include "a" . }}"#,
    ] {
        let error = refusal(&template(text), "{}").await;
        assert!(
            matches!(error, RenderError::Failure(Failure::Template(_))),
            "{text}: {error:?}"
        );
        // Before the cause stands the way to it.
        let said = error.to_string();
        let cause = said.lines().last().unwrap().rsplit(": ").take(3);
        causes.push(cause.collect::<Vec<_>>().join(" <- "));
    }
    insta::assert_snapshot!(causes.join("\n"), @"
    unable to execute template <- a <- rendering template has a nested reference name
        exceeded maximum template depth (1000)
    unable to execute template <- a <- rendering template has a nested reference name
    ");
    still_renders().await;
}

#[tokio::test]
async fn memory_bombs() {
    let engine = tight().await;
    for text in [
        r#"{{ repeat 2000000000 "x" }}"#,
        "{{ until 2000000000 | len }}",
        r#"{{ $x := "xxxxxxxxxxxxxxxx" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}"#,
    ] {
        let said = refused(&engine, text).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(said, @"the library oarlock:helm/engine@0.1.0 asked for more than 268435456 bytes of memory for one call; hint: look for an endless loop, or far too much, in what it was given; --library-memory and the memory limit of the container bound it, too");
        }
    }
    still_renders().await;
}

#[tokio::test]
async fn loops_without_end() {
    let engine = tight().await;
    let text = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    insta::assert_snapshot!(refused(&engine, text).await, @"the library oarlock:helm/engine@0.1.0 used more than 5s of CPU time for one call; hint: look for an endless loop, or far too much, in what it was given");
    still_renders().await;
}
