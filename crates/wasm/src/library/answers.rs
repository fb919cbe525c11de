//! Answers of libraries that are kept for equal calls.
//!
//! An answer depends on the library, the function, the arguments and what was read meanwhile. The first three name a
//! question; under it stand what was read and the answer. A later call repeats the reads, one after the other, through its
//! own caller's host: so grants are checked again, what was read becomes a reason for that caller to run again, and an answer
//! is given only to whoever would have read the same.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oarlock_core::reconciler::Host;
use parking_lot::Mutex;
use wasmtime::component::Val;

use crate::library::question::{Question, size};
use crate::library::reads::{Prepared, Read, Sum};

/// Answers that are kept under one question, which differ in what was read.
const MAX_RECORDINGS: usize = 8;

/// How the kept answers fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerFigures {
    /// Calls that were answered from what is kept.
    pub hits: u64,
    /// Calls that ran.
    pub misses: u64,
    /// Answers that are kept.
    pub kept: usize,
    /// Bytes that they take.
    pub bytes: usize,
}

/// Kept answers, up to a number of bytes; those that were not used for longest go first.
pub(crate) struct Answers {
    capacity: usize,
    shelf: Mutex<Shelf>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Default)]
struct Shelf {
    questions: HashMap<Question, Vec<Arc<Recording>>>,
    /// Every recording, by when it was last used.
    order: BTreeMap<u64, Question>,
    clock: u64,
    bytes: usize,
}

struct Recording {
    reads: Vec<(Read, Sum)>,
    answer: Vec<Val>,
    size: usize,
    used: AtomicU64,
}

/// What looking for an answer gave.
pub(super) enum Found {
    /// The answer, and what it cost to find nothing new.
    Kept(Vec<Val>),
    /// None; what was read on the way.
    Nothing(VecDeque<(Read, Prepared)>),
}

impl Answers {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            shelf: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    pub(crate) fn figures(&self) -> AnswerFigures {
        let shelf = self.shelf.lock();
        AnswerFigures {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            kept: shelf.order.len(),
            bytes: shelf.bytes,
        }
    }

    /// Looks for an answer that holds for what `host` lets be read.
    pub(super) async fn find(&self, question: &Question, host: &dyn Host) -> Found {
        let mut left = self.shelf.lock().recordings(question);
        let mut prepared = VecDeque::new();
        // A library is a function of its arguments and of what it has read so far: recordings that are equal up to here go on
        // with the same question, or end.
        for step in 0.. {
            if let Some(whole) = left.iter().find(|left| left.reads.len() == step) {
                self.shelf.lock().touch(question, whole);
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Found::Kept(whole.answer.clone());
            }
            let next = left.first().and_then(|first| first.reads.get(step));
            let Some((next, _)) = next.cloned() else {
                break;
            };
            let (sum, answer) = next.ask(host).await;
            left.retain(|left| left.reads.get(step) == Some(&(next.clone(), sum)));
            prepared.push_back((next, answer));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        Found::Nothing(prepared)
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, question: Question, reads: Vec<(Read, Sum)>, answer: &[Val]) {
        let read: usize = reads.iter().map(|(read, _)| read.size()).sum();
        let said: usize = answer.iter().map(size).sum();
        let size = size_of::<Recording>() + size_of::<Question>() + read + said;
        if size > self.capacity {
            return;
        }
        let recording = Recording {
            reads,
            answer: answer.to_vec(),
            size,
            used: AtomicU64::new(0),
        };
        let mut shelf = self.shelf.lock();
        shelf.add(question, recording);
        while shelf.bytes > self.capacity {
            let Some((_, question)) = shelf.order.first_key_value().map(|(at, q)| (*at, *q)) else {
                break;
            };
            shelf.drop_oldest(&question);
        }
    }
}

impl Shelf {
    fn recordings(&self, question: &Question) -> Vec<Arc<Recording>> {
        self.questions.get(question).cloned().unwrap_or_default()
    }

    /// Marks as used. It may have been dropped in between.
    fn touch(&mut self, question: &Question, recording: &Recording) {
        if self
            .order
            .remove(&recording.used.load(Ordering::Relaxed))
            .is_some()
        {
            self.clock += 1;
            recording.used.store(self.clock, Ordering::Relaxed);
            self.order.insert(self.clock, *question);
        }
    }

    fn add(&mut self, question: Question, recording: Recording) {
        let known = self.questions.entry(question).or_default();
        // Two equal calls at the same time.
        if known.iter().any(|known| known.reads == recording.reads) {
            return;
        }
        let full = known.len() >= MAX_RECORDINGS;
        if full {
            self.drop_oldest(&question);
        }
        self.clock += 1;
        recording.used.store(self.clock, Ordering::Relaxed);
        self.order.insert(self.clock, question);
        self.bytes += recording.size;
        self.questions
            .entry(question)
            .or_default()
            .push(Arc::new(recording));
    }

    /// Drops that recording of a question that was not used for longest.
    fn drop_oldest(&mut self, question: &Question) {
        let Some(known) = self.questions.get_mut(question) else {
            return;
        };
        let used = |recording: &Arc<Recording>| recording.used.load(Ordering::Relaxed);
        let Some((index, at)) = known
            .iter()
            .map(used)
            .enumerate()
            .min_by_key(|(_, used)| *used)
        else {
            return;
        };
        let dropped = known.swap_remove(index);
        if known.is_empty() {
            self.questions.remove(question);
        }
        self.order.remove(&at);
        self.bytes -= dropped.size;
    }
}
