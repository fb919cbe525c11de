//! The Gateway API's definitions: files of its Go module, in the version that `tests/cluster/gateway-api` requires.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::Found;
use crate::process::{self, Call};

const MODULE: &str = "sigs.k8s.io/gateway-api";

/// What `go mod download -json` tells.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Download {
    dir: PathBuf,
    version: String,
}

/// The folder of the standard channel's definitions. Go keeps the module, and checks it against `go.sum`.
pub(super) fn find_or_fetch(root: &Path) -> anyhow::Result<Found> {
    if process::find("go").is_none() {
        return Ok(Found::Missing(
            "missing: go, not tested: the definitions of the Gateway API, hint: install Go 1.26 or newer".to_owned(),
        ));
    }
    let printed = Call::new("go")
        .args(["mod", "download", "-json", MODULE])
        .dir(&root.join("tests/cluster/gateway-api"))
        .capture();
    let printed = match printed {
        Ok(printed) => printed,
        Err(error) => {
            return Ok(Found::Missing(format!(
                "missing: {MODULE}, not tested: its definitions, and it cannot be fetched: {error:#}"
            )));
        }
    };
    let download: Download =
        serde_json::from_str(&printed).context("`go mod download -json` printed something else")?;
    let definitions = download.dir.join("config/crd/standard");
    ensure!(
        definitions.is_dir(),
        "{MODULE} {} has no {}; hint: require another version in tests/cluster/gateway-api/go.mod",
        download.version,
        definitions.display()
    );
    Ok(Found::At(
        definitions,
        format!("{MODULE} {}", download.version),
    ))
}
