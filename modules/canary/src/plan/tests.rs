#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use oarlock_sdk::{AnyObject, Failure, Subject as _, Value, json, merge_patch};
use rollout::analysis::Settings;

use super::{Course, Hold, OnFailure, Plan, Routing, Step};

const PODINFO: &str = include_str!("podinfo.yaml");

fn podinfo() -> Value {
    serde_saphyr::from_str(PODINFO).unwrap()
}

fn with(patch: Value) -> Value {
    let mut canary = podinfo();
    merge_patch::apply(&mut canary, &patch);
    canary
}

fn read(canary: &Value) -> Result<Plan, Failure> {
    let any = AnyObject::from_json(canary.to_string())?;
    Plan::read(any, &Settings::default()).map(|(_, plan)| plan)
}

fn plan(patch: Value) -> Plan {
    read(&with(patch)).unwrap()
}

fn wrong(patch: Value) -> String {
    match read(&with(patch)) {
        Err(Failure::Invalid(wrong)) => wrong
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        other => panic!("expected what is wrong, not {other:?}"),
    }
}

fn weights(plan: &Plan) -> Vec<u32> {
    plan.course.steps().iter().map(|step| step.weight).collect()
}

#[test]
fn the_manifest_of_2019_runs_unchanged() {
    let plan = read(&podinfo()).unwrap();
    assert_eq!(
        (plan.name.as_str(), plan.namespace.as_str()),
        ("podinfo", "prod")
    );
    assert_eq!(
        (plan.target.as_str(), plan.stable()),
        ("podinfo", String::from("podinfo-stable"))
    );
    assert_eq!(plan.analysis_path, "spec.canaryAnalysis");
    assert_eq!(plan.interval, Duration::from_secs(10));
    assert_eq!((plan.threshold, plan.checks.len()), (5, 2));
    assert_eq!(
        weights(&plan),
        (1..=20).map(|step| step * 5).collect::<Vec<_>>()
    );
    assert!(
        plan.course
            .steps()
            .iter()
            .all(|step| step.hold == Hold::Checks)
    );
    assert_eq!(plan.routing, Routing::Replicas);
    assert_eq!(plan.deadline, Duration::from_secs(600));
    assert_eq!(plan.services().unwrap().primary, "podinfo-primary");
    assert_eq!(plan.warnings, [""; 0]);
}

#[test]
fn all_groups_and_versions_are_one() {
    let v1alpha3 = read(&podinfo()).unwrap();
    let analysis = &podinfo()["spec"]["canaryAnalysis"];
    for version in ["flagger.app/v1beta1", "canary.oarlock.dev/v1alpha1"] {
        let plan = plan(json!({
            "apiVersion": version,
            "spec": {"canaryAnalysis": null, "analysis": analysis},
        }));
        assert_eq!(
            (&plan.course, plan.threshold),
            (&v1alpha3.course, v1alpha3.threshold)
        );
        assert_eq!(plan.analysis_path, "spec.analysis");
    }
}

#[test]
fn weights_are_flaggers() {
    let of = |analysis: Value| plan(json!({"spec": {"canaryAnalysis": analysis}}));
    for (analysis, expected) in [
        (json!({"stepWeight": 20, "maxWeight": 50}), vec![20, 40, 50]),
        (json!({"stepWeight": 30}), vec![30, 60, 90, 100]),
        (json!({"stepWeight": 100}), vec![100]),
        (json!({"stepWeight": 60, "maxWeight": 0}), vec![60, 100]),
        (json!({"stepWeight": 50, "maxWeight": 10}), vec![10]),
        (
            json!({"stepWeight": null, "stepWeights": [1, 2, 10, 80]}),
            vec![1, 2, 10, 80],
        ),
    ] {
        assert_eq!(weights(&of(analysis.clone())), expected, "{analysis}");
    }
    let promoted = of(json!({"stepWeight": 20, "maxWeight": 40, "stepWeightPromotion": 25}));
    let Course::Weights { promotion, .. } = promoted.course else {
        panic!("no weights");
    };
    assert_eq!(promotion, [65, 90]);
    let both = of(json!({"stepWeights": [5, 6], "maxWeight": 50}));
    assert_eq!(weights(&both), [5, 6]);
    assert_eq!(
        both.warnings,
        [
            "spec.canaryAnalysis.stepWeight: not used: stepWeights say every step",
            "spec.canaryAnalysis.maxWeight: not used: stepWeights say every step",
        ]
    );
}

