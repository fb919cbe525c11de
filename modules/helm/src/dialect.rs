//! Dialects: what objects of several origins say, as one [`Wish`].
//!
//! Each dialect is read at the edge and in one place. What is wrong is named by its path, all of it at once where it can be;
//! what nobody heeds is told in [`Wish::warnings`]; the tables of fields are published in `FIELDS.md`. Nothing here knows what
//! becomes of a wish, and nothing is asked of a cluster: the source objects that a release refers to are handed in.

pub mod definitions;
mod duration;
mod fields;
mod flux1;
mod flux2;
mod name;
mod part;
mod post;
mod sample;
mod settings;
mod sources;
pub mod status;
#[cfg(test)]
mod tests;
mod whole;

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use crate::state::Place;
use crate::wish::{
    Actions, Chart, Common, Crds, Drift, DriftMode, Follows, Policy, Propagation, Remediation,
    Requests, Strategy, Values, Wish,
};
use fields::Findings;
use part::Part;

pub use settings::{POLL, Settings};
pub use sources::{SourceRef, Sources};

/// Why there is no wish.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// Fields of the object are wrong. Sorted by path, never empty.
    #[error("{}", lines(.0))]
    Invalid(Vec<Wrong>),
    /// It refers to an object that is not among the sources: read that, and ask again.
    #[error("{0} is not there\nhint: create it, or name another")]
    Missing(SourceRef),
    /// The module's settings cannot be followed.
    #[error("settings: {0}")]
    Settings(Wrong),
    /// Nobody knows the kind.
    #[error(
        "{api_version} {kind} is no kind that releases are made of\nhint: give its watch a chart, and its whole spec is the values"
    )]
    Unknown {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wrong {
    /// As Kubernetes writes it, such as `spec.valuesFrom[1].name`.
    pub path: String,
    /// What was expected.
    pub message: String,
}

impl Wrong {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

fn lines(wrong: &[Wrong]) -> String {
    let lines: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// What an object asks for.
///
/// `sources` are those that were read before; whoever calls reads what [`Refused::Missing`] names, and calls again.
///
/// # Errors
/// See [`Refused`].
pub fn read(object: &Value, sources: &Sources, settings: &Settings) -> Result<Wish, Refused> {
    let part = Part(object);
    let api_version = part.at("apiVersion").string();
    let kind = part.at("kind").string();
    let head = Head::of(object)?;
    let own = || match &settings.chart {
        None => Ok(()),
        Some(_) => Err(Refused::Settings(Wrong::new(
            "chart",
            format!("objects of {api_version} {kind} name their own chart\nhint: remove it"),
        ))),
    };
    let wish = match (api_version.as_str(), kind.as_str()) {
        ("helm.fluxcd.io/v1" | "flux.weave.works/v1beta1", "HelmRelease") => {
            own()?;
            flux1::read(object, &head, settings)
        }
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease") => {
            own()?;
            flux2::read(object, &head, sources, settings)
        }
        ("samplecontroller.k8s.io/v1alpha1", "HelmRelease") => {
            own()?;
            sample::read(object, &head, settings)
        }
        _ => match &settings.chart {
            Some(chart) => whole::read(object, &head, chart, settings),
            None => return Err(Refused::Unknown { api_version, kind }),
        },
    };
    settled(wish?, &head, settings)
}

/// With what the settings say of all releases.
fn settled(wish: Wish, head: &Head<'_>, settings: &Settings) -> Result<Wish, Refused> {
    let mut findings = Findings::default();
    let allowed = |namespace: &str| {
        let named = settings.namespaces.as_ref();
        namespace == head.namespace
            || named.is_none_or(|named| named.iter().any(|name| name == namespace))
    };
    for (path, namespace) in [
        ("spec.targetNamespace", &wish.namespace),
        ("spec.storageNamespace", &wish.storage),
    ] {
        // The first Flux's records are where its objects are, and there is no field to name.
        if allowed(namespace) || (path != "spec.targetNamespace" && wish.storage == wish.namespace)
        {
            continue;
        }
        findings.wrong(
            path,
            format!("releases may not go to {namespace}\nhint: name it under namespaces of the module's settings"),
        );
    }
    if settings.no_cross_namespace_refs {
        across(&wish, head, &mut findings);
    }
    findings.so_far()?;
    Ok(Wish {
        interval: wish.interval.or(settings.interval),
        poll: wish.poll.or(settings.poll).or(Some(POLL)),
        account: wish
            .account
            .or_else(|| settings.default_service_account.clone()),
        ..wish
    })
}

/// References to other namespaces; those to sources are found where sources are.
fn across(wish: &Wish, head: &Head<'_>, findings: &mut Findings) {
    let referred = wish.values.iter().filter_map(|values| match values {
        Values::From {
            namespace, name, ..
        } => Some(("spec.valuesFrom", namespace.as_deref()?, name)),
        Values::Inline(_) | Values::ChartFile { .. } | Values::Url { .. } | Values::Set(_) => None,
    });
    let needed = wish.depends_on.iter();
    let needed = needed.map(|(namespace, name)| ("spec.dependsOn", namespace.as_str(), name));
    for (path, namespace, name) in referred.chain(needed) {
        if namespace != head.namespace {
            findings.wrong(path, format!("{namespace}/{name} {ELSEWHERE}"));
        }
    }
}

/// What is wrong with a reference that the settings do not allow.
const ELSEWHERE: &str =
    "is of another namespace, which noCrossNamespaceRefs of the module's settings forbids";

/// What every object has.
struct Head<'a> {
    name: &'a str,
    namespace: &'a str,
    annotations: Part<'a>,
}

impl<'a> Head<'a> {
    fn of(object: &'a Value) -> Result<Self, Refused> {
        let metadata = Part(object).at("metadata");
        let required = |path: &str, message: &str| {
            let field = metadata.at(path).text();
            field.ok_or_else(|| {
                Refused::Invalid(vec![Wrong::new(format!("metadata.{path}"), message)])
            })
        };
        Ok(Self {
            name: required("name", "is required")?,
            namespace: required(
                "namespace",
                "is required: a release is kept in a namespace, and objects of the whole cluster have none",
            )?,
            annotations: metadata.at("annotations"),
        })
    }

    /// An annotation, by its whole key, which has dots.
    fn annotation(&self, key: &str) -> Option<&'a str> {
        self.annotations.0.get(key)?.as_str()
    }

    /// A release in the object's own namespace, of which nothing else is said.
    fn wish(&self, name: &str, chart: Chart, policy: Policy) -> Wish {
        Wish {
            name: name.to_owned(),
            namespace: self.namespace.to_owned(),
            storage: self.namespace.to_owned(),
            chart,
            values: Vec::new(),
            policy,
            follows: Follows::Content,
            interval: None,
            poll: None,
            suspended: false,
            depends_on: Vec::new(),
            account: None,
            post: Vec::new(),
            common: Common::default(),
            requests: self.requests(),
            warnings: Vec::new(),
        }
    }

    /// Flux's annotations, which hold for every dialect.
    fn requests(&self) -> Requests {
        let token = |name: &str| {
            let key = format!("reconcile.fluxcd.io/{name}");
            self.annotation(&key).map(String::from)
        };
        let reconcile = token("requestedAt");
        // As with Flux, the other two only count together with the first, and by the same token.
        let with = |name: &str| token(name).filter(|token| reconcile.as_ref() == Some(token));
        Requests {
            force: with("forceAt"),
            reset: with("resetAt"),
            reconcile,
        }
    }
}

