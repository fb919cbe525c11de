//! The component: progressive delivery for Deployments, under two kinds of objects.
//!
//! A `Deployer` (package `deployer`) makes its Deployments itself. A `Canary` watches one that its user made. Which of the
//! two an object is tells its kind; a watch that serves one under another name says so in `settings.kind`.

use oarlock_sdk::{AnyObject, Context, Failure, FieldError, Outcome};
use serde::Deserialize;

/// `settings:` of the watch.
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
    crds = [deployer::CRD],
    writes = [("apps", "deployments")],
)]
pub fn reconcile(object: AnyObject, cx: &Context) -> Result<Outcome, Failure> {
    let settings: Settings = cx.settings()?;
    match settings.kind.as_deref().unwrap_or(object.kind()) {
        "Deployer" => deployer::reconcile(object.parse()?, cx),
        other => Err(Failure::Invalid(vec![FieldError::new(
            "kind",
            format!(
                "{other:?} is not a kind of this module, expected Deployer\n\
                 hint: a watch that serves one under another name says `settings: {{kind: Deployer}}`"
            ),
        )])),
    }
}

#[cfg(test)]
mod tests {
    use oarlock_sdk::{Module as _, World};

    use super::reconcile;

    #[test]
    fn asks_for_what_it_needs() {
        let manifest = reconcile::manifest();
        let writes = |grant: &oarlock_sdk::Grant| format!("{} {}", grant.plural, grant.api_group);
        assert_eq!(
            manifest.writes.iter().map(writes).collect::<Vec<_>>(),
            ["deployments apps"]
        );
        assert_eq!(reconcile::WORLD, World::Reading);
    }
}
