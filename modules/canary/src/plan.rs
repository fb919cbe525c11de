//! The spec, checked: what is rolled out, by which steps, and where the requests go.
//!
//! All that is wrong is told at once, by the path that its author wrote: `spec.canaryAnalysis` where that is the key.

mod course;
#[cfg(test)]
mod tests;

use std::time::Duration;

use oarlock_sdk::{AnyObject, Failure, FieldError, Object, Resource as _, Value};
use rollout::analysis::duration::GoDuration;
use rollout::analysis::spec::{AlertSpec, MetricSpec};
use rollout::analysis::{Check, Monitoring, Settings, Webhooks};
use rollout::control::Control;

use crate::fields::{self, Findings};
pub(crate) use crate::plan::course::{Course, Hold, Step};
use crate::router::route;
use crate::spec::{Analysis, CanarySpec, IntOrText, Service};

/// Time between two checks where nothing is said, as in Flagger.
const INTERVAL: Duration = Duration::from_secs(60);
/// The shortest time between two checks, as in Flagger.
const SHORTEST: Duration = Duration::from_secs(10);
/// `progressDeadlineSeconds` where nothing is said, as in Flagger.
const DEADLINE: u32 = 600;

/// What shall happen, whatever is there now.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Group and version that the Canary came under.
    pub(crate) api_version: String,
    /// Name of the Canary.
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Of the Canary: what tells its own shares from others.
    pub(crate) uid: String,
    /// `spec.analysis`, or `spec.canaryAnalysis` where the author wrote that.
    pub(crate) analysis_path: &'static str,
    /// Name of the Deployment.
    pub(crate) target: String,
    /// `spec.replicas`: what an autoscaler, or a person, set by `/scale`.
    pub(crate) replicas: Option<u32>,
    pub(crate) course: Course,
    /// Time between two checks.
    pub(crate) interval: Duration,
    /// Failed checks after which the new revision is given up; at least 1.
    pub(crate) threshold: u32,
    /// Time without progress after which it is.
    pub(crate) deadline: Duration,
    pub(crate) skip_analysis: bool,
    pub(crate) suspend: bool,
    pub(crate) paused: bool,
    pub(crate) revert_on_deletion: bool,
    pub(crate) control: Control,
    pub(crate) strategy: Strategy,
    /// Percent of each track's Pods that have to be available.
    pub(crate) ready: Ready,
    /// What Prometheus and others are asked every interval.
    pub(crate) checks: Vec<Check>,
    pub(crate) webhooks: Webhooks,
    /// Who is told; read by `Alerts::read` with the path `{analysis_path}.alerts`.
    pub(crate) alerts: Vec<AlertSpec>,
    pub(crate) routing: Routing,
    /// None: there are no Services but the user's.
    pub(crate) service: Option<Service>,
    /// Name of the HorizontalPodAutoscaler that scales the target.
    pub(crate) autoscaler: Option<String>,
    /// Whether what a Flagger left behind is taken over.
    pub(crate) takeover: bool,
    /// What was accepted and is not quite what it says, for people.
    pub(crate) warnings: Vec<String>,
}

/// How far a rollout may leave the number of replicas, and how it ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Strategy {
    /// None: as the Deployment's own.
    pub(crate) max_surge: Option<IntOrText>,
    /// None: as the Deployment's own.
    pub(crate) max_unavailable: Option<IntOrText>,
    pub(crate) on_failure: OnFailure,
    /// How long Pods stay after no more requests are sent to them. Only with a router.
    pub(crate) linger: Duration,
    /// How much `status.history` remembers.
    pub(crate) history: usize,
}

/// What becomes of a rollout whose checks failed too often.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OnFailure {
    Abort,
    Hold,
}

/// Percent of each track's Pods that have to be available, 1 to 100.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ready {
    pub(crate) stable: u32,
    pub(crate) canary: u32,
}

