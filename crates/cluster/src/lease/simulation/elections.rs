//! Never two leaders, and always one in the end.

use oarlock_core::timestamp::Timestamp;
use proptest::prelude::*;

use super::chance::Chance;
use super::network::{Fate, Skewed};
use crate::lease::election::{Answer, Election, Standing, Step};
use crate::lease::record::Record;
use crate::lease::timing::Timing;

/// How long things go wrong, and how long nothing does after that.
const STORM: u64 = 300_000;
const CALM: u64 = 120_000;

struct Process {
    election: Election,
    clock: Skewed,
    call: Option<(Step, u64, Fate, Option<Answer>)>,
    /// Nothing is done before that: the process is stopped, or rests.
    idle_until: u64,
    alive: bool,
}

struct World {
    chance: Chance,
    now: u64,
    /// The version and the record that are stored.
    lease: Option<(u64, Record)>,
    versions: u64,
    /// Calls that will reach the server: when, whose, which.
    travelling: Vec<(u64, usize, u64, Step)>,
    processes: Vec<Process>,
    terms: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            chance: Chance::new(seed),
            now: 0,
            lease: None,
            versions: 0,
            travelling: Vec::new(),
            processes: Vec::new(),
            terms: 0,
        };
        for _ in 0..3 {
            world.start();
        }
        world
    }

    fn start(&mut self) {
        let name = format!("p{}", self.processes.len());
        self.processes.push(Process {
            election: Election::new(name, Timing::default()),
            clock: Skewed::new(&mut self.chance),
            call: None,
            idle_until: self.now,
            alive: true,
        });
    }

    fn serve(&mut self, step: &Step) -> Answer {
        let stored = |(version, record): &(u64, Record)| Answer::Stored {
            version: version.to_string(),
            record: record.clone(),
        };
        self.versions += 1;
        match (step, &self.lease) {
            (Step::Read, Some(lease)) => stored(lease),
            (Step::Read, None) => Answer::Absent,
            (Step::Create(record), None) => {
                stored(self.lease.insert((self.versions, record.clone())))
            }
            (Step::Create(_), Some(_)) => Answer::Refused,
            (Step::Replace { version, record }, Some((current, _)))
                if *version == current.to_string() =>
            {
                stored(self.lease.insert((self.versions, record.clone())))
            }
            (Step::Replace { .. }, Some(_)) => Answer::Refused,
            (Step::Replace { .. }, None) => Answer::Absent,
            (Step::Wait(_), _) => Answer::Failed,
        }
    }

    /// One millisecond after the other, skipping those in which nothing happens.
    fn run(&mut self, end: u64, calm: bool) -> Result<(), TestCaseError> {
        while self.now < end {
            self.deliver();
            for index in 0..self.processes.len() {
                self.act(index, calm);
                self.check()?;
            }
            if !calm && self.chance.one_in(400) {
                let victim =
                    usize::try_from(self.chance.below(self.processes.len() as u64)).unwrap_or(0);
                let pause = self.chance.below(40_000);
                match self.chance.below(3) {
                    // kill -9, and another takes its place.
                    0 if self.processes[victim].alive => {
                        self.processes[victim].alive = false;
                        self.start();
                    }
                    // SIGSTOP.
                    _ => self.processes[victim].idle_until = self.now + pause,
                }
            }
            self.now = self.next_event().min(self.now + 1_000).max(self.now + 1);
        }
        Ok(())
    }

    fn next_event(&self) -> u64 {
        let calls = self.travelling.iter().map(|(at, ..)| *at);
        let processes = self.processes.iter().filter(|p| p.alive).map(|p| {
            p.call
                .as_ref()
                .map_or(p.idle_until, |(_, _, fate, _)| fate.ends.max(p.idle_until))
        });
        calls.chain(processes).min().unwrap_or(self.now + 1)
    }

    fn deliver(&mut self) {
        self.travelling.sort_by_key(|(at, ..)| *at);
        while let Some((at, ..)) = self.travelling.first()
            && *at <= self.now
        {
            let (_, index, sent, step) = self.travelling.remove(0);
            let answer = self.serve(&step);
            // Whoever gave up does not hear of it.
            if let Some((_, since, _, heard)) = &mut self.processes[index].call
                && *since == sent
            {
                *heard = Some(answer);
            }
        }
    }

    fn act(&mut self, index: usize, calm: bool) {
        let process = &mut self.processes[index];
        if !process.alive || self.now < process.idle_until {
            return;
        }
        let clock = process.clock;
        let local = clock.show(self.now);
        if let Some((step, sent, fate, heard)) = process.call.take() {
            if self.now < fate.ends {
                process.call = Some((step, sent, fate, heard));
                return;
            }
            let was = process.election.standing(local);
            let answer = heard.filter(|_| fate.answered).unwrap_or(Answer::Failed);
            process.election.answered(clock.show(sent), local, answer);
            if was != process.election.standing(local) {
                self.terms += 1;
            }
        }
        let wall = Timestamp::from_millis(self.chance.below(1 << 41));
        match process.election.step(local, wall) {
            Step::Wait(until) => process.idle_until = clock.when(until, self.now),
            step => {
                let timing = Timing::default();
                let mut deadline = self.now + u64::try_from(timing.call().as_millis()).unwrap_or(0);
                if let Standing::Leading { until } = process.election.standing(local) {
                    deadline = deadline.min(clock.when(until, self.now));
                }
                let fate = Fate::draw(&mut self.chance, self.now, deadline, calm);
                if let Some(at) = fate.arrives {
                    self.travelling.push((at, index, self.now, step.clone()));
                }
                process.call = Some((step, self.now, fate, None));
            }
        }
    }

    fn leaders(&self) -> Vec<usize> {
        let leads = |(_, process): &(usize, &Process)| {
            let local = process.clock.show(self.now);
            process.alive && process.election.standing(local) != Standing::Standby
        };
        let leaders = self.processes.iter().enumerate().filter(leads);
        leaders.map(|(index, _)| index).collect()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let leaders = self.leaders();
        prop_assert!(leaders.len() <= 1, "at {}: {leaders:?} lead", self.now);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn never_two_leaders_and_one_in_the_end(seed in any::<u64>()) {
        let mut world = World::new(seed);
        world.run(STORM, false)?;
        // Stopped processes go on, calls that were sent before arrive.
        world.run(STORM + CALM, true)?;
        prop_assert_eq!(world.leaders().len(), 1);
        prop_assert!(world.terms > 2, "a storm in which nothing happened proves nothing");
    }
}
