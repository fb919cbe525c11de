//! Numbers of Pods where a router weighs the requests.

use super::Split;
use super::rounding::pods;

/// What the router sends where, out of [`Routing::total`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Weights {
    /// To the version that is rolled out.
    pub canary: u32,
    /// To the version that serves.
    pub stable: u32,
}

/// How Pods follow a router.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Routing {
    /// The weight that is all of the traffic: 100 in most cases. None is taken as 100.
    pub total: u32,
    /// What the router does now, as far as it is known.
    pub actual: Option<Weights>,
    /// Whether the stable version shrinks as its traffic does. If not, it keeps all its replicas, so that an abort costs no
    /// time.
    pub dynamic_stable: bool,
    /// The least Pods of a version that has any; never more than the replicas.
    pub least: u32,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            total: 100,
            actual: None,
            dynamic_stable: false,
            least: 0,
        }
    }
}

/// How many Pods each version needs for `weight` out of `routing.total`: each what its traffic needs, rounded up.
///
/// Scale follows traffic and never leads it down: a version keeps the Pods for the traffic that it still gets, also when
/// the rollout is given up.
pub fn routed(replicas: u32, weight: u32, routing: Routing) -> Split {
    let total = match routing.total {
        0 => 100,
        total => total,
    };
    let weight = weight.min(total);
    let serving = |weight: u32| {
        let exact = u64::from(replicas) * u64::from(weight.min(total));
        pods(exact.div_ceil(u64::from(total)))
    };
    let at_least = |pods: u32| match pods {
        0 => 0,
        some => some.max(routing.least.min(replicas)),
    };
    let actual = |side: fn(Weights) -> u32| routing.actual.map_or(0, side);
    let canary = weight.max(actual(|weights| weights.canary));
    let stable = (total - weight).max(actual(|weights| weights.stable));
    Split {
        canary: at_least(serving(canary)),
        stable: if routing.dynamic_stable {
            at_least(serving(stable))
        } else {
            replicas
        },
    }
}
