//! What may not be true any more, however young it is: answers of sources to which something was pushed since they were asked.

use std::collections::HashMap;
use std::time::Duration;

use oarlock_core::artifact::Upstream;
use oarlock_core::timestamp::Timestamp;
use parking_lot::Mutex;

use crate::question::Question;

/// Sources that are told apart. Beyond that all are taken for pushed to, once.
const MOST: usize = 1024;

/// Who looked longer ago than this asks no more: what was known was enough, or the source did not answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// Pushes, and questions that may be under way: who asked before a push does not know of it, whenever the answer comes.
#[derive(Debug, Default)]
pub(crate) struct Forgotten(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pushes: HashMap<Upstream, Push>,
    /// All others, once.
    others: Option<Push>,
    last: u64,
    /// Who looked first since the last answer, by the question's name: when, and after which push.
    looked: HashMap<String, (Timestamp, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Push {
    at: Timestamp,
    /// Which one of all it was.
    number: u64,
}

impl State {
    /// The last push that concerns a question.
    fn of(&self, question: &Question) -> Option<Push> {
        let concerns = |upstream: &Upstream| upstream.holds(question.address());
        let pushes = self.pushes.iter();
        pushes
            .filter(|(upstream, _)| concerns(upstream))
            .map(|(_, push)| *push)
            .chain(self.others)
            .max_by_key(|push| push.number)
    }
}

impl Forgotten {
    /// Something was pushed to `upstreams`.
    pub(crate) fn push(&self, upstreams: &[Upstream], at: Timestamp) {
        let mut state = self.0.lock();
        let mut number = state.last;
        for upstream in upstreams {
            number += 1;
            if state.pushes.len() >= MOST && !state.pushes.contains_key(upstream) {
                state.pushes.clear();
                state.others = Some(Push { at, number });
            }
            state.pushes.insert(upstream.clone(), Push { at, number });
        }
        state.last = number;
    }

    /// Whether an answer of then still counts.
    pub(crate) fn counts(&self, question: &Question, asked: Timestamp) -> bool {
        let push = self.0.lock().of(question);
        push.is_none_or(|push| push.at < asked)
    }

    /// How many pushes there were, as far as they concern the upstream or question `of`: who asks after one does not join who asked
    /// before it.
    pub(crate) fn number(&self, upstream: Option<&Upstream>) -> u64 {
        let state = self.0.lock();
        let own = upstream.and_then(|upstream| state.pushes.get(upstream));
        let push = own.or(state.others.as_ref());
        push.map_or(0, |push| push.number)
    }

    /// The same for what a question is about.
    pub(crate) fn number_of(&self, question: &Question) -> u64 {
        self.0.lock().of(question).map_or(0, |push| push.number)
    }

    /// Somebody looks for an answer, and may ask for a new one.
    pub(crate) fn looks(&self, question: &Question, now: Timestamp) {
        let mut state = self.0.lock();
        let number = state.of(question).map_or(0, |push| push.number);
        state.looked.retain(|_, (at, _)| now.since(*at) < PATIENCE);
        let name = question.hex().to_owned();
        state.looked.entry(name).or_insert((now, number));
    }

    /// Which instant an answer is of that comes now. Where it may have been asked for before a push, it is of no later one.
    pub(crate) fn answered(&self, question: &Question, now: Timestamp) -> Timestamp {
        let mut state = self.0.lock();
        let looked = state.looked.remove(question.hex());
        let push = state.of(question);
        match (looked, push) {
            (Some((_, number)), Some(push)) if number < push.number => push.at.min(now),
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use oarlock_core::artifact::Credentials;

    use super::*;
    use crate::question::Kind;

    fn upstream(text: &str) -> Upstream {
        Upstream::parse(text).unwrap()
    }

    fn refs(url: &str) -> Question {
        Question::new(Kind::Refs, format!("{url} main"), &Credentials::default())
    }

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_was_asked_before_a_push_does_not_count_after_it() {
        let forgotten = Forgotten::default();
        let (shop, other) = (
            refs("https://git.example/shop.git"),
            refs("https://git.example/other"),
        );
        assert!(forgotten.counts(&shop, at(10)));
        forgotten.push(&[upstream("git@git.example:shop")], at(20));
        assert!(!forgotten.counts(&shop, at(20)));
        assert!(forgotten.counts(&shop, at(21)));
        assert!(forgotten.counts(&other, at(10)));
    }

    #[test]
    fn an_answer_that_comes_after_a_push_may_be_of_before_it() {
        let forgotten = Forgotten::default();
        let shop = refs("https://git.example/shop");
        forgotten.looks(&shop, at(10));
        forgotten.push(&[upstream("https://git.example/shop")], at(20));
        // Whoever runs because of the push looks while the first one still asks.
        forgotten.looks(&shop, at(25));
        assert_eq!(forgotten.answered(&shop, at(30)), at(20));
        forgotten.looks(&shop, at(31));
        assert_eq!(forgotten.answered(&shop, at(40)), at(40));
    }

    #[test]
    fn who_asks_after_a_push_joins_nobody_from_before() {
        let forgotten = Forgotten::default();
        let (shop, other) = (
            upstream("https://git.example/shop"),
            upstream("https://git.example/x"),
        );
        let before = forgotten.number(Some(&shop));
        forgotten.push(std::slice::from_ref(&shop), at(1));
        let after = forgotten.number(Some(&shop));
        assert!(after > before);
        assert_eq!(
            forgotten.number_of(&refs("https://git.example/shop")),
            after
        );
        assert_eq!(forgotten.number(Some(&other)), before);
        assert_eq!(forgotten.number(None), before);
    }

    #[test]
    fn beyond_the_most_all_are_asked_again() {
        let forgotten = Forgotten::default();
        let many: Vec<Upstream> = (0..=MOST)
            .map(|number| upstream(&format!("https://git.example/{number}")))
            .collect();
        forgotten.push(&many, at(5));
        let first = refs("https://git.example/0");
        assert!(!forgotten.counts(&first, at(5)) && forgotten.counts(&first, at(6)));
        assert_eq!(forgotten.0.lock().pushes.len(), 1);
    }
}
