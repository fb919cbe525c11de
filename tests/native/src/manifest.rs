//! What the module says of itself.

#![expect(clippy::unwrap_used, reason = "only tests and benchmarks use it")]

use oarlock_core::manifest::{Manifest, ResourceGrant};
use oarlock_core::object::Object;

pub(crate) fn manifest(given: &oarlock_sdk::Manifest) -> Manifest {
    let grant = |grant: &oarlock_sdk::Grant| ResourceGrant {
        api_groups: vec![grant.api_group.clone()],
        resources: vec![grant.plural.clone()],
        verbs: grant.verbs.clone(),
        ..ResourceGrant::default()
    };
    Manifest {
        name: given.name.clone(),
        version: given.version.clone(),
        crds: given
            .crds
            .iter()
            .map(|crd| Object::parse(crd).unwrap())
            .collect(),
        finalizer: given.finalizer.clone(),
        writes: given.writes.iter().map(grant).collect(),
        reads: given.reads.iter().map(grant).collect(),
        http: given.http.clone(),
    }
}
