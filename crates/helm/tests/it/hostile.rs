//! Charts that would harm: an error each, and the next render is none the worse.

use std::time::Duration;

use oarlock_core::reconciler::{Fault, LibraryFault};
use oarlock_helm::{Engine, Failure, Options, RenderError};
use oarlock_wasm::LibraryLimits;

use crate::bench::{LOADER, bytes, host, refusal, render, request, template};

async fn still_renders() {
    let chart = template("kind: A\nname: {{ .Release.Name }}");
    let rendered = render(&chart, "{}").await.unwrap();
    assert_eq!(rendered.documents.len(), 1);
}

#[tokio::test]
async fn endless_recursion() {
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
        let said = error.to_string();
        let first = said.lines().next().unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(first.split("error calling").next().unwrap(), @"");
        }
    }
    still_renders().await;
}

#[tokio::test]
async fn memory_bombs() {
    for text in [
        r#"{{ repeat 2000000000 "x" }}"#,
        "{{ until 2000000000 | len }}",
        r#"{{ $x := "xxxxxxxxxxxxxxxx" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}"#,
    ] {
        let error = refusal(&template(text), "{}").await;
        let RenderError::Fault(Fault::Library { library, fault }) = &error else {
            panic!("{text}: {error:?}");
        };
        assert_eq!(library, "oarlock:helm/engine@0.1.0");
        assert_eq!(
            *fault,
            LibraryFault::MemoryExceeded { limit: 1 << 30 },
            "{text}"
        );
    }
    still_renders().await;
}

#[tokio::test]
async fn loops_without_end() {
    let limits = LibraryLimits {
        cpu: Duration::from_secs(2),
        ..LibraryLimits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let engine = Engine::load(&LOADER, bytes(), options).await.unwrap();
    let chart = template("{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}");
    let answer = engine.render(&request(&chart, "{}"), host(&chart)).await;
    insta::assert_snapshot!(answer.unwrap_err(), @"");
    still_renders().await;
}
