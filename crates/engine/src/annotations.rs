//! What a user may ask of the host by an annotation on any object, whatever its module.
//!
//! Pure: annotations in, wishes out. The names are the host's own and those that users of the Operator SDK and of Flux know.

use std::time::Duration;

use oarlock_config::GoDuration;
use oarlock_core::marks::RELEASE_ANNOTATION;
use oarlock_core::object::Object;
use serde_json::Value;

/// Pauses an object: any value but `false`, as Cluster API reads its own.
pub(crate) const PAUSED: &str = "oarlock.dev/paused";

/// Ask for a run: whenever one of them changes. The value is the user's, a time by custom.
const REQUESTED: [&str; 2] = [
    "oarlock.dev/requested-at",
    "reconcile.fluxcd.io/requestedAt",
];

/// The host's answer: the value that was asked with, once the run that it asked for is over.
pub(crate) const HANDLED: &str = "oarlock.dev/handled-at";

/// The period of one object; the first that is there counts.
const PERIODS: [&str; 3] = [
    "oarlock.dev/reconcile-period",
    "ansible.sdk.operatorframework.io/reconcile-period",
    "helm.sdk.operatorframework.io/reconcile-period",
];

/// Shortest period of an object: its user must not be able to keep the host busy.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

/// What an object's user wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Nothing is to be done.
    pub(crate) paused: bool,
    /// A run is asked for that is not answered yet: with this value.
    pub(crate) requested: Option<String>,
    /// Instead of the watch's period.
    pub(crate) period: Option<Duration>,
    /// An annotation that cannot be read.
    pub(crate) unreadable: Option<Unreadable>,
}

/// An annotation that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its value.
    pub(crate) value: String,
    /// What is wrong with it, and what to do.
    pub(crate) problem: String,
}

impl Wishes {
    /// The wishes on `object`.
    pub(crate) fn of(object: &Object) -> Self {
        let Some(annotations) = object.pointer("/metadata/annotations") else {
            return Self::default();
        };
        let text = |name: &str| annotations.get(name).and_then(Value::as_str);
        let requests: Vec<&str> = REQUESTED.into_iter().filter_map(text).collect();
        let request = requests.join(",");
        let mut wishes = Self {
            // Whoever releases an object wants it gone, however it was left.
            paused: text(PAUSED).is_some_and(|value| value != "false")
                && text(RELEASE_ANNOTATION).is_none(),
            requested: (!requests.is_empty() && text(HANDLED) != Some(&request)).then_some(request),
            ..Self::default()
        };
        let period = PERIODS
            .into_iter()
            .find_map(|name| Some((name, text(name)?)));
        if let Some((name, value)) = period {
            match value.parse::<GoDuration>() {
                // As in the watches file: none of its own.
                Ok(period) if period.get().is_zero() => {}
                Ok(period) => wishes.period = Some(period.get().max(SHORTEST_PERIOD)),
                Err(error) => {
                    let hint = error.hint().map(|hint| format!("; hint: {hint}"));
                    wishes.unreadable = Some(Unreadable {
                        name,
                        value: value.to_owned(),
                        problem: format!("{error}{}", hint.unwrap_or_default()),
                    });
                }
            }
        }
        wishes
    }
}

/// Whether an object's user asks for something else than before: labels decide whom a watch selects, and the annotations of
/// this file what the host does. Other annotations are written by programs, often and for each other.
pub(crate) fn differ(old: &Object, new: &Object) -> bool {
    let known = |object: &Object| {
        let annotations = object.pointer("/metadata/annotations");
        let names = [PAUSED, RELEASE_ANNOTATION].into_iter();
        let names = names.chain(REQUESTED).chain(PERIODS);
        names
            .map(|name| annotations.and_then(|map| map.get(name)).cloned())
            .collect::<Vec<_>>()
    };
    old.pointer("/metadata/labels") != new.pointer("/metadata/labels") || known(old) != known(new)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn object(annotations: Value) -> Object {
        Object::from_value(json!({
            "apiVersion": "g/v1", "kind": "K", "metadata": {"name": "a", "annotations": annotations},
        }))
        .unwrap()
    }

    fn wishes(annotations: Value) -> Wishes {
        Wishes::of(&object(annotations))
    }

    #[test]
    fn no_annotations_no_wishes() {
        assert_eq!(wishes(Value::Null), Wishes::default());
        assert_eq!(wishes(json!({"a": "b"})), Wishes::default());
    }

    #[test]
    fn whatever_is_not_false_pauses() {
        for (value, paused) in [("true", true), ("", true), ("yes", true), ("false", false)] {
            assert_eq!(wishes(json!({"oarlock.dev/paused": value})).paused, paused);
        }
    }

    #[test]
    fn a_request_is_open_until_it_is_answered() {
        let requested = |annotations| wishes(annotations).requested;
        let open = json!({"oarlock.dev/requested-at": "t1", "oarlock.dev/handled-at": "t0"});
        assert_eq!(requested(open).as_deref(), Some("t1"));
        let answered = json!({"oarlock.dev/requested-at": "t1", "oarlock.dev/handled-at": "t1"});
        assert_eq!(requested(answered), None);
        let by_flux = json!({"reconcile.fluxcd.io/requestedAt": "t2"});
        assert_eq!(requested(by_flux).as_deref(), Some("t2"));
    }

    #[test]
    fn periods_are_of_go_and_of_three_names() {
        let period = |annotations| wishes(annotations).period.map(|period| period.as_secs());
        assert_eq!(
            period(json!({"oarlock.dev/reconcile-period": "1m30s"})),
            Some(90)
        );
        assert_eq!(
            period(json!({"ansible.sdk.operatorframework.io/reconcile-period": "30s"})),
            Some(30)
        );
        assert_eq!(
            period(json!({"helm.sdk.operatorframework.io/reconcile-period": "30s"})),
            Some(30)
        );
        assert_eq!(period(json!({"oarlock.dev/reconcile-period": "0"})), None);
        assert_eq!(
            period(json!({"oarlock.dev/reconcile-period": "1ms"})),
            Some(1)
        );
        let bad = wishes(json!({"oarlock.dev/reconcile-period": "10"}));
        assert_eq!(bad.period, None);
        insta::assert_snapshot!(
            bad.unreadable.unwrap().problem,
            @r#""10" has no unit; hint: write 10s for seconds; the units are ns, us, ms, s, m, h"#
        );
    }

    #[test]
    fn what_programs_write_is_nobodys_wish() {
        let plain = object(json!({"heartbeat": "1"}));
        assert!(!differ(&plain, &object(json!({"heartbeat": "2"}))));
        assert!(!differ(
            &plain,
            &object(json!({"oarlock.dev/handled-at": "2"}))
        ));
        assert!(differ(
            &plain,
            &object(json!({"oarlock.dev/paused": "true"}))
        ));
    }
}
