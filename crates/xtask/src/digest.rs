//! Digests of inputs, so that work whose inputs did not change is not done again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// Folders that hold results, not inputs.
const RESULTS: &[&str] = &["target", "node_modules", "__pycache__", ".git"];

/// Digest of files, and of folders with all that is in them; hexadecimal. Names count as well as contents.
pub(crate) fn of_inputs(root: &Path, inputs: &[PathBuf]) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for input in inputs {
        collect(input, &mut files)?;
    }
    files.sort();
    files.dedup();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy();
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Digest of a folder of WIT files: their contents in the order of their names, which is what
/// `cat wit/*.wit | sha256sum` prints.
pub(crate) fn of_wit(dir: &Path) -> anyhow::Result<String> {
    let mut files: Vec<PathBuf> = list(dir)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(hex(&hash.finalize()))
}

/// Remembers beside an output which inputs it was made from.
pub(crate) struct Stamp {
    file: PathBuf,
    digest: String,
}

impl Stamp {
    /// The stamp of `output`, made from what `digest` stands for.
    pub(crate) fn new(output: &Path, digest: String) -> Self {
        let mut file = output.as_os_str().to_owned();
        file.push(".inputs");
        Self {
            file: PathBuf::from(file),
            digest,
        }
    }

    /// Whether the output was made from the very same inputs. The caller knows whether the output is still there.
    pub(crate) fn is_current(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|noted| noted == self.digest)
    }

    /// Notes that the output is made.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        fs::write(&self.file, &self.digest)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in list(path)? {
        let is_result = entry
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|n| RESULTS.contains(&n));
        if !is_result {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn list(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("cannot list {}", dir.display());
    fs::read_dir(dir)
        .with_context(context)?
        .map(|entry| Ok(entry.with_context(context)?.path()))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn contents_and_names_count_results_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let source = root.join("guest");
        fs::create_dir_all(source.join("target")).unwrap();
        fs::write(source.join("a"), "1").unwrap();
        let inputs = [source.clone()];
        let first = of_inputs(root, &inputs).unwrap();

        fs::write(source.join("target/result"), "x").unwrap();
        assert_eq!(first, of_inputs(root, &inputs).unwrap());

        fs::write(source.join("a"), "2").unwrap();
        let second = of_inputs(root, &inputs).unwrap();
        assert_ne!(first, second);

        fs::rename(source.join("a"), source.join("b")).unwrap();
        assert_ne!(second, of_inputs(root, &inputs).unwrap());
    }

    #[test]
    fn stamp_is_current_only_for_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("guest.wasm");
        let stamp = Stamp::new(&output, "one".to_owned());
        assert!(!stamp.is_current());
        stamp.write().unwrap();
        assert!(stamp.is_current());
        assert!(!Stamp::new(&output, "two".to_owned()).is_current());
    }

    #[test]
    fn wit_digest_is_that_of_the_concatenation() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b.wit"), "b").unwrap();
        fs::write(dir.path().join("a.wit"), "a").unwrap();
        fs::write(dir.path().join("README.md"), "no").unwrap();
        assert_eq!(of_wit(dir.path()).unwrap(), hex(&Sha256::digest("ab")));
    }
}
