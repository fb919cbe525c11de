//! Charts as the engine reads them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use oarlock_artifacts::{Depot, Options};
use oarlock_core::artifact::{Artifacts as _, FetchError};
use oarlock_core::reference::Digest;
use oarlock_helm::{RenderError, Rendered, Request};

use crate::bench::{engine, host};

/// A folder as an uncompressed tar, as the engine gets it.
///
/// # Errors
/// In Helm's words, where the folder cannot be packed.
pub(super) async fn package(folder: &Path) -> Result<(Arc<[u8]>, Digest), String> {
    let bytes = if folder.join(".helmignore").exists() {
        kept(folder).await?
    } else {
        let mut tar = tar::Builder::new(Vec::new());
        pack(&mut tar, folder, Path::new("chart"));
        tar.into_inner().unwrap().into()
    };
    let digest = Digest::of(&bytes);
    Ok((bytes, digest))
}

/// Without what its `.helmignore` names: whoever fetches a chart leaves that out, so the engine never sees it.
async fn kept(folder: &Path) -> Result<Arc<[u8]>, String> {
    let depot = Depot::new(Options::default()).unwrap();
    let words = |error: FetchError| error.to_string();
    let artifact = depot
        .fetch_path(folder.to_owned(), false, Vec::new())
        .await
        .map_err(words)?;
    depot.read(artifact.digest).await.map_err(words)
}

fn pack(tar: &mut tar::Builder<Vec<u8>>, folder: &Path, prefix: &Path) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = prefix.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            pack(tar, &entry.path(), &name);
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
}

/// Renders without a cluster.
pub(super) async fn render(
    request: &Request,
    package: &Arc<[u8]>,
) -> Result<Rendered, RenderError> {
    engine().await.render(request, host(package)).await
}
