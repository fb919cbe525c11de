//! Answers that are kept: given only to who asks the same, may read the same, and would read the same.

use std::sync::Arc;
use std::time::Duration;

use oarlock_core::json::Json;
use oarlock_core::limits::Limits;
use oarlock_core::reference::Digest;
use oarlock_wasm::{EngineOptions, Loader, WasmModule};

use super::{LIBRARY, caller, loader, said, within};
use crate::guests::LIMITS;
use crate::host::FakeHost;

struct Bench {
    loader: Loader,
    module: WasmModule,
}

impl Bench {
    async fn new() -> Self {
        Self::with(EngineOptions::default()).await
    }

    async fn with(options: EngineOptions) -> Self {
        let loader = loader(options);
        let module = caller(&loader, LIBRARY).await;
        Self { loader, module }
    }

    /// The answer to a call, and the hits and misses so far.
    async fn call(&self, host: FakeHost, function: &str, argument: &str) -> (String, u64, u64) {
        let host = Arc::new(host);
        let answer = said(&self.module, &host, function, argument).await.unwrap();
        let figures = self.loader.answers();
        (answer, figures.hits, figures.misses)
    }
}

/// May read the Secrets of these names, with these contents, and no others.
fn secrets(secrets: &[(&str, &str)]) -> FakeHost {
    let secret = |(name, content): &(&str, &str)| {
        let json = Json::parse(&format!("{content:?}")).unwrap();
        ((*name).to_owned(), json)
    };
    FakeHost {
        named: secrets.iter().map(secret).collect(),
        ..FakeHost::default()
    }
}

fn answer(text: &str) -> String {
    text.to_owned()
}

#[tokio::test]
async fn an_equal_call_is_not_computed_again() {
    let bench = Bench::new().await;
    let host = FakeHost::default;
    let said = answer("oar oar ");
    assert_eq!(
        bench.call(host(), "repeat", "2").await,
        (said.clone(), 0, 1)
    );
    assert_eq!(bench.call(host(), "repeat", "2").await, (said, 1, 1));
    let (thrice, nothing) = (answer("oar oar oar "), answer(""));
    assert_eq!(bench.call(host(), "repeat", "3").await, (thrice, 1, 2));
    assert_eq!(bench.call(host(), "repeat", "0").await, (nothing, 1, 3));
    assert_eq!(bench.loader.answers().kept, 3);
    // An error is an answer, too.
    let (none, hits, _) = bench.call(host(), "turn-nothing", "").await;
    assert_eq!((none.as_str(), hits), ("Err(\"no pieces\")", 1));
    assert_eq!(bench.call(host(), "turn-nothing", "").await.1, 2);
}

#[tokio::test]
async fn what_was_read_is_read_again_through_the_callers_host() {
    let bench = Bench::new().await;
    let said = answer(r#"Ok(["\"north\"", "\"south\""])"#);
    let both = || secrets(&[("a", "north"), ("b", "south")]);
    let mut asked = Vec::new();
    for hits in [0, 1] {
        let host = Arc::new(both());
        let answer = super::said(&bench.module, &host, "secrets", "a,b").await;
        assert_eq!(answer.unwrap(), said);
        assert_eq!(bench.loader.answers().hits, hits);
        asked.push(host.asked());
    }
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[0].lines().count(), 2, "{asked:?}");
}