/// What splits the requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Routing {
    /// Nothing but the numbers of Pods.
    Replicas,
    /// The weights of an HTTPRoute.
    Gateway,
    /// The selector of a Service: all or nothing.
    Services,
}

impl Plan {
    /// Reads and checks a Canary, under whichever group and version it came.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with everything that is wrong.
    pub(crate) fn read(
        canary: AnyObject,
        settings: &Settings,
    ) -> Result<(Object<CanarySpec>, Self), Failure> {
        let raw: Value = serde_json::from_str(canary.text()).unwrap_or_default();
        let Findings { wrong, warnings } = fields::check(&raw);
        let api_version = String::from(canary.api_version());
        let checked = canary.parse().and_then(|canary| {
            let mut plan = Self::of(&canary, settings)?;
            plan.api_version = api_version;
            plan.warnings.splice(0..0, warnings);
            Ok((canary, plan))
        });
        if wrong.is_empty() {
            return checked;
        }
        // A field that is not known is wrong once, whatever else is found at its path.
        let mut all = wrong;
        if let Err(Failure::Invalid(more)) = checked {
            let new = |error: &FieldError| !all.iter().any(|known| known.path == error.path);
            let more: Vec<_> = more.into_iter().filter(new).collect();
            all.extend(more);
        }
        Err(Failure::Invalid(all))
    }

    /// Checks a Canary of the project's own group.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with everything that is wrong.
    pub(crate) fn of(canary: &Object<CanarySpec>, settings: &Settings) -> Result<Self, Failure> {
        let mut audit = Audit::default();
        let plan = audit.plan(canary, settings);
        if audit.wrong.is_empty() {
            return Ok(Self {
                warnings: audit.warnings,
                ..plan
            });
        }
        Err(Failure::Invalid(audit.wrong))
    }

    /// Name of the Deployment that holds the stable revision during a rollout.
    pub(crate) fn stable(&self) -> String {
        format!("{}-stable", self.target)
    }

    /// Names of the Services: the one that people use, the stable revision's and the new one's. None where there are none.
    pub(crate) fn services(&self) -> Option<ServiceNames> {
        let service = self.service.as_ref()?;
        let apex = service.name.clone().unwrap_or_else(|| self.target.clone());
        Some(ServiceNames {
            primary: format!("{apex}-primary"),
            canary: format!("{apex}-canary"),
            apex,
        })
    }
}

/// Names of the Services of one Canary.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ServiceNames {
    /// The one that people use.
    pub(crate) apex: String,
    /// The stable revision's.
    pub(crate) primary: String,
    /// The new revision's.
    pub(crate) canary: String,
}

/// What is found while a spec is read.
#[derive(Debug, Default)]
struct Audit {
    wrong: Vec<FieldError>,
    warnings: Vec<String>,
}

impl Audit {
    fn refuse(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.wrong.push(FieldError::new(path, message));
    }

    fn warn(&mut self, path: impl std::fmt::Display, message: impl std::fmt::Display) {
        self.warnings.push(format!("{path}: {message}"));
    }

