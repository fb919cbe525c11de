//! How many Pods each Deployment shall have, stage by stage. Numbers only.

use rollout::arithmetic::{self, Count, IntOrPercent, Routing as Router, Split, Surge};

use crate::plan::{Course, Hold, Plan, Routing, Step};
use crate::state::{Stage, State};

/// What the numbers are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// Pods of both together.
    pub(crate) replicas: u32,
    pub(crate) surge: Surge,
    /// Of the user's Deployment.
    pub(crate) app: Count,
    pub(crate) stable: Count,
    /// What the user's Deployment may have beyond its replicas while it has Pods of several revisions.
    pub(crate) own_surge: IntOrPercent,
    /// Whether the requests have left what is to shrink.
    pub(crate) away: bool,
    /// Whether the Deployment replaces Pods by taking all of them away first.
    pub(crate) recreates: bool,
    pub(crate) routing: Routing,
}

/// Whether the user's Deployment may have Pods of several revisions.
fn is_mixed(state: &State) -> bool {
    state.stage == Stage::Rolling || state.running.is_none()
}

/// The steps of a plan. Where checks are counted instead of weights, one step without requests; without steps none.
pub(crate) fn steps(plan: &Plan) -> Vec<Step> {
    match &plan.course {
        Course::BlueGreen { .. } => vec![Step {
            weight: 0,
            hold: Hold::Checks,
        }],
        course @ (Course::Weights { .. } | Course::AtOnce) => course.steps().to_vec(),
    }
}

/// The weights of a promotion; the last is 100.
pub(crate) fn promotion(plan: &Plan) -> Vec<u32> {
    let mut weights = match &plan.course {
        Course::Weights { promotion, .. } => promotion.clone(),
        Course::BlueGreen { .. } | Course::AtOnce => Vec::new(),
    };
    weights.push(100);
    weights
}

impl Numbers {
    /// Where `state` wants to get, the user's Deployment as the canary.
    pub(crate) fn goal(&self, state: &State, plan: &Plan) -> Split {
        let n = self.replicas;
        let home = Split {
            canary: n,
            stable: 0,
        };
        let away = Split {
            canary: 0,
            stable: n,
        };
        if n == 0 {
            return Split {
                canary: 0,
                stable: 0,
            };
        }
        match state.stage {
            Stage::Observing | Stage::Idle | Stage::Finalising => home,
            Stage::Waiting | Stage::Aborting | Stage::Failed if state.is_home() => home,
            Stage::Aborting | Stage::Draining if !self.away => Split {
                canary: self.app.wanted,
                stable: n,
            },
            Stage::Waiting | Stage::Aborting | Stage::Failed => away,
            Stage::Draining => self.drained(self.share(state, plan)),
            Stage::Rolling => self.rolled(self.share(state, plan)),
            Stage::Stepping(mark) | Stage::Asking(mark) => self.at(mark.weight, plan),
            Stage::Promoting(mark) if mark.weight < 100 => self.at(mark.weight, plan),
            Stage::Promoting(_) if !self.away => Split {
                canary: n,
                stable: n,
            },
            Stage::Promoting(_) => home,
        }
    }

    /// The split at a weight. While a revision is rolled out it has a Pod, whatever the weight: without one there is nothing
    /// to check. Where there is no room for two, the one Pod is the new one's.
    fn at(&self, weight: u32, plan: &Plan) -> Split {
        let n = self.replicas;
        let split = match (self.routing, &plan.course) {
            (Routing::Services, _) | (_, Course::BlueGreen { .. }) => {
                return Split {
                    canary: n,
                    stable: n,
                };
            }
            (Routing::Gateway, _) => arithmetic::routed(n, weight, Router::default()),
            (Routing::Replicas, _) => arithmetic::split(n, weight.max(1), self.surge),
        };
        match split.canary {
            0 => Split {
                canary: 1,
                stable: split.stable.min(self.surge.ceiling(n) - 1),
            },
            _ => split,
        }
    }

    /// How many Pods the user's Deployment may keep for the time when it replaces them.
    fn share(&self, state: &State, plan: &Plan) -> u32 {
        let n = self.replicas;
        if self.routing != Routing::Replicas {
            // They get no requests then.
            return match state.is_back() || state.direct {
                true => n,
                false => steps(plan)
                    .first()
                    .map_or(n, |step| self.at(step.weight, plan).canary),
            };
        }
        if self.recreates {
            return 0;
        }
        if state.is_back() {
            return n.saturating_sub(self.stable.wanted);
        }
        if state.direct {
            return n;
        }
        let Some(first) = steps(plan).first().copied() else {
            return n;
        };
        let split = self.at(first.weight, plan);
        // A Pod that the split has beyond the replicas comes afterwards: replacing needs room for itself.
        split.canary.min(n.saturating_sub(split.stable))
    }

