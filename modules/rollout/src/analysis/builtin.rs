//! The queries that need no text: success rate and duration of HTTP requests, of the Pods of the new version alone.

use super::answer::Trouble;
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
    ///
    /// # Errors
    ///
    /// Where the Pods cannot be told from others.
    pub(crate) fn query(
        self,
        series: &Series,
        scope: &Scope,
        window: GoDuration,
    ) -> Result<String, Trouble> {
        let requests = &series.requests;
        let pods = selector(series, scope)?;
        Ok(match self {
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
        })
    }

    /// How many requests there were in the window.
    ///
    /// # Errors
    ///
    /// As [`Builtin::query`].
    pub(crate) fn samples(
        series: &Series,
        scope: &Scope,
        window: GoDuration,
    ) -> Result<String, Trouble> {
        let pods = selector(series, scope)?;
        let requests = &series.requests;
        Ok(format!(
            "sum(increase({requests}_count{{{pods}}}[{window}]))"
        ))
    }
}

fn selector(series: &Series, scope: &Scope) -> Result<String, Trouble> {
    let pods = pods(&scope.pods).ok_or_else(|| {
        Trouble::Template(format!(
            "Deployment {}: its name is longer than {LONGEST} characters: too little of it is in the names of its Pods to tell \
             them from others\nhint: a query of one's own can go by another label",
            scope.pods
        ))
    })?;
    Ok(format!(
        "{}=\"{}\",{}=~\"{pods}\"",
        series.namespace, scope.namespace, series.pod
    ))
}

/// Longer names leave no room for what tells a Pod from one of a Deployment whose name is longer.
const LONGEST: usize = 54;

/// A regular expression, which Prometheus anchors, for the Pods of a Deployment and of none whose name is longer, such as
/// `NAME-stable`. None where there is no such expression.
///
/// A Pod is called after its ReplicaSet, which is called after its Deployment: `NAME-HASH-RANDOM`. All before the five random
/// characters is cut off after 58. Kubernetes makes hashes of characters that make no words, and without vowels.
fn pods(deployment: &str) -> Option<String> {
    const CUT: usize = 58;
    const LONGEST_HASH: usize = 10;
    const SAFE: &str = "[bcdfghjklmnpqrstvwxz2456789]";
    if deployment.len() > LONGEST {
        return None;
    }
    let name = deployment.replace('.', "[.]");
    let room = CUT - deployment.len() - 1;
    Some(if room > LONGEST_HASH {
        format!("{name}-[a-z0-9]+-[a-z0-9]{{5}}")
    } else if room >= 8 {
        let (whole, cut) = (room - 1, room + 5);
        format!("{name}-({SAFE}{{{cut}}}|{SAFE}{{7,{whole}}}-[a-z0-9]{{5}})")
    } else {
        format!("{name}-{SAFE}{{{}}}", room + 5)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

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
            assert_eq!(query.unwrap(), wanted);
        }
    }

    #[test]
    fn long_names_are_cut_as_pods_names_are() {
        const SAFE: &str = "[bcdfghjklmnpqrstvwxz2456789]";
        for (length, suffix) in [
            (46, "-[a-z0-9]+-[a-z0-9]{5}".to_owned()),
            (47, format!("-({SAFE}{{15}}|{SAFE}{{7,9}}-[a-z0-9]{{5}})")),
            (49, format!("-({SAFE}{{13}}|{SAFE}{{7,7}}-[a-z0-9]{{5}})")),
            (50, format!("-{SAFE}{{12}}")),
            (54, format!("-{SAFE}{{8}}")),
        ] {
            let name = "a".repeat(length);
            assert_eq!(pods(&name).unwrap(), format!("{name}{suffix}"));
        }
        let scope = Scope {
            pods: "a".repeat(55),
            ..Scope::default()
        };
        let minute = GoDuration(Duration::from_secs(60));
        let trouble = Builtin::samples(&Series::default(), &scope, minute).unwrap_err();
        assert_eq!(
            trouble.to_string(),
            format!(
                "Deployment {}: its name is longer than 54 characters: too little of it is in the names of its Pods to tell them \
                 from others\nhint: a query of one's own can go by another label",
                "a".repeat(55)
            )
        );
    }
}
