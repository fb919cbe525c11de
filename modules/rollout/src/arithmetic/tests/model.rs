//! A rollout in the small: the loop that a module is, against a [`world`](super::world) that does as it likes. Every
//! instant is checked.

use super::super::{Count, IntOrPercent, Split, Surge, resize, split};
use super::chance::Chance;
use super::world::{Health, Version};

/// `maxSurge` and `maxUnavailable`.
pub(super) type Limits = (IntOrPercent, IntOrPercent);

/// One rollout of a workload.
pub(super) struct Rollout {
    pub(super) replicas: u32,
    limits: Limits,
    pub(super) weight: u32,
    pub(super) canary: Version,
    pub(super) stable: Version,
    pub(super) older: Vec<Version>,
    /// Whether Pods on their way out count.
    strict: bool,
    /// Pods that may be there: the ceiling, or what was there when it came down.
    bound: u32,
    /// Pods that serve at least: the floor, or what served when it went up or Pods failed.
    held: u32,
    said: String,
}

impl Rollout {
    /// `replicas` Pods of the stable version serve.
    pub(super) fn new(replicas: u32, limits: Limits, canary: Health, stable: Health) -> Self {
        let stable = Version::serving(replicas, stable);
        let surge = Surge::of(replicas, limits.0, limits.1);
        Self {
            replicas,
            limits,
            weight: 0,
            bound: replicas + surge.max_surge,
            held: replicas
                .saturating_sub(surge.max_unavailable)
                .min(stable.available),
            canary: Version::new(canary),
            stable,
            older: Vec::new(),
            strict: false,
            said: format!("{replicas} replicas, {} and {}", limits.0, limits.1),
        }
    }

    pub(super) fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    pub(super) fn surge(&self) -> Surge {
        Surge::of(self.replicas, self.limits.0, self.limits.1)
    }

    pub(super) fn goal(&self) -> Split {
        split(self.replicas, self.weight, self.surge())
    }

    /// One reconcile; whether it changed anything.
    #[track_caller]
    pub(super) fn reconcile(&mut self) -> bool {
        let (surge, goal) = (self.surge(), self.goal());
        let (canary, stable) = (self.canary.count(), self.stable.count());
        let mut older: Vec<Count> = self.older.iter().map(Version::count).collect();
        older.push(Count::leaving(self.leaving()));
        let next = resize(self.replicas, goal, surge, canary, stable, &older);
        assert_eq!(next.older.len(), older.len(), "{self}");

        let before = self.serving();
        let lasting = self.lasting(canary.wanted, stable.wanted);
        let occupied = self.occupied();
        let mut changed = false;
        let versions = [&mut self.canary, &mut self.stable]
            .into_iter()
            .chain(&mut self.older);
        for (version, size) in versions.zip([next.canary, next.stable].iter().chain(&next.older)) {
            changed |= version.wanted != *size;
            version.wanted = *size;
        }
        towards(canary.wanted, next.canary, goal.canary, self);
        towards(stable.wanted, next.stable, goal.stable, self);
        for (was, is) in older.iter().zip(&next.older) {
            towards(was.wanted, *is, 0, self);
        }
        let ceiling = self.replicas + surge.max_surge;
        assert!(self.occupied() <= ceiling.max(occupied), "{self}");
        self.bound = ceiling.max(self.occupied());
        let (after, floor) = (
            self.serving(),
            self.replicas.saturating_sub(surge.max_unavailable),
        );
        assert!(after >= before.min(floor), "{self}: {before} -> {after}");
        self.held = after.min(floor);
        let last = self.lasting(canary.wanted, stable.wanted);
        assert!(last >= lasting.min(floor), "{self}: {lasting} -> {last}");
        changed
    }

    /// Something that is none of the rollout's own doing.
    pub(super) fn happen(&mut self, chance: &mut Chance, kind: Happening) {
        match kind {
            Happening::Obedience => {
                let at = chance.below(self.len());
                self.version(at).obey();
            }
            Happening::Time => {
                let at = chance.below(self.len());
                self.version(at).pass(chance);
            }
            Happening::Crash => {
                let at = chance.below(self.len());
                let failed = self.version(at).crash(chance);
                self.held = self.held.saturating_sub(failed);
            }
            Happening::Scaling => {
                self.replicas = chance.below(self.replicas * 2 + 2);
                self.bound = self.bound.max(self.replicas + self.surge().max_surge);
            }
            Happening::Weight(weight) => self.weight = weight,
            Happening::Third => {
                let next = Version::new(self.canary.health);
                let was = std::mem::replace(&mut self.canary, next);
                self.older.push(was);
            }
            Happening::Revert => std::mem::swap(&mut self.canary, &mut self.stable),
        }
        self.check();
    }

