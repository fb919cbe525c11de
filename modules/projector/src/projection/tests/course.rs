//! Bindings that come, change and go in any order.

use std::collections::BTreeMap;

use super::{Projection, deployment, env, pods, wish};
use crate::projection::{Mapping, Template, project, unproject};

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn any(numbers: &mut Numbers, uid: &str) -> Projection {
    let mut one = wish(uid, &format!("{uid}-{}", numbers.below(2)));
    one.kind = (numbers.below(2) == 0).then(|| "t".to_owned());
    one.provider = (numbers.below(3) == 0).then(|| "p".to_owned());
    for key in ["type", "host", "port"] {
        if numbers.below(2) == 0 {
            one.env.push(env(&format!("{uid}_{key}"), key));
        }
    }
    // Names that others have, too, of one Secret.
    one.secret = "one".to_owned();
    for key in ["host", "port"] {
        if numbers.below(2) == 0 {
            one.env.push(env(key, key));
        }
    }
    if numbers.below(2) == 0 {
        one.containers = vec![
            ["app", "sidecar", "migrate"][usize::try_from(numbers.below(3)).unwrap()].to_owned(),
        ];
    }
    one
}

#[test]
fn whatever_happened_what_is_there_is_what_is_wished_and_in_the_end_nothing() {
    let wide = Mapping::read(&Template {
        version: "*".to_owned(),
        ..Template::default()
    })
    .unwrap();
    for seed in 0..200 {
        let mut numbers = Numbers(seed);
        let mut workload = deployment();
        let mut wished: BTreeMap<&str, (Projection, Mapping)> = BTreeMap::new();
        for _ in 0..12 {
            let uid = ["u1", "u2", "u3"][usize::try_from(numbers.below(3)).unwrap()];
            if numbers.below(4) == 0 {
                workload = unproject(&workload, uid).unwrap();
                wished.remove(uid);
            } else {
                let one = any(&mut numbers, uid);
                let mapping = if numbers.below(5) == 0 {
                    wide.clone()
                } else {
                    pods()
                };
                workload = project(&workload, &one, &mapping).unwrap();
                wished.insert(uid, (one, mapping));
            }
            for (one, mapping) in wished.values() {
                assert_eq!(
                    project(&workload, one, mapping).unwrap(),
                    workload,
                    "seed {seed}: nobody moves another"
                );
            }
            let text = workload.to_string();
            for uid in ["u1", "u2", "u3"] {
                assert_eq!(
                    text.contains(&format!("binding-{uid}")),
                    wished.contains_key(uid),
                    "seed {seed}"
                );
            }
        }
        for uid in wished.keys() {
            workload = unproject(&workload, uid).unwrap();
        }
        assert_eq!(workload, deployment(), "seed {seed}");
    }
}