#[test]
fn iterations_switch_at_once() {
    let plan = plan(json!({"spec": {"canaryAnalysis": {"iterations": 10}}}));
    assert_eq!(plan.course, Course::BlueGreen { iterations: 10 });
    assert_eq!(plan.routing, Routing::Services);
    let routed = json!({"spec": {
        "canaryAnalysis": {"iterations": 10},
        "service": {"gatewayRefs": [{"name": "public"}]},
    }});
    assert_eq!(self::plan(routed).routing, Routing::Gateway);
    assert_eq!(
        wrong(json!({"spec": {"canaryAnalysis": {"iterations": -1}}})),
        "spec.canaryAnalysis.iterations: must be at least 1",
    );
}

#[test]
fn own_steps_have_pauses() {
    let steps = json!([
        {"setWeight": 10}, {"pause": {"duration": 90}}, {"setWeight": 50}, {"pause": {"duration": "10m"}},
        {"pause": {}}, {"setWeight": 80},
    ]);
    let plan = plan(json!({"spec": {"canaryAnalysis": {"stepWeight": null}, "steps": steps}}));
    let step = |weight, hold| Step { weight, hold };
    assert_eq!(
        plan.course.steps(),
        [
            step(10, Hold::For(Duration::from_secs(90))),
            step(50, Hold::For(Duration::from_secs(600))),
            step(50, Hold::Promotion),
            step(80, Hold::Checks),
        ]
    );
}

#[test]
fn what_is_wrong_is_told_at_once_and_by_its_authors_path() {
    let found = wrong(json!({"spec": {
        "targetRef": {"kind": "DaemonSet", "name": "Podinfo", "namespace": "other"},
        "provider": "istio",
        "ingressRef": {"name": "web"},
        "stepWeight": 10,
        "progressDeadlineSeconds": 0,
        "control": {"promote": "abc/0"},
        "canaryAnalysis": {
            "interval": "10", "stepWeights": [20, 10, 101], "primaryReadyThreshold": 101,
            "metrics": [{"name": "request-success-rate", "treshold": 99}],
        },
        "strategy": {"maxSurge": "25", "maxUnavailable": -1, "onFailure": "stop"},
        "service": {"port": 0, "targetPort": 70000},
        "steps": [{"setWeight": 10}],
    }}));
    assert_eq!(
        found,
        r#"spec.canaryAnalysis.metrics[0].treshold: is not a known field
hint: did you mean threshold?
spec.ingressRef: is not served: requests are split by the numbers of Pods or by an HTTPRoute; leave it out, or give service.gatewayRefs
spec.stepWeight: is not a known field
hint: did you mean spec.analysis.stepWeight?"#
    );
    let found = wrong(json!({"spec": {
        "targetRef": {"kind": "DaemonSet", "name": "Podinfo", "namespace": "other"},
        "provider": "istio",
        "progressDeadlineSeconds": 0,
        "control": {"promote": "abc/0"},
        "canaryAnalysis": {
            "interval": "10", "stepWeights": [20, 10, 101], "primaryReadyThreshold": 101,
        },
        "strategy": {"maxSurge": "25", "maxUnavailable": -1, "onFailure": "stop"},
        "service": {"port": 0, "targetPort": 70000},
    }}));
    assert_eq!(
        found,
        r#"spec.canaryAnalysis.stepWeights[1]: must be more than the 20 of the step before, not 10
spec.canaryAnalysis.stepWeights[2]: must be between 1 and 100, not 101
spec.targetRef: must be an apps/v1 Deployment, not a apps/v1 DaemonSet
hint: only Deployments are rolled out; leave the Canary out for what rolls out by itself
spec.targetRef.name: must be at most 246 lower-case letters, digits and hyphens, not "Podinfo"
spec.targetRef.namespace: must be the Canary's own namespace "prod", not "other"
hint: leave it out, or create the Canary in "other"
spec.provider: "istio" is not served, expected kubernetes, gatewayapi:v1 or gatewayapi:v1beta1
hint: leave it out to split requests by the numbers of Pods
spec.canaryAnalysis.interval: "10" is not a duration, expected one such as 30s, 1m30s or 500ms
spec.progressDeadlineSeconds: must be at least 1
spec.control.promote: "0" is neither a step's number nor "full", expected REVISION, REVISION/full or REVISION/2
spec.strategy.maxSurge: must be a number of Pods such as 1, or percent such as "25%"
spec.strategy.maxUnavailable: must be a number of Pods such as 1, or percent such as "25%"
spec.strategy.onFailure: "stop" is not known, expected abort or hold
spec.canaryAnalysis.primaryReadyThreshold: must be between 1 and 100
spec.service.port: must be between 1 and 65535
spec.service.name: must be at most 55 lower-case letters, digits and hyphens, not "Podinfo"
spec.service.targetPort: must be between 1 and 65535, or the name of a port"#
    );
}

