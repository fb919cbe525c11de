//! Which chart is meant: a path, a URL, or a name in a repository. Looked for in Helm's order, refused in Helm's words.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{anyhow, bail};
use oarlock_core::artifact::{Credentials, Source};

use super::go;
use super::repositories;
use super::source::{self, Flags, on};

/// A chart, before anybody looked into it.
#[derive(Debug)]
pub(super) enum Located {
    /// A folder or an archive on this machine.
    Local(PathBuf),
    /// Somewhere else.
    Remote(Source, Box<Credentials>),
}

/// Finds out what a reference means.
///
/// # Errors
///
/// When it means nothing.
pub(super) fn locate(reference: &str, flags: &Flags) -> anyhow::Result<Located> {
    let name = reference.trim();
    if flags.repo.as_deref().unwrap_or_default().is_empty() {
        if let Ok(metadata) = fs::metadata(name) {
            let path = absolute(Path::new(name))?;
            if metadata.is_dir() {
                if on(flags.verify) {
                    bail!(
                        "unpacked charts cannot be verified; hint: `helm package --sign` makes an archive that can"
                    );
                }
                check_folder(&path)?;
            } else {
                check_archive(&path)?;
            }
            return Ok(Located::Local(path));
        }
        if Path::new(name).is_absolute() || name.starts_with('.') {
            bail!("path {} not found", go::quoted(name));
        }
    }
    remote(name, flags)
}

fn remote(name: &str, flags: &Flags) -> anyhow::Result<Located> {
    let version = flags.wanted_version();
    let credentials = flags.credentials()?;
    if let Some(url) = flags.repo.as_deref().filter(|url| !url.is_empty()) {
        let source = Source::Repository {
            url: url.to_owned(),
            chart: name.to_owned(),
            version,
        };
        return Ok(Located::Remote(source, Box::new(credentials)));
    }
    if name.starts_with("oci://") {
        let source = oci(name, version)?;
        return Ok(Located::Remote(source, Box::new(credentials)));
    }
    if name.starts_with("http://") || name.starts_with("https://") {
        return Ok(Located::Remote(
            Source::Archive(name.to_owned()),
            Box::new(credentials),
        ));
    }
    if let Some((scheme, _)) = name.split_once("://") {
        bail!("scheme {} not supported", go::quoted(scheme));
    }
    let Some((repository, chart)) = name.split_once('/') else {
        bail!(
            "non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}; hint: there is no file or folder \
             {name} here; --repo URL names the repository that {name} is a chart of"
        );
    };
    named(repository, chart, version, flags, credentials)
}

/// A chart of a repository that has a name.
fn named(
    repository: &str,
    chart: &str,
    version: String,
    flags: &Flags,
    given: Credentials,
) -> anyhow::Result<Located> {
    let own = || source::settings().join("repositories.yaml");
    let file = flags.repository_config.clone().unwrap_or_else(own);
    let found = repositories::find(&file, repository)?;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let of_entry = Flags {
        username: some(&found.username),
        password: some(&found.password),
        ca_file: some(&found.ca_file),
        cert_file: some(&found.cert_file),
        key_file: some(&found.key_file),
        ..Flags::default()
    }
    .given()?;
    let credentials = Credentials {
        basic: of_entry.basic.or(given.basic.clone()),
        ca: of_entry.ca.or(given.ca.clone()),
        client: of_entry.client.or(given.client.clone()),
        ..given
    };
    let source = Source::Repository {
        url: found.url,
        chart: chart.to_owned(),
        version,
    };
    Ok(Located::Remote(source, Box::new(credentials)))
}

/// `oci://registry/path/chart`, with `:tag` or `@digest` behind it.
fn oci(name: &str, version: String) -> anyhow::Result<Source> {
    let path_start = name.rfind('/').map_or(0, |slash| slash + 1);
    let (repository, own) = match name.split_once('@') {
        Some((repository, digest)) => (repository, digest),
        None => match name.get(path_start..).and_then(|last| last.find(':')) {
            Some(colon) => {
                let (repository, tag) = name.split_at(path_start + colon);
                (repository, tag.trim_start_matches(':'))
            }
            None => (name, ""),
        },
    };
    let version = match (own, &*version) {
        ("", _) => version,
        (own, "") => own.to_owned(),
        (own, given) if own == given || own.contains(':') => own.to_owned(),
        (own, given) => bail!(
            "chart reference and version mismatch: {given} is not {own}; hint: one of them is enough"
        ),
    };
    Ok(Source::Oci {
        repository: repository.to_owned(),
        version,
    })
}

/// From the root, without `.` and `..`, whatever links mean: as Go makes it.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let whole =
        std::path::absolute(path).map_err(|error| anyhow!(go::path_error("getwd", ".", &error)))?;
    let mut clean = PathBuf::new();
    for part in whole.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    Ok(clean)
}

fn check_folder(path: &Path) -> anyhow::Result<()> {
    let file = path.join("Chart.yaml");
    match File::open(&file) {
        Ok(_) => Ok(()),
        Err(error) => {
            let file = file.display().to_string();
            let words = go::path_error("open", &file, &error);
            bail!(
                "unable to detect chart at {file}: {words}; hint: a chart is a folder with a Chart.yaml, or a .tgz of one"
            )
        }
    }
}

/// As much of a file as tells what it is.
const HEAD: usize = 512;

fn check_archive(path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .map_err(|error| anyhow!(go::path_error("open", &name.to_string(), &error)))?;
    if head.starts_with(b"\x1f\x8b\x08") {
        return Ok(());
    }
    if path
        .extension()
        .is_some_and(|end| end == "yaml" || end == "yml")
    {
        bail!(
            "file '{name}' seems to be a YAML file, but expected a gzipped archive; hint: values files go behind -f"
        );
    }
    let kind = if head.starts_with(b"PK\x03\x04") {
        "application/zip"
    } else if head.len() < HEAD || head.iter().any(|byte| *byte < 9) {
        "application/octet-stream"
    } else {
        "text/plain; charset=utf-8"
    };
    bail!(
        "file '{name}' does not appear to be a gzipped archive; got '{kind}'; hint: `helm package` makes one of a chart's folder"
    )
}

#[cfg(test)]
mod tests;
