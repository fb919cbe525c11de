//! Catalogs that change in any way, while instances come and go.

use std::collections::BTreeSet;

use super::{broker, catalog, compare, done, offered, service};
use crate::catalog::{Changes, Filter, Stock, Used};
use crate::osb::catalog::Catalog;

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

fn any(numbers: &mut Numbers) -> Catalog {
    let mut services = Vec::new();
    for class in 0..3 {
        if numbers.below(3) > 0 {
            let mut plans = Vec::new();
            for plan in 0..3 {
                if numbers.below(3) > 0 {
                    plans.push(offered(
                        &format!("p{class}{plan}"),
                        &format!("name{}", numbers.below(2)),
                        numbers.below(2) == 0,
                    ));
                }
            }
            services.push(service(
                &format!("S{class}"),
                &format!("name{}", numbers.below(2)),
                &plans,
            ));
        }
    }
    catalog(&services)
}

#[test]
fn what_is_used_is_never_deleted_and_a_second_look_changes_nothing() {
    for seed in 0..200 {
        let mut numbers = Numbers(seed);
        let mut stock = Stock::default();
        let mut used = Used::default();
        for _ in 0..10 {
            let offer = any(&mut numbers);
            let changes = compare(&broker(), &offer, &Filter::default(), &stock, &used);
            stock = done(stock, &changes);
            assert_eq!(
                compare(&broker(), &offer, &Filter::default(), &stock, &used),
                Changes::default(),
                "seed {seed}"
            );
            let ids: BTreeSet<&str> = offer
                .services
                .iter()
                .flat_map(|service| &service.plans)
                .map(|plan| plan.id.as_str())
                .collect();
            for plan in &stock.plans {
                let is_offered = ids.contains(plan.spec.external_id.as_str());
                assert_eq!(plan.removed, !is_offered, "seed {seed}: {}", plan.name);
                assert!(
                    is_offered || used.plans.contains(&plan.name),
                    "seed {seed}: {}",
                    plan.name
                );
                let class = stock
                    .classes
                    .iter()
                    .any(|class| class.name == plan.spec.class.name());
                assert!(class, "seed {seed}: a plan has its class");
            }
            for name in &used.plans {
                assert!(
                    stock.plans.iter().any(|plan| plan.name == *name),
                    "seed {seed}: {name} is used"
                );
            }
            used.plans = stock
                .plans
                .iter()
                .filter(|_| numbers.below(2) == 0)
                .map(|plan| plan.name.clone())
                .collect();
        }
    }
}
