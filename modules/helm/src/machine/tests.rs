#![expect(clippy::unwrap_used, reason = "tests")]

mod by_hand;
mod changes;
mod chaos;
mod choice;
mod cleaning;
mod crashes;
mod failures;
mod leaving;
mod releases;
mod reports;
mod statuses;
mod world;

use world::World;
