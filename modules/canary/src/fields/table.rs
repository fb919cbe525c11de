//! The table. Facts of Flagger's definitions (v1.4x: `canaries`, `metrictemplates` and `alertproviders` of `flagger.app`), and
//! this project's own additions.

use super::{Fate, Field, Origin};

const fn flagger(path: &'static str, remark: &'static str) -> Field {
    Field {
        path,
        fate: Fate::Accepted,
        origin: Origin::Flagger,
        remark,
    }
}

const fn own(path: &'static str, remark: &'static str) -> Field {
    Field {
        path,
        fate: Fate::Accepted,
        origin: Origin::Own,
        remark,
    }
}

const fn warned(path: &'static str, remark: &'static str) -> Field {
    Field {
        path,
        fate: Fate::Warned,
        origin: Origin::Flagger,
        remark,
    }
}

const fn rejected(path: &'static str, remark: &'static str) -> Field {
    Field {
        path,
        fate: Fate::Rejected,
        origin: Origin::Flagger,
        remark,
    }
}

/// `Canary`, under all its groups and versions.
pub(super) const CANARY: &[Field] = &[
    flagger("spec.targetRef", "what is rolled out"),
    flagger("spec.targetRef.apiVersion", "`apps/v1`"),
    flagger("spec.targetRef.kind", "`Deployment`; any other is refused"),
    flagger("spec.targetRef.name", "of this namespace"),
    flagger("spec.targetRef.namespace", "the Canary's own, or left out"),
    flagger(
        "spec.autoscalerRef",
        "its `scaleTargetRef` points at the Canary's `/scale` meanwhile",
    ),
    flagger(
        "spec.autoscalerRef.apiVersion",
        "`autoscaling/v2` or another of that group",
    ),
    flagger(
        "spec.autoscalerRef.kind",
        "`HorizontalPodAutoscaler`. A `ScaledObject` is told to scale the Canary by its own `scaleTargetRef`: a warning says how",
    ),
    flagger("spec.autoscalerRef.name", "of this namespace"),
    flagger(
        "spec.autoscalerRef.namespace",
        "the Canary's own, or left out",
    ),
    warned(
        "spec.autoscalerRef.primaryScalerQueries",
        "one autoscaler scales both revisions; remove it",
    ),
    warned(
        "spec.autoscalerRef.primaryScalerReplicas",
        "one autoscaler scales both revisions, and its own minReplicas and maxReplicas count; remove it",
    ),
    rejected(
        "spec.ingressRef",
        "requests are split by the numbers of Pods or by an HTTPRoute; leave it out, or give service.gatewayRefs",
    ),
    rejected(
        "spec.routeRef",
        "requests are split by the numbers of Pods or by an HTTPRoute; leave it out, or give service.gatewayRefs",
    ),
    rejected(
        "spec.upstreamRef",
        "requests are split by the numbers of Pods or by an HTTPRoute; leave it out, or give service.gatewayRefs",
    ),
    flagger(
        "spec.provider",
        "`kubernetes`, `gatewayapi:v1` or `gatewayapi:v1beta1`; any other is refused. With `kubernetes` steps are steps of \
         Pods, where Flagger would turn them into iterations",
    ),
    flagger(
        "spec.metricsServer",
        "Prometheus of the built-in metrics and of queries",
    ),
    flagger(
        "spec.progressDeadlineSeconds",
        "600 is the default; does not run while people or gates are waited for",
    ),
    flagger("spec.skipAnalysis", ""),
    flagger("spec.suspend", "holds everything as it is"),
    flagger(
        "spec.revertOnDeletion",
        "what is borrowed is given back in any case",
    ),
    // service
    flagger("spec.service", ""),
    flagger("spec.service.name", "the target's name is the default"),
    flagger("spec.service.port", ""),
    flagger("spec.service.portName", "`http` is the default"),
    flagger("spec.service.targetPort", "the port is the default"),
    flagger("spec.service.portDiscovery", "the other ports of the Pods"),
    flagger("spec.service.appProtocol", ""),
    flagger("spec.service.trafficDistribution", ""),
    flagger("spec.service.headless", ""),
    flagger("spec.service.timeout", "of the HTTPRoute"),
    flagger("spec.service.backendTimeout", "of the HTTPRoute"),
    flagger("spec.service.hosts[]", "of the HTTPRoute"),
    flagger(
        "spec.service.gatewayRefs[]",
        "the route's parents; an HTTPRoute of `gateway.networking.k8s.io/v1` is made of them",
    ),
    flagger("spec.service.gatewayRefs[].group", ""),
    flagger("spec.service.gatewayRefs[].kind", ""),
    flagger("spec.service.gatewayRefs[].name", ""),
    flagger("spec.service.gatewayRefs[].namespace", ""),
    flagger("spec.service.gatewayRefs[].sectionName", ""),
    flagger("spec.service.gatewayRefs[].port", ""),
    own(
        "spec.service.gatewayRefs[].apiVersion",
        "`gateway.networking.k8s.io/v1` or `/v1beta1`; the route is `v1` in any case",
    ),
    flagger("spec.service.match[]", "of the HTTPRoute"),
    flagger("spec.service.match[].uri", "`exact`, `prefix` or `regex`"),
    flagger("spec.service.match[].uri.exact", ""),
    flagger("spec.service.match[].uri.prefix", ""),
    flagger("spec.service.match[].uri.suffix", ""),
    flagger("spec.service.match[].uri.regex", ""),
    flagger("spec.service.match[].method", "`exact` only"),
    flagger("spec.service.match[].method.exact", ""),
    flagger("spec.service.match[].method.prefix", ""),
    flagger("spec.service.match[].method.suffix", ""),
    flagger("spec.service.match[].method.regex", ""),
    flagger("spec.service.match[].headers", "by the header's name"),
    flagger("spec.service.match[].headers.*", ""),
    flagger("spec.service.match[].headers.*.exact", ""),
    flagger("spec.service.match[].headers.*.prefix", ""),
    flagger("spec.service.match[].headers.*.suffix", ""),
    flagger("spec.service.match[].headers.*.regex", ""),
    flagger(
        "spec.service.match[].queryParams",
        "by the parameter's name",
    ),
    flagger("spec.service.match[].queryParams.*", ""),
    flagger("spec.service.match[].queryParams.*.exact", ""),
    flagger("spec.service.match[].queryParams.*.prefix", ""),
    flagger("spec.service.match[].queryParams.*.suffix", ""),
    flagger("spec.service.match[].queryParams.*.regex", ""),
    warned(
        "spec.service.match[].name",
        "only Istio knows it; remove it",
    ),
    warned(
        "spec.service.match[].gateways",
        "only Istio knows it; give service.gatewayRefs",
    ),
    rejected(
        "spec.service.match[].authority",
        "a route would take more requests without it; give service.hosts",
    ),
    rejected(
        "spec.service.match[].scheme",
        "a route would take more requests without it; give gatewayRefs[].sectionName",
    ),
    rejected(
        "spec.service.match[].port",
        "a route would take more requests without it; give gatewayRefs[].port",
    ),
    rejected(
        "spec.service.match[].ignoreUriCase",
        "a route would take fewer requests without it; use uri.regex with (?i)",
    ),
    rejected(
        "spec.service.match[].sourceLabels",
        "a route would take more requests without it; only Istio knows it",
    ),
    rejected(
        "spec.service.match[].sourceNamespace",
        "a route would take more requests without it; only Istio knows it",
    ),
    rejected(
        "spec.service.match[].withoutHeaders",
        "a route would take more requests without it; only Istio knows it",
    ),
    flagger("spec.service.rewrite", "of the HTTPRoute"),
    flagger("spec.service.rewrite.uri", ""),
    flagger("spec.service.rewrite.authority", ""),
    flagger(
        "spec.service.rewrite.type",
        "`ReplaceFullPath` or `ReplacePrefixMatch`",
    ),
    flagger("spec.service.headers", "of the HTTPRoute"),
    flagger("spec.service.headers.request", ""),
    flagger("spec.service.headers.request.set", ""),
    flagger("spec.service.headers.request.add", ""),
    flagger("spec.service.headers.request.remove[]", ""),
    flagger("spec.service.headers.response", ""),
    flagger("spec.service.headers.response.set", ""),
    flagger("spec.service.headers.response.add", ""),
    flagger("spec.service.headers.response.remove[]", ""),
    flagger(
        "spec.service.mirror[]",
        "`RequestMirror` filters of the HTTPRoute, for all requests",
    ),
    flagger("spec.service.apex", ""),
    flagger("spec.service.apex.labels", ""),
    flagger("spec.service.apex.annotations", ""),
    flagger("spec.service.primary", ""),
    flagger("spec.service.primary.labels", ""),
    flagger("spec.service.primary.annotations", ""),
    flagger("spec.service.canary", ""),
    flagger("spec.service.canary.labels", ""),
    flagger("spec.service.canary.annotations", ""),
    warned(
        "spec.service.unmanagedMetadata",
        "labels and annotations that others set are left alone in any case; remove it",
    ),
    warned(
        "spec.service.retries",
        "the Gateway API's standard channel has no retries; set them at the gateway",
    ),
    warned(
        "spec.service.corsPolicy",
        "the Gateway API's standard channel has none; set it at the gateway",
    ),
    warned(
        "spec.service.gateways",
        "no VirtualService is made; give service.gatewayRefs",
    ),
    warned(
        "spec.service.delegation",
        "no VirtualService is made; remove it",
    ),
    warned(
        "spec.service.trafficPolicy",
        "no DestinationRule is made; write one of your own for the Services",
    ),
    warned("spec.service.meshName", "App Mesh is not served; remove it"),
    warned("spec.service.backends", "App Mesh is not served; remove it"),
    // analysis
    flagger(
        "spec.analysis",
        "`spec.canaryAnalysis` in `v1alpha3`; exactly one of them",
    ),
    flagger(
        "spec.analysis.interval",
        "a minute is the default; raised to 10s, with a warning",
    ),
    flagger("spec.analysis.threshold", "1 is the default"),
    flagger(
        "spec.analysis.iterations",
        "blue/green: the Service, or the route, switches after so many checks",
    ),
    flagger("spec.analysis.stepWeight", ""),
    flagger("spec.analysis.stepWeights[]", "strictly ascending"),
    flagger(
        "spec.analysis.maxWeight",
        "100 is the default; no step exceeds it, where Flagger's last may",
    ),
    flagger(
        "spec.analysis.stepWeightPromotion",
        "steps from the last weight to 100, one per interval",
    ),
    flagger(
        "spec.analysis.primaryReadyThreshold",
        "percent of the stable revision's Pods",
    ),
    flagger(
        "spec.analysis.canaryReadyThreshold",
        "percent of the new revision's Pods",
    ),
    warned(
        "spec.analysis.mirror",
        "no requests are copied: the new revision gets its first ones with the first step; remove it",
    ),
    warned(
        "spec.analysis.mirrorWeight",
        "no requests are copied; remove it",
    ),
    warned(
        "spec.analysis.sessionAffinity",
        "a client may meet both revisions; use iterations where that must not be",
    ),
    rejected(
        "spec.analysis.match[]",
        "requests are not told apart by what is in them; leave it out to have iterations without requests from outside",
    ),
    flagger("spec.analysis.metrics[]", ""),
    flagger(
        "spec.analysis.metrics[].name",
        "`request-success-rate` and `request-duration` are built in",
    ),
    flagger(
        "spec.analysis.metrics[].interval",
        "`1m` is the default; never looks back before the step",
    ),
    flagger(
        "spec.analysis.metrics[].threshold",
        "the least for `request-success-rate`, the most for all others",
    ),
    flagger(
        "spec.analysis.metrics[].thresholdRange",
        "both ends are still good",
    ),
    flagger("spec.analysis.metrics[].thresholdRange.min", ""),
    flagger("spec.analysis.metrics[].thresholdRange.max", ""),
    flagger("spec.analysis.metrics[].query", "PromQL"),
    flagger("spec.analysis.metrics[].templateRef", "a MetricTemplate"),
    flagger("spec.analysis.metrics[].templateRef.name", ""),
    flagger(
        "spec.analysis.metrics[].templateRef.namespace",
        "needs a grant to read there",
    ),
    flagger("spec.analysis.metrics[].templateVariables", ""),
    own(
        "spec.analysis.metrics[].web",
        "a JSON document instead of Prometheus",
    ),
    own("spec.analysis.metrics[].web.url", ""),
    own("spec.analysis.metrics[].web.jsonPointer", ""),
    own("spec.analysis.metrics[].web.jsonPath", ""),
    own("spec.analysis.metrics[].web.headers[]", ""),
    own("spec.analysis.metrics[].web.headers[].key", ""),
    own("spec.analysis.metrics[].web.headers[].value", ""),
    own("spec.analysis.metrics[].web.secretRef", ""),
    own("spec.analysis.metrics[].web.secretRef.name", ""),
    own("spec.analysis.metrics[].web.timeout", ""),
    own("spec.analysis.metrics[].successCondition", ""),
    own("spec.analysis.metrics[].failureCondition", ""),
    own(
        "spec.analysis.metrics[].noData",
        "`fail`, `hold` or `pass`; Flagger's rule is `fail`, the default is `hold`",
    ),
    own("spec.analysis.metrics[].onError", "`hold` or `fail`"),
    own("spec.analysis.metrics[].consecutiveErrorLimit", ""),
    own(
        "spec.analysis.metrics[].minSamples",
        "requests below which there are no data",
    ),
    own("spec.analysis.metrics[].samplesQuery", ""),
    own("spec.analysis.metrics[].dryRun", ""),
    flagger(
        "spec.analysis.webhooks[]",
        "any answer from 200 to 299 is a yes, where Flagger takes 200 to 202",
    ),
    flagger("spec.analysis.webhooks[].type", "`rollout` is the default"),
    flagger("spec.analysis.webhooks[].name", ""),
    flagger(
        "spec.analysis.webhooks[].url",
        "the watch has to grant its origin",
    ),
    flagger("spec.analysis.webhooks[].timeout", "`10s` is the default"),
    flagger("spec.analysis.webhooks[].retries", ""),
    flagger("spec.analysis.webhooks[].metadata", ""),
    flagger("spec.analysis.webhooks[].muteAlert", ""),
    warned(
        "spec.analysis.webhooks[].disableTLS",
        "certificates are checked in any case; use http within the cluster",
    ),
    flagger("spec.analysis.alerts[]", ""),
    flagger("spec.analysis.alerts[].name", ""),
    flagger("spec.analysis.alerts[].severity", "`info` is the default"),
    flagger("spec.analysis.alerts[].providerRef", "an AlertProvider"),
    flagger("spec.analysis.alerts[].providerRef.name", ""),
    flagger(
        "spec.analysis.alerts[].providerRef.namespace",
        "needs a grant to read there",
    ),
    // own additions
    own(
        "spec.replicas",
        "the Canary's `/scale`: Pods of both revisions together",
    ),
    own("spec.strategy", ""),
    own(
        "spec.strategy.maxSurge",
        "the Deployment's own is the default",
    ),
    own(
        "spec.strategy.maxUnavailable",
        "the Deployment's own is the default",
    ),
    own("spec.strategy.onFailure", "`abort` or `hold`"),
    own(
        "spec.strategy.scaleDownDelaySeconds",
        "30 is the default; only where requests are routed",
    ),
    own("spec.strategy.revisionHistoryLimit", "10 is the default"),
    own("spec.trafficMode", "`replicas` or `gatewayapi`"),
    own(
        "spec.steps[]",
        "instead of `stepWeight`, `stepWeights` and `iterations`",
    ),
    own("spec.steps[].setWeight", "strictly ascending"),
    own("spec.steps[].pause", ""),
    own(
        "spec.steps[].pause.duration",
        "without it: until somebody promotes",
    ),
    own("spec.noData", "for metrics that do not say it themselves"),
    own(
        "spec.minSamples",
        "for metrics that do not say it themselves",
    ),
    own("spec.paused", "holds a rollout where it is"),
    own(
        "spec.control",
        "what `oarlock promote`, `abort`, `retry` and `pause` write",
    ),
    own("spec.control.abort", "a revision"),
    own(
        "spec.control.promote",
        "a revision, `REVISION/full` or `REVISION/2`",
    ),
    own("spec.control.retry", "any text that was not there before"),
    own("spec.control.pause", "a revision"),
    own("spec.takeover", "`flagger`: see TAKEOVER.md"),
];