    fn plan(&mut self, canary: &Object<CanarySpec>, settings: &Settings) -> Plan {
        let spec = &canary.spec;
        let (analysis_path, analysis) = self.analysis(spec);
        let course = self.course(spec, analysis_path, &analysis);
        self.target(canary);
        let routing = self.routing(spec, &course);
        Plan {
            api_version: CanarySpec::api_version(),
            name: String::from(canary.name()),
            namespace: String::from(canary.namespace()),
            uid: canary.metadata.uid.clone(),
            analysis_path,
            target: spec.target_ref.name.clone(),
            replicas: spec.replicas,
            course,
            interval: self.interval(analysis_path, analysis.interval.as_deref()),
            // Flagger takes what is not positive for its default.
            threshold: analysis
                .threshold
                .and_then(|threshold| u32::try_from(threshold).ok())
                .map_or(1, |threshold| threshold.max(1)),
            deadline: Duration::from_secs(u64::from(self.at_least_one(
                "spec.progressDeadlineSeconds",
                spec.progress_deadline_seconds,
                DEADLINE,
            ))),
            skip_analysis: spec.skip_analysis,
            suspend: spec.suspend,
            paused: spec.paused,
            revert_on_deletion: spec.revert_on_deletion,
            control: self.control(&spec.control),
            strategy: self.strategy(spec),
            ready: Ready {
                stable: self.percent(
                    format!("{analysis_path}.primaryReadyThreshold"),
                    analysis.primary_ready_threshold,
                ),
                canary: self.percent(
                    format!("{analysis_path}.canaryReadyThreshold"),
                    analysis.canary_ready_threshold,
                ),
            },
            checks: self.checks(spec, analysis_path, &analysis, settings),
            webhooks: self
                .several(Webhooks::parse(
                    &analysis.webhooks,
                    &format!("{analysis_path}.webhooks"),
                ))
                .unwrap_or_default(),
            alerts: analysis.alerts.clone(),
            routing,
            service: self.service(spec, routing),
            autoscaler: self.autoscaler(canary),
            takeover: self.one_of("spec.takeover", spec.takeover.as_deref(), &["flagger"])
                == Some("flagger"),
            warnings: Vec::new(),
        }
    }

    fn target(&mut self, canary: &Object<CanarySpec>) {
        let target = &canary.spec.target_ref;
        let kind = target.kind.as_deref().unwrap_or("Deployment");
        let version = target.api_version.as_deref().unwrap_or("apps/v1");
        if (kind, version) != ("Deployment", "apps/v1") {
            self.refuse(
                "spec.targetRef",
                format!(
                    "must be an apps/v1 Deployment, not a {version} {kind}\n\
                     hint: only Deployments are rolled out; leave the Canary out for what rolls out by itself"
                ),
            );
        }
        self.name("spec.targetRef.name", &target.name, "-stable", 253);
        self.own_namespace(
            "spec.targetRef.namespace",
            target.namespace.as_deref(),
            canary,
        );
    }

    fn autoscaler(&mut self, canary: &Object<CanarySpec>) -> Option<String> {
        let scaler = canary.spec.autoscaler_ref.as_ref()?;
        let kind = scaler.kind.as_deref().unwrap_or("HorizontalPodAutoscaler");
        let version = scaler.api_version.as_deref().unwrap_or("autoscaling/v2");
        match (kind, version.split_once('/').map(|(group, _)| group)) {
            ("HorizontalPodAutoscaler", Some("autoscaling")) => {}
            ("ScaledObject", Some("keda.sh")) => {
                self.warn(
                    "spec.autoscalerRef",
                    format!(
                        "a ScaledObject keeps scaling the Deployment itself; hint: name the HorizontalPodAutoscaler that KEDA made, \
                         keda-hpa-{}, to have it scale both revisions",
                        scaler.name
                    ),
                );
                return None;
            }
            _ => self.refuse(
                "spec.autoscalerRef",
                format!(
                    "must be an autoscaling/v2 HorizontalPodAutoscaler, not a {version} {kind}"
                ),
            ),
        }
        self.name("spec.autoscalerRef.name", &scaler.name, "", 253);
        self.own_namespace(
            "spec.autoscalerRef.namespace",
            scaler.namespace.as_deref(),
            canary,
        );
        Some(scaler.name.clone())
    }

    fn own_namespace(&mut self, path: &str, namespace: Option<&str>, canary: &Object<CanarySpec>) {
        let own = canary.namespace();
        if let Some(namespace) = namespace.filter(|namespace| *namespace != own) {
            self.refuse(
                path,
                format!(
                    "must be the Canary's own namespace {own:?}, not {namespace:?}\n\
                     hint: leave it out, or create the Canary in {namespace:?}"
                ),
            );
        }
    }

