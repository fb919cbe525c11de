//! Never two owners of an object, and always one in the end.

use std::collections::BTreeMap;

use oarlock_core::reference::{Gvk, ObjectRef};
use oarlock_core::shard::{Member, Share};
use oarlock_core::timestamp::Timestamp;
use proptest::prelude::*;

use super::chance::Chance;
use super::network::{Fate, Skewed};
use crate::lease::membership::{Listed, Membership, Step, Stored};
use crate::lease::record::Record;
use crate::lease::timing::Timing;

const STORM: u64 = 300_000;
const CALM: u64 = 400_000;
const OBJECTS: usize = 12;

/// What the server says of a call.
#[derive(Clone, Debug)]
enum Answer {
    Listed(Vec<Listed>),
    Stored(Stored),
    Nothing,
}

#[derive(Clone, Debug)]
struct Call {
    step: Step,
    sent: u64,
    fate: Fate,
    heard: Option<Answer>,
}

struct Process {
    membership: Membership,
    clock: Skewed,
    call: Option<Call>,
    idle_until: u64,
    /// Until when it is stopped: neither its machine nor its work goes on.
    stopped_until: u64,
    alive: bool,
    /// What may still be worked on: shares whose runs have not come to their end.
    shares: Vec<Share>,
    /// When only the last share is worked on.
    kept_at: u64,
    /// It was told to go, and does when its work has ended.
    leaving: bool,
}

