//! What one run asks, and of whom.

use oarlock_sdk::Context;

use super::caller::Caller;
use super::check::{Check, Kind};
use super::finding::Assessment;
use super::scope::Scope;
use super::spec::Occasion;
use super::webhook::Webhooks;

/// The questions of one run. One for the whole of it: it remembers who had no answer in time, and does not ask there again.
pub struct Inquiry<'a>(Caller<'a>);

impl<'a> Inquiry<'a> {
    /// Nothing is asked yet.
    pub fn new(cx: &'a Context) -> Self {
        Self(Caller::new(cx))
    }

    /// One check of everything: webhooks of type `rollout` first, since a load test makes what the metrics are about, then
    /// `checks` in their order. To be asked once per interval.
    pub fn checks(&self, checks: &[Check], webhooks: &Webhooks, scope: &Scope) -> Assessment {
        let called = webhooks
            .of(Occasion::Rollout)
            .map(|webhook| webhook.call(&self.0, scope));
        let asked = checks.iter().map(|check| match &check.0 {
            Kind::Metric(metric) => metric.ask(&self.0, scope),
            Kind::Webhook(webhook) => webhook.call(&self.0, scope),
        });
        Assessment::of(called.chain(asked).collect())
    }

    /// Whether everybody who has to say yes on this occasion does: passes, or holds. Never fails, and never counts.
    pub fn gate(&self, webhooks: &Webhooks, occasion: Occasion, scope: &Scope) -> Assessment {
        self.call(webhooks, occasion, scope)
    }

    /// Whether somebody wants the rollout given up: fails, at once and whatever the threshold is, or passes.
    pub fn rollback(&self, webhooks: &Webhooks, scope: &Scope) -> Assessment {
        self.call(webhooks, Occasion::Rollback, scope)
    }

    /// Calls the webhooks of one occasion, such as `pre-rollout` (counted like a check) and `post-rollout` (always passes).
    pub fn call(&self, webhooks: &Webhooks, occasion: Occasion, scope: &Scope) -> Assessment {
        let called = webhooks
            .of(occasion)
            .map(|webhook| webhook.call(&self.0, scope));
        Assessment::of(called.collect())
    }
}