/// `MetricTemplate`. Who reads one checks it (`rollout::analysis`): this is for people.
#[cfg(test)]
pub(super) const METRIC_TEMPLATE: &[Field] = &[
    flagger(
        "spec.query",
        "PromQL; `{{ namespace }}`, `{{ name }}`, `{{ target }}`, `{{ service }}`, `{{ ingress }}`, `{{ interval }}` and \
         `{{ variables.NAME }}` are filled in",
    ),
    flagger("spec.provider", ""),
    flagger(
        "spec.provider.type",
        "`prometheus`; with any other the rollout is held. `metrics[].web` reads any JSON document",
    ),
    flagger(
        "spec.provider.address",
        "the Canary's own metrics server is the default; the watch has to grant its origin",
    ),
    flagger(
        "spec.provider.secretRef",
        "`username` and `password`, or `token`; not for a template of another namespace than the Canary's",
    ),
    flagger("spec.provider.secretRef.name", ""),
    flagger("spec.provider.headers", "sent along"),
    flagger("spec.provider.headers.*", ""),
    warned(
        "spec.provider.region",
        "only CloudWatch knows it; remove it",
    ),
    warned(
        "spec.provider.insecureSkipVerify",
        "certificates are checked in any case; use http within the cluster",
    ),
];

/// `AlertProvider`. Who reads one checks it (`rollout::analysis`): this is for people.
#[cfg(test)]
pub(super) const ALERT_PROVIDER: &[Field] = &[
    flagger(
        "spec.type",
        "`slack`, or `webhook` (own) for anybody who takes a JSON document; nothing is told to any other, and a warning says so. \
         Rocket and Discord (`/slack` at the end of the address) take `slack`",
    ),
    flagger("spec.channel", "of `slack`"),
    flagger("spec.username", "of `slack`"),
    flagger("spec.address", "the watch has to grant its origin"),
    flagger("spec.secretRef", "its key `address`"),
    flagger("spec.secretRef.name", ""),
    rejected(
        "spec.proxy",
        "nothing is told, and a warning says so: calls go where they say; leave it out",
    ),
];
