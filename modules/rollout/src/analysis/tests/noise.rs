//! Texts that nobody would write: refused or taken, and never the end of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use oarlock_sdk::{Context, json};

use crate::analysis::condition::Condition;
use crate::analysis::duration::GoDuration;
use crate::analysis::text::Text;
use crate::analysis::url::Url;
use crate::analysis::{Scope, excerpt, window};

#[test]
fn no_text_ends_a_run() {
    let parts = [
        "result",
        "len(",
        "(",
        ")",
        "[",
        "]",
        ".",
        "&&",
        "||",
        "!",
        "==",
        "<",
        ">=",
        "1",
        "5m",
        "-",
        "1e",
        "\"",
        "'",
        "\\",
        "é",
        " ",
        "{{",
        "}}",
        "interval",
        "variables.",
        "offset",
        ":",
        "#",
        "`",
        "\n",
        "h",
        "http://",
        "@",
        "/",
    ];
    let mut rng = Context::builder().seed(7).build().rng();
    for _ in 0..20_000 {
        let length = rng.below(12);
        let text: String = (0..length)
            .map(|_| parts[usize::try_from(rng.below(parts.len() as u64)).unwrap()])
            .collect();
        if let Ok(condition) = Condition::parse(&text) {
            let _ = condition.holds(&json!({"a": [1]}));
        }
        if let Ok(parsed) = Text::parse(&text, &BTreeMap::new()) {
            parsed.fill(&Scope::default(), "1m");
        }
        if let Ok(duration) = text.parse::<GoDuration>() {
            assert!(duration.to_string().parse::<GoDuration>().is_ok(), "{text}");
        }
        if let Ok(url) = Url::parse(&text) {
            assert!(text.starts_with(url.origin()));
        }
        assert!(window::reach(&text) <= Duration::from_secs(1_000_000_000));
        assert!(excerpt::of(text.as_bytes()).len() < 1000);
    }
}
