//! The few requests that starting takes, by the kubectl on PATH.

use std::path::{Path, PathBuf};

use super::place::{Place, User};
use crate::process::{self, Call};

/// kubectl, or not.
pub(crate) struct Search(Option<PathBuf>);

/// Looks for it on PATH.
pub(crate) fn find() -> Search {
    Search(process::find("kubectl"))
}

impl Search {
    /// What to tell where there is none.
    pub(crate) fn missing(&self) -> Option<String> {
        self.0.is_none().then(|| {
            "missing: kubectl, no cluster without it, hint: install kubectl 1.30 or newer"
                .to_owned()
        })
    }

    pub(crate) fn found(self) -> Option<Kubectl> {
        self.0.map(|program| Kubectl { program })
    }
}

/// The program.
pub(crate) struct Kubectl {
    program: PathBuf,
}

impl Kubectl {
    /// Whether the API server says that it is ready.
    pub(crate) fn is_ready(&self, place: &Place) -> bool {
        self.call(place)
            .args(["get", "--raw", "/readyz", "--request-timeout=2s"])
            .succeeds()
    }

    /// Applies a manifest.
    pub(crate) fn apply(&self, place: &Place, file: &Path) -> anyhow::Result<()> {
        self.call(place)
            .args(["apply", "--server-side", "--filename"])
            .arg(file)
            .capture()
            .map(drop)
    }

    /// Waits for a condition of an object such as `node/node-0`.
    pub(crate) fn wait(&self, place: &Place, object: &str, condition: &str) -> anyhow::Result<()> {
        self.call(place)
            .args(["wait", object, "--timeout=60s"])
            .arg(format!("--for=condition={condition}"))
            .capture()
            .map(drop)
    }

    fn call(&self, place: &Place) -> Call {
        Call::new(&self.program)
            .arg("--kubeconfig")
            .arg(place.kubeconfig(User::Admin))
            .arg("--cache-dir")
            .arg(place.file("kubectl-cache"))
    }
}
