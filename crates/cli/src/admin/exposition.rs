//! The text of the metrics, in the format that a scraper asks for.
//!
//! Prometheus reads OpenMetrics since 2.5 and asks for it; whoever does not gets the classic text format, in which a counter's
//! name ends with `_total` in its description too.

use std::fmt;

use http::HeaderMap;
use http::header::ACCEPT;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own, 0.0.4.
    Classic,
}

impl Format {
    /// What a request's `Accept` names; classic where it names nothing that is known here.
    pub(super) fn asked_for(headers: &HeaderMap) -> Self {
        let open = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|range| {
                let kind = range.split(';').next().unwrap_or_default().trim();
                kind.eq_ignore_ascii_case("application/openmetrics-text")
            });
        if open {
            Self::OpenMetrics
        } else {
            Self::Classic
        }
    }

    /// Content type and text of all metrics.
    pub(super) fn encode(self, metrics: &Registry) -> Result<(&'static str, String), fmt::Error> {
        let mut text = String::new();
        encode(&mut text, metrics)?;
        Ok(match self {
            Self::OpenMetrics => (
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                text,
            ),
            Self::Classic => ("text/plain; version=0.0.4; charset=utf-8", classic(&text)),
        })
    }
}

/// From OpenMetrics, whose descriptions come as `# HELP`, `# TYPE`, `# UNIT`, and are closed by `# EOF`.
fn classic(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let counters: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut classic = String::with_capacity(text.len());
    for line in lines {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let described = line
            .strip_prefix("# HELP ")
            .map(|rest| ("# HELP ", rest))
            .or_else(|| Some(("# TYPE ", line.strip_prefix("# TYPE ")?)));
        if let Some((keyword, rest)) = described
            && let Some((name, more)) = rest.split_once(' ')
            && counters.contains(&name)
        {
            classic.push_str(&format!("{keyword}{name}_total {more}\n"));
        } else {
            classic.push_str(line);
            classic.push('\n');
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    fn asked(accept: &'static str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        Format::asked_for(&headers)
    }

    #[test]
    fn the_format_is_what_the_scraper_reads() {
        assert_eq!(
            asked(
                "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5"
            ),
            Format::OpenMetrics
        );
        assert_eq!(asked("text/plain;version=0.0.4"), Format::Classic);
        assert_eq!(asked("*/*"), Format::Classic);
        assert_eq!(Format::asked_for(&HeaderMap::new()), Format::Classic);
    }

    #[test]
    fn counters_are_described_by_the_name_that_they_have() {
        let mut registry = Registry::default();
        registry.register("asked", "Questions", Counter::<u64>::default());
        registry.register("asked_now", "Open questions", Gauge::<i64>::default());
        let (kind, text) = Format::OpenMetrics.encode(&registry).unwrap();
        assert!(kind.starts_with("application/openmetrics-text"));
        assert!(text.ends_with("# EOF\n"));
        let (kind, text) = Format::Classic.encode(&registry).unwrap();
        assert!(kind.starts_with("text/plain; version=0.0.4"));
        insta::assert_snapshot!(text, @r"
        # HELP asked_total Questions.
        # TYPE asked_total counter
        asked_total 0
        # HELP asked_now Open questions.
        # TYPE asked_now gauge
        asked_now 0
        ");
    }
}
