//! Where a cluster keeps its files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::part::Part;

/// The folder of one cluster.
pub(crate) struct Place {
    dir: PathBuf,
}

/// Held while a cluster is started or ended. Goes with the process.
pub(crate) struct Lock {
    _file: File,
}

impl Place {
    /// The folder `dir`, or the usual one of the checkout. Absolute: what is started outlives the current directory.
    pub(crate) fn new(root: &Path, dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let dir = dir.unwrap_or_else(|| root.join("target/oarlock/cluster"));
        let dir =
            std::path::absolute(&dir).with_context(|| format!("{} is no path", dir.display()))?;
        Ok(Self { dir })
    }

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The log of a program.
    pub(crate) fn log(&self, part: Part) -> PathBuf {
        self.dir.join("logs").join(format!("{part}.log"))
    }

    /// The kubeconfig of a program, or the administrator's.
    pub(crate) fn kubeconfig(&self, user: User) -> PathBuf {
        match user {
            User::Admin => self.file("kubeconfig"),
            User::ControllerManager | User::Scheduler | User::Kwok => {
                self.file(&format!("{}.kubeconfig", user.short()))
            }
        }
    }

    /// Waits until nobody else starts or ends this cluster.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        let path = self.dir.with_extension("lock");
        let context = || format!("cannot lock {}", path.display());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(context)?;
        }
        let file = File::create(&path).with_context(context)?;
        if file.try_lock().is_err() {
            eprintln!("somebody else starts or ends the cluster; waiting");
            file.lock().with_context(context)?;
        }
        Ok(Lock { _file: file })
    }

    /// Empties it.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir)
                .with_context(|| format!("cannot empty {}", self.dir.display()))?;
        }
        fs::create_dir_all(self.dir.join("logs"))
            .with_context(|| format!("cannot create {}", self.dir.display()))
    }
}

/// Who speaks to the API server with a token from a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Admin,
    ControllerManager,
    Scheduler,
    Kwok,
}

impl User {
    pub(crate) const ALL: [Self; 4] = [
        Self::Admin,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kwok,
    ];

    /// As it is in file names.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
            Self::Kwok => "kwok",
        }
    }

    /// As the API server knows it. `tests/cluster/audit.yaml` names them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ControllerManager => "system:kube-controller-manager",
            Self::Scheduler => "system:kube-scheduler",
            Self::Kwok => "kwok",
        }
    }
}
