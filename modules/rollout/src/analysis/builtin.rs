//! The queries that need no text: success rate and duration of HTTP requests, of the Pods of the new version alone.

use super::duration::GoDuration;
use super::scope::Scope;
use super::settings::Series;

/// A query that is known by name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Builtin {
    /// Percent of the requests that were not answered with 5xx.
    SuccessRate,
    /// Milliseconds within which 99 of 100 requests were answered.
    Duration,
}

/// All of them, as they are called.
pub(crate) const NAMES: &str = "request-success-rate, request-duration";

impl Builtin {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "request-success-rate" => Some(Self::SuccessRate),
            "request-duration" => Some(Self::Duration),
            _ => None,
        }
    }

    /// The query. A rate without any 5xx has no series for them: that is zero of them, and not nothing. Without any requests
    /// the answer is empty or NaN: no data.
    pub(crate) fn query(self, series: &Series, scope: &Scope, window: GoDuration) -> String {
        let requests = &series.requests;
        let pods = selector(series, scope);
        match self {
            Self::SuccessRate => {
                let failed = format!("{pods},{}=~\"5..\"", series.status);
                format!(
                    "100 * (1 - (sum(rate({requests}_count{{{failed}}}[{window}])) or vector(0)) \
                     / sum(rate({requests}_count{{{pods}}}[{window}])))"
                )
            }
            Self::Duration => format!(
                "1000 * histogram_quantile(0.99, sum by (le) (rate({requests}_bucket{{{pods}}}[{window}])))"
            ),
        }
    }

    /// How many requests there were in the window.
    pub(crate) fn samples(series: &Series, scope: &Scope, window: GoDuration) -> String {
        let pods = selector(series, scope);
        format!(
            "sum(increase({}_count{{{pods}}}[{window}]))",
            series.requests
        )
    }
}

fn selector(series: &Series, scope: &Scope) -> String {
    format!(
        "{}=\"{}\",{}=~\"{}\"",
        series.namespace,
        scope.namespace,
        series.pod,
        pods(&scope.pods)
    )
}

/// A regular expression, which Prometheus anchors, for the Pods of a Deployment and of none whose name is longer.
///
/// A Pod is called after its ReplicaSet, which is called after its Deployment: `NAME-HASH-RANDOM`. All before the five random
/// characters is cut off after 58.
fn pods(deployment: &str) -> String {
    const CUT: usize = 58;
    const LONGEST_HASH: usize = 10;
    let name = |text: &str| text.replace('.', "[.]");
    match CUT.checked_sub(deployment.len() + 1) {
        Some(room) if room > LONGEST_HASH => {
            format!("{}-[a-z0-9]+-[a-z0-9]{{5}}", name(deployment))
        }
        Some(room) if room >= 8 => format!(
            "{}-([a-z0-9]{{{}}}|[a-z0-9]{{7,{}}}-[a-z0-9]{{5}})",
            name(deployment),
            room + 5,
            room - 1
        ),
        Some(room) => format!("{}-[a-z0-9]{{{}}}", name(deployment), room + 5),
        None => format!(
            "{}[a-z0-9]{{5}}",
            name(deployment.get(..CUT).unwrap_or(deployment))
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Builtin, pods};
    use crate::analysis::duration::GoDuration;
    use crate::analysis::scope::Scope;
    use crate::analysis::settings::Series;

    #[test]
    fn the_queries_are_these() {
        let scope = Scope {
            namespace: "prod".into(),
            pods: "nginx-1.7.8".into(),
            ..Scope::default()
        };
        let minute = GoDuration(Duration::from_secs(60));
        let plain = Series::default();
        let other = Series {
            requests: "http_server_seconds".into(),
            status: "code".into(),
            namespace: "kubernetes_namespace".into(),
            pod: "kubernetes_pod_name".into(),
            ..Series::default()
        };
        let golden = [
            (
                Builtin::SuccessRate.query(&plain, &scope, minute),
                "100 * (1 - (sum(rate(http_request_duration_seconds_count{namespace=\"prod\",\
                 pod=~\"nginx-1[.]7[.]8-[a-z0-9]+-[a-z0-9]{5}\",status=~\"5..\"}[1m])) or vector(0)) \
                 / sum(rate(http_request_duration_seconds_count{namespace=\"prod\",\
                 pod=~\"nginx-1[.]7[.]8-[a-z0-9]+-[a-z0-9]{5}\"}[1m])))",
            ),
            (
                Builtin::Duration.query(&plain, &scope, minute),
                "1000 * histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{namespace=\"prod\",\
                 pod=~\"nginx-1[.]7[.]8-[a-z0-9]+-[a-z0-9]{5}\"}[1m])))",
            ),
            (
                Builtin::samples(&plain, &scope, minute),
                "sum(increase(http_request_duration_seconds_count{namespace=\"prod\",\
                 pod=~\"nginx-1[.]7[.]8-[a-z0-9]+-[a-z0-9]{5}\"}[1m]))",
            ),
            (
                Builtin::SuccessRate.query(&other, &scope, GoDuration(Duration::from_secs(45))),
                "100 * (1 - (sum(rate(http_server_seconds_count{kubernetes_namespace=\"prod\",\
                 kubernetes_pod_name=~\"nginx-1[.]7[.]8-[a-z0-9]+-[a-z0-9]{5}\",code=~\"5..\"}[45s])) or vector(0)) \
                 / sum(rate(http_server_seconds_count{kubernetes_namespace=\"prod\",\
                 kubernetes_pod_name=~\"nginx-1[.]7[.]8-[a-z0-9]+-[a-z0-9]{5}\"}[45s])))",
            ),
        ];
        for (query, wanted) in golden {
            assert_eq!(query, wanted);
        }
    }

    #[test]
    fn long_names_are_cut_as_pods_names_are() {
        for (length, suffix) in [
            (46, "-[a-z0-9]+-[a-z0-9]{5}"),
            (47, "-([a-z0-9]{15}|[a-z0-9]{7,9}-[a-z0-9]{5})"),
            (49, "-([a-z0-9]{13}|[a-z0-9]{7,7}-[a-z0-9]{5})"),
            (50, "-[a-z0-9]{12}"),
            (57, "-[a-z0-9]{5}"),
        ] {
            let name = "a".repeat(length);
            assert_eq!(pods(&name), format!("{name}{suffix}"));
        }
        assert_eq!(
            pods(&"a".repeat(60)),
            format!("{}[a-z0-9]{{5}}", "a".repeat(58))
        );
    }
}
