//! The kubeconfig of the embedded cluster: written whole or not at all, for its owner alone, and never over somebody else's.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The first line of every file that this program wrote, and may write again.
const MARK: &str = "# Written by `oarlock dev`, which overwrites it.\n";

/// Writes the file.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    match std::fs::read(path) {
        Ok(old) if !old.is_empty() && !old.starts_with(MARK.as_bytes()) => bail!(
            "{} exists, and `oarlock dev` did not write it; hint: --kubeconfig names another file",
            path.display()
        ),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| cannot_write(path)),
    }
    replace(path, &format!("{MARK}{text}")).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write {}; hint: --kubeconfig names another file",
        path.display()
    )
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        // What stays behind is of no use; why is told by the first error.
        let _ignored = std::fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_for_its_owner_alone_and_replaces_only_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/kubeconfig");
        write(&path, "one\n").unwrap();
        write(&path, "two\n").unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!("{MARK}two\n")
        );
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );

        std::fs::write(&path, "apiVersion: v1\n").unwrap();
        let error = write(&path, "three\n").unwrap_err().to_string();
        let told = error
            .ends_with("`oarlock dev` did not write it; hint: --kubeconfig names another file");
        assert!(told, "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "apiVersion: v1\n");
    }
}
