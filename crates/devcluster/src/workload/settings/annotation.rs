//! Behaviour as users write it into the pods of their manifests.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::Behaviour;

/// Annotation of a pod: how long it takes to be Ready, `5s`, `1m30s` or `250ms`.
pub const READY_AFTER: &str = "devcluster.oarlock.dev/ready-after";
/// Annotation of a pod: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable` or `NeverReady`.
pub const FAILS: &str = "devcluster.oarlock.dev/fails";

/// What the pod's annotations ask for. Unreadable ones are passed over with a warning in the log.
pub(super) fn behaviour(pod: &Pod) -> Option<Behaviour> {
    let annotation = |key: &str| pod.metadata.annotations.as_ref()?.get(key);
    if let Some(text) = annotation(FAILS) {
        match text.as_str() {
            "ImagePullBackOff" => return Some(Behaviour::ImagePullBackOff),
            "CrashLoopBackOff" => {
                return Some(Behaviour::CrashLoopBackOff {
                    after: Duration::ZERO,
                });
            }
            "Unschedulable" => return Some(Behaviour::Unschedulable),
            "NeverReady" => return Some(Behaviour::NeverReady),
            _ => unreadable(
                pod,
                FAILS,
                text,
                "one of ImagePullBackOff, CrashLoopBackOff, Unschedulable, NeverReady",
            ),
        }
    }
    let text = annotation(READY_AFTER)?;
    let delay = duration(text);
    if delay.is_none() {
        unreadable(pod, READY_AFTER, text, "a duration such as 5s");
    }
    delay.map(Behaviour::ReadyAfter)
}

fn unreadable(pod: &Pod, annotation: &str, text: &str, expected: &str) {
    tracing::warn!(
        pod = pod.metadata.name.as_deref().unwrap_or_default(),
        annotation,
        text,
        expected,
        "annotation of a pod is passed over"
    );
}

/// Durations as Go writes them: decimal numbers with `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let length = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(length);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        let part = number.parse::<f64>().ok()? * seconds;
        sum = sum.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("5s", Some(5_000)),
            ("250ms", Some(250)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("5 s", None),
        ];
        for (text, millis) in cases {
            assert_eq!(
                duration(text),
                millis.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }
}