    /// What holds at every instant.
    #[track_caller]
    fn check(&self) {
        let pods: u32 = self.versions().map(Version::pods).sum::<u32>() + self.leaving();
        assert!(pods <= self.bound, "{self}: {pods} > {}", self.bound);
        let available = self.available();
        assert!(
            available >= self.held,
            "{self}: {available} < {}",
            self.held
        );
    }

    /// Lets the world be kind until nothing changes any more; after how many reconciles.
    #[track_caller]
    pub(super) fn rest(&mut self) -> u32 {
        // One Pod goes and one comes in the slowest case, twice: once for the older ones.
        let patience = 4 * (self.replicas + self.bound) + 8;
        for round in 0..patience {
            let changed = self.reconcile();
            self.check();
            let before: Vec<Version> = self.versions().cloned().collect();
            for at in 0..self.len() {
                self.version(at).settle();
            }
            self.check();
            if !changed && self.versions().eq(&before) {
                return round;
            }
        }
        panic!("{self}: no rest after {patience} reconciles");
    }

    pub(super) fn sizes(&self) -> (u32, u32, u32) {
        let older = self.older.iter().map(|version| version.wanted).sum();
        (self.canary.wanted, self.stable.wanted, older)
    }

    /// Older versions without Pods are forgotten.
    pub(super) fn forget(&mut self) {
        self.older
            .retain(|version| version.count() != Count::default());
    }

    pub(super) fn available(&self) -> u32 {
        self.versions().map(|version| version.available).sum()
    }

    fn versions(&self) -> impl Iterator<Item = &Version> {
        [&self.canary, &self.stable].into_iter().chain(&self.older)
    }

    fn version(&mut self, at: u32) -> &mut Version {
        match usize::try_from(at).unwrap() {
            0 => &mut self.canary,
            1 => &mut self.stable,
            older => &mut self.older[older - 2],
        }
    }

    fn len(&self) -> u32 {
        2 + u32::try_from(self.older.len()).unwrap()
    }

    /// Pods on their way out, as far as they count.
    fn leaving(&self) -> u32 {
        let all = self.versions().map(|version| version.leaving).sum();
        if self.strict { all } else { 0 }
    }

    fn serving(&self) -> u32 {
        self.versions()
            .map(|version| version.available.min(version.wanted))
            .sum()
    }

    /// What serves, and of a version that shrinks from so many also what may serve again.
    fn lasting(&self, canary: u32, stable: u32) -> u32 {
        let goal = self.goal();
        let sides = [
            (&self.canary, canary, goal.canary),
            (&self.stable, stable, goal.stable),
        ];
        let older = self
            .older
            .iter()
            .map(|older| older.available.min(older.wanted));
        let sides = sides.into_iter().map(|(version, was, goal)| {
            let serving = version.available.min(version.wanted);
            if was > goal { version.wanted } else { serving }
        });
        older.chain(sides).sum()
    }

    fn occupied(&self) -> u32 {
        self.versions()
            .map(|version| version.wanted.max(version.pods()))
            .sum::<u32>()
            + self.leaving()
    }
}

/// What happens around a rollout.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    /// A Deployment does what it was told.
    Obedience,
    /// Pods get ready, Pods end.
    Time,
    Crash,
    /// Somebody scales.
    Scaling,
    /// A step, or an abort.
    Weight(u32),
    /// A third version.
    Third,
    /// The version that served is wanted again, while the other was on its way.
    Revert,
}

#[track_caller]
fn towards(was: u32, is: u32, goal: u32, rollout: &Rollout) {
    assert!(
        (was.min(goal)..=was.max(goal)).contains(&is),
        "{rollout}: {was} -> {is}, goal {goal}"
    );
}

impl std::fmt::Display for Rollout {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{}: {} replicas at {} %, {:?}, canary {:?}, stable {:?}, older {:?}",
            self.said,
            self.replicas,
            self.weight,
            self.surge(),
            self.canary,
            self.stable,
            self.older
        )
    }
}
