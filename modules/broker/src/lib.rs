//! Service catalog: what Open Service Brokers offer, as custom resources.
//!
//! Pure: what is read and what is answered comes in as data, what is to be done goes out as data.

pub mod catalog;
pub mod credentials;
pub mod jsonpath;
pub mod machine;
pub mod osb;
pub mod parameters;
pub mod projection;
pub mod reference;
pub mod situation;
pub mod state;
pub mod turn;