    /// Old Pods only: the user's Deployment must not grow.
    fn drained(&self, share: u32) -> Split {
        let canary = share.min(self.app.wanted);
        Split {
            canary,
            stable: match self.routing {
                Routing::Replicas => self.replicas - canary.min(self.replicas),
                Routing::Gateway | Routing::Services => self.replicas,
            },
        }
    }

    /// At least one Pod, so that there is a ReplicaSet of the new revision.
    fn rolled(&self, share: u32) -> Split {
        let n = self.replicas;
        let canary = self.app.wanted.clamp(1, share.max(1));
        let stable = match self.routing {
            Routing::Gateway | Routing::Services => n,
            // There were none left: the first one comes beside all of the stable ones.
            Routing::Replicas if share.min(self.app.wanted) == 0 && self.surge.max_surge > 0 => n,
            Routing::Replicas => n.saturating_sub(canary),
        };
        Split { canary, stable }
    }

    /// Pods of the user's Deployment at this size, while they are of several revisions.
    fn mixed(&self, size: u32) -> u32 {
        match size {
            0 => 0,
            some => some.saturating_add(self.own_surge.up(some)),
        }
    }

    /// Pods that the user's Deployment may have beyond its replicas, because it has Pods of several revisions.
    pub(crate) fn spare(&self, state: &State) -> u32 {
        match is_mixed(state) {
            true => self.mixed(self.app.wanted) - self.app.wanted,
            false => 0,
        }
    }

    /// Whether the user's Deployment and the stable one are of the sizes of `goal`.
    pub(crate) fn is_at(&self, goal: Split) -> bool {
        self.app.wanted == goal.canary && self.stable.wanted == goal.stable
    }

    /// The sizes for now, on the way to `goal`. While the controllers have not seen the last sizes, what they say of Pods is
    /// about other ones: nothing shrinks then.
    pub(crate) fn next(&self, state: &State, goal: Split, is_current: bool) -> Split {
        let mixed = is_mixed(state);
        let app = match mixed {
            false => self.app,
            true => Count {
                running: self.app.running.max(self.mixed(self.app.wanted)),
                ..self.app
            },
        };
        // What runs needs no room: where less was asked for, it is asked for again. It may be on its way out already, and
        // is not counted on.
        let lasting = self.stable.available.min(self.stable.wanted);
        let stable = Count {
            wanted: self.stable.wanted.max(goal.stable.min(self.stable.running)),
            available: lasting,
            ..self.stable
        };
        let sizes = arithmetic::resize(self.replicas, goal, self.surge, app, stable, &[]);
        let stable = match state.broken {
            // It had its time: its Pods serve nobody, and stand in the way of those that will.
            true => sizes.stable.min(goal.stable.max(self.stable.available)),
            false => sizes.stable,
        };
        // Old Pods that had their time do not stand in the way either.
        let aside = match state.broken && state.stage == Stage::Draining {
            true => sizes.canary.min(goal.canary.max(self.app.available)),
            false => sizes.canary,
        };
        // Of Pods of several revisions, those that do not serve are not the first to go.
        let canary = match mixed {
            false => aside,
            true => {
                let available = self.app.available + lasting.min(stable);
                let spare = available.saturating_sub(self.surge.floor(self.replicas));
                let wanted = self.app.wanted;
                (sizes.canary..wanted)
                    .find(|size| {
                        let gone = self.mixed(wanted) - self.mixed(*size);
                        gone.min(self.app.available) <= spare
                    })
                    .unwrap_or(sizes.canary.max(wanted))
            }
        };
        // What serves must not wait for room that a broken revision takes: one Pod beyond the ceiling at a time.
        let rests = canary == self.app.wanted && stable == self.stable.wanted;
        let all_serve = self.stable.available >= self.stable.wanted;
        let stuck = mixed && rests && all_serve && stable < goal.stable;
        let stable = stable + u32::from(stuck && state.stage != Stage::Rolling);
        match is_current {
            true => Split { canary, stable },
            false => Split {
                canary: canary.max(self.app.wanted),
                stable: stable.max(self.stable.wanted),
            },
        }
    }
}
