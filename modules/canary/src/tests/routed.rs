//! Rollouts with a router: a model of a gateway beside the Deployment controller, and rules about where requests go.

use oarlock_sdk::{ObjectRef, Value, json, merge_patch};

use super::controller::SYNCS;
use super::site::{Site, plain};

const REPLICAS: u32 = 8;

/// A Canary, its Pods, and what sends requests to them.
#[derive(Clone)]
struct Routed {
    site: Site,
    /// Percent of the requests that the gateway sends to the new revision. None before it has taken a route.
    taken: Option<u64>,
    /// Whether the gateway is at work.
    gateway: bool,
    rules: bool,
    seen: Vec<String>,
}

fn canary(spec: &Value) -> Value {
    let mut canary = plain();
    canary["spec"]["service"] = json!({"port": 80});
    merge_patch::apply(&mut canary, &json!({"spec": spec}));
    canary
}

fn by_weights() -> Value {
    canary(&json!({"service": {"gatewayRefs": [{"name": "public"}]}}))
}

fn at_once() -> Value {
    canary(&json!({"analysis": {"stepWeights": null, "iterations": 3}}))
}

impl Routed {
    fn held(canary: Value) -> Self {
        let mut routed = Self {
            site: Site::new(canary, REPLICAS),
            taken: None,
            gateway: true,
            rules: false,
            seen: Vec::new(),
        };
        routed.settle();
        assert_eq!(routed.site.phase(), "Initialized");
        routed.rules = true;
        routed
    }

    fn status(&self, name: &str) -> &str {
        self.site.world.status()[name].as_str().unwrap_or_default()
    }

    fn route(&self) -> Option<&Value> {
        let route = ObjectRef::new("gateway.networking.k8s.io/v1", "HTTPRoute", "podinfo");
        self.site.world.live(&route.in_namespace("prod"))
    }

    /// Percent that the route says.
    fn weight(&self) -> Option<u64> {
        self.route()?["spec"]["rules"][0]["backendRefs"][1]["weight"].as_u64()
    }

    /// Available Pods of each revision that a Service selects.
    fn selected(&self, service: &str) -> (u32, u32) {
        let target = ObjectRef::new("v1", "Service", service).in_namespace("prod");
        let Some(live) = self.site.world.live(&target) else {
            return (0, 0);
        };
        let selector = &live["spec"]["selector"];
        let now = self.site.world.now();
        let mut found = (0, 0);
        for (name, track) in [
            ("podinfo", Value::Null),
            ("podinfo-stable", json!("stable")),
        ] {
            for (image, pods) in self.site.controller.census(name, now) {
                let wanted = &selector["canary.oarlock.dev/track"];
                let hash = &selector["pod-template-hash"];
                if !wanted.is_null() && *wanted != track
                    || !hash.is_null() && *hash != hash_of(name, &image)
                {
                    continue;
                }
                match image.ends_with(":1") {
                    true => found.0 += pods.available,
                    false => found.1 += pods.available,
                }
            }
        }
        found
    }

    fn check(&mut self) {
        let Some(taken) = self.taken.or_else(|| self.route().is_none().then_some(0)) else {
            return;
        };
        if !self.rules {
            return;
        }
        let gateway = self.route().is_some();
        let requests: &[(u64, &str)] = match gateway {
            true => &[(100 - taken, "podinfo-primary"), (taken, "podinfo-canary")],
            false => &[(100, "podinfo")],
        };
        let mut line = format!("{} {}", self.status("stage"), self.site.pods());
        for (percent, service) in requests.iter().filter(|(percent, _)| *percent > 0) {
            let (old, new) = self.selected(service);
            line += &format!(", {percent} % {service} {old}+{new}");
            let fair = (u64::from(REPLICAS) * percent).div_ceil(100);
            // A quarter may be unavailable while Pods come and go.
            let least = (fair - fair / 4).max(1);
            assert!(
                u64::from(old + new) >= least,
                "{percent} % of the requests have {} of {least} Pods: {line}\n{}",
                old + new,
                self.seen.join("\n")
            );
        }
        let before = ["Draining", "Rolling", "Stepping", "Asking", "Aborting"];
        let stable = if gateway {
            "podinfo-primary"
        } else {
            "podinfo"
        };
        if before.contains(&self.status("stage")) {
            let (_, new) = self.selected(stable);
            assert_eq!(
                new,
                0,
                "{stable} sends requests to Pods that are not checked: {line}\n{}",
                self.seen.join("\n")
            );
        }
        if self.seen.last() != Some(&line) {
            self.seen.push(line);
        }
    }