    /// A name from which others are made by a suffix.
    fn name(&mut self, path: &str, name: &str, suffix: &str, longest: usize) {
        let label = |label: &str| {
            let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
            let all = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'-';
            label.bytes().all(all) && ends(label.bytes().next()) && ends(label.bytes().last())
        };
        let longest = longest - suffix.len();
        if name.is_empty() {
            self.refuse(path, "is required");
        } else if name.len() > longest || !name.split('.').all(label) {
            self.refuse(
                path,
                format!(
                    "must be at most {longest} lower-case letters, digits and hyphens, not {name:?}"
                ),
            );
        }
    }

    fn routing(&mut self, spec: &CanarySpec, course: &Course) -> Routing {
        let provider = match spec.provider.as_deref() {
            None | Some("kubernetes") => None,
            Some("gatewayapi:v1" | "gatewayapi:v1beta1" | "gatewayapi") => Some(Routing::Gateway),
            Some(other) => {
                self.refuse(
                    "spec.provider",
                    format!(
                        "{other:?} is not served, expected kubernetes, gatewayapi:v1 or gatewayapi:v1beta1\n\
                         hint: leave it out to split requests by the numbers of Pods"
                    ),
                );
                None
            }
        };
        let mode = match spec.traffic_mode.as_deref() {
            None => None,
            Some("replicas") => Some(Routing::Replicas),
            Some("gatewayapi") => Some(Routing::Gateway),
            Some(other) => {
                self.refuse(
                    "spec.trafficMode",
                    format!("{other:?} is not one, expected replicas or gatewayapi"),
                );
                None
            }
        };
        let gateways = spec
            .service
            .as_ref()
            .is_some_and(|service| !service.gateway_refs.is_empty());
        let routing = match (mode.or(provider), gateways, course) {
            (Some(Routing::Gateway), ..) | (None, true, _) => Routing::Gateway,
            (_, _, Course::BlueGreen { .. }) => Routing::Services,
            _ => Routing::Replicas,
        };
        if gateways && routing != Routing::Gateway {
            self.warn(
                "spec.service.gatewayRefs",
                "not used: spec.trafficMode says that requests are split by the numbers of Pods",
            );
        }
        if routing != Routing::Replicas && spec.service.is_none() {
            let why = match routing {
                Routing::Gateway => "a route needs Services to send requests to",
                _ => "iterations switch a Service from the stable revision to the new one",
            };
            self.refuse("spec.service", format!("is required: {why}"));
        }
        routing
    }

    fn service(&mut self, spec: &CanarySpec, routing: Routing) -> Option<Service> {
        let service = spec.service.as_ref()?;
        if routing == Routing::Gateway {
            self.wrong.extend(route::problems(service));
        }
        if !(1..=65535).contains(&service.port) {
            self.refuse("spec.service.port", "must be between 1 and 65535");
        }
        let apex = service.name.as_deref().unwrap_or(&spec.target_ref.name);
        if !apex.is_empty() {
            self.name("spec.service.name", apex, "-primary", 63);
        }
        match service.target_port {
            Some(IntOrText::Int(port)) if !(1..=65535).contains(&port) => self.refuse(
                "spec.service.targetPort",
                "must be between 1 and 65535, or the name of a port",
            ),
            _ => {}
        }
        for (index, gateway) in service.gateway_refs.iter().enumerate() {
            let version = gateway.api_version.as_deref();
            let versions = [
                "gateway.networking.k8s.io/v1",
                "gateway.networking.k8s.io/v1beta1",
            ];
            self.one_of(
                format!("spec.service.gatewayRefs[{index}].apiVersion"),
                version,
                &versions,
            );
        }
        Some(service.clone())
    }

