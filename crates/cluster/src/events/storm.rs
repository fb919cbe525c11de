//! What keeps a storm of Events from the API server: client-go's two rules, with its figures.
//!
//! Similar Events, of which only the text differs, become one after the tenth within ten minutes. And an object has twenty-five
//! Events at once and one more every five minutes: whoever reads them has seen enough by then.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use oarlock_core::cluster::EventRecord;
use oarlock_core::reference::{ObjectRef, Uid};
use oarlock_core::timestamp::Timestamp;

/// So many different Events of one reason about one object are kept apart.
const MOST_SIMILAR: usize = 10;
/// As long as the next one is not further away than this.
const SIMILAR_WITHIN: Duration = Duration::from_secs(600);
/// Events about one object at once.
const BURST: f64 = 25.0;
/// How long until there is one more.
const REFILL: Duration = Duration::from_secs(300);
/// Objects that are remembered. One that is forgotten begins anew.
const MOST_OBJECTS: usize = 4096;

/// What was told of late.
#[derive(Default)]
pub(super) struct Storm {
    similar: HashMap<Group, Similar>,
    objects: HashMap<About, Level>,
}

/// What an Event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct About {
    target: ObjectRef,
    uid: Option<Uid>,
    reporter: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    about: About,
    warning: bool,
    reason: String,
}

struct Similar {
    keys: BTreeSet<String>,
    last: Timestamp,
}

struct Level {
    tokens: f64,
    at: Timestamp,
}

impl Storm {
    /// The Event as it is to be recorded; `None` where it is one too many.
    pub(super) fn pass(&mut self, event: EventRecord) -> Option<EventRecord> {
        let event = self.combine(event);
        self.take(&event).then_some(event)
    }

    fn combine(&mut self, mut event: EventRecord) -> EventRecord {
        let group = Group {
            about: About::of(&event),
            warning: event.warning,
            reason: event.reason.clone(),
        };
        if self.similar.len() >= MOST_OBJECTS && !self.similar.contains_key(&group) {
            let now = event.now;
            self.similar
                .retain(|_, similar| now.since(similar.last) <= SIMILAR_WITHIN);
            if self.similar.len() >= MOST_OBJECTS {
                self.similar.clear();
            }
        }
        let similar = self.similar.entry(group).or_insert_with(|| Similar {
            keys: BTreeSet::new(),
            last: event.now,
        });
        if event.now.since(similar.last) > SIMILAR_WITHIN {
            similar.keys.clear();
        }
        similar.last = event.now;
        if similar.keys.contains(&event.key) {
            return event;
        }
        if similar.keys.len() < MOST_SIMILAR {
            similar.keys.insert(event.key.clone());
            return event;
        }
        event.key = format!("similar-{}", event.reason);
        event.message = format!("(combined from similar events): {}", event.message);
        event
    }

    fn take(&mut self, event: &EventRecord) -> bool {
        let about = About::of(event);
        if self.objects.len() >= MOST_OBJECTS && !self.objects.contains_key(&about) {
            let now = event.now;
            self.objects.retain(|_, level| level.at_time(now) < BURST);
            if self.objects.len() >= MOST_OBJECTS {
                self.objects.clear();
            }
        }
        let level = self.objects.entry(about).or_insert(Level {
            tokens: BURST,
            at: event.now,
        });
        level.tokens = level.at_time(event.now);
        level.at = event.now;
        if level.tokens < 1.0 {
            return false;
        }
        level.tokens -= 1.0;
        true
    }
}

impl Level {
    fn at_time(&self, now: Timestamp) -> f64 {
        let filled = now.since(self.at).as_secs_f64() / REFILL.as_secs_f64();
        (self.tokens + filled).min(BURST)
    }
}

impl About {
    fn of(event: &EventRecord) -> Self {
        Self {
            target: event.about.clone(),
            uid: event.uid.clone(),
            reporter: event.reporter.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use oarlock_core::reference::Gvk;

    use super::*;

    fn event(name: &str, key: &str, seconds: u64) -> EventRecord {
        EventRecord {
            about: ObjectRef::new(Gvk::new("", "v1", "Thing"), Some("n"), name),
            uid: None,
            key: key.to_owned(),
            warning: true,
            reason: "Failed".to_owned(),
            message: key.to_owned(),
            reporter: "oarlock/x".to_owned(),
            now: Timestamp::from_millis(seconds * 1000),
        }
    }

    #[test]
    fn the_eleventh_similar_event_is_combined_and_known_ones_are_not() {
        let mut storm = Storm::default();
        let mut key = |key: &str, seconds| {
            let event = storm.pass(event("a", key, seconds));
            event.map(|event| event.key).unwrap_or_default()
        };
        for n in 0..MOST_SIMILAR {
            let n = n.to_string();
            assert_eq!(key(&n, 0), n);
        }
        assert_eq!(key("new", 1), "similar-Failed");
        assert_eq!(key("newer", 2), "similar-Failed");
        assert_eq!(key("3", 3), "3");
        assert_eq!(key("later", 1000), "later", "quiet for ten minutes");
        let combined = Storm::default().combine(event("a", "k", 0));
        assert_eq!(combined.message, "k");
    }

    #[test]
    fn an_object_has_twenty_five_events_and_one_more_every_five_minutes() {
        let mut storm = Storm::default();
        let mut told = |name: &str, seconds| {
            let events = (0..100).filter(|_| storm.pass(event(name, "k", seconds)).is_some());
            events.count()
        };
        assert_eq!(told("a", 0), 25);
        assert_eq!(told("b", 0), 25, "of its own");
        assert_eq!(told("a", 299), 0);
        assert_eq!(told("a", 301), 1);
        assert_eq!(
            told("a", 301 + 3000),
            10,
            "one for every five minutes since"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut storm = Storm::default();
        for n in 0..3 * MOST_OBJECTS {
            storm.pass(event(&n.to_string(), "k", 0));
        }
        assert!(storm.objects.len() <= MOST_OBJECTS && storm.similar.len() <= MOST_OBJECTS);
    }
}