    /// The controllers do one thing each. ReplicaSets become visible.
    fn controllers(&mut self) -> bool {
        let mut changed = false;
        for what in SYNCS {
            for name in ["podinfo", "podinfo-stable"] {
                changed |= self.site.sync(name, what);
                self.check();
            }
        }
        changed | self.replica_sets()
    }

    fn replica_sets(&mut self) -> bool {
        let mut changed = false;
        for (image, _) in self
            .site
            .controller
            .census("podinfo", self.site.world.now())
        {
            let hash = hash_of("podinfo", &image);
            let name = format!("podinfo-{}", hash.as_str().unwrap());
            let target = ObjectRef::new("apps/v1", "ReplicaSet", &name).in_namespace("prod");
            if self.site.world.live(&target).is_some() {
                continue;
            }
            let app = self.site.app().clone();
            let mut template = app["spec"]["template"].clone();
            template["metadata"]["labels"]["pod-template-hash"] = hash.clone();
            template["spec"]["containers"][0]["image"] = json!(image);
            self.site.world.foreign(json!({
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {
                    "name": name, "namespace": "prod", "labels": {"app": "podinfo", "pod-template-hash": hash},
                    "ownerReferences": [{"uid": app["metadata"]["uid"]}],
                },
                "spec": {"template": template},
            }));
            changed = true;
        }
        changed
    }

    /// The gateway takes the route as it is.
    fn gateway(&mut self) -> bool {
        if !self.gateway {
            return false;
        }
        let mut changed = false;
        self.site.world.each_object(|object| {
            if object["kind"] == "HTTPRoute" {
                let parents = json!([{
                    "parentRef": {"name": "public"},
                    "conditions": [
                        {"type": "Accepted", "status": "True", "observedGeneration": object["metadata"]["generation"]},
                        {"type": "ResolvedRefs", "status": "True", "observedGeneration": object["metadata"]["generation"]},
                    ],
                }]);
                changed |= object["status"]["parents"] != parents;
                object["status"]["parents"] = parents;
            }
        });
        self.taken = self.weight();
        self.check();
        changed
    }

    fn run_until(&mut self, steps: usize) -> bool {
        let changed = self.site.run_until(steps);
        assert_eq!(self.site.world.refusal(), None);
        self.check();
        changed
    }

    fn settle(&mut self) {
        for _ in 0..300 {
            let ran = self.run_until(usize::MAX);
            let world = &self.site.world;
            let again = world.wake().is_some_and(|wake| wake <= world.now());
            if !(self.controllers() | self.gateway()) && !ran && !again {
                return;
            }
        }
        panic!(
            "never comes to rest: {}, {}",
            self.site.pods(),
            self.site.why()
        );
    }

    fn sleep(&mut self) -> bool {
        let now = self.site.world.now();
        let next = self.site.world.wake().map(|wake| wake.max(now));
        next.map(|next| self.site.world.set_now(next)).is_some()
    }