    fn strategy(&mut self, spec: &CanarySpec) -> Strategy {
        let strategy = &spec.strategy;
        for (field, amount) in [
            ("maxSurge", &strategy.max_surge),
            ("maxUnavailable", &strategy.max_unavailable),
        ] {
            let good = match amount {
                None => true,
                Some(IntOrText::Int(number)) => u32::try_from(*number).is_ok(),
                Some(IntOrText::Text(text)) => text
                    .strip_suffix('%')
                    .is_some_and(|percent| percent.parse::<u32>().is_ok()),
            };
            if !good {
                self.refuse(
                    format!("spec.strategy.{field}"),
                    "must be a number of Pods such as 1, or percent such as \"25%\"",
                );
            }
        }
        let on_failure = self.one_of(
            "spec.strategy.onFailure",
            strategy.on_failure.as_deref(),
            &["abort", "hold"],
        );
        Strategy {
            max_surge: strategy.max_surge.clone(),
            max_unavailable: strategy.max_unavailable.clone(),
            on_failure: match on_failure {
                Some("hold") => OnFailure::Hold,
                _ => OnFailure::Abort,
            },
            linger: Duration::from_secs(u64::from(strategy.scale_down_delay_seconds.unwrap_or(30))),
            history: strategy
                .revision_history_limit
                .map_or(10, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        }
    }

    fn control(&mut self, control: &Control) -> Control {
        if let Err(far) = control.promotes("") {
            self.refuse(
                "spec.control.promote",
                format!(
                    "{far:?} is neither a step's number nor \"full\", expected REVISION, REVISION/full or REVISION/2"
                ),
            );
        }
        control.clone()
    }

    fn interval(&mut self, analysis: &str, text: Option<&str>) -> Duration {
        let path = format!("{analysis}.interval");
        let interval = self.duration(&path, text).unwrap_or(INTERVAL);
        if interval < SHORTEST {
            self.warn(path, "raised to 10s, as Flagger does");
        }
        interval.max(SHORTEST)
    }

    fn duration(&mut self, path: &str, text: Option<&str>) -> Option<Duration> {
        match text?.parse::<GoDuration>() {
            Ok(duration) => Some(duration.0),
            Err(error) => {
                self.refuse(path, error.to_string());
                None
            }
        }
    }

    fn checks(
        &mut self,
        spec: &CanarySpec,
        path: &str,
        analysis: &Analysis,
        settings: &Settings,
    ) -> Vec<Check> {
        let monitoring = self.several(Monitoring::new(settings, spec.metrics_server.as_deref()));
        let metrics: Vec<_> = analysis
            .metrics
            .iter()
            .map(|metric| MetricSpec {
                no_data: metric.no_data.or(spec.no_data),
                min_samples: metric.min_samples.or(spec.min_samples),
                ..metric.clone()
            })
            .collect();
        let Some(monitoring) = monitoring else {
            return Vec::new();
        };
        let checks = Check::metrics(&metrics, &format!("{path}.metrics"), &monitoring);
        self.several(checks).unwrap_or_default()
    }

    fn several<T>(&mut self, checked: Result<T, Vec<FieldError>>) -> Option<T> {
        checked.map_err(|wrong| self.wrong.extend(wrong)).ok()
    }

    fn one_of<'a>(
        &mut self,
        path: impl Into<String>,
        text: Option<&str>,
        known: &[&'a str],
    ) -> Option<&'a str> {
        let text = text?;
        let found = known.iter().find(|known| **known == text).copied();
        if found.is_none() {
            self.refuse(
                path,
                format!("{text:?} is not known, expected {}", known.join(" or ")),
            );
        }
        found
    }

    fn at_least_one(&mut self, path: &str, number: Option<u32>, default: u32) -> u32 {
        if number == Some(0) {
            self.refuse(path, "must be at least 1");
        }
        number.unwrap_or(default).max(1)
    }

    fn percent(&mut self, path: String, number: Option<i64>) -> u32 {
        let percent = number.map_or(Some(100), |number| u32::try_from(number).ok());
        match percent {
            Some(percent @ 1..=100) => percent,
            // Flagger's own default for what is not there.
            Some(0) => 100,
            _ => {
                self.refuse(path, "must be between 1 and 100");
                100
            }
        }
    }
}
