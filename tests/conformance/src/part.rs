//! Files of other projects, as `cargo xtask parts` provides them.

use std::path::{Path, PathBuf};

/// Where a part is, there or not.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/oarlock/parts")
        .join(name)
}
