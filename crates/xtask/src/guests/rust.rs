//! Guests in Rust: the greeting reconciler, and the hostile ones, each workspace by cargo itself.

use crate::modules::components;
use crate::wasm_target::WasmTarget;
use crate::workspace::shown;

use super::Places;

pub(super) fn build(places: &Places) -> anyhow::Result<()> {
    let target = WasmTarget::ensure(&places.root)?;
    let target_dir = places.root.join("target/guests");
    let workspaces = [
        places.sources.join("rust"),
        places.root.join("tests/hostile-guests"),
    ];
    for workspace in workspaces {
        anyhow::ensure!(
            workspace.join("Cargo.toml").is_file(),
            "{}: no Cargo.toml; hint: the host tests need these guests",
            shown(&places.root, &workspace)
        );
        // Cargo knows by itself what changed.
        components(&places.root, &target, &workspace, &target_dir, &places.out)?;
    }
    Ok(())
}