struct World {
    chance: Chance,
    now: u64,
    leases: BTreeMap<String, Listed>,
    versions: u64,
    travelling: Vec<(u64, usize, u64, Step)>,
    processes: Vec<Process>,
    objects: Vec<ObjectRef>,
    /// Changes of who works on what.
    moves: usize,
    owners: Vec<Option<usize>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let gvk = Gvk::new("example.com", "v1", "Widget");
        let mut world = Self {
            chance: Chance::new(seed),
            now: 0,
            leases: BTreeMap::new(),
            versions: 0,
            travelling: Vec::new(),
            processes: Vec::new(),
            objects: (0..OBJECTS)
                .map(|number| ObjectRef::new(gvk.clone(), Some("n"), number.to_string()))
                .collect(),
            moves: 0,
            owners: vec![None; OBJECTS],
        };
        for _ in 0..3 {
            world.start();
        }
        world
    }

    fn start(&mut self) {
        let Some(me) = Member::new(&format!("p{}", self.processes.len())) else {
            return;
        };
        self.processes.push(Process {
            membership: Membership::new(me, Timing::default()),
            clock: Skewed::new(&mut self.chance),
            call: None,
            idle_until: self.now,
            stopped_until: self.now,
            alive: true,
            shares: vec![Share::Nothing],
            kept_at: 0,
            leaving: false,
        });
    }

    fn serve(&mut self, index: usize, step: &Step) -> Answer {
        let name = format!("l{index}");
        self.versions += 1;
        match step {
            Step::List => {
                let leases = self.leases.iter().map(|(lease, listed)| Listed {
                    own: *lease == name,
                    ..listed.clone()
                });
                Answer::Listed(leases.collect())
            }
            Step::Store {
                version,
                record,
                view,
            } => {
                let current = self.leases.get(&name).map(|lease| lease.version.clone());
                if *version != current {
                    let gone = version.is_some() && current.is_none();
                    return Answer::Stored(if gone {
                        Stored::Absent
                    } else {
                        Stored::Refused
                    });
                }
                self.store(name, record.clone(), Some(view.to_string()));
                Answer::Stored(Stored::Done {
                    version: self.versions.to_string(),
                })
            }
            Step::Sweep { lease, version } => {
                if self
                    .leases
                    .get(lease)
                    .is_some_and(|l| l.version == *version)
                {
                    self.leases.remove(lease);
                }
                Answer::Nothing
            }
            Step::Wait(_) | Step::Settle => Answer::Nothing,
        }
    }

    fn store(&mut self, lease: String, record: Record, view: Option<String>) {
        let listed = Listed {
            lease: lease.clone(),
            version: self.versions.to_string(),
            record,
            view,
            own: false,
        };
        self.leases.insert(lease, listed);
    }

    fn run(&mut self, end: u64, calm: bool) -> Result<(), TestCaseError> {
        while self.now < end {
            self.deliver();
            for index in 0..self.processes.len() {
                self.act(index, calm);
            }
            self.check()?;
            if !calm && self.chance.one_in(400) {
                self.strike();
            }
            self.now = self.next_event().clamp(self.now + 1, self.now + 1_000);
        }
        Ok(())
    }

    fn strike(&mut self) {
        let alive = self
            .processes
            .iter()
            .filter(|process| process.alive)
            .count();
        let victim = self.chance.below(self.processes.len() as u64);
        let pause = self.chance.below(40_000);
        let kind = self.chance.below(5);
        let now = self.now;
        let process = &mut self.processes[usize::try_from(victim).unwrap_or(0)];
        match kind {
            // kill -9.
            0 if process.alive && alive > 1 => process.alive = false,
            1 if process.alive && alive > 1 => process.leaving = true,
            2 | 3 if alive < 5 => self.start(),
            _ => process.stopped_until = now + pause,
        }
    }

    fn next_event(&self) -> u64 {
        let calls = self.travelling.iter().map(|(at, ..)| *at);
        let processes = self.processes.iter().filter(|p| p.alive).map(|process| {
            let next = process
                .call
                .as_ref()
                .map_or(process.idle_until, |call| call.fate.ends);
            let next = if process.shares.len() > 1 {
                next.min(process.kept_at)
            } else {
                next
            };
            next.max(process.stopped_until)
        });
        calls.chain(processes).min().unwrap_or(self.now + 1)
    }

    fn deliver(&mut self) {
        self.travelling.sort_by_key(|(at, ..)| *at);
        while let Some((at, ..)) = self.travelling.first()
            && *at <= self.now
        {
            let (_, index, sent, step) = self.travelling.remove(0);
            let answer = self.serve(index, &step);
            if let Some(call) = &mut self.processes[index].call
                && call.sent == sent
            {
                call.heard = Some(answer);
            }
        }
    }

    fn act(&mut self, index: usize, calm: bool) {
        let now = self.now;
        let process = &mut self.processes[index];
        if !process.alive || now < process.stopped_until {
            return;
        }
        let clock = process.clock;
        let local = clock.show(now);
        if process.shares.len() > 1 && process.kept_at <= now {
            process.shares.drain(..process.shares.len() - 1);
            process.idle_until = now;
        }
        if process.shares.len() == 1 {
            process.membership.kept();
        }
        if let Some(call) = process.call.take() {
            if now < call.fate.ends {
                process.call = Some(call);
            } else {
                let heard = call.heard.filter(|_| call.fate.answered);
                if let Some(sweep) = file(process, &call.step, clock.show(call.sent), now, heard) {
                    self.serve(index, &sweep);
                }
            }
        }
        let process = &mut self.processes[index];
        // As the thread does: what is assigned follows before anything else is done.
        if let Some(change) = process.membership.change(local) {
            process.shares.push(change.share);
            let drain = if self.chance.one_in(4) {
                self.chance.below(20_000)
            } else {
                self.chance.below(200)
            };
            process.kept_at = now + if change.abrupt { drain / 100 } else { drain };
        }
        if process.call.is_some() || now < process.idle_until {
            return;
        }
        if process.leaving {
            return self.leave(index);
        }
        let wall = Timestamp::from_millis(self.chance.below(1 << 41));
        match process.membership.step(local, wall) {
            Step::Wait(until) => process.idle_until = clock.when(until, now),
            Step::Settle => process.idle_until = process.kept_at.max(now + 1),
            step => {
                let limit = Timing::default().call();
                let mut deadline = now + u64::try_from(limit.as_millis()).unwrap_or(0);
                if let Some(until) = process.membership.until(local) {
                    deadline = deadline.min(clock.when(until, now));
                }
                let fate = Fate::draw(&mut self.chance, now, deadline, calm);
                if let Some(at) = fate.arrives {
                    self.travelling.push((at, index, now, step.clone()));
                }
                process.call = Some(Call {
                    step,
                    sent: now,
                    fate,
                    heard: None,
                });
            }
        }
    }

    /// Work ends, then the Lease is given back.
    fn leave(&mut self, index: usize) {
        let process = &mut self.processes[index];
        if process.shares != [Share::Nothing] {
            process.shares.push(Share::Nothing);
            process.kept_at = self.now + self.chance.below(3_000);
            process.idle_until = process.kept_at;
            // Whatever is assigned from now on, nobody works on it.
            if process.shares.len() > 2 {
                return;
            }
            return;
        }
        process.alive = false;
        let wall = Timestamp::from_millis(0);
        if let Some((version, record)) = process.membership.release(wall) {
            let name = format!("l{index}");
            if self.leases.get(&name).is_some_and(|l| l.version == version) {
                self.versions += 1;
                self.store(name, record, None);
            }
        }
    }

    /// Who may write to an object.
    fn writers(&self, object: &ObjectRef) -> Vec<usize> {
        let writes = |(_, process): &(usize, &Process)| {
            let open = process
                .membership
                .until(process.clock.show(self.now))
                .is_some();
            process.alive && open && process.shares.iter().any(|share| share.owns(object))
        };
        let writers = self.processes.iter().enumerate().filter(writes);
        writers.map(|(index, _)| index).collect()
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        for number in 0..self.objects.len() {
            let writers = self.writers(&self.objects[number]);
            prop_assert!(
                writers.len() <= 1,
                "at {}: {writers:?} work on {number}",
                self.now
            );
            let owner = writers.first().copied();
            self.moves += usize::from(self.owners[number] != owner);
            self.owners[number] = owner;
        }
        Ok(())
    }
}

/// Hands an answer to the machine.
fn file(
    process: &mut Process,
    step: &Step,
    sent: crate::lease::Moment,
    now: u64,
    heard: Option<Answer>,
) -> Option<Step> {
    let local = process.clock.show(now);
    match (step, heard) {
        (Step::List, Some(Answer::Listed(leases))) => {
            return process.membership.listed(sent, local, leases);
        }
        (Step::List, _) => process.membership.unlisted(local),
        (Step::Store { record, view, .. }, heard) => {
            let answer = match heard {
                Some(Answer::Stored(answer)) => answer,
                _ => Stored::Failed,
            };
            process
                .membership
                .stored(sent, local, record, view.clone(), answer);
        }
        (Step::Sweep { .. } | Step::Wait(_) | Step::Settle, _) => {}
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn never_two_owners_and_one_in_the_end(seed in any::<u64>()) {
        let mut world = World::new(seed);
        world.run(STORM, false)?;
        world.run(STORM + CALM, true)?;
        for number in 0..OBJECTS {
            let object = world.objects[number].clone();
            prop_assert_eq!(world.writers(&object).len(), 1, "of object {}", number);
        }
        prop_assert!(world.moves > OBJECTS, "a storm in which nothing happened proves nothing");
        prop_assert!(world.leases.len() < 20, "what is gone is swept up: {}", world.leases.len());
    }
}
