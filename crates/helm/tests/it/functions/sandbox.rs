//! Charts as the engine reads them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use oarlock_core::reference::Digest;
use oarlock_helm::{RenderError, Rendered, Request};

use crate::bench::{engine, host};

/// A folder as it is, as an uncompressed tar: the engine reads it as Helm reads a folder.
pub(super) fn package(folder: &Path) -> (Arc<[u8]>, Digest) {
    let mut tar = tar::Builder::new(Vec::new());
    pack(&mut tar, folder, Path::new(""));
    let bytes: Arc<[u8]> = tar.into_inner().unwrap().into();
    let digest = Digest::of(&bytes);
    (bytes, digest)
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
