//! Whatever happens in whatever order, with the operator killed between any two writes: what serves is never too little, what
//! runs never too much, and it ends where it should.

use oarlock_sdk::{Rng, Value, json};

use super::controller::SYNCS;
use super::site::{Site, plain};

struct Chaos {
    rng: Rng,
    site: Site,
}

impl Chaos {
    fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let index = usize::try_from(self.below(of.len() as u64)).unwrap();
        of[index].clone()
    }

    fn new(seed: u64) -> (Self, u32) {
        let mut rng = Rng::new(seed);
        let mut draw = |limit: u64| rng.next_u64() % limit;
        let replicas = u32::try_from(draw(24)).unwrap();
        let surges = [
            ("25%", "25%"),
            ("1", "0"),
            ("0", "1"),
            ("0", "0"),
            ("100%", "0"),
            ("0", "50%"),
            ("3", "2"),
        ];
        let (up, down) = surges[usize::try_from(draw(7)).unwrap()];
        let amount = |text: &str| {
            text.parse::<u32>()
                .map_or_else(|_| json!(text), |number| json!(number))
        };
        let mut canary = plain();
        let steps = [
            json!([10, 30, 60]),
            json!([1, 99]),
            json!([50]),
            json!([5, 10, 15, 20, 25]),
        ];
        canary["spec"]["analysis"]["stepWeights"] =
            steps[usize::try_from(draw(4)).unwrap()].clone();
        if draw(3) == 0 {
            canary["spec"]["analysis"]["stepWeightPromotion"] = json!(20);
        }
        let mut site = Site::new(canary, replicas);
        site.edit(json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": amount(up), "maxUnavailable": amount(down)}}}}));
        if draw(6) == 0 {
            site.edit(json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}));
        }
        site.finish();
        site.controller.ready_after = std::time::Duration::from_secs(draw(3) * 7);
        let later = site.world.now() + std::time::Duration::from_secs(60);
        site.world.set_now(later);
        site.settle();
        (Self { rng, site }, replicas)
    }

    /// One thing happens.
    fn happens(&mut self) {
        match self.below(20) {
            0..=7 => {
                self.site.run();
            }
            8..=9 => {
                let steps = usize::try_from(self.below(5)).unwrap();
                self.site.run_until(steps);
            }
            10..=17 => {
                let name = self.pick(&["podinfo", "podinfo-stable"]);
                let what = self.pick(&SYNCS);
                self.site.sync(name, what);
            }
            _ => {
                let seconds = 1 + self.below(12);
                let now = self.site.world.now() + std::time::Duration::from_secs(seconds);
                self.site.world.set_now(now);
                self.site.check();
            }
        }
    }
}

