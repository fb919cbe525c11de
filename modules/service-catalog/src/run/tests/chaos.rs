//! Lives in which anything goes wrong at any time, drawn from a seed: in the end there is one of it, and then none.

use oarlock_sdk::http::HttpError;
use oarlock_sdk::json;

use super::site::{Answer, Site, own, plan, reconcile_any, secret};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn answer(&mut self) -> Answer {
        match self.roll(14) {
            0..=3 => Answer::Well,
            4 => Answer::Async(1),
            5 => Answer::Async(3),
            6 => Answer::Lost,
            7 => Answer::Repeats(500),
            8 => Answer::Says(422, json!({"error": "ConcurrencyError"})),
            9 => Answer::Repeats(400),
            10 => Answer::DoneBut(204, json!({})),
            11 => Answer::DoneBut(202, json!([])),
            12 => Answer::Fails(HttpError::Connect("refused".to_owned())),
            _ => Answer::Fails(HttpError::Denied(
                "Secret brokers/main: not found".to_owned(),
            )),
        }
    }
}

fn step(site: &mut Site, dice: &mut Dice, number: u64) {
    match dice.roll(12) {
        0 => site.world.restart(),
        1 => {
            let outcome = site.world.call(reconcile_any).unwrap();
            let steps = usize::try_from(dice.roll(3)).unwrap();
            site.world.perform(&outcome, steps);
            site.own_children();
        }
        2 => {
            let from = json!({"parameters": {"n": number}});
            site.world.edit(json!({"spec": from}));
        }
        3 => {
            let word = json!({"word": format!("planted-word-{}", dice.roll(3))});
            site.world.foreign(secret("more", "json", &word));
        }
        4 => site.world.edit(json!({"metadata": {"annotations": {
            "servicecatalog.oarlock.dev/rotate": number.to_string(),
        }}})),
        5 => site.world.delete_child("data"),
        6 => site.world.delete_foreign(&own("Secret", "more")),
        7 => {
            let later = site.world.now() + std::time::Duration::from_secs(dice.roll(4_000));
            site.world.set_now(later);
        }
        _ => {
            let answer = dice.answer();
            site.next(&[answer]);
        }
    }
    let run = site.run();
    assert!(run.is_ok(), "{run:?}");
}

fn life(new: impl Fn() -> Site, seed: u64) {
    let mut dice = Dice(seed * 7_919 + 1);
    let mut site = new();
    site.world
        .foreign(secret("more", "json", &json!({"word": "planted-word-0"})));
    site.world.foreign(plan("large"));
    let from = json!([{"secretKeyRef": {"name": "more", "key": "json"}}]);
    site.world.edit(json!({"spec": {"parametersFrom": from}}));
    let steps = dice.roll(60);
    for number in 0..steps {
        step(&mut site, &mut dice, number);
        site.hides(&["planted-word", "secret-word"]);
    }
    site.broker.borrow_mut().next.clear();
    if dice.roll(3) > 0 {
        // Peace: whatever was refused is wished for anew.
        site.world
            .foreign(secret("more", "json", &json!({"word": "planted-word-9"})));
        site.world
            .edit(json!({"spec": {"parameters": {"n": "last"}}}));
        site.finish();
        assert!(
            site.ready().starts_with("True"),
            "{seed}: {}",
            site.says("Ready")
        );
        assert_eq!(site.things(), 1, "{seed}");
    }
    site.world.delete();
    site.finish();
    assert!(site.world.is_gone(), "{seed}: {}", site.says("Ready"));
    assert_eq!(site.things(), 0, "{seed}");
    assert!(site.world.live(&own("Secret", "data")).is_none(), "{seed}");
}

#[test]
fn row_30_instances_survive_anything() {
    let site = || {
        let mut site = Site::instance();
        site.world
            .edit(json!({"spec": {"clusterServicePlanExternalName": "small"}}));
        site
    };
    for seed in 0..60 {
        life(site, seed);
    }
}

#[test]
fn row_30_bindings_survive_anything() {
    let instance = super::site::provisioned();
    let site = || {
        let mut site = Site::of("ServiceBinding", json!({"instanceRef": {"name": "db"}}));
        site.world.foreign(instance.clone());
        site
    };
    for seed in 0..60 {
        life(site, seed);
    }
}
