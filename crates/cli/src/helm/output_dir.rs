//! `--output-dir`: each template's documents in a file of their own.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{anyhow, bail};
use oarlock_helm::{Document, Rendered};

use super::go;
use super::manifest::{self, Parts};
use crate::output;

/// Writes the files and tells of each. CRDs do not move to the folder of the release, as with Helm.
pub(super) fn write(
    directory: &str,
    release: Option<&str>,
    rendered: &Rendered,
    parts: Parts,
) -> anyhow::Result<()> {
    let folder = match release {
        Some(release) => Path::new(directory).join(release).display().to_string(),
        None => directory.to_owned(),
    };
    let crds = if parts.crds { &*rendered.crds } else { &[] };
    let mut written = BTreeSet::new();
    for crd in crds {
        put(directory, crd, &mut written)?;
    }
    written.clear();
    for document in &rendered.documents {
        put(&folder, document, &mut written)?;
    }
    for hook in parts.hooks(rendered) {
        let source = &hook.document.source;
        // A file that is there is another template's, or one of an earlier time: Helm does not tell them apart.
        if Path::new(&folder).join(source).exists() {
            written.insert(source.clone());
        }
        put(&folder, &hook.document, &mut written)?;
    }
    Ok(())
}

fn put(folder: &str, document: &Document, written: &mut BTreeSet<String>) -> anyhow::Result<()> {
    let source = &document.source;
    if source.split('/').any(|part| part == "..") {
        bail!("the template {source} would be written outside of {folder}");
    }
    let file = format!("{folder}/{source}");
    let path = Path::new(&file);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| {
            anyhow!(go::path_error(
                "mkdir",
                &parent.display().to_string(),
                &error
            ))
        })?;
    }
    let failed = |error| anyhow!(go::path_error("open", &file, &error));
    let mut open = if written.insert(source.clone()) {
        File::create(path).map_err(failed)?
    } else {
        let mut append = OpenOptions::new();
        append.append(true).mode(0o600).open(path).map_err(failed)?
    };
    open.write_all(manifest::text(document).as_bytes())
        .map_err(|error| anyhow!(go::path_error("write", &file, &error)))?;
    output::line(format!("wrote {file}"))?;
    Ok(())
}