/// All of these; with `SEED` in the environment that one, with `SEEDS` so many.
fn seeds(all: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    match (number("SEED"), number("SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(more)) => all.start..all.start + more,
        (None, None) => all,
    }
}

fn context(seed: u64, site: &Site) -> String {
    format!(
        "seed {seed}: {} ({}, {})",
        site.pods(),
        site.phase(),
        site.why()
    )
}

#[test]
fn rows_05_06_07_the_floor_and_the_ceiling_hold_whatever_happens_when() {
    for seed in seeds(0..25) {
        let (mut chaos, replicas) = Chaos::new(seed);
        chaos.site.checked = Some((replicas, replicas));
        chaos.site.seen.clear();
        chaos.site.seen.push(format!("seed {seed}"));
        let mut version = 1;
        for _ in 0..3 {
            version = 1 + chaos.below(4);
            chaos.site.deploy(&version.to_string());
            for _ in 0..chaos.below(200) {
                chaos.happens();
            }
        }
        chaos.site.finish();
        let site = &chaos.site;
        let expected = match replicas {
            0 => String::from("app, stable"),
            n => format!("app {version}={n}/{n}, stable"),
        };
        assert_eq!(site.pods(), expected, "{}", context(seed, site));
        assert_eq!(
            site.app()["spec"]["replicas"],
            json!(replicas),
            "{}",
            context(seed, site)
        );
        let annotations = site.app()["metadata"]["annotations"].clone();
        assert_eq!(
            annotations.get("canary.oarlock.dev/replicas"),
            None,
            "{}",
            context(seed, site)
        );
    }
}

#[test]
fn row_03_whoever_changes_the_replicas_gets_them() {
    for seed in seeds(1000..1010) {
        let (mut chaos, _) = Chaos::new(seed);
        chaos.site.deploy("2");
        let mut replicas: Option<u64> = None;
        for _ in 0..2 {
            for _ in 0..chaos.below(150) {
                chaos.happens();
            }
            let wanted = chaos.below(20);
            // What it has been given already is no other number: nobody can tell the two apart.
            if chaos.site.app()["spec"]["replicas"] != json!(wanted) {
                chaos.site.edit(json!({"spec": {"replicas": wanted}}));
                replicas = Some(wanted);
            }
            for _ in 0..chaos.below(150) {
                chaos.happens();
            }
        }
        chaos.site.finish();
        let site = &chaos.site;
        if let Some(n) = replicas {
            assert_eq!(
                site.app()["spec"]["replicas"],
                Value::from(n),
                "{}",
                context(seed, site)
            );
            assert_eq!(
                u64::from(site.available(Some("podinfo:2"))),
                n,
                "{}",
                context(seed, site)
            );
            assert_eq!(u64::from(site.running(None)), n, "{}", context(seed, site));
        }
    }
}

#[test]
fn a_broken_version_is_given_up_and_what_serves_is_never_less() {
    for seed in seeds(2000..2025) {
        let (mut chaos, replicas) = Chaos::new(seed);
        if replicas == 0 {
            continue;
        }
        chaos.site.checked = Some((replicas, replicas));
        chaos.site.controller.broken.push("podinfo:2".to_owned());
        chaos.site.seen.clear();
        chaos.site.seen.push(format!("seed {seed}"));
        chaos.site.deploy("2");
        // A revision that breaks while it is rolled out may run beside what comes back.
        chaos.site.slack = true;
        for _ in 0..chaos.below(300) {
            chaos.happens();
        }
        chaos.site.finish();
        let site = &chaos.site;
        assert_eq!(
            site.available(Some("podinfo:1")),
            replicas,
            "{}",
            context(seed, site)
        );
        assert_eq!(
            site.running(Some("podinfo:2")),
            0,
            "{}",
            context(seed, site)
        );
        assert_eq!(site.phase(), "Failed", "{}", context(seed, site));
    }
}

/// What people and other programs do that they should not, or may.
fn mischief(chaos: &mut Chaos) {
    let revision = chaos.site.world.status()["currentRevision"].clone();
    match chaos.below(9) {
        0 => chaos.site.edit(json!({"spec": {"paused": false}})),
        1 => {
            chaos.site.world.delete_child("podinfo-stable");
            chaos.site.controller.forget("podinfo-stable");
        }
        2 => {
            let replicas = chaos.below(12);
            chaos.site.world.each_object(|object| {
                if object["metadata"]["name"] == "podinfo-stable" {
                    object["spec"]["replicas"] = json!(replicas);
                }
            });
        }
        3 => chaos
            .site
            .world
            .edit(json!({"spec": {"control": {"abort": revision}}})),
        4 => chaos
            .site
            .world
            .edit(json!({"spec": {"control": {"promote": revision}}})),
        5 => {
            let token = chaos.below(1000).to_string();
            let control = json!({"spec": {"control": {"retry": token, "abort": null}}});
            chaos.site.world.edit(control);
        }
        6 => {
            let paused = chaos.below(2) == 0;
            chaos.site.world.edit(json!({"spec": {"paused": paused}}));
        }
        7 => {
            let version = 1 + chaos.below(4);
            chaos.site.deploy(&version.to_string());
        }
        _ => chaos
            .site
            .edit(json!({"metadata": {"annotations": {"canary.oarlock.dev/replicas": null}}})),
    }
}

#[test]
fn rows_15_16_23_whatever_people_do_it_comes_to_rest_with_all_pods() {
    for seed in seeds(3000..3025) {
        let (mut chaos, replicas) = Chaos::new(seed);
        for _ in 0..6 {
            for _ in 0..chaos.below(60) {
                chaos.happens();
            }
            mischief(&mut chaos);
        }
        chaos.site.world.edit(json!({"spec": {"paused": false}}));
        chaos.site.finish();
        let site = &chaos.site;
        assert_eq!(site.available(None), replicas, "{}", context(seed, site));
        assert_eq!(site.running(None), replicas, "{}", context(seed, site));
        let phase = site.phase().to_owned();
        assert!(
            ["Initialized", "Succeeded", "Failed"].contains(&phase.as_str()),
            "{}",
            context(seed, site)
        );
        if replicas > 0 {
            assert_eq!(
                site.app()["spec"]["paused"],
                json!(true),
                "{}",
                context(seed, site)
            );
        }
    }
}