#[test]
fn steps_are_checked() {
    let steps = |steps: Value| {
        wrong(json!({"spec": {"canaryAnalysis": {"stepWeight": null}, "steps": steps}}))
    };
    for (given, expected) in [
        (
            json!([{"setWeight": 10}, {"setWeight": 10}]),
            "spec.steps[1].setWeight: must be more than the 10 of the step before",
        ),
        (
            json!([{"setWeight": 101}]),
            "spec.steps[0].setWeight: must be between 0 and 100, not 101",
        ),
        (
            json!([{}]),
            "spec.steps[0]: must be one of {setWeight: 10} and {pause: {duration: 10m}}",
        ),
        (
            json!([{"setWeight": 1, "pause": {}}]),
            "spec.steps[0]: must be one of setWeight and pause\nhint: write two steps, the weight first",
        ),
        (
            json!([{"setWeight": 1}, {"pause": {"duration": "1d"}}]),
            "spec.steps[1].pause.duration: must be seconds, or a text such as 90s, 10m or 1h",
        ),
    ] {
        assert_eq!(steps(given), expected);
    }
    assert_eq!(
        wrong(json!({"spec": {"steps": [{"setWeight": 10}]}})),
        "spec.canaryAnalysis.stepWeight: must not stand beside spec.steps\nhint: remove one of the two"
    );
}

#[test]
fn an_analysis_is_given_once() {
    assert_eq!(
        wrong(json!({"spec": {"analysis": {"stepWeight": 10}}})),
        "spec.canaryAnalysis: must not stand beside spec.analysis: it is the same in its first version\nhint: remove it"
    );
    assert_eq!(
        wrong(json!({"spec": {"canaryAnalysis": null}})),
        "spec.analysis: is required\nhint: at least {interval: 1m, threshold: 5, stepWeight: 10}, or spec.skipAnalysis: true"
    );
    assert_eq!(
        wrong(json!({"spec": {"canaryAnalysis": {"stepWeight": 0}}})),
        "spec.canaryAnalysis: has no steps, expected one of stepWeight, stepWeights and iterations, or spec.steps"
    );
    let skipped = plan(json!({"spec": {"canaryAnalysis": null, "skipAnalysis": true}}));
    assert_eq!(skipped.course, Course::AtOnce);
}

