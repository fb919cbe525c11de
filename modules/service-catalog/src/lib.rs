//! Service catalog: what Open Service Brokers offer, as custom resources.
//!
//! All but `run` is pure: what is read and what is answered comes in as data, what is to be done goes out as data.

pub mod catalog;
mod component;
pub mod credentials;
pub mod machine;
pub mod osb;
pub mod parameters;
pub mod reference;
pub mod resource;
pub mod run;
pub mod situation;
pub mod state;
pub mod status;
pub mod turn;

pub use component::reconcile;
