#![expect(clippy::unwrap_used, reason = "tests")]

mod by_hand;
mod changes;
mod chaos;
mod crashes;
mod failures;
mod leaving;
mod releases;
mod world;

use world::World;
