//! What somebody wants of a release, whatever dialect it was written in.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

/// A release and all that its object says of it. Every dialect becomes one of these, so that nothing behind it knows dialects.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Name of the release.
    pub name: String,
    /// Namespace that its objects are installed into where they name none.
    pub namespace: String,
    /// Namespace of its records.
    pub storage: String,
    /// Where the chart is from.
    pub chart: Chart,
    /// Contributions to the values; later ones win.
    pub values: Vec<Values>,
    /// How it is installed, upgraded, and so on.
    pub policy: Policy,
    /// What starts a release of a chart that is not pinned: another version, or any other content.
    pub follows: Follows,
    /// How often the release is looked at although nothing changed; the watch's own period where nothing is said.
    pub interval: Option<Duration>,
    /// How old what is known of the chart's source may be; the module's own setting where nothing is said.
    pub poll: Option<Duration>,
    /// Nothing is done.
    pub suspended: bool,
    /// Releases that have to be ready before, as `namespace/name` of their objects.
    pub depends_on: Vec<(String, String)>,
    /// ServiceAccount of the object's namespace to act as.
    pub account: Option<String>,
    /// What is done to the rendered objects.
    pub post: Vec<Post>,
    /// Labels and annotations for every rendered object.
    pub common: Common,
    /// What somebody asks for once, by annotations.
    pub requests: Requests,
    /// What its object says and nobody heeds, for a condition: `spec.x: is not used: …`. Sorted.
    pub warnings: Vec<String>,
}

/// What somebody asks for once: tokens, each of which counts until it is one that was handled before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// To look at the release now.
    pub reconcile: Option<String>,
    /// To install or upgrade it although nothing changed.
    pub force: Option<String>,
    /// To forget its failures.
    pub reset: Option<String>,
}

/// What starts a release of a chart that is not pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Another version in its `Chart.yaml`. Content that changes under the same version waits for that.
    Version,
    /// Any other content.
    Content,
}

/// Where a chart is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// A chart of an HTTP repository.
    Repository {
        /// URL of the repository.
        url: String,
        /// Name of the chart.
        name: String,
        /// Version or range; empty for the latest.
        version: String,
        /// Secret that opens it.
        secret: Option<String>,
    },
    /// A chart in a registry.
    Oci {
        /// `oci://registry/path/chart`.
        repository: String,
        /// Version, range or digest.
        version: String,
        /// Secret that opens it.
        secret: Option<String>,
    },
    /// A folder of a git repository.
    Git {
        /// URL of the repository.
        url: String,
        /// Branch, tag or commit.
        reference: String,
        /// Folder of the chart.
        path: String,
        /// Whether dependencies are fetched that it names and does not have.
        dependencies: bool,
        /// Secret that opens it.
        secret: Option<String>,
    },
    /// A folder or archive of the operator's own chart folder.
    Local(String),
}

/// One contribution to the values.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// As they stand in the object.
    Inline(Map<String, Value>),
    /// A key of a ConfigMap or Secret.
    From {
        /// Whether it is a Secret.
        secret: bool,
        /// Its namespace; the object's own where none is named.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// The key; `values.yaml` where none is named.
        key: String,
        /// One value at this path, in the words of `--set`, instead of a document.
        target: Option<String>,
        /// Whether the value is taken literally.
        literal: bool,
        /// Whether it may be missing.
        optional: bool,
    },
    /// A file of the chart.
    ChartFile {
        /// Its path.
        path: String,
        /// Whether it may be missing.
        optional: bool,
    },
    /// A document at a URL.
    Url {
        /// The URL.
        url: String,
        /// Whether it may be missing.
        optional: bool,
    },
    /// `--set KEY=VALUE`: the Operator SDK's `overrideValues`.
    Set(String),
}

/// How a release is brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Time for one action: applying, hooks, waiting.
    pub timeout: Duration,
    /// Revisions that are kept; none for all.
    pub max_history: Option<u32>,
    /// Whether the objects have to become ready.
    pub wait: bool,
    /// What happens to `crds/` at the installation.
    pub install_crds: Crds,
    /// And at an upgrade.
    pub upgrade_crds: Crds,
    /// Whether hooks are left out.
    pub disable_hooks: bool,
    /// Whether objects of others are refused instead of taken over.
    pub disable_take_ownership: bool,
    /// What follows a failed installation.
    pub install_remediation: Remediation,
    /// What follows a failed upgrade.
    pub upgrade_remediation: Remediation,
    /// Whether values of the release before are forgotten (`true`), or kept below the new ones.
    pub reset_values: bool,
    /// Tests after an installation and an upgrade; none for no tests.
    pub test: Option<Test>,
    /// What is done about objects that differ from the release.
    pub drift: Drift,
    /// Whether the history stays when the object is deleted.
    pub keep_history: bool,
    /// Whether the namespace is created where it is missing.
    pub create_namespace: bool,
    /// What becomes of what belongs to a deleted object.
    pub propagation: Propagation,
    /// What single actions do otherwise: ask [`Policy::rules`].
    pub actions: Actions,
}

