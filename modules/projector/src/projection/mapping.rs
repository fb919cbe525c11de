//! Where a workload has its containers and volumes: servicebinding.io's `ClusterWorkloadResourceMapping`.

use serde::{Deserialize, Serialize};

use jsonpath::{Path, ReadPath};

/// The mapping of every version that is not listed.
pub const ANY: &str = "*";

/// `spec.versions[]` of a `ClusterWorkloadResourceMapping`, as it is written. What is left out is where a Deployment has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Template {
    /// The version of the workload's API; `*` for every other.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Fixed path to the annotations of the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<String>,
    /// What is like a container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerTemplate>,
    /// Fixed path to the volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<String>,
}

/// `containers[]` of a [`Template`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerTemplate {
    /// Path to them, from the workload.
    pub path: String,
    /// Fixed path to the name, from the container; they have none where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Fixed path to environment variables, from the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// Fixed path to mounts, from the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_mounts: Option<String>,
}

/// A template that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    pub(super) template: Template,
    pub(super) annotations: Path,
    pub(super) volumes: Path,
    pub(super) containers: Vec<Containers>,
}

/// Where containers are, and what is where in one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Containers {
    pub(super) text: String,
    pub(super) path: Path,
    pub(super) name: Option<Path>,
    pub(super) env: Path,
    pub(super) mounts: Path,
}

/// Why there is no mapping for a workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Choose {
    /// None of the versions fits.
    #[error(
        "the mapping has no entry for version {version:?}; it has {has}\nhint: add one, or one for `*`"
    )]
    NoVersion {
        /// The workload's.
        version: String,
        /// Those of the mapping.
        has: String,
    },
    /// Two entries are for the same version.
    #[error("the mapping has two entries for version {version:?}")]
    Twice {
        /// The version.
        version: String,
    },
    /// A path of it cannot be read.
    #[error("the entry for version {version:?} cannot be used: {why}")]
    Path {
        /// The version of the entry.
        version: String,
        /// Why.
        why: ReadPath,
    },
}

impl Mapping {
    /// That of everything that has a pod template where a Deployment has it, used where there is no mapping.
    ///
    /// # Errors
    ///
    /// None: its paths are constants.
    pub fn pod_spec() -> Result<Self, ReadPath> {
        Self::read(&Template::default())
    }

    /// That of a CronJob, whose pod template is one level deeper.
    ///
    /// # Errors
    ///
    /// None: its paths are constants.
    pub fn cron_job() -> Result<Self, ReadPath> {
        let template = ".spec.jobTemplate.spec.template";
        Self::read(&Template {
            version: ANY.to_owned(),
            annotations: Some(format!("{template}.metadata.annotations")),
            containers: pod_containers(&format!("{template}.spec")),
            volumes: Some(format!("{template}.spec.volumes")),
        })
    }

    /// The entry for a version among `spec.versions` of a `ClusterWorkloadResourceMapping`: its own, else that for `*`.
    ///
    /// # Errors
    ///
    /// None fits, or it cannot be used.
    pub fn choose(versions: &[Template], version: &str) -> Result<Self, Choose> {
        for (index, entry) in versions.iter().enumerate() {
            if versions
                .iter()
                .skip(index + 1)
                .any(|other| other.version == entry.version)
            {
                return Err(Choose::Twice {
                    version: entry.version.clone(),
                });
            }
        }
        let of = |wanted: &str| versions.iter().find(|entry| entry.version == wanted);
        let Some(entry) = of(version).or_else(|| of(ANY)) else {
            let has: Vec<&str> = versions
                .iter()
                .map(|entry| entry.version.as_str())
                .collect();
            return Err(Choose::NoVersion {
                version: version.to_owned(),
                has: has.join(", "),
            });
        };
        Self::read(entry).map_err(|why| Choose::Path {
            version: entry.version.clone(),
            why,
        })
    }

    /// Reads a template.
    ///
    /// # Errors
    ///
    /// A path that is not understood, or one that has to be fixed and is not.
    pub fn read(template: &Template) -> Result<Self, ReadPath> {
        let fixed =
            |text: &Option<String>, default: &str| Path::fixed(text.as_deref().unwrap_or(default));
        let containers = match template.containers.as_slice() {
            [] => pod_containers(".spec.template.spec"),
            own => own.to_vec(),
        };
        Ok(Self {
            annotations: fixed(&template.annotations, ".spec.template.metadata.annotations")?,
            volumes: fixed(&template.volumes, ".spec.template.spec.volumes")?,
            containers: containers
                .iter()
                .map(|one| {
                    Ok(Containers {
                        text: one.path.clone(),
                        path: Path::read(&one.path)?,
                        name: one.name.as_deref().map(Path::fixed).transpose()?,
                        env: fixed(&one.env, ".env")?,
                        mounts: fixed(&one.volume_mounts, ".volumeMounts")?,
                    })
                })
                .collect::<Result<_, ReadPath>>()?,
            template: template.clone(),
        })
    }
}

fn pod_containers(spec: &str) -> Vec<ContainerTemplate> {
    ["initContainers", "containers"]
        .into_iter()
        .map(|list| ContainerTemplate {
            path: format!("{spec}.{list}[*]"),
            name: Some(".name".to_owned()),
            ..ContainerTemplate::default()
        })
        .collect()
}
