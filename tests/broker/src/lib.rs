//! A broker of services as the Open Service Broker API 2.17 wants it, whose every answer a test may spoil.
//!
//! [`Broker`] is the broker itself, without a wire: it knows what is there, minds how it is asked, and writes down what came.
//! [`Server`] puts it behind a socket of loopback, [`Outside`] in front of an engine in the same process; the program
//! `scripted-broker` is it in a process of its own, driven by [`control`].
//!
//! Nothing depends on time: asynchronous operations advance when they are polled or when a test says so, answers that are held
//! come when they are let go.
//!
//! ```
//! use oarlock_broker::{Behaviour, Broker, Catalog, Op};
//!
//! let broker = Broker::new(Catalog::demo());
//! broker.next(Op::Provision, Behaviour::Async { polls: 2 });
//! broker.next(Op::Bind, Behaviour::ServerError);
//! assert!(broker.instances().is_empty());
//! assert_eq!(broker.violations(), []);
//! ```

pub mod control;

mod answer;
mod asked;
mod broker;
mod catalog;
mod journal;
mod ledger;
mod manners;
mod openbrokerapi;
mod outside;
mod script;
mod secrets;
mod server;
mod state;
mod tls;
mod wire;

pub use answer::{Answer, Given, Reply, Wait};
pub use asked::Asked;
pub use broker::{Access, Broker};
pub use catalog::{Catalog, MaintenanceInfo, Plan, Service};
pub use journal::{Entry, Violation};
pub use ledger::{Lifetime, Record, Stand};
pub use openbrokerapi::{Missing, OpenBrokerApi};
pub use outside::Outside;
pub use script::{After, Behaviour, Op};
pub use server::Server;
pub use tls::Tls;