    fn until(&mut self, what: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            self.settle();
            if what(self) {
                return;
            }
            assert!(
                self.sleep(),
                "rests: {}, {}",
                self.site.pods(),
                self.site.why()
            );
        }
        panic!(
            "never gets there: {}, {}",
            self.site.pods(),
            self.site.why()
        );
    }

    fn finish(&mut self) {
        for _ in 0..300 {
            self.settle();
            if !self.sleep() {
                return;
            }
        }
        panic!("never ends: {}, {}", self.site.pods(), self.site.why());
    }

    /// Percent that the gateway sent to the new revision, one after the other.
    fn weights(&self) -> Vec<&str> {
        let mut weights: Vec<&str> = Vec::new();
        for line in &self.seen {
            let share = line
                .split(", ")
                .find(|part| part.contains("podinfo-canary"))
                .and_then(|part| part.split(' ').next())
                .unwrap_or("0");
            if weights.last() != Some(&share) {
                weights.push(share);
            }
        }
        weights
    }

    fn abort(&mut self) {
        let revision = self.status("currentRevision").to_owned();
        self.site
            .world
            .edit(json!({"spec": {"control": {"abort": revision}}}));
    }
}

fn hash_of(name: &str, image: &str) -> Value {
    let version = image.rsplit(':').next().unwrap_or_default();
    match name {
        "podinfo" => json!(format!("h{version}")),
        _ => json!(format!("s{version}")),
    }
}

#[test]
fn requests_follow_the_steps_and_pods_follow_the_requests() {
    let mut routed = Routed::held(by_weights());
    routed.site.deploy("2");
    routed.finish();
    assert_eq!(routed.site.phase(), "Succeeded");
    assert_eq!(
        routed.site.pods(),
        format!("app 2={REPLICAS}/{REPLICAS}, stable")
    );
    assert_eq!(
        routed.weights(),
        ["0", "10", "30", "60", "100", "0"],
        "{}",
        routed.seen.join("\n")
    );
    assert_eq!(routed.selected("podinfo"), (0, REPLICAS));
}

#[test]
fn checks_are_counted_before_the_service_is_switched_at_once() {
    let mut routed = Routed::held(at_once());
    routed.site.deploy("2");
    routed.until(|routed| routed.status("stage") == "Stepping");
    assert_eq!(routed.selected("podinfo"), (REPLICAS, 0));
    routed.finish();
    assert_eq!(routed.site.phase(), "Succeeded");
    assert_eq!(routed.selected("podinfo"), (0, REPLICAS));
    assert_eq!(
        routed.site.pods(),
        format!("app 2={REPLICAS}/{REPLICAS}, stable")
    );
}

#[test]
fn row_12_requests_leave_before_pods_do_and_pods_linger() {
    let mut routed = Routed::held(by_weights());
    routed.site.deploy("2");
    routed.until(|routed| routed.weight() == Some(60));
    let before = routed.site.running(Some("podinfo:2"));
    routed.gateway = false;
    routed.abort();
    routed.settle();
    assert_eq!(routed.weight(), Some(0));
    assert_eq!(
        routed.site.running(Some("podinfo:2")),
        before,
        "the gateway has not seen it yet"
    );
    routed.gateway = true;
    let left = routed.site.world.now();
    routed.settle();
    assert_eq!(
        routed.site.running(Some("podinfo:2")),
        before,
        "they finish what they began"
    );
    routed.finish();
    assert_eq!(routed.site.phase(), "Failed");
    assert!(routed.site.world.now().since(left).as_secs() >= 30);
    assert_eq!(routed.site.available(Some("podinfo:1")), REPLICAS);
    assert_eq!(routed.selected("podinfo-primary"), (REPLICAS, 0));
}

#[test]
fn row_12_a_switch_is_taken_back_before_pods_leave() {
    let mut routed = Routed::held(at_once());
    routed.site.deploy("2");
    routed.until(|routed| routed.status("stage") == "Stepping");
    routed.abort();
    routed.finish();
    assert_eq!(routed.site.phase(), "Failed");
    assert_eq!(routed.selected("podinfo"), (REPLICAS, 0));
}