impl Findings {
    fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.wrong.push(Wrong::new(path, message));
    }

    fn warn(&mut self, path: &str, why: &str) {
        self.warnings.push(format!("{path} is not used: {why}"));
    }

    /// Nothing that is wrong was found so far.
    fn so_far(&mut self) -> Result<(), Refused> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        self.wrong.sort();
        Err(Refused::Invalid(std::mem::take(&mut self.wrong)))
    }

    /// The wish, if nothing is wrong.
    fn conclude(mut self, wish: Wish) -> Result<Wish, Refused> {
        self.so_far()?;
        self.warnings.sort();
        Ok(Wish {
            warnings: self.warnings,
            ..wish
        })
    }

    /// A number that is not negative.
    fn count(&mut self, spec: Part<'_>, path: &str) -> Option<u32> {
        let whole = spec.at(path).whole()?;
        let count = u32::try_from(whole).ok();
        if count.is_none() {
            self.wrong(
                format!("spec.{path}"),
                format!("{whole} is out of range, expected 0 or more"),
            );
        }
        count
    }

    /// A namespace, where one is named.
    fn namespace<'a>(&mut self, spec: Part<'a>, field: &str) -> Option<&'a str> {
        let namespace = spec.at(field).text()?;
        if let Some(fault) = name::namespace_fault(namespace) {
            self.wrong(format!("spec.{field}"), fault);
        }
        Some(namespace)
    }

    /// Seconds, one at least.
    fn seconds(&mut self, spec: Part<'_>, path: &str) -> Option<Duration> {
        match self.count(spec, path)? {
            0 => {
                self.wrong(format!("spec.{path}"), "0 is no time, expected seconds");
                None
            }
            seconds => Some(Duration::from_secs(seconds.into())),
        }
    }
}

