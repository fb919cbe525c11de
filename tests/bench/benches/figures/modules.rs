//! Where modules come from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The component of a module or a guest, such as `modules/canary`.
pub(crate) fn component(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = built().join(format!("{name}.wasm"));
    fs::read(&path).with_context(|| {
        format!(
            "cannot read {}; hint: cargo xtask bench builds what it needs",
            path.display()
        )
    })
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/oarlock")
}

/// The same component with other bytes: a custom section more.
pub(crate) fn variant(mut component: Vec<u8>, number: u8) -> Vec<u8> {
    // Section 0, four bytes: a name of one byte, and two of content.
    component.extend([0, 4, 1, b'v', number, 0]);
    component
}