#[test]
fn row_27_a_gateway_that_takes_no_route_holds_the_rollout_before_the_first_request() {
    let mut routed = Routed::held(by_weights());
    routed.gateway = false;
    routed.site.deploy("2");
    for _ in 0..20 {
        routed.settle();
        routed.sleep();
    }
    assert_eq!(routed.taken, Some(0));
    assert!(
        routed.site.available(Some("podinfo:1")) >= REPLICAS,
        "{}",
        routed.site.pods()
    );
}

#[test]
fn row_10_going_back_to_what_served_is_routed_too() {
    let mut routed = Routed::held(by_weights());
    routed.site.deploy("2");
    routed.until(|routed| routed.weight() == Some(30));
    routed.site.deploy("1");
    routed.finish();
    assert_eq!(
        routed.site.pods(),
        format!("app 1={REPLICAS}/{REPLICAS}, stable")
    );
    assert_eq!(routed.selected("podinfo"), (REPLICAS, 0));
    assert_eq!(routed.weight(), Some(0));
}

/// The operator is killed after any number of writes, and the gateway is late.
#[test]
fn row_07_kills_and_a_late_gateway_leave_nobody_without_pods() {
    for (name, canary) in [("weights", by_weights()), ("at once", at_once())] {
        for seed in 0_usize..6 {
            let mut routed = Routed::held(canary.clone());
            routed.site.deploy("2");
            let mut kills = seed;
            for turn in 0..200 {
                kills = (kills * 31 + 7) % 101;
                routed.gateway = kills % 3 != 0;
                let ran = routed.run_until(kills % 6);
                let synced = (kills % 5 != 0) && routed.controllers();
                let took = routed.gateway();
                if seed % 3 == 0 && turn == 60 + seed {
                    routed.abort();
                }
                if !ran && !synced && !took && kills % 2 == 0 && !routed.sleep() {
                    break;
                }
            }
            routed.gateway = true;
            routed.finish();
            let phase = routed.site.phase();
            assert!(
                ["Succeeded", "Failed"].contains(&phase),
                "{name} {seed}: {phase}"
            );
            let serves = if phase == "Succeeded" {
                (0, REPLICAS)
            } else {
                (REPLICAS, 0)
            };
            assert_eq!(routed.selected("podinfo"), serves, "{name} {seed}");
        }
    }
}

/// It would write the Deployment's number, and a rollout another one.
#[test]
fn row_19_no_rollout_begins_beside_an_autoscaler_of_the_deployment() {
    let mut site = Site::held(plain(), REPLICAS);
    site.world.foreign(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "podinfo", "namespace": "prod"},
        "spec": {
            "minReplicas": 2, "maxReplicas": 20,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        },
    }));
    site.deploy("2");
    site.finish();
    assert_eq!(site.world.status()["stage"], "Waiting");
    assert!(site.why().starts_with(
        "WaitingForAutoscaler: HorizontalPodAutoscaler podinfo scales podinfo itself"
    ));
    assert_eq!(site.pods(), format!("app 1={REPLICAS}/{REPLICAS}, stable"));
    // It still scales.
    site.edit(json!({"spec": {"replicas": REPLICAS + 2}}));
    site.settle();
    assert_eq!(site.pods(), format!("app 1={0}/{0}, stable", REPLICAS + 2));

    site.world
        .edit(json!({"spec": {"autoscalerRef": {"name": "podinfo"}}}));
    site.checked = None;
    site.finish();
    assert_eq!(site.phase(), "Succeeded");
    assert_eq!(site.world.object()["spec"]["replicas"], REPLICAS + 2);
    // From then on the Canary is what is scaled, also in the middle of a rollout.
    site.deploy("3");
    site.until(|site| site.world.status()["canaryWeight"] == 30);
    site.world.edit(json!({"spec": {"replicas": 20}}));
    site.finish();
    assert_eq!(site.pods(), "app 3=20/20, stable");
}