/// Time for one action, unless an object says otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Revisions that are kept, unless an object says otherwise; today's Flux keeps five.
const MAX_HISTORY: u32 = 10;

/// The release of an object that cannot be read any more, and that is deleted: where it is, and whatever the object and the settings
/// still say of its end. Above all as whom it goes: what is wrong elsewhere in an object gives nobody more rights.
#[must_use]
pub fn remnant(object: &Value, place: &Place, settings: &Settings) -> Wish {
    let metadata = Part(object).at("metadata");
    let head = Head {
        name: metadata.at("name").text().unwrap_or(&place.name),
        namespace: metadata.at("namespace").text().unwrap_or(&place.storage),
        annotations: metadata.at("annotations"),
    };
    let wish = Wish {
        namespace: place.namespace.clone(),
        storage: place.storage.clone(),
        ..head.wish(&place.name, Chart::Local(String::new()), helms_own())
    };
    let part = Part(object);
    let wish = match (
        part.at("apiVersion").text(),
        part.at("kind").text().unwrap_or_default(),
    ) {
        (Some("helm.toolkit.fluxcd.io/v2"), "HelmRelease") => flux2::remnant(object, wish),
        (Some("helm.fluxcd.io/v1" | "flux.weave.works/v1beta1"), "HelmRelease") => {
            flux1::remnant(object, &head, wish)
        }
        _ => wish,
    };
    Wish {
        account: wish
            .account
            .or_else(|| settings.default_service_account.clone()),
        ..wish
    }
}

/// What Helm itself does: it waits for nothing, takes over nothing, and a failure stays as it is.
fn helms_own() -> Policy {
    let nothing = Remediation {
        retries: Some(0),
        strategy: Strategy::Retry,
        last: false,
        interval: None,
        ignore_test_failures: false,
    };
    Policy {
        timeout: TIMEOUT,
        max_history: Some(MAX_HISTORY),
        wait: false,
        install_crds: Crds::Create,
        upgrade_crds: Crds::Skip,
        disable_hooks: false,
        disable_take_ownership: true,
        install_remediation: nothing.clone(),
        upgrade_remediation: nothing,
        reset_values: true,
        test: None,
        drift: Drift {
            mode: DriftMode::Disabled,
            ignore: Vec::new(),
        },
        keep_history: false,
        create_namespace: false,
        propagation: Propagation::Background,
        actions: Actions::default(),
    }
}

/// After a failed installation everything goes, and it is tried again without an end.
fn uninstalls() -> Remediation {
    Remediation {
        retries: None,
        strategy: Strategy::Uninstall,
        last: true,
        interval: None,
        ignore_test_failures: false,
    }
}

/// After a failed upgrade the last good revision comes back.
fn rolls_back(retries: Option<u32>) -> Remediation {
    Remediation {
        retries,
        strategy: Strategy::Rollback,
        last: true,
        interval: None,
        ignore_test_failures: false,
    }
}
