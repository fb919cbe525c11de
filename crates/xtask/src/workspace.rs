//! Where things are in the checkout.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The root of the checkout: two levels above this package.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .with_context(|| {
            format!(
                "{} has no checkout above it; hint: run `cargo xtask`",
                package.display()
            )
        })
}

/// Finished modules, as `oarlock run --modules` takes them.
pub(crate) fn modules_out(root: &Path) -> PathBuf {
    root.join("target/oarlock/modules")
}

/// Finished guests, as the host tests look for them.
pub(crate) fn guests_out(root: &Path) -> PathBuf {
    root.join("target/oarlock/guests")
}

/// Tools that are installed for one checkout only.
pub(crate) fn tools(root: &Path) -> PathBuf {
    root.join("target/oarlock/tools")
}

/// What is kept for all checkouts of this user.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set; hint: one of them says where to keep what is fetched and built once")?;
    Ok(cache.join("oarlock"))
}

/// A path as it is written in messages: relative to the checkout, with forward slashes.
pub(crate) fn shown(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    if parts.first().is_some_and(|first| first == "/") {
        return path.display().to_string();
    }
    parts.join("/")
}
