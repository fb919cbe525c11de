//! A chart of a test.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;
use tokio::process::Command;

use crate::process::{PATIENCE, engine_cache, helm_engine};

/// A folder with a chart `boat` in it.
pub(super) struct Place(TempDir);

impl Place {
    /// With templates and other files of the chart, by their paths in it.
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.file(
            "boat/Chart.yaml",
            "apiVersion: v2\nname: boat\nversion: 0.1.0\n",
        );
        for (path, text) in files {
            place.file(&format!("boat/{path}"), text);
        }
        place
    }

    /// Writes a file beside the chart, or over one of it.
    pub(super) fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// `oarlock helm template` with arguments. Nothing of the user's settings counts.
    pub(super) async fn template(&self, args: &[&str]) -> Output {
        let run = Command::new(env!("CARGO_BIN_EXE_oarlock"))
            .args(["helm", "template", "--engine"])
            .arg(helm_engine().await)
            .args(args)
            .current_dir(self.0.path())
            .env_remove("KUBECONFIG")
            .env("HOME", self.0.path())
            .env("OARLOCK_CACHE_DIR", engine_cache())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(PATIENCE, run)
            .await
            .expect("it ends")
            .unwrap()
    }

    /// What it prints when all is well.
    pub(super) async fn prints(&self, args: &[&str]) -> String {
        let output = self.template(args).await;
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            self.text(&output.stderr)
        );
        self.text(&output.stdout)
    }

    /// What it says when it fails.
    pub(super) async fn fails(&self, args: &[&str]) -> String {
        let output = self.template(args).await;
        let said = self.text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(self.text(&output.stdout), "", "{said}");
        said
    }

    /// Text without the name of the folder.
    pub(super) fn text(&self, bytes: &[u8]) -> String {
        let path = self.0.path().to_str().unwrap();
        String::from_utf8_lossy(bytes).replace(path, "HERE")
    }
}
