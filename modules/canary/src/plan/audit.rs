//! How a spec is checked: field by field, collecting what is wrong.

use std::time::Duration;

use oarlock_sdk::{FieldError, Object, Resource as _};
use rollout::analysis::duration::GoDuration;
use rollout::analysis::spec::MetricSpec;
use rollout::analysis::{Check, Monitoring, Settings, Webhooks};
use rollout::control::Control;

use super::{Course, OnFailure, Plan, Ready, Routing, Strategy};
use crate::router::route;
use crate::spec::{Analysis, CanarySpec, IntOrText, Service};

/// Time between two checks where nothing is said, as in Flagger.
const INTERVAL: Duration = Duration::from_secs(60);
/// The shortest time between two checks, as in Flagger.
const SHORTEST: Duration = Duration::from_secs(10);
/// `progressDeadlineSeconds` where nothing is said, as in Flagger.
const DEADLINE: u32 = 600;

/// What is found while a spec is read.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) wrong: Vec<FieldError>,
    pub(super) warnings: Vec<String>,
}

impl Audit {
    pub(super) fn refuse(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.wrong.push(FieldError::new(path, message));
    }

    pub(super) fn warn(&mut self, path: impl std::fmt::Display, message: impl std::fmt::Display) {
        self.warnings.push(format!("{path}: {message}"));
    }

    pub(super) fn plan(&mut self, canary: &Object<CanarySpec>, settings: &Settings) -> Plan {
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
            obstacle: None,
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
                let (api_version, kind) = (CanarySpec::api_version(), CanarySpec::KIND);
                self.warn(
                    "spec.autoscalerRef",
                    format!(
                        "a ScaledObject is not turned to the Canary; hint: let its own scaleTargetRef be \
                         {{apiVersion: {api_version}, kind: {kind}, name: {}}}, and give spec.replicas once",
                        canary.name()
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