#[test]
fn routes_need_services() {
    assert_eq!(
        wrong(json!({"spec": {"service": null, "trafficMode": "gatewayapi"}})),
        "spec.service: is required: a route needs Services to send requests to"
    );
    assert_eq!(
        wrong(json!({"spec": {"service": null, "canaryAnalysis": {"iterations": 2}}})),
        "spec.service: is required: iterations switch a Service from the stable revision to the new one"
    );
    let replicas = plan(json!({"spec": {
        "trafficMode": "replicas", "service": {"gatewayRefs": [{"name": "public"}]},
    }}));
    assert_eq!(replicas.routing, Routing::Replicas);
    assert_eq!(
        replicas.warnings,
        [
            "spec.service.gatewayRefs: not used: spec.trafficMode says that requests are split by the numbers of Pods"
        ]
    );
    assert_eq!(
        wrong(
            json!({"spec": {"service": {"gatewayRefs": [{"name": "a", "apiVersion": "gateway.networking.k8s.io/v1alpha2"}]}}})
        ),
        "spec.service.gatewayRefs[0].apiVersion: \"gateway.networking.k8s.io/v1alpha2\" is not known, expected \
         gateway.networking.k8s.io/v1 or gateway.networking.k8s.io/v1beta1"
    );
}

#[test]
fn autoscalers_are_horizontal() {
    let of = |scaler: Value| json!({"spec": {"autoscalerRef": scaler}});
    let hpa = json!({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler", "name": "podinfo"});
    assert_eq!(plan(of(hpa)).autoscaler.as_deref(), Some("podinfo"));
    let keda = plan(of(
        json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "podinfo"}),
    ));
    assert_eq!(keda.autoscaler, None);
    assert_eq!(
        keda.warnings,
        [
            "spec.autoscalerRef: a ScaledObject is not turned to the Canary; hint: let its own scaleTargetRef be {apiVersion: \
             canary.oarlock.dev/v1alpha1, kind: Canary, name: podinfo}, and give spec.replicas once"
        ]
    );
    assert_eq!(
        wrong(of(
            json!({"apiVersion": "v1", "kind": "Pod", "name": "podinfo"})
        )),
        "spec.autoscalerRef: must be an autoscaling/v2 HorizontalPodAutoscaler, not a v1 Pod"
    );
}

#[test]
fn defaults_are_flaggers() {
    let plan = plan(json!({"spec": {"canaryAnalysis": {"interval": "1s", "threshold": 0}}}));
    assert_eq!(
        (plan.interval, plan.threshold),
        (Duration::from_secs(10), 1)
    );
    assert_eq!(
        plan.warnings,
        ["spec.canaryAnalysis.interval: raised to 10s, as Flagger does"]
    );
    assert_eq!((plan.ready.stable, plan.ready.canary), (100, 100));
    assert_eq!(plan.strategy.on_failure, OnFailure::Abort);
    assert_eq!(
        (plan.strategy.linger, plan.strategy.history),
        (Duration::from_secs(30), 10)
    );
}

#[test]
fn what_is_wrong_does_not_keep_a_canary_from_being_deleted() {
    let end = |patch: Value| {
        let any = AnyObject::from_json(with(patch).to_string()).unwrap();
        assert!(Plan::read(any.clone(), &Settings::default()).is_err());
        Plan::at_its_end(&any, &Settings::default()).map(|(_, plan)| plan)
    };
    let wrong = json!({"spec": {
        "frobnicate": 1, "replicas": 7, "strategy": {"maxSurge": 2, "onFailure": "never"},
        "canaryAnalysis": {"interval": 5},
    }});
    let plan = end(wrong).unwrap();
    assert_eq!((plan.target.as_str(), plan.replicas), ("podinfo", Some(7)));
    assert_eq!(
        (plan.course, plan.strategy.max_surge),
        (Course::AtOnce, None)
    );
    assert!(end(json!({"spec": {"targetRef": {"name": "No Name"}}})).is_none());
    assert!(end(json!({"spec": {"targetRef": null}})).is_none());
}