#[tokio::test]
async fn other_content_is_another_answer() {
    let bench = Bench::new().await;
    let of = async |content| {
        let host = secrets(&[("a", "north"), ("b", content)]);
        bench.call(host, "secrets", "a,b").await
    };
    let (south, east) = (
        answer(r#"Ok(["\"north\"", "\"south\""])"#),
        answer(r#"Ok(["\"north\"", "\"east\""])"#),
    );
    assert_eq!(of("south").await, (south.clone(), 0, 1));
    assert_eq!(of("east").await, (east.clone(), 0, 2));
    // Both are known now.
    assert_eq!(of("south").await, (south, 1, 2));
    assert_eq!(of("east").await, (east, 2, 2));
}

#[tokio::test]
async fn a_miss_reads_nothing_twice() {
    let bench = Bench::new().await;
    bench
        .call(secrets(&[("a", "1"), ("b", "2")]), "secrets", "a,b")
        .await;
    let host = Arc::new(secrets(&[("a", "1"), ("b", "3")]));
    let answer = said(&bench.module, &host, "secrets", "a,b").await.unwrap();
    assert_eq!(answer, r#"Ok(["\"1\"", "\"3\""])"#);
    assert_eq!(host.asked().lines().count(), 2, "{}", host.asked());
}

#[tokio::test]
async fn denied_stays_denied() {
    let bench = Bench::new().await;
    let granted = || secrets(&[("a", "north")]);
    let denied = answer(r#"Err("ReadError::Denied(\"no grant for get on secrets\")")"#);
    let given = answer(r#"Ok(["\"north\""])"#);
    assert_eq!(
        bench.call(granted(), "secrets", "a").await,
        (given.clone(), 0, 1)
    );
    assert_eq!(
        bench.call(secrets(&[]), "secrets", "a").await,
        (denied.clone(), 0, 2)
    );
    // Each gets its own again.
    assert_eq!(
        bench.call(secrets(&[]), "secrets", "a").await,
        (denied, 1, 2)
    );
    assert_eq!(bench.call(granted(), "secrets", "a").await, (given, 2, 2));
}

#[tokio::test]
async fn a_package_has_to_be_permitted_each_time() {
    let bench = Bench::new().await;
    let package = b"planks".to_vec();
    let digest = Digest::of(&package);
    let holder = || FakeHost {
        packages: vec![package.clone()],
        ..FakeHost::default()
    };
    let call = async |host| bench.call(host, "weigh", digest.as_str()).await;
    assert_eq!(call(holder()).await, (answer("Ok(6)"), 0, 1));
    assert_eq!(call(holder()).await, (answer("Ok(6)"), 1, 1));
    let (said, hits, misses) = call(FakeHost::default()).await;
    assert_eq!((hits, misses), (1, 2));
    assert!(said.contains("this run did not fetch it"), "{said}");
}

#[tokio::test]
async fn calls_to_the_outside_are_made_each_time() {
    let bench = Bench::new().await;
    for misses in [1, 2] {
        let said = bench
            .call(FakeHost::default(), "call", "http://harbour")
            .await;
        assert_eq!(said, (answer("Ok(200)"), 0, misses));
    }
    assert_eq!(bench.loader.answers().kept, 0);
}

#[tokio::test]
async fn a_kept_answer_does_not_log_again() {
    let bench = Bench::new().await;
    let mut lines = Vec::new();
    for _ in 0..2 {
        let host = Arc::default();
        said(&bench.module, &host, "log", "heave").await.unwrap();
        lines.push(host.lines.lock().len());
    }
    assert_eq!(lines, [1, 0]);
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes() {
    // Room for two answers of 40 kB, and for none of 400 kB.
    let bench = Bench::with(EngineOptions {
        answers: 100_000,
        ..EngineOptions::default()
    })
    .await;
    let hits = async |times: &str| bench.call(FakeHost::default(), "repeat", times).await.1;
    assert_eq!(hits("10000").await, 0);
    assert_eq!(hits("10001").await, 0);
    assert_eq!(hits("10000").await, 1);
    // Drops the second.
    assert_eq!(hits("10002").await, 1);
    assert_eq!(hits("10000").await, 2);
    assert_eq!(hits("10001").await, 2);
    let figures = bench.loader.answers();
    assert_eq!(figures.kept, 2);
    assert!(figures.bytes <= 100_000, "{figures:?}");
    assert_eq!(hits("100000").await, 2);
    assert_eq!(hits("100000").await, 2);
    assert_eq!(bench.loader.answers().kept, 2);
}

#[tokio::test]
async fn a_fault_is_no_answer() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        let host = Arc::default();
        said(&bench.module, &host, "commit", "trap")
            .await
            .unwrap_err();
    }
    let figures = bench.loader.answers();
    assert_eq!((figures.hits, figures.misses, figures.kept), (0, 2, 0));
}

#[tokio::test]
async fn one_question_keeps_a_handful_of_answers() {
    let bench = Bench::new().await;
    for content in 0..20 {
        let content = content.to_string();
        bench
            .call(secrets(&[("a", &content)]), "secrets", "a")
            .await;
    }
    assert_eq!(bench.loader.answers().kept, 8);
    // The last ones.
    assert_eq!(
        bench.call(secrets(&[("a", "19")]), "secrets", "a").await.1,
        1
    );
    assert_eq!(
        bench.call(secrets(&[("a", "11")]), "secrets", "a").await.1,
        1
    );
}

/// Secrets `a0000…`, `a0001…`, each name with so many bytes.
fn names(count: usize, length: usize) -> String {
    let name = |index: usize| format!("a{index:04}{}", "x".repeat(length - 5));
    (0..count).map(name).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn what_was_read_is_kept_up_to_a_number_of_bytes() {
    let bench = Bench::new().await;
    let host = || FakeHost {
        found: Some(Some(Json::parse("1").unwrap())),
        ..FakeHost::default()
    };
    let kept = async |count, length| {
        let (said, ..) = bench.call(host(), "secrets", &names(count, length)).await;
        assert!(said.starts_with("Ok"), "{said}");
        bench.loader.answers().kept
    };
    assert_eq!(kept(1000, 250).await, 1);
    assert_eq!(kept(5000, 250).await, 1, "more than a megabyte of names");
    assert_eq!(kept(100, 250).await, 2);
}

#[tokio::test]
async fn what_no_object_is_called_does_not_reach_the_host() {
    let bench = Bench::new().await;
    let host = Arc::new(FakeHost {
        found: Some(None),
        ..FakeHost::default()
    });
    let longest = said(&bench.module, &host, "secrets", &names(1, 253)).await;
    assert!(longest.unwrap().ends_with(" is missing\")"));
    let asked = host.asked();
    let longer = said(&bench.module, &host, "secrets", &names(1, 254)).await;
    insta::assert_snapshot!(longer.unwrap(), @r#"Err("ReadError::Denied(\"the name has 254 bytes, and 253 are the most that it may have\")")"#);
    assert_eq!(host.asked(), asked);
}

#[tokio::test]
async fn who_asks_again_does_not_pay_for_what_is_read_again() {
    let bench = Bench::new().await;
    let limits = Limits {
        cpu: Duration::from_millis(60),
        ..LIMITS
    };
    for hits in [0, 1] {
        let host = Arc::new(FakeHost {
            effort: Duration::from_millis(200),
            ..secrets(&[("a", "north")])
        });
        let said = within(&bench.module, &host, "secrets", "a", limits).await;
        assert_eq!(said.unwrap(), r#"Ok(["\"north\""])"#);
        assert_eq!(bench.loader.answers().hits, hits);
    }
}
