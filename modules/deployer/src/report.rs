//! What people and programs are told: conditions, Events and status.

mod conditions;
mod events;
mod observed;

pub(crate) use self::conditions::conditions;
pub(crate) use self::events::events;
pub(crate) use self::observed::observed;
