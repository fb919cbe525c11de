//! The guest in Go.

use crate::go::GoComponent;

use super::{Places, WORLD};

pub(super) fn build(places: &Places) -> anyhow::Result<()> {
    let source = places.sources.join("go");
    // The adapter is part of the component.
    let adapter = places.root.join("crates/xtask/src/go");
    places.build_if_changed("guest-go", &[source.clone(), adapter], |component| {
        GoComponent {
            source: &source,
            wit: &[&places.wit],
            world: WORLD,
            variables: &[],
            warm_up: None,
            core: &places.scratch("go")?.join("guest.core.wasm"),
            out: component,
        }
        .build()
    })
}