impl Policy {
    /// What holds for one action.
    #[must_use]
    pub fn rules(&self, action: Action) -> Rules {
        let own = match action {
            Action::Install => &self.actions.install,
            Action::Upgrade => &self.actions.upgrade,
            Action::Rollback => &self.actions.rollback,
            Action::Uninstall => &self.actions.uninstall,
        };
        Rules {
            timeout: own.timeout.unwrap_or(self.timeout),
            wait: own.wait.unwrap_or(self.wait),
            jobs: own.jobs.unwrap_or(true),
            hooks: own.hooks.unwrap_or(!self.disable_hooks),
            take_ownership: own.take_ownership.unwrap_or(!self.disable_take_ownership),
            schema: own.schema.unwrap_or(true),
            cleanup: own.cleanup.unwrap_or(false),
        }
    }
}

/// What is done to a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Its first revision.
    Install,
    /// A further one.
    Upgrade,
    /// An earlier one again.
    Rollback,
    /// Its end.
    Uninstall,
}

/// What single actions do otherwise than all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// An installation.
    pub install: OwnRules,
    /// An upgrade.
    pub upgrade: OwnRules,
    /// A rollback.
    pub rollback: OwnRules,
    /// The uninstallation.
    pub uninstall: OwnRules,
}

/// What one action does otherwise; [`Rules`] where something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRules {
    /// See [`Rules::timeout`].
    pub timeout: Option<Duration>,
    /// See [`Rules::wait`].
    pub wait: Option<bool>,
    /// See [`Rules::jobs`].
    pub jobs: Option<bool>,
    /// See [`Rules::hooks`].
    pub hooks: Option<bool>,
    /// See [`Rules::take_ownership`].
    pub take_ownership: Option<bool>,
    /// See [`Rules::schema`].
    pub schema: Option<bool>,
    /// See [`Rules::cleanup`].
    pub cleanup: Option<bool>,
}

/// What holds for one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Time for it.
    pub timeout: Duration,
    /// Whether the objects have to become ready; gone, when it uninstalls.
    pub wait: bool,
    /// Whether that includes that Jobs complete.
    pub jobs: bool,
    /// Whether hooks run.
    pub hooks: bool,
    /// Whether objects that nobody's release has are taken over.
    pub take_ownership: bool,
    /// Whether the values are held against the chart's `values.schema.json`.
    pub schema: bool,
    /// Whether what it created goes when it fails. Says nothing of an installation, of which the remediation says it.
    pub cleanup: bool,
}

/// What becomes of what belongs to a deleted object, in Kubernetes' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It goes afterwards.
    Background,
    /// It goes before.
    Foreground,
    /// It stays.
    Orphan,
}

/// What happens to `crds/` of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crds {
    /// They are left alone.
    Skip,
    /// Missing ones are created.
    Create,
    /// They are created and replaced.
    CreateReplace,
}

/// What follows a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remediation {
    /// How often it is tried again; none for ever.
    pub retries: Option<u32>,
    /// What is done between two tries.
    pub strategy: Strategy,
    /// Whether it is done after the last try too.
    pub last: bool,
    /// Between two tries; the host's backoff where nothing is said.
    pub interval: Option<Duration>,
    /// Whether a failed test is no failure here.
    pub ignore_test_failures: bool,
}

/// What is done about a failed action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Nothing: it is tried again as it is.
    Retry,
    /// The release goes.
    Uninstall,
    /// The last good revision comes back.
    Rollback,
}

/// Tests of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Time for all of them.
    pub timeout: Duration,
    /// Whether a failed test is no failure of the release.
    pub ignore_failures: bool,
    /// Names of the tests that run; all where none is said.
    pub only: Vec<String>,
    /// Names of tests that do not.
    pub except: Vec<String>,
}

/// What is done about objects that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Whether anything is.
    pub mode: DriftMode,
    /// What may differ.
    pub ignore: Vec<DriftIgnore>,
}

/// Whether drift is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftMode {
    /// It is not.
    Disabled,
    /// It is told.
    Warn,
    /// It is corrected.
    Enabled,
}

/// What may differ, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftIgnore {
    /// JSON pointers.
    pub paths: Vec<String>,
    /// Which objects; all where nothing is said.
    pub target: Target,
}

/// Selects rendered objects; what is not said selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// API group.
    pub group: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Regular expression of names.
    pub name: Option<String>,
    /// Regular expression of namespaces.
    pub namespace: Option<String>,
    /// Label selector.
    pub labels: Option<String>,
    /// Annotation selector.
    pub annotations: Option<String>,
}

/// What is done to rendered objects, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Post {
    /// A patch: strategic merge, or JSON 6902 where it is a list.
    Patch {
        /// Which objects.
        target: Target,
        /// The patch, YAML or JSON.
        patch: String,
    },
    /// Another image.
    Image {
        /// The image as it stands, without tag.
        name: String,
        /// Its new name.
        new_name: Option<String>,
        /// Its new tag.
        new_tag: Option<String>,
        /// Its new digest, instead of a tag.
        digest: Option<String>,
    },
}

/// Metadata for every object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}
