//! The component: progressive delivery for Deployments, under two kinds of objects.
//!
//! A `Deployer` (package `deployer`) makes its Deployments itself. A `Canary` watches one that its user made. Which of the
//! two an object is tells its kind; a watch that serves one under another name says so in `settings.kind`.

mod canary;
mod checks;
mod children;
mod config;
mod crd;
mod deletion;
mod deployment;
mod fields;
mod goal;
mod machine;
mod observed;
mod overlap;
mod plan;
mod report;
mod rival;
mod router;
mod scaler;
mod spec;
mod state;
mod status;
mod takeover;
#[cfg(test)]
mod tests;
mod traffic;

use oarlock_sdk::{AnyObject, Context, Failure, FieldError, Outcome};
use serde::Deserialize;

/// `settings:` of the watch, as far as they tell the kinds apart. The rest is `rollout::analysis::Settings`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    /// `Deployer` or `Canary`, where the object's own kind is neither.
    kind: Option<String>,
}

/// One run for one object.
///
/// # Errors
///
/// [`Failure::Invalid`] for what cannot be rolled out.
#[oarlock_sdk::module(
    name = "canary",
    finalizer = "canary.oarlock.dev/rollout",
    crds = [deployer::CRD, crd::CANARY, crd::METRIC_TEMPLATE, crd::ALERT_PROVIDER],
    writes = [
        ("apps", "deployments"),
        ("", "services"),
        ("", "configmaps"),
        ("batch", "jobs"),
        ("gateway.networking.k8s.io", "httproutes"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("canary.oarlock.dev", "canaries"),
        ("flagger.app", "canaries"),
    ],
    reads = [
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("", "services"),
        ("", "configmaps"),
        ("gateway.networking.k8s.io", "httproutes"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("canary.oarlock.dev", "canaries"),
        ("canary.oarlock.dev", "metrictemplates"),
        ("canary.oarlock.dev", "alertproviders"),
        ("flagger.app", "canaries"),
        ("flagger.app", "metrictemplates"),
        ("flagger.app", "alertproviders"),
    ],
    http = [],
)]
pub fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let settings: Settings = cx.settings()?;
    match settings.kind.as_deref().unwrap_or(object.kind()) {
        // All that a Deployer has is owned: the API server's garbage collector is its end.
        "Deployer" if cx.deleting() => Ok(Outcome::new().finalized()),
        // Whatever its spec says: nobody's deletion is held up.
        "Deployer" if cx.deleting() => Ok(deployer::deleted()),
        "Deployer" => deployer::reconcile(object.parse()?, cx),
        "Canary" => canary::reconcile(object, cx),
        other => Err(Failure::Invalid(vec![FieldError::new(
            "kind",
            format!(
                "{other:?} is not a kind of this module, expected Canary or Deployer\n\
                 hint: a watch that serves one under another name says `settings: {{kind: Canary}}`"
            ),
        )])),
    }
}

#[cfg(test)]
mod manifest {
    use oarlock_sdk::{Module as _, World};

    use super::reconcile;

    #[test]
    fn asks_for_what_it_needs() {
        let manifest = reconcile::manifest();
        let names = |grants: &[oarlock_sdk::Grant]| {
            let name = |grant: &oarlock_sdk::Grant| format!("{} {}", grant.plural, grant.api_group);
            grants.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&manifest.writes),
            [
                "deployments apps",
                "services ",
                "configmaps ",
                "jobs batch",
                "httproutes gateway.networking.k8s.io",
                "horizontalpodautoscalers autoscaling",
                "canaries canary.oarlock.dev",
                "canaries flagger.app",
            ]
        );
        assert_eq!(names(&manifest.reads).len(), 12);
        assert!(manifest.http.is_empty(), "the watch alone names origins");
        assert_eq!(reconcile::WORLD, World::External);
    }
}
